"""Barograph and Debian's Prometheus scrape the same programs of others, which die and come back: the same series, the
same values, the same `up`.

BARO_SIDE_BY_SIDE_SECONDS says for how long; `./dev test side_by_side` takes ten minutes.
"""
import contextlib
import os
import random
import tempfile
import time
import unittest
from pathlib import Path

from beside_prometheus import Prometheus
from harness import Server, Targets, main, peer, wait_for
from side_by_side import TIMEOUT_SECONDS, Comparison, programs, request

SECONDS = float(os.environ.get("BARO_SIDE_BY_SIDE_SECONDS", "30"))
STEP_SECONDS = 5  # of instrumented/app.py
SEED = int(os.environ.get("BARO_SIDE_BY_SIDE_SEED", "1"))
PUSHED = """# TYPE batch_last_success_timestamp_seconds gauge
batch_last_success_timestamp_seconds 1.7e9
# TYPE batch_size_bytes histogram
batch_size_bytes_bucket{le="10"} 1
batch_size_bytes_bucket{le="+Inf"} %d
batch_size_bytes_sum 4.25
batch_size_bytes_count %d
"""


def middle_of_step(earliest):
    """The first time from `earliest` on at which `Steps` have been the same for two scrapes, and will be for one."""
    return earliest + (3.5 - earliest) % STEP_SECONDS


class SideBySide(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        prometheus = peer("prometheus")
        if not prometheus:
            print("skipped: prometheus is neither in .cache/peers nor in the PATH", flush=True)
            self.skipTest("prometheus is not there")
        opened = contextlib.ExitStack()
        self.addCleanup(opened.close)
        self.folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="barograph-e2e-side-")))
        self.programs = programs(self.folder)
        for program in self.programs.values():
            opened.callback(program.kill)
            program.start()
        self.page = opened.enter_context(Targets({"/": b"<html>", "/moved": self.redirect}))
        self.jobs = {}  # job -> the program that it is of
        config = self.config()
        self.theirs = Prometheus(prometheus, config, self.folder)
        opened.callback(self.theirs.stop)
        self.ours = opened.enter_context(Server(config=config))
        self.theirs.wait_until_ready()
        self.pushes = 0

    @staticmethod
    def redirect(handler):
        handler.answer(b"", status=302, headers=[("Location", "/")])

    def config(self):
        text = (f"global: {{scrape_interval: {TIMEOUT_SECONDS}s, scrape_timeout: {TIMEOUT_SECONDS}s}}\nscrape_configs:\n"
                "  - {job_name: nobody, static_configs: [{targets: ['127.0.0.1:1']}]}\n")
        for name, program in self.programs.items():
            for path in ("/text", "/openmetrics") if name == "python" else (program.path,):
                job = name + path.replace("/", "-") if name == "python" else name
                self.jobs[job] = program
                honor = "true" if name == "pushgateway" else "false"
                text += (f"  - {{job_name: {job}, metrics_path: {path}, honor_labels: {honor}, "
                         f"static_configs: [{{targets: ['{program.address}'], labels: {{zone: a}}}}]}}\n")
        if "blackbox-exporter" in self.programs:
            self.jobs["probes"] = self.programs["blackbox-exporter"]
            text += f"""  - job_name: probes
    metrics_path: /probe
    params: {{module: [http_2xx]}}
    static_configs: [{{targets: ['http://{self.page.address}/', 'http://{self.page.address}/moved', 'http://127.0.0.1:1/']}}]
    relabel_configs:
      - {{source_labels: [__address__], target_label: __param_target}}
      - {{source_labels: [__param_target], target_label: instance}}
      - {{target_label: __address__, replacement: '{self.jobs["probes"].address}'}}
"""
        return text

    def wait_for_both(self, what, query, condition):
        for server, owner in ((self.ours, "ours"), (self.theirs, "theirs")):
            wait_for(f"{what} in {owner}", lambda server=server: condition(server.api("query", query=query)["result"]))

    # What can happen. Each returns when both servers have seen it.

    def kill_or_start(self, name):
        program = self.programs[name]
        if program.is_alive:
            program.kill()
        else:
            program.start()
        jobs = [job for job, owner in self.jobs.items() if owner is program]
        up = str(int(program.is_alive))
        query = "up{job=~\"" + "|".join(jobs) + "\"}"
        self.wait_for_both(f"{name} to be {'up' if program.is_alive else 'down'}", query,
                           lambda result: result and {item["value"][1] for item in result} == {up})

    def push(self):
        if not self.programs["pushgateway"].is_alive:
            return
        self.pushes += 1
        body = PUSHED % (self.pushes, self.pushes)
        path = "/metrics/job/batch/instance/i%d" % (self.pushes % 3)
        self.assertEqual(request(self.programs["pushgateway"].address, "PUT", path, body.encode()), 200)
        query = f'batch_size_bytes_count{{job="batch",instance="i{self.pushes % 3}"}}'
        self.wait_for_both("the pushed group", query,
                           lambda result: result and float(result[0]["value"][1]) == self.pushes)

    def delete(self):
        if not self.programs["pushgateway"].is_alive:
            return
        instance = f"i{self.pushes % 3}"
        request(self.programs["pushgateway"].address, "DELETE", f"/metrics/job/batch/instance/{instance}")
        self.wait_for_both("the end of the pushed group", f'batch_size_bytes_count{{job="batch",instance="{instance}"}}',
                           lambda result: not result)

    def break_or_mend_the_page(self):
        if not self.programs["blackbox-exporter"].is_alive:
            return
        is_broken = self.page.pages["/"] == b"<html>"
        self.page.pages["/"] = (lambda handler: handler.answer(b"", status=503)) if is_broken else b"<html>"
        self.wait_for_both("the probe", f'probe_success{{instance="http://{self.page.address}/"}}',
                           lambda result: result and result[0]["value"][1] == ("0" if is_broken else "1"))

    def happenings(self):
        """Endless: all once, the most telling first, then by lot."""
        chances = [lambda name=name: self.kill_or_start(name) for name in self.programs]
        if "pushgateway" in self.programs:
            chances += [self.push, self.delete]
        if "blackbox-exporter" in self.programs:
            chances.append(self.break_or_mend_the_page)
        if "python" in self.programs:
            yield from (lambda: self.kill_or_start("python"), lambda: self.kill_or_start("python"))
        if "pushgateway" in self.programs:
            yield from (self.push, self.delete)
        dice = random.Random(SEED)
        while True:
            dice.shuffle(chances)
            yield from list(chances)

    def test_same_series_same_values_same_up(self):
        comparison = Comparison(self.ours, self.theirs)
        self.wait_for_both("all targets but one to be up", "up", lambda result: sum(
            item["value"][1] == "1" for item in result) == len(self.jobs) + (2 if "probes" in self.jobs else 0))
        try:
            self.compare_and_go_on(comparison)
        finally:
            report = ", ".join(f"{count} {what}" for what, count in sorted(comparison.counts.items()))
            print(f"{SECONDS:.0f} s, seed {SEED}: {report}; {len(comparison.differences)} differences", flush=True)
            for difference in comparison.differences[:50]:
                print(difference, flush=True)
        self.assertEqual(comparison.differences, [])
        self.assertGreater(comparison.counts["equal"], 1000)
        self.assertIsNone(self.ours.process.poll())

    def compare_and_go_on(self, comparison):
        happenings = self.happenings()
        end = time.monotonic() + SECONDS
        while True:
            # Both have scraped all since: what is compared is of the same life of each program, and within one step.
            moment = middle_of_step(time.time() + 2)
            time.sleep(moment + 3.2 - time.time())
            comparison.at(moment)
            if time.monotonic() >= end:
                return
            next(happenings)()
            comparison.counts["happenings"] += 1


if __name__ == "__main__":
    main()
