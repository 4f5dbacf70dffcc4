"""Random queries over random data, answered by Barograph and by Debian's Prometheus: equal, or the difference is told.

    ./dev fuzz promql-differential [queries] [seed]
    promql_differential.py --replay <file that a run wrote>

See README.md.
"""
import argparse
import json
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from compare import judge
from generate import Generator, Question
from minimise import minimise_data, minimise_question
from samples import DataSet
from servers import Asker, Pair

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
from harness import ROOT, peer  # noqa: E402

QUERIES_PER_DATA_SET = 2000
THREADS = 4
REPORTS = ROOT / "build/differential"
REPORTED_PER_DATA_SET = 20


class Replayed:
    """A query of a file: there is no tree of it."""

    kind, rule, params = "v", "text", {}

    def __init__(self, case):
        self.text = case["query"]
        self.theirs_text = case["query_of_prometheus_2"]
        self.facts = type("Facts", (), {"level": case["level"]})

    def theirs(self):
        return self.theirs_text

    def all(self):
        return [self]


class Run:
    def __init__(self, prometheus, seed, with_data):
        self.prometheus = prometheus
        self.seed = seed
        self.with_data = with_data  # minimise the data of a difference, too
        self.counts = Counter()
        self.rules = Counter()
        self.shapes = Counter()
        self.exceptions = Counter()
        self.lock = threading.Lock()

    def data_set(self, index, queries):
        name = f"{self.seed}/{index}"
        data = DataSet.random(name)
        found = []
        with Pair(self.prometheus, data) as pair:
            threads = [threading.Thread(target=self.ask, args=(pair, Generator(f"{name}/{t}", data),
                                                               queries // THREADS + (t < queries % THREADS), found))
                       for t in range(THREADS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            asker = Asker(pair)
            smallest = [(question, minimise_question(asker, question)) for question in found[:REPORTED_PER_DATA_SET]]
            reasons = [judge(asker, small).found for _, small in smallest]
            asker.close()
        for (question, small), reason in zip(smallest, reasons):
            self.report(name, data, question, small, reason)

    def ask(self, pair, generator, queries, found):
        asker = Asker(pair)
        for _ in range(queries):
            question = generator.question()
            try:
                verdict = judge(asker, question)
            except Exception as error:  # a server that went away is a finding with this query's name on it
                print(f"{question.node.text} at {question.times()}: {error!r}", flush=True)
                with self.lock:
                    self.counts["differences"] += 1
                return
            with self.lock:
                self.counts["queries"] += 1
                self.counts["range queries"] += question.step is not None
                self.counts["with a result"] += verdict.has_result
                self.counts["errors in both"] += verdict.is_error and not verdict.found
                self.counts["equal after the allowance for cancelled sums"] += verdict.by_rounding and not verdict.found
                if verdict.exception:
                    self.exceptions[verdict.exception] += 1
                if verdict.has_result:
                    self.rules.update(name_of(node) for node in question.node.all())
                if verdict.found:
                    self.counts["differences"] += 1
                    found.append(question)
        asker.close()

    def report(self, name, data, question, small, reason):
        shape = " ".join(name_of(node) for node in small.node.all())
        self.shapes[shape] += 1
        if self.shapes[shape] > 1:
            print(f"again {small.node.text} {small.times()}: {reason}", flush=True)
            return
        if self.with_data:
            data = minimise_data(self.prometheus, data, small)
        REPORTS.mkdir(parents=True, exist_ok=True)
        path = REPORTS / f"{name.replace('/', '-')}-{len(self.shapes)}.json"
        case = {"query": small.node.text, "query_of_prometheus_2": small.node.theirs(), "level": small.node.facts.level,
                "times": small.times(), "data": data.to_json()}
        path.write_text(json.dumps(case, ensure_ascii=False, indent=1))
        print(f"\nDIFFERENCE in data set {name}\n  asked     {question.node.text}  {question.times()}\n"
              f"  smallest  {small.node.text}  {small.times()}\n  found     {reason}\n  replay    --replay {path}")
        points = sum(len(one.points) for one in data.series)
        if points <= 40:
            for one in data.series:
                print(f"  data      {one.labels} {one.points}")
        print(flush=True)


def name_of(node):
    return node.params.get("function") or node.params.get("op") or node.rule


def replay(prometheus, path):
    case = json.loads(Path(path).read_text())
    times = case["times"]
    question = Question(Replayed(case), times.get("time", times.get("start")), times.get("end"), times.get("step"))
    with Pair(prometheus, DataSet.from_json(case["data"])) as pair:
        asker = Asker(pair)
        for name, answer in zip(("ours", "theirs"), asker.ask(case["query"], case["query_of_prometheus_2"], **times)):
            print(name, answer[0], answer[1].decode())
        found = judge(asker, question).found
        asker.close()
    print(f"{case['query']}: {found or 'equal'}")
    return 1 if found else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("queries", nargs="?", type=int, default=10_000)
    parser.add_argument("seed", nargs="?", default="1")
    parser.add_argument("--replay")
    parser.add_argument("--first", type=int, default=0, help="the first data set; a seed has as many as one likes")
    parser.add_argument("--keep-data", action="store_true", help="do not make the data of differences smaller")
    options = parser.parse_args()
    prometheus = peer("prometheus")
    if not prometheus:
        print("skipped: prometheus is neither in .cache/peers nor in the PATH: ./dev setup all")
        return 77
    if options.replay:
        return replay(prometheus, options.replay)
    run = Run(prometheus, options.seed, not options.keep_data)
    began = time.monotonic()
    index, left = options.first, options.queries
    while left > 0:
        run.data_set(index, min(left, QUERIES_PER_DATA_SET))
        index, left = index + 1, left - QUERIES_PER_DATA_SET
    seconds = time.monotonic() - began
    counts = run.counts
    print(f"seed {options.seed}: {counts['queries']} queries over {index - options.first} data sets "
          f"in {seconds:.0f} s, {counts['queries'] / seconds:.0f} a second: {counts['range queries']} range queries, "
          f"{counts['with a result']} with a result, {counts['errors in both']} errors in both, "
          f"{counts['equal after the allowance for cancelled sums']} equal after the allowance for cancelled sums")
    print("used in queries with a result:", ", ".join(f"{name} {count}" for name, count in sorted(run.rules.items())))
    for name, count in sorted(run.exceptions.items()):
        print(f"exception: {name}: {count}")
    print(f"{counts['differences']} differences")
    return 1 if counts["differences"] else 0


if __name__ == "__main__":
    sys.exit(main())
