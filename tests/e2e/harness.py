"""What the whole-system tests share: a running server, scripted targets, and patience.

The binary comes from BAROGRAPH, barotool from BAROTOOL; tests/e2e/CMakeLists.txt sets both. Everything is on loopback,
and only processes that a test started are ended, by their handles. Nothing is decided by the clock: tests wait for a
state, with a limit that only a broken server reaches.
"""
import http.client
import http.server
import json
import os
import shutil
import signal
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BAROGRAPH = os.environ.get("BAROGRAPH", str(ROOT / "build/release/barograph"))
BAROTOOL = os.environ.get("BAROTOOL", str(ROOT / "build/release/barotool"))
PATIENCE_SECONDS = 90


def peer(name):
    """Path of one of Debian's binaries, or None."""
    unpacked = ROOT / ".cache/peers/usr/bin" / name
    return str(unpacked) if unpacked.exists() else shutil.which(name)


def wait_for(what, condition):
    """Asks `condition` until it gives something true; fails with `what` and the last answer after a long while."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    answer = None
    while time.monotonic() < deadline:
        try:
            answer = condition()
        except OSError as error:
            answer = error
        if answer and not isinstance(answer, OSError):
            return answer
        time.sleep(0.1)
    raise AssertionError(f"waited {PATIENCE_SECONDS} s for {what}; last: {answer!r}")


def free_port():
    """A port of loopback that nobody listens on, for servers that cannot be asked which one they took."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A barograph with a data folder of its own. `prefix` is of its routes, as its flags say.

    `port` is where it listens; 0: where it likes, which is read from its log.
    """

    def __init__(self, *flags, config=None, folder=None, binary=BAROGRAPH, prefix="", port=0):
        self.port = port
        self.prefix = prefix
        self.folder = Path(folder or tempfile.mkdtemp(prefix="barograph-e2e-"))
        self.flags = list(flags)
        self.config_path = self.folder / "prometheus.yml"
        if config is not None:
            self.config_path.write_text(config)
            self.flags.append(f"--config.file={self.config_path}")
        self.binary = binary
        self.process = None
        self.address = None

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, wait=True):
        self.log_path = self.folder / "log"
        with open(self.log_path, "ab") as log:
            start = log.tell()
            self.process = subprocess.Popen(
                [self.binary, f"--storage.tsdb.path={self.folder / 'data'}", f"--web.listen-address=127.0.0.1:{self.port}",
                 *self.flags], stdout=log, stderr=log, cwd=self.folder)
        if wait:
            self.address = wait_for("the address in the log", lambda: self._address(start))
            wait_for("/-/ready", lambda: self.get(self.prefix + "/-/ready")[0] == 200)
            # The log is written by a thread of its own; what the start had to say is there when this line is.
            wait_for("the log's word that it is ready", lambda: b"msg=ready" in self.log_path.read_bytes()[start:])
        return self

    def _address(self, start):
        if self.process.poll() is not None:
            raise AssertionError(f"barograph ended with {self.process.returncode}:\n{self.log()}")
        for line in self.log_path.read_bytes()[start:].decode(errors="replace").splitlines():
            if "msg=listening" in line:
                return line.split("address=")[1].split()[0].strip('"')
        return None

    def log(self):
        return self.log_path.read_text(errors="replace")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("barograph did not end after SIGTERM")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def request(self, method, path, body=None, headers=None):
        host, port = self.address.rsplit(":", 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def get(self, path, **params):
        query = urllib.parse.urlencode(params, doseq=True)
        return self.request("GET", path + ("?" + query if query else ""))

    def api(self, path, **params):
        """The `data` of a successful API call."""
        status, _, body = self.get(f"{self.prefix}/api/v1/{path}", **params)
        answer = json.loads(body)
        if status != 200 or answer["status"] != "success":
            raise AssertionError(f"{path} {params}: {status} {body[:500]}")
        return answer["data"]

    def query(self, text, **params):
        """Result of an instant query."""
        return self.api("query", query=text, **params)["result"]

    def value(self, text, **params):
        """The one value of an instant query, or None."""
        result = self.query(text, **params)
        return float(result[0]["value"][1]) if len(result) == 1 else None


class Targets:
    """Scripted scrape targets: `pages` maps a path to bytes, or to a function(handler) that answers by itself."""

    def __init__(self, pages):
        self.pages = pages
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                page = outer.pages.get(self.path.split("?")[0])
                if callable(page):
                    page(self)
                elif page is None:
                    self.send_error(404)
                else:
                    self.answer(page)

            def answer(self, body, content_type="text/plain; version=0.0.4", status=200, headers=()):
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                for name, value in headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Threaded(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass  # a scraper that hangs up in the middle of an answer is part of the tests

        self.server = Threaded(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def job(name, address, path="/metrics", interval="1s", extra=""):
    """A scrape job as configuration text."""
    return (f"  - job_name: {name}\n    metrics_path: {path}\n    scrape_interval: {interval}\n"
            f"    scrape_timeout: {interval}\n{extra}    static_configs:\n      - targets: ['{address}']\n")


def config_of(*jobs):
    return "scrape_configs:\n" + "".join(jobs)


def main():
    unittest.main(verbosity=2)
