"""Queries beside Debian's Prometheus over the very same samples: the answers are equal."""
import math
import unittest

from beside_prometheus import OFF_GRID, STEP, SameSamples, difference
from harness import main, peer

MOMENTS = 40
INSTANCES = 3

INSTANT = [
    "requests_total",
    "temperature",
    '{__name__=~"temperature|flag"}',
    'requests_total{path=~"/a|/b",code!="500"}',
    "rate(requests_total[2m])",
    "increase(requests_total[5m])",
    "irate(requests_total[1m])",
    "resets(requests_total[5m])",
    "delta(temperature[3m])",
    "idelta(temperature[1m])",
    "deriv(temperature[5m])",
    "predict_linear(temperature[5m], 600)",
    "changes(flag[5m])",
    "count_over_time(sometimes[5m])",
    "last_over_time(sometimes[5m])",
    'absent(nothing_here{a="b"})',
    "absent_over_time(sometimes[1m])",
    "present_over_time(sometimes[5m])",
    "quantile_over_time(0.3, temperature[5m])",
    "stddev_over_time(temperature[5m])",
    "avg_over_time(temperature[5m])",
    "sum_over_time(odd[3m])",
    "max_over_time(odd[3m])",
    "sum by (path) (rate(requests_total[2m]))",
    "avg without (instance, path) (requests_total)",
    "count by (code) (requests_total)",
    "stdvar(temperature)",
    "quantile(0.4, temperature)",
    "group by (job) (up)",
    'count_values("v", flag)',
    "max(requests_total) by (code)",
    'sum(requests_total) by (path) / on (path) group_left sum(requests_total{code="500"}) by (path)',
    "requests_total * on (instance, job) group_left (version) build_info",
    "temperature > bool 20",
    "temperature > 20 < 25",
    "temperature and on (instance) flag == 1",
    "temperature unless on (instance) flag == 1",
    "flag or temperature",
    "histogram_quantile(0.9, rate(latency_bucket[3m]))",
    "histogram_quantile(0.5, sum by (le) (rate(latency_bucket[3m])))",
    'label_replace(flag, "short", "$1", "instance", "(.).*")',
    'label_join(flag, "both", "-", "job", "instance")',
    "temperature offset 2m",
    "temperature @ end()",
    "clamp(temperature, 18, 22)",
    "round(temperature, 0.5)",
    "-temperature ^ 2",
    "max_over_time(rate(requests_total[1m])[4m:30s])",
    "avg_over_time(temperature[5m:45s] offset 1m)",
    "vector(time())",
    "scalar(sum(flag))",
    "hour(temperature * 1e7)",
    "ln(requests_total) + sqrt(requests_total)",
    "odd",
    "odd != odd",
    "1 / 0 * flag",
]
ORDERED = ["sort(temperature)", "sort_desc(temperature)", "topk(2, temperature)", "bottomk(2, temperature)"]
RANGE = [
    "requests_total",
    "sometimes",
    "rate(requests_total[1m])",
    "sum by (code) (increase(requests_total[3m]))",
    "temperature > 20",
    "histogram_quantile(0.75, sum by (le) (rate(latency_bucket[2m])))",
    "topk(1, temperature)",
    "absent(sometimes)",
    "avg_over_time(temperature[2m:20s])",
    "temperature - temperature offset 1m",
    "count(sometimes) or vector(0)",
    "requests_total / ignoring (code) group_left sum without (code) (requests_total)",
    "time() - 5",
]


def page(instance, moment, stamp_ms):
    """The exposition of one instance at one moment: counters with resets, gauges, gaps, specials, a histogram."""
    stamp = f" {stamp_ms}"
    lines = ["# TYPE requests_total counter"]
    for index, (path, code) in enumerate([("/a", 200), ("/b", 200), ("/b", 500), ("/c", 404)]):
        since_reset = moment % (17 + instance + index)  # each starts anew at times of its own
        value = since_reset * (3 + index) + 0.25 * instance * since_reset * since_reset
        lines.append(f'requests_total{{path="{path}",code="{code}"}} {value!r}{stamp}')
    lines.append("# TYPE temperature gauge")
    lines.append(f"temperature {20 + 5 * math.sin(moment / 5 + instance)!r}{stamp}")
    lines.append(f"flag {(moment // (3 + instance)) % 2}{stamp}")
    if (moment + instance) % 11 < 4:
        lines.append(f"sometimes {moment}{stamp}")
    lines.append(f"odd {['NaN', '+Inf', '-Inf', '0', '-1.5e-300'][(moment + instance) % 5]}{stamp}")
    lines.append(f'build_info{{version="1.{instance}"}} 1{stamp}')
    lines.append("# TYPE latency histogram")
    total = 0
    for bound, weight in (("0.05", 1), ("0.25", 4), ("1.5", 3), ("+Inf", 1)):
        total += weight * moment * (instance + 1)
        lines.append(f'latency_bucket{{le="{bound}"}} {total}{stamp}')
    lines += [f"latency_count {total}{stamp}", f"latency_sum {total * 0.3!r}{stamp}", f"moment {moment}{stamp}"]
    return ("\n".join(lines) + "\n").encode()


class BesidePrometheus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        binary = peer("prometheus")
        if not binary:
            print("skipped: prometheus is neither in .cache/peers nor in the PATH", flush=True)
            raise unittest.SkipTest("prometheus is not there")
        pages = {f"host{i}": lambda moment, stamp, i=i: page(i, moment, stamp) for i in range(INSTANCES)}
        cls.both = SameSamples(binary, pages, MOMENTS, "fixed")
        cls.addClassCleanup(cls.both.close)
        cls.ours, cls.theirs, cls.start = cls.both.ours, cls.both.theirs, cls.both.start

    def assert_equal_answers(self, path, is_ordered=False, **params):
        with self.subTest(path=path, **params):
            found = difference(self.ours.api(path, **params), self.theirs.api(path, **params), is_ordered)
            self.assertIsNone(found)

    def test_both_hold_the_same_samples(self):
        end = self.start + MOMENTS * STEP
        for name in ("requests_total", "temperature", "flag", "sometimes", "odd", "latency_bucket", "build_info"):
            self.assert_equal_answers("query", query=f"{name}[1h]", time=end)

    def test_instant_queries(self):
        for moment in (MOMENTS - 1, MOMENTS // 2):
            for text in INSTANT:
                self.assert_equal_answers("query", query=text, time=self.start + moment * STEP + OFF_GRID)

    def test_order_of_results(self):
        for text in ORDERED:
            self.assert_equal_answers("query", is_ordered=True, query=text, time=self.start + 30 * STEP + OFF_GRID)

    def test_range_queries(self):
        for step in (STEP, 2 * STEP):
            for text in RANGE:
                self.assert_equal_answers("query_range", query=text, start=self.start + OFF_GRID,
                                          end=self.start + MOMENTS * STEP + OFF_GRID, step=step)

    def test_labels_and_series(self):
        window = {"start": self.start - 1, "end": self.start + MOMENTS * STEP}
        selector = 'requests_total{path!="/c"}'
        for server_path in ("labels", "label/path/values", "label/code/values"):
            self.assertEqual(self.ours.api(server_path, **window, **{"match[]": selector}),
                             self.theirs.api(server_path, **window, **{"match[]": selector}), server_path)
        both = [sorted(map(sorted, (s.items() for s in server.api("series", **window, **{"match[]": selector}))))
                for server in (self.ours, self.theirs)]
        self.assertEqual(*both)


if __name__ == "__main__":
    main()
