"""A full disk: nothing that was shown is lost, queries go on, and scraping goes on when there is room again.

The data folder is a small file system in a mount namespace of the server's own. Where the machine does not allow one
(containers often do not), the test is skipped and says so.
"""
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import BAROGRAPH, Server, Targets, config_of, job, main, wait_for

DISK_BYTES = 8 << 20
PAGE = b"".join(b'full{i="%d"} %d\n' % (i, i) for i in range(200))
COUNT = 'count_over_time(full{i="0"}[1h])'
NAMESPACE = ["unshare", "--map-root-user", "--mount"]


class FullDisk(unittest.TestCase):
    def setUp(self):
        probe = subprocess.run([*NAMESPACE, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, text=True,
                               check=False)
        if probe.returncode != 0:
            print(f"skipped: no mount namespace to be had here: {probe.stderr.strip()}", flush=True)
            self.skipTest("no mount namespace")
        self.folder = Path(tempfile.mkdtemp(prefix="barograph-e2e-"))
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        (self.folder / "data").symlink_to(self.disk / "data")
        start = self.folder / "start"
        start.write_text(f"""#!/bin/sh
exec {' '.join(NAMESPACE)} sh -c '
  mount -t tmpfs -o size={DISK_BYTES} none {self.disk} && mkdir {self.disk}/data && exec {BAROGRAPH} "$@"' sh "$@"
""")
        start.chmod(0o755)
        self.start = str(start)

    def fill(self, filler):
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 4096)
            except OSError:
                pass  # full, as wanted

    def test_it_waits_for_room_and_goes_on(self):
        with Targets({"/metrics": PAGE}) as targets:
            config = config_of(job("t", targets.address))
            with Server(config=config, folder=self.folder, binary=self.start) as server:
                wait_for("three scrapes", lambda: (server.value(COUNT) or 0) >= 3)
                filler = Path(f"/proc/{server.process.pid}/root{self.disk}/filler")
                self.fill(filler)
                wait_for("the refusal in the log", lambda: "samples are refused until it can" in server.log())
                shown = server.query("full[1h]")
                self.assertEqual(len(shown), 200)
                self.assertEqual(server.get("/-/healthy")[0], 200)
                wait_for("the target to say so", lambda: server.api("targets")["activeTargets"][0]["lastError"])

                filler.unlink()
                before = server.value(COUNT)
                wait_for("new samples", lambda: (server.value(COUNT) or 0) >= before + 3)
                wait_for("the target to be up", lambda: server.value("up") == 1)
                after = {series["metric"]["i"]: series["values"] for series in server.query("full[1h]")}
                for series in shown:
                    there = after[series["metric"]["i"]]
                    self.assertEqual([point for point in series["values"] if point not in there], [])
                self.assertTrue(os.path.exists(f"/proc/{server.process.pid}"))
                server.stop()
                self.assertEqual(server.process.returncode, 0)


if __name__ == "__main__":
    main()
