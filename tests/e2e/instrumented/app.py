"""A program that is instrumented with Debian's python3-prometheus-client: `app.py <port>`.

/text and /openmetrics show the same registry in both formats. What `Steps` tells depends on nothing but the time, and
changes every five seconds: two scrapes within such a step have to see the same values.
"""
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import REGISTRY, Counter, Enum, Gauge, Histogram, Info, Summary, exposition, openmetrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

STEP_SECONDS = 5


class Steps:
    def collect(self):
        step = int(time.time()) // STEP_SECONDS
        gauge = GaugeMetricFamily("step_value", "Goes up and down.", labels=["n"])
        for n in range(20):
            gauge.add_metric([str(n)], step * (n + 7) % 101 / 8 - 3)
        yield gauge
        counter = CounterMetricFamily("step", "Goes up.", labels=["path"])
        counter.add_metric(["/"], step)
        counter.add_metric(['/a"b\\c\nd'], 2 * step)
        yield counter
        buckets = [("0.1", step), ("2.5", 3 * step), ("+Inf", 4 * step)]
        yield HistogramMetricFamily("step_size_bytes", "Of steps.", buckets=buckets, sum_value=step / 3)
        changing = GaugeMetricFamily("step_series", "A series that ends with its step.", labels=["step"])
        changing.add_metric([str(step % 7)], 1)
        yield changing


REGISTRY.register(Steps())
REQUESTS = Counter("requests", "Of scrapes.", ["path"])
SECONDS = Histogram("request_seconds", "Of scrapes.", buckets=(0.001, 0.01, 0.1, 1.5))
SIZE = Summary("answer_bytes", "Of scrapes.")
Gauge("constant", "Unicode: ä, backslash: \\", ["kind"]).labels("tiny").set(4.9e-324)
Info("build", "Of this program.").info({"version": "1.2", "language": "python"})
Enum("state", "Of this program.", states=["starting", "running", "ending"]).state("running")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        pages = {"/text": (exposition.generate_latest, exposition.CONTENT_TYPE_LATEST),
                 "/openmetrics": (generate_openmetrics, openmetrics.exposition.CONTENT_TYPE_LATEST)}
        if self.path not in pages:
            return self.send_error(404)
        begun = time.perf_counter()
        REQUESTS.labels(self.path).inc(exemplar={"trace_id": "4bf92f3577b34da6"})
        generate, content_type = pages[self.path]
        body = generate(REGISTRY)
        SIZE.observe(len(body))
        SECONDS.observe(time.perf_counter() - begun, {"trace_id": "00f067aa0ba902b7"})
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
