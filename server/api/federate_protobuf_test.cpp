#include "server/api/federate_protobuf.h"

#include <cmath>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/number_text.h"
#include "scraper/exposition.h"

namespace baro::server {
namespace {

using model::EscapingScheme;
using model::Labels;

/// What our own scraper reads, a line for each sample.
class ReadBack : public scraper::SeriesResolver {
 public:
  explicit ReadBack(const std::string& body) {
    const auto parsed = cache_.Parse(
        body, {.format = scraper::ExpositionFormat::kProtobuf, .honor_timestamps = true, .native_histograms = true},
        *this);
    EXPECT_TRUE(parsed) << parsed.error().message();
  }

  base::Result<scraper::SeriesHandle> Resolve(const scraper::SampleLine& line) override {
    std::string name(line.name);
    for (const auto& [label, value] : line.labels) name += fmt::format(" {}={}", label, value);
    names_.push_back(name + fmt::format(" ({})", model::MetricTypeName(line.type)));
    return scraper::SeriesHandle{static_cast<std::uint32_t>(names_.size() - 1)};
  }

  std::string Floats() const {
    std::string lines;
    for (const auto& sample : cache_.parsed().timestamped()) {
      lines += fmt::format("{} {} {}\n", NameOf(sample.series), base::FormatFloat(sample.value), sample.timestamp_ms);
    }
    EXPECT_TRUE(cache_.parsed().values().empty());  // all have a time
    return lines;
  }

  std::span<const scraper::HistogramSample> histograms() const { return cache_.parsed().histograms(); }
  const std::string& NameOf(scraper::SeriesHandle series) const { return names_[static_cast<std::size_t>(series)]; }

 private:
  scraper::ExpositionCache cache_;
  std::vector<std::string> names_;
};

std::string Body(std::vector<FederatedSample> samples, const std::map<std::string, std::string>& external = {},
                 EscapingScheme escaping = EscapingScheme::kUnderscores) {
  std::string out;
  AppendFederatedProtobuf(samples, external, escaping, out);
  return out;
}

FederatedSample Sample(Labels labels, double value = 1) {
  return {.labels = std::move(labels), .timestamp_ms = 1500, .value = value, .histogram = nullptr};
}

FederatedSample Sample(Labels labels, model::FloatHistogram histogram) {
  FederatedSample sample = Sample(std::move(labels), histogram.sum);
  sample.histogram = std::make_shared<const model::FloatHistogram>(std::move(histogram));
  return sample;
}

model::FloatHistogram Exponential() {
  model::FloatHistogram histogram;
  histogram.schema = -2;
  histogram.zero_threshold = 0.25;
  histogram.zero_count = 1.5;
  histogram.positive_spans = {{.offset = -3, .length = 1}, {.offset = 200, .length = 2}};
  histogram.positive_buckets = {3, 0.5, 1e18};
  histogram.negative_spans = {{.offset = 4, .length = 2}};
  histogram.negative_buckets = {7, 2};
  histogram.count = 1e18 + 14;
  histogram.sum = -9.25;
  return histogram;
}

TEST(FederateProtobuf, FloatsAreReadBackAsTheyAre) {
  const ReadBack read(Body({Sample(Labels::FromPairs({{"__name__", "a"}}), 1e21),
                            Sample(Labels::FromPairs({{"__name__", "a"}, {"l", "x\"\\\ny"}}), -0.5),
                            Sample(Labels::FromPairs({{"__name__", "b"}}), -INFINITY)}));
  EXPECT_EQ(read.Floats(),
            "a (unknown) 1e+21 1500\n"
            "a l=x\"\\\ny (unknown) -0.5 1500\n"
            "b (unknown) -Inf 1500\n");
}

TEST(FederateProtobuf, ExternalLabelsFillInAndDoNotReplace) {
  const ReadBack read(Body({Sample(Labels::FromPairs({{"__name__", "a"}, {"instance", "i"}})),
                            Sample(Labels::FromPairs({{"__name__", "a"}, {"region", "own"}}))},
                           {{"instance", ""}, {"region", "eu"}}));
  EXPECT_EQ(read.Floats(),
            "a instance=i region=eu (unknown) 1 1500\n"
            "a region=own instance= (unknown) 1 1500\n");
}

TEST(FederateProtobuf, NamesFollowTheScheme) {
  const Labels labels = Labels::FromPairs({{"__name__", "http.requests"}, {"k8s.pod", "p"}, {"ok", "1"}});
  EXPECT_EQ(ReadBack(Body({Sample(labels)})).Floats(), "http_requests k8s_pod=p ok=1 (unknown) 1 1500\n");
  EXPECT_EQ(ReadBack(Body({Sample(labels)}, {}, EscapingScheme::kAllowUtf8)).Floats(),
            "http.requests k8s.pod=p ok=1 (unknown) 1 1500\n");
}

TEST(FederateProtobuf, HistogramsAreReadBackAsTheyAre) {
  model::FloatHistogram gauge = Exponential();
  gauge.counter_reset_hint = model::CounterResetHint::kGauge;
  model::FloatHistogram empty;  // nothing was ever observed: a native histogram all the same
  model::FloatHistogram only_zeros;
  only_zeros.zero_count = only_zeros.count = 4;
  const ReadBack read(Body({Sample(Labels::FromPairs({{"__name__", "a"}}), gauge),
                            Sample(Labels::FromPairs({{"__name__", "b"}, {"l", "1"}}), Exponential()),
                            Sample(Labels::FromPairs({{"__name__", "b"}, {"l", "2"}}), empty),
                            Sample(Labels::FromPairs({{"__name__", "b"}, {"l", "3"}}), only_zeros)}));
  EXPECT_EQ(read.Floats(), "");
  const auto histograms = read.histograms();
  ASSERT_EQ(histograms.size(), 4U);
  const struct Row {
    std::string name;
    model::FloatHistogram histogram;
  } want[] = {{"a (gaugehistogram)", gauge},
              {"b l=1 (histogram)", Exponential()},
              {"b l=2 (histogram)", empty},
              {"b l=3 (histogram)", only_zeros}};
  for (std::size_t i = 0; i < std::size(want); ++i) {
    EXPECT_EQ(read.NameOf(histograms[i].series), want[i].name);
    EXPECT_EQ(histograms[i].histogram->ToString(), want[i].histogram.ToString());
    EXPECT_EQ(histograms[i].histogram->schema, want[i].histogram.schema);
    EXPECT_EQ(histograms[i].histogram->counter_reset_hint, want[i].histogram.counter_reset_hint);
    EXPECT_EQ(histograms[i].timestamp_ms, 1500);
  }
}

TEST(FederateProtobuf, CustomBucketsBecomeClassicOnes) {
  model::FloatHistogram histogram;
  histogram.schema = model::kSchemaCustom;
  histogram.custom_values = {0.5, 1, 2};
  histogram.positive_spans = {{.offset = 0, .length = 1}, {.offset = 1, .length = 2}};
  histogram.positive_buckets = {3, 4, 1};
  histogram.count = 8;
  histogram.sum = 9.5;
  EXPECT_EQ(ReadBack(Body({Sample(Labels::FromPairs({{"__name__", "h"}, {"l", "x"}}), histogram)})).Floats(),
            "h_count l=x (histogram) 8 1500\n"
            "h_sum l=x (histogram) 9.5 1500\n"
            "h_bucket l=x le=0.5 (histogram) 3 1500\n"
            "h_bucket l=x le=1.0 (histogram) 3 1500\n"
            "h_bucket l=x le=2.0 (histogram) 7 1500\n"
            "h_bucket l=x le=+Inf (histogram) 8 1500\n");
}

TEST(FederateProtobuf, ANameMayHoldSamplesOfAllKinds) {
  model::FloatHistogram gauge = Exponential();
  gauge.counter_reset_hint = model::CounterResetHint::kGauge;
  const ReadBack read(Body({Sample(Labels::FromPairs({{"__name__", "m"}, {"l", "1"}})),
                            Sample(Labels::FromPairs({{"__name__", "m"}, {"l", "2"}}), Exponential()),
                            Sample(Labels::FromPairs({{"__name__", "m"}, {"l", "3"}}), gauge),
                            Sample(Labels::FromPairs({{"__name__", "m"}, {"l", "4"}}))}));
  EXPECT_EQ(read.Floats(), "m l=1 (unknown) 1 1500\nm l=4 (unknown) 1 1500\n");
  ASSERT_EQ(read.histograms().size(), 2U);
  EXPECT_EQ(read.NameOf(read.histograms()[0].series), "m l=2 (histogram)");
  EXPECT_EQ(read.NameOf(read.histograms()[1].series), "m l=3 (gaugehistogram)");
}

TEST(FederateProtobuf, LeavesOutWhatHasNoName) {
  EXPECT_EQ(Body({}), "");
  EXPECT_EQ(Body({Sample(Labels::FromPairs({{"job", "nameless"}}))}), "");
}

}  // namespace
}  // namespace baro::server
