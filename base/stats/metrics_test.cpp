#include "base/metrics.h"

#include <cmath>
#include <thread>

#include <gtest/gtest.h>

#include "base/metrics_text.h"

namespace baro::base {
namespace {

std::string Text(const Registry& registry) {
  std::string out;
  AppendPrometheusText(registry.Gather(), out);
  return out;
}

TEST(Metrics, AreWrittenSortedWithHelpAndType) {
  Registry registry;
  registry.MakeGauge("b_gauge", "A gauge.").Set(1.5);
  registry.MakeCounterFamily("a_total", "Counts \\ and\nmore.", {"x"}).With({"q\"\\\n"}).Add(2);
  registry.MakeCounterFamily("unused_total", "No child yet.", {"x"});
  EXPECT_EQ(Text(registry),
            "# HELP a_total Counts \\\\ and\\nmore.\n# TYPE a_total counter\na_total{x=\"q\\\"\\\\\\n\"} 2\n"
            "# HELP b_gauge A gauge.\n# TYPE b_gauge gauge\nb_gauge 1.5\n");
}

TEST(Metrics, HistogramsCumulate) {
  Registry registry;
  auto& histogram = registry.MakeHistogram("h", "H.", {1, 2});
  for (const double value : {0.5, 1.0, 1.5, 9.0}) histogram.Observe(value);
  EXPECT_EQ(Text(registry),
            "# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"2\"} 3\nh_bucket{le=\"+Inf\"} 4\n"
            "h_sum 12\nh_count 4\n");
}

TEST(Metrics, SummariesTellQuantiles) {
  Registry registry;
  auto& summary = registry.MakeSummary("s", "S.", {0.5, 0.99});
  for (int i = 0; i <= 100; ++i) summary.Observe(i);
  EXPECT_EQ(
      Text(registry),
      "# HELP s S.\n# TYPE s summary\ns{quantile=\"0.5\"} 50\ns{quantile=\"0.99\"} 99\ns_sum 5050\ns_count 101\n");
}

TEST(Metrics, OpenMetricsNamesCountersWithoutTheirSuffix) {
  Registry registry;
  registry.MakeCounter("a_total", "A.").Add();
  registry.MakeCounter("odd", "Not named as a counter.").Add();
  std::string out;
  AppendOpenMetricsText(registry.Gather(), out);
  EXPECT_EQ(out,
            "# HELP a A.\n# TYPE a counter\na_total 1\n# HELP odd Not named as a counter.\n# TYPE odd unknown\nodd 1\n"
            "# EOF\n");
}

TEST(Metrics, NothingIsLostBetweenThreads) {
  Registry registry;
  auto& family = registry.MakeCounterFamily("c_total", "C.", {"thread"});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10'000; ++i) family.With({std::to_string(i % 2 + t % 2)}).Add();
    });
  }
  for (auto& thread : threads) thread.join();
  double sum = 0;
  const auto families = registry.Gather();
  for (const auto& point : families[0].points) sum += point.value;
  EXPECT_EQ(sum, 40'000);
}

TEST(Metrics, ChildrenPastTheLimitShareOne) {
  Registry registry;
  auto& family = registry.MakeCounterFamily("c_total", "C.", {"x"});
  for (int i = 0; i < 12'000; ++i) family.With({std::to_string(i)}).Add();
  EXPECT_EQ(registry.Gather()[0].points.size(), 10'001U);
  EXPECT_EQ(family.With({"other"}).value(), 2000);
}

TEST(Metrics, CollectorsComeAndGo) {
  Registry registry;
  const auto id = registry.AddCollector([](std::vector<MetricFamily>& out) {
    out.push_back({.name = "x", .help = "X.", .kind = MetricKind::kGauge, .points = {{"", {}, 1}}});
  });
  EXPECT_EQ(registry.Gather().size(), 1U);
  registry.RemoveCollector(id);
  EXPECT_TRUE(registry.Gather().empty());
}

TEST(Metrics, OpenMetricsWritesBoundsAsNumbersWithAPoint) {
  Registry registry;
  registry.MakeHistogram("h", "H.", {0.5, 1, 1e21}).Observe(1);
  registry.MakeSummary("s", "S.", {1}).Observe(2);
  registry.MakeGaugeFamily("g", "G.", {"le"}).With({"1"}).Set(0);
  std::string out;
  AppendOpenMetricsText(registry.Gather(), out);
  for (const char* want : {"h_bucket{le=\"0.5\"} 0\n", "h_bucket{le=\"1.0\"} 1\n", "h_bucket{le=\"1e+21\"} 1\n",
                           "h_bucket{le=\"+Inf\"} 1\n", "s{quantile=\"1.0\"} 2\n", "g{le=\"1\"} 0\n"}) {
    EXPECT_NE(out.find(want), std::string::npos) << want << out;
  }
}

TEST(Metrics, NanIsInTheLastBucketOnly) {
  Registry registry;
  registry.MakeHistogram("h", "H.", {1}).Observe(std::nan(""));
  EXPECT_NE(Text(registry).find("h_bucket{le=\"1\"} 0\nh_bucket{le=\"+Inf\"} 1\n"), std::string::npos);
}

TEST(Metrics, ChildrenCanBeForgotten) {
  Registry registry;
  auto& family = registry.MakeGaugeFamily("g", "G.", {"x"});
  family.With({"1"}).Set(1);
  family.With({"2"}).Set(2);
  family.Remove({"1"});
  family.Remove({"never"});
  EXPECT_EQ(Text(registry), "# HELP g G.\n# TYPE g gauge\ng{x=\"2\"} 2\n");
}

}  // namespace
}  // namespace baro::base
