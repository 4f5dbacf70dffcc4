#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "model/sample.h"
#include "scraper/expo/naive_scrape.h"
#include "scraper/expo/protobuf_cache.h"
#include "scraper/exposition.h"
#include "scraper/testing/metric_family.pb.h"

namespace baro::scraper {
namespace {

using expo::RecordingResolver;
using testing::Histogram;
using testing::Metric;
using testing::MetricFamily;

constexpr int kCounter = 0;
constexpr int kGauge = 1;
constexpr int kSummary = 2;
constexpr int kHistogram = 4;
constexpr int kGaugeHistogram = 5;

constexpr ExpositionCache::Options kProtobuf = {.format = ExpositionFormat::kProtobuf};
constexpr ExpositionCache::Options kNative = {.format = ExpositionFormat::kProtobuf, .native_histograms = true};

MetricFamily Family(const std::string& name, int type) {
  MetricFamily family;
  family.set_name(name);
  family.set_type(type);
  return family;
}

Metric& AddMetric(MetricFamily& family, const std::string& label = "", const std::string& value = "") {
  Metric& metric = *family.add_metric();
  if (!label.empty()) {
    metric.add_label()->set_name(label);
    metric.mutable_label(0)->set_value(value);
  }
  return metric;
}

MetricFamily Gauges(const std::string& name, std::initializer_list<double> values) {
  MetricFamily family = Family(name, kGauge);
  int number = 0;
  for (const double value : values) AddMetric(family, "n", std::to_string(++number)).mutable_gauge()->set_value(value);
  return family;
}

// Of families below 128 bytes.
std::string Body(std::initializer_list<MetricFamily> families) {
  std::string body;
  for (const MetricFamily& family : families) {
    const std::string bytes = family.SerializeAsString();
    if (bytes.size() >= 128) body += static_cast<char>(0x80 | (bytes.size() & 0x7f));
    body += static_cast<char>(bytes.size() >= 128 ? bytes.size() >> 7 : bytes.size());
    body += bytes;
  }
  return body;
}

std::string Parsed(ExpositionCache& cache, RecordingResolver& resolver, std::string_view body,
                   const ExpositionCache::Options& options = kProtobuf) {
  const base::Result<> result = cache.Parse(body, options, resolver);
  resolver.Forget(cache.parsed().released());
  return result ? "" : result.error().message();
}

// What one body gives.
expo::ScrapedSamples Samples(std::string_view body, const ExpositionCache::Options& options = kProtobuf) {
  ExpositionCache cache;
  RecordingResolver resolver;
  return expo::CachedScrape(cache, resolver, body, options);
}

MetricFamily Classic(std::initializer_list<std::uint64_t> counts, double sum, bool has_infinity) {
  MetricFamily family = Family("h", kHistogram);
  Histogram& histogram = *AddMetric(family, "l", "x").mutable_histogram();
  double bound = 0;
  for (const std::uint64_t count : counts) {
    auto& bucket = *histogram.add_bucket();
    bucket.set_count(count);
    bucket.set_upper_bound(has_infinity && histogram.bucket_size() == static_cast<int>(counts.size())
                               ? std::numeric_limits<double>::infinity()
                               : ++bound);
    histogram.set_count(count);
  }
  histogram.set_sum(sum);
  return family;
}

MetricFamily Quantiles(std::uint64_t count, double sum, double median) {
  MetricFamily family = Family("s", kSummary);
  auto& summary = *AddMetric(family).mutable_summary();
  summary.set_count(count);
  summary.set_sum(sum);
  auto& quantile = *summary.add_quantile();
  quantile.set_quantile(0.5);
  quantile.set_value(median);
  return family;
}

TEST(ProtobufExposition, HistogramsAndSummariesArePredictedWholeWhateverTheirValues) {
  ExpositionCache cache;
  RecordingResolver resolver;
  const auto body = [](std::uint64_t first, std::uint64_t second, double sum, bool has_infinity) {
    return Body({Classic({first, second}, sum, has_infinity), Quantiles(second, sum, -sum), Gauges("g", {sum})});
  };
  struct Row {
    std::uint64_t first;
    std::uint64_t second;
    double sum;
  };
  for (const bool has_infinity : {false, true}) {
    const std::size_t samples_count = has_infinity ? 8 : 9;
    cache.Clear();
    bool is_first = true;
    // Some counts become longer or shorter, as varints are, some are as long as they may be.
    for (const auto& [first, second, sum] :
         {Row{1, 100, 0.5}, Row{2, 127, -1e300}, Row{2, 128, std::nan("")}, Row{3, 200, 1}, Row{120, 16'000, 7},
          Row{0, 130, 0}, Row{128, 130, 0}, Row{129, 1ULL << 62, 0}, Row{129, (1ULL << 63) - 1, 1}, Row{129, ~0ULL, 1},
          Row{130, ~0ULL - 1, 1}}) {
      ASSERT_EQ(Parsed(cache, resolver, body(first, second, sum, has_infinity)), "");
      const auto values = cache.parsed().values();
      ASSERT_EQ(values.size(), samples_count);
      const auto as_double = [](std::uint64_t count) { return static_cast<double>(count); };
      EXPECT_EQ(values[0], as_double(second));
      EXPECT_EQ(values[2], as_double(first));
      EXPECT_EQ(values[3], as_double(second));
      EXPECT_EQ(values[samples_count - 5], as_double(second)) << "of +Inf";
      EXPECT_EQ(values[samples_count - 4], as_double(second)) << "of the summary";
      EXPECT_EQ(std::bit_cast<std::uint64_t>(values[1]),
                std::bit_cast<std::uint64_t>(std::isnan(sum) ? model::CanonicalNaN() : sum));
      EXPECT_EQ(cache.parsed().predicted_count(), is_first ? 0U : samples_count) << second;
      is_first = false;
    }
  }
}

TEST(ProtobufExposition, TakesBackWhatABrokenExpositionSaidOfKnownFamilies) {
  ExpositionCache cache;
  RecordingResolver resolver;
  MetricFamily family = Gauges("a", {1});
  family.set_help("old");
  const std::string good = Body({family});
  EXPECT_EQ(Parsed(cache, resolver, good), "");
  family.set_help("new");
  EXPECT_NE(Parsed(cache, resolver, Body({family}) + "\x09"), "");
  EXPECT_EQ(cache.MetadataOf("a")->help, "old");
  EXPECT_EQ(Parsed(cache, resolver, good), "");
  EXPECT_EQ(cache.MetadataOf("a")->help, "old");
}

TEST(ProtobufExposition, TakesUnitsAsTheyAreTold) {
  // Prometheus does not compare them with the name either; in OpenMetrics text it does.
  ExpositionCache cache;
  RecordingResolver resolver;
  MetricFamily family = Gauges("a", {1});
  family.set_unit("seconds");
  EXPECT_EQ(Parsed(cache, resolver, Body({family})), "");
  EXPECT_EQ(cache.MetadataOf("a")->unit, "seconds");
}

TEST(ProtobufExposition, AsksForEachSeriesOnceAndPredictsItAfterwards) {
  ExpositionCache cache;
  RecordingResolver resolver;
  EXPECT_EQ(Parsed(cache, resolver, Body({Gauges("a", {1, 2}), Gauges("b", {3})})), "");
  EXPECT_EQ(cache.parsed().resolved_count(), 3U);
  const std::uint64_t revision = cache.parsed().row_revision();
  EXPECT_EQ(
      Parsed(cache, resolver, Body({Gauges("a", {1.5, std::numeric_limits<double>::quiet_NaN()}), Gauges("b", {4})})),
      "");
  EXPECT_EQ(cache.parsed().resolved_count(), 0U);
  EXPECT_EQ(cache.parsed().predicted_count(), 3U);
  EXPECT_EQ(cache.parsed().row_revision(), revision);
  ASSERT_EQ(cache.parsed().values().size(), 3U);
  EXPECT_EQ(cache.parsed().values()[0], 1.5);
  EXPECT_EQ(std::bit_cast<std::uint64_t>(cache.parsed().values()[1]), 0x7ff8000000000001U);
}

TEST(ProtobufExposition, ReleasesWhatVanishedAndGoesOnPredictingBehindIt) {
  ExpositionCache cache;
  RecordingResolver resolver;
  EXPECT_EQ(Parsed(cache, resolver, Body({Gauges("a", {1, 2}), Gauges("b", {3}), Gauges("c", {4})})), "");
  EXPECT_EQ(Parsed(cache, resolver, Body({Gauges("a", {1, 2}), Gauges("c", {4})})), "");
  ASSERT_EQ(cache.parsed().released().size(), 1U);
  EXPECT_TRUE(cache.parsed().released()[0].was_present);
  EXPECT_EQ(cache.parsed().resolved_count(), 0U);
  EXPECT_EQ(Parsed(cache, resolver, ""), "");
  EXPECT_EQ(cache.parsed().released().size(), 3U);
}

TEST(ProtobufExposition, KeepsSeriesAndHandlesWhenTheTargetChangesItsFormat) {
  ExpositionCache cache;
  RecordingResolver resolver;
  const ExpositionCache::Options text = {.format = ExpositionFormat::kText};
  EXPECT_EQ(Parsed(cache, resolver, "a{n=\"1\"} 1\na{n=\"2\"} 2\nb 3\n", text), "");
  EXPECT_EQ(Parsed(cache, resolver, Body({Gauges("a", {1, 2})})), "");
  EXPECT_EQ(cache.parsed().released().size(), 1U);
  EXPECT_EQ(Parsed(cache, resolver, "a{n=\"1\"} 1\na{n=\"2\"} 2\n", text), "");
  EXPECT_TRUE(cache.parsed().released().empty());
  EXPECT_EQ(cache.PresentSeries().size(), 2U);
}

TEST(ProtobufExposition, HasTheBoundsAndSuffixesThatTextHas) {
  MetricFamily summary = Family("s", kSummary);
  summary.add_metric()->mutable_summary()->set_count(7);
  summary.mutable_metric(0)->mutable_summary()->set_sum(2.5);
  summary.mutable_metric(0)->mutable_summary()->add_quantile()->set_quantile(1);
  MetricFamily histogram = Family("h", kHistogram);
  Histogram& buckets = *histogram.add_metric()->mutable_histogram();
  buckets.set_count(3);
  buckets.set_sum(4);
  buckets.add_bucket()->set_upper_bound(1);
  buckets.mutable_bucket(0)->set_count(2);
  const std::string text =
      "# TYPE s summary\ns_count 7\ns_sum 2.5\ns{quantile=\"1\"} 0\n"
      "# TYPE h histogram\nh_count 3\nh_sum 4\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 3\n";
  EXPECT_EQ(Samples(Body({summary, histogram})).samples, expo::NaiveScrape(text, {}).samples);
}

TEST(ProtobufExposition, TellsMetadataOfItsFamilies) {
  ExpositionCache cache;
  RecordingResolver resolver;
  MetricFamily family = Gauges("a", {1});
  family.set_help("says");
  family.set_unit("bytes");
  EXPECT_EQ(Parsed(cache, resolver, Body({family, Family("empty", kCounter)})), "");
  ASSERT_EQ(cache.metadata().size(), 1U);
  EXPECT_EQ(cache.metadata()[0].family, "a");
  EXPECT_EQ(cache.metadata()[0].metadata, (model::Metadata{model::MetricType::kGauge, "says", "bytes"}));
}

TEST(ProtobufExposition, TellsMetadataThatChangesAndChangesBack) {
  ExpositionCache cache;
  RecordingResolver resolver;
  for (const std::string help : {"one", "two", "one", "two", "two", "one"}) {
    MetricFamily family = Gauges("a", {1, 2});
    family.set_help(help);
    EXPECT_EQ(Parsed(cache, resolver, Body({Gauges("first", {1}), family, Gauges("last", {1})})), "");
    ASSERT_EQ(cache.metadata().size(), 3U);
    EXPECT_EQ(cache.MetadataOf("a")->help, help);
    EXPECT_TRUE(cache.parsed().released().empty());
    EXPECT_EQ(cache.parsed().values().size(), 4U);
  }
  EXPECT_EQ(cache.parsed().resolved_count(), 0U);
}

TEST(ProtobufExposition, TellsSinceWhenTheSamplesOfTheRowCount) {
  ExpositionCache cache;
  RecordingResolver resolver;
  MetricFamily family = Family("c_total", kCounter);
  AddMetric(family).mutable_counter()->mutable_start()->set_seconds(1700);
  family.mutable_metric(0)->mutable_counter()->mutable_start()->set_nanos(5'900'000);
  EXPECT_EQ(Parsed(cache, resolver, Body({Gauges("a", {1}), family})), "");
  ASSERT_EQ(cache.parsed().row_starts_ms().size(), 2U);
  EXPECT_EQ(cache.parsed().row_starts_ms()[0], 0);
  EXPECT_EQ(cache.parsed().row_starts_ms()[1], 1'700'005);
}

// (1, 2]: 3, (2, 4]: none, (4, 8]: 1, [-0.5, 0.5]: 2
MetricFamily NativeFamily(int type = kHistogram) {
  MetricFamily family = Family("n", type);
  Histogram& histogram = *AddMetric(family).mutable_histogram();
  histogram.set_count(6);
  histogram.set_sum(10);
  histogram.set_zero_threshold(0.5);
  histogram.set_zero_count(2);
  histogram.add_positive_span()->set_offset(1);
  histogram.mutable_positive_span(0)->set_length(3);
  for (const int delta : {3, -3, 1}) histogram.add_positive_delta(delta);
  return family;
}

TEST(ProtobufExposition, ReadsNativeHistogramsCompact) {
  ExpositionCache cache;
  RecordingResolver resolver;
  for (const int type : {kHistogram, kGaugeHistogram}) {
    EXPECT_EQ(Parsed(cache, resolver, Body({NativeFamily(type)}), kNative), "");
    EXPECT_TRUE(cache.parsed().values().empty());
    ASSERT_EQ(cache.parsed().histograms().size(), 1U);
    const model::FloatHistogram& histogram = *cache.parsed().histograms()[0].histogram;
    EXPECT_EQ(histogram.ToString(), "{count:6, sum:10, [-0.5,0.5]:2, (1,2]:3, (4,8]:1}");
    EXPECT_EQ(histogram.positive_spans, (std::vector<model::Span>{{1, 1}, {1, 1}}));
    EXPECT_EQ(histogram.counter_reset_hint == model::CounterResetHint::kGauge, type == kGaugeHistogram);
  }
}

TEST(ProtobufExposition, IsClassicWhereNativeHistogramsAreNotAskedForAndBothOnDemand) {
  MetricFamily family = NativeFamily();
  family.mutable_metric(0)->mutable_histogram()->add_bucket()->set_upper_bound(1);
  EXPECT_EQ(Samples(Body({family})).samples.size(), 4U);
  EXPECT_EQ(Samples(Body({family}), kNative).samples.size(), 1U);
  ExpositionCache::Options both = kNative;
  both.classic_besides_native = true;
  EXPECT_EQ(Samples(Body({family}), both).samples.size(), 5U);
  EXPECT_EQ(Samples(Body({NativeFamily()}), both).samples.size(), 1U);  // no buckets, nothing classic about it
}

TEST(ProtobufExposition, ReducesSchemasThatAreFinerThanStoredOnes) {
  MetricFamily family = NativeFamily();
  Histogram& histogram = *family.mutable_metric(0)->mutable_histogram();
  histogram.set_schema(10);  // four buckets of it are one of schema 8: 1 to 4, and 5 to 8
  histogram.mutable_positive_span(0)->set_offset(4);
  ExpositionCache cache;
  RecordingResolver resolver;
  EXPECT_EQ(Parsed(cache, resolver, Body({family}), kNative), "");
  const model::FloatHistogram& read = *cache.parsed().histograms()[0].histogram;
  EXPECT_EQ(read.schema, 8);
  EXPECT_EQ(read.positive_spans, (std::vector<model::Span>{{1, 2}}));
  EXPECT_EQ(read.positive_buckets, (std::vector<double>{3, 1}));
}

TEST(ProtobufExposition, RefusesHistogramsThatContradictThemselves) {
  struct Row {
    void (*spoil)(Histogram&);
    std::string_view why;
  };
  const Row rows[] = {
      {[](Histogram& h) { h.set_count(7); }, "the buckets have 6 observations, the count is 7"},
      {[](Histogram& h) { h.mutable_positive_span(0)->set_length(2); }, "spans"},
      {[](Histogram& h) { h.set_positive_delta(1, -4); }, "positive bucket 2 has a negative count"},
      {[](Histogram& h) { h.set_schema(-9); }, "schema"},
      {[](Histogram& h) { h.set_schema(60); }, "schema"},
  };
  for (const auto& [spoil, why] : rows) {
    MetricFamily family = NativeFamily();
    spoil(*family.mutable_metric(0)->mutable_histogram());
    const std::string error = Samples(Body({family}), kNative).error;
    EXPECT_NE(error.find(why), std::string::npos) << why << ": " << error;
  }
}

TEST(ProtobufExposition, HasTheExemplarsOfHistogramsThatSayWhen) {
  MetricFamily family = NativeFamily();
  Histogram& histogram = *family.mutable_metric(0)->mutable_histogram();
  const auto fill = [](testing::Exemplar& exemplar, double value, int seconds) {
    exemplar.set_value(value);
    if (seconds > 0) exemplar.mutable_timestamp()->set_seconds(seconds);
  };
  const auto values = [&] {
    ExpositionCache cache;
    RecordingResolver resolver;
    EXPECT_EQ(Parsed(cache, resolver, Body({family}), kNative), "");
    std::string text;
    for (const SeriesExemplar& exemplar : cache.parsed().exemplars()) text += fmt::format("{} ", exemplar.value);
    return text;
  };
  fill(*histogram.add_bucket()->mutable_exemplar(), 9, 3);
  EXPECT_EQ(values(), "9 ");
  fill(*histogram.add_exemplar(), 1, 20);
  fill(*histogram.add_exemplar(), 2, 0);
  fill(*histogram.add_exemplar(), 3, 10);
  EXPECT_EQ(values(), "3 1 ");
}

TEST(ProtobufExposition, NamesTheFaultAndWhere) {
  const std::string good = Body({Gauges("a", {1})});
  MetricFamily unknown_type = Gauges("b", {1});
  unknown_type.set_type(9);
  MetricFamily twice = Gauges("b", {1});
  *twice.mutable_metric(0)->add_label() = twice.metric(0).label(0);
  const struct Row {
    std::string body;
    std::string_view error;
  } rows[] = {
      {good + "\x05zz", "the length of a metric family reaches beyond the exposition"},
      {good + std::string(11, '\xff'), "the length of a metric family reaches beyond the exposition"},
      {good + Body({unknown_type}), "metric family b: unknown type 9"},
      {good + Body({twice}), "metric family b: label \"n\" stands twice"},
      {good + Body({Gauges("", {1})}), "invalid metric name: \"\""},
      {good + std::string("\x03\x0a\x05z", 4), "malformed protobuf message: metric family \"\""},
  };
  for (const auto& [body, error] : rows) {
    EXPECT_EQ(Samples(body).error, fmt::format("byte {}: {}", good.size(), error));
  }
}

TEST(ProtobufExposition, CountsExemplarsAgainstTheLimitOfSamples) {
  MetricFamily family = NativeFamily();
  for (int second = 1; second <= 3; ++second) {
    family.mutable_metric(0)->mutable_histogram()->add_exemplar()->mutable_timestamp()->set_seconds(second);
  }
  const auto error = [&](std::size_t items_max) {
    expo::ProtobufCache cache(1, items_max);
    RecordingResolver resolver;
    expo::SampleSink sink;
    expo::FamilyTable families;
    sink.Begin(true);
    const auto parsed =
        cache.Parse(Body({family}), kNative, {.resolver = resolver, .sink = sink, .families = families});
    return parsed ? "" : parsed.error().message();
  };
  EXPECT_EQ(error(4), "");
  EXPECT_EQ(error(3), "byte 0: metric family n: more than 3 samples and exemplars in one exposition");
}

// A length as a varint, and the bytes.
std::string WithLength(const std::string& bytes) {
  std::string out;
  for (std::size_t size = bytes.size(); true; size >>= 7) {
    out += static_cast<char>(size < 0x80 ? size : (size & 0x7f) | 0x80);
    if (size < 0x80) return out + bytes;
  }
}

TEST(ProtobufExposition, LimitsTheLabelsOfASeries) {
  MetricFamily family = Family("a", kGauge);
  Metric& metric = AddMetric(family);
  metric.mutable_gauge()->set_value(1);
  for (int i = 0; i < 4'096; ++i) metric.add_label()->set_name(fmt::format("x{}", i));
  EXPECT_EQ(Samples(WithLength(family.SerializeAsString())).error, "");
  metric.add_label()->set_name("y");
  EXPECT_EQ(Samples(WithLength(family.SerializeAsString())).error,
            "byte 0: metric family a: a series has more labels than are read: 4096");
}

TEST(ProtobufExposition, LimitsWhatOneHistogramMayHave) {
  std::string spans;
  for (int i = 0; i < 65'537; ++i) spans += std::string("\x62\x00", 2);
  const std::string family = "\x0a\x01n\x18\x04\x22" + WithLength("\x3a" + WithLength(spans));
  const std::string body = WithLength(family);
  ExpositionCache cache;
  RecordingResolver resolver;
  const auto parsed = cache.Parse(body, kNative, resolver);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code(), base::Code::kLimitExceeded) << parsed.error().message();
}

}  // namespace
}  // namespace baro::scraper
