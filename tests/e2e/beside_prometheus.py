"""Barograph and Debian's Prometheus with the very same samples, and what it takes for two answers to be equal.

The targets give their samples timestamps, and go on to the next moment only when both servers have the present one: so
both hold the same samples, however their scrapes fell. Queries are to be evaluated between moments, never at one:
Prometheus 2, which Debian has, counts a sample at the left end of a range, Prometheus 3 and Barograph do not.
"""
import contextlib
import http.client
import json
import math
import subprocess
import tempfile
import time
import urllib.parse
from pathlib import Path

from harness import PATIENCE_SECONDS, Server, Targets, free_port, wait_for

STEP = 15  # seconds between moments
PHASE = 4  # of moments, so that steps of subqueries, which lie on multiples of their length, never meet one
OFF_GRID = 7
RELATIVE = 1e-9


class Refused(OSError):
    """Prometheus answered with an error: it is not ready yet, or it does not take the query."""


class Prometheus:
    """Debian's, with the same configuration; ended by its handle."""

    prefix = ""

    def __init__(self, binary, config, folder, *flags, data="prometheus-data"):
        self.port = free_port()
        path = Path(folder, "prometheus.yml")
        path.write_text(config)
        with open(Path(folder, "prometheus.log"), "ab") as log:
            self.process = subprocess.Popen(
                [binary, f"--config.file={path}", f"--storage.tsdb.path={folder}/{data}",
                 f"--web.listen-address=127.0.0.1:{self.port}", *flags], stdout=log, stderr=log)

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE_SECONDS)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def wait_until_ready(self):
        wait_for("Prometheus to be ready", lambda: self.request("GET", "/-/ready")[0] == 200)

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def api(self, path, **params):
        status, _, body = self.request("GET", f"/api/v1/{path}?{urllib.parse.urlencode(params)}")
        if status != 200:
            raise Refused(f"{path} {params}: {status} {body[:300]!r}")
        return json.loads(body)["data"]


class SameSamples(contextlib.ExitStack):
    """Both servers, `ours` and `theirs`, after they scraped `moments` moments of the targets.

    `pages` maps an `instance` label to function(moment, stamp in ms) -> exposition; each page has the sample
    `moment <moment>`. All targets are of job `job`.
    """

    def __init__(self, prometheus, pages, moments, job):
        super().__init__()
        self.moment = 0
        self.moments = moments
        self.instances = len(pages)
        self.start = int(time.time()) // STEP * STEP - (moments + 2) * STEP + PHASE
        with contextlib.ExitStack() as opened:
            self._open(opened, prometheus, pages, job)
            self.push(opened.pop_all())

    def _open(self, opened, prometheus, pages, job):
        def answer(handler, page):
            moment = self.moment  # once: it may go on meanwhile
            handler.answer(page(moment, self.stamp(moment) * 1000))

        paths = {f"/{index}": lambda handler, page=page: answer(handler, page)
                 for index, page in enumerate(pages.values())}
        targets = opened.enter_context(Targets(paths))
        config = "global: {scrape_interval: 500ms, scrape_timeout: 500ms}\nscrape_configs:\n"
        for index, instance in enumerate(pages):
            config += (f"  - job_name: job{index}\n    metrics_path: /{index}\n    honor_timestamps: true\n"
                       f"    static_configs:\n"
                       f"      - {{targets: ['{targets.address}'], labels: {{instance: '{instance}', job: '{job}'}}}}\n")
        folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="barograph-e2e-"))
        self.theirs = Prometheus(prometheus, config, folder)
        opened.callback(self.theirs.stop)
        self.ours = opened.enter_context(Server(config=config))
        for self.moment in range(self.moments):
            for server in (self.ours, self.theirs):
                wait_for(f"moment {self.moment}", lambda server=server: self._has_moment(server))

    def _has_moment(self, server):
        result = server.api("query", query="moment", time=self.stamp(self.moment))["result"]
        return len(result) == self.instances and all(float(series["value"][1]) == self.moment for series in result)

    def stamp(self, moment):
        """When the samples of a moment are, in seconds."""
        return self.start + moment * STEP


def number(text):
    return float({"+Inf": "inf", "-Inf": "-inf"}.get(text, text))


def is_close(left, right):
    a, b = number(left), number(right)
    return (math.isnan(a) and math.isnan(b)) or a == b or math.isclose(a, b, rel_tol=RELATIVE)


def points(series):
    return series["values"] if "values" in series else [series["value"]]


def difference(ours, theirs, is_ordered=False):
    """The first thing in which two results differ, or None."""
    if ours["resultType"] != theirs["resultType"]:
        return f"{ours['resultType']} instead of {theirs['resultType']}"
    left, right = ours["result"], theirs["result"]
    if ours["resultType"] in ("scalar", "string"):
        left, right = [{"metric": {}, "value": left}], [{"metric": {}, "value": right}]
    if not is_ordered:
        left, right = (sorted(side, key=lambda series: sorted(series["metric"].items())) for side in (left, right))
    if [series["metric"] for series in left] != [series["metric"] for series in right]:
        return f"series {[series['metric'] for series in left]} instead of {[series['metric'] for series in right]}"
    for mine, other in zip(left, right):
        if [stamp for stamp, _ in points(mine)] != [stamp for stamp, _ in points(other)]:
            return f"{mine['metric']}: {points(mine)} instead of {points(other)}"
        for (stamp, value), (_, expected) in zip(points(mine), points(other)):
            if not is_close(value, expected):
                return f"{mine['metric']} at {stamp}: {value} instead of {expected}"
    return None
