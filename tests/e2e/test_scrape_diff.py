"""Scraping beside Debian's Prometheus: the same jobs lead to the same targets, series and values.

Only what Prometheus 2 and 3 agree on: bounds of buckets have a fraction, since Prometheus 3 writes 1 as 1.0.
"""
import tempfile
import unittest

from beside_prometheus import Prometheus
from harness import Server, Targets, main, peer, wait_for

PAGE = b"""# HELP a_total Of all.
# TYPE a_total counter
a_total{instance="inner",job="inner",exported_job="x",code="200"} 3
a_total{code="500",path="/a/b\\\\c\\"d\\ne"} 4e3
# TYPE g gauge
g -0.25
g{empty="",zone="eu-1"} NaN
g{zone="eu-2"} +Inf
# TYPE h histogram
h_bucket{le="0.5"} 1
h_bucket{le="+Inf"} 2
h_sum 2.5
h_count 2
# TYPE s summary
s{quantile="0.5"} 7
s_sum 9
s_count 2
untyped_thing{a="1",b="2"} 1.5e-9
untyped_thing{b="2",a="2"} 25e-2
go_things 5
"""
OPENMETRICS = b"""# TYPE jobs counter
# UNIT jobs jobs
# HELP jobs Done.
jobs_total{q="x"} 12.0 # {trace_id="abc"} 1.0
jobs_created{q="x"} 1.7e9
# TYPE state stateset
state{state="on"} 1
state{state="off"} 0
# TYPE build info
build_info{version="1"} 1
# EOF
"""
# Faults behind good lines: what came before them counts as scraped, though nothing of it is stored.
BROKEN = {
    "value": b'a{x="1"} 1\nb 2\ngo_c 3\nd one\ne 5\n',
    "labels": b'a 1\nb{x="1",} 2\nc{x=1} 3\n',
    "name": b"a 1\n<html>\n",
    "late": b"a 1\nb 2\nrefused 3\n",
    "late-and-bad": b"a 1\nb 2\nrefused three\n",
    "end": b"a 1\nb 2",
}
JOBS = """
  - job_name: plain
    static_configs: [{targets: ['TARGET'], labels: {zone: outer, instance: named}}]
  - job_name: honor
    honor_labels: true
    static_configs: [{targets: ['TARGET'], labels: {zone: outer, code: outer}}]
  - job_name: openmetrics
    metrics_path: /om
    static_configs: [{targets: ['TARGET']}]
  - job_name: relabelled targets
    params: {module: [one, two], q: ['a b&c']}
    relabel_configs:
      - {source_labels: [__address__], regex: '(.*):(.*)', target_label: host, replacement: 'h-$1-${2}x'}
      - {source_labels: [__param_module, job], separator: '/', target_label: instance}
      - {regex: 'drop_(.*)', action: labeldrop}
      - {regex: 'map_(.*)', action: labelmap, replacement: 'mapped_$1'}
      - {source_labels: [keep], regex: 'yes|perhaps', action: keep}
      - {source_labels: [host], modulus: 7, action: hashmod, target_label: shard}
      - {source_labels: [keep], action: uppercase, target_label: loud}
    static_configs:
      - {targets: ['TARGET'], labels: {keep: 'yes', drop_me: '1', map_a: '2'}}
      - {targets: ['other:1', 'third:2'], labels: {keep: 'no'}}
  - job_name: relabelled metrics
    metric_relabel_configs:
      - {source_labels: [__name__], regex: 'go_.*', action: drop}
      - {source_labels: [__name__, code], regex: 'a_total;5..', target_label: class, replacement: server}
      - {source_labels: [__name__], regex: 'untyped_(.*)', target_label: __name__, replacement: 'renamed_$1'}
      - {regex: 'b|empty', action: labeldrop}
      - {source_labels: [zone], regex: 'eu-(.)', target_label: zone, replacement: '$1'}
    static_configs: [{targets: ['TARGET']}]
  - job_name: sample limit
    sample_limit: 5
    static_configs: [{targets: ['TARGET']}]
  - job_name: sample limit after relabelling
    sample_limit: 2
    metric_relabel_configs: [{source_labels: [__name__], regex: 'a_total', action: keep}]
    static_configs: [{targets: ['TARGET']}]
  - job_name: label limit
    label_limit: 3
    static_configs: [{targets: ['TARGET']}]
  - job_name: label name length
    label_name_length_limit: 8
    static_configs: [{targets: ['TARGET']}]
  - job_name: label value length
    label_value_length_limit: 4
    static_configs: [{targets: ['TARGET']}]
  - job_name: body limit
    body_size_limit: 100B
    static_configs: [{targets: ['TARGET']}]
  - job_name: target limit
    target_limit: 1
    static_configs: [{targets: ['TARGET'], labels: {n: '1'}}, {targets: ['TARGET'], labels: {n: '2'}}]
  - job_name: twice the same
    static_configs: [{targets: ['TARGET', 'TARGET']}]
  - job_name: own path
    static_configs: [{targets: ['TARGET'], labels: {__metrics_path__: /om, __meta_x: gone, __tmp: gone}}]
  - job_name: own interval
    static_configs: [{targets: ['TARGET'], labels: {__scrape_interval__: 1s500ms, __scrape_timeout__: 1s}}]
  - job_name: not found
    metrics_path: /none
    static_configs: [{targets: ['TARGET']}]
"""
JOBS += "".join(f"""
  - job_name: broken {name}
    metrics_path: /broken/{name}
    metric_relabel_configs:
      - {{source_labels: [__name__], regex: 'go_.*', action: drop}}
      - {{source_labels: [__name__], regex: 'refused', target_label: __name__, replacement: ''}}
    static_configs: [{{targets: ['TARGET']}}]
""" for name in BROKEN)
TARGETS = 17 + len(BROKEN)


class Scraping(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        binary = peer("prometheus")
        if not binary:
            print("skipped: prometheus is neither in .cache/peers nor in the PATH", flush=True)
            raise unittest.SkipTest("prometheus is not there")

        def openmetrics(handler):
            handler.answer(OPENMETRICS, content_type="application/openmetrics-text; version=1.0.0; charset=utf-8")

        broken = {f"/broken/{name}": page for name, page in BROKEN.items()}
        targets = Targets({"/metrics": PAGE, "/om": openmetrics, **broken})
        cls.addClassCleanup(targets.__exit__)
        config = "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:" + JOBS
        config = config.replace("TARGET", targets.address)
        folder = tempfile.TemporaryDirectory(prefix="barograph-e2e-")
        cls.addClassCleanup(folder.cleanup)
        cls.theirs = Prometheus(binary, config, folder.name)
        cls.addClassCleanup(cls.theirs.stop)
        cls.ours = Server(config=config).start()
        cls.addClassCleanup(cls.ours.__exit__)
        for server in (cls.ours, cls.theirs):
            wait_for("two scrapes of all targets", lambda server=server: cls.is_scraped(server))

    def assert_soon_equal(self, of):
        """`of` both servers is the same in one look of a few: a busy machine makes a scrape of one of them too late."""
        try:
            wait_for("equal answers", lambda: of(self.ours) == of(self.theirs))
        except AssertionError:
            self.assertEqual(of(self.ours), of(self.theirs))

    @staticmethod
    def is_scraped(server):
        counts = server.api("query", query="count_over_time(up[1h])")["result"]
        return len(counts) == TARGETS and all(float(count["value"][1]) >= 2 for count in counts)

    def test_series_and_values(self):
        def samples(server, job):
            query = '{job=~"honor|inner"}' if job in ("honor", "inner") else f'{{job="{job}"}}'
            ignored = {"scrape_duration_seconds", "scrape_series_added"}
            return sorted((sorted(s["metric"].items()), s["value"][1])
                          for s in server.api("query", query=query)["result"] if s["metric"]["__name__"] not in ignored)

        for job in sorted({t["labels"]["job"] for t in self.theirs.api("targets")["activeTargets"]}):
            with self.subTest(job):
                self.assert_soon_equal(lambda server, job=job: samples(server, job))

    def test_targets(self):
        def targets(server):
            keys = ("discoveredLabels", "labels", "scrapePool", "scrapeUrl", "health", "scrapeInterval",
                    "scrapeTimeout")
            # Debian's version is older than these labels.
            newer = ("__scrape_native_histograms__", "__always_scrape_classic_histograms__",
                     "__convert_classic_histograms_to_nhcb__")
            found = server.api("targets")
            for target in found["activeTargets"] + found["droppedTargets"]:
                for name in newer:
                    target["discoveredLabels"].pop(name, None)
            active = sorted(([t[key] for key in keys] for t in found["activeTargets"]), key=repr)
            return active, sorted((t["discoveredLabels"] for t in found["droppedTargets"]), key=repr)

        for number in range(len(targets(self.theirs)[0])):
            with self.subTest(number):
                self.assert_soon_equal(lambda server, number=number: targets(server)[0][number:number + 1])
        self.assert_soon_equal(lambda server: len(targets(server)[0]))
        self.assert_soon_equal(lambda server: targets(server)[1])

    def test_metadata(self):
        def metadata(server):
            found = server.api("metadata")
            return {name: sorted((entry["type"], entry["help"], entry["unit"]) for entry in entries)
                    for name, entries in found.items()}

        self.assert_soon_equal(metadata)


if __name__ == "__main__":
    main()
