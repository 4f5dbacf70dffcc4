"""kill -9 with many series: all that was acknowledged is there, each time; how long it took is printed.

20,000 series of 70 samples; BARO_RESTART_SERIES=1000000 BARO_RESTART_ROWS=40 is the size that docs/performance.md tells of.
"""
import os
import re
import struct
import time
import unittest
from pathlib import Path

from harness import Server, main
from remote_write import field, labels, push, varint

SERIES = int(os.environ.get("BARO_RESTART_SERIES", "20000"))
ROWS = int(os.environ.get("BARO_RESTART_ROWS", "70"))  # two chunks of 32 rows, and some rows that are in none
STEP_MS = 15_000
SERIES_A_TARGET = 500
TARGETS_A_REQUEST = 4


def value_of(number, row):
    return number % 1000 + row * (number % 3)


class Restart(unittest.TestCase):
    def setUp(self):
        self.start_ms = int(time.time() * 1000) - ROWS * STEP_MS
        self.targets = [[self.head_of(number) for number in range(first, min(first + SERIES_A_TARGET, SERIES))]
                        for first in range(0, SERIES, SERIES_A_TARGET)]

    @staticmethod
    def head_of(number):
        target = number // SERIES_A_TARGET
        return number, labels([("__name__", "restart"), ("cpu", str(number % 64)),
                               ("instance", f"host-{target:04}.example.org:9100"), ("job", "node"),
                               ("n", str(number % SERIES_A_TARGET))])

    def push_row(self, server, row):
        stamp = b"\x10" + varint(self.start_ms + row * STEP_MS)
        for first in range(0, len(self.targets), TARGETS_A_REQUEST):
            body = b"".join(
                field(1, head + field(2, b"\x09" + struct.pack("<d", value_of(number, row)) + stamp))
                for target in self.targets[first:first + TARGETS_A_REQUEST] for number, head in target)
            status, _, text = push(server, body)
            self.assertIn(status, (200, 204), text)

    def check(self, server, rows):
        """Counts and sums are of integers, and exact."""
        at = (self.start_ms + rows * STEP_MS) / 1000
        self.assertEqual(server.value("sum(count_over_time(restart[2h]))", time=at), SERIES * rows)
        want = sum(value_of(number, row) for number in range(SERIES) for row in range(rows)) if SERIES <= 50_000 else None
        if want is not None:
            self.assertEqual(server.value("sum(sum_over_time(restart[2h]))", time=at), want)
        newest = sum(value_of(number, rows - 1) for number in range(SERIES))
        self.assertEqual(server.value("sum(restart)", time=at), newest)

    @staticmethod
    def memory_mib(server, name):
        text = Path(f"/proc/{server.process.pid}/status").read_text()
        return int(re.search(rf"^{name}:\s+(\d+) kB", text, re.M).group(1)) / 1024

    def kill_and_start(self, server):
        before = self.memory_mib(server, "RssAnon")
        server.kill()
        log_end = len(server.log())
        begin = time.monotonic()
        server.start(wait=False)
        peak = 0.0
        while True:  # the harness looks ten times a second, which is too coarse for what is measured here
            self.assertIsNone(server.process.poll(), "the server ended")
            peak = max(peak, self.memory_mib(server, "RssAnon"))
            listening = re.findall(r'msg=listening.*?address="?([0-9.:]+)', server.log()[log_end:])
            try:
                if listening:
                    server.address = listening[-1]
                    if server.get("/-/ready")[0] == 200:
                        break
            except OSError:
                pass
            time.sleep(0.005)
        seconds = time.monotonic() - begin
        peak = max(peak, self.memory_mib(server, "RssAnon"))
        print(f"{SERIES} series: ready {seconds:.2f} s after the start; anonymous memory {before:.0f} MiB before the kill, "
              f"at most {peak:.0f} MiB while it started", flush=True)
        replayed = [line for line in server.log().splitlines() if "log replayed" in line]
        print(replayed[-1], flush=True)

    def test_nothing_acknowledged_is_lost(self):
        with Server("--web.enable-remote-write-receiver", config="{}") as server:
            pushed = 0
            for rows in (ROWS * 4 // 7, ROWS):
                for row in range(pushed, rows):
                    self.push_row(server, row)
                pushed = rows
                self.kill_and_start(server)
                self.check(server, rows)
            self.kill_and_start(server)  # with nothing new
            self.check(server, ROWS)


if __name__ == "__main__":
    main()
