"""/federate: the same bytes as Debian's Prometheus over the same samples, and one server that reads another."""
import tempfile
import time
import unittest
import urllib.parse

from beside_prometheus import Prometheus
from harness import Server, Targets, config_of, job, main, peer, wait_for

EXTERNAL = "global: {external_labels: {region: eu, zone: own}}\n"
SELECTORS = ['{__name__=~"m_.*"}', "m_b"]  # what both choose is sent once


def federate(server, *selectors, **headers):
    query = urllib.parse.urlencode([("match[]", text) for text in selectors])
    return server.request("GET", f"/federate?{query}", headers=headers)


class Federation(unittest.TestCase):
    def test_sends_the_newest_samples_as_prometheus_does(self):
        binary = peer("prometheus")
        if binary is None:
            print("skipped: prometheus is neither in .cache/peers nor in the PATH", flush=True)
            raise unittest.SkipTest("prometheus is not there")
        now_ms = int(time.time()) * 1000
        lines = [f'm_b{{zone="z",q="a\\"\\\\\\nb"}} 1e21 {now_ms}', f"m_a 0.1 {now_ms - 1}", f"m_a{{x=\"1\"}} NaN {now_ms}",
                 f"m_c -Inf {now_ms}", f"other 5 {now_ms}", f"m_old 1 {now_ms - 400_000}"]
        with Targets({"/metrics": "\n".join(lines + [""]).encode()}) as targets, tempfile.TemporaryDirectory() as folder:
            config = EXTERNAL + config_of(job("a", targets.address))
            with Server(config=config) as server:
                prometheus = Prometheus(binary, config, folder)
                try:
                    prometheus.wait_until_ready()
                    wait_for("both to have scraped", lambda: all(b"other{" in federate(one, "other")[2]
                                                                 for one in (server, prometheus)))
                    mine, theirs = federate(server, *SELECTORS), federate(prometheus, *SELECTORS)
                    self.assertEqual(mine[2].decode(), theirs[2].decode())
                    self.assertEqual(mine[2].count(b"\nm_"), 4)
                finally:
                    prometheus.stop()

    def test_a_server_reads_another(self):
        with Targets({"/metrics": b'm{l="x"} 7\n# TYPE n counter\nn_total 3\n'}) as targets:
            with Server(config=EXTERNAL + config_of(job("leaf", targets.address))) as leaf:
                wait_for("the leaf's samples", lambda: leaf.value("m") == 7)
                for protocol in ("PrometheusText0.0.4", "PrometheusProto"):
                    extra = ("    honor_labels: true\n    params: {'match[]': ['{job=\"leaf\"}']}\n"
                             f"    scrape_protocols: [{protocol}]\n")
                    above = config_of(job("federate", leaf.address, path="/federate", extra=extra))
                    with self.subTest(protocol), Server(config=above) as top:
                        wait_for("what it sends", lambda: top.query("m"))
                        self.assertEqual(top.query("m")[0]["metric"],
                                         {"__name__": "m", "l": "x", "job": "leaf", "region": "eu", "zone": "own",
                                          "instance": targets.address})
                        self.assertEqual(top.value('up{job="leaf"}'), 1)

    def test_what_ended_is_not_sent_and_bad_questions_are_refused(self):
        pages = {"/metrics": b"m 1\nstays 1\n"}
        with Targets(pages) as targets, Server(config=config_of(job("a", targets.address))) as server:
            wait_for("the sample", lambda: b"m{" in federate(server, "m")[2])
            pages["/metrics"] = b"stays 1\n"
            wait_for("it to end", lambda: federate(server, "m")[2] == b"")
            self.assertIn(b"stays{", federate(server, "stays")[2])
            for selectors, want in ((["m{"], b"match[]"), ([], b"no match[] parameter")):
                status, headers, body = federate(server, *selectors)
                self.assertEqual((status, headers["Content-Type"].split(";")[0]), (400, "text/plain"))
                self.assertIn(want, body)

    def test_names_are_sent_as_the_reader_takes_them(self):
        with Targets({"/metrics": b'{"http.requests","pod.name"="x"} 1\n'}) as targets:
            with Server(config=config_of(job("a", targets.address))) as server:
                wait_for("the sample", lambda: server.query('{"http.requests"}'))
                plain = federate(server, '{"http.requests"}')
                self.assertIn(b"http_requests{", plain[2])
                self.assertTrue(plain[1]["Content-Type"].endswith("escaping=underscores"))
                whole = federate(server, '{"http.requests"}', Accept="text/plain;version=0.0.4;escaping=allow-utf-8")
                self.assertIn(b'{"http.requests",', whole[2])
                self.assertIn(b'"pod.name"="x"', whole[2])


if __name__ == "__main__":
    main()
