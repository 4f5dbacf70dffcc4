#!/usr/bin/env python3
"""Runs the benchmarks of the time-series engine and prints its figures beside what they are to reach.

Called by `./dev bench tsdb`. What a whole server does is measured by ../shared/bench (beside the peers, in one run); give
its JSON with --servers. Peers' figures that were not measured in that run are the ones that the goals were set with, and
are marked with a *.
"""
import argparse
import json
import subprocess
import sys
from pathlib import Path

# measure; Prometheus 2.42 and VictoriaMetrics 1.79.5 as the goals were set; goal; how ours is found, in units of `scale`.
# A source is (program, benchmark, counter, scale) or (phase, key, scale) of the servers' JSON; two of them are "15 s / 1 s".
MICRO, SERVER = "micro", "server"
TABLE = [
    ("bytes a sample without labels, six targets, hot, 15 s / 1 s", "1.78 / 1.36", "0.825 / 0.323", "<= 0.36 / 0.18", "B",
     [(MICRO, "codec", "Bytes/15s/hot", "B/sample", 1), (MICRO, "codec", "Bytes/1s/hot", "B/sample", 1)]),
    ("the same, cold", "", "", "<= 0.30 / 0.15", "B",
     [(MICRO, "codec", "Bytes/15s/cold", "B/sample", 1), (MICRO, "codec", "Bytes/1s/cold", "B/sample", 1)]),
    ("data directory after compaction, 20 k series x 24 h", "1.91", "0.80", "<= 0.45", "B/sample",
     [(SERVER, "C", "disk_b_per_sample", 1)]),
    ("peak anonymous memory while loading that", "461", "217", "<= 150", "MiB", [(SERVER, "C", "load_peak_anon_mb", 1)]),
    ("decode, everything, AVX2 / AVX-512", "0.33", "0.32", ">= 1.2 / 2", "G/s",
     [(MICRO, "codec", "Decode/15s/everything/avx2", "samples", 1e-9),
      (MICRO, "codec", "Decode/15s/everything/avx512", "samples", 1e-9)]),
    ("decode, non-constant, AVX2 / AVX-512", "", "", ">= 0.8 / 1.2", "G/s",
     [(MICRO, "codec", "Decode/15s/non-constant/avx2", "samples", 1e-9),
      (MICRO, "codec", "Decode/15s/non-constant/avx512", "samples", 1e-9)]),
    ("seal, 15 s / 1 s", "", "48 to 66", "<= 30", "ns/sample",
     [(MICRO, "codec", "Seal/15s", "samples", 1e9), (MICRO, "codec", "Seal/1s", "samples", 1e9)]),
    ("append of rows with log", "", "", "<= 25", "ns/sample",
     [(MICRO, "head", "RowAppendWithLog/33/256", "ns/sample", 1)]),
    ("log", "about 7", "-", "<= 2.2", "B/sample", [(MICRO, "head", "RowAppendWithLog/33/256", "log_bytes/sample", 1)]),
    ("head memory, 1 M series", "", "", "<= 600", "B/series",
     [(MICRO, "head", "MemoryPerActiveSeries/1715", "bytes/series", 1)]),
    ("new series, storage alone / whole server", "0.318", "0.930", ">= 2", "M/s",
     [(MICRO, "head", "NewSeries/100000", "items_per_second", 1e-6), (SERVER, "C", "wide_samples_per_s", 1e-6)]),
    ("kill -9 to ready, 20 k series, 9.6 M samples: log alone / whole server", "0.54", "0.05", "<= 0.2", "s",
     [(MICRO, "head", "Replay/34/482", "real_time", 1), (SERVER, "A", "crash_ready_s", 1)]),
    ("kill -9 to ready, 1 M series: log alone", "", "", "<= 5", "s", [(MICRO, "head", "Replay/1715/60", "real_time", 1)]),
]
TIME_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
# Of codec and head those that the table shows.
FILTERS = {"codec": "Bytes|Seal|Decode",
           "head": "RowAppendWithLog/33/256|Memory.*/1715|NewSeries/100000|Replay/(34/482|1715/60)"}


def run_micro(programs):
    """Counters of all benchmarks: program -> name -> counter -> value. A program that fails is told, not fatal."""
    found = {}
    for program, pattern in FILTERS.items():
        path = programs / f"{program}_bench"
        found[program] = {}
        if not path.exists():
            print(f"{path} is missing: build it with `./dev build bench`", file=sys.stderr)
            continue
        print(f"==> {path.name}", file=sys.stderr)
        done = subprocess.run([path, f"--benchmark_filter={pattern}", "--benchmark_format=json", "--benchmark_min_time=0.5"],
                              stdout=subprocess.PIPE, check=False)
        if done.returncode != 0:
            print(f"{path.name} ended with {done.returncode}", file=sys.stderr)
            continue
        for run in json.loads(done.stdout)["benchmarks"]:
            if run.get("error_occurred"):
                continue
            counters = {k: v for k, v in run.items() if isinstance(v, (int, float))}
            counters["real_time"] = run["real_time"] * TIME_UNITS[run["time_unit"]]
            name = run["name"].split("/iterations:")[0]
            found[program][name] = counters
    return found


def median_of(servers, server, phase, key):
    values = sorted(r[key] for r in servers.get(server, {}).get(phase, []) if isinstance(r.get(key), (int, float)))
    return values[len(values) // 2] if values else None


def number(value):
    if value is None:
        return "-"
    return f"{value:.3f}" if value < 10 else f"{value:,.0f}"


def ours(source, micro, servers):
    if source[0] == MICRO:
        _, program, name, counter, scale = source
        value = micro[program].get(name, {}).get(counter)
    else:
        _, phase, key, scale = source
        value = median_of(servers, "barograph", phase, key)
    return None if value is None else value * scale


def peer(told, server, sources, servers):
    """What was measured in the run of ours, or what the goals were set with, marked."""
    measured = [median_of(servers, server, s[1], s[2]) for s in sources if s[0] == SERVER]
    if measured and measured[0] is not None:
        return number(measured[0] * [s[3] for s in sources if s[0] == SERVER][0])
    return told + "*" if told not in ("", "-") else told


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=Path, default=Path("build/bench/bench"), help="where the benchmarks are")
    parser.add_argument("--servers", type=Path, help="JSON that ../shared/bench/bench.py --out wrote")
    args = parser.parse_args()
    document = json.loads(args.servers.read_text()) if args.servers else {}
    servers = document.get("results", {})
    if "peers_env" in document:  # taken from an earlier run, maybe of another machine: not of this one
        servers = {k: v for k, v in servers.items() if k == "barograph"}
    micro = run_micro(args.programs)
    rows = [("measure", "unit", "Prometheus 2.42", "VictoriaMetrics 1.79.5", "reach", "Barograph")]
    for what, prometheus, victoria, goal, unit, sources in TABLE:
        rows.append((what, unit, peer(prometheus, "prometheus", sources, servers),
                     peer(victoria, "victoriametrics", sources, servers), goal,
                     " / ".join(number(ours(s, micro, servers)) for s in sources)))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for i, row in enumerate(rows):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")
        if i == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    print("\n* not measured in this run: as the goals were set with. A - is not measured (whole servers: --servers).")


if __name__ == "__main__":
    main()
