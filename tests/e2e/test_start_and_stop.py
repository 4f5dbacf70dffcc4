"""Starting and ending: what is taken is refused with a reason, and the end is clean whatever goes on."""
import json
import re
import resource
import signal
import socket
import subprocess
import tempfile
import threading
import unittest
import urllib.parse
from pathlib import Path

from harness import BAROGRAPH, PATIENCE_SECONDS, Server, Targets, config_of, job, main, wait_for

GOOD = b"good 1\n"


def run(*flags):
    return subprocess.run([BAROGRAPH, *flags], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)


class Start(unittest.TestCase):
    def test_an_address_or_folder_that_is_taken_is_refused(self):
        with Server() as server:
            done = run(f"--web.listen-address={server.address}", f"--storage.tsdb.path={server.folder}/other")
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(server.address, done.stderr)
            done = run("--web.listen-address=127.0.0.1:0", f"--storage.tsdb.path={server.folder}/data")
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(f"{server.folder}/data", done.stderr)
            self.assertEqual(server.get("/-/healthy")[0], 200)

    def test_it_takes_as_many_files_as_the_system_allows(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        with tempfile.TemporaryDirectory() as folder:
            start = Path(folder, "start")
            start.write_text(f'#!/bin/sh\nulimit -Sn 128\nexec {BAROGRAPH} "$@"\n')
            start.chmod(0o755)
            with Server(binary=str(start)) as server:
                metrics = server.get("/metrics")[2].decode()
        self.assertEqual(float(re.search(r"^process_max_fds (\S+)$", metrics, re.M)[1]), hard)

    def test_a_folder_that_cannot_be_made_is_named(self):
        done = run("--web.listen-address=127.0.0.1:0", "--storage.tsdb.path=/dev/null/data")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("/dev/null/data", done.stderr)

    def test_a_prefix_is_on_every_route_and_in_the_own_target(self):
        with Server("--web.external-url=http://example.org/baro/", prefix="/baro") as server:
            self.assertEqual(server.get("/-/ready")[0], 404)
            status, headers, _ = server.get("/")
            self.assertEqual((status, headers["Location"]), (302, "/baro/"))
            self.assertIn(b"<html", server.get("/baro/explore")[2])
            wait_for("its own jobs to be up behind the prefix", lambda: server.value("count(up == 1)") == 2)


class Stop(unittest.TestCase):
    def test_restarts_keep_what_was_scraped(self):
        with Targets({"/metrics": GOOD}) as targets, Server(config=config_of(job("t", targets.address))) as server:
            wait_for("three scrapes", lambda: (server.value("count_over_time(good[1h])") or 0) >= 3)
            before = server.query("good[1h]")[0]["values"]
            server.stop()
            self.assertEqual(server.process.returncode, 0)
            server.start()
            self.assertEqual(server.query("good[1h]")[0]["values"][:len(before)], before)

    def test_it_ends_while_targets_hang_and_clients_wait(self):
        leave = threading.Event()
        self.addCleanup(leave.set)
        with Targets({"/metrics": lambda handler: leave.wait(PATIENCE_SECONDS)}) as targets:
            jobs = [job(f"t{i}", targets.address, interval="60s") for i in range(20)]
            with Server(config=config_of(*jobs)) as server:
                for number in (signal.SIGTERM, signal.SIGINT):
                    server.process.send_signal(number)
                    self.assertEqual(server.process.wait(PATIENCE_SECONDS), 0)
                    server.start()

    def test_quit_by_request_ends_it(self):
        with Server("--web.enable-lifecycle") as server:
            self.assertEqual(server.request("POST", "/-/quit")[0], 200)
            self.assertEqual(server.process.wait(PATIENCE_SECONDS), 0)


class Clients(unittest.TestCase):
    """Requests that no client should send; the server answers or hangs up, and lives."""

    @staticmethod
    def raw(server, octets):
        host, port = server.address.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) as connection:
            try:
                connection.sendall(octets)
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it hung up already
            answer = b""
            try:
                while piece := connection.recv(65536):
                    answer += piece
            except ConnectionError:
                pass
            return answer

    def test_garbage_and_excess_are_refused(self):
        with Server() as server:
            cases = {
                "no HTTP": b"\x16\x03\x01\x02\x00garbage\r\n\r\n",
                "a long line": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n\r\n",
                "long headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n",
                "two lengths": (b"POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
                                b"Content-Length: 2\r\n\r\nab"),
                "length and chunks": (b"POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
                                      b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                "a huge length": b"POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999\r\n\r\n",
                "a path out": b"GET /assets/../../../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
                "an encoded path out": b"GET /assets/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
                "half a request": b"GET /api/v1/query?query=up HT",
            }
            for name, octets in cases.items():
                with self.subTest(name):
                    answer = self.raw(server, octets)
                    self.assertNotIn(b" 200 ", answer[:20])
                    self.assertNotIn(b"root:", answer)
                    self.assertEqual(server.get("/-/healthy")[0], 200)

    def test_deep_and_long_queries_are_answered_with_errors(self):
        with Server() as server:
            for query in ("(" * 100_000 + "1" + ")" * 100_000, "-" * 100_000 + "1", "1" + "+1" * 200_000,
                          "sum(" * 50_000 + "up" + ")" * 50_000, 'up{a=~"' + "(a+)+" * 1000 + '"}', "\0",
                          "\xff" * 1000):
                with self.subTest(query[:20]):
                    form = "query=" + urllib.parse.quote(query)
                    status, _, body = server.request("POST", "/api/v1/query", form,
                                                     {"Content-Type": "application/x-www-form-urlencoded"})
                    self.assertIn(status, (200, 400, 422), body[:300])
                    self.assertIsNone(server.process.poll())


if __name__ == "__main__":
    main()
