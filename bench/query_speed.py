#!/usr/bin/env python3
"""Runs the queries of ../shared/bench (phase C) on Barograph, Debian's Prometheus and VictoriaMetrics, in one run.

Called by `./dev bench query`. All three hold the same data; for each query they are asked in turn, several times over,
so that whatever else the machine does meanwhile hits all of them. Printed are medians, ratios, their geometric means,
CPU time per query and peak memory. The harness itself (load generator, HTTP client, query set, process accounting) is
that of ../shared/bench, which is used as it stands and not changed.

Loaded data directories stay under --work and are used again by the next run of the same size.
"""
import argparse
import json
import math
import os
import shutil
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import shared_harness  # noqa: E402

SIZES = {  # series, hours, wide series
    "full": (20_000, 24, 100_000),
    "small": (4_000, 6, 20_000),
}
DATA_AGE_S_MAX = 7 * 86_400  # then the peers' retention comes near


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--barograph", required=True, type=Path)
    parser.add_argument("--peers", required=True, type=Path, help="folder of the peers' binaries")
    parser.add_argument("--harness", required=True, type=Path, help="../shared/bench")
    parser.add_argument("--work", required=True, type=Path, help="where data directories are kept")
    parser.add_argument("--small", action="store_true", help="4,000 series x 6 h and 20,000 x 10 min: a quick look")
    parser.add_argument("--servers", default="prometheus,victoriametrics,barograph")
    parser.add_argument("--only", default="", help="prefixes of query names, with commas between")
    parser.add_argument("--rounds", type=int, default=3, help="how often each query goes around the servers")
    parser.add_argument("--budget-ms", type=int, default=700, help="of one server's turn; 3 to 20 runs fit in it or not")
    parser.add_argument("--settle", type=float, default=70, help="least seconds between loading and asking")
    parser.add_argument("--reload", action="store_true", help="load anew")
    parser.add_argument("--json", type=Path, help="write all figures there")
    return parser.parse_args()


def make_server(bench, name, folder, binary):
    """A server of the harness whose folder is kept."""
    spec = dict(bench.SERVERS[name], bin=str(binary.resolve()))
    server = bench.Server.__new__(bench.Server)
    server.name, server.spec, server.work = name, spec, str(folder)
    server.data, server.config = str(folder / "data"), str(folder / "config.yml")
    server.proc, server.port = None, 0
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "config.yml").write_text(bench.NO_SCRAPE)
    return server


def load(bench, server, size, end_s):
    series, hours, wide = size
    bench.log(f"loading {server.name}")
    steps = int(hours * 3600 / 15)
    for form in (dict(series=series, steps=steps, per_series=8), dict(series=wide, profile="wide", steps=40)):
        writer = bench.Writer(server, True, interval=15, end_ms=end_s * 1000, conns=4, batch=2000, **form)
        result = writer.go()
        writer.end()
        if result["failed_samples"]:
            sys.exit(f"{server.name} refused {result['failed_samples']} samples: {result['error']}")
    server.flush()


def start(bench, options, size, folder):
    """Starts all servers over their data, loading it where it is missing; returns them and the end of the data."""
    mark = folder / "end.json"
    end_s = json.loads(mark.read_text()) if mark.exists() else 0
    if options.reload or time.time() - end_s > DATA_AGE_S_MAX:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        end_s = bench.base_time()
        mark.write_text(json.dumps(end_s))
    binaries = {"prometheus": options.peers / "prometheus", "victoriametrics": options.peers / "victoria-metrics",
                "barograph": options.barograph}
    servers, is_new = [], False
    for name in options.servers.split(","):
        loaded = folder / name / "loaded"
        if not loaded.exists():
            shutil.rmtree(folder / name, ignore_errors=True)
        server = make_server(bench, name, folder / name, binaries[name])
        server.start()
        servers.append(server)
        if not loaded.exists():
            load(bench, server, size, end_s)
            server.wait_idle(least=options.settle)
            loaded.touch()
            is_new = True
    for server in servers:
        server.wait_idle(limit=300, least=5 if is_new else 0)
    return servers, end_s


def measure(bench, options, servers, end_s, folder):
    """{query: {server: {ms: [...], cpu_ms, digest}}}"""
    clients = {server.name: bench.QueryClient(server) for server in servers}
    body = str(folder / "body.json")
    results = {}
    for query in bench.QUERIES:
        if options.only and not query[0].startswith(tuple(options.only.split(","))):
            continue
        entry = results[query[0]] = {}
        for server in servers:
            path = bench.query_path(query, end_s, server.spec["params"])
            first = clients[server.name].run(query[0], path, 1, 1, 1, 1, body)
            if first["status"] != 200:
                bench.log(server.name, query[0], "HTTP", first["status"], first["error"])
                continue
            with open(body, "rb") as answer:
                digest = bench.digest(query[1], answer.read())
            entry[server.name] = dict(ms=[], cpu_s=0.0, runs=0, digest=digest)
        for _ in range(options.rounds):
            for server in servers:
                if server.name not in entry:
                    continue
                path = bench.query_path(query, end_s, server.spec["params"])
                before = bench.cpu_fine_s(server.pid)
                run = clients[server.name].run(query[0], path, 0, 3, 20, options.budget_ms)
                figures = entry[server.name]
                figures["cpu_s"] += bench.cpu_fine_s(server.pid) - before
                figures["runs"] += len(run["lat_ms"])
                figures["ms"] += run["lat_ms"]
        for figures in entry.values():
            figures["p50_ms"] = statistics.median(figures.pop("ms"))
            figures["cpu_ms"] = 1000 * figures.pop("cpu_s") / figures["runs"]
    for client in clients.values():
        client.end()
    return results


def geometric_mean(ratios):
    return math.exp(statistics.mean(map(math.log, ratios))) if ratios else math.nan


def report(bench, servers, results, usage):
    names = [server.name for server in servers]
    peers = [name for name in names if name != "barograph"] if "barograph" in names else []
    short = {"prometheus": "P", "victoriametrics": "V", "barograph": "B"}
    head = (["query"] + [f"{short[name]} ms" for name in names] + [f"{short[peer]}/B" for peer in peers] +
            [f"{short[name]} cpu ms" for name in names] + [f"{short[peer]}/B cpu" for peer in peers] + ["B's answer beside P's"])
    rows, slower = [], []
    ratios = {(peer, key): [] for peer in peers for key in ("p50_ms", "cpu_ms")}
    for query, entry in results.items():
        row = [query]
        for key in ("p50_ms", "cpu_ms"):
            row += [f"{entry[name][key]:.2f}" if name in entry else "-" for name in names]
            for peer in peers:
                if peer not in entry or "barograph" not in entry:
                    row.append("-")
                    continue
                ratio = entry[peer][key] / max(entry["barograph"][key], 1e-6)
                ratios[peer, key].append(ratio)
                row.append(f"{ratio:.1f}")
                if ratio < 1 and key == "p50_ms":
                    slower.append(f"{query} ({peer}, {ratio:.2f})")
        both = "prometheus" in entry and "barograph" in entry
        row.append(bench.same(entry["prometheus"]["digest"], entry["barograph"]["digest"]) if both else "-")
        rows.append(row)
    print(bench.table(head, rows))
    for peer in peers:
        print(f"geometric mean, {peer} / barograph: {geometric_mean(ratios[peer, 'p50_ms']):.2f} by the clock, "
              f"{geometric_mean(ratios[peer, 'cpu_ms']):.2f} by CPU time")
    print("slower than a peer: " + (", ".join(slower) or "none"))
    for name, used in usage.items():
        print(f"{name}: peak memory {used['peak_rss_mb']:.0f} MiB, of which anonymous {used['peak_anon_mb']:.0f}")
    first = next(iter(usage.values()))
    others = first["other_cpu_s"] - sum(used["cpu_s"] for name, used in list(usage.items())[1:])
    print(f"others used {max(0.0, others) / first['wall_s']:.2f} cores meanwhile")


def main():
    options = arguments()
    bench = shared_harness.load(options.harness, options.work)
    size_name = "small" if options.small else "full"
    folder = options.work / size_name
    servers, end_s = start(bench, options, SIZES[size_name], folder)
    usage = [bench.Usage(server.pid) for server in servers]
    results = measure(bench, options, servers, end_s, folder)
    used = {server.name: usage.stop() for server, usage in zip(servers, usage)}
    report(bench, servers, results, used)
    if options.json:
        options.json.write_text(json.dumps(dict(results=results, usage=used), indent=1))
    for server in servers:
        server.stop()


if __name__ == "__main__":
    main()
