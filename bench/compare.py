#!/usr/bin/env python3
"""Runs Debian's Prometheus beside Barograph over the same targets and queries, and prints what each needed.

Called by `./dev bench compare`. Both scrape 50 targets of 600 series every second for a minute, at the same time, on the
same machine; then both answer the same ten queries. Everything is on loopback. The ratios are what to look at: absolute
figures depend on the machine and on what else it does.
"""
import argparse
import http.client
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import targets  # noqa: E402

QUERIES = [
    ("instant, one metric", "node_memory_Field7_bytes", False),
    ("instant, sum of rates", "sum(rate(node_cpu_seconds_total[30s]))", False),
    ("instant, by mode", 'sum by (mode) (rate(node_cpu_seconds_total{mode!="idle"}[30s]))', False),
    ("instant, topk", "topk(5, rate(node_network_receive_bytes_total[30s]))", False),
    ("instant, quantile from buckets",
     "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[30s])))", False),
    ("range, sum of rates", "sum(rate(node_cpu_seconds_total[30s]))", True),
    ("range, by device", "sum by (device) (rate(node_disk_read_bytes_total[30s]))", True),
    ("range, join", "node_filesystem_avail_bytes / node_filesystem_size_bytes", True),
    ("range, max over time", "max by (target) (max_over_time(node_memory_Field3_bytes[30s]))", True),
    ("range, quantile from buckets",
     "histogram_quantile(0.95, sum by (le, handler) (rate(http_request_duration_seconds_bucket[30s])))", True),
]
RUNS = 15


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, name, binary, config, folder, extra=()):
        self.name, self.port = name, free_port()
        self.data = folder / f"{name}-data"
        self.log = open(folder / f"{name}.log", "wb")
        self.process = subprocess.Popen(
            [binary, f"--config.file={config}", f"--storage.tsdb.path={self.data}",
             f"--web.listen-address=127.0.0.1:{self.port}", *extra], stdout=self.log, stderr=self.log, cwd=folder)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def wait_ready(self):
        for _ in range(300):
            if self.process.poll() is not None:
                sys.exit(f"{self.name} ended with {self.process.returncode}; see {self.log.name}")
            try:
                probe = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
                probe.request("GET", "/-/ready")
                if probe.getresponse().status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        sys.exit(f"{self.name} did not become ready; see {self.log.name}")

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def status_kib(self, field):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        return 0

    def disk_bytes(self):
        return int(subprocess.run(["du", "-sb", str(self.data)], capture_output=True, text=True, check=True)
                   .stdout.split()[0])

    def get(self, path, params):
        start = time.perf_counter()
        self.connection.request("GET", f"{path}?{urllib.parse.urlencode(params)}")
        answer = self.connection.getresponse()
        body = answer.read()
        elapsed = time.perf_counter() - start
        if answer.status != 200:
            sys.exit(f"{self.name}: {path} {params}: {answer.status} {body[:300]}")
        return elapsed, json.loads(body)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def write_config(folder, port, count):
    jobs = "\n".join(
        f"  - job_name: t{n}\n    metrics_path: /t/{n}/metrics\n    static_configs:\n"
        f"      - targets: ['127.0.0.1:{port}']\n        labels: {{target: t{n}}}" for n in range(count))
    path = folder / "prometheus.yml"
    path.write_text(f"global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\nscrape_configs:\n{jobs}\n")
    return path


def result_shape(answer):
    result = answer["data"]["result"]
    return len(result), sum(len(item.get("values", [item.get("value")])) for item in result)


def measure_queries(servers, seconds):
    """Latency in ms per query and server; both must give answers of one shape over the time that both have."""
    end = int(time.time()) - 3
    rows = []
    for title, query, is_range in QUERIES:
        if is_range:
            path, params = "/api/v1/query_range", {"query": query, "start": end - seconds // 2, "end": end, "step": 1}
        else:
            path, params = "/api/v1/query", {"query": query, "time": end}
        times = {server.name: [] for server in servers}
        shapes = {}
        for _ in range(RUNS):
            for server in servers:  # in turn, so that the machine's moods hit both
                elapsed, answer = server.get(path, params)
                times[server.name].append(elapsed * 1000)
                shapes[server.name] = result_shape(answer)
        if len(set(shapes.values())) != 1:
            print(f"note: the answers to {query!r} differ in shape (series, points): {shapes}")
        rows.append((title, {name: statistics.median(values) for name, values in times.items()}))
    return rows


def print_table(title, names, rows, unit=""):
    print(f"\n{title}")
    print(f"{'':34}" + "".join(f"{name:>14}" for name in names) + f"{names[0] + ' / ' + names[1]:>26}")
    for label, values in rows:
        cells = "".join(f"{values[name]:>14.3f}" for name in names)
        ratio = f"{values[names[0]] / values[names[1]]:.1f}x" if values[names[1]] else "-"
        print(f"{label:34}{cells}{ratio:>26}{unit}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--barograph", required=True, help="the binary")
    parser.add_argument("--peers", required=True, help="folder with the prometheus binary")
    parser.add_argument("--targets", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--warm-up", type=int, default=10)
    parser.add_argument("--keep", action="store_true", help="keep the working folder")
    arguments = parser.parse_args()

    folder = Path(tempfile.mkdtemp(prefix="barograph-compare-"))
    _, port = targets.serve(arguments.targets)
    config = write_config(folder, port, arguments.targets)
    servers = []
    try:
        servers = [Server("prometheus", str(Path(arguments.peers, "prometheus").resolve()), config, folder),
                   Server("barograph", str(Path(arguments.barograph).resolve()), config, folder)]
        for server in servers:
            server.wait_ready()
        print(f"{arguments.targets} targets x {targets.SERIES_PER_TARGET} series every second, "
              f"{arguments.warm_up} s of warm-up, {arguments.seconds} s measured")
        time.sleep(arguments.warm_up)
        cpu_before = {server.name: server.cpu_seconds() for server in servers}
        start = time.time()
        time.sleep(arguments.seconds)
        elapsed = time.time() - start
        names = [server.name for server in servers]
        cpu = {server.name: server.cpu_seconds() - cpu_before[server.name] for server in servers}
        samples = arguments.targets * targets.SERIES_PER_TARGET * elapsed
        up = {server.name: server.get("/api/v1/query", {
            "query": f"sum(count_over_time(up[{arguments.seconds - 5}s])) / {arguments.targets}"})[1] for server in servers}
        rows = [
            ("CPU seconds", cpu),
            ("CPU microseconds per sample", {name: value / samples * 1e6 for name, value in cpu.items()}),
            ("resident memory, MiB", {server.name: server.status_kib("VmRSS") / 1024 for server in servers}),
            ("anonymous memory, MiB", {server.name: server.status_kib("RssAnon") / 1024 for server in servers}),
            ("bytes on disk, MiB", {server.name: server.disk_bytes() / 2**20 for server in servers}),
            ("scrapes per target", {name: float(answer["data"]["result"][0]["value"][1]) for name, answer in up.items()}),
        ]
        print_table("Scraping", names, rows)
        print_table(f"Queries, median of {RUNS}, ms", names, measure_queries(servers, arguments.seconds))
    finally:
        for server in servers:
            server.stop()
        if arguments.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
