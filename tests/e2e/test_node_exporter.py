"""Barograph's view of the machine beside Debian's node_exporter: same families, types and label sets, same values."""
import http.client
import re
import subprocess
import unittest

import exposition
from harness import Server, free_port, main, peer, wait_for

# What of node_exporter's default output is ours, by collector. Values are compared family by family.
COLLECTORS = {
    "cpu": r"node_cpu_(seconds|guest_seconds)_total",
    "loadavg": r"node_load\d+",
    "meminfo": r"node_memory_.*",
    "vmstat": r"node_vmstat_.*",
    "diskstats": r"node_disk_.*",
    "filesystem": r"node_filesystem_.*",
    "netdev and netclass": r"node_network_.*",
    "pressure": r"node_pressure_.*",
    "filefd": r"node_filefd_.*",
    "stat": r"node_(boot_time_seconds|context_switches_total|forks_total|intr_total|procs_running|procs_blocked)",
    "time": r"node_time_seconds",
    "uname": r"node_uname_info",
    "os": r"node_os_(info|version)",
}
OURS = re.compile("|".join(f"(?:{pattern})" for pattern in COLLECTORS.values()))
# Of these the kernel shows a moment: they may be anywhere, and only their kind of value is compared.
MOMENTARY = re.compile(r"node_(procs_.*|load\d+|disk_io_now|filefd_allocated)")
# Gauges that drift while the three looks are taken.
DRIFTING = re.compile(r"node_(memory|filesystem)_.*")
DRIFT = 0.1
# Debian changes two defaults: /mnt, /media and /run are left out, disks mounted there included, and the traffic of lo.
# Ours are upstream's.
UPSTREAM_MOUNTS = "^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)"


def fetch(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def is_within(name, before, ours, after):
    """Whether our value lies between its two, each taken on one side of ours."""
    if MOMENTARY.fullmatch(name):
        return ours >= 0
    low, high = min(before, after), max(before, after)
    # Both round: to ticks, to microseconds, and through a double of seconds.
    slack = max(1e-9 * abs(high), 0.02 if "seconds" in name else 0)
    if DRIFTING.fullmatch(name):
        slack = max(slack, DRIFT * abs(high))
    return low - slack <= ours <= high + slack


class BesideNodeExporter(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        binary = peer("prometheus-node-exporter")
        if not binary:
            print("skipped: prometheus-node-exporter is neither in .cache/peers nor in the PATH", flush=True)
            raise unittest.SkipTest("prometheus-node-exporter is not there")
        cls.port = free_port()
        cls.exporter = subprocess.Popen([binary, f"--web.listen-address=127.0.0.1:{cls.port}",
                                         f"--collector.filesystem.mount-points-exclude={UPSTREAM_MOUNTS}",
                                         "--collector.netdev.device-exclude=^$"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.addClassCleanup(cls.end_exporter)
        cls.server = Server().start()
        cls.addClassCleanup(cls.server.__exit__)
        wait_for("node_exporter", lambda: fetch(cls.port, "/metrics")[0] == 200)

    @classmethod
    def end_exporter(cls):
        cls.exporter.terminate()
        cls.exporter.wait()

    def theirs(self):
        return self.read(fetch(self.port, "/metrics")[1])

    def ours(self):
        status, _, body = self.server.get("/metrics/node")
        self.assertEqual(status, 200)
        return self.read(body.decode())

    @staticmethod
    def read(text):
        types, samples = exposition.parse(text)
        return ({name: kind for name, kind in types.items() if OURS.fullmatch(name)},
                {key: value for key, value in samples.items() if OURS.fullmatch(key[0])})

    def test_families_and_types_are_the_same(self):
        theirs, ours = self.theirs()[0], self.ours()[0]
        for collector, pattern in COLLECTORS.items():
            with self.subTest(collector):
                def of(types, pattern=pattern):
                    return {name: kind for name, kind in types.items() if re.fullmatch(pattern, name)}
                self.assertEqual(of(ours), of(theirs))

    def test_label_sets_are_the_same(self):
        theirs, ours = self.theirs()[1], self.ours()[1]
        self.assertEqual(sorted(map(describe, theirs.keys() - ours.keys())), [], "only node_exporter has these")
        self.assertEqual(sorted(map(describe, ours.keys() - theirs.keys())), [], "only we have these")

    def test_nothing_else_is_exposed_that_it_lacks(self):
        types, _ = exposition.parse(fetch(self.port, "/metrics")[1])
        ours, _ = exposition.parse(self.server.get("/metrics/node")[2].decode())
        self.assertEqual(sorted(ours.keys() - types.keys()), [])

    def test_values_agree(self):
        # A look of ours between two of its own. What does not agree is looked at again: a value may jump to and fro in
        # between, but not each time.
        doubtful = None

        def agree():
            nonlocal doubtful
            before, ours, after = self.theirs()[1], self.ours()[1], self.theirs()[1]
            common = before.keys() & ours.keys() & after.keys()
            self.assertGreater(len(common), 100)
            wrong = {key for key in common if not is_within(key[0], before[key], ours[key], after[key])}
            doubtful = wrong if doubtful is None else doubtful & wrong
            agree.worst = {describe(key): (before[key], ours[key], after[key]) for key in doubtful & common}
            return not doubtful

        try:
            wait_for("values to agree", agree)
        except AssertionError:
            self.fail(f"never between its two: {agree.worst}")


def describe(key):
    name, labels = key
    return name + "{" + ",".join(f'{label}="{value}"' for label, value in sorted(labels)) + "}"


if __name__ == "__main__":
    main()
