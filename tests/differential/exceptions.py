"""Differences that are meant: where Prometheus 3, which Barograph follows, answers otherwise than Prometheus 2.

Most are avoided by what generate.py and expressions.py make; README.md lists all. Those here cannot be foreseen from
the query alone: each is granted only if a question to Prometheus 2 itself proves it.
"""
import math

from expressions import PRECEDENCE, Unfit, make, milliseconds
from servers import read


def is_filter(node):
    """A comparison of two vectors that leaves elements out."""
    return (node.rule == "binary" and PRECEDENCE[node.params["op"]] == 3 and not node.params.get("is_bool")
            and all(kid.kind == "v" for kid in node.kids))


def is_ambiguous_filter(asker, question, ours, theirs):
    """Ambiguous partners of a comparison are an error in Prometheus 3 even where it leaves the element out; Prometheus
    2 looks at those elements only that stay. With `bool` all of them stay: then it must see the error, too."""
    if ours[0] != 422 or b"multiple matches for labels" not in ours[1]:
        return False
    for node in question.node.all():
        if is_filter(node):
            with_bool = make("binary", *node.kids, **{**node.params, "is_bool": True})
            for text in {with_bool.theirs(), with_replaced(question.node, node, with_bool)}:
                status, body = asker.ask(text, text, **question.times())[1]
                if status == 422 and b"multiple matches for labels" in body:
                    return True
    return False


def with_replaced(tree, node, other):
    """The text of the tree with another node in the place of one: nodes in subqueries have times of their own."""
    if tree is node:
        return other.theirs()
    try:
        return tree_with(tree, node, other).theirs()
    except Unfit:
        return other.theirs()


def tree_with(tree, node, other):
    return other if tree is node else tree.with_kids([tree_with(kid, node, other) for kid in tree.kids])


# ---- the clamp at zero of rate() and increase() --------------------------------------------------------------------

def increases(samples, start_ms, end_ms):
    """(as Prometheus 2, as Prometheus 3) of float samples (ms, value), both without the division by the range."""
    values = [value for _, value in samples]
    result = values[-1] - values[0] + sum(a for a, b in zip(values, values[1:]) if b < a)
    sampled = (samples[-1][0] - samples[0][0]) / 1000
    average = sampled / (len(samples) - 1)
    to_start, to_end = (samples[0][0] - start_ms) / 1000, (end_ms - samples[-1][0]) / 1000
    end = to_end if to_end < 1.1 * average else average / 2
    to_zero = sampled * (values[0] / result) if result > 0 and values[0] >= 0 else math.inf
    clamped_first = min(to_zero, to_start)
    old = clamped_first if clamped_first < 1.1 * average else average / 2
    new = min(to_zero, to_start if to_start < 1.1 * average else average / 2)
    return tuple(result * (sampled + start + end) / sampled for start in (old, new))


def is_other_clamp(asker, question, ours, theirs):
    """Prometheus 2 lets the time at which a counter was zero bound the way to the window's start before it looks how
    far that way is, Prometheus 3 afterwards. Granted where both answers are what the two rules give for the samples."""
    node = question.node
    if node.rule != "over_time" or node.kind != "v" or node.params["function"] not in ("rate", "increase") or (
            ours[0] != 200 or theirs[0] != 200):
        return False
    window = milliseconds(node.kids[0].params["window"])
    divisor = window / 1000 if node.params["function"] == "rate" else 1
    values = [points_of(read(answer)[2]) for answer in (ours, theirs)]
    if values[0].keys() != values[1].keys():
        return False
    for (labels, stamp), mine in values[0].items():
        other = values[1][labels, stamp]
        if math.isclose(mine, other, rel_tol=1e-9) or math.isnan(mine) and math.isnan(other):
            continue
        candidates, end_ms = windows_of(asker, question, labels, stamp)
        both = [increases(samples, end_ms - window, end_ms) for samples in candidates if len(samples) > 1]
        if not any(math.isclose(mine, new / divisor, rel_tol=1e-9) and math.isclose(other, old / divisor, rel_tol=1e-9)
                   for old, new in both):
            return False
    return True


def points_of(data):
    return {(tuple(sorted(series["metric"].items())), stamp): float(value)
            for series in data["result"] for stamp, value in series.get("values", [series.get("value")])}


def windows_of(asker, question, labels, stamp):
    """The samples that the root's window has at a time, of each series that has the labels beside its name; and when the
    window ends."""
    selector = question.node.kids[0]
    at = selector.params["at"]
    moment = {None: stamp, "start()": question.start, "end()": question.end}.get(at) or (
        question.start if question.step is None and at == "end()" else float(at))
    end_ms = round(1000 * moment) - milliseconds(selector.params["offset"] or "")
    times = {"time": stamp} if at not in ("start()", "end()") else {"time": moment}
    data = read(asker.ask(selector.text, selector.text, **times)[1])[2]
    return [[(round(1000 * when), float(value)) for when, value in series["values"]] for series in data["result"]
            if tuple(sorted(pair for pair in series["metric"].items() if pair[0] != "__name__")) == labels], end_ms


EXPLANATIONS = {"the clamp at zero": is_other_clamp,
                "ambiguous partners of a comparison that leaves them out": is_ambiguous_filter}


def explained(asker, question, ours, theirs):
    """The name of the exception, or None."""
    for name, holds in EXPLANATIONS.items():
        if holds(asker, question, ours, theirs):
            return name
    return None
