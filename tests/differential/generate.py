"""Random valid queries: trees of expressions.py, and when they are evaluated."""
import random

from expressions import (DATE, KEEP_BITS, NEED_BITS, OVER_TIME, SMOOTH, STEEP, STRANGE_NUMBERS, STRANGE_QUANTILES,
                         Unfit, make, quoted)
from samples import CODES, INSTANCES, JOBS, MODES

LABELS = ["job", "instance", "mode", "code", "le", "version", "shard"]
FLOATS = ["zero_total", "much_total", "temp", "heat", "load", "odd", "spread", "flag", "build_info", "lat_bucket"]
WINDOWS = ["20s", "30s", "1m", "1m", "90s", "2m", "5m", "5m", "7m30s", "10m", "1h"]
# A quarter of a second: no edge is a multiple of a subquery's step, see README.md.
SUBQUERY_WINDOWS = ["20s250ms", "1m250ms", "2m250ms", "5m250ms", "9m59s750ms", "20m250ms"]
SUBQUERY_STEPS = ["", "7s", "10s", "15s", "29s", "30s", "1m", "2m"]
OFFSETS = ["1s", "10s", "1m", "3m", "7m", "15m", "-30s", "-2m", "-10m", "1h", "1y", "-2w", "1m30s500ms"]
NUMBERS = ["0", "1", "2", "-1", "0.5", "10", "-3.25", "100", "0.1", "3.7", "1e9", "-1e-3", "NaN", "Inf", "-Inf",
           "0x10", ".5", "5.", "1E2", "+nan", "inf"]
QUANTILES = ["0", "0.1", "0.5", "0.9", "0.99", "1", "-0.5", "1.5", "NaN", *STRANGE_QUANTILES]
ARITHMETIC = ["+", "-", "*", "/", "%", "^", "atan2"]
COMPARISONS = ["==", "!=", "<", "<=", ">", ">="]
SETS = ["and", "or", "unless"]
AGGREGATIONS = ["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar", "topk", "bottomk", "quantile",
                "count_values"]


class Question:
    """A query, and when it is asked: an instant query, or a range query if `step` is not None. Seconds."""

    def __init__(self, node, start, end=None, step=None):
        self.node = node
        self.start = start
        self.end = end
        self.step = step

    def times(self):
        if self.step is None:
            return {"time": self.start}
        return {"start": self.start, "end": self.end, "step": self.step}

    def but(self, **changes):
        return Question(**{**self.__dict__, **changes})


class Generator:
    def __init__(self, seed, data):
        self.rng = random.Random(f"queries {seed}")
        self.base_s = data.base_ms // 1000
        self.length_s = data.length_ms // 1000
        self.metric = None

    # ---- what is asked

    def question(self):
        rng = self.rng
        start = self.moment()
        if rng.random() < 0.02:
            return self.refused(start)
        if rng.random() < 0.4:
            return Question(self.any_kind(), start)
        step = rng.choice([1, 5, 7.5, 13, 15, 15.5, 30, 31, 60, 61.5, 97, 300, 1000])
        end = start + step * rng.choice([0, 1, 2, 5, 10, 30, 60]) + rng.choice([0, 0.5, step / 2 // 0.5 * 0.5])
        node = self.special_root() if rng.random() < 0.06 else self.of_kind(
            "s" if rng.random() < 0.05 else "h" if rng.random() < 0.06 else "v")
        return Question(node, start, min(end, self.base_s + 2 * self.length_s), step)

    def special_root(self):
        """What can be compared only where nothing is made of it."""
        rng = self.rng
        if rng.random() < 0.6:
            return self.fitting(lambda: make("over_time", self.matrix(2), function=rng.choice(["rate", "increase"]),
                                             is_proven=True))
        return self.fitting(lambda: make("aggregate", self.vector(2), op=rng.choice(["topk", "bottomk"]), has_ties=True,
                                         how=rng.choice([None, "by", "without"]), labels=("job",),
                                         param=rng.choice(["1", "2", "4"])))

    def refused(self, start):
        """Valid text that both must refuse."""
        rng = self.rng
        node, step = self.selector(), rng.choice([None, 15])
        if step and rng.random() < 0.5:
            bad = rng.choice([(start - 1, 15), (start + 12000, 1)])
            return Question(rng.choice([node, self.selector(window="1m"), *self.strings("x")]), start, *bad)
        node = rng.choice([
            lambda: make("call", node, *self.strings("new", "x", "job", "(.*"), function="label_replace"),
            lambda: make("aggregate", self.selector(names=["spread"]), op="topk",
                         param=rng.choice(["NaN", "1e30", "-1e30"])),
            lambda: make("aggregate", node, op="count_values", param='""'),
            lambda: make("over_time", self.selector(window="5m"), function="double_exponential_smoothing",
                         after=rng.choice([", 0, 0.5", ", 1.5, 0.5", ", 0.5, 1", ", 0.5, -1"])),
        ])()
        return Question(node, start, start + 60, 15) if step else Question(node, start)

    def any_kind(self):
        draw = self.rng.random()
        if self.rng.random() < 0.04:
            return self.special_root()
        if draw < 0.03:
            return make("string", text=self.rng.choice(MODES))
        return self.of_kind("s" if draw < 0.1 else "m" if draw < 0.18 else "n" if draw < 0.2 else
                            "h" if draw < 0.27 else "v")

    def moment(self):
        """Between samples: a multiple of half a second."""
        return self.base_s + self.rng.randrange(-400, 2 * self.length_s + 800) / 2

    def of_kind(self, kind):
        self.metric = self.rng.choice(FLOATS) if self.rng.random() < 0.5 else None
        depth = self.rng.choice([1, 2, 2, 3, 3, 4, 5, 8])
        return self.fitting(lambda: {"v": self.vector, "s": self.scalar, "m": self.matrix, "n": self.native_matrix,
                                     "h": self.native}[kind](depth))

    @staticmethod
    def fitting(attempt):
        """The first attempt whose parts go together."""
        while True:
            try:
                return attempt()
            except Unfit:
                pass

    # ---- leaves

    def matcher(self, names):
        """Of a label that the metrics have, mostly."""
        rng = self.rng
        with_mode = bool({"temp", "heat", "load", "spread"} & set(names))
        extra = [("mode", MODES)] * with_mode + [("code", CODES)] * ("zero_total" in names)
        name, values = rng.choice([("job", JOBS), ("instance", INSTANCES), *extra, *extra])
        if rng.random() < 0.02:
            return rng.choice([f'{name}=""', 'none=""', f'{name}="nowhere"', 'none!~".+"'])
        regex = rng.choice(["a.*|2.*", ".+", ".*[bdi].*", "a:1|b:1|api|💥.*|500", ".*"])
        refused = rng.choice(["a.*", "(?i:DB)", ".*1", "4.4"])
        return rng.choice([f"{name}={quoted(rng.choice(values))}", f"{name}!={quoted(rng.choice(values))}",
                           f"{name}=~{quoted(regex)}", f"{name}!~{quoted(refused)}"])

    def selector(self, window=None, names=None):
        rng = self.rng
        if not names:
            names = [self.metric or rng.choice(FLOATS)]
            if rng.random() < 0.06:
                names = sorted(rng.sample(FLOATS[:-1], rng.choice([1, 2, 3])))
            elif rng.random() < 0.02:
                names = FLOATS
        by_regex = "not" if names is FLOATS else len(names) > 1 or rng.random() < 0.05
        return make("selector", names=tuple(names), by_regex=by_regex,
                    matchers=tuple(self.matcher(names) for _ in range(rng.choice([0, 0, 0, 1, 1, 2]))), window=window,
                    offset=rng.choice(OFFSETS) if rng.random() < 0.12 else None, at=self.at())

    def at(self):
        draw = self.rng.random()
        return None if draw > 0.1 else "start()" if draw < 0.03 else "end()" if draw < 0.06 else (
            f"{self.moment():.1f}" if draw < 0.098 else "0" if draw < 0.099 else "-100.5")

    def number(self):
        return make("number", text=self.rng.choice(NUMBERS))

    def scalar(self, depth):
        rng, draw = self.rng, self.rng.random()
        if depth <= 0 or draw < 0.35:
            return make("time") if rng.random() < 0.15 else make("pi") if rng.random() < 0.05 else self.number()
        if draw < 0.6:
            return make("call", self.vector(depth - 1), function="scalar")
        if draw < 0.7:
            return make("unary", self.scalar(depth - 1), sign=rng.choice("-+"))
        if draw < 0.75:
            return make("paren", self.scalar(depth - 1))
        op = rng.choice(ARITHMETIC + COMPARISONS)
        return make("binary", self.scalar(depth - 1), self.scalar(depth - 1), op=op, is_bool=op in COMPARISONS)

    # ---- range vectors

    def matrix(self, depth):
        rng = self.rng
        if depth <= 0 or rng.random() < 0.7:
            return self.selector(window=rng.choice(WINDOWS))
        inner = self.vector(depth - 1) if rng.random() < 0.9 else self.scalar(depth - 1)
        return make("subquery", inner, window=rng.choice(SUBQUERY_WINDOWS), step=rng.choice(SUBQUERY_STEPS),
                    offset=rng.choice(OFFSETS) if rng.random() < 0.12 else None, at=self.at())

    def over_time(self, depth):
        rng = self.rng
        function = rng.choice(list(OVER_TIME) + ["rate", "increase"])
        before = after = ""
        if function == "quantile_over_time":
            before = rng.choice(QUANTILES) + ", "
        elif function == "predict_linear":
            after = ", " + rng.choice(["60", "3600", "-300", "0.5"])
        elif function == "double_exponential_smoothing":
            after = ", " + rng.choice(["0.5", "0.1", "0.9"]) + ", " + rng.choice(["0.5", "0.25", "0.01"])
        saved, is_rate = self.metric, function in ("rate", "increase")
        if is_rate:
            self.metric = rng.choice(["zero_total", "zero_total", "much_total", "lat_bucket"])
        is_plain = is_rate and rng.random() < 0.85
        matrix = self.selector(window=rng.choice(WINDOWS)) if is_plain else self.matrix(depth - 1)
        self.metric = saved
        return make("over_time", matrix, function=function, before=before, after=after)

    # ---- instant vectors

    def vector(self, depth):
        if depth <= 0:
            return self.selector()
        choices = [(self.leaf, 10), (self.over_time, 22), (self.aggregation, 20), (self.binary, 22),
                   (self.function, 22), (self.paren, 2), (self.unary, 3), (self.of_native, 5),
                   (self.quantile_of_histogram, 6), (self.joined, 5)]
        makers, weights = zip(*choices)
        for _ in range(5):
            try:
                return self.rng.choices(makers, weights)[0](depth)
            except Unfit:
                pass
        return self.selector()

    def leaf(self, _):
        return self.selector()

    def paren(self, depth):
        return make("paren", self.vector(depth - 1))

    def unary(self, depth):
        return make("unary", self.vector(depth - 1), sign=self.rng.choice("--+"))

    def labels(self):
        rng = self.rng
        names = rng.sample(LABELS, rng.choice([0, 1, 1, 2, 3]))
        return tuple(names + (["__name__"] if rng.random() < 0.03 else []))

    def aggregation(self, depth):
        rng = self.rng
        op = rng.choice(AGGREGATIONS)
        inner = self.vector(depth - 1)
        if op in ("topk", "bottomk"):
            inner = self.distinct(depth - 1)
        param = {"topk": lambda: rng.choice(["1", "2", "3", "0", "-1", "2.9", "1000"]),
                 "quantile": lambda: rng.choice(QUANTILES),
                 "count_values": lambda: rng.choice(['"v"', '"v"', '"job"', '"mode"'])}
        param["bottomk"] = param["topk"]
        how = rng.choice([None, None, "by", "by", "without"])
        return make("aggregate", inner, op=op, how=how, labels=self.labels() if how else (),
                    param=param.get(op, lambda: None)(), clause_last=rng.choice([False, False, True, "loud"]))

    def distinct(self, depth):
        """A vector of which no two elements are equal."""
        rng, leaf = self.rng, self.selector(names=["spread"])
        if depth <= 0 or rng.random() < 0.5:
            return leaf
        return rng.choice([
            lambda: make("binary", leaf, self.number(), op=rng.choice("+-")),
            lambda: make("binary", leaf, make("number", text=rng.choice(["0", "100"])), op=rng.choice(COMPARISONS)),
            lambda: make("binary", leaf, self.vector(depth - 1), op=rng.choice(["and", "unless"]), on=("job",)),
            lambda: make("over_time", self.selector(window="5m", names=["spread"]), function="last_over_time"),
            lambda: make("unary", leaf),
            lambda: make("call", leaf, function=rng.choice(["sort", "sort_desc"])),
        ])()

    def matching(self, op):
        rng, draw = self.rng, self.rng.random()
        if draw < 0.45:
            return {}
        out = {rng.choice(["on", "ignoring"]): self.labels()}
        if op not in SETS and rng.random() < 0.4:
            out["group"] = (rng.choice(["left", "right"]), rng.choice([None, (), ("version",), ("mode",)]))
        return out

    def binary(self, depth):
        rng = self.rng
        op = rng.choice(ARITHMETIC + COMPARISONS + SETS * 2)
        is_bool = op in COMPARISONS and rng.random() < 0.4
        draw = rng.random()
        if op not in SETS and draw < 0.4:
            sides = [self.vector(depth - 1), self.scalar(depth - 1)]
            if draw < 0.15:
                sides.reverse()
            return make("binary", *sides, op=op, is_bool=is_bool)
        if op in COMPARISONS and draw < 0.55:
            return make("binary", self.vector(depth - 1), make("number", text=rng.choice(STRANGE_NUMBERS)), op=op,
                        is_bool=is_bool)
        if op == "/" and rng.random() < 0.5:
            return self.ratio(depth)
        saved = self.metric
        if rng.random() < 0.6:
            self.metric = self.metric or rng.choice(FLOATS)  # the same labels on both sides
        node = make("binary", self.vector(depth - 1), self.vector(depth - 1), op=op, is_bool=is_bool,
                    **self.matching(op))
        self.metric = saved
        return node

    def ratio(self, depth):
        """Of rates, as dashboards have it."""
        rng, labels = self.rng, tuple(self.rng.sample(["job", "instance", "code"], self.rng.choice([0, 1, 2])))

        def side():
            rate = make("over_time", self.selector(window=rng.choice(WINDOWS), names=["zero_total"]),
                        function=rng.choice(["rate", "increase"]))
            return make("aggregate", rate, op=rng.choice(["sum", "sum", "avg", "max"]), how="by", labels=labels)
        return make("binary", side(), side(), op="/", **self.matching("/"))

    def joined(self, depth):
        """Many to one, so that it mostly finds partners."""
        rng, labels = self.rng, tuple(self.rng.sample(["job", "instance"], self.rng.choice([1, 2])))
        one = make("aggregate", self.vector(depth - 1), op=rng.choice(["sum", "max", "count", "avg"]), how="by",
                   labels=labels + rng.choice([(), (), ("mode",)]))
        sides, side = [self.vector(depth - 1), one], "left"
        if rng.random() < 0.4:
            sides, side = sides[::-1], "right"
        op = rng.choice(ARITHMETIC + COMPARISONS)
        return make("binary", *sides, op=op, is_bool=op in COMPARISONS and rng.random() < 0.4, on=labels,
                    group=(side, rng.choice([None, (), ("mode",), ("code", "version")])))

    def function(self, depth):
        rng = self.rng
        name = rng.choice([*KEEP_BITS, *NEED_BITS, *DATE, *SMOOTH, *STEEP, "label_replace", "label_join", "absent",
                           "sort", "sort_desc", "timestamp", "timestamp", "vector", "label_replace", "label_join"])
        return make("call", *self.arguments(name, depth - 1), function=name)

    def arguments(self, name, depth):
        rng = self.rng
        if name == "vector":
            return [self.scalar(depth)]
        if name in DATE and rng.random() < 0.3:
            return []
        if name in DATE and rng.random() < 0.5:
            return [make("binary", self.vector(depth), make("number", text="1e9"), op=rng.choice("*+"))]
        vector = self.vector(depth)
        if name in ("clamp_min", "clamp_max") or name == "round" and rng.random() < 0.5:
            return [vector, self.scalar(depth)]
        if name == "clamp":
            return [vector, self.scalar(depth), self.scalar(depth)]
        if name == "label_join":
            return [vector, *self.strings(rng.choice(LABELS + ["new", "new", "__name__"]), rng.choice(["", "-", "é"]),
                                          *rng.sample(LABELS + ["none"], rng.choice([0, 1, 2, 3])))]
        if name == "label_replace":
            return [vector, *self.strings(rng.choice(LABELS + ["new", "new", "__name__"]),
                                          rng.choice(["x", "$1", "${1}z", "$1-$2", "", "$0", "$name", "$$"]),
                                          rng.choice(LABELS + ["none"]),
                                          rng.choice(["(.*)", "(.)(.*)", "a.*", ".*", "", "(?P<name>.+):1", "(?i)API",
                                                      "x|y"]))]
        if name in ("exp", "sinh", "cosh"):
            limits = [make("number", text=text) for text in ("-600", "600")]
            return [vector if rng.random() < 0.2 else make("call", vector, *limits, function="clamp")]
        return [vector]

    @staticmethod
    def strings(*texts):
        return [make("string", text=text) for text in texts]

    def quantile_of_histogram(self, depth):
        rng = self.rng
        saved, self.metric = self.metric, "lat_bucket"
        draw = rng.random()
        if draw < 0.5:
            inner = make("over_time", self.selector(window=rng.choice(WINDOWS)),
                         function=rng.choice(["rate", "increase"]))
        else:
            inner = self.selector() if draw < 0.8 else self.vector(depth - 1)
        self.metric = saved
        if rng.random() < 0.5:
            inner = make("aggregate", inner, op="sum", how="by", labels=tuple({"le", *self.labels()}))
        quantile = make("number", text=rng.choice(QUANTILES)) if rng.random() < 0.95 else self.scalar(1)
        return make("call", quantile, inner, function="histogram_quantile")

    # ---- native histograms

    def native_matrix(self, _):
        rng = self.rng
        return self.selector(window=rng.choice(WINDOWS), names=[rng.choice(["nh", "nh", "nh_gauge"])])

    def native(self, depth):
        rng, draw = self.rng, self.rng.random()
        if depth <= 0 or draw < 0.3:
            return self.selector(names=rng.choice([["nh"], ["nh"], ["nh_gauge"], ["nh", "temp"]]))  # with floats among them
        if draw < 0.6:
            return make("over_time", self.native_matrix(0), function=rng.choice(["rate", "increase", "delta"]))
        if draw < 0.8:
            how = rng.choice([None, "by", "without"])
            return make("aggregate", self.native(depth - 1), op="sum", how=how, labels=self.labels() if how else ())
        op = rng.choice(["+", "+", *SETS])
        return make("binary", self.native(depth - 1), self.native(depth - 1), op=op, **self.matching(op))

    def of_native(self, depth):
        """A vector of floats that comes from native histograms."""
        rng, draw = self.rng, self.rng.random()
        if draw < 0.6:
            return make("call", self.native(depth - 1), function=rng.choice(["histogram_count", "histogram_sum"]))
        if draw < 0.8:
            return make("over_time", self.native_matrix(0),
                        function=rng.choice(["count_over_time", "present_over_time", "absent_over_time"]))
        if draw < 0.9:
            return make("aggregate", self.native(depth - 1), op=rng.choice(["count", "group"]), how="by",
                        labels=self.labels())
        return make("call", self.native(depth - 1), function=rng.choice(["absent", "timestamp"]))
