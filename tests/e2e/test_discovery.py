"""Discovery: over HTTP, a server that fails, answers garbage, hangs up and comes back; targets stay meanwhile; and Consul's watches."""
import json
import threading
import unittest
import urllib.parse

from harness import Server, Targets, config_of, main, wait_for


def hang_up(handler):
    handler.close_connection = True


class HttpDiscovery(unittest.TestCase):
    def setUp(self):
        self.targets = Targets({"/metrics": b"x 1\n"})
        self.sd = Targets({})
        self.addCleanup(self.targets.__exit__)
        self.addCleanup(self.sd.__exit__)
        self.tell([{"targets": [self.targets.address], "labels": {"env": "one"}}])

    def tell(self, document, status=200):
        body = json.dumps(document).encode()
        self.sd.pages["/sd"] = lambda h: h.answer(body, content_type="application/json", status=status)

    def config(self, url=None, extra=""):
        return config_of(f"""  - job_name: found
    scrape_interval: 1s
    scrape_timeout: 1s
    http_sd_configs:
      - url: {url or f"http://{self.sd.address}/sd"}
        refresh_interval: 1s
{extra}""")

    def env(self, server):
        """Values of the label that discovery gives, of targets that are up."""
        active = server.api("targets", state="active")["activeTargets"]
        return sorted(t["labels"].get("env") for t in active if t["labels"]["job"] == "found" and t["health"] == "up")

    def failures(self, server):
        text = server.get("/metrics")[2].decode()
        line = next((l for l in text.splitlines()
                     if l.startswith('prometheus_sd_refresh_failures_total{mechanism="http",config="found"}')), "x 0")
        return float(line.split()[-1])

    def test_targets_stay_while_the_server_is_broken(self):
        with Server("--scrape.discovery-reload-interval=1s", config=self.config()) as server:
            wait_for("the target", lambda: self.env(server) == ["one"])
            active = server.api("targets", state="active")["activeTargets"]
            found = next(t for t in active if t["labels"]["job"] == "found")
            self.assertEqual(found["discoveredLabels"]["__meta_url"], f"http://{self.sd.address}/sd")
            for broken in (lambda h: h.answer(b"no", status=503),
                           lambda h: h.answer(b"<html>", content_type="text/html"),
                           lambda h: h.answer(b"[{", content_type="application/json"),
                           hang_up):
                self.sd.pages["/sd"] = broken
                before = self.failures(server)
                wait_for("two failures", lambda: self.failures(server) >= before + 2)
                self.assertEqual(self.env(server), ["one"])
            self.assertIn("the targets of its last good answer stay", server.log())
            self.tell([{"targets": [self.targets.address], "labels": {"env": "two"}}])
            wait_for("what it says now", lambda: self.env(server) == ["two"])
            self.assertIn("discovery works again", server.log())

    def test_a_server_that_is_not_there_yet(self):
        self.tell([], status=404)
        with Server("--scrape.discovery-reload-interval=1s", config=self.config()) as server:
            wait_for("a failure", lambda: self.failures(server) >= 1)
            self.assertEqual(self.env(server), [])
            self.assertIn("it has no targets yet", server.log())
            self.tell([{"targets": [self.targets.address], "labels": {"env": "one"}}])
            wait_for("the target", lambda: self.env(server) == ["one"])

    def test_a_bad_reload_leaves_discovery_alone(self):
        with Server("--scrape.discovery-reload-interval=1s", "--web.enable-lifecycle", config=self.config()) as server:
            wait_for("the target", lambda: self.env(server) == ["one"])
            bad = "        tls_config:\n          ca_file: /nowhere/ca.pem\n"
            server.config_path.write_text(self.config(extra=bad))
            status, _, body = server.request("POST", "/-/reload")
            self.assertNotEqual(status, 200, body)
            self.assertIn(b"/nowhere/ca.pem", body)
            self.tell([{"targets": [self.targets.address], "labels": {"env": "two"}}])
            wait_for("the old discovery", lambda: self.env(server) == ["two"])
            # Another server: its first answer replaces what the old one said.
            self.sd.pages["/other"] = lambda h: h.answer(
                json.dumps([{"targets": [self.targets.address], "labels": {"env": "three"}}]).encode(),
                content_type="application/json")
            server.config_path.write_text(self.config(url=f"http://{self.sd.address}/other"))
            self.assertEqual(server.request("POST", "/-/reload")[0], 200)
            wait_for("the new discovery", lambda: self.env(server) == ["three"])

    def test_a_provider_that_goes_takes_only_its_own_targets(self):
        with Server("--scrape.discovery-reload-interval=1s", "--web.enable-lifecycle") as server:
            listed = server.folder / "t.json"
            listed.write_text(json.dumps([{"targets": [self.targets.address], "labels": {"env": "file"}}]))
            both = self.config(extra=f"    file_sd_configs: [{{files: ['{listed}']}}]\n")
            path = server.folder / "new.yml"
            path.write_text(both)
            server.stop()
            server.flags.append(f"--config.file={path}")
            server.start()
            wait_for("both", lambda: self.env(server) == ["file", "one"])
            self.sd.pages["/sd"] = lambda h: h.answer(b"no", status=503)  # it will not tell again
            path.write_text(self.config())
            self.assertEqual(server.request("POST", "/-/reload")[0], 200)
            wait_for("the file's target to go", lambda: self.env(server) == ["one"])
            failed = self.failures(server)
            wait_for("a look of the new discovery", lambda: self.failures(server) > failed)
            self.assertEqual(self.env(server), ["one"])
            path.write_text(both)
            self.assertEqual(server.request("POST", "/-/reload")[0], 200)
            wait_for("both again", lambda: self.env(server) == ["file", "one"])


class Consul:
    """As much of Consul's API as discovery asks for: blocking queries over a table of services."""

    def __init__(self):
        self.changed = threading.Condition()
        self.index = 1
        self.services = {}
        self.server = Targets({"/v1/agent/self": lambda h: h.answer(b'{"Config": {"Datacenter": "east"}}'),
                               "/v1/catalog/services": lambda h: self.answer(h, lambda: {n: [] for n in self.services})})

    def set(self, name, port):
        with self.changed:
            if port is None:
                del self.services[name]
            else:
                self.services[name] = [{"Node": {"Node": "n", "Address": "127.0.0.1"},
                                        "Service": {"ID": name, "Port": port, "Tags": ["t"]}, "Checks": []}]
                self.server.pages[f"/v1/health/service/{name}"] = (
                    lambda h: self.answer(h, lambda: self.services.get(name, [])))
            self.index += 1
            self.changed.notify_all()

    def answer(self, handler, document):
        known = int(urllib.parse.parse_qs(handler.path.split("?")[1])["index"][0])
        with self.changed:
            self.changed.wait_for(lambda: self.index != known, 5)
            body, index = json.dumps(document()).encode(), self.index
        handler.answer(body, headers=[("X-Consul-Index", str(index))])


class ConsulDiscovery(unittest.TestCase):
    def test_services_come_and_go(self):
        targets = [Targets({"/metrics": b"x 1\n"}) for _ in range(2)]
        consul = Consul()
        consul.set("web", targets[0].server.server_address[1])
        config = config_of(f"""  - job_name: found
    scrape_interval: 1s
    scrape_timeout: 1s
    consul_sd_configs:
      - server: {consul.server.address}
        refresh_interval: 1s
    relabel_configs:
      - source_labels: [__meta_consul_service, __meta_consul_dc, __meta_consul_health]
        target_label: service
""")

        def up(server):
            active = server.api("targets", state="active")["activeTargets"]
            return sorted(t["labels"]["service"] for t in active if t["health"] == "up")

        with Server("--scrape.discovery-reload-interval=1s", config=config) as server:
            wait_for("the service", lambda: up(server) == ["web;east;passing"])
            consul.set("db", targets[1].server.server_address[1])
            wait_for("both", lambda: up(server) == ["db;east;passing", "web;east;passing"])
            consul.set("web", None)
            wait_for("the other", lambda: up(server) == ["db;east;passing"])
        for each in [*targets, consul.server]:
            each.server.shutdown()


if __name__ == "__main__":
    main()
