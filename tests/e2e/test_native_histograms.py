"""Native histograms from a target that speaks Protobuf, through storage, to queries. The wire format is written by
hand, by field numbers."""
import http.server
import json
import pathlib
import socketserver
import struct
import tempfile
import threading
import time
import unittest

from harness import Server, Targets, config_of, job, main, wait_for

PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value):
    return varint(value << 1 if value >= 0 else (-value << 1) - 1)


def number(field, value):
    return varint(field << 3) + varint(value)


def text(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def double(field, value):
    return varint(field << 3 | 1) + struct.pack("<d", value)


def labels(**pairs):
    return b"".join(text(1, text(1, name) + text(2, value)) for name, value in pairs.items())


def family(name, kind, *metrics, unit=""):
    message = text(1, name) + text(2, "what it is") + number(3, kind) + b"".join(text(4, m) for m in metrics)
    message += text(5, unit) if unit else b""
    return varint(len(message)) + message


def histogram(counts, buckets=(), exemplar=b""):
    """Schema 0: counts[i] observations in (2^i, 2^(i+1)]; `buckets`: the classic form."""
    deltas = b"".join(zigzag(b - a) for a, b in zip([0, *counts], counts))
    classic = b"".join(text(3, number(1, count) + double(2, bound)) for bound, count in buckets)
    return (number(1, sum(counts)) + double(2, 3.0 * sum(counts)) + classic + double(6, 0.001)
            + text(12, varint(1 << 3) + zigzag(1) + number(2, len(counts)))
            + text(13, deltas) + exemplar)


class Application:
    """Counts 10 observations between every two scrapes: 1, 2, 3 and 4 in buckets that double."""

    def __init__(self):
        self.rounds = 0
        self.has_histogram = True
        self.accepted = []

    def page(self, handler):
        self.rounds += 1
        self.accepted.append(handler.headers["Accept"])
        if "application/vnd.google.protobuf" not in handler.headers["Accept"]:
            handler.answer(b"latency_count 1\n", "text/plain")
            return
        counts = [n * self.rounds for n in (1, 2, 3, 4)]
        body = family("requests_total", 0, labels(code="200") + text(3, double(1, self.rounds)))
        body += family("temperature", 1, text(2, double(1, -2.5)))
        if self.has_histogram:
            exemplar = text(16, labels(trace="abc") + double(2, 3.5) + text(3, number(1, int(time.time()))))
            body += family("latency", 4, labels(path="/") + text(
                7, histogram(counts, [(2.0, counts[0]), (4.0, counts[0] + counts[1])], exemplar)), unit="seconds")
        handler.answer(body, PROTOBUF)


class NativeHistograms(unittest.TestCase):
    def setUp(self):
        self.application = Application()
        self.targets = Targets({"/metrics": self.application.page})
        self.addCleanup(self.targets.__exit__)

    def serve(self, more, flags=()):
        server = Server(*flags, config=config_of(job("page", self.targets.address) + more))
        self.addCleanup(server.__exit__)
        return server.start()

    def test_quantiles_come_from_the_buckets_and_end_with_the_histogram(self):
        server = self.serve("    scrape_native_histograms: true\n", ["--enable-feature=exemplar-storage"])
        wait_for("three scrapes", lambda: (server.value('histogram_count(latency{path="/"})') or 0) >= 30)
        self.assertTrue(self.application.accepted[0].startswith("application/vnd.google.protobuf"))
        # A tenth is in (1, 2], two in (2, 4]: the median is in (4, 8], where 3 of ten are.
        median = server.value("histogram_quantile(0.5, latency)")
        self.assertAlmostEqual(median, 4 * 2 ** (2 / 3), places=6)
        self.assertAlmostEqual(server.value("histogram_avg(latency)"), 3)
        rate = server.value("histogram_quantile(0.5, rate(latency[1m]))")
        self.assertAlmostEqual(rate, 4 * 2 ** (2 / 3), places=6)
        self.assertEqual(server.query("latency_bucket"), [])
        self.assertEqual(server.value("temperature"), -2.5)
        self.assertIsNotNone(server.value('requests_total{code="200"}'))
        metadata = server.api("metadata", metric="latency")
        self.assertEqual(metadata["latency"], [{"type": "histogram", "help": "what it is", "unit": "seconds"}])
        exemplars = server.api("query_exemplars", query="latency", start=time.time() - 60, end=time.time() + 60)
        self.assertEqual(exemplars[0]["exemplars"][0]["labels"], {"trace": "abc"})

        self.application.has_histogram = False
        wait_for("the end", lambda: server.query("latency") == [])
        self.assertIsNotNone(server.value("temperature"))

    def test_without_them_the_classic_form_counts(self):
        server = self.serve("    scrape_protocols: [PrometheusProto]\n")
        wait_for("a scrape", lambda: server.value('latency_bucket{le="+Inf"}'))
        self.assertEqual(server.query("latency"), [])
        self.assertEqual({s["metric"]["le"] for s in server.query("latency_bucket")}, {"2.0", "4.0", "+Inf"})

    def test_both_forms_and_a_limit(self):
        server = self.serve("    scrape_native_histograms: true\n    always_scrape_classic_histograms: true\n"
                            "    native_histogram_bucket_limit: 2\n")
        wait_for("a scrape", lambda: server.value("histogram_count(latency)"))
        self.assertEqual(len(server.query("latency_bucket")), 3)
        buckets = server.query("latency")[0]["histogram"][1]["buckets"]
        self.assertEqual([(b[1], b[2]) for b in buckets], [("1", "4"), ("4", "16")])


CLASSIC = b"""# TYPE wait histogram
wait_bucket{le="1"} 1
wait_bucket{le="2"} 3
wait_bucket{le="+Inf"} 4
wait_sum 9
wait_count 4
"""


class Converted(unittest.TestCase):
    def setUp(self):
        self.targets = Targets({"/metrics": CLASSIC})
        self.addCleanup(self.targets.__exit__)

    def test_classic_histograms_become_native_ones(self):
        config = config_of(job("page", self.targets.address) + "    convert_classic_histograms_to_nhcb: true\n")
        with Server(config=config) as server:
            wait_for("a scrape", lambda: server.value("histogram_count(wait)"))
            self.assertEqual(server.value("histogram_quantile(0.5, wait)"), 1.5)
            self.assertEqual(server.value("histogram_sum(wait)"), 9)
            self.assertEqual(server.query("wait_bucket"), [])
            self.assertEqual(server.value("scrape_samples_scraped"), 1)

    def test_the_label_of_a_target_decides(self):
        config = config_of(job("page", self.targets.address) + "        labels:\n"
                           "          __convert_classic_histograms_to_nhcb__: 'true'\n"
                           "          __always_scrape_classic_histograms__: 'true'\n")
        with Server(config=config) as server:
            wait_for("a scrape", lambda: server.value("histogram_count(wait)"))
            self.assertEqual(len(server.query("wait_bucket")), 3)


class Failures(unittest.TestCase):
    def test_are_logged_and_a_reload_opens_the_log_anew(self):
        with tempfile.TemporaryDirectory() as folder:
            log = pathlib.Path(folder, "failures.json")
            config = config_of(job("page", "127.0.0.1:1") + f"    scrape_failure_log_file: {log}\n")
            with Server("--web.enable-lifecycle", config=config) as server:
                line = json.loads(wait_for("a failure", lambda: log.exists() and log.read_text()).splitlines()[0])
                self.assertEqual([line[key] for key in ("level", "job_name", "target")],
                                 ["ERROR", "page", "http://127.0.0.1:1/metrics"])
                self.assertIn("refused", line["msg"])
                log.rename(f"{log}.1")
                self.assertEqual(server.request("POST", "/-/reload")[0], 200)
                wait_for("a new log", lambda: log.exists() and log.read_text())


class UnixSocket(unittest.TestCase):
    def test_a_target_is_asked_through_its_socket(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/plain")
                self.end_headers()
                self.wfile.write(f'through{{host="{self.headers["Host"]}"}} 1\n'.encode())

            def address_string(self):
                return "unix"

            def log_message(self, *_):
                pass

        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/app.sock"
            with socketserver.ThreadingUnixStreamServer(path, Handler) as target:
                threading.Thread(target=target.serve_forever, daemon=True).start()
                config = config_of(job("page", "app:80") + f"        labels: {{__unix_socket__: {path}}}\n")
                with Server(config=config) as server:
                    wait_for("a sample", lambda: server.value('through{instance="app:80"}'))
                target.shutdown()


if __name__ == "__main__":
    main()
