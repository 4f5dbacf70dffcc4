"""Blocks and data directories beside Debian's Prometheus and promtool: equal words about them, equal bits in them."""
import json
import math
import re
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from beside_prometheus import Prometheus, difference
from harness import BAROTOOL, Server, main, peer, wait_for
from known_samples import STALE, KnownSamples, bits_of, raw_sample, value_of
from remote_read import read_all
from remote_write import push, series

NO_TARGETS = "scrape_configs: []\n"
BLOCK = "--storage.tsdb.min-block-duration=10m"
PROMETHEUS_FLAGS = [BLOCK, "--storage.tsdb.max-block-duration=40m", "--web.enable-remote-write-receiver",
                    "--enable-feature=native-histograms", "--web.enable-admin-api"]
MOMENTS = 480  # two hours
RANGE_MS = 600_000  # of a block at first
MINUS_ZERO = 1 << 63
FLOATS = '{__name__=~".+",__name__!="sizes"}'


def run(*command, status=0):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode != status:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout


def blocks_of(data):
    return sorted(path.name for path in data.iterdir() if re.fullmatch("[0-9A-HJKMNP-TV-Z]{26}", path.name))


def content_of(data):
    """{name: bytes} of what Prometheus has in the directory."""
    found = {}
    for path in data.rglob("*"):
        first = path.relative_to(data).parts[0]
        if path.is_file() and (first in ("wal", "wbl", "chunks_head") or len(first) == 26):
            found[str(path.relative_to(data))] = path.read_bytes()
    return found


def sections(text):
    """promtool's lists with ties in a fixed order. Later ones than 2.42 say "Total Series"."""
    text = text.replace("\nTotal Series: ", "\nSeries: ")
    return [sorted(part.splitlines()) for part in text.split("\n\n")]


def is_same_number(left, right):
    a, b = (float(text.replace("Inf", "inf")) for text in (left, right))
    return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))


@unittest.skipUnless(peer("prometheus") and peer("promtool"), "needs Debian's prometheus: ./dev setup all")
class PrometheusBlocks(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="barograph-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.data = self.folder / "data"

    def start_prometheus(self, data="data", config=""):
        prometheus = Prometheus(peer("prometheus"), NO_TARGETS + config, self.folder, *PROMETHEUS_FLAGS, data=data)
        self.addCleanup(self.end, prometheus)
        prometheus.wait_until_ready()
        return prometheus

    @staticmethod
    def end(prometheus):
        if prometheus.process.poll() is None:
            prometheus.kill()

    def start_barograph(self):
        server = Server(BLOCK, "--web.enable-admin-api", "--web.enable-remote-write-receiver", config=NO_TARGETS,
                        folder=self.folder)
        self.addCleanup(server.stop)
        return server.start()

    def written_by_prometheus(self, known):
        """A Prometheus that has all samples, in blocks and in its head."""
        prometheus = self.start_prometheus()
        known.push_to(prometheus)
        wait_for("blocks", lambda: len(blocks_of(self.data)) >= 3)
        return prometheus

    def promtool(self, *arguments):
        """On a copy: it writes into the directories that it looks at."""
        copy = Path(tempfile.mkdtemp(dir=self.folder))
        source = Path(arguments[-1] if arguments[0] != "analyze" else arguments[1])
        shutil.copytree(source, copy / "data")
        (copy / "data/wal").mkdir(exist_ok=True)
        return run(peer("promtool"), "tsdb",
                   *[copy / "data" if str(argument) == str(source) else argument for argument in arguments])

    def assert_bits(self, prometheus, known):
        """What the Prometheus has is what was pushed, to the bit."""
        found = read_all(prometheus, known.start - 1000, known.end + 1000)
        for pairs, points in known.floats.items():
            # Remote read leaves out what equals 0, so -0 comes without its sign: assert_answers() looks at that.
            wanted = {stamp: 0 if bits == MINUS_ZERO else bits for stamp, bits in points.items()}
            self.assertEqual(found.pop(pairs, None), wanted, pairs)
        for pairs in known.histograms:  # 2.42 has none in this answer: assert_answers() looks at them
            found.pop(pairs, None)
        self.assertEqual(found, {})

    def assert_answers(self, server, known):
        """Queries give what was pushed; stale markers are not shown."""
        seconds = (known.end - known.start) // 1000 + 20
        result = server.api("query", query=f'{{__name__=~".+"}}[{seconds}s]', time=known.end / 1000 + 5)["result"]
        floats = {frozenset(entry["metric"].items()): entry["values"] for entry in result if "values" in entry}
        for pairs, points in known.floats.items():
            wanted = [(stamp, bits) for stamp, bits in points.items() if bits != STALE]
            got = floats.get(pairs, [])
            self.assertEqual([round(stamp * 1000) for stamp, _ in got], [stamp for stamp, _ in wanted], pairs)
            for (_, text), (stamp, bits) in zip(got, wanted):
                self.assertTrue(is_same_number(text, str(value_of(bits))), f"{pairs} at {stamp}: {text}")
        for pairs, points in known.histograms.items():
            got = [entry["histograms"] for entry in result if frozenset(entry["metric"].items()) == pairs]
            self.assertEqual([round(stamp * 1000) for stamp, _ in got[0]], list(points), pairs)
            for (_, shown), counts in zip(got[0], points.values()):
                self.assertEqual(float(shown["sum"]), 1.5 * sum(counts))
                self.assertEqual(float(shown["count"]), sum(counts))
                buckets = [(float(low), float(high), float(count)) for _, low, high, count in shown["buckets"]]
                self.assertEqual(buckets, [(2.0 ** (index - 1), 2.0 ** index, count)
                                           for index, count in enumerate(counts) if count > 0])

    def test_tools_say_the_same_about_what_prometheus_wrote(self):
        self.written_by_prometheus(KnownSamples(MOMENTS)).stop()
        before = content_of(self.data)
        for flags in ([], ["-r"]):
            self.assertEqual(run(BAROTOOL, "tsdb", "list", *flags, self.data), self.promtool("list", *flags, self.data))
        dump = run(BAROTOOL, "tsdb", "dump", "--match", FLOATS, self.data)
        self.assertGreater(dump.count("\n"), MOMENTS * 12)
        self.assertEqual(dump, self.promtool("dump", "--match", FLOATS, self.data))
        for block in blocks_of(self.data):
            analysis = run(BAROTOOL, "tsdb", "analyze", "--limit=1000", self.data, block)
            self.assertEqual(sections(analysis), sections(self.promtool("analyze", self.data, "--limit=1000", block)), block)
            # What more there is has the words of later versions.
            extended = run(BAROTOOL, "tsdb", "analyze", "--limit=1000", "--extended", self.data, block)
            self.assertTrue(extended.startswith(analysis))
            self.assertIn("samples per histogram chunk (min/avg/max): ", extended)
        self.assertEqual(content_of(self.data), before, "barotool changed what it looked at")

    def test_tools_say_the_same_about_blocks_from_openmetrics(self):
        lines = ["# TYPE made gauge"]
        for index in range(3):
            lines += [f'made{{i="{index}"}} {value} {1_700_000_000 + moment * 60}' for moment, value in
                      enumerate(["1", "-0", "NaN", "+Inf", "-Inf", "0.1", "1e300"] * 60)]
        (self.folder / "made.om").write_text("\n".join(lines) + "\n# EOF\n")
        run(peer("promtool"), "tsdb", "create-blocks-from", "openmetrics", self.folder / "made.om", self.data)
        self.assertGreaterEqual(len(blocks_of(self.data)), 3)
        self.assertEqual(run(BAROTOOL, "tsdb", "list", self.data), self.promtool("list", self.data))
        self.assertEqual(run(BAROTOOL, "tsdb", "dump", self.data), self.promtool("dump", self.data))

    def test_what_barograph_exports_is_read_by_prometheus(self):
        known = KnownSamples(MOMENTS)
        server = self.start_barograph()
        known.push_to(server)
        wait_for("blocks", lambda: len(server.api("status/tsdb/blocks")["blocks"]) >= 3)
        self.assert_answers(server, known)
        server.stop()
        out = self.folder / "exported"
        run(BAROTOOL, "tsdb", "export", "--block-duration=30m", self.data, out)
        self.assertGreaterEqual(len(blocks_of(out)), 4)
        self.assertEqual(run(BAROTOOL, "tsdb", "list", out), self.promtool("list", out))
        self.promtool("analyze", out, "--extended")
        dump = self.promtool("dump", "--match", FLOATS, out)
        self.assertEqual(dump, run(BAROTOOL, "tsdb", "dump", "--match", FLOATS, self.data))
        self.assertEqual(dump.count("\n"), sum(map(len, known.floats.values())))
        prometheus = self.start_prometheus(data="exported")
        self.assert_bits(prometheus, known)
        self.assert_answers(prometheus, known)

    def check_in_place(self, known):
        """Barograph over a directory that Prometheus has left, and Prometheus over it again."""
        before = content_of(self.data)
        server = self.start_barograph()
        self.assertEqual(json.loads(server.get("/api/v1/status/tsdb/blocks")[2]).get("warnings", []), [])
        self.assert_answers(server, known)
        now_ms = int(time.time() * 1000)
        self.assertEqual(push(server, series({"__name__": "fresh"}, raw_sample(now_ms, bits_of(7.0))))[0] // 100, 2)
        server.kill()
        server.start()
        self.assertEqual(server.value("fresh", time=now_ms / 1000), 7)
        self.assert_answers(server, known)
        server.stop()
        out = self.folder / "exported"
        run(BAROTOOL, "tsdb", "export", "--max-time", known.end, self.data, out)
        self.assertEqual(content_of(self.data), before, "Barograph changed files of Prometheus")
        prometheus = self.start_prometheus()
        self.assert_bits(prometheus, known)
        self.assert_answers(prometheus, known)
        prometheus.stop()
        exported = self.start_prometheus(data="exported")
        self.assert_bits(exported, known)
        self.assert_answers(exported, known)

    def test_a_directory_of_prometheus_is_read_in_place(self):
        known = KnownSamples(MOMENTS)
        self.written_by_prometheus(known).stop()
        self.check_in_place(known)

    def test_a_killed_prometheus_has_its_samples_in_its_log_only(self):
        known = KnownSamples(20)
        prometheus = self.start_prometheus()
        known.push_to(prometheus)
        prometheus.kill()
        self.assertEqual(blocks_of(self.data), [])
        self.check_in_place(known)

    def test_what_prometheus_adds_in_between_is_seen_at_the_next_start(self):
        known = KnownSamples(20)
        prometheus = self.start_prometheus()
        known.push_to(prometheus)
        prometheus.kill()
        server = self.start_barograph()
        # Debian's takes no lock unless it is told to, so both may run: neither harms the other.
        prometheus = self.start_prometheus()
        later = known.end + 10_000
        self.assertEqual(push(prometheus, series({"__name__": "between"}, raw_sample(later, bits_of(3.0))))[0] // 100, 2)
        self.assert_answers(prometheus, known)
        self.assert_answers(server, known)
        self.assertEqual(server.query("between", time=later / 1000), [])
        prometheus.stop()
        server.stop()
        server.start()
        self.assertEqual(server.value("between", time=later / 1000), 3)
        self.assertEqual(server.value("count(load_total)", time=known.end / 1000), 5)

    def test_a_directory_that_is_in_use_is_refused(self):
        known = KnownSamples(4)
        prometheus = self.start_prometheus()
        known.push_to(prometheus)
        server = Server(config=NO_TARGETS, folder=self.folder)
        server.start(wait=False)
        self.addCleanup(server.stop)
        self.assertNotEqual(server.process.wait(60), 0)
        self.assertIn("Prometheus, has the data directory", server.log())
        self.assert_answers(prometheus, known)
        self.assertFalse((self.data / "blocks").exists())

    def test_late_samples_and_deletes_are_seen_as_prometheus_saw_them(self):
        """`kill -9` with a log of late samples and deletes in it; then with both in blocks."""
        # Late samples of a range that is not cut yet become a block of their own, and Prometheus 2.42 forgets that they were
        # late when it joins that block: at its next start it takes the range for complete. Ends where that does not happen.
        end_ms = (int(time.time() * 1000) - 6 * 60_000) // RANGE_MS * RANGE_MS + 6 * 60_000
        for moments, is_killed in ((40, True), (MOMENTS, False)):
            with self.subTest(moments=moments):
                known = KnownSamples(moments, histograms=False, end_ms=end_ms)
                shutil.rmtree(self.data, ignore_errors=True)
                prometheus = self.start_prometheus(config="storage: {tsdb: {out_of_order_time_window: 3h}}\n")
                known.push_to(prometheus)
                late = [raw_sample(known.start + moment * 15_000 + 7_000, bits_of(-float(moment)))
                        for moment in range(1, moments - 1, 3)]
                for part in (late[1::2], late[::2]):
                    pushed = push(prometheus, series({"__name__": "load_total", "job": "a", "i": "1"}, *part))
                    self.assertEqual(pushed[0] // 100, 2, pushed[2])
                middle = (known.start + known.end) / 2000
                for query in ("match[]=mantissa", f"match[]=heat{{i='2'}}&end={middle}"):
                    self.assertEqual(prometheus.request("POST", f"/api/v1/admin/tsdb/delete_series?{query}")[0], 204)
                asked = {"query": f'{{__name__=~".+"}}[{(known.end - known.start) // 1000 + 20}s]', "time": known.end / 1000 + 5}
                wanted = prometheus.api("query", **asked)
                by_name = {(entry["metric"]["__name__"], entry["metric"].get("i")): entry["values"]
                           for entry in wanted["result"]}
                self.assertEqual(len(by_name["load_total", "1"]), moments + len(late))
                self.assertNotIn(("mantissa", None), by_name)
                self.assertLess(len(by_name["heat", "2"]), moments)
                if is_killed:
                    prometheus.kill()
                else:
                    wait_for("blocks", lambda: len(blocks_of(self.data)) >= 3)
                    prometheus.stop()
                server = self.start_barograph()
                self.assertIsNone(difference(server.api("query", **asked), wanted))
                server.stop()

    def test_deletes_and_snapshots_know_whose_blocks_they_meet(self):
        known = KnownSamples(MOMENTS)
        self.written_by_prometheus(known).stop()
        theirs = blocks_of(self.data)
        server = self.start_barograph()
        listed = server.api("status/tsdb/blocks")["blocks"]
        self.assertEqual(sorted(block["ulid"] for block in listed if block["format"] == "prometheus"), theirs)
        self.assertIn(f"\nbarograph_tsdb_prometheus_blocks {len(theirs)}\n".encode(), server.get("/metrics")[2])
        status, _, body = server.request("POST", "/api/v1/admin/tsdb/delete_series?match[]=odd")
        self.assertEqual(status // 100, 4 if status < 500 else 5, body)
        self.assertIn(b"Import it first", body)
        self.assert_answers(server, known)
        name = json.loads(server.request("POST", "/api/v1/admin/tsdb/snapshot")[2])["data"]["name"]
        server.stop()
        self.assertEqual(blocks_of(self.data / "snapshots" / name), theirs)
        self.assertEqual(run(BAROTOOL, "tsdb", "dump", self.data / "snapshots" / name),
                         run(BAROTOOL, "tsdb", "dump", self.data))


if __name__ == "__main__":
    main()
