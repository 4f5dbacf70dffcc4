#!/usr/bin/env python3
"""What queries over 100,000 series and a day hold in memory: one by itself, and many at once.

Called by `./dev bench query --memory`. The series are those of the profile "wide" of ../shared/bench, sent by remote
write, one sample each 15 s for a day: 576 million samples. They are loaded once and stay under --work.

  alone     each query runs with --query.max-memory=256MiB in a server that was just started. Printed are its answer's
            check, its time, what it was charged, and how much anonymous memory the process came to hold beside what it
            had when it was ready.
  together  the same query many times at once, all of them running, with --query.max-memory-total as the limit of all.
            Every client gets the right answer or a refusal that names the limit; the process holds no more than the
            limit beside what it had before.

An answer is right if it is, within 1e-9, the sum of the answers to the same query over disjoint parts of the series,
each asked by itself of a server without these limits. The exit status is 1 if anything is not as it must be.
"""
import argparse
import http.client
import json
import math
import shutil
import socket
import sys
import threading
import time
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import shared_harness  # noqa: E402

MIB = 1 << 20
METRIC = "app_requests_total"
PARTS = ["pod-%02d.*" % part for part in range(5)]  # of 5,000 pods
# What is no column of a query: answers as JSON, threads' buffers, what malloc keeps of memory that was given back.
SLACK_MIB = 64


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--barograph", required=True, type=Path)
    parser.add_argument("--harness", required=True, type=Path, help="../shared/bench")
    parser.add_argument("--work", required=True, type=Path, help="where the data directory is kept")
    parser.add_argument("--series", type=int, default=100_000)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--clients", type=int, default=50, help="how many ask at once")
    parser.add_argument("--limit-mib", type=int, default=256, help="--query.max-memory")
    parser.add_argument("--total-mib", default="256,1024", help="--query.max-memory-total, one after the other")
    parser.add_argument("--reload", action="store_true", help="load anew")
    parser.add_argument("--skip-alone", action="store_true")
    parser.add_argument("--skip-together", action="store_true")
    return parser.parse_args()


class Server:
    """A server of the harness over a folder that is kept, with flags of its own."""

    def __init__(self, bench, folder, binary, flags=()):
        spec = dict(bench.SERVERS["barograph"], bin=str(binary.resolve()))
        spec["cmd"] += "".join(" " + flag for flag in flags)
        self.bench = bench
        self.server = server = bench.Server.__new__(bench.Server)
        server.name, server.spec, server.work = "barograph", spec, str(folder)
        server.data, server.config = str(folder / "data"), str(folder / "config.yml")
        server.proc, server.port = None, 0
        (folder / "data").mkdir(parents=True, exist_ok=True)
        (folder / "config.yml").write_text(bench.NO_SCRAPE)
        server.start()
        server.wait_idle(limit=600)
        self.ready_anon = bench.status_kb(server.pid)["RssAnon"] / 1024

    def ask(self, path):
        """(status, body)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=3600)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body


def load(bench, options, folder):
    """Loads the data if it is not there; returns the end of its time, in seconds."""
    mark, loaded = folder / "end.json", folder / "loaded"
    if loaded.exists() and not options.reload:
        return json.loads(mark.read_text())
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    end_s = bench.base_time()
    mark.write_text(json.dumps(end_s))
    server = Server(bench, folder, options.barograph)
    began = time.monotonic()
    writer = bench.Writer(server.server, False, series=options.series, profile="wide", steps=options.hours * 240,
                          per_series=40, interval=15, end_ms=end_s * 1000, conns=4, batch=4000)
    result = writer.go()
    writer.end()
    if result["failed_samples"]:
        sys.exit(f"refused {result['failed_samples']} samples: {result['error']}")
    print(f"loaded {result['acked_samples']:,} samples in {time.monotonic() - began:.0f} s", flush=True)
    server.server.wait_idle(limit=900, least=70)
    server.server.stop()
    loaded.touch()
    return end_s


def query_paths(end_s, hours, selector=METRIC):
    """{name: path} of the queries."""
    def rate(window):
        return f"sum by (path) (rate({selector}[{window}]))"

    def path(endpoint, **params):
        return f"/api/v1/{endpoint}?" + urllib.parse.urlencode(dict(params, timeout="3000s"))

    start_s = end_s - hours * 3600
    return {
        "range, 300 s": path("query_range", query=rate("5m"), start=start_s, end=end_s, step=300),
        "range, 60 s": path("query_range", query=rate("5m"), start=start_s, end=end_s, step=60),
        f"instant, [{hours}h]": path("query", query=rate(f"{hours}h"), time=end_s),
    }


def points(body):
    """{labels: [(time, value)]} of an answer."""
    result = json.loads(body)["data"]["result"]
    return {json.dumps(series["metric"], sort_keys=True):
            [(time_s, float(value)) for time_s, value in series.get("values") or [series["value"]]] for series in result}


def add(into, other):
    for labels, values in other.items():
        before = into.setdefault(labels, [])
        if not before:
            before += values
            continue
        assert [time_s for time_s, _ in before] == [time_s for time_s, _ in values], "parts have other times"
        before[:] = [(time_s, a + b) for (time_s, a), (_, b) in zip(before, values)]


def is_same(answer, expected):
    if answer.keys() != expected.keys():
        return False
    for labels, values in expected.items():
        if [time_s for time_s, _ in answer[labels]] != [time_s for time_s, _ in values]:
            return False
        pairs = zip(answer[labels], values)
        if not all(math.isclose(a, b, rel_tol=1e-9) for (_, a), (_, b) in pairs):
            return False
    return True


def expect(bench, options, folder, end_s):
    """{name: points} of every query, put together from parts."""
    server = Server(bench, folder, options.barograph, ["--query.max-memory=0B", "--query.max-samples=0"])
    expected = {}
    bench.log("asking for the parts")
    for part in PARTS:
        for name, path in query_paths(end_s, options.hours, f'{METRIC}{{pod=~"{part}"}}').items():
            status, body = server.ask(path)
            if status != 200:
                sys.exit(f"{name}, {part}: {status} {body[:500]}")
            add(expected.setdefault(name, {}), points(body))
    server.server.stop()
    for name, series in expected.items():
        if len(series) != 10:
            sys.exit(f"{name}: {len(series)} series, expected 10")
    return expected


def alone(bench, options, folder, end_s, expected):
    """One query by itself; returns what was wrong."""
    wrong, rows = [], []
    for name, path in query_paths(end_s, options.hours).items():
        server = Server(bench, folder, options.barograph, [f"--query.max-memory={options.limit_mib}MiB"])
        bench.log(f"{name}, alone")
        usage = bench.Usage(server.server.pid)
        began = time.monotonic()
        status, body = server.ask(path + "&stats=all")
        took_s = time.monotonic() - began
        used = usage.stop()
        server.server.stop()
        if status != 200:
            wrong.append(f"{name}: {status} {body[:500]}")
            continue
        is_right = is_same(points(body), expected[name])
        grown = used["peak_anon_mb"] - server.ready_anon
        if not is_right:
            wrong.append(f"{name}: the answer is not the sum of its parts")
        if grown > options.limit_mib:
            wrong.append(f"{name}: the process grew by {grown:.0f} MiB of anonymous memory")
        rows.append([name, "right" if is_right else "WRONG", f"{took_s:.1f}", f"{used['cpu_s']:.1f}",
                     f"{server.ready_anon:.0f}", f"{used['peak_anon_mb']:.0f}", f"{grown:.0f}", f"{used['peak_rss_mb']:.0f}"])
    print(f"\nAlone, --query.max-memory={options.limit_mib}MiB:")
    print(bench.table(["query", "answer", "s", "CPU-s", "anonymous MiB before", "peak", "grown by", "peak RSS MiB"], rows))
    return wrong


def together(bench, options, folder, end_s, expected, total_mib):
    """Many at once; returns what was wrong."""
    name = "range, 300 s"
    path = query_paths(end_s, options.hours)[name]
    flags = [f"--query.max-memory={options.limit_mib}MiB", f"--query.max-memory-total={total_mib}MiB",
             f"--query.max-concurrency={options.clients}", "--query.timeout=1h"]
    server = Server(bench, folder, options.barograph, flags)
    bench.log(f"{options.clients} at once, limit of all {total_mib} MiB")
    usage = bench.Usage(server.server.pid)
    answers = [None] * options.clients
    barrier = threading.Barrier(options.clients)

    def client(number):
        barrier.wait()
        try:
            answers[number] = server.ask(path)
        except (OSError, http.client.HTTPException) as error:
            answers[number] = (0, str(error).encode())

    threads = [threading.Thread(target=client, args=(number,)) for number in range(options.clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    used = usage.stop()
    is_up = server.ask("/-/ready")[0] == 200
    server.server.stop()
    wrong = [] if is_up else ["the server did not survive"]
    right = refused = 0
    for status, body in answers:
        if status == 200:
            if is_same(points(body), expected[name]):
                right += 1
            else:
                wrong.append("a wrong answer")
        elif status in (422, 503) and b"--query.max-memory-total" in body:
            refused += 1
        else:
            wrong.append(f"{status} {body[:300]}")
    grown = used["peak_anon_mb"] - server.ready_anon
    if grown > total_mib + SLACK_MIB:
        wrong.append(f"limit of all {total_mib} MiB: grown by {grown:.0f} MiB of anonymous memory")
    if right == 0:
        wrong.append(f"limit of all {total_mib} MiB: nobody got an answer")
    row = [str(total_mib), str(right), str(refused), f"{used['wall_s']:.1f}", f"{server.ready_anon:.0f}",
           f"{used['peak_anon_mb']:.0f}", f"{grown:.0f}", f"{used['peak_rss_mb']:.0f}"]
    return wrong, row


def main():
    options = arguments()
    bench = shared_harness.load(options.harness, options.work)
    folder = options.work / f"memory-{options.series}-{options.hours}"
    end_s = load(bench, options, folder)
    expected = expect(bench, options, folder, end_s)
    wrong = [] if options.skip_alone else alone(bench, options, folder, end_s, expected)
    if not options.skip_together:
        rows = []
        for total_mib in map(int, options.total_mib.split(",")):
            found, row = together(bench, options, folder, end_s, expected, total_mib)
            wrong += found
            rows.append(row)
        print(f"\n{options.clients} times \"range, 300 s\" at once, --query.max-concurrency={options.clients}:")
        print(bench.table(["--query.max-memory-total, MiB", "right", "refused, naming the limit", "s",
                           "anonymous MiB before", "peak", "grown by", "peak RSS MiB"], rows))
    print("\nnot as it must be:" if wrong else "\nall as it must be")
    for text in wrong:
        print("  " + text)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
