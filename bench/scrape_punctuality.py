#!/usr/bin/env python3
"""Scrapes 5,000 targets of 200 series every 15 seconds, and says whether each was asked in each interval, and when.

Called by `./dev bench scrape --targets`. Two clocks are asked. The targets (bench/scrape_targets.cpp, a port each) note
when requests arrive; storage tells the timestamps of `up`. Both are held against the target's phase: the earliest offset
within the interval that any of its stored timestamps or arrivals has, so that all that comes later counts as lateness.
An interval is missed when no request arrived in it, or `up` is not 1.
"""
import argparse
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

JITTER_P99_MS_MAX = 100
FIRST_PORT = 21000  # below the ports that Linux gives to connections


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--barograph", required=True, type=Path)
    parser.add_argument("--work", required=True, type=Path)
    parser.add_argument("--count", type=int, default=5000, help="targets")
    parser.add_argument("--series", type=int, default=200, help="of each target")
    parser.add_argument("--interval", type=int, default=15, help="seconds")
    parser.add_argument("--intervals", type=int, default=20, help="that are measured, after two of warm-up")
    parser.add_argument("--quick", action="store_true", help="200 targets, 8 intervals of 2 s: does it work?")
    options = parser.parse_args()
    if options.quick:
        options.count, options.interval, options.intervals = 200, 2, 8
    return options


def build_targets(work):
    work.mkdir(parents=True, exist_ok=True)
    source, binary = Path(__file__).parent / "scrape_targets.cpp", work / "scrape_targets"
    if not binary.exists() or binary.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["g++", "-O2", "-std=c++20", "-o", binary, source], check=True)
    return binary


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def busy_seconds():
    user, nice, system, _, _, irq, softirq = map(int, Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def peak_mib(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


class Server:
    def __init__(self, binary, folder, options):
        targets = ", ".join(f"'127.0.0.1:{FIRST_PORT + i}'" for i in range(options.count))
        config = folder / "config.yml"
        config.write_text(f"global: {{scrape_interval: {options.interval}s, scrape_timeout: {options.interval}s}}\n"
                          f"scrape_configs:\n  - job_name: fleet\n    static_configs:\n      - targets: [{targets}]\n")
        self.log_path = folder / "log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [binary.resolve(), f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
                 "--web.listen-address=127.0.0.1:0"], stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while "msg=listening" not in self.log_path.read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"barograph did not start:\n{self.log_path.read_text()}")
            time.sleep(0.05)
        line = next(line for line in self.log_path.read_text().splitlines() if "msg=listening" in line)
        self.address = line.split("address=")[1].split()[0].strip('"')

    def query(self, text, at):
        parameters = urllib.parse.urlencode({"query": text, "time": f"{at:.3f}"})
        with urllib.request.urlopen(f"http://{self.address}/api/v1/query?{parameters}", timeout=120) as answer:
            return json.load(answer)["data"]["result"]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(120)


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def judge(options, window, arrivals, stored):
    """Prints what was found; returns whether the goals hold.

    `arrivals` and `stored` have the times in milliseconds for each target, the latter with the value of `up`.
    """
    interval_ms = options.interval * 1000
    begin_ms, end_ms = window
    lateness = {"requests, as they arrive at the targets": [], "timestamps, as they are stored": []}
    missed = {"requests": 0, "up": 0}
    for target in range(options.count):
        times = {"requests": arrivals.get(target, []), "up": [at for at, up in stored.get(target, []) if up == 1]}
        seen = sorted(at for each in times.values() for at in each)
        if not seen:
            for which in missed:
                missed[which] += options.intervals
            continue
        # Relative to one of them, so that a phase at the edge of the interval is no special case.
        middle = seen[0] - interval_ms / 2
        phase = middle + min((at - middle) % interval_ms for at in seen)
        first = phase + -(-(begin_ms - phase) // interval_ms) * interval_ms
        for which, rows in zip(times, lateness.values()):
            slots = set()
            for at in times[which]:
                slot, late = divmod(at - first, interval_ms)
                if 0 <= slot < options.intervals:
                    slots.add(slot)
                    rows.append(late)
            missed[which] += options.intervals - len(slots)
    expected = options.count * options.intervals
    is_good = True
    for what, rows in lateness.items():
        rows.sort()
        p99 = percentile(rows, 0.99)
        is_good &= p99 <= JITTER_P99_MS_MAX
        print(f"{what}: {len(rows)}; late by p50 {percentile(rows, 0.5):.2f}, p90 {percentile(rows, 0.9):.2f}, "
              f"p99 {p99:.2f}, p99.9 {percentile(rows, 0.999):.2f}, at most {rows[-1] if rows else float('nan'):.2f} ms")
    print(f"intervals without a request: {missed['requests']} of {expected}; with `up` not 1: {missed['up']}")
    return is_good and not any(missed.values())


def measure(options, folder):
    file = folder / "arrivals"
    targets = subprocess.Popen([build_targets(options.work), str(FIRST_PORT), str(options.count), str(options.series), file],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    server = None
    try:
        if targets.stdout.readline().strip() != "READY":
            sys.exit("the targets did not start")
        server = Server(options.barograph, folder, options)
        time.sleep(2 * options.interval)
        busy, ours, theirs = busy_seconds(), cpu_seconds(server.process.pid), cpu_seconds(targets.pid)
        begin = time.time()
        time.sleep((options.intervals + 1) * options.interval)  # one more: a target's first interval begins at its phase
        elapsed = time.time() - begin
        ours, theirs = cpu_seconds(server.process.pid) - ours, cpu_seconds(targets.pid) - theirs
        others = max(0.0, busy_seconds() - busy - ours - theirs)
        time.sleep(2)
        result = server.query(f'up{{job="fleet"}}[{int(elapsed) + 2 * options.interval}s]', time.time())
        stored = {int(series["metric"]["instance"].rsplit(":", 1)[1]) - FIRST_PORT:
                  [(at * 1000, float(up)) for at, up in series["values"]] for series in result}
        samples = options.count * options.series * elapsed / options.interval
        print(f"{options.count} targets x {options.series} series at {options.interval} s for {elapsed:.0f} s: "
              f"barograph {ours / elapsed:.3f} cores ({ours / samples * 1e6:.2f} us a sample), peak memory "
              f"{peak_mib(server.process.pid):.0f} MiB; targets {theirs / elapsed:.3f} cores; others {others / elapsed:.2f} "
              f"of {os.cpu_count()} cores")
    finally:
        if server:
            server.stop()
        targets.stdin.close()
        targets.wait(60)
    arrivals = {}
    for time_us, target in struct.iter_unpack("qq", file.read_bytes()):
        arrivals.setdefault(target, []).append(time_us / 1000)
    return judge(options, (begin * 1000, (begin + elapsed) * 1000), arrivals, stored)


def main():
    options = arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="punctuality-", dir=options.work))
    try:
        is_good = measure(options, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"no missed interval, jitter p99 <= {JITTER_P99_MS_MAX} ms: {'holds' if is_good else 'FAILS'}")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
