"""Programs of others to scrape, and what it takes for two servers that scrape them to have stored the same."""
import http.client
import math
import os
import re
import subprocess
import sys
from collections import Counter

from harness import ROOT, free_port, peer, wait_for

TIMEOUT_SECONDS = 1  # of scrapes, and their interval
# What can be different for a moment and then as before: two scrapes that see the same do not say that it was so between.
MOMENTARY = re.compile(
    r"scrape_duration_seconds|scrape_series_added|go_.*|process_.*|nodejs_.*|promhttp_.*|probe_.*seconds|probe_ip_addr_hash"
    r"|answer_bytes|request_seconds|node_(memory|procs|load|sockstat|netstat|vmstat|entropy|timex|pressure|hwmon|nf)_?.*"
    r"|node_filesystem_(avail|free|files_free).*|node_(filefd_allocated|disk_io_now|time_seconds|cpu_scaling_frequency.*)"
    r"|node_scrape_collector_duration.*")

# What a target begins to show at any time, so that one server's scrape may have it before the other's.
BEGINS_BY_ITSELF = re.compile(r"nodejs_gc_duration_seconds_(bucket|sum|count)")


class Program:
    """A target in a process of its own, which can die and come back to the same port."""

    def __init__(self, name, path, command, env=None):
        self.name = name
        self.port = free_port()
        self.path = path
        self.command = [part.replace("PORT", str(self.port)) for part in command]
        self.env = {**os.environ, **(env or {})}
        self.process = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def is_alive(self):
        return self.process is not None

    def start(self):
        self.process = subprocess.Popen(self.command, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(f"{self.name} to answer", self.answers)

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}: {self.command}")
        return request(self.address, "GET", self.path) == 200

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None


def request(address, method, path, body=None):
    """The status."""
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        connection.request(method, path, body=body)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def programs(folder):
    """All that are there, by name; prints which are not."""
    modules = folder / "blackbox.yml"
    modules.write_text("modules: {http_2xx: {prober: http, timeout: 1s, http: {preferred_ip_protocol: ip4}}}\n")
    apps = ROOT / "tests/e2e/instrumented"
    python_client = ROOT / ".cache/peers/usr/lib/python3/dist-packages"
    node_client = ROOT / ".cache/prom-client/node_modules/prom-client"
    node = peer("node")
    listen = "--web.listen-address=127.0.0.1:PORT"
    found = []
    for name, flags in (
            ("prometheus-node-exporter", [listen]),
            ("prometheus-blackbox-exporter", [listen, f"--config.file={modules}"]),
            ("prometheus-pushgateway", [listen])):
        binary = peer(name)
        if binary:
            found.append(Program(name.removeprefix("prometheus-"), "/metrics", [binary, *flags]))
        else:
            print(f"left out: {name} is neither in .cache/peers nor in the PATH; ./dev setup all fetches it", flush=True)
    if (python_client / "prometheus_client").exists():
        found.append(Program("python", "/text", [sys.executable, "-B", str(apps / "app.py"), "PORT"],
                             {"PYTHONPATH": str(python_client)}))
    else:
        print("left out: python3-prometheus-client is not in .cache/peers; ./dev setup all fetches it", flush=True)
    if node and node_client.exists():
        found.append(Program("node", "/metrics", [node, str(apps / "app.mjs"), "PORT"], {"PROM_CLIENT": str(node_client)}))
    else:
        print("left out: node or prom-client is not there; ./dev setup all fetches them", flush=True)
    return {program.name: program for program in found}


def key_of(labels):
    """A series, as Prometheus 3 names it: bounds of buckets and quantiles as numbers that are no integers."""
    def shown(name, value):
        if name not in ("le", "quantile"):
            return value
        number = float(value)
        return repr(number) if math.isfinite(number) else "+Inf"

    return tuple(sorted((name, shown(name, value)) for name, value in labels.items()))


def show(key):
    return "{" + ", ".join(f"{name}={value!r}" for name, value in key) + "}"


def same(left, right):
    return left == right or (math.isnan(left) and math.isnan(right))


class Comparison:
    """What two servers have stored, compared at moments at which nothing has begun or ended for a while."""

    def __init__(self, ours, theirs):
        self.ours = ours
        self.theirs = theirs
        self.counts = Counter()
        self.differences = []

    def at(self, moment):
        """Compares which series there are at `moment`, and their values. Wants samples of both from before and after."""
        ours, theirs = self._instant(self.ours, moment), self._instant(self.theirs, moment)
        mine = self._window(self.ours, moment, 3)
        others = self._window(self.theirs, moment + 3, 7)
        for key in sorted(ours.keys() - theirs.keys()):
            if not BEGINS_BY_ITSELF.fullmatch(dict(key)["__name__"]) or key not in others:
                self._differ(moment, f"only ours: {show(key)}")
        for key in sorted(theirs.keys() - ours.keys()):
            if not BEGINS_BY_ITSELF.fullmatch(dict(key)["__name__"]) or key not in self._window(self.ours, moment + 3, 7):
                self._differ(moment, f"only theirs: {show(key)}")
        for key in ours.keys() & theirs.keys():
            self._compare(moment, key, mine.get(key), others.get(key))
        self.counts["moments"] += 1

    def _compare(self, moment, key, mine, others):
        if not mine or not others:
            self.counts["not compared, scrapes came late"] += 1
            return
        stamp, value = mine[-1]
        # A page is made between the stamp of its sample and the timeout.
        before = [other for at, other in others if at <= stamp - TIMEOUT_SECONDS]
        after = [other for at, other in others if at >= stamp + TIMEOUT_SECONDS]
        if not before or not after:
            self.counts["not compared, scrapes came late"] += 1
            return
        name = dict(key)["__name__"]
        if MOMENTARY.fullmatch(name) and not self._is_counter(name):
            self.counts["momentary"] += 1
        elif same(before[-1], after[0]):
            self._check(same(value, after[0]), moment, "equal", key, value, before[-1], after[0])
        elif self._is_counter(name) and before[-1] < after[0]:
            # Some of the kernel's counters are rounded on their way through a double of seconds.
            slack = 0.02 if "seconds" in name else 0
            fits = before[-1] - slack <= value <= after[0] + slack
            self._check(fits, moment, "within bounds", key, value, before[-1], after[0])
        else:
            self.counts["changing"] += 1

    def _check(self, is_right, moment, what, key, value, before, after):
        self.counts[what] += 1
        if not is_right:
            self._differ(moment, f"{show(key)}: {value}, and theirs {before} before and {after} after")

    def _differ(self, moment, text):
        self.differences.append(f"{moment:.3f}: {text}")

    @staticmethod
    def _is_counter(name):
        return name.endswith(("_total", "_bucket", "_count", "_sum", "_created"))

    @staticmethod
    def _instant(server, moment):
        result = server.api("query", query='{job!=""}', time=f"{moment:.3f}")["result"]
        series = {key_of(item["metric"]): float(item["value"][1]) for item in result}
        if len(series) != len(result):
            raise AssertionError("two series that differ in how a bound is written")
        return series

    @staticmethod
    def _window(server, moment, seconds):
        result = server.api("query", query=f'{{job!=""}}[{seconds}s]', time=f"{moment:.3f}")["result"]
        return {key_of(item["metric"]): [(at, float(value)) for at, value in item["values"]] for item in result}
