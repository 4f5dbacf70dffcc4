#include "tests/conformance/promql_data.h"

#include <algorithm>
#include <limits>

#include "base/number_text.h"

namespace baro::conformance {
namespace {

using model::CounterResetHint;
using model::FloatHistogram;
using HistogramPtr = std::shared_ptr<const FloatHistogram>;

// Storage says of a histogram that no reset came before it if it stands behind another one in the same chunk. A reset
// begins a new chunk, of whose first histogram nothing is said.
CounterResetHint HintAsStored(const FloatHistogram* previous, const FloatHistogram& histogram) {
  if (histogram.counter_reset_hint == CounterResetHint::kGauge) return CounterResetHint::kGauge;
  if (previous == nullptr || previous->counter_reset_hint == CounterResetHint::kGauge) {
    return CounterResetHint::kUnknown;
  }
  return histogram.DetectReset(*previous) ? CounterResetHint::kUnknown : CounterResetHint::kNotReset;
}

// One classic histogram at one time.
struct ClassicHistogram {
  std::map<double, double> cumulative;  // by upper bound
  std::optional<double> count;
  double sum = 0;
};

constexpr double kInfinity = std::numeric_limits<double>::infinity();

HistogramPtr ToCustomBuckets(ClassicHistogram classic) {
  if (classic.count && !classic.cumulative.contains(kInfinity)) classic.cumulative[kInfinity] = *classic.count;
  auto result = std::make_shared<FloatHistogram>();
  result->schema = model::kSchemaCustom;
  result->sum = classic.sum;
  double before = 0;
  for (const auto& [bound, count] : classic.cumulative) {
    if (bound != kInfinity) result->custom_values.push_back(bound);
    result->positive_buckets.push_back(count - before);
    before = count;
  }
  result->count = classic.count.value_or(before);
  result->positive_spans.push_back(
      {.offset = 0, .length = static_cast<std::uint32_t>(result->positive_buckets.size())});
  result->Compact(0);
  return result;
}

}  // namespace

void ScriptData::Load(const LoadCommand& command) {
  for (const query::NotationSeries& line : command.series) {
    Series& series = series_[line.labels];
    for (std::size_t i = 0; i < line.values.size(); ++i) {
      const std::int64_t time = static_cast<std::int64_t>(i) * command.step_ms;
      const query::NotationValue& value = line.values[i];
      if (value.kind == query::NotationValue::Kind::kStartOffset) series.starts[time] = time + value.offset_ms;
      if (value.kind == query::NotationValue::Kind::kFloat) series.floats[time] = value.value;
      if (value.kind == query::NotationValue::Kind::kHistogram) series.histograms[time] = value.histogram;
    }
  }
  if (command.with_nhcb) LoadCustomBuckets(command);
}

void ScriptData::LoadCustomBuckets(const LoadCommand& command) {
  std::map<model::Labels, std::map<std::int64_t, ClassicHistogram>> classic;
  constexpr std::string_view kSuffixes[] = {"_bucket", "_count", "_sum"};
  for (const query::NotationSeries& line : command.series) {
    const std::string_view name = line.labels.metric_name();
    const auto suffix = std::ranges::find_if(kSuffixes, [name](std::string_view end) { return name.ends_with(end); });
    if (suffix == std::end(kSuffixes)) continue;
    const auto bound = base::ParseFloat(line.labels.Get(model::kBucketLabel));
    if (*suffix == "_bucket" && !bound) continue;
    model::LabelsBuilder builder(line.labels);
    builder.Set(model::kMetricName, name.substr(0, name.size() - suffix->size()));
    builder.Delete(model::kBucketLabel);
    auto& by_time = classic[builder.Build()];
    for (std::size_t i = 0; i < line.values.size(); ++i) {
      const query::NotationValue& value = line.values[i];
      if (value.kind != query::NotationValue::Kind::kFloat || model::IsStaleNaN(value.value)) continue;
      ClassicHistogram& histogram = by_time[static_cast<std::int64_t>(i) * command.step_ms];
      if (*suffix == "_bucket") histogram.cumulative[*bound] = value.value;
      if (*suffix == "_count") histogram.count = value.value;
      if (*suffix == "_sum") histogram.sum = value.value;
    }
  }
  for (const auto& [labels, by_time] : classic) {
    for (const auto& [time, histogram] : by_time) {
      if (!histogram.cumulative.empty()) series_[labels].histograms[time] = ToCustomBuckets(histogram);
    }
  }
}

tsdb::MemoryReaderSource ScriptData::MakeSource() const {
  std::vector<tsdb::LiteralSeries> all;
  for (const auto& [labels, series] : series_) {
    if (series.floats.empty() && series.histograms.empty()) continue;
    tsdb::LiteralSeries literal{.labels = labels, .samples = {}, .histograms = {}, .start_timestamps_ms = {}};
    const auto start_of = [&starts = series.starts](std::int64_t time) {
      const auto found = starts.find(time);
      return found == starts.end() ? 0 : found->second;
    };
    for (const auto& [time, value] : series.floats) {
      literal.samples.push_back({.timestamp_ms = time, .value = value});
      if (!series.starts.empty()) literal.start_timestamps_ms.push_back(start_of(time));
    }
    const FloatHistogram* previous = nullptr;
    for (const auto& [time, histogram] : series.histograms) {
      auto stored = std::make_shared<FloatHistogram>(*histogram);
      stored->counter_reset_hint = HintAsStored(previous, *histogram);
      previous = histogram.get();
      literal.histograms.push_back(
          {.timestamp_ms = time, .histogram = std::move(stored), .start_timestamp_ms = start_of(time)});
    }
    all.push_back(std::move(literal));
  }
  return tsdb::MemoryReaderSource(std::move(all));
}

}  // namespace baro::conformance
