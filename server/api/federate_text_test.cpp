#include "server/api/federate_text.h"

#include <gtest/gtest.h>

namespace baro::server {
namespace {

using model::EscapingScheme;
using model::Labels;

std::string Text(std::vector<FederatedSample> samples, const std::map<std::string, std::string>& external = {},
                 EscapingScheme escaping = EscapingScheme::kUnderscores) {
  std::string out;
  AppendFederatedText(samples, external, escaping, out);
  return out;
}

FederatedSample Sample(Labels labels, double value = 1) {
  return {.labels = std::move(labels), .timestamp_ms = 1500, .value = value, .histogram = nullptr};
}

TEST(FederateText, WritesFamiliesWithTimes) {
  EXPECT_EQ(Text({Sample(Labels::FromPairs({{"__name__", "a"}}), 1e21),
                  Sample(Labels::FromPairs({{"__name__", "a"}, {"l", "x\"\\\ny"}}), -0.5),
                  Sample(Labels::FromPairs({{"__name__", "b"}}))}),
            "# TYPE a untyped\n"
            "a 1e+21 1500\n"
            "a{l=\"x\\\"\\\\\\ny\"} -0.5 1500\n"
            "# TYPE b untyped\n"
            "b 1 1500\n");
}

TEST(FederateText, ExternalLabelsFillInAndDoNotReplace) {
  EXPECT_EQ(Text({Sample(Labels::FromPairs({{"__name__", "a"}, {"instance", "i"}})),
                  Sample(Labels::FromPairs({{"__name__", "a"}, {"region", "own"}}))},
                 {{"instance", ""}, {"region", "eu"}}),
            "# TYPE a untyped\n"
            "a{instance=\"i\",region=\"eu\"} 1 1500\n"
            "a{region=\"own\",instance=\"\"} 1 1500\n");
}

TEST(FederateText, NamesFollowTheScheme) {
  const Labels labels = Labels::FromPairs({{"__name__", "http.requests"}, {"k8s.pod", "p"}, {"ok", "1"}});
  EXPECT_EQ(Text({Sample(labels)}), "# TYPE http_requests untyped\nhttp_requests{k8s_pod=\"p\",ok=\"1\"} 1 1500\n");
  EXPECT_EQ(Text({Sample(labels)}, {}, EscapingScheme::kAllowUtf8),
            "# TYPE \"http.requests\" untyped\n{\"http.requests\",\"k8s.pod\"=\"p\",ok=\"1\"} 1 1500\n");
}

TEST(FederateText, LeavesOutWhatHasNoForm) {
  FederatedSample exponential = Sample(Labels::FromPairs({{"__name__", "h"}}));
  exponential.histogram = std::make_shared<const model::FloatHistogram>();
  EXPECT_EQ(Text({exponential, Sample(Labels::FromPairs({{"job", "nameless"}}))}), "");
}

TEST(FederateText, CustomBucketsBecomeClassicOnes) {
  model::FloatHistogram histogram;
  histogram.schema = model::kSchemaCustom;
  histogram.custom_values = {0.5, 1, 2};
  histogram.positive_spans = {{.offset = 0, .length = 1}, {.offset = 1, .length = 2}};
  histogram.positive_buckets = {3, 4, 1};
  histogram.count = 8;
  histogram.sum = 9.5;
  FederatedSample sample = Sample(Labels::FromPairs({{"__name__", "h"}, {"l", "x"}}));
  sample.histogram = std::make_shared<const model::FloatHistogram>(histogram);
  EXPECT_EQ(Text({sample}),
            "# TYPE h histogram\n"
            "h_bucket{l=\"x\",le=\"0.5\"} 3 1500\n"
            "h_bucket{l=\"x\",le=\"1\"} 3 1500\n"
            "h_bucket{l=\"x\",le=\"2\"} 7 1500\n"
            "h_bucket{l=\"x\",le=\"+Inf\"} 8 1500\n"
            "h_sum{l=\"x\"} 9.5 1500\n"
            "h_count{l=\"x\"} 8 1500\n");
}

}  // namespace
}  // namespace baro::server
