"""Random data sets: what both servers are given. A data set is fixed by its seed, and can be written as JSON and read.

No time of a sample is a multiple of GRID_MS, and all times of queries are: no sample ever lies on the edge of a window,
where Prometheus 2, beside which we stand, and Prometheus 3, which we follow, differ.
"""
import math
import random
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
from remote_write import field, series, varint, zigzag  # noqa: E402

GRID_MS = 250
STALE_BITS = 0x7FF0000000000002
PIECE_MS = 30 * 60_000

JOBS = ["api", "db"]
INSTANCES = ["a:1", "b:1", "c:1"]
MODES = ["idle", "größe", "日本 語", 'q"u\\o\tte', "💥.*"]
CODES = ["200", "404", "500"]
BOUNDS = ["0.1", "0.5", "1", "2.5", "10", "+Inf"]
ODD = [math.nan, math.inf, -math.inf, 0.0, -0.0, 2.2250738585072014e-308, -1.5e-300, 1.7976931348623157e308, 1e300,
       -1e21, 123456789012345678901.0, 123456789.125, 1e-7, 1.0, -1.0]


class Series:
    """`points` are (ms, value): a float, "stale", or a dictionary as native() makes it."""

    def __init__(self, labels, points):
        self.labels = labels
        self.points = points


def native(schema, zero, offset, positive, negative_offset, negative, total, is_float=False, is_gauge=False,
           zero_threshold=2.0 ** -60):
    """A native histogram with one span of buckets on each side; the counts are absolute."""
    return {"schema": schema, "zero": zero, "zero_threshold": zero_threshold, "offset": offset, "positive": positive,
            "negative_offset": negative_offset, "negative": negative, "sum": total, "float": is_float,
            "gauge": is_gauge}


# ---- how values change over time -------------------------------------------------------------------------------------

class Shape:
    """How much data there is: most sets are small, so that many questions can be asked; some have many series, some
    have series of many samples, for what is done in pieces."""

    def __init__(self, rng):
        self.base_ms = rng.randrange(1_500_000_000, 1_700_000_000) // 60 * 60_000
        draw = rng.random()
        self.series_factor = 12 if draw < 0.1 else 1
        self.length_ms = (150 if draw > 0.9 else 40) * 60_000
        self.samples_max = 1800 if draw > 0.9 else 100
        self.intervals = [2000, 5000, 15_000] if draw > 0.9 else [5000, 10_000, 15_000, 15_000, 30_000, 60_000, 400_000]


def times_of(rng, shape, kind="any"):
    """Times of one series. Counters come at even intervals: see README.md, "the clamp at zero"."""
    interval = rng.choice(shape.intervals)
    phase = rng.choice([1, 37, 111, 333, 499, 613, 749, 901]) + 1000 * rng.randrange(interval // 1000)
    begin, end = 0, shape.length_ms
    if rng.random() < 0.4:
        begin = rng.randrange(shape.length_ms * 2 // 3)
    if rng.random() < 0.4:
        end = rng.randrange(begin, shape.length_ms)
    stamps = list(range(shape.base_ms + begin // interval * interval + phase, shape.base_ms + end, interval))
    stamps = stamps[:shape.samples_max]
    if kind == "any" and rng.random() < 0.3:
        stamps = sorted({off_grid(stamp + rng.randrange(-interval // 3, interval // 3)) for stamp in stamps})
    return stamps, interval


def off_grid(stamp):
    return stamp + 1 if stamp % GRID_MS == 0 else stamp


def with_gaps(rng, points, likely=0.5, mark_end=0.6):
    """Leaves samples out, with a stale marker at the start of a gap or without. True after a gap goes to `restart`."""
    out = []
    if rng.random() < likely:
        at = 0
        while at < len(points):
            run = rng.randrange(1, 40)
            out += points[at:at + run]
            at += run
            missing = rng.choice([1, 1, 2, 5, 15])
            if at < len(points) and rng.random() < 0.5:
                out.append((points[at][0], "stale"))
            at += missing
    else:
        out = list(points)
    if out and rng.random() < mark_end:
        out.append((out[-1][0] + 5000, "stale"))
    return [(off_grid(stamp), value) for stamp, value in out]


def counter_from_zero(rng, shape):
    """Starts at 0, at the beginning, after each reset and after each gap; integers."""
    stamps, interval = times_of(rng, shape, "even")
    total, pace, points = 0, rng.choice([1, 3, 20, 1000]), []
    for stamp, value in with_gaps(rng, [(stamp, 0) for stamp in stamps]):
        if value == "stale":
            points.append((stamp, value))
            continue
        has_gap = not points or points[-1][1] == "stale" or stamp - points[-1][0] > interval
        total = 0 if has_gap or rng.random() < 0.04 else total + rng.choice([0, 1, pace, rng.randrange(pace + 1)])
        points.append((stamp, float(total)))
    return points


def counter_from_much(rng, shape):
    """Never near zero and never reset, with gaps wherever they fall."""
    total, points = rng.randrange(10 ** 7, 10 ** 8), []
    for stamp, value in with_gaps(rng, [(stamp, 0) for stamp in times_of(rng, shape)[0]]):
        total += rng.randrange(1000)
        points.append((stamp, value if value == "stale" else float(total)))
    return points


def gauge(rng, shape, draw, likely_gaps=0.5):
    return with_gaps(rng, [(stamp, draw(rng, at)) for at, stamp in enumerate(times_of(rng, shape)[0])], likely_gaps)


def quarters(rng, at):
    return rng.choice([rng.randrange(-16, 17) / 4, rng.randrange(-4000, 4000) / 4, float(at % 7), 5.0])


def decimals(rng, at):
    return rng.choice([round(rng.uniform(-10, 10), 1), rng.uniform(0, 1), rng.lognormvariate(0, 6), 0.1 * at])


def at_half_resolution(offset, counts):
    """Offset and counts of buckets twice as wide."""
    merged = {}
    for index, count in enumerate(counts, offset):
        merged[(index + 1) // 2] = merged.get((index + 1) // 2, 0) + count
    return min(merged), [merged[index] for index in sorted(merged)]


def native_counter(rng, shape, is_float):
    """Counts so large beside their growth that the clamp at zero does not bind; one reset at most, without gaps then.
    Buckets come to the layout, and the resolution may get coarser."""
    stamps, _ = times_of(rng, shape, "even")
    schema, offset, negative_offset = rng.randrange(-2, 5), rng.randrange(-8, 9), rng.randrange(-8, 9)
    reset_at = rng.randrange(6, len(stamps) - 6) if len(stamps) > 14 and rng.random() < 0.4 else None
    coarser_at = rng.randrange(len(stamps)) if stamps and rng.random() < 0.3 else None
    positive, negative, zero = ([rng.randrange(10 ** 6, 2 * 10 ** 6) for _ in range(rng.randrange(1, longest))]
                                for longest in (8, 4, 2))
    points = []
    for at, stamp in enumerate(stamps):
        if at == reset_at:
            positive, negative, zero = ([count // 2 for count in counts] for counts in (positive, negative, zero))
        if at == coarser_at and schema > -2:
            schema -= 1
            offset, positive = at_half_resolution(offset, positive)
            negative_offset, negative = at_half_resolution(negative_offset, negative)
        positive, negative, zero = ([count + rng.randrange(50) for count in counts]
                                    for counts in (positive, negative, zero))
        if rng.random() < 0.02 and len(positive) < 12:
            positive.append(rng.randrange(1, 40))
        total = 0.25 * sum(positive) - 0.5 * sum(negative)
        points.append((stamp, native(schema, zero[0], offset, list(positive), negative_offset, list(negative), total,
                                     is_float)))
    return points if reset_at else with_gaps(rng, points)


def native_gauge(rng, shape, is_float):
    stamps, _ = times_of(rng, shape, "even")
    schema, points = rng.randrange(-1, 4), []
    for stamp in stamps:
        width, negative = rng.randrange(5), rng.randrange(3)
        points.append((stamp, native(schema, rng.randrange(5), rng.randrange(-4, 5),
                                     [rng.randrange(1, 30) for _ in range(width)], rng.randrange(-4, 5),
                                     [rng.randrange(1, 9) for _ in range(negative)], rng.randrange(-400, 400) / 4,
                                     is_float, True)))
    return with_gaps(rng, points)


def classic_histogram(rng, shape, labels):
    """Series of a classic histogram: counters from zero, all with the same gaps. Some have faults in their bounds."""
    stamps, interval = times_of(rng, shape, "even")
    bounds = list(BOUNDS)
    fault = rng.random()
    if fault < 0.1:
        bounds.remove("+Inf")
    elif fault < 0.2:
        bounds.append("abc")
    elif fault < 0.3:
        bounds.append("1.0")
    elif fault < 0.35:
        bounds = ["+Inf"]
    kept = with_gaps(rng, [(stamp, 0) for stamp in stamps])
    counts, columns, before = [0] * len(bounds), [[] for _ in bounds], None
    for stamp, value in kept:
        if value == "stale":
            before = None
            for column in columns:
                column.append((stamp, value))
            continue
        if before is None or stamp - before > interval or rng.random() < 0.03:
            counts = [0] * len(bounds)
        else:
            counts = [count + rng.randrange(6) * rng.randrange(2) for count in counts]
        before = stamp
        total = 0
        for index, column in enumerate(columns):
            total += counts[index]
            wrong = -1 if rng.random() < 0.01 and total > 0 else 0  # not monotonic
            column.append((stamp, float(total + wrong)))
    return [Series({"__name__": "lat_bucket", **labels, "le": bound}, column)
            for bound, column in zip(bounds, columns)]


# ---- the data set ----------------------------------------------------------------------------------------------------

class DataSet:
    """Series from `base_ms` on, for `length_ms`."""

    def __init__(self, base_ms, length_ms, all_series):
        self.base_ms = base_ms
        self.length_ms = length_ms
        self.series = all_series

    def with_series(self, chosen):
        return DataSet(self.base_ms, self.length_ms, chosen)

    @staticmethod
    def random(seed):
        rng = random.Random(f"data {seed}")
        shape = Shape(rng)
        return DataSet(shape.base_ms, shape.length_ms, [one for one in random_series(rng, shape) if one.points])

    def to_json(self):
        return {"base_ms": self.base_ms, "length_ms": self.length_ms,
                "series": [{"labels": one.labels,
                            "points": [[stamp, repr(value) if isinstance(value, float) else value]
                                       for stamp, value in one.points]} for one in self.series]}

    @staticmethod
    def from_json(data):
        def value_of(value):
            return value if value == "stale" or isinstance(value, dict) else float(value)
        return DataSet(data["base_ms"], data["length_ms"],
                       [Series(one["labels"], [(stamp, value_of(value)) for stamp, value in one["points"]])
                        for one in data["series"]])

    def messages(self):
        """Remote write's time series, in pieces of time: Prometheus takes nothing an hour older than what it has."""
        pieces = {}
        for one in self.series:
            for stamp, value in with_kind(one.points):
                key = (stamp - self.base_ms) // PIECE_MS
                pieces.setdefault(key, {}).setdefault(id(one), (one.labels, []))[1].append(point(stamp, value))
        return [[series(labels, *points) for labels, points in pieces[key].values()] for key in sorted(pieces)]


def pick_labels(rng, shape, names, count):
    """Label sets, each once: a value for each of the names, of which some are missing now and then."""
    values = {"job": JOBS, "instance": INSTANCES, "mode": MODES, "code": CODES}
    if shape.series_factor > 1 and "mode" in names:
        count *= shape.series_factor
        values["shard"] = [str(shard) for shard in range(count // 4)]
        names = [*names, "shard"]
    chosen = {}
    for _ in range(count):
        labels = {name: rng.choice(values[name]) for name in names}
        if rng.random() < 0.1:
            labels.pop(rng.choice(names))
        chosen[tuple(sorted(labels.items()))] = labels
    return list(chosen.values())


def random_series(rng, shape):
    out = []

    def add(name, labels, points):
        out.append(Series({"__name__": name, **labels}, points))
    for labels in pick_labels(rng, shape, ["job", "instance", "code"], 8):
        add("zero_total", labels, counter_from_zero(rng, shape))
    for labels in pick_labels(rng, shape, ["job", "instance"], 4):
        add("much_total", labels, counter_from_much(rng, shape))
    for name in ("temp", "heat"):
        for labels in pick_labels(rng, shape, ["job", "instance", "mode"], 7):
            add(name, labels, gauge(rng, shape, quarters))
    for labels in pick_labels(rng, shape, ["job", "instance", "mode"], 6):
        add("load", labels, gauge(rng, shape, decimals))
    for labels in pick_labels(rng, shape, ["job", "instance"], 4):
        add("odd", labels, gauge(rng, shape, lambda rng, at: rng.choice(ODD)))
    for index, labels in enumerate(pick_labels(rng, shape, ["job", "instance", "mode"], 9)):
        add("spread", labels,
            gauge(rng, shape, lambda rng, at, index=index: float(rng.randrange(-50, 50) * 128 + index)))
    for labels in pick_labels(rng, shape, ["job", "instance"], 4):
        add("flag", labels, gauge(rng, shape, lambda rng, at: float(rng.randrange(2))))
    for instance in rng.sample(INSTANCES, 2):
        add("build_info", {"job": rng.choice(JOBS), "instance": instance, "version": rng.choice(["1.0", "2.0"])},
            gauge(rng, shape, lambda rng, at: 1.0, 0.2))
    for labels in pick_labels(rng, shape, ["job", "instance"], 3):
        out.extend(classic_histogram(rng, shape, labels))
    for labels in pick_labels(rng, shape, ["job", "instance"], 4):
        add("nh", labels, native_counter(rng, shape, False))
    for labels in pick_labels(rng, shape, ["job", "instance"], 3):
        add("nh_gauge", labels, native_gauge(rng, shape, False))
    return out


# ---- on the wire -----------------------------------------------------------------------------------------------------

def with_kind(points):
    """A stale marker of a series of native histograms is a histogram, too."""
    is_native = any(isinstance(value, dict) for _, value in points)
    is_float = any(isinstance(value, dict) and value["float"] for _, value in points)
    for stamp, value in points:
        if value == "stale" and is_native:
            value = native(0, 0, 0, [], 0, [], "stale", is_float)
        yield stamp, value


def double(value):
    return struct.pack("<Q", STALE_BITS) if value == "stale" else struct.pack("<d", value)


def point(stamp, value):
    if isinstance(value, dict):
        return field(4, histogram_message(value) + b"\x78" + varint(stamp))
    return field(2, b"\x09" + double(value) + b"\x10" + varint(stamp))


def side(h, offset, counts, numbers):
    """Spans and buckets of one side; `numbers` are those of the fields: spans, deltas, counts."""
    if not counts:
        return b""
    out = field(numbers[0], b"\x08" + zigzag(offset) + b"\x10" + varint(len(counts)))
    if h["float"]:
        return out + field(numbers[2], b"".join(struct.pack("<d", count) for count in counts))
    return out + field(numbers[1], b"".join(zigzag(count - before) for before, count in zip([0, *counts], counts)))


def histogram_message(h):
    count = sum(h["positive"]) + sum(h["negative"]) + h["zero"]
    out = (b"\x11" + double(count)) if h["float"] else (b"\x08" + varint(count))
    out += b"\x19" + double(h["sum"]) + b"\x20" + zigzag(h["schema"]) + b"\x29" + double(h["zero_threshold"])
    out += (b"\x39" + double(h["zero"])) if h["float"] else (b"\x30" + varint(h["zero"]))
    out += side(h, h["negative_offset"], h["negative"], (8, 9, 10)) + side(h, h["offset"], h["positive"], (11, 12, 13))
    return out + (b"\x70" + varint(3) if h["gauge"] else b"")
