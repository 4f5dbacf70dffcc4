"""Start timestamps from a target's `_created` lines to queries: stored with one flag, looked at with another."""
import time
import unittest

from harness import Server, Targets, config_of, job, main, wait_for

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
STORE = "st-storage,promql-experimental-functions"
USE = STORE + ",use-start-timestamps"


class Counter:
    """A counter that is never seen to fall: after a restart it has at once more than before."""

    def __init__(self):
        self.value = 100
        self.began = time.time() - 3600

    def restart(self):
        self.began = time.time()

    def page(self, handler):
        self.value += 10
        handler.answer(f"""# TYPE jobs counter
jobs_total {self.value}
jobs_created {self.began:.3f}
# TYPE plain counter
plain_total {self.value}
# EOF
""".encode(), OPENMETRICS)


class StartTimestamps(unittest.TestCase):
    def setUp(self):
        self.counter = Counter()
        self.targets = Targets({"/metrics": self.counter.page})
        self.addCleanup(self.targets.__exit__)
        self.config = config_of(job("page", self.targets.address))

    def serve(self, features, folder=None):
        server = Server(f"--enable-feature={features}", config=self.config, folder=folder)
        self.addCleanup(server.__exit__)
        return server.start()

    def test_a_restart_that_no_value_shows_is_seen(self):
        server = self.serve(USE)
        first = wait_for("a start", lambda: server.value("start_timestamp(jobs_total)"))
        self.assertAlmostEqual(first, self.counter.began, delta=0.002)
        self.assertEqual(server.value("start_timestamp(plain_total)"), 0)
        self.assertEqual(server.query("start_timestamp(-jobs_total)"), [])
        wait_for("two samples", lambda: server.value("resets(jobs_total[1h])") == 0
                 and server.value("count_over_time(jobs_total[1h])") >= 2)
        # It began an hour ago: a window of two has a zero in it, from which the first value counts too.
        now = time.time()
        self.assertGreater(server.value("increase(jobs_total[2h])", time=now),
                           server.value("increase(plain_total[2h])", time=now))

        self.counter.restart()
        wait_for("a restart", lambda: server.value("resets(jobs_total[1h])") == 1)
        self.assertEqual(server.value("resets(plain_total[1h])"), 0)
        self.assertEqual(server.value("resets(jobs_total[1h:1s])"), 0)
        now = time.time()
        seen = [server.value(query, time=now)
                for query in ("start_timestamp(jobs_total)", "resets(jobs_total[1h])", "rate(jobs_total[2h])")]
        self.assertAlmostEqual(seen[0], self.counter.began, delta=0.002)
        # All that the first life counted, and all of the second.
        plain = server.value("max_over_time(plain_total[1h])", time=now)
        self.assertGreater(server.value("increase(jobs_total[2h])", time=now), plain)

        server.kill()
        server.start()
        self.assertEqual([server.value(query, time=now) for query in
                          ("start_timestamp(jobs_total)", "resets(jobs_total[1h])", "rate(jobs_total[2h])")], seen)
        self.assertNotIn("unknown option", server.log())

        # What is stored is not looked at by a server that was not asked to.
        server.stop()
        other = self.serve(STORE, folder=server.folder)
        self.assertEqual(other.value("resets(jobs_total[1h])", time=now), 0)
        self.assertEqual(other.query("start_timestamp(jobs_total)", time=now), [])

    def test_nothing_is_known_of_what_was_not_stored(self):
        server = self.serve("promql-experimental-functions,use-start-timestamps")
        wait_for("two samples", lambda: (server.value("count_over_time(jobs_total[1h])") or 0) >= 2)
        self.assertEqual(server.value("start_timestamp(jobs_total)"), 0)
        self.assertTrue(server.query("jobs_created"))  # a series like any other


if __name__ == "__main__":
    main()
