"""What a configuration would do, before it does it: barotool plan, relabel and check service-discovery."""
import json
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import BAROTOOL, Server, Targets, config_of, job, main, wait_for

RULES = """    relabel_configs:
      - {source_labels: [__address__], regex: '([^:]+):.*', target_label: host}
      - {source_labels: [env], regex: test, action: drop}
"""


def barotool(*arguments):
    return subprocess.run([BAROTOOL, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


def groups(*targets, **labels):
    return json.dumps([{"targets": list(targets), "labels": labels}]).encode()


class Offline(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "p.yml")

    def test_relabel_shows_each_step(self):
        self.path.write_text(config_of(job("a", "host:1", extra=RULES)))
        done = barotool("relabel", self.path)
        self.assertEqual(done.returncode, 0, done.stderr)
        for line in ('     + host="host"\n', "     no change\n", ' of http://host:1/metrics\n'):
            self.assertIn(line, done.stdout)
        done = barotool("relabel", self.path, "__address__=x:1", "env=test")
        self.assertIn("   2 {action: drop, source_labels: [env], regex: \"test\"}\n     dropped\n", done.stdout)
        self.assertEqual(barotool("relabel", self.path, '{"__address__": "x:1", "env": "test"}').stdout, done.stdout)
        done = barotool("relabel", "--metric", self.path)
        self.assertEqual((done.returncode, "name the labels of a series" in done.stderr), (1, True))
        done = barotool("relabel", self.path, "oops")
        self.assertIn('"oops": expected name=value', done.stderr)
        done = barotool("relabel", "--job=b", self.path)
        self.assertIn('has no job "b"; it has: a', done.stderr)

    def test_discoveries_are_asked_and_what_fails_is_told(self):
        pages = {"/sd": lambda handler: handler.answer(groups("x:1", "y:1", env="prod"), "application/json")}
        with Targets(pages) as sd:
            http = f"    http_sd_configs: [{{url: 'http://{sd.address}/sd'}}, {{url: 'http://{sd.address}/none'}}]\n"
            self.path.write_text(config_of(job("a", "x:2", extra=RULES + http)))
            done = barotool("check", "service-discovery", self.path, "a")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("http discovery: ", done.stderr)
            found = json.loads(done.stdout)
            self.assertEqual([target["labels"]["instance"] for target in found], ["x:2", "x:1", "y:1"])
            self.assertEqual(found[1]["discoveredLabels"]["__meta_url"], f"http://{sd.address}/sd")
            self.assertEqual(barotool("check", "service-discovery", self.path, "z").returncode, 1)


class OfAServer(unittest.TestCase):
    def plan(self, server, *jobs, extra=""):
        path = server.folder / "new.yml"
        path.write_text(extra + config_of(*jobs))
        done = barotool("plan", path, f"--url=http://{server.address}", "-ojson")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.text = barotool("plan", path, f"--url=http://{server.address}").stdout
        told = json.loads(done.stdout)
        return told, {item["name"]: item for item in told["jobs"]}

    def test_tells_what_would_change(self):
        running = [job("gone", "127.0.0.1:1"), job("moved", "127.0.0.1:2"), job("same", "127.0.0.1:3"),
                   job("other", "127.0.0.1:4")]
        with Server(config=config_of(*running)) as server:
            wait_for("targets", lambda: len(server.api("targets")["activeTargets"]) == 4)
            _, jobs = self.plan(server, *running)
            self.assertEqual({item["change"] for item in jobs.values()}, {"unchanged"})
            self.assertIn("  no changes\n", self.text)

            told, jobs = self.plan(
                server, job("moved", "127.0.0.1:9"), running[2], job("new", "127.0.0.1:5"),
                job("other", "127.0.0.1:4", extra=RULES), extra="global: {evaluation_interval: 30s}\n")
            self.assertEqual({name: item["change"] for name, item in jobs.items()},
                             {"gone": "removed", "moved": "retargeted", "same": "unchanged", "new": "added",
                              "other": "changed"})
            self.assertEqual(told["fields"],
                             [{"path": "global.evaluation_interval", "before": "1m", "after": "30s"}])
            self.assertEqual(jobs["moved"]["targetsAdded"],
                             [{"labels": {"instance": "127.0.0.1:9", "job": "moved"},
                               "scrapeUrl": "http://127.0.0.1:9/metrics"}])
            self.assertEqual(jobs["moved"]["targetsRemoved"][0]["labels"]["instance"], "127.0.0.1:2")
            self.assertEqual(jobs["other"]["targetsAdded"][0]["labels"]["host"], "127.0.0.1")
            self.assertEqual(jobs["same"]["targetsStaying"], 1)
            self.assertIn("  ~ global.evaluation_interval: 1m -> 30s\n", self.text)
            self.assertIn('  - job "gone" (removed): 0 targets more, 1 less, 0 stay\n', self.text)
            self.assertIn("1 of 5 jobs keep their settings", self.text)

    def test_targets_of_a_discovery_that_stays_are_the_servers(self):
        asked = []

        def answer(handler):
            asked.append(handler.path)
            handler.answer(groups("x:1", "y:1", env="prod"), "application/json")

        with Targets({"/sd": answer}) as sd:
            http = f"    http_sd_configs: [{{url: 'http://{sd.address}/sd', refresh_interval: 1h}}]\n"
            with Server(config=config_of(job("a", "z:1", extra=http))) as server:
                wait_for("targets", lambda: len(server.api("targets")["activeTargets"]) == 3)
                self.assertEqual(len(asked), 1)
                drop = "    relabel_configs: [{source_labels: [__address__], regex: 'x.*', action: drop}]\n"
                _, jobs = self.plan(server, job("a", "z:1", path="/other", extra=http + drop))
                self.assertEqual(len(asked), 1, "the discovery was not asked again")
                self.assertEqual({target["scrapeUrl"] for target in jobs["a"]["targetsAdded"]},
                                 {"http://y:1/other", "http://z:1/other"})
                self.assertEqual(len(jobs["a"]["targetsRemoved"]), 3)
                self.assertEqual([field["path"] for field in jobs["a"]["fields"]], ["metrics_path", "relabel_configs"])

    def test_problems_are_told(self):
        with Server(config=config_of(job("a", "127.0.0.1:1"))) as server:
            path = server.folder / "new.yml"
            path.write_text("scrape_configs: [{job_nam: a}]\n")
            done = barotool("plan", path, f"--url=http://{server.address}")
            self.assertEqual((done.returncode, "job_nam: unknown field" in done.stderr), (1, True))
            path.write_text("remote_write: [{url: 'http://x'}]\n")
            done = barotool("plan", path, f"--url=http://{server.address}")
            self.assertEqual((done.returncode, "REFUSED: " in done.stdout), (1, True))
            self.assertEqual(barotool("plan", path, "--url=http://127.0.0.1:1").returncode, 1)


if __name__ == "__main__":
    main()
