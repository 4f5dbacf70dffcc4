"""Scrape targets for bench/compare.py: many /metrics pages that look like node exporters, rendered once per second.

The values are a pure function of target, series and time, so that all servers that scrape get the same bytes. About a
third of the series change from one scrape to the next, as on a real machine.
"""
import http.server
import math
import socketserver
import threading
import time

SERIES_PER_TARGET = 600
CHANGING_SHARE = 0.35


def _series():
    """(head of the line, kind, seed) for each of a target's 600 series."""
    lines = []
    for cpu in range(8):
        for mode in ("idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"):
            lines.append((f'node_cpu_seconds_total{{cpu="{cpu}",mode="{mode}"}}', "seconds"))
    for device in ("sda", "sdb", "nvme0n1", "nvme1n1"):
        for name in ("read_bytes_total", "written_bytes_total", "reads_completed_total", "writes_completed_total",
                     "io_time_seconds_total", "read_time_seconds_total", "write_time_seconds_total", "io_now"):
            lines.append((f'node_disk_{name}{{device="{device}"}}', "bytes" if "bytes" in name else "seconds"))
    for device in ("eth0", "eth1", "lo", "docker0"):
        for direction in ("receive", "transmit"):
            for name in ("bytes", "packets", "errs", "drop", "fifo", "frame", "compressed"):
                lines.append((f'node_network_{direction}_{name}_total{{device="{device}"}}', "bytes"))
    for point in range(12):
        labels = f'{{device="/dev/sd{chr(97 + point)}1",fstype="ext4",mountpoint="/data/{point}"}}'
        for name in ("avail_bytes", "free_bytes", "size_bytes", "files", "files_free", "readonly"):
            lines.append((f"node_filesystem_{name}{labels}", "gauge"))
    for number in range(48):
        lines.append((f"node_memory_Field{number}_bytes", "gauge"))
    for handler in ("/", "/api", "/metrics", "/static"):
        for le in ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"):
            lines.append((f'http_request_duration_seconds_bucket{{handler="{handler}",le="{le}"}}', "count"))
        lines.append((f'http_request_duration_seconds_sum{{handler="{handler}"}}', "seconds"))
        lines.append((f'http_request_duration_seconds_count{{handler="{handler}"}}', "count"))
    number = 0
    while len(lines) < SERIES_PER_TARGET:
        lines.append((f'node_netstat_Counter{number % 40}{{protocol="p{number // 40}"}}', "count"))
        number += 1
    return lines[:SERIES_PER_TARGET]


class Target:
    """One target's page. The text of a second is rendered once, however many ask for it."""

    def __init__(self, index):
        self._index = index
        self._lock = threading.Lock()
        self._second = None
        self._body = b""
        self._series = _series()

    def _value(self, number, kind, second):
        seed = (self._index * 7919 + number * 104729) % 1000003
        moves = (seed % 1000) / 1000 < CHANGING_SHARE
        tick = second if moves else second // 600
        if kind == "seconds":
            return f"{86400 + seed % 5000 + tick % 10_000_000 * (1 + seed % 7) / 100:.2f}"
        if kind == "bytes":
            return str(seed * 4096 + tick % 10_000_000 * (1 + seed % 900) * 512)
        if kind == "count":
            return str(seed + tick % 10_000_000 * (1 + seed % 5))
        return str(int((1 << 30) + (1 << 28) * math.sin(tick / (50 + seed % 300)) // 4096 * 4096))

    def body(self):
        second = int(time.time())
        with self._lock:
            if second != self._second:
                lines, family = [], None
                for number, (head, kind) in enumerate(self._series):
                    name = head.split("{")[0]
                    if name.endswith(("_bucket", "_sum", "_count")) and name.startswith("http_request"):
                        name = "http_request_duration_seconds"
                    if name != family:
                        family = name
                        kind_name = ("histogram" if name.startswith("http_request") else
                                     "gauge" if kind == "gauge" else "counter")
                        lines.append(f"# HELP {name} A family of the benchmark.\n# TYPE {name} {kind_name}")
                    lines.append(f"{head} {self._value(number, kind, second)}")
                self._second, self._body = second, ("\n".join(lines) + "\n").encode()
            return self._body


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 256


def serve(count):
    """Serves `count` targets at http://127.0.0.1:<port>/t/<n>/metrics; returns (server, port)."""
    targets = [Target(index) for index in range(count)]

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self):
            parts = self.path.split("/")
            if len(parts) != 4 or parts[1] != "t" or not parts[2].isdigit() or int(parts[2]) >= count:
                self.send_error(404)
                return
            body = targets[int(parts[2])].body()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, server.server_address[1]
