"""barotool's commands that write: blocks from files and rules, import, check and repair, bench. A server finds what they made."""
import json
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from beside_prometheus import Prometheus
from harness import BAROTOOL, Server, main, peer, wait_for
from known_samples import KnownSamples, bits_of, raw_sample
from remote_write import push, series

NO_TARGETS = "scrape_configs: []\n"


def barotool(*arguments, status=0):
    done = subprocess.run([BAROTOOL, "tsdb", *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode != status:
        raise AssertionError(f"{arguments}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout + done.stderr


class TsdbTools(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="barograph-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.data = self.folder / "data"

    def server(self, *flags):
        server = Server("--web.enable-remote-write-receiver", *flags, config=NO_TARGETS, folder=self.folder)
        self.addCleanup(server.stop)
        return server.start()

    def test_blocks_from_openmetrics_are_found_by_a_server(self):
        start = int(time.time()) // 7200 * 7200 - 20 * 3600
        lines = ["# HELP made of a file", "# TYPE made gauge"]
        moments = [start + moment * 60 for moment in range(600)]
        lines += [f'made{{i="{index}"}} {moment % 1000}.25 {moment}' for moment in reversed(moments) for index in range(3)]
        source = self.folder / "made.om"
        source.write_text("\n".join(lines) + "\n# EOF\n")
        table = barotool("create-blocks-from", "openmetrics", source, self.data)
        self.assertEqual([line.split()[0] for line in table.splitlines()][0], "BLOCK")
        self.assertEqual(len(table.splitlines()), 1 + 5)  # ten hours
        server = self.server()
        result = server.query('made{i="1"}[11h]', time=moments[-1] + 1)
        self.assertEqual(result[0]["values"], [[moment, f"{moment % 1000}.25"] for moment in moments])
        analysis = barotool("analyze", "--extended", self.data)
        for word in ("Total Series: 3\n", "3 __name__=made", "columns (timestamps): ", "form: hot"):
            self.assertIn(word, analysis)
        # One that comes while the server runs.
        source.write_text(f"late 7 {moments[0]}\n# EOF\n")
        self.assertEqual(barotool("create-blocks-from", "openmetrics", "-q", source, self.data), "")
        wait_for("the block", lambda: server.value("late", time=moments[0]) == 7)

    def test_an_openmetrics_file_without_times_or_with_two_values_is_refused(self):
        source = self.folder / "bad.om"
        for text, want in (("x 1\n# EOF\n", "has no timestamp"), ("x 1 5\nx 2 5\n# EOF\n", "two values"),
                           ("x 1 5", "line 1")):
            source.write_text(text)
            self.assertIn(want, barotool("create-blocks-from", "openmetrics", source, self.data, status=1))
        self.assertEqual(list((self.data / "blocks").iterdir()) if self.data.exists() else [], [])

    def test_rules_are_worked_out_for_the_past(self):
        server = self.server()
        start = (int(time.time()) - 3600) // 60 * 60
        for moment in range(0, 1800, 15):
            points = [series({"__name__": "load", "i": str(index)}, raw_sample((start + moment) * 1000, bits_of(moment + index)))
                      for index in range(2)]
            self.assertEqual(push(server, *points)[0] // 100, 2)
        rules = self.folder / "rules.yml"
        rules.write_text("groups:\n  - name: g\n    interval: 30s\n    rules:\n"
                         "      - {record: 'load:sum', expr: 'sum(load)', labels: {from: rule}}\n"
                         "      - {alert: Never, expr: 'load < 0'}\n")
        table = barotool("create-blocks-from", "rules", f"--url=http://{server.address}", f"--start={start}",
                         f"--end={start + 1500}", f"--output-dir={self.data}", rules)
        self.assertIn("BLOCK ULID", table)
        wait_for("the block", lambda: server.query("load:sum", time=start + 60))
        values = server.query('load:sum{from="rule"}[30m]', time=start + 1501)[0]["values"]
        self.assertEqual(values, [[start + moment, str(2 * moment + 1)] for moment in range(0, 1501, 30)])
        rules.write_text("groups:\n  - name: g\n    rules: [{record: x, expr: 'sum('}]\n")
        self.assertIn("rules.yml:3", barotool("create-blocks-from", "rules", "--start=1", "--end=2", rules, status=1))

    @unittest.skipUnless(peer("prometheus"), "needs Debian's prometheus: ./dev setup all")
    def test_a_prometheus_is_imported_and_again_for_nothing(self):
        known = KnownSamples(240)
        prometheus = Prometheus(peer("prometheus"), NO_TARGETS, self.folder, "--storage.tsdb.min-block-duration=10m",
                                "--storage.tsdb.max-block-duration=20m", "--web.enable-remote-write-receiver",
                                "--enable-feature=native-histograms", data="theirs")
        self.addCleanup(prometheus.kill)
        prometheus.wait_until_ready()
        known.push_to(prometheus)
        theirs = self.folder / "theirs"
        wait_for("blocks", lambda: sum(len(path.name) == 26 for path in theirs.iterdir()) >= 2)
        prometheus.stop()
        first = barotool("import", theirs, self.data)
        self.assertGreaterEqual(first.count("compared"), 2)
        self.assertIn("log: ", first)
        again = barotool("import", theirs, self.data)
        self.assertEqual((again.count("compared"), again.count("is there already")), (0, first.count("compared") + 1))
        self.assertEqual(barotool("dump", self.data), barotool("dump", theirs))
        self.assertEqual(barotool("dump", self.data).count("\n"),
                         sum(len(points) for points in [*known.floats.values(), *known.histograms.values()]))
        # In place: the copies are read instead.
        barotool("import", theirs, theirs)
        server = Server(config=NO_TARGETS, folder=self.folder)
        (self.folder / "data").rename(self.folder / "other")
        theirs.rename(self.folder / "data")
        self.addCleanup(server.stop)
        server.start()
        self.assertEqual({block["format"] for block in server.api("status/tsdb/blocks")["blocks"]}, {"barograph"})
        self.assertEqual(server.value("count(load_total)", time=known.end / 1000), 5)

    def test_damage_is_named_and_repaired(self):
        server = self.server("--storage.tsdb.min-block-duration=10m")
        known = KnownSamples(240)
        known.push_to(server)
        wait_for("blocks", lambda: len(server.api("status/tsdb/blocks")["blocks"]) >= 2)
        self.assertIn("; 0 damaged places", barotool("check", self.data))  # beside the server
        self.assertIn("end the server first", barotool("check", "--repair", self.data, status=1))
        server.stop()
        before = barotool("dump", self.data).count("\n")
        block = sorted((self.data / "blocks").iterdir())[0]
        segment = sorted(path for path in (self.data / "log").iterdir() if path.name.isdigit())[-1]
        for path in (block / "chunks", segment):
            octets = bytearray(path.read_bytes())
            octets[len(octets) // 2] ^= 0x10
            path.write_bytes(octets)
        report = barotool("check", self.data, status=1)
        self.assertIn(f"blocks/{block.name}", report)
        self.assertIn(segment.name, report)
        self.assertIn("may be missing", report)
        repaired = barotool("check", "--repair", self.data, status=3)
        self.assertEqual(repaired.count("repaired: "), report.count("may be missing"))
        self.assertTrue((self.data / "quarantine" / block.name).exists())
        self.assertIn("; 0 damaged places", barotool("check", self.data))
        # No damage is left; what it took from the block is missing still, and told.
        loss = rf"block {block.name}: damaged; \d+ of \d+ samples were written to block \w{{26}}"
        dump = barotool("dump", self.data, status=1)
        self.assertRegex(dump, f"\nsamples may be missing: {loss}\n")
        after = dump.count("\n")
        self.assertLess(after, before)
        self.assertGreater(after, before * 0.3)
        server.start()
        warnings = json.loads(server.get("/api/v1/status/tsdb/blocks")[2]).get("warnings", [])
        self.assertEqual(len(warnings), 1, warnings)
        self.assertRegex(warnings[0], f"^{loss}$")

    def test_bench_prints_figures(self):
        report = barotool("bench", f"--out={self.folder / 'bench'}", "--series=500", "--scrapes=1000")
        for word in ("series made", "append of rows", "bytes per sample", "cut into blocks", "select from all", "peak memory"):
            self.assertIn(word, report)
        self.assertIn("not empty", barotool("bench", f"--out={self.folder / 'bench'}", status=1))
        (self.folder / "page").write_text("a 1\nb{c=\"d\"} 2\n")
        self.assertIn("2 series", barotool("bench", f"--out={self.folder / 'more'}", "--scrapes=10", self.folder / "page"))

    def test_help_names_every_command(self):
        text = subprocess.run([BAROTOOL, "tsdb", "--help"], capture_output=True, text=True, check=True).stdout
        for command in ("list", "dump", "dump-openmetrics", "analyze", "export", "import", "create-blocks-from", "check", "bench"):
            self.assertIn(command, text)


if __name__ == "__main__":
    main()
