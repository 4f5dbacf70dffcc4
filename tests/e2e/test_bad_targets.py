"""Targets that misbehave: each gets up 0 and a clear reason, and none costs the others anything."""
import gzip
import re
import time
import unittest
import zlib

from harness import Server, Targets, config_of, job, main, wait_for

GOOD = b"# TYPE good gauge\ngood 1\n"
ZIPPED = [("Content-Encoding", "gzip")]
BOMB = gzip.compress(b"\0" * (64 << 20))


def zstd_frame(body, zeros=0):
    """Made by hand (RFC 8878): a block that is stored as it is, then blocks of 128 KiB that are one byte each."""
    blocks = [(len(body), 0, body)] + [(128 << 10, 1, b"\0")] * (zeros >> 17)
    frame = b"\x28\xb5\x2f\xfd\x00\x38"  # magic; no size, no checksum; a window of 128 KiB
    for index, (size, kind, content) in enumerate(blocks):
        frame += (size << 3 | kind << 1 | (index == len(blocks) - 1)).to_bytes(3, "little") + content
    return frame


def coded(body, coding):
    """A page with that Content-Encoding, whether it was asked for or not."""
    return lambda handler: handler.answer(body, headers=[("Content-Encoding", coding)])


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


def dripping(handler):
    """An answer that never ends and never pauses long enough for any single read to time out."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/plain; version=0.0.4")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    while True:
        handler.wfile.write(b"1\r\n#\r\n")
        time.sleep(0.2)


def not_http(handler):
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    handler.close_connection = True


def cut_body(handler):
    """Promises more than it sends."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/plain; version=0.0.4")
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(GOOD)
    handler.close_connection = True


CASES = {
    # name: (page, extra configuration, words of the reason)
    "status500": (lambda h: h.answer(b"no", status=500), "", "HTTP status 500"),
    "garbage": (b"this is {{{ no exposition\n", "", "line 1"),
    "endless": (endless, "", ""),
    "slow": (slow, "", "timeout"),
    "dripping": (dripping, "", "timeout"),
    "nothttp": (not_http, "", "HTTP"),
    "short": (cut_body, "", ""),
    "notype": (lambda h: h.answer(GOOD, content_type=""), "", "Content-Type"),
    "nameless": (b'{a="1"} 1\n', "", "line 1"),
    "loop": (lambda h: h.answer(b"", status=302, headers=[("Location", h.path)]), "", "redirect"),
    "large": (b"a 1\n" * 5000, "    body_size_limit: 10KB\n", "10240"),
    "many": (b"".join(b'm{i="%d"} 1\n' % i for i in range(50)), "    sample_limit: 10\n", "sample_limit"),
    "labels": (b'm{a="1",b="2",c="3"} 1\n', "    label_limit: 3\n", "label_limit"),
    "html": (lambda h: h.answer(b"<html>", content_type="text/html"), "", "text/html"),
    "utf8": (b'm{a="\xff\xfe"} 1\n', "", "UTF-8"),
    "cut": (lambda h: h.answer(gzip.compress(GOOD * 100)[:20], headers=ZIPPED), "", "gzip"),
    "bomb": (lambda h: h.answer(BOMB, headers=ZIPPED), "", "200:1"),
    "zstdbomb": (coded(zstd_frame(GOOD, zeros=4 << 30), "zstd"), "", "200:1"),
    "zstdcut": (coded(zstd_frame(GOOD * 100)[:-20], "zstd"), "", "zstd"),
    "zstdgarbage": (coded(GOOD, "zstd"), "", "zstd"),
    "deflatebomb": (coded(zlib.compress(b"\0" * (64 << 20)), "deflate"), "", "200:1"),
    "brotli": (coded(GOOD, "br"), "", '"br"'),
}


def half_line(handler):
    """Ends in the middle of a line, and says that this is all."""
    handler.answer(b"# TYPE whole gauge\nwhole 1\nhalf{a=\"")


def slow_header(handler):
    """Drips its header: the slow loris, seen from the other side."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        handler.wfile.write(b"X-Slow: 1\r\n")
        time.sleep(0.2)


def endless_header(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        handler.wfile.write(b"X-More: " + b"x" * 1000 + b"\r\n")


CASES |= {
    "halfline": (half_line, "", "line 3"),
    "slowheader": (slow_header, "", "timeout"),
    "endlessheader": (endless_header, "", "header"),
    "million": (b"".join(b"m{i=\"%d\"} 1\n" % i for i in range(1_000_000)), "    sample_limit: 100000\n", "sample_limit"),
}


class BadTargets(unittest.TestCase):
    def test_each_is_named_and_the_good_one_goes_on(self):
        pages = {"/" + name: page for name, (page, _, _) in CASES.items()}
        self.served = 0

        def good(handler):
            self.served += 1
            handler.answer(GOOD)

        pages["/good"] = good
        with Targets(pages) as targets:
            jobs = [job(name, targets.address, "/" + name, "2s", extra) for name, (_, extra, _) in CASES.items()]
            jobs += [job("good", targets.address, "/good", "4s"), job("unreachable", "127.0.0.1:1", "/metrics", "2s")]
            with Server(config=config_of(*jobs)) as server:
                self.check(server)

    def check(self, server):
        reasons = {name: words for name, (_, _, words) in CASES.items()} | {"unreachable": "refused"}

        def is_told(name):
            """Its state once it is right: a page that a busy machine made late has another reason at first."""
            target = next(t for t in server.api("targets")["activeTargets"] if t["scrapePool"] == name)
            is_right = target["health"] == "down" and target["lastError"] and reasons[name] in target["lastError"]
            is_told.last = target["lastError"]
            return is_right and server.value(f'up{{job="{name}"}}') == 0

        for name, words in reasons.items():
            with self.subTest(name):
                try:
                    wait_for(f"{name} to be down", lambda name=name: is_told(name))
                except AssertionError:
                    self.fail(f"its reason is {is_told.last!r}, wanted {words!r}")
        scrapes = 'count_over_time(up{job="good"}[1h])'
        wait_for("five scrapes of the good one", lambda: (server.value(scrapes) or 0) >= 5)
        begun = self.served
        samples = [value for _, value in server.query('up{job="good"}[1h]')[0]["values"]]
        self.assertEqual(set(samples), {"1"})
        self.assertGreaterEqual(len(samples), begun - 1, "a scrape that was answered left no sample")
        self.assertEqual(server.value("good"), 1)
        self.assertIsNone(server.process.poll())
        with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
            peak_kib = int(next(line for line in status if line.startswith("VmHWM")).split()[1])
        # The endless body may fill the 256 MiB that any body may weigh; nothing may go far beyond that.
        self.assertLess(peak_kib, 1 << 20)

    def test_a_failing_target_ends_its_series_and_comes_back(self):
        pages = {"/metrics": GOOD}
        with Targets(pages) as targets, Server(config=config_of(job("t", targets.address))) as server:
            wait_for("the series", lambda: server.value("good") == 1)
            pages["/metrics"] = lambda handler: handler.answer(b"", status=503)
            wait_for("its end", lambda: server.query("good") == [] and server.value("up") == 0)
            pages["/metrics"] = GOOD
            wait_for("its return", lambda: server.value("good") == 1 and server.value("up") == 1)

    def test_times_that_no_clock_shows_cost_their_samples_only(self):
        """Prometheus takes such a scrape, too: what is out of bounds or too old is told by metrics."""
        now_ms = int(time.time() * 1000)
        page = b"now 1\nahead 2 %d\nlong_ago 3 %d\nafter_all 5 9223372036854775807\n" % (
            now_ms + 86_400_000, 1)
        with Targets({"/metrics": page}) as targets, Server(config=config_of(job("t", targets.address))) as server:
            wait_for("two scrapes", lambda: (server.value("count_over_time(up[1h])") or 0) >= 2)
            self.assertEqual((server.value("up"), server.value("now")), (1, 1))
            self.assertEqual(server.query("ahead", time=now_ms / 1000 + 86_400), [])
            self.assertEqual(server.query("long_ago", time=1), [])
            metrics = server.get("/metrics")[2].decode()
            told = re.findall(r"^prometheus_target_scrapes_sample_out_of_(?:bounds|order)_total (\S+)$", metrics, re.M)
            self.assertGreater(sum(map(float, told)), 0)

    def test_odd_but_valid_answers_are_taken(self):
        pages = {
            "/zstd": coded(zstd_frame(GOOD), "zstd"),
            "/deflate": coded(zlib.compress(GOOD), "deflate"),
            "/gzip": lambda handler: handler.answer(gzip.compress(GOOD), headers=ZIPPED),
            "/moved": lambda handler: handler.answer(b"", status=302, headers=[("Location", "/gzip")]),
            "/twice": b"good 1\ngood 2\ntwin 3\n",
            "/empty": b"",
        }
        with Targets(pages) as targets:
            jobs = [job(path[1:], targets.address, path) for path in pages]
            with Server(config=config_of(*jobs)) as server:
                for path in pages:
                    wait_for(f"{path} to be up", lambda path=path: server.value(f'up{{job="{path[1:]}"}}') == 1)
                for path in ("zstd", "deflate", "gzip", "moved", "twice"):
                    self.assertEqual(server.value(f'good{{job="{path}"}}'), 1, path)
                # The first of two samples of a series counts, the second is told by a metric, as in Prometheus.
                metrics = server.get("/metrics")[2].decode()
                found = re.search(r"^prometheus_target_scrapes_sample_duplicate_timestamp_total (\S+)$", metrics, re.M)
                self.assertGreater(float(found[1]), 0)
                self.assertEqual(server.value("twin"), 3)

    def test_a_target_whose_series_change_each_time_keeps_only_the_present_ones(self):
        self.number = 0

        def changing(handler):
            self.number += 1
            handler.answer(b'churn{n="%d"} 1\n' % self.number)

        with Targets({"/metrics": changing}) as targets, Server(config=config_of(job("t", targets.address))) as server:
            wait_for("five scrapes", lambda: (server.value('count_over_time(up[1h])') or 0) >= 5)
            self.assertEqual(server.value("count(churn)"), 1)
            self.assertGreaterEqual(len(server.query("churn[1h]")), 5)


if __name__ == "__main__":
    main()
