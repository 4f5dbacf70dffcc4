"""Kill points: the server dies at a system call, and nothing that was acknowledged is gone.

A scripted run logs, seals, writes a checkpoint, cuts and joins blocks, applies retention and deletes. It is run again and
again under strace, which kills the process at the N-th call of one kind on any of its threads, or makes that call fail. After
each the server starts again without help and is asked for all that was acknowledged.

In CI some points are looked at, spread over the run; with BARO_FAULTS=whole (`./dev test faults`) every one, until a run ends unharmed.
"""
import http.client
import itertools
import os
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from harness import BAROGRAPH, Server, free_port, main, wait_for
from remote_write import push, sample, series

IS_WHOLE = os.environ.get("BARO_FAULTS") == "whole"
RANGE_SECONDS = 20
SERIES = 12
STEP_MS = 500
# Calls that change files or make them durable, with the points that are looked at in CI. strace counts for each thread.
KILLS = {"fdatasync": (1, 3, 7, 12, 20), "fsync": (1, 3, 6, 10), "write": (4, 9, 20, 45), "rename": (1, 2, 4, 7),
         "mkdir": (1, 3), "unlink": (1, 4), "openat": (30, 60), "ftruncate": (1,)}
# Calls that fail, and with what.
FAILURES = [("fdatasync", "EIO"), ("fsync", "EIO"), ("write", "ENOSPC"), ("rename", "EIO"), ("openat", "EMFILE"), ("openat", "ENOSPC"),
            ("mkdir", "ENOSPC"), ("unlink", "EIO"), ("write", "EIO")]
FLAGS = ["--web.enable-remote-write-receiver", "--web.enable-admin-api",
         f"--storage.tsdb.min-block-duration={RANGE_SECONDS}s", "--storage.tsdb.max-block-duration=3m"]
EMPTY = "scrape_configs: []\n"


def strace_is_allowed():
    """None, or why not."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=fsync:error=EIO:when=1", "true"],
                           capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"ptrace is not allowed here: {tried.stderr.strip()}"


class Ledger:
    """What was acknowledged: samples by series and time, and up to where one series was deleted."""

    def __init__(self):
        self.samples = {}
        self.deleted_until_ms = None

    def copy(self):
        other = Ledger()
        other.samples = dict(self.samples)
        return other


def push_rows(server, ledger, first_ms, rows):
    """Pushes rows until the server is gone. A push without an answer may be there or not."""
    for row in range(rows):
        stamp_ms = first_ms + row * STEP_MS
        values = {(str(i), stamp_ms): float(stamp_ms % 10_000_019 + i) for i in range(SERIES)}
        message = [series({"__name__": "kill", "i": i}, sample(stamp, value)) for (i, stamp), value in values.items()]
        status, _, body = push(server, *message)
        if status // 100 == 2:
            ledger.samples.update(values)
        elif status not in (500, 503):
            raise AssertionError(f"a push got {status}: {body}")


def delete_first_series(server, ledger, until_ms):
    status, _, body = server.request(
        "POST", f"/api/v1/admin/tsdb/delete_series?match[]=kill%7Bi=%220%22%7D&end={until_ms / 1000}")
    if status // 100 == 2:
        ledger.deleted_until_ms = until_ms
    elif status not in (422, 500, 503):
        raise AssertionError(f"a delete got {status}: {body}")


class KillPoints(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = strace_is_allowed()
        if reason:
            print(f"skipped: {reason}", flush=True)
            raise unittest.SkipTest(reason)
        cls.folder = Path(tempfile.mkdtemp(prefix="barograph-kill-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        # What all runs begin with: ten ranges of samples, the older ones in blocks once a maintenance has come.
        cls.now_ms = int(time.time() * 1000) // 1000 * 1000
        cls.begin_ms = cls.now_ms - 12 * RANGE_SECONDS * 1000
        cls.before = Ledger()
        template = cls.folder / "template"
        template.mkdir()
        with Server(*FLAGS, config=EMPTY, folder=template) as server:
            push_rows(server, cls.before, cls.begin_ms, 10 * RANGE_SECONDS * 1000 // STEP_MS)
            server.stop()
            shutil.copytree(template / "data", cls.folder / "data")

    def start_with_fault(self, folder, inject, before):
        strace = ("" if inject == "none" else
                  f'strace -f -qq -o /dev/null -e trace={inject.split(":")[0]} -e signal=none -e inject={inject}')
        starter = folder / "starter"
        starter.write_text(f'#!/bin/bash\n{before}\nexec {strace} {BAROGRAPH} "$@"\n')
        starter.chmod(0o755)
        # The line of the log that tells the address may be what cannot be written.
        port = free_port()
        server = Server(*FLAGS, "--storage.tsdb.retention.time=150s", config=EMPTY, folder=folder, binary=str(starter), port=port)
        server.start(wait=False)
        server.address = f"127.0.0.1:{port}"
        return server

    def script(self, server, ledger):
        """The run. It ends early when the server is gone."""
        def is_up():
            if server.process.poll() is not None:
                return "gone"
            return server.get("/-/ready")[0] == 200

        try:
            if wait_for("ready, or gone", is_up) == "gone":
                return
            first_ms = self.begin_ms + 10 * RANGE_SECONDS * 1000
            push_rows(server, ledger, first_ms, 20)
            delete_first_series(server, ledger, self.begin_ms + 4 * RANGE_SECONDS * 1000)
            # The first maintenance comes a second after the start: blocks, joins, retention, checkpoint.
            deadline = time.monotonic() + 2
            at_ms = first_ms + 20 * STEP_MS
            while time.monotonic() < deadline and server.process.poll() is None:
                push_rows(server, ledger, at_ms, 1)
                at_ms += STEP_MS
                time.sleep(0.02)
        except (OSError, http.client.HTTPException, AssertionError) as error:
            if isinstance(error, AssertionError) and server.process.poll() is None:
                raise

    def check(self, server, ledger):
        newest_ms = max(stamp for _, stamp in ledger.samples)
        found = {}
        for one in server.query("kill[2h]", time=str(newest_ms / 1000 + 60)):
            for stamp, value in one["values"]:
                found[(one["metric"]["i"], round(stamp * 1000))] = float(value)
        kept_from_ms = newest_ms - 150_000 + 2 * RANGE_SECONDS * 1000
        for (i, stamp), value in ledger.samples.items():
            if i == "0" and ledger.deleted_until_ms is not None and stamp <= ledger.deleted_until_ms:
                self.assertNotIn((i, stamp), found, "deleted, and back")
            elif stamp >= kept_from_ms:
                self.assertEqual(found.get((i, stamp)), value, f"series {i} at {stamp}")
        for (i, stamp), value in found.items():
            self.assertEqual(value, float(stamp % 10_000_019 + int(i)), "a value that was never written")

    def run_once(self, inject, before="true"):
        """Whether the server was killed. `before` is run in the shell that starts it."""
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=self.folder))
        try:
            shutil.copytree(self.folder / "data", folder / "data")
            ledger = self.before.copy()
            server = self.start_with_fault(folder, inject, before)
            try:
                self.script(server, ledger)
                was_killed = server.process.poll() is not None
            finally:
                if server.process.poll() is None:
                    # Of strace the child is the server; without it that is the process itself.
                    subprocess.run(["pkill", "-KILL", "-P", str(server.process.pid)], check=False)
                    if inject == "none":
                        server.process.kill()
                    server.process.wait()
            started = time.monotonic()
            again = Server(*FLAGS, "--storage.tsdb.retention.time=150s", config=EMPTY, folder=folder)
            try:
                again.start()
                self.slowest = max(self.slowest, time.monotonic() - started)
                self.check(again, ledger)
            except AssertionError as error:
                raise AssertionError(f"{inject} {before}: {error}\n{again.log()[-3000:]}") from error
            finally:
                again.stop()
            return was_killed
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    slowest = 0.0

    def test_nothing_is_lost_when_the_server_is_killed_at_a_call(self):
        points = 0
        for call, some in KILLS.items():
            for number in itertools.count(1) if IS_WHOLE else some:
                if not self.run_once(f"{call}:signal=KILL:when={number}"):
                    break  # the run has no more
                points += 1
        print(f"{points} points, slowest start {self.slowest:.2f} s", flush=True)
        self.assertGreater(points, 8, "or the test looks at nothing")

    def test_nothing_is_lost_when_calls_fail(self):
        for call, error in FAILURES:
            for when in (range(1, 40) if IS_WHOLE else (3,)):
                with self.subTest(call=call, error=error, when=when):
                    self.run_once(f"{call}:error={error}:when={when}")

    def test_nothing_is_lost_when_writes_are_short(self):
        """A file that reaches the limit of its size gets a part of what is written, and then nothing more."""
        for kibibytes in (range(4, 64, 2) if IS_WHOLE else (6, 17)):
            self.run_once("none", f"ulimit -f {kibibytes}; trap '' XFSZ")


if __name__ == "__main__":
    main()
