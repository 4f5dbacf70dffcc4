"""What comes beside float samples, over HTTP and through kill -9: exemplars, metadata, native histograms."""
import time
import unittest

from harness import Server, Targets, config_of, job, main, wait_for
from remote_write import exemplar, histogram, metadata, push, sample, series

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
STORAGE = "storage:\n  exemplars:\n    max_exemplars: {}\n"


def page(handler):
    """Two counters, one with an exemplar of its own time, one with one that has none."""
    now = time.time()
    handler.answer(f"""# HELP requests Requests that were answered.
# TYPE requests counter
requests_total{{code="200"}} {int(now)} # {{trace_id="early"}} 0.5 {now - 0.25:.3f}
requests_total{{code="500"}} 7 # {{trace_id="untimed"}} 7
# HELP size_bytes How large they are.
# TYPE size_bytes gauge
# UNIT size_bytes bytes
size_bytes 12
# EOF
""".encode(), OPENMETRICS)


class Extras(unittest.TestCase):
    def setUp(self):
        self.targets = Targets({"/metrics": page})
        self.addCleanup(self.targets.__exit__)
        self.config = config_of(job("page", self.targets.address)) + STORAGE
        self.server = Server("--web.enable-lifecycle", config=self.config.format(1000))
        self.addCleanup(self.server.__exit__)
        self.server.start()

    def exemplars(self, query, **params):
        """{(name, code): [(labels, value, time)]}"""
        found = self.server.api("query_exemplars", query=query, **params)
        return {(entry["seriesLabels"]["__name__"], entry["seriesLabels"].get("code")):
                [(each["labels"], each["value"], each["timestamp"]) for each in entry["exemplars"]] for entry in found}

    def test_exemplars_of_scrapes(self):
        wait_for("three exemplars of a series",
                 lambda: len(self.exemplars("requests_total").get(("requests_total", "200"), [])) >= 3)
        found = self.exemplars('rate(requests_total{code="200"}[1m]) / sum(requests_total{code="500"})')
        self.assertEqual(set(found), {("requests_total", "200"), ("requests_total", "500")})
        timed = found["requests_total", "200"]
        self.assertEqual(timed[0][:2], ({"trace_id": "early"}, "0.5"))
        self.assertEqual([stamp for _, _, stamp in timed], sorted(stamp for _, _, stamp in timed))
        # Without a time of its own it has the sample's, and is another one at each scrape.
        untimed = found["requests_total", "500"]
        samples = {stamp for entry in self.server.query('requests_total{code="500"}[1h]') for stamp, _ in entry["values"]}
        self.assertLessEqual({stamp for _, _, stamp in untimed}, samples)
        self.assertEqual(self.exemplars("size_bytes"), {})
        second = timed[1][2]
        self.assertEqual(self.exemplars("requests_total", start=second, end=second),
                         {("requests_total", "200"): [timed[1]]})
        status, _, body = self.server.get("/api/v1/query_exemplars", query="rate(")
        self.assertEqual(status, 400, body)

    def test_the_ring_follows_the_configuration(self):
        wait_for("exemplars", lambda: len(self.exemplars("requests_total")) == 2)
        self.server.config_path.write_text(self.config.format(0))
        self.assertEqual(self.server.request("POST", "/-/reload")[0], 200)
        wait_for("an empty ring", lambda: self.exemplars("requests_total") == {})
        metrics = self.server.get("/metrics")[2]
        self.assertIn(b"\nprometheus_tsdb_exemplar_max_exemplars 0\n", metrics)

    def test_all_of_it_survives_kill_9(self):
        start = int(time.time()) * 1000 - 60_000  # a step of the subquery below
        answer = push(self.server, metadata(1, "pushed", "What was sent in."), metadata(3, "sizes", "Sizes."),
                      series({"__name__": "pushed_total"}, sample(start, 3), exemplar([("id", "p")], 3, start)),
                      *(series({"__name__": "sizes"}, histogram(start + 100 * i, 1.5 * i, [2 + i, 5, 3 + i // 2]))
                        for i in range(40)))
        self.assertEqual((answer[0], answer[2]), (204, ""))
        wait_for("scraped exemplars", lambda: len(self.exemplars("requests_total")) == 2)

        def seen():
            known = self.server.api("metadata")
            counts = self.server.query("histogram_count(sizes)[1h:100ms]", time=(start + 3900) / 1000)
            return (known["pushed"], known["sizes"], known["requests"], known["size_bytes"],
                    self.exemplars("pushed_total"), counts[0]["values"] if counts else None)

        before = seen()
        self.assertEqual(before[0], [{"type": "counter", "help": "What was sent in.", "unit": ""}])
        self.assertEqual(before[2], [{"type": "counter", "help": "Requests that were answered.", "unit": ""}])
        self.assertEqual(before[3], [{"type": "gauge", "help": "How large they are.", "unit": "bytes"}])
        self.assertEqual(before[4], {("pushed_total", None): [({"id": "p"}, "3", start / 1000)]})
        self.assertEqual(len(before[5]), 40)
        oldest = self.exemplars("requests_total")["requests_total", "200"][0]
        self.server.kill()
        self.server.start()
        self.assertEqual(seen(), before)
        self.assertIn(oldest, self.exemplars("requests_total")["requests_total", "200"])
        # What was pushed is no target's.
        told = {entry["metric"] for entry in self.server.api("targets/metadata")}
        self.assertFalse(told & {"pushed", "sizes"})


if __name__ == "__main__":
    main()
