// The messages of the Protobuf exposition format, off untrusted bytes.
//
// Format   io.prometheus.client.MetricFamily of github.com/prometheus/client_model, each behind its length as a varint.
//          Unknown fields are passed over; a known field of another wire type is malformed.
// Threads  Confined. Views are into the body.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/protobuf_wire.h"
#include "base/result.h"
#include "model/histogram.h"
#include "scraper/exposition_reader.h"

namespace baro::scraper::expo {

/// A family's type, with the numbers of the format.
enum class FamilyType : std::uint8_t {
  kCounter = 0,
  kGauge = 1,
  kSummary = 2,
  kUntyped = 3,
  kHistogram = 4,
  kGaugeHistogram = 5,
};

inline bool IsHistogramType(FamilyType type) {
  return type == FamilyType::kHistogram || type == FamilyType::kGaugeHistogram;
}
model::MetricType MetricTypeOf(FamilyType type);

/// A family without its metrics.
struct FamilyMessage {
  std::string_view name;
  std::string_view help;
  std::string_view unit;
  FamilyType type = FamilyType::kCounter;
  const char* first_metric = nullptr;  ///< where the field of the first one begins; null: there is none
};

/// Errors   kInvalidArgument: malformed, an unknown type, a name or help text that is not valid UTF-8.
base::Result<FamilyMessage> ReadFamily(std::string_view message);

/// The next metric of a family, from a reader that stands at first_metric or behind another metric. Nothing: no more.
std::optional<std::string_view> NextMetric(base::WireReader& reader);

/// Where a number stands in the body.
struct NumberPlace {
  const char* at = nullptr;  ///< null: nowhere
  std::uint8_t size_bytes = 0;
};

struct QuantileMessage {
  double quantile = 0;
  double value = 0;
  NumberPlace value_place;
};

struct BucketMessage {
  double upper_bound = 0;
  double count = 0;
  bool is_float = false;    ///< the count is
  NumberPlace count_place;  ///< of the one that is not
  std::optional<std::string_view> exemplar;
};

/// A Metric but for its labels. Reused for its memory.
struct MetricMessage {
  double value = 0;  ///< of counters, gauges and untyped metrics
  NumberPlace value_place;
  std::int64_t timestamp_ms = 0;
  std::int64_t start_ms = 0;
  std::optional<std::string_view> exemplar;

  std::uint64_t count = 0;
  NumberPlace count_place;
  double count_float = 0;
  double sum = 0;
  NumberPlace sum_place;
  std::vector<QuantileMessage> quantiles;
  std::vector<BucketMessage> buckets;

  std::int32_t schema = 0;
  double zero_threshold = 0;
  std::uint64_t zero_count = 0;
  double zero_count_float = 0;
  std::vector<model::Span> positive_spans;
  std::vector<model::Span> negative_spans;
  std::vector<std::int64_t> positive_deltas;
  std::vector<std::int64_t> negative_deltas;
  std::vector<double> positive_counts;
  std::vector<double> negative_counts;
  std::vector<std::string_view> exemplars;

  std::string later_labels;  ///< label fields that do not stand in front

  void Clear();

  /// What `_count` says.
  double total_count() const { return count_float != 0 ? count_float : static_cast<double>(count); }
  /// Whether it has native buckets, or says that it would have.
  bool is_native() const {
    return !positive_spans.empty() || !negative_spans.empty() || zero_threshold > 0 || zero_count > 0;
  }
};

/// The label fields in front of a Metric, as they stand there.
std::string_view LabelsInFront(std::string_view metric);

/// Reads what stands behind the labels in front. Of the values only the one that belongs to `type`.
/// Errors   kInvalidArgument: malformed. kLimitExceeded: kHistogramElementsMax.
base::Result<> ReadMetric(std::string_view behind_labels, FamilyType type, MetricMessage& message);

/// Spans, buckets or quantiles of one metric: as many as storage takes of one histogram.
inline constexpr std::size_t kHistogramElementsMax = 65'536;

/// Label fields as labels.
/// Errors   kInvalidArgument: malformed, names that are empty, doubled, or `__name__`, or text that is not UTF-8.
///          kLimitExceeded: kScrapedLabelsMax.
base::Result<> ReadLabels(std::string_view fields, std::vector<ExpositionLabel>& labels);

/// Views of an exemplar are into `labels` and the body.
/// Errors   as ReadLabels().
base::Result<ExpositionExemplar> ReadExemplar(std::string_view message, std::vector<ExpositionLabel>& labels);

/// The native histogram of the message, compact and in a schema that is stored.
/// Errors   kInvalidArgument: it contradicts itself.
base::Result<> MakeHistogram(const MetricMessage& message, FamilyType type, model::FloatHistogram& histogram);

}  // namespace baro::scraper::expo
