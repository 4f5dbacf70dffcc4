"""kill -9 under load: what a query has shown once is there after the restart, with the same value, each time.

Also a log whose end is damaged, as a torn write leaves it: the start succeeds and names the damage.
"""
import os
import time
import unittest

from harness import Server, Targets, config_of, job, main, wait_for

TARGETS = 20
SERIES_PER_TARGET = 300
ROUNDS = 5
EVERYTHING = '{__name__=~"load|up"}[1h]'


def load_page():
    """A page whose values differ at each request, integers and fractions, as a busy program's do."""
    moment = time.time()
    lines = ["# TYPE load gauge"]
    lines += [f'load{{series="{i}"}} {int(moment * 1000) + i}' for i in range(0, SERIES_PER_TARGET, 2)]
    lines += [f'load{{series="{i}"}} {moment / (i + 1)!r}' for i in range(1, SERIES_PER_TARGET, 2)]
    return ("\n".join(lines) + "\n").encode()


def flatten(result):
    """{(series, timestamp): value} of a range vector's JSON."""
    return {(tuple(sorted(series["metric"].items())), stamp): value
            for series in result for stamp, value in series["values"]}


class Crash(unittest.TestCase):
    def setUp(self):
        pages = {f"/{i}": lambda handler: handler.answer(load_page()) for i in range(TARGETS)}
        self.targets = Targets(pages)
        self.addCleanup(self.targets.__exit__)
        jobs = [job(f"load{i}", self.targets.address, f"/{i}") for i in range(TARGETS)]
        self.server = Server(config=config_of(*jobs))
        self.addCleanup(self.server.__exit__)
        self.server.start()

    def wait_for_load(self):
        """Until every target was scraped twice since the last start; a scrape that took too long does not count."""
        start = time.time()

        def scraped():
            counts = self.server.query(f"sum_over_time(up[{max(1, int(time.time() - start))}s])")
            return len(counts) == TARGETS and all(float(count["value"][1]) >= 2 for count in counts)

        wait_for("two scrapes of every target", scraped)

    def acknowledged(self):
        """All that queries show until the moment of the kill; one target is asked again at the very last."""
        shown = flatten(self.server.query(EVERYTHING))
        shown.update(flatten(self.server.query('load{job="load0"}[1m]')))
        return shown

    def assert_all_there(self, before, may_miss_newest=False):
        after = flatten(self.server.query(EVERYTHING))
        newest = {}
        for series, stamp in before:
            newest[series] = max(stamp, newest.get(series, stamp))
        lost = [key for key in before if key not in after]
        if may_miss_newest:
            lost = [(series, stamp) for series, stamp in lost if stamp != newest[series]]
        changed = [(key, before[key], after[key]) for key in before if key in after and after[key] != before[key]]
        self.assertEqual((len(lost), lost[:3]), (0, []), f"of {len(before)} samples")
        self.assertEqual((len(changed), changed[:3]), (0, []), f"of {len(before)} samples")

    def last_segment(self):
        segments = sorted(path for path in (self.server.folder / "data").rglob("*")
                          if path.is_file() and path.parent.name in ("log", "wal") and path.name[:1].isdigit())
        self.assertTrue(segments, "no segment of the log found")
        return segments[-1]

    def test_what_a_query_showed_survives_kill_9(self):
        for number in range(ROUNDS):
            with self.subTest(round=number):
                self.wait_for_load()
                before = self.acknowledged()
                self.server.kill()
                self.assertGreaterEqual(len(before), 2 * TARGETS * SERIES_PER_TARGET)
                self.server.start()
                self.assert_all_there(before)

    def test_garbage_behind_the_log_is_cut_and_named(self):
        for number in range(ROUNDS):
            with self.subTest(round=number):
                self.wait_for_load()
                before = self.acknowledged()
                self.server.kill()
                with open(self.last_segment(), "ab") as segment:
                    segment.write(b"\xff" + os.urandom(16 + 321 * number))
                self.restart_names_damage()
                self.assert_all_there(before)

    def test_a_cut_log_costs_its_last_record_only(self):
        for number in range(ROUNDS):
            with self.subTest(round=number):
                self.wait_for_load()
                before = self.acknowledged()
                self.server.kill()
                segment = self.last_segment()
                os.truncate(segment, segment.stat().st_size - 1 - number)
                self.restart_names_damage()
                self.assert_all_there(before, may_miss_newest=True)

    def test_damage_in_the_middle_is_counted_where_people_look(self):
        self.wait_for_load()
        self.assertEqual(self.server.api("status/runtimeinfo")["corruptionCount"], 0)
        self.server.kill()
        segment = self.last_segment()
        octets = bytearray(segment.read_bytes())
        octets[len(octets) // 2] ^= 1
        segment.write_bytes(octets)
        self.restart_names_damage()
        self.assertEqual(self.server.api("status/runtimeinfo")["corruptionCount"], 1)
        self.assertIn(b"\nprometheus_tsdb_wal_corruptions_total 1\n", self.server.get("/metrics")[2])

    def restart_names_damage(self):
        told = len(self.server.log())
        segment = self.last_segment()
        self.server.start()
        lines = [line for line in self.server.log()[told:].splitlines() if segment.name in line]
        self.assertTrue(any("level=warn" in line or "level=error" in line for line in lines),
                        f"nothing about {segment.name} in:\n{self.server.log()[told:]}")


if __name__ == "__main__":
    main()
