"""Whether two answers are equal: status, error type, result type, labels, times, values, buckets."""
import math

from exceptions import explained
from expressions import ROUNDED
from servers import read

RELATIVE = 1e-9
# Beside the largest number that any part of the query has: what the rounding of sums may leave when they cancel.
CANCELLED = 1e-11
# stddev is the root of such a remainder.
CANCELLED_ROOT = 1e-6


def number(text):
    return float({"+Inf": "inf", "-Inf": "-inf"}.get(text, text))


class Tolerance:
    """`magnitude` is asked once, and only when values differ: it costs queries."""

    def __init__(self, magnitude=None, factor=CANCELLED):
        self.magnitude = magnitude
        self.factor = factor
        self.was_needed = False

    def is_equal(self, left, right):
        if left == right:
            return True
        a, b = number(left), number(right)
        if a == b or math.isnan(a) and math.isnan(b) or math.isclose(a, b, rel_tol=RELATIVE):
            return True
        if self.magnitude is None or not math.isfinite(a) or not math.isfinite(b):
            return False
        if callable(self.magnitude):
            self.magnitude = self.magnitude()
        if abs(a - b) <= self.factor * self.magnitude:
            self.was_needed = True
            return True
        return False


def without_labels(data):
    """The values at each time, sorted: for topk among equals."""
    values = {}
    for series in data["result"]:
        for stamp, value in zip(*samples_of(series, "value")):
            values.setdefault(stamp, []).append(value)
    return {"resultType": data["resultType"],
            "result": [{"metric": {"time": str(stamp), "rank": f"{rank:03}"}, "value": [stamp, value]}
                       for stamp, some in values.items() for rank, value in enumerate(sorted(some, key=number))]}


def labels_of(series):
    return sorted(series["metric"].items())


def samples_of(series, key):
    """(times, values) of a series of a vector or a matrix; `key` is value or histogram."""
    points = series.get(key + "s", [series[key]] if key in series else [])
    return [stamp for stamp, _ in points], [value for _, value in points]


def difference_of_histograms(ours, theirs, tolerance):
    for key in ("count", "sum"):
        if not tolerance.is_equal(ours[key], theirs[key]):
            return f"{key} {ours[key]} instead of {theirs[key]}"
    left, right = (nonempty(side.get("buckets", []), tolerance) for side in (ours, theirs))
    if len(left) != len(right):
        return f"buckets {left} instead of {right}"
    for mine, other in zip(left, right):
        if mine[0] != other[0] or not all(tolerance.is_equal(a, b) for a, b in zip(mine[1:], other[1:])):
            return f"bucket {mine} instead of {other}"
    return None


def nonempty(buckets, tolerance):
    """Without those that hold nothing but the rounding of a difference."""
    return [bucket for bucket in buckets if not tolerance.is_equal(bucket[3], "0")]


def difference_of_series(ours, theirs, tolerance):
    for key in ("value", "histogram"):
        (stamps, mine), (expected_stamps, expected) = samples_of(ours, key), samples_of(theirs, key)
        if stamps != expected_stamps:
            only = sorted(set(stamps) - set(expected_stamps)), sorted(set(expected_stamps) - set(stamps))
            return f"{key}s at times that the other has not: ours {only[0][:5]}, theirs {only[1][:5]}"
        for stamp, value, other in zip(stamps, mine, expected):
            if key == "value":
                found = None if tolerance.is_equal(value, other) else f"{value} instead of {other}"
            else:
                found = difference_of_histograms(value, other, tolerance)
            if found:
                return f"at {stamp}: {found}"
    return None


def difference_of_data(ours, theirs, tolerance, is_sorted):
    kind = ours["resultType"]
    if kind != theirs["resultType"]:
        return f"{kind} instead of {theirs['resultType']}"
    left, right = ours["result"], theirs["result"]
    if kind == "string":
        return None if left == right else f"{left} instead of {right}"
    if kind == "scalar":
        left, right = [{"metric": {}, "value": left}], [{"metric": {}, "value": right}]
    if is_sorted:
        found = difference_of_order(left, right)
        if found:
            return found
    left, right = sorted(left, key=labels_of), sorted(right, key=labels_of)
    mine, other = [labels_of(series) for series in left], [labels_of(series) for series in right]
    if mine != other:
        return (f"series: ours alone {[one for one in mine if one not in other][:3]}, "
                f"theirs alone {[one for one in other if one not in mine][:3]}")
    for one, expected in zip(left, right):
        found = difference_of_series(one, expected, tolerance)
        if found:
            return f"{one['metric']}: {found}"
    return None


def difference_of_order(left, right):
    """Equal values may come in any order."""
    values = [[number(series["value"][1]) for series in side] for side in (left, right)]
    if len(left) == len(right) and all(a == b or a != a and b != b for a, b in zip(*values)):
        return None
    return f"order {values[0]} instead of {values[1]}"


SORTED = ("sort", "sort_desc")


def is_sorted(question):
    """topk() sorts, too; the order of its groups is nowhere defined."""
    node = question.node
    while node.rule == "paren":
        node = node.kids[0]
    if question.step is not None:
        return False
    if node.rule == "aggregate":
        return (node.params["op"] in ("topk", "bottomk") and node.params["how"] is None
                and not node.params.get("has_ties"))
    return node.rule == "call" and node.params["function"] in SORTED


def magnitude(asker, question):
    """The largest finite number that Prometheus has for any part of the query at these times."""
    largest = 0.0
    for node in question.node.all():
        texts = [node.theirs()] if node.kind in "vs" else []
        if node.kind == "m":
            texts = [f"max_over_time({node.theirs()})", f"min_over_time({node.theirs()})"]
        elif node.kind == "h":
            texts = [f"histogram_count({node.theirs()})", f"histogram_sum({node.theirs()})"]
        for text in texts:
            largest = max(largest, largest_of(read(asker.ask(text, text, **question.times())[1])[2]))
    return largest


def largest_of(data):
    if not data or data["resultType"] == "string":
        return 0.0
    result = data["result"]
    if data["resultType"] == "scalar":
        result = [{"value": result}]
    values = [abs(number(value)) for series in result for value in samples_of(series, "value")[1]]
    return max((value for value in values if math.isfinite(value)), default=0.0)


class Verdict:
    """`found` says what differs, or is None. `has_result` and `is_error` are of Prometheus' answer."""

    def __init__(self, found, is_error, has_result, by_rounding=False, exception=None):
        self.found = found
        self.exception = exception  # the name of a difference that is meant
        self.is_error = is_error
        self.has_result = has_result
        self.by_rounding = by_rounding


def judge(asker, question):
    ours, theirs = asker.ask(question.node.text, question.node.theirs(), **question.times())
    verdict = compare(asker, question, ours, theirs)
    if verdict.found:
        verdict.exception = explained(asker, question, ours, theirs)
        if verdict.exception:
            verdict.found = None
    return verdict


def compare(asker, question, ours, theirs):
    if ours[0] == theirs[0] == 200 and ours[1].rstrip() == theirs[1].rstrip():
        return Verdict(None, False, b'"result":[]' not in theirs[1])
    (status, error, data), (expected_status, expected_error, expected) = read(ours), read(theirs)
    if (status, error) != (expected_status, expected_error):
        return Verdict(f"{status} {error} instead of {expected_status} {expected_error}: "
                       f"{min(ours[1], theirs[1], key=len)[:400]!r}", expected_status != 200, False)
    if status != 200:
        return Verdict(None, True, False)
    tolerance = Tolerance()
    if question.node.facts.level == ROUNDED:
        has_root = any(node.rule == "aggregate" and node.params["op"] == "stddev" or
                       node.rule == "over_time" and node.params["function"] == "stddev_over_time"
                       for node in question.node.all())
        tolerance = Tolerance(lambda: magnitude(asker, question), CANCELLED_ROOT if has_root else CANCELLED)
    if question.node.params.get("has_ties"):
        data, expected = without_labels(data), without_labels(expected)
    found = difference_of_data(data, expected, tolerance, is_sorted(question))
    return Verdict(found, False, bool(expected["result"]), tolerance.was_needed)
