"""Targets that misbehave: each gets up 0 and a clear reason, and none costs the others anything."""
import gzip
import time
import unittest

from harness import Server, Targets, config_of, job, main, wait_for

GOOD = b"# TYPE good gauge\ngood 1\n"


def endless(handler):
    handler.send_response(200)
    handler.send_header("Content-Type", "text/plain; version=0.0.4")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    line = b"x" * 65536
    while True:
        handler.wfile.write(b"10000\r\n" + line + b"\r\n")


def slow(handler):
    time.sleep(5)
    handler.answer(GOOD)


CASES = {
    # name: (page, extra configuration, words of the reason)
    "status500": (lambda h: h.answer(b"no", status=500), "", "HTTP status 500"),
    "garbage": (b"this is {{{ no exposition\n", "", "line 1"),
    "endless": (endless, "", ""),
    "slow": (slow, "", "timeout"),
    "large": (b"a 1\n" * 5000, "    body_size_limit: 10KB\n", "10240"),
    "many": (b"".join(b'm{i="%d"} 1\n' % i for i in range(50)), "    sample_limit: 10\n", "sample_limit"),
    "labels": (b'm{a="1",b="2",c="3"} 1\n', "    label_limit: 3\n", "label_limit"),
    "html": (lambda h: h.answer(b"<html>", content_type="text/html"), "", "text/html"),
    "utf8": (b'm{a="\xff\xfe"} 1\n', "", "UTF-8"),
    "cut": (lambda h: h.answer(gzip.compress(GOOD * 100)[:20], headers=[("Content-Encoding", "gzip")]), "", "gzip"),
    "bomb": (lambda h: h.answer(gzip.compress(b"\0" * (64 << 20)), headers=[("Content-Encoding", "gzip")]), "", "ratio"),
}


class BadTargets(unittest.TestCase):
    def test_each_is_named_and_the_good_one_goes_on(self):
        pages = {"/" + name: page for name, (page, _, _) in CASES.items()}
        pages["/good"] = GOOD
        with Targets(pages) as targets:
            jobs = [job(name, targets.address, "/" + name, "2s", extra) for name, (_, extra, _) in CASES.items()]
            jobs += [job("good", targets.address, "/good"), job("unreachable", "127.0.0.1:1", "/metrics", "2s")]
            with Server(config=config_of(*jobs)) as server:
                self.check(server)

    def check(self, server):
        def errors():
            active = server.api("targets")["activeTargets"]
            by_name = {t["scrapePool"]: t for t in active}
            done = all(t["health"] == "down" for name, t in by_name.items() if name != "good")
            return by_name if done else None

        by_name = wait_for("all bad targets to be down", errors)
        for name, (_, _, words) in CASES.items():
            with self.subTest(name):
                self.assertIn(words, by_name[name]["lastError"])
                self.assertEqual(server.value(f'up{{job="{name}"}}'), 0)
        self.assertIn("refused", by_name["unreachable"]["lastError"])
        wait_for("ten scrapes of the good one", lambda: (server.value('count_over_time(up{job="good"}[1m])') or 0) >= 10)
        self.assertEqual(server.value('min_over_time(up{job="good"}[1m])'), 1)
        self.assertEqual(server.value("good"), 1)
        self.assertIsNone(server.process.poll())
        resident = server.value('process_resident_memory_bytes') or 0
        self.assertLess(resident, 1 << 30)

    def test_a_failing_target_ends_its_series_and_comes_back(self):
        pages = {"/metrics": GOOD}
        with Targets(pages) as targets, Server(config=config_of(job("t", targets.address))) as server:
            wait_for("the series", lambda: server.value("good") == 1)
            pages["/metrics"] = lambda handler: handler.answer(b"", status=503)
            wait_for("its end", lambda: server.query("good") == [] and server.value("up") == 0)
            pages["/metrics"] = GOOD
            wait_for("its return", lambda: server.value("good") == 1 and server.value("up") == 1)


if __name__ == "__main__":
    main()
