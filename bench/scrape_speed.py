#!/usr/bin/env python3
"""Scrapes with Debian's Prometheus, VictoriaMetrics and Barograph in one run, and prints what a sample cost each of them.

Called by `./dev bench scrape`. Phase B of ../shared/bench: 200 targets of 600 series each second, with its load generator
and its accounting, which are used as they stand. The servers take turns, several rounds of them, so that whatever else
the machine does meanwhile hits all of them. CPU is user and system time of the whole process from the end of the warm-up
on: kernel, HTTP, parsing, log, head and whatever runs in the background. Then the parser alone, on recorded bodies.
"""
import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parent))
import shared_harness  # noqa: E402

RATIO_GOAL, RATIO_STRETCH = 0.20, 0.15  # of Prometheus' CPU
REPEATED_GOAL, FIRST_SIGHT_GOAL = 2e9, 400e6  # bytes per second of CPU
BODIES = ("node", "postgres", "redis", "process", "prometheus")
NAMES = {"prometheus": "Prometheus", "victoriametrics": "VictoriaMetrics", "barograph": "Barograph"}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--barograph", required=True, type=Path)
    parser.add_argument("--peers", required=True, type=Path, help="folder of the peers' binaries")
    parser.add_argument("--harness", required=True, type=Path, help="../shared/bench")
    parser.add_argument("--work", required=True, type=Path)
    parser.add_argument("--parser", type=Path, help="expo_bench; left out: the parser is not measured")
    parser.add_argument("--servers", default="prometheus,victoriametrics,barograph")
    parser.add_argument("--rounds", type=int, default=2, help="0: the parser only")
    parser.add_argument("--scrape-targets", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=30, help="measured, of each turn")
    parser.add_argument("--warm-up", type=int, default=15)
    parser.add_argument("--json", type=Path, help="write all figures there")
    return parser.parse_args()


def folder_bytes(folder):
    return sum(file.lstat().st_size for file in Path(folder).rglob("*") if file.is_file())


def measure_servers(bench, options):
    """{server: [figures of phase B, one for each round]}"""
    data_bytes = {}

    class Server(bench.Server):
        """Phase B removes the data when it has ended the server: this looks at it in between."""

        def stop(self, *args, **kwargs):
            took_s = super().stop(*args, **kwargs)
            data_bytes[self.name] = folder_bytes(self.data)
            return took_s

    bench.Server = Server
    binaries = {"prometheus": options.peers / "prometheus", "victoriametrics": options.peers / "victoria-metrics",
                "barograph": options.barograph}
    names = options.servers.split(",")
    phase = SimpleNamespace(
        servers={name: dict(bench.SERVERS[name], bin=str(binaries[name].resolve())) for name in names},
        b_targets=options.scrape_targets, b_seconds=options.seconds, b_warm=options.warm_up, b_interval=1, b_churn=0,
        b_gzip=False)
    results = {name: [] for name in names}
    for turn in range(options.rounds):
        for name in names:
            bench.log(f"round {turn + 1} of {options.rounds}: {name}")
            figures = bench.phase_b(phase, name, str((options.work / f"{name}-scrape").resolve()), turn)
            # All that the server was ever sent, the warm-up too: that is what lies in its folder.
            figures["data_bytes"] = data_bytes[name]
            results[name].append(figures)
    return results


ROWS = [  # what, how it is found, digits, whether it is compared
    ("CPU-seconds per million samples", lambda r: r["cpu_s_per_m"], 3, True),
    ("cores", lambda r: r["cpu_cores"], 3, True),
    ("peak memory, MiB", lambda r: r["use"]["peak_rss_mb"], 0, True),
    ("of which anonymous, MiB", lambda r: r["use"]["peak_anon_mb"], 0, True),
    ("data after a clean stop, MB", lambda r: r["data_bytes"] / 1e6, 2, True),
    ("missed scrapes, %", lambda r: r["missed_pct"], 2, False),
    ("samples stored of those expected, %", lambda r: 100 * r["stored_samples"] / r["expected_samples"], 2, False),
    ("mean scrape, ms", lambda r: r["scrape_avg_ms"], 2, False),
    ("others' cores meanwhile", lambda r: r["others_cores"], 2, False),
]


def report_servers(bench, results):
    """Prints medians and ratios; returns Barograph's share of Prometheus' CPU, or None."""
    names = list(results)
    peers = [name for name in names if name != "barograph"] if "barograph" in names else []
    rows = []
    for what, find, digits, is_compared in ROWS:
        values = {name: statistics.median(find(figures) for figures in results[name]) for name in names}
        row = [what] + [f"{values[name]:.{digits}f}" for name in names]
        row += [f"{values['barograph'] / max(values[peer], 1e-9):.3f}" if is_compared else "" for peer in peers]
        rows.append(row)
    print(bench.table(["median of the rounds"] + [NAMES[name] for name in names] + [f"B / {NAMES[peer]}" for peer in peers],
                      rows))
    for name in names:
        each = ", ".join(f"{figures['cpu_s_per_m']:.3f}" for figures in results[name])
        print(f"{NAMES[name]}: CPU-seconds per million samples in each round: {each}")
    if "barograph" not in names or "prometheus" not in names:
        return None
    ours, theirs = (statistics.median(figures["cpu_s_per_m"] for figures in results[name])
                    for name in ("barograph", "prometheus"))
    return ours / theirs


def measure_parser(program):
    """{(kind, body): bytes per second of CPU}"""
    done = subprocess.run([program, f"--benchmark_filter=(Repeated|FirstSight)/({'|'.join(BODIES)})$",
                           "--benchmark_format=json", "--benchmark_min_time=0.5"], stdout=subprocess.PIPE, check=True)
    found = {}
    for run in json.loads(done.stdout)["benchmarks"]:
        if run.get("error_occurred"):
            print(f"{run['name']}: left out: {run['error_message']}")
            continue
        kind, body = run["name"].removeprefix("BM_").split("/")
        found[kind, body] = run["bytes_per_second"]  # Google Benchmark's rate is per second of CPU
    return found


def report_parser(bench, speeds):
    """Prints the figures; returns whether the goals hold, and what falls short."""
    short = [f"{kind} {body}" for (kind, body), speed in speeds.items()
             if speed < (REPEATED_GOAL if kind == "Repeated" else FIRST_SIGHT_GOAL)]
    rows = [[body, f"{speeds['Repeated', body] / 1e9:.2f}", f"{speeds['FirstSight', body] / 1e6:.0f}"]
            for body in BODIES if ("Repeated", body) in speeds]
    print(bench.table(["parser alone, recorded bodies", "repeated, GB/s (>= 2)", "first sight, MB/s (>= 400)"], rows))
    return short


def main():
    options = arguments()
    bench = shared_harness.load(options.harness, options.work)
    results = measure_servers(bench, options) if options.rounds > 0 else {}
    ratio = report_servers(bench, results) if results else None
    speeds = measure_parser(options.parser) if options.parser else {}
    short = report_parser(bench, speeds) if speeds else []
    if options.json:
        options.json.write_text(json.dumps(dict(servers=results, parser={"/".join(k): v for k, v in speeds.items()}),
                                           indent=1))
    is_good = not short and (ratio is None or ratio <= RATIO_GOAL)
    if ratio is not None:
        print(f"CPU beside Prometheus: {ratio:.3f}; goal <= {RATIO_GOAL:.2f} {'holds' if ratio <= RATIO_GOAL else 'FAILS'}, "
              f"stretch <= {RATIO_STRETCH:.2f} {'holds' if ratio <= RATIO_STRETCH else 'is not reached'}")
    if speeds:
        print("parser alone: " + (f"short of its goal: {', '.join(short)}" if short else "both goals hold on all bodies"))
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
