"""The first minute: no configuration, and everything that the README promises is there."""
import gzip
import json
import unittest

from harness import Server, main, wait_for


class FirstRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        for job in ("barograph", "node"):
            wait_for(f"up of {job}", lambda job=job: cls.server.value(f'up{{job="{job}"}}') == 1)

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def test_this_machine_is_there(self):
        for family in ("node_cpu_seconds_total", "node_memory_MemTotal_bytes", "node_load1", "node_boot_time_seconds",
                       "node_network_receive_bytes_total", "node_filesystem_size_bytes", "node_filefd_allocated"):
            self.assertTrue(self.server.query(family), family)

    def test_rates_over_a_range(self):
        def rates():
            end = float(self.server.query("time()")[1])
            return self.server.api("query_range", query="sum(rate(node_cpu_seconds_total[1m]))", start=end - 30, end=end,
                                   step=1)["result"]

        result = wait_for("rates", rates)
        self.assertTrue(all(float(value) >= 0 for _, value in result[0]["values"]))

    def test_names_and_series(self):
        self.assertIn("node_load1", self.server.api("label/__name__/values"))
        self.assertIn("mode", self.server.api("labels", **{"match[]": "node_cpu_seconds_total"}))
        series = self.server.api("series", **{"match[]": 'up{job="node"}'})
        self.assertEqual([(s["__name__"], s["job"]) for s in series], [("up", "node")])
        self.assertEqual(len(self.server.api("label/__name__/values", limit=3)), 3)

    def test_targets_and_metadata(self):
        targets = self.server.api("targets")
        self.assertEqual(sorted(t["scrapePool"] for t in targets["activeTargets"]), ["barograph", "node"])
        for target in targets["activeTargets"]:
            self.assertEqual((target["health"], target["lastError"]), ("up", ""))
            self.assertEqual(target["scrapeInterval"], "5s")
        self.assertEqual(self.server.api("metadata", metric="node_load1")["node_load1"][0]["type"], "gauge")

    def test_status(self):
        self.assertEqual(self.server.api("status/buildinfo")["version"], "3.14.0")
        self.assertIn("scrape_configs", self.server.api("status/config")["yaml"])
        self.assertEqual(self.server.api("status/flags")["query.timeout"], "2m")
        self.assertTrue(self.server.api("status/runtimeinfo")["reloadConfigSuccess"])
        self.assertGreater(self.server.api("status/tsdb")["headStats"]["numSeries"], 100)

    def test_errors_have_prometheus_shape(self):
        status, _, body = self.server.get("/api/v1/query", query="sum(")
        error = json.loads(body)
        self.assertEqual((status, error["status"], error["errorType"]), (400, "error", "bad_data"))
        self.assertIn('invalid parameter "query": 1:5: parse error:', error["error"])
        status, _, body = self.server.get("/api/v1/query_range", query="up", start=0, end=1e9, step=1)
        self.assertEqual(status, 400)
        self.assertIn("11000", json.loads(body)["error"])
        self.assertEqual(self.server.get("/api/v1/nothing")[0], 404)
        self.assertEqual(self.server.get("/alertmanager/api/v2/status")[0], 404)
        self.assertEqual(self.server.request("DELETE", "/api/v1/query")[0], 405)

    def test_forms_compression_and_origins(self):
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        status, _, body = self.server.request("POST", "/api/v1/query", "query=1%2B1", form)
        self.assertEqual((status, json.loads(body)["data"]["result"][1]), (200, "2"))
        status, headers, body = self.server.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
        self.assertEqual(headers["Content-Encoding"], "gzip")
        self.assertIn(b"prometheus_build_info", gzip.decompress(body))
        _, headers, _ = self.server.request("GET", "/api/v1/labels", headers={"Origin": "http://x.example"})
        self.assertEqual(headers["Access-Control-Allow-Origin"], "*")
        self.assertEqual(self.server.request("HEAD", "/-/healthy")[0], 200)

    def test_pages_are_pages_and_all_else_is_not(self):
        for path in ("/", "/explore", "/targets", "/graph?g0.expr=up"):
            status, headers, body = self.server.get(path)
            self.assertEqual(status, 200, path)
            self.assertIn(b"<html", body)
            self.assertIn("default-src 'self'", headers["Content-Security-Policy"])
        self.assertEqual(self.server.get("/no/such/page")[0], 404)


if __name__ == "__main__":
    main()
