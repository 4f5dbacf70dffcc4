"""Expressions of PromQL as trees that know what may be asked of them.

Two engines that are both right still differ in the last bits where sums are made in another order or exp() comes from
another library. A comparison, a floor() or a topk() over such values turns a rounding into another answer. So each node
says how equal its values are expected to be:

    EXACT    small binary fractions: even a sum of them in any order has no rounding
    SAME     the same bits in both, but a sum of them is rounded
    ROUNDED  equal up to rounding

and what cannot work with rounded values refuses to be built on them (Unfit). See README.md for the table.
"""
import re

EXACT, SAME, ROUNDED = range(3)
SUM_BITS = 12  # by so many a sum can be larger than its terms: fewer than 2^12 series, samples, steps of a subquery


class Unfit(Exception):
    """These operands do not go together; another choice is needed."""


class Facts:
    """What is known of a node's values. `low` and `high` bound the exponents of EXACT values' bits."""

    def __init__(self, level, low=0, high=0, is_finite=False, is_positive=False, is_distinct=False, counter=None,
                 is_selector=False):
        self.level = level
        self.low = low
        self.high = high
        self.is_finite = is_finite  # never NaN or infinite
        self.is_positive = is_positive  # at least 0, and nothing cancelled on the way: 0 is 0 in both, however rounded
        self.is_distinct = is_distinct  # no two elements at one time are equal or NaN
        self.counter = counter
        self.is_selector = is_selector
        if level == EXACT and high - low > 50:
            self.level = SAME

    def but(self, **changes):
        merged = {**self.__dict__, "is_distinct": False, "counter": None, "is_selector": False, **changes}
        return Facts(**merged)


class Node:
    """`kind`: v(ector), s(calar), m(atrix), t(ext); h and n are vectors and matrices of native histograms."""

    def __init__(self, rule, kids, params):
        self.rule = rule
        self.kids = kids
        self.params = params
        self.kind, self.text, self.facts = RULES[rule](*kids, **params)

    def with_kids(self, kids):
        return Node(self.rule, kids, self.params)

    def all(self):
        yield self
        for kid in self.kids:
            yield from kid.all()

    def theirs(self):
        """The text in the words of Prometheus 2."""
        return self.text.replace("double_exponential_smoothing(", "holt_winters(")


def make(rule, *kids, **params):
    return Node(rule, list(kids), params)


RULES = {}


def rule(function):
    RULES[function.__name__.rstrip("_")] = function
    return function


def quoted(text):
    """A literal of PromQL."""
    if "`" not in text and len(text) % 3 == 2:
        return f"`{text}`"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


def milliseconds(text):
    sign = -1 if text.startswith("-") else 1
    return sign * sum(int(count) * UNITS_MS[unit] for count, unit in re.findall(r"(\d+)(ms|s|m|h)", text))


def demand(fits):
    if not fits:
        raise Unfit


def not_rounded(*kids):
    demand(all(kid.facts.level != ROUNDED for kid in kids))


SAME_BITS = Facts(SAME)
ROUNDED_BITS = Facts(ROUNDED)
COUNT = Facts(EXACT, 0, 12, is_finite=True, is_positive=True)
TRUTH = Facts(EXACT, 0, 1, is_finite=True, is_positive=True)
RATE = Facts(ROUNDED, is_finite=True, is_positive=True)

# What the metrics of samples.py hold.
METRICS = {
    "zero_total": Facts(EXACT, 0, 18, is_finite=True, is_positive=True, counter="zero"),
    "much_total": Facts(EXACT, 0, 28, is_finite=True, is_positive=True, counter="much"),
    "temp": Facts(EXACT, -2, 11, is_finite=True),
    "heat": Facts(EXACT, -2, 11, is_finite=True),
    "load": Facts(SAME, is_finite=True),
    "odd": Facts(SAME),
    "spread": Facts(EXACT, 0, 14, is_finite=True, is_distinct=True),
    "flag": Facts(EXACT, 0, 1, is_finite=True, is_positive=True),
    "build_info": Facts(EXACT, 0, 1, is_finite=True, is_positive=True),
    "lat_bucket": Facts(EXACT, 0, 13, is_finite=True, is_positive=True, counter="zero"),
    "nh": Facts(SAME, counter="native"),
    "nh_gauge": Facts(SAME),
}


def facts_of_names(names):
    known = [METRICS.get(name, Facts(EXACT)) for name in names]
    if len(known) == 1:
        return known[0].but(is_distinct=known[0].is_distinct, counter=known[0].counter, is_selector=True)
    counters = {one.counter for one in known}
    return Facts(max(one.level for one in known), min(one.low for one in known), max(one.high for one in known),
                 is_finite=all(one.is_finite for one in known), is_positive=all(one.is_positive for one in known),
                 counter=counters.pop() if len(counters) == 1 else None,
                 is_selector=True)


# ---- leaves ----------------------------------------------------------------------------------------------------------

def modifiers(offset, at, at_first=False):
    parts = [f" offset {offset}" if offset else "", f" @ {at}" if at else ""]
    return "".join(reversed(parts) if at_first else parts)


@rule
def selector(names, matchers=(), by_regex=False, offset=None, at=None, window=None):
    if by_regex == "not":  # all metrics but native histograms
        text = "{" + ",".join(['__name__!~"nh.*"', 'job=~".+"', *matchers]) + "}"
    elif len(names) == 1 and not by_regex:
        text = names[0] + (f"{{{','.join(matchers)}}}" if matchers else "")
    else:
        text = "{" + ",".join([f'__name__=~"{"|".join(names)}"', *matchers]) + "}"
    is_native = names[0].startswith("nh")
    text += (f"[{window}]" if window else "") + modifiers(offset, at, by_regex)
    return ("n" if is_native else "m") if window else ("h" if is_native else "v"), text, facts_of_names(names)


@rule
def number(text):
    exact = {"0": (0, 0), "1": (0, 1), "2": (0, 2), "-1": (0, 1), "0.5": (-1, 0), "10": (0, 4), "-3.25": (-2, 2),
             "100": (0, 7), "0x10": (0, 5), "600": (0, 10), "-600": (0, 10), ".5": (-1, 0), "5.": (0, 3), "1E2": (0, 7)}
    is_finite = text.strip("+-").lower() not in ("nan", "inf")
    return "s", text, Facts(EXACT, *exact[text], is_finite) if text in exact else Facts(SAME, is_finite=is_finite)


@rule
def string(text):
    return "t", quoted(text), SAME_BITS


@rule
def time_():
    return "s", "time()", Facts(EXACT, -1, 31, is_finite=True)


@rule
def pi():
    return "s", "pi()", SAME_BITS


@rule
def subquery(inner, window, step="", offset=None, at=None):
    demand(inner.kind in "vs")
    # Constant or pinned, and without a step in its window, it has a sample of after the window in Prometheus.
    # absent_over_time then has a series without samples.
    is_constant = ("@" in inner.text or "absent_over_time" in inner.text
                   or all(node.rule != "selector" for node in inner.all()))
    demand(not is_constant or milliseconds(window) > milliseconds(step or "1m"))
    text = inner.text if inner.rule not in ("binary", "unary", "aggregate") else f"({inner.text})"
    counter = inner.facts.counter if inner.facts.counter == "much" else None
    return "m", f"{text}[{window}:{step}]" + modifiers(offset, at), inner.facts.but(counter=counter)


# ---- operators -------------------------------------------------------------------------------------------------------

@rule
def paren(inner):
    return inner.kind, f"({inner.text})", inner.facts


@rule
def unary(inner, sign="-"):
    demand(inner.kind in "vs")
    facts = inner.facts.but(is_distinct=inner.facts.is_distinct, is_positive=False)
    return inner.kind, f"{sign}{operand(inner, 9)}", facts


PRECEDENCE = {"or": 1, "and": 2, "unless": 2, "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3, "+": 4, "-": 4,
              "*": 5, "/": 5, "%": 5, "atan2": 5, "^": 6}


def operand(node, outer):
    inner = PRECEDENCE[node.params["op"]] if node.rule == "binary" else 5 if node.rule == "unary" else 10
    if node.rule == "number" and node.text.startswith("-"):
        inner = 5
    return f"({node.text})" if inner <= outer else node.text


def has_floats(node):
    """A selector of native histograms that has floats, too."""
    return node.rule == "selector" and node.kind == "h" and len(node.params["names"]) > 1


def matching_text(op, is_bool, on, ignoring, group):
    text = " bool" if is_bool else ""
    if on is not None:
        text += f" on ({', '.join(on)})"
    elif ignoring is not None:
        text += f" ignoring ({', '.join(ignoring)})"
    if group:
        side, labels = group
        text += f" group_{side} ({', '.join(labels)})" if labels is not None else f" group_{side}"
    return f" {op}{text} "


def arithmetic(op, a, b):
    left, right = a.facts, b.facts
    levels = max(left.level, right.level)
    is_finite = left.is_finite and right.is_finite
    is_positive = left.is_positive and right.is_positive and op in ("+", "*", "/")
    if op in ("%", "^", "atan2"):
        not_rounded(a, b)
        demand(op != "atan2" or all(has_no_name(side) for side in (a, b)))
        return SAME_BITS if op == "%" else ROUNDED_BITS
    if op == "/":
        demand(right.level != ROUNDED or right.is_positive)
        return Facts(max(levels, SAME), is_positive=is_positive)
    if levels != EXACT:
        return Facts(levels, is_finite=is_finite, is_positive=is_positive)
    if op == "*":
        return Facts(EXACT, left.low + right.low, left.high + right.high, is_finite, is_positive)
    return Facts(EXACT, min(left.low, right.low), max(left.high, right.high) + 1, is_finite, is_positive)


def has_no_name(node):
    """Prometheus 2 forgets to remove the metric's name after atan2."""
    return (node.kind == "s"
            or node.rule == "aggregate" and "__name__" not in node.params["labels"]
            and node.params["op"] not in ("topk", "bottomk")
            or node.rule == "over_time" and node.params["function"] != "last_over_time"
            or node.rule == "binary" and PRECEDENCE[node.params["op"]] > 3
            or node.rule == "call" and node.params["function"] in KEEP_BITS | NEED_BITS | SMOOTH | STEEP)


def shifted_is_distinct(op, a, b):
    """spread + 3 is as distinct as spread."""
    moves = op in "+-" and (a.rule == "number" or b.rule == "number")
    return moves and (a.facts.is_distinct or b.facts.is_distinct) and "Inf" not in a.text + b.text and (
        "NaN" not in a.text + b.text) and a.kind != b.kind and facts_are_exact(a, b)


def facts_are_exact(a, b):
    return a.facts.level == EXACT and b.facts.level == EXACT


@rule
def binary(a, b, op, is_bool=False, on=None, ignoring=None, group=None):
    level = PRECEDENCE[op]
    are_vectors = a.kind in "vh" and b.kind in "vh"
    demand(are_vectors or (on is None and ignoring is None and group is None))
    demand(not (group and level < 3) and not (group and on is None and ignoring is None))
    demand(not (group and on is not None and set(group[1] or ()) & set(on)))
    kind = "s" if a.kind == b.kind == "s" else "v"
    if level < 3:
        demand(are_vectors and a.kind == b.kind and not is_bool)
        facts = Facts(max(a.facts.level, b.facts.level), min(a.facts.low, b.facts.low), max(a.facts.high, b.facts.high),
                      is_finite=a.facts.is_finite and b.facts.is_finite,
                      is_positive=a.facts.is_positive and b.facts.is_positive,
                      is_distinct=a.facts.is_distinct and op != "or")
        kind = a.kind
    elif level == 3:
        demand(is_bool or kind == "v")
        demand(a.kind in "vs" and b.kind in "vs")
        if a.text not in STRANGE_NUMBERS and b.text not in STRANGE_NUMBERS:
            not_rounded(a, b)
        kept = a if a.kind == "v" else b
        facts = TRUTH if is_bool else kept.facts.but(is_distinct=kept.facts.is_distinct and group is None)
    elif a.kind == b.kind == "h":
        demand(op == "+" and not is_bool and not any(has_floats(node) for side in (a, b) for node in side.all()))
        kind, facts = "h", SAME_BITS
    else:
        demand(a.kind in "vs" and b.kind in "vs" and not is_bool)
        facts = arithmetic(op, a, b)
        if shifted_is_distinct(op, a, b):
            facts = facts.but(is_distinct=True)
    left, right = operand(a, level if op == "^" else level - 1), operand(b, level - 1 if op == "^" else level)
    return kind, left + matching_text(op, is_bool, on, ignoring, group) + right, facts


# ---- aggregations ----------------------------------------------------------------------------------------------------

@rule
def aggregate(inner, op, how=None, labels=(), param=None, clause_last=False, has_ties=False):
    """`has_ties`: which of equal elements topk takes is open; for the root, whose values alone are compared then."""
    clause = f" {how} ({', '.join(labels)}) " if how else ""
    arguments = f"({param + ', ' if param else ''}{inner.text})"
    name = op.upper() if clause_last == "loud" else op
    text = name + arguments + clause.rstrip() if clause_last else name + clause + arguments
    if inner.kind == "h":
        demand(op in ("sum", "count", "group"))
        return ("h" if op == "sum" else "v"), text, ROUNDED_BITS if op == "sum" else COUNT
    demand(inner.kind == "v")
    facts = inner.facts
    if op in ("count", "group"):
        result = COUNT
    elif op == "count_values":
        not_rounded(inner)
        demand(how != "by" or len(labels) != 3)  # Prometheus 2 mixes up the labels of its steps
        result = COUNT
    elif op == "sum":
        result = summed(facts)
    elif op in ("min", "max"):
        result = facts.but()
    elif op in ("topk", "bottomk"):
        demand(facts.is_distinct or has_ties and facts.level != ROUNDED)
        result = facts.but(is_distinct=not has_ties)
    else:
        demand(facts.is_finite or op in ("avg", "quantile"))
        result = Facts(ROUNDED, is_positive=facts.is_positive and op in ("avg", "quantile"))
    return "v", text, result


def summed(facts):
    if facts.level == EXACT and facts.high + SUM_BITS - facts.low <= 50:
        return Facts(EXACT, facts.low, facts.high + SUM_BITS, facts.is_finite, facts.is_positive)
    return Facts(ROUNDED, is_finite=facts.is_finite, is_positive=facts.is_positive)


# ---- functions -------------------------------------------------------------------------------------------------------

KEEP_BITS = {"abs", "clamp", "clamp_min", "clamp_max"}
NEED_BITS = {"ceil", "floor", "round", "sgn"}
DATE = {"day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour", "minute", "month", "year"}
SMOOTH = {"atan", "deg", "rad", "tanh", "asinh"}  # no result is much worse than its argument
STEEP = {"exp", "ln", "log2", "log10", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "acos", "asin", "acosh", "atanh"}

OVER_TIME = {"count_over_time": "count", "present_over_time": "count", "last_over_time": "keep",
             "min_over_time": "keep", "max_over_time": "keep", "sum_over_time": "sum", "avg_over_time": "round",
             "stddev_over_time": "round", "stdvar_over_time": "round", "quantile_over_time": "round",
             "absent_over_time": "count", "changes": "steps", "resets": "steps", "rate": "rate", "increase": "rate",
             "delta": "round", "irate": "steep", "idelta": "round", "deriv": "round", "predict_linear": "round",
             "double_exponential_smoothing": "round"}

# Their compensated sums give NaN in Prometheus 2 where they become infinite.
NEED_FINITE = {"stddev_over_time", "stdvar_over_time", "deriv", "predict_linear"}


@rule
def over_time(matrix, function, before="", after="", is_proven=False):
    """`before` and `after` are the other arguments, with their commas. `is_proven`: a rate of anything, for the root of
    a query, where exceptions.py can prove that the clamp at zero is what differs."""
    text = f"{function}({before}{matrix.text}{after})"
    facts, way = matrix.facts, OVER_TIME[function]
    if matrix.kind == "n":
        return over_time_native(function, text, facts)
    demand(matrix.kind == "m")
    if way == "rate":
        demand(facts.counter is not None or is_proven)
    demand(facts.is_finite or function not in NEED_FINITE)
    demand(function != "predict_linear" or not matrix.params["at"])
    if way in ("rate", "steps", "steep"):
        not_rounded(matrix)
    results = {"count": COUNT, "steps": COUNT, "keep": facts.but(is_distinct=facts.is_distinct and function[0] == "l"),
               "sum": summed(facts), "rate": RATE if facts.counter else ROUNDED_BITS}
    return "v", text, results.get(way, ROUNDED_BITS)


def over_time_native(function, text, facts):
    if function in ("count_over_time", "present_over_time", "absent_over_time"):
        return "v", text, COUNT
    demand(function in ("rate", "increase") and facts.counter == "native" or function == "delta" and not facts.counter)
    return "h", text, ROUNDED_BITS


@rule
def call(*kids, function):
    """A function of instant vectors, scalars and strings."""
    text = f"{function}({', '.join(kid.text for kid in kids)})"
    vectors = [kid for kid in kids if kid.kind in "vh"]
    if function in ("vector", "scalar"):
        demand(len(kids) == 1 and kids[0].kind == ("s" if function == "vector" else "v"))
        is_finite = function == "vector" and kids[0].facts.is_finite
        return ("v" if function == "vector" else "s"), text, kids[0].facts.but(is_finite=is_finite)
    if function in DATE:
        not_rounded(*kids)
        demand(all(kid.kind == "v" for kid in kids))
        return "v", text, Facts(EXACT, 0, 31)
    demand(len(vectors) == 1)
    vector = vectors[0]
    if function in ("label_replace", "label_join"):
        demand(vector.kind == "v")
        return vector.kind, text, vector.facts.but(is_distinct=vector.facts.is_distinct)
    if function == "absent":
        return "v", text, COUNT
    if function == "timestamp":
        demand(vector.rule != "selector" or not (vector.params["at"] and vector.params["offset"]))
        return "v", text, SAME_BITS
    if vector.kind == "h":
        demand(function in ("histogram_count", "histogram_sum"))
        return "v", text, vector.facts.but()
    demand(vector.kind == "v")
    if function in ("sort", "sort_desc"):
        not_rounded(vector)
        return "v", text, vector.facts.but(is_distinct=vector.facts.is_distinct)
    if function in KEEP_BITS:
        return "v", text, vector.facts.but() if len(kids) == 1 else Facts(max(SAME, *(kid.facts.level for kid in kids)))
    if function == "histogram_quantile":
        demand(vector.facts.level != ROUNDED or kids[0].text in STRANGE_QUANTILES)
        return "v", text, ROUNDED_BITS
    if function in NEED_BITS:
        not_rounded(*kids)
        return "v", text, SAME_BITS
    if function in STEEP:
        demand(vector.facts.level != ROUNDED
               or vector.facts.is_positive and function in ("sqrt", "ln", "log2", "log10"))
        demand(function not in ("exp", "sinh", "cosh") or is_far_from_overflow(vector))
    else:
        demand(function in SMOOTH)
    return "v", text, ROUNDED_BITS


def is_far_from_overflow(node):
    """exp() of Go 1.19 is infinite from 709.44 on, not from 709.79."""
    is_clamped = node.rule == "call" and node.params["function"] == "clamp" and [kid.text for kid in node.kids[1:]] == [
        "-600", "600"]
    is_odd = node.rule == "selector" and node.params["names"] == ("odd",)
    return is_clamped or is_odd or node.facts.level == EXACT and node.facts.high <= 9


# Nothing that integers give by sums, rates and averages.
STRANGE_NUMBERS = ("0.0371311", "1.3711773", "42.4217171")
# Never the share of a bucket's border in counts as small as ours.
STRANGE_QUANTILES = ("0.37113", "0.83171", "0.99731")
