"""The remote write receiver: a sender of our own with all kinds of requests, kill -9, and Debian's Prometheus."""
import http.client
import json
import math
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse
import urllib.request
from pathlib import Path

from harness import PATIENCE_SECONDS, Server, Targets, free_port, main, peer, wait_for
from remote_write import HEADERS, exemplar, histogram, metadata, push, sample, series, snappy

STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]


def now_ms():
    return int(time.time() * 1000)


class OneSender(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(config="").start()
        cls.addClassCleanup(cls.server.__exit__)

    def values(self, selector, end_ms):
        result = self.server.query(f"{selector}[10m]", time=end_ms / 1000)
        return {tuple(sorted(found["metric"].items())): found["values"] for found in result}

    def test_samples_are_there_when_the_answer_is(self):
        start = now_ms() - 60_000
        for step in range(3):
            stamps = [start + 10_000 * step, start + 10_000 * step + 5000]
            answer = push(self.server,
                          series({"__name__": "pushed", "job": "a"}, *(sample(stamp, step + 0.5) for stamp in stamps)),
                          series({"__name__": "pushed", "job": "b"}, sample(stamps[0], -step)))
            self.assertEqual((answer[0], answer[2]), (204, ""))
            found = self.values("pushed", stamps[1])
            self.assertEqual(found[("__name__", "pushed"), ("job", "a")][-2:],
                             [[stamp / 1000, str(step + 0.5)] for stamp in stamps])
            self.assertEqual(len(found[("__name__", "pushed"), ("job", "b")]), step + 1)

    def test_a_stale_marker_ends_a_series(self):
        start = now_ms() - 60_000
        for stamp, value in ((start, 1), (start + 1000, STALE)):
            self.assertEqual(push(self.server, series({"__name__": "ended"}, sample(stamp, value)))[0], 204)
        self.assertEqual(self.server.value("ended", time=(start + 500) / 1000), 1)
        self.assertIsNone(self.server.value("ended", time=(start + 2000) / 1000))

    def test_histograms_beside_exemplars_and_metadata(self):
        start = now_ms() - 60_000
        answer = push(self.server, metadata(3, "sizes", "What sizes there are."),
                      series({"__name__": "sizes"}, exemplar([("trace_id", "t1")], 3.5, start),
                             histogram(start, 30.5, [2, 5, 3])))
        self.assertEqual((answer[0], answer[2]), (204, ""))
        self.assertEqual(self.server.value("histogram_count(sizes)", time=start / 1000), 10)
        self.assertEqual(self.server.value("histogram_sum(sizes)", time=start / 1000), 30.5)

    def test_refusals_have_prometheus_words_and_the_rest_is_kept(self):
        start = now_ms() - 60_000
        self.assertEqual(push(self.server, series({"__name__": "ordered"}, sample(start, 1)))[0], 204)
        rows = [(start, 1, 204, ""), (start, 2, 400, "duplicate sample for timestamp"),
                (start - 1, 2, 400, "out of order sample"), (start - 86_400_000, 2, 400, "out of bounds"),
                (start + 7_200_000, 2, 400, "out of bounds")]
        for number, (stamp, value, status, words) in enumerate(rows):
            with self.subTest(words=words):
                answer = push(self.server, series({"__name__": "ordered"}, sample(stamp, value)),
                              series({"__name__": f"beside_{number}"}, sample(start, number)))
                self.assertEqual(answer[0], status, answer[2])
                self.assertTrue(answer[2].startswith(words), answer[2])
                self.assertEqual(self.server.value(f"beside_{number}", time=start / 1000), number)
        self.assertEqual(self.values("ordered", start + 1000)[(("__name__", "ordered"),)], [[start / 1000, "1"]])

    def test_what_is_no_remote_write_is_refused(self):
        good = series({"__name__": "never"}, sample(now_ms(), 1))
        v2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
        for what, headers, status, words in (
                ("2.0", {"Content-Type": v2}, 415, "prometheus.WriteRequest"),
                ("json", {"Content-Type": "application/json"}, 415, "application/x-protobuf"),
                ("gzip", {"Content-Encoding": "gzip"}, 415, "only accepts snappy")):
            with self.subTest(what):
                answer = push(self.server, good, **{name.replace("-", "_"): text for name, text in headers.items()})
                self.assertEqual(answer[0], status)
                self.assertIn(words, answer[2])
        for what, body in (("not snappy", b"\xff" * 20), ("not protobuf", snappy(b"\x0a\x05abc")),
                           ("a lie about the size", b"\xff\xff\xff\x07abc"), ("nothing at all", b"")):
            with self.subTest(what):
                status, _, text = self.server.request("POST", "/api/v1/write", body, HEADERS)
                self.assertEqual(status, 400, text)
        self.assertEqual(self.server.request("GET", "/api/v1/write")[0], 405)
        self.assertEqual(self.server.query("never"), [])

    def test_a_body_that_is_too_long_is_refused_before_it_is_sent(self):
        host, port = self.server.address.rsplit(":", 1)
        with socket.create_connection((host, int(port)), 60) as connection:
            connection.sendall(b"POST /api/v1/write HTTP/1.1\r\nHost: x\r\nContent-Length: 33554433\r\n\r\n")
            self.assertIn(b" 413 ", connection.recv(4096).split(b"\r\n")[0])

    def test_many_senders_at_a_time(self):
        start = now_ms() - 300_000
        senders, rounds, width = 6, 20, 200
        failed = []

        def send(number):
            for step in range(rounds):
                answer = push(self.server, *(series({"__name__": "crowd", "sender": str(number), "n": str(i)},
                                                    sample(start + step * 10_000, step * i)) for i in range(width)))
                if answer[0] != 204:
                    failed.append(answer)

        threads = [threading.Thread(target=send, args=(number,)) for number in range(senders)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])
        end = (start + rounds * 10_000) / 1000
        self.assertEqual(self.server.value("sum(count_over_time(crowd[10m]))", time=end), senders * rounds * width)
        self.assertEqual(self.server.value("sum(sum_over_time(crowd[10m]))", time=end),
                         senders * sum(range(rounds)) * sum(range(width)))

    def test_counts_what_it_does(self):
        self.assertEqual(push(self.server, series({"__name__": "counted"}, sample(now_ms(), 1)))[0], 204)
        page = self.server.get("/metrics")[2].decode()
        for name in ("prometheus_api_remote_write_invalid_labels_samples_total",
                     "barograph_remote_write_samples_accepted_total",
                     'prometheus_http_requests_total{handler="/api/v1/write",code="204"}'):
            self.assertIn(name, page)


class WhoMayPush(unittest.TestCase):
    def answer(self, *flags, **headers):
        with Server(*flags, config="") as server:
            return push(server, series({"__name__": "x"}, sample(now_ms(), 1)), **headers)

    def test_this_machine_without_the_flag(self):
        self.assertEqual(self.answer()[0], 204)

    def test_nobody_through_a_proxy_or_a_page_without_the_flag(self):
        for header in ("Origin", "X_Forwarded_For", "Via"):
            status, _, text = self.answer(**{header: "x"})
            self.assertEqual(status, 404)
            self.assertIn("--web.enable-remote-write-receiver", text)

    def test_nobody_where_others_can_reach_the_server_without_the_flag(self):
        self.assertEqual(self.answer("--web.listen-address=0.0.0.0:0")[0], 404)

    def test_everybody_with_the_flag(self):
        self.assertEqual(self.answer("--web.enable-remote-write-receiver", "--web.listen-address=0.0.0.0:0",
                                     X_Forwarded_For="192.0.2.1")[0], 204)

    def test_nobody_if_it_is_switched_off(self):
        self.assertEqual(self.answer("--no-web.enable-remote-write-receiver")[0], 404)

    def test_nobody_if_only_2_0_is_accepted(self):
        flag = "--web.remote-write-receiver.accepted-protobuf-messages="
        self.assertEqual(self.answer(flag + "io.prometheus.write.v2.Request")[0], 415)
        self.assertEqual(self.answer(flag + "prometheus.WriteRequest")[0], 204)


class Crash(unittest.TestCase):
    def test_kill_9_behind_an_answer_loses_nothing(self):
        with Server(config="") as server:
            start = now_ms() - 3_000_000
            acknowledged = {}
            for generation in range(4):
                stop = threading.Event()

                def send(number, generation=generation, stop=stop):
                    for step in range(10_000):
                        stamp = start + generation * 500_000 + step * 10
                        try:
                            answer = push(server, *(series({"__name__": "kept", "sender": str(number), "n": str(i)},
                                                           sample(stamp, generation * 1e6 + step)) for i in range(50)))
                        except (OSError, http.client.HTTPException):
                            return
                        if answer[0] != 204:
                            raise AssertionError(answer)
                        acknowledged[number, generation] = step + 1
                        if stop.is_set():
                            return

                threads = [threading.Thread(target=send, args=(number,)) for number in range(3)]
                for thread in threads:
                    thread.start()
                wait_for("some requests of everybody",
                         lambda: all(acknowledged.get((number, generation), 0) > 20 for number in range(3)))
                server.kill()
                stop.set()
                for thread in threads:
                    thread.join()
                server.start()
                for (number, of), steps in acknowledged.items():
                    end = (start + of * 500_000 + (steps - 1) * 10) / 1000
                    counts = server.query(f'count_over_time(kept{{sender="{number}"}}[490s])', time=end)
                    self.assertEqual({int(found["value"][1]) for found in counts}, {steps})
                    self.assertEqual(len(counts), 50)


class Prometheus:
    """Debian's, as a sender; ended by its handle."""

    def __init__(self, binary, config, folder):
        self.port = free_port()
        path = Path(folder, "prometheus.yml")
        path.write_text(config)
        with open(Path(folder, "prometheus.log"), "ab") as log:
            self.process = subprocess.Popen(
                [binary, f"--config.file={path}", f"--storage.tsdb.path={folder}/data",
                 f"--web.listen-address=127.0.0.1:{self.port}", "--enable-feature=exemplar-storage"],
                stdout=log, stderr=log)

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE_SECONDS)

    def api(self, path, **params):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(params)}",
                                    timeout=60) as answer:
            return json.load(answer)["data"]


class FromPrometheus(unittest.TestCase):
    def setUp(self):
        self.binary = peer("prometheus")
        if not self.binary:
            self.skipTest("prometheus is neither in .cache/peers nor in the PATH")
        self.scrapes = 0

    def page(self, handler):
        self.scrapes += 1
        n = self.scrapes
        lines = ["# TYPE requests counter"]
        lines += [f'requests_total{{path="/{i}"}} {n * i} # {{trace_id="t{n}"}} {n}.5' for i in range(20)]
        # No -0: Prometheus' encoder leaves it out as if it were 0.
        lines += ["# TYPE odd gauge", f"odd {['NaN', '+Inf', '-Inf', '-1', '1e-300'][n % 5]}"]
        lines += ["# TYPE wave gauge", *(f'wave{{i="{i}"}} {math.sin(n + i)!r}' for i in range(50))]
        if n % 4 < 2:
            lines += ["# TYPE sometimes gauge", f"sometimes {n}"]
        handler.answer(("\n".join(lines) + "\n# EOF\n").encode(),
                       content_type="application/openmetrics-text; version=1.0.0; charset=utf-8")

    def test_its_series_arrive_equal(self):
        folder = tempfile.TemporaryDirectory(prefix="barograph-e2e-")
        self.addCleanup(folder.cleanup)
        targets = Targets({"/metrics": self.page})
        self.addCleanup(targets.__exit__)
        ours = Server(config="").start()
        self.addCleanup(ours.__exit__)
        theirs = Prometheus(self.binary, f"""
global: {{scrape_interval: 300ms, scrape_timeout: 300ms}}
scrape_configs:
  - job_name: pushed
    static_configs: [{{targets: ['{targets.address}']}}]
remote_write:
  - url: http://{ours.address}/api/v1/write
    send_exemplars: true
    metadata_config: {{send: true, send_interval: 1s}}
    queue_config: {{batch_send_deadline: 100ms, max_samples_per_send: 50}}
""", folder.name)
        self.addCleanup(theirs.stop)
        wait_for("30 scrapes", lambda: self.scrapes >= 30)
        end = time.time()

        def everything(server):
            result = server.api("query", query='{__name__=~".+"}[5m]', time=end)["result"]
            return {tuple(sorted(found["metric"].items())): found["values"] for found in result}

        wait_for("the same samples in both", lambda: everything(ours) == everything(theirs))
        self.assertGreater(sum(map(len, everything(ours).values())), 30 * 70)

        self.assertIn('prometheus_http_requests_total{handler="/api/v1/write",code="204"}',
                      ours.get("/metrics")[2].decode())


if __name__ == "__main__":
    main()
