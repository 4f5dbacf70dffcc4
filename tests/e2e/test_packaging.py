"""What is packed around the binary: files that name each other must agree. No daemon is needed for that."""
import json
import re
import subprocess
import unittest

import yaml  # Debian's python3-yaml

from harness import BAROTOOL, ROOT, main

GRAFANA = ROOT / "packaging/grafana"
VARIABLES = {"$__rate_interval": "1m", "$__interval": "15s", "$__range": "1h", "$instance": ".*"}


def expressions(node):
    """All PromQL of a dashboard: what stands under a key `expr`, at any depth."""
    if isinstance(node, dict):
        if isinstance(node.get("expr"), str):
            yield node["expr"]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from expressions(child)


class Compose(unittest.TestCase):
    def setUp(self):
        self.compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())

    def test_each_service_is_built_or_pulled_and_each_mount_leads_somewhere(self):
        self.assertEqual(set(self.compose["services"]), {"barograph", "grafana", "webhook-sink"})
        for name, service in self.compose["services"].items():
            self.assertTrue(("build" in service) != ("image" in service), name)
            if "image" in service:
                self.assertRegex(service["image"], r":\d", f"{name}: without a version it is another one tomorrow")
            for mount in service.get("volumes", []):
                source = mount.split(":")[0]
                if source.startswith("."):
                    self.assertTrue((ROOT / source).exists(), f"{name} mounts {source}")
                else:
                    self.assertIn(source, self.compose["volumes"], name)
            for published in service.get("ports", []):
                self.assertTrue(published.startswith("127.0.0.1:"), f"{name} publishes {published} to everybody")

    def test_the_health_check_is_a_command_of_barotool(self):
        check = self.compose["services"]["barograph"]["healthcheck"]["test"]
        self.assertEqual(check[:2], ["CMD", "barotool"])
        done = subprocess.run([BAROTOOL, *check[2:4], "--help"], capture_output=True, text=True, timeout=60,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("--url", done.stdout)

    def test_grafana_depends_on_services_that_exist(self):
        for name, service in self.compose["services"].items():
            for needed in service.get("depends_on", {}):
                self.assertIn(needed, self.compose["services"], name)


class Dockerfile(unittest.TestCase):
    def setUp(self):
        text = (ROOT / "Dockerfile").read_text()
        joined = re.sub(r"\\\n", " ", text)
        self.lines = [line.split() for line in joined.splitlines() if line and not line.startswith("#")]

    def test_sources_of_copy_exist_and_stages_are_named(self):
        stages = {words[words.index("AS") + 1] for words in self.lines if words[0] == "FROM" and "AS" in words}
        for words in self.lines:
            if words[0] not in ("COPY", "ADD"):
                continue
            options = [word for word in words[1:] if word.startswith("--")]
            paths = [word for word in words[1:] if not word.startswith("--")]
            self.assertGreaterEqual(len(paths), 2, words)
            stage = [option.split("=")[1] for option in options if option.startswith("--from=")]
            if stage:
                self.assertIn(stage[0], stages)
                continue
            for source in paths[:-1]:
                self.assertTrue(list(ROOT.glob(source)) if source != "." else True, f"COPY {source}")

    def test_it_builds_with_commands_that_exist_and_does_not_run_as_root(self):
        script = (ROOT / "dev").read_text()
        for words in self.lines:
            if words[0] == "RUN" and words[1] == "./dev":
                self.assertRegex(script, rf"\b{words[2]}\b")
        user = [words[1] for words in self.lines if words[0] == "USER"]
        self.assertTrue(user and user[-1].split(":")[0] not in ("0", "root"))

    def test_the_entry_point_is_the_server(self):
        entry = [words[1] for words in self.lines if words[0] == "ENTRYPOINT"]
        self.assertEqual(entry, ['["/usr/bin/barograph"]'])


class Grafana(unittest.TestCase):
    def test_the_data_source_is_barograph_as_compose_names_it(self):
        source = yaml.safe_load((GRAFANA / "provisioning/datasources/barograph.yml").read_text())["datasources"][0]
        self.assertEqual((source["type"], source["access"]), ("prometheus", "proxy"))
        compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
        host = re.match(r"http://([^:/]+):(\d+)$", source["url"])
        self.assertIn(host[1], compose["services"])
        self.assertEqual(host[2], "9090")

    def test_dashboards_are_found_and_use_the_data_source(self):
        provider = yaml.safe_load((GRAFANA / "provisioning/dashboards/barograph.yml").read_text())["providers"][0]
        mounts = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["grafana"]["volumes"]
        self.assertIn(provider["options"]["path"], [mount.split(":")[1] for mount in mounts])
        uid = yaml.safe_load((GRAFANA / "provisioning/datasources/barograph.yml").read_text())["datasources"][0]["uid"]
        for path in sorted((GRAFANA / "dashboards").glob("*.json")):
            text = path.read_text()
            self.assertTrue(json.loads(text)["title"], path)
            for used in re.findall(r'"type":\s*"prometheus",\s*"uid":\s*"([^"]+)"', text):
                self.assertEqual(used, uid, path)

    def test_every_expression_of_the_dashboards_parses(self):
        seen = 0
        for path in sorted((GRAFANA / "dashboards").glob("*.json")):
            for expression in expressions(json.loads(path.read_text())):
                for name, value in VARIABLES.items():
                    expression = expression.replace(name, value)
                with self.subTest(dashboard=path.name, expression=expression):
                    done = subprocess.run([BAROTOOL, "promql", "parse", expression], capture_output=True, text=True,
                                          timeout=60, check=False)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    json.loads(done.stdout)
                seen += 1
        self.assertGreater(seen, 5)


if __name__ == "__main__":
    main()
