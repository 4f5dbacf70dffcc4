"""The first minute: no configuration, and everything that the README promises is there."""
import gzip
import json
import socket
import unittest

from harness import Server, main, wait_for

HOST = socket.gethostname()


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
                       "node_network_receive_bytes_total", "node_filesystem_size_bytes", "node_filefd_allocated",
                       "node_disk_read_bytes_total", "node_uname_info", "node_time_seconds"):
            self.assertTrue(self.server.query(family), family)

    def test_rates_over_a_range(self):
        def rates():
            end = float(self.server.query("time()")[1])
            return self.server.api("query_range", query="sum(rate(node_cpu_seconds_total[1m]))", start=end - 30,
                                   end=end, step=1)["result"]

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
            # For a browser elsewhere: this machine's name in place of the loopback address.
            self.assertEqual(target["globalUrl"], target["scrapeUrl"].replace("//localhost:", f"//{HOST}:"))
        self.assertEqual(self.server.api("metadata", metric="node_load1")["node_load1"][0]["type"], "gauge")

    def test_shapes_of_targets(self):
        keys = {"discoveredLabels", "labels", "scrapePool", "scrapeUrl", "globalUrl", "lastError", "lastScrape",
                "lastScrapeDuration", "health", "scrapeInterval", "scrapeTimeout"}
        data = self.server.api("targets")
        for target in data["activeTargets"]:
            self.assertLessEqual(keys, target.keys())
            self.assertIn("__address__", target["discoveredLabels"])
            self.assertRegex(target["lastScrape"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
        self.assertEqual(data["droppedTargets"], [])
        self.assertEqual(set(self.server.api("targets", state="active")), {"activeTargets", "droppedTargets"})
        self.assertEqual(self.server.api("targets", state="dropped")["activeTargets"], [])
        self.assertEqual(self.server.api("scrape_pools")["scrapePools"], ["barograph", "node"])
        entry = self.server.api("targets/metadata", match_target='{job="node"}', metric="node_load1")[0]
        self.assertEqual((entry["target"]["job"], entry["type"], entry["unit"]), ("node", "gauge", ""))
        self.assertEqual(len(self.server.api("metadata", limit=2)), 2)

    def test_shapes_of_results(self):
        vector = self.server.api("query", query='up{job="node"}')
        self.assertEqual(vector["resultType"], "vector")
        self.assertEqual(set(vector["result"][0]), {"metric", "value"})
        matrix = self.server.api("query", query='up{job="node"}[1m]')
        self.assertEqual((matrix["resultType"], set(matrix["result"][0])), ("matrix", {"metric", "values"}))
        scalar = self.server.api("query", query="1.5", time="1.5")
        self.assertEqual(scalar, {"resultType": "scalar", "result": [1.5, "1.5"]})
        self.assertEqual(self.server.api("query", query='"a"', time=2), {"resultType": "string", "result": [2, "a"]})
        self.assertEqual(self.server.query("1e21", time=0)[1], "1e+21")
        self.assertEqual(self.server.query("0/0", time=0)[1], "NaN")
        self.assertEqual(self.server.query("-1/0", time="1970-01-01T00:00:00Z"), [0, "-Inf"])
        self.assertEqual(self.server.api("query", query="no_such_metric"), {"resultType": "vector", "result": []})
        self.assertIn("timings", self.server.api("query", query="up", stats="true")["stats"])
        status, _, body = self.server.get("/api/v1/query", query="up", limit=1)
        answer = json.loads(body)
        self.assertEqual((status, len(answer["data"]["result"]), len(answer["warnings"])), (200, 1, 1))

    def test_status(self):
        for name, keys in {
            "buildinfo": {"version", "revision", "branch", "buildUser", "buildDate", "goVersion"},
            "runtimeinfo": {"startTime", "CWD", "hostname", "serverTime", "reloadConfigSuccess", "lastConfigTime",
                            "corruptionCount", "goroutineCount", "GOMAXPROCS", "storageRetention"},
            "tsdb": {"headStats", "seriesCountByMetricName", "labelValueCountByLabelName", "memoryInBytesByLabelName",
                     "seriesCountByLabelValuePair"},
            "walreplay": {"min", "max", "current"},
        }.items():
            self.assertLessEqual(keys, self.server.api("status/" + name).keys(), name)
        head = self.server.api("status/tsdb")["headStats"]
        storage = self.server.api("status/storage")
        self.assertEqual((storage["state"], storage["reason"], storage["damage"]), ("ok", "", []))
        self.assertEqual(storage["headSeries"], head["numSeries"])
        self.assertGreater(storage["headBytesPerSeries"], 0)
        self.assertGreater(storage["logBytes"], 0)
        self.assertGreater(storage["diskTotalBytes"], storage["diskAvailableBytes"])
        self.assertEqual(set(head), {"numSeries", "numLabelPairs", "chunkCount", "minTime", "maxTime"})
        build = self.server.api("status/buildinfo")
        self.assertEqual(build["version"], "3.14.0")
        if build["revision"]:  # built where git was
            self.assertRegex(build["revision"], r"^[0-9a-f]{40}(-modified)?$")
            self.assertRegex(build["buildDate"], r"^\d{8}-\d\d:\d\d:\d\d$")
            self.assertTrue(build["branch"])
        self.assertIn(f'revision="{build["revision"]}"', self.server.get("/metrics")[2].decode())
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

    def test_each_wrong_parameter_is_named(self):
        wrong = {
            "query": [{}, {"query": "up", "time": "noon"}, {"query": "nothing_like_this(up)"}, {"query": "rate(up)"},
                      {"query": "up", "limit": "-1"}, {"query": "up", "timeout": "long"}],
            "query_range": [{"query": "up", "start": 10, "end": 0, "step": 1}, {"query": "up", "start": 0, "end": 1},
                            {"query": "up", "start": 0, "end": 1, "step": 0},
                            {"query": "up[1m]", "start": 0, "end": 1, "step": 1}],
            "series": [{}, {"match[]": "{}"}, {"match[]": "up{"}],
            "labels": [{"start": "yesterday"}],
            "label/a%00b/values": [{}],
            "status/tsdb": [{"limit": "many"}],
        }
        for path, cases in wrong.items():
            for params in cases:
                with self.subTest(path=path, params=params):
                    status, headers, body = self.server.get("/api/v1/" + path, **params)
                    self.assertEqual((status, headers["Content-Type"]), (400, "application/json"), body)
                    answer = json.loads(body)
                    self.assertEqual((answer["status"], answer["errorType"]), ("error", "bad_data"))
                    self.assertTrue(answer["error"])
        status, _, body = self.server.get("/api/v1/query", query='node_load1 * on () group_left up{job=~".+"}')
        self.assertEqual((status, json.loads(body)["errorType"]), (422, "execution"))
        status, headers, body = self.server.get("/api/v1/no/such/thing")
        self.assertEqual((status, headers["Content-Type"]), (404, "application/json"))
        self.assertEqual(json.loads(body)["status"], "error")

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
        self.assertEqual(self.server.request("HEAD", "/-/ready")[2], b"")
        status, headers, _ = self.server.request("OPTIONS", "/api/v1/query", headers={"Origin": "http://x.example"})
        self.assertEqual((status, headers["Access-Control-Allow-Methods"]), (204, "GET, POST, OPTIONS"))
        form_text = "query=up&start=0&end=10&step=5"
        status, _, body = self.server.request("POST", "/api/v1/query_range", form_text, form)
        self.assertEqual((status, json.loads(body)["data"]["resultType"]), (200, "matrix"))
        status, _, body = self.server.request("POST", "/api/v1/series", "match[]=up&match[]=node_load1", form)
        self.assertEqual((status, len(json.loads(body)["data"])), (200, 3))
        _, headers, body = self.server.request("GET", "/api/v1/label/__name__/values",
                                               headers={"Accept-Encoding": "gzip"})
        self.assertEqual(headers["Content-Encoding"], "gzip")
        self.assertIn("Accept-Encoding", " ".join(headers.get_all("Vary")))
        self.assertEqual(json.loads(gzip.decompress(body))["status"], "success")

    def test_pages_are_pages_and_all_else_is_not(self):
        for path in ("/", "/explore", "/targets", "/graph?g0.expr=up"):
            status, headers, body = self.server.get(path)
            self.assertEqual(status, 200, path)
            self.assertIn(b"<html", body)
            self.assertIn("default-src 'self'", headers["Content-Security-Policy"])
        self.assertEqual(self.server.get("/no/such/page")[0], 404)


if __name__ == "__main__":
    main()
