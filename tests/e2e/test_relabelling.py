"""Relabelling shown step by step, jobs as they run, and reloads that touch what changed only."""
import json
import unittest
import urllib.parse

from harness import Server, Targets, config_of, job, main, wait_for

RULES = """    relabel_configs:
      - {source_labels: [__address__], regex: '([^:]+):(.*)', target_label: port, replacement: '$2'}
      - {source_labels: [env], regex: prod, action: keep}
      - {regex: env, action: labeldrop}
    metric_relabel_configs:
      - {source_labels: [__name__], regex: 'go_.*', action: drop}
"""


def ask(server, path, **params):
    status, _, body = server.request("GET", f"/api/v1/{path}?{urllib.parse.urlencode(params)}")
    return status, json.loads(body)


class Steps(unittest.TestCase):
    def test_each_rule_tells_what_it_does(self):
        with Server(config=config_of(job("a", "127.0.0.1:1", extra=RULES))) as server:
            discovered = {"__address__": "host:81", "__scheme__": "http", "__metrics_path__": "/m", "env": "prod",
                          "__scrape_interval__": "1s", "__scrape_timeout__": "1s", "job": "a"}
            status, body = ask(server, "targets/relabel_steps", scrapePool="a", labels=json.dumps(discovered))
            self.assertEqual(status, 200)
            steps = body["data"]["steps"]
            self.assertEqual([step["keep"] for step in steps], [True, True, True])
            self.assertEqual(steps[0]["rule"], {"source_labels": ["__address__"], "separator": ";", "action": "replace",
                                                "regex": "([^:]+):(.*)", "target_label": "port", "replacement": "$2"})
            self.assertEqual(steps[0]["output"], {**discovered, "port": "81"})
            self.assertNotIn("env", steps[2]["output"])

            _, body = ask(server, "debug/relabel", scrapePool="a", labels=json.dumps(discovered))
            self.assertEqual([step["changes"] for step in body["data"]["steps"]],
                             [[{"name": "port", "before": "", "after": "81"}], [],
                              [{"name": "env", "before": "prod", "after": ""}]])
            self.assertEqual(body["data"]["target"], {"labels": {"instance": "host:81", "job": "a", "port": "81"},
                                                      "scrapeUrl": "http://host:81/m"})

    def test_what_is_dropped_ends_there(self):
        with Server(config=config_of(job("a", "127.0.0.1:1", extra=RULES))) as server:
            labels = json.dumps({"__address__": "host:81", "env": "test"})
            _, body = ask(server, "targets/relabel_steps", scrapePool="a", labels=labels)
            self.assertEqual([(step["keep"], bool(step["output"])) for step in body["data"]["steps"]],
                             [(True, True), (False, False), (False, False)])
            _, body = ask(server, "debug/relabel", scrapePool="a", labels=labels)
            self.assertEqual((body["data"]["keep"], len(body["data"]["steps"])), (False, 2))
            _, body = ask(server, "debug/relabel", scrapePool="a", rules="metric", labels='{"__name__": "go_gc"}')
            self.assertFalse(body["data"]["keep"])
            _, body = ask(server, "debug/relabel", scrapePool="a", rules="metric", labels='{"__name__": "up"}')
            self.assertEqual(body["data"]["output"], {"__name__": "up"})

    def test_bad_questions_are_refused_by_name(self):
        with Server(config=config_of(job("a", "127.0.0.1:1"))) as server:
            rows = [({}, "no scrapePool parameter provided"),
                    ({"scrapePool": "b", "labels": "{}"}, 'no scrape pool "b"'),
                    ({"scrapePool": "a"}, "no labels parameter provided"),
                    ({"scrapePool": "a", "labels": "[1]"}, "expected a JSON object"),
                    ({"scrapePool": "a", "labels": '{"x": 1}'}, 'value of "x" is no string')]
            for params, want in rows:
                for path in ("targets/relabel_steps", "debug/relabel"):
                    status, body = ask(server, path, **params)
                    self.assertEqual((status, body["errorType"]), (400, "bad_data"))
                    self.assertIn(want, body["error"])
            status, body = ask(server, "debug/relabel", scrapePool="a", labels="{}", rules="some")
            self.assertIn("expected target or metric", body["error"])


class Jobs(unittest.TestCase):
    def test_a_jobs_configuration_is_shown_without_secrets(self):
        extra = "    basic_auth: {username: me, password: hidden}\n"
        with Server(config=config_of(job("a", "127.0.0.1:1", extra=extra))) as server:
            yaml = ask(server, "scrape_pools/config", scrapePool="a")[1]["data"]["yaml"]
            self.assertTrue(yaml.startswith("job_name: a\n"), yaml)
            self.assertIn("password: <secret>", yaml)
            self.assertIn("metrics_path: /metrics", yaml)
            self.assertEqual(ask(server, "scrape_pools/config", scrapePool="b")[0], 400)

    def test_a_reload_tells_what_changed(self):
        with Targets({"/metrics": b"x 1\n"}) as targets:
            first = [job("gone", targets.address), job("moved", targets.address), job("other", targets.address)]
            with Server("--web.enable-lifecycle", config=config_of(*first)) as server:
                server.config_path.write_text(config_of(
                    job("new", targets.address), job("moved", "127.0.0.1:1"),
                    job("other", targets.address, extra="    honor_labels: true\n")))
                self.assertEqual(server.request("POST", "/-/reload")[0], 200)
                line = wait_for("the log", lambda: [l for l in server.log().splitlines() if "reloaded" in l])[-1]
                for part in ("jobs_added=new", "jobs_changed=other", "jobs_retargeted=moved", "jobs_removed=gone",
                             "jobs_unchanged=0"):
                    self.assertIn(part, line)


if __name__ == "__main__":
    main()
