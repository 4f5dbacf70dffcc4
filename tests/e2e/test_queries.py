"""Queries as their users and operators see them: explained, limited, cancelled, written down, and hostile."""
import json
import socket
import subprocess
import threading
import time
import unittest
import urllib.parse

from harness import BAROTOOL, Server, Targets, config_of, job, main, wait_for

SERIES = 200
PAGE = "".join(f'requests_total{{instance_id="{i:03}",kind="k{i % 4}"}} {i}\n' for i in range(SERIES)).encode()
# Long enough for any machine to be met in the middle of: it is never waited for to the end.
SLOW = "sum(quantile_over_time(0.5, (vector(time()) % 7)[7d:1s]))"


def tool(*arguments):
    done = subprocess.run([BAROTOOL, *arguments], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


class Queries(unittest.TestCase):
    flags = ()

    def setUp(self):
        self.targets = Targets({"/metrics": PAGE})
        self.addCleanup(self.targets.__exit__)
        self.config = config_of(job("page", self.targets.address))
        self.server = Server("--web.enable-lifecycle", *self.flags, config=self.config)
        self.addCleanup(self.server.__exit__)
        self.server.start()
        wait_for("series", lambda: self.server.value("count(requests_total)") == SERIES)

    def error(self, path, **params):
        status, _, body = self.server.get(f"/api/v1/{path}", **params)
        answer = json.loads(body)
        self.assertEqual(answer["status"], "error", body[:300])
        return status, answer["errorType"], answer["error"]

    def slow_params(self):
        now = int(time.time())
        return {"query": SLOW, "start": now - 100_000, "end": now, "step": 10}

    def send_slow(self):
        """A connection on which the slow query was asked, and waits for its answer."""
        host, port = self.server.address.rsplit(":", 1)
        connection = socket.create_connection((host, int(port)))
        self.addCleanup(connection.close)
        target = "/api/v1/query_range?" + urllib.parse.urlencode(self.slow_params())
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return connection

    def metric(self, name):
        for line in self.server.get("/metrics")[2].decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        return None

    def running(self):
        return self.metric("prometheus_engine_queries")


class Explained(Queries):
    QUERY = 'sum by (kind) (rate(requests_total[1m])) > 0'

    def setUp(self):
        super().setUp()
        wait_for("rates", lambda: self.server.value("count(rate(requests_total[1m]))") == SERIES)

    def test_the_plan_and_what_it_costs(self):
        plan = self.server.api("query_explain", query=self.QUERY)["plan"]
        self.assertEqual((plan["operator"], plan["name"], plan["type"]), ("binary operator", ">", "vector"))
        self.assertNotIn("cost", plan)
        aggregation = plan["children"][0]
        self.assertEqual((aggregation["name"], aggregation["line"], aggregation["column"]), ("sum by (kind)", 1, 1))
        now = time.time()
        data = self.server.api("query_explain", query=self.QUERY, start=now - 60, end=now, step=1, analyze="true")
        aggregation = data["plan"]["children"][0]
        function = aggregation["children"][0]
        selector = function["children"][0]
        self.assertEqual(aggregation["cost"]["series"], 4)
        self.assertEqual(function["cost"]["series"], SERIES)
        self.assertEqual(selector["facts"], {"range": "1m"})
        self.assertGreaterEqual(selector["cost"]["samplesRead"], SERIES)
        self.assertEqual(selector["cost"]["samplesRead"], data["run"]["stats"]["samples"]["samplesRead"])
        self.assertEqual(self.QUERY[selector["start"]:selector["end"]], "requests_total[1m]")
        self.assertLessEqual(aggregation["cost"]["selfTimeMs"], aggregation["cost"]["timeMs"])
        self.assertGreater(aggregation["cost"]["memoryBytesPeak"], 0)

    def test_text_for_people(self):
        for answer in (self.server.get("/api/v1/query_explain", query=self.QUERY, format="text"),
                       self.server.request("GET", "/api/v1/query_explain?query=up", headers={"Accept": "text/plain"})):
            self.assertEqual(answer[0], 200)
            self.assertEqual(answer[1]["Content-Type"].split(";")[0], "text/plain")
        address = "http://" + self.server.address
        status, out, err = tool("query", "explain", "--analyze", address, self.QUERY)
        self.assertEqual(status, 0, err)
        self.assertRegex(out, r"(?m)^    └ requests_total\[1m\]  range selector \[range 1m\] +1:21 +1 +200 ")
        status, out, _ = tool("query", "-o", "json", "explain", "--start", "1000", "--end", "1100", "--step", "10", address,
                              "up")
        self.assertEqual((status, json.loads(out)["data"]["step"]), (0, 10))
        status, _, err = tool("query", "explain", address, "sum(")
        self.assertEqual((status, "1:5" in err), (1, True), err)
        self.assertEqual(self.error("query_explain", query="up", format="xml")[:2], (400, "bad_data"))
        self.assertEqual(self.error("query_explain", query="up", analyze="maybe")[:2], (400, "bad_data"))


class Limited(Queries):
    flags = ("--query.max-samples=1000", "--query.max-memory=4MiB", "--query.max-memory-total=6MiB")

    def test_errors_name_the_limit_and_who_met_it(self):
        now = time.time()
        rows = [({"query": "1 + requests_total", "start": now - 100, "end": now, "step": 0.01}, 422, "execution",
                 ["(--query.max-memory), needed at least", "limit 4194304 bytes", "reached at 1:1 in 1 + requests_total"]),
                ({"query": "sum(\nsum_over_time(vector(1)[30d:10ms]))", "start": now, "end": now, "step": 1}, 422,
                 "execution", ["(--query.max-memory), needed at least 20736", "reached at 2:15 in vector(1)[30d:10ms]"]),
                ({"query": "x", "start": now - 100_000, "end": now, "step": 1}, 400, "bad_data", ["11000 points"])]
        for params, want_status, want_type, parts in rows:
            status, kind, message = self.error("query_range", **params)
            self.assertEqual((status, kind), (want_status, want_type), message)
            for part in parts:
                self.assertIn(part, message)
        wait_for("more than 1000 samples in a minute",
                 lambda: (self.server.value("sum(count_over_time(requests_total[1m]))") or 0) > 1500)
        status, kind, message = self.error("query_range", query="-requests_total", start=now - 20, end=now + 20, step=1)
        self.assertEqual((status, kind), (422, "execution"))
        self.assertRegex(message, r"limit 1000 samples \(--query.max-samples\), needed at least \d+; "
                                  r"reached at 1:1 in -requests_total")
        # The explanation goes up to there.
        run = self.server.api("query_explain", query="-requests_total", start=now - 20, end=now + 20, step=1,
                              analyze="true")["run"]
        self.assertEqual(run["error"], {"type": "execution", "message": message})
        self.assertEqual(self.metric("barograph_query_memory_bytes"), 0)
        self.assertEqual(self.metric("barograph_query_memory_limit_bytes"), 6 << 20)


class Crowded(Queries):
    flags = ("--query.max-memory-total=6MiB", "--query.max-concurrency=50")

    def test_fifty_at_once_stay_within_the_budget_of_all(self):
        now = int(time.time())
        params = {"query": "-requests_total", "start": now - 1000, "end": now, "step": 1}  # 1.8 MB of columns each
        codes = []

        def ask():
            status, _, body = self.server.get("/api/v1/query_range", **params)
            codes.append(status)
            if status != 200:
                self.assertIn("--query.max-memory-total", json.loads(body)["error"])

        threads = [threading.Thread(target=ask) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(codes), 50)
        self.assertLessEqual(set(codes), {200, 503})
        self.assertIn(200, codes)
        self.assertEqual(self.metric("barograph_query_memory_bytes"), 0)
        self.assertEqual(self.server.get("/api/v1/query_range", **params)[0], 200)


class Waiting(Queries):
    flags = ("--query.max-concurrency=1",)

    def test_the_line_and_its_end(self):
        self.send_slow()
        wait_for("the slow query to run", lambda: self.running() == 1)
        status, kind, message = self.error("query", query="1", timeout="300ms")
        self.assertEqual((status, kind), (503, "timeout"))
        self.assertIn("in query queue: limit 300 ms (--query.timeout", message)
        self.assertIn("1 queries run (--query.max-concurrency=1)", message)

    def test_who_goes_away_gives_the_place_back(self):
        connection = self.send_slow()
        wait_for("the slow query to run", lambda: self.running() == 1)
        listed = self.server.api("status/running_queries")["queries"]
        self.assertEqual([(query["query"], query["step"], query["client"]) for query in listed],
                         [(SLOW, 10, "127.0.0.1")])
        self.assertEqual(listed[0]["end"] - listed[0]["start"], 100_000)
        connection.close()
        wait_for("its end", lambda: self.running() == 0)
        wait_for("its error in the metrics", lambda: self.metric('barograph_query_errors_total{type="canceled"}') == 1)
        self.assertEqual(self.server.api("status/running_queries")["queries"], [])
        self.assertEqual(self.metric("barograph_query_memory_bytes"), 0)
        self.assertEqual(self.server.value("vector(7)"), 7)

    def test_a_query_ends_in_time(self):
        status, kind, message = self.error("query_range", **self.slow_params(), timeout="500ms")
        self.assertEqual((status, kind), (503, "timeout"))
        self.assertRegex(message, r"limit 500 ms \(--query.timeout or the parameter \"timeout\"\); reached at 1:\d+ in ")
        self.assertEqual(self.running(), 0)


class WrittenDown(Queries):
    def test_the_query_of_death_is_named(self):
        self.send_slow()
        wait_for("the slow query to run", lambda: self.running() == 1)
        self.server.query("up")
        self.server.kill()
        self.server.start()
        told = [line for line in self.server.log().splitlines() if "was running when the last process ended" in line]
        self.assertEqual(len(told), 1, self.server.log())
        self.assertIn(SLOW, told[0])
        self.assertIn("client=127.0.0.1", told[0])
        self.server.stop()
        before = len(self.server.log())
        self.server.start()
        self.assertNotIn("was running when", self.server.log()[before:])

    def test_the_query_log(self):
        self.assertEqual(self.metric("prometheus_engine_query_log_enabled"), 0)
        log = self.server.folder / "queries.log"
        self.server.config_path.write_text(f"global:\n  query_log_file: {log}\n" + self.config)
        self.assertEqual(self.server.request("POST", "/-/reload")[0], 200)
        self.assertEqual(self.metric("prometheus_engine_query_log_enabled"), 1)
        self.server.query("up + 0", time=1000)
        self.server.api("query_range", query="up", start=1000, end=1030, step=15)
        self.error("query", query="up + on () group_left requests_total")
        self.error("query", query="up +")
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        self.assertEqual([line["params"]["query"] for line in lines],
                         ["up + 0", "up", "up + on () group_left requests_total"])
        self.assertEqual(lines[1]["params"], {"query": "up", "start": "1970-01-01T00:16:40.000Z",
                                              "end": "1970-01-01T00:17:10.000Z", "step": 15})
        self.assertEqual(lines[1]["httpRequest"],
                         {"clientIP": "127.0.0.1", "method": "GET", "path": "/api/v1/query_range"})
        self.assertIn("duplicate series", lines[2]["error"])
        # A setting that does not work leaves the old one in force.
        self.server.config_path.write_text("global:\n  query_log_file: /nowhere/at/all\n" + self.config)
        self.assertEqual(self.server.request("POST", "/-/reload")[0], 500)
        self.server.query("up")
        log.rename(self.server.folder / "old.log")
        self.server.config_path.write_text(f"global:\n  query_log_file: {log}\n" + self.config)
        self.assertEqual(self.server.request("POST", "/-/reload")[0], 200)
        self.server.query("up")
        self.assertEqual(len((self.server.folder / "old.log").read_text().splitlines()), 4)
        self.assertEqual(len(log.read_text().splitlines()), 1)


class Hostile(Queries):
    def processor_seconds(self):
        """Of the server: fields 14 and 15 of proc(5), in hundredths."""
        with open(f"/proc/{self.server.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def test_each_is_answered_at_once(self):
        count = 1_000_000
        rows = {"parentheses": "(" * (3 * count), "closed parentheses": "(" * 1_500_000 + "1" + ")" * 1_500_000,
                "a sum of numbers": "+".join(["1"] * count), "a sum of vectors": "+".join(["x"] * count),
                "minuses": "-" * 100_000 + "x", "minuses and a number": "-" * 100_000 + "1",
                "the longest sum": "+".join(["x"] * 50_000), "the longest sum of names": "+".join(["up"] * 50_000),
                "brackets": "x" + "[1m:1m]" * 100_000, "braces": "{" * 1_000_000, "powers": "^".join(["2"] * 40_000),
                "calls": "abs(" * 100_000 + "x" + ")" * 100_000,
                "matchers": "{" + ",".join([f'a{i}="b"' for i in range(50_000)]) + "}",
                "alternatives": 'x{a=~"' + "|".join(["b" * 10] * 50_000) + '"}',
                "repetitions": 'x{a=~"((a{100}){100}){100}"}', "a duration": "x[" + "1+" * 100_000 + "1]"}
        for name, text in rows.items():
            form = urllib.parse.urlencode({"query": text})
            before = self.processor_seconds()
            status, _, body = self.server.request("POST", "/api/v1/query", body=form,
                                                  headers={"Content-Type": "application/x-www-form-urlencoded"})
            took = self.processor_seconds() - before
            answer = json.loads(body)
            self.assertIn(status, (200, 400, 422), (name, body[:300]))
            if status != 200:
                self.assertLess(len(answer["error"]), 2000, name)
            print(f"  {name}: {status}, {took:.2f} s of the processor: {answer.get('error', 'an answer')[:110]}")
        self.assertEqual(self.server.value("vector(1)"), 1)


class Tool(unittest.TestCase):
    def test_the_text_of_queries(self):
        rows = [(("format", "sum(rate(x[5m]))by(job)"), 0, "sum by (job) (rate(x[5m]))\n"),
                (("label-matchers", "set", 'rate(a{job="api"}[5m]) / b', "cluster", "eu"), 0,
                 'rate(a{cluster="eu",job="api"}[5m]) / b{cluster="eu"}\n'),
                (("label-matchers", "set", "-t", "!~", 'a{job="x",job="y"}', "job", "z.*"), 0,
                 'a{job!~"z.*",job!~"z.*"}\n'),
                (("label-matchers", "set", "a", "__name__", "b"), 0, '{__name__="b"}\n'),
                (("label-matchers", "delete", 'a{job="x",le="1"} offset 5m', "job"), 0, 'a{le="1"} offset 5m\n'),
                (("label-matchers", "delete", "sum(a)", "__name__"), 1, ""),
                (("label-matchers", "set", "-t", "=~", "a", "job", "("), 1, ""),
                (("label-matchers", "set", "-t", "==", "a", "job", "b"), 1, ""),
                (("label-matchers", "set", "a +", "job", "b"), 1, "")]
        for arguments, want_status, want_out in rows:
            status, out, err = tool("--experimental", "promql", *arguments)
            self.assertEqual((status, out), (want_status, want_out), (arguments, err))
            self.assertEqual(bool(err), status != 0, arguments)
        status, out, _ = tool("promql", "parse", "a + 1")
        self.assertEqual((status, json.loads(out)["type"]), (0, "binaryExpr"))


if __name__ == "__main__":
    main()
