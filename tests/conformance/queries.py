"""Suite `queries`: the PromQL compliance tester's queries, answered by Barograph and by Debian's Prometheus over the
same samples. Prints a verdict for each (see ReadVerdicts in main.cpp). Usage: queries.py <shared/conformance>
"""
import itertools
import math
import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
from beside_prometheus import OFF_GRID, Refused, SameSamples, difference  # noqa: E402
from harness import peer  # noqa: E402

MOMENTS = 60
# With moments every 15 s, neither a step nor the start of a range ever meets a sample.
RESOLUTION = 10

# What the tester puts in the place of {{.name}}.
ARGUMENTS = {
    "range": ["1s", "15s", "1m", "5m", "15m", "1h"],
    "offset": ["1m", "5m", "10m"],
    "simpleAggrOp": ["sum", "avg", "max", "min", "count", "stddev", "stdvar"],
    "simpleTimeAggrOp": ["sum", "avg", "max", "min", "count", "stddev", "stdvar", "absent", "last", "present"],
    "topBottomOp": ["topk", "bottomk"],
    "quantile": ["-0.5", "0.1", "0.5", "0.75", "0.95", "0.90", "0.99", "1", "1.5"],
    "arithBinOp": ["+", "-", "*", "/", "%", "^"],
    "compBinOp": ["==", "!=", "<", ">", "<=", ">="],
    "binOp": ["+", "-", "*", "/", "%", "^", "==", "!=", "<", ">", "<=", ">="],
    "simpleMathFunc": ["abs", "ceil", "floor", "exp", "sqrt", "ln", "log2", "log10", "round"],
    "extrapolatedRateFunc": ["delta", "rate", "increase"],
    "clampFunc": ["clamp_min", "clamp_max"],
    "instantRateFunc": ["idelta", "irate"],
    "dateFunc": ["day_of_month", "day_of_week", "days_in_month", "hour", "minute", "month", "year"],
}

# Prometheus 2, beside which we stand, refuses these; Prometheus 3, which we follow, takes any UTF-8 name of a label.
TAKEN_BY_PROMETHEUS_3 = ('label_replace(demo_num_cpus, "~invalid"', 'label_join(demo_num_cpus, "~invalid"')


def expand(case):
    """The queries of a test case: each combination of its arguments."""
    names = case.get("variant_args", [])
    for values in itertools.product(*(ARGUMENTS[name] for name in names)):
        query = case["query"]
        for name, value in zip(names, values):
            query = query.replace("{{.%s}}" % name, value)
        yield query


def demo_page(instance, moment, stamp_ms):
    """What the tester's demo service would say: the same names and labels, values of our own."""
    lines = []

    def add(name, value, **labels):
        pairs = ",".join(f'{key}="{text}"' for key, text in labels.items())
        lines.append(f"{name}{{{pairs}}} {value!r} {stamp_ms}")

    wave = math.sin(moment / 7 + instance)
    for index, kind in enumerate(("used", "free", "buffers", "cached")):
        add("demo_memory_usage_bytes", round(2e9 + 4e8 * index + 3e8 * wave * (index - 1.5)), type=kind)
    for index, mode in enumerate(("user", "system", "idle")):
        since_restart = moment % (41 + 9 * instance)
        add("demo_cpu_usage_seconds_total", since_restart * (1.5 + index) + 0.01 * moment, mode=mode)
    add("demo_num_cpus", 4 + 2 * instance)
    add("demo_disk_usage_bytes", 5e10 + 1e7 * moment * (instance + 1) + 1e6 * wave)
    add("demo_disk_total_bytes", 2.7e11)
    add("demo_batch_last_success_timestamp_seconds", stamp_ms // 1000 - 15 * (moment % 9) - 400 * instance)
    if (moment + 3 * instance) % 20 < 9:
        add("demo_intermittent_metric", 1 + moment)
    for method, path, status in (("GET", "/api/foo", 200), ("GET", "/api/bar", 200), ("POST", "/api/foo", 500)):
        labels = {"method": method, "path": path, "status": status}
        total = 0
        for index, bound in enumerate(("0.0001", "0.001", "0.01", "0.1", "1", "+Inf")):
            total += moment * (index * (6 - index) + instance + len(path) % 3)
            add("demo_api_request_duration_seconds_bucket", total, le=bound, **labels)
        add("demo_api_request_duration_seconds_count", total, **labels)
        add("demo_api_request_duration_seconds_sum", total * 0.07, **labels)
    lines.append(f"moment {moment} {stamp_ms}")
    return ("\n".join(lines) + "\n").encode()


def judge(both, query, should_fail):
    """Verdict and reason."""
    params = {"query": query, "start": both.stamp(0) + OFF_GRID, "end": both.stamp(both.moments) + OFF_GRID,
              "step": RESOLUTION}
    ours = theirs = error = None
    try:
        theirs = both.theirs.api("query_range", **params)
    except Refused:
        pass
    try:
        ours = both.ours.api("query_range", **params)
    except AssertionError as failure:
        error = str(failure)
    if query.startswith(TAKEN_BY_PROMETHEUS_3):
        return ("pass", "") if ours else ("fail", error)
    if (theirs is None) != should_fail:
        return "skip", f"the peer {'refuses' if theirs is None else 'takes'} it"
    if should_fail:
        return ("pass", "") if ours is None else ("fail", "answered, and should be refused")
    if ours is None:
        return "fail", error
    found = difference(ours, theirs)
    return ("fail", found[:500]) if found else ("pass", "")


def main(data):
    cases = yaml.safe_load((Path(data) / "queries" / "promql-test-queries.yml").read_text())["test_cases"]
    queries = [(query, case.get("should_fail", False)) for case in cases for query in expand(case)]
    binary = peer("prometheus")
    if not binary:
        for query, _ in queries:
            print("skip", query, "prometheus is neither in .cache/peers nor in the PATH: ./dev setup all", sep="\t")
        return
    pages = {f"demo.promlabs.com:{10000 + i}": lambda moment, stamp, i=i: demo_page(i, moment, stamp) for i in range(3)}
    with SameSamples(binary, pages, MOMENTS, "demo") as both:
        for query, should_fail in queries:
            verdict, reason = judge(both, query, should_fail)
            print(verdict, query, " ".join(reason.split()), sep="\t")


if __name__ == "__main__":
    main(sys.argv[1])
