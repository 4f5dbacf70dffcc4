"""Configuration: what is wrong is told with its place, and a reload applies whole or not at all."""
import json
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import BAROGRAPH, BAROTOOL, Server, Targets, config_of, job, main, wait_for


def run(*command, **kwargs):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **kwargs)


class StartUp(unittest.TestCase):
    def test_an_unknown_field_is_named_with_its_place(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "bad.yml")
            path.write_text("global:\n  scrape_intervall: 5s\n")
            for command in ([BAROGRAPH, f"--config.file={path}", f"--storage.tsdb.path={folder}/data",
                             "--web.listen-address=127.0.0.1:0"], [BAROTOOL, "check", "config", str(path)]):
                done = run(*command)
                self.assertEqual(done.returncode, 2 if command[0] == BAROGRAPH else 1)
                self.assertIn(f"{path}:2:3: global.scrape_intervall: unknown field; did you mean scrape_interval?",
                              done.stderr)

    def test_wrong_flags_and_missing_files_are_told(self):
        done = run(BAROGRAPH, "--query.timeout=soon")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--query.timeout: expected a duration", done.stderr)
        done = run(BAROGRAPH, "--storage.log.sync=never")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--storage.log.sync: expected always, interval or os", done.stderr)
        done = run(BAROGRAPH, "--no.such.flag")
        self.assertEqual(done.returncode, 2)
        done = run(BAROGRAPH, "--web.enable-otlp-receiver")
        self.assertIn("does not support it yet", done.stderr)
        done = run(BAROGRAPH, "--config.file=/no/such/file")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("/no/such/file", done.stderr)
        self.assertEqual(run(BAROGRAPH, "--version").returncode, 0)


    def test_what_is_not_served_yet_is_valid_and_refused_by_name(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "p.yml")
            path.write_text("remote_write: [{url: 'http://x'}]\nscrape_configs:\n  - job_name: a\n"
                            "    oauth2: {client_id: a, token_url: b, proxy_url: 'socks4://p:1'}\n")
            done = run(BAROGRAPH, f"--config.file={path}", f"--storage.tsdb.path={folder}/data",
                       "--web.listen-address=127.0.0.1:0")
            self.assertEqual(done.returncode, 2)
            for place in (":1:1: remote_write: ", ":4:42: scrape_configs[0].oauth2.proxy_url: "):
                self.assertIn(f"{path}{place}Prometheus has this field, this version of Barograph does not support it",
                              done.stderr)
            done = run(BAROTOOL, "check", "config", str(path))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("remote_write: Prometheus has this field", done.stdout)
            self.assertEqual(run(BAROTOOL, "check", "config", "--agent", str(path)).returncode, 0)

    def test_files_that_a_configuration_names_are_checked(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "p.yml")
            path.write_text("rule_files: [r.yml, none.yml]\nscrape_configs:\n  - job_name: a\n"
                            "    file_sd_configs: [{files: ['t.json']}]\n")
            Path(folder, "r.yml").write_text("groups: [{name: a, rules: [{record: x, expr: 'up{'}]}]\n")
            Path(folder, "t.json").write_text('[{"targets": ["http://x"]}]')
            done = run(BAROTOOL, "check", "config", str(path))
            self.assertEqual(done.returncode, 1)
            for problem in ("none.yml\" does not point to an existing file", 'has a "/"', "r.yml:1:"):
                self.assertIn(problem, done.stderr)
            self.assertEqual(run(BAROTOOL, "check", "config", "--syntax-only", str(path)).returncode, 0)


class Reload(unittest.TestCase):
    def test_reload_applies_whole_or_not_at_all(self):
        with Targets({"/metrics": b"x 1\n"}) as targets:
            with Server("--web.enable-lifecycle", config=config_of(job("a", targets.address))) as server:
                wait_for("job a", lambda: server.value('up{job="a"}') == 1)
                server.config_path.write_text(config_of(job("a", targets.address), job("b", targets.address)))
                self.assertEqual(server.request("POST", "/-/reload")[0], 200)
                wait_for("job b", lambda: server.value('up{job="b"}') == 1)

                server.config_path.write_text("scrape_configs: [{job_nam: c}]\n")
                status, _, body = server.request("POST", "/-/reload")
                self.assertEqual(status, 500)
                self.assertIn(b"job_nam: unknown field", body)
                self.assertFalse(server.api("status/runtimeinfo")["reloadConfigSuccess"])
                self.assertIn(b"prometheus_config_last_reload_successful 0\n", server.get("/metrics")[2])
                self.assertEqual(server.api("scrape_pools")["scrapePools"], ["a", "b"])

                server.config_path.write_text(config_of(job("b", targets.address)))
                server.process.send_signal(signal.SIGHUP)
                wait_for("job a to go", lambda: server.api("scrape_pools")["scrapePools"] == ["b"])
                wait_for("its series to end", lambda: server.query('up{job="a"}') == [])
                self.assertTrue(server.api("status/runtimeinfo")["reloadConfigSuccess"])
                self.assertIn(b"prometheus_config_last_reload_successful 1\n", server.get("/metrics")[2])

                told = len(server.log())
                server.config_path.write_text("scrape_configs: 7\n")
                server.process.send_signal(signal.SIGHUP)
                wait_for("the refusal in the log", lambda: "old one stays in force" in server.log()[told:])
                self.assertEqual(server.api("scrape_pools")["scrapePools"], ["b"])
                self.assertEqual(server.value('up{job="b"}'), 1)

    def test_lifecycle_is_off_by_default(self):
        with Server() as server:
            self.assertEqual(server.request("POST", "/-/reload")[0], 403)
            self.assertEqual(server.request("GET", "/-/reload")[0], 405)

    def test_target_files_are_followed_and_relabelling_drops(self):
        with Targets({"/metrics": b"x 1\n"}) as targets, tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "t.json")
            path.write_text(json.dumps([{"targets": [targets.address, "drop.me:1"], "labels": {"team": "core"}}]))
            config = (f"scrape_configs:\n  - job_name: files\n    scrape_interval: 1s\n"
                      f"    file_sd_configs: [{{files: ['{folder}/*.json']}}]\n    relabel_configs:\n"
                      f"      - {{source_labels: [__address__], regex: 'drop.*', action: drop}}\n")
            with Server("--scrape.discovery-reload-interval=1s", config=config) as server:
                wait_for("the target", lambda: server.value('up{team="core"}') == 1)
                dropped = server.api("targets")["droppedTargets"]
                self.assertEqual([d["discoveredLabels"]["__address__"] for d in dropped], ["drop.me:1"])
                path.write_text("[{]")
                wait_for("the complaint", lambda: "last good answer stay" in server.log())
                self.assertEqual(len(server.api("targets")["activeTargets"]), 1)
                path.write_text("[]")
                wait_for("no targets", lambda: server.api("targets")["activeTargets"] == [])


class Tool(unittest.TestCase):
    def test_promql_and_query(self):
        self.assertEqual(run(BAROTOOL, "promql", "format", "sum(rate(x[5m]))by(a)").stdout.strip(),
                         "sum by (a) (rate(x[5m]))")
        done = run(BAROTOOL, "promql", "parse", "sum(")
        self.assertEqual(done.returncode, 1)
        self.assertIn("^", done.stderr)
        with Server() as server:
            done = run(BAROTOOL, "query", "instant", f"http://{server.address}", "1+1")
            self.assertIn("scalar: 2 @[", done.stdout)
            self.assertEqual(run(BAROTOOL, "check", "ready", f"--url=http://{server.address}").returncode, 0)
        self.assertEqual(run(BAROTOOL, "check", "healthy", "--url=http://127.0.0.1:1").returncode, 1)
        good = "# HELP a What it is.\na 1\n"
        self.assertEqual(run(BAROTOOL, "check", "metrics", input=good).returncode, 0)
        remarks = run(BAROTOOL, "check", "metrics", input="a 1\n")
        self.assertEqual((remarks.returncode, remarks.stderr), (3, "a has no HELP text\n"))
        self.assertEqual(run(BAROTOOL, "check", "metrics", "--lint=none", input="a 1\n").returncode, 0)
        sizes = run(BAROTOOL, "check", "metrics", "--lint=none", "--extended", input="a 1\nb 1\n").stdout
        self.assertIn("Total     2              100.00%", sizes)
        self.assertEqual(run(BAROTOOL, "check", "metrics", input="a b c\n").returncode, 1)


if __name__ == "__main__":
    main()
