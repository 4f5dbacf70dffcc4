#include "tsdb/downsample/aggregate.h"

#include <algorithm>

#include <fmt/format.h>

namespace baro::tsdb {
namespace {

constexpr std::string_view kAggregateNames[] = {"count", "counter", "max", "min", "sum"};
constexpr std::string_view kResolutionNames[] = {"5m", "1h"};
constexpr std::string_view kHintPrefix = "downsampled-";

std::string_view ResolutionName(std::int64_t resolution_ms) {
  const auto found = std::ranges::find(kResolutionsMs, resolution_ms);
  BARO_ASSERT(found != std::end(kResolutionsMs));
  return kResolutionNames[found - std::begin(kResolutionsMs)];
}

}  // namespace

std::string AggregateLabelValue(AggregateKey key) {
  return fmt::format("{}:{}", ResolutionName(key.resolution_ms),
                     kAggregateNames[static_cast<std::size_t>(key.aggregate)]);
}

std::optional<AggregateKey> ParseAggregateLabelValue(std::string_view value) {
  for (const std::int64_t resolution_ms : kResolutionsMs) {
    for (const Aggregate aggregate : kAggregates) {
      const AggregateKey key{.resolution_ms = resolution_ms, .aggregate = aggregate};
      if (value == AggregateLabelValue(key)) return key;
    }
  }
  return std::nullopt;
}

model::Labels WithAggregateLabel(const model::Labels& labels, AggregateKey key) {
  model::LabelsBuilder builder(labels);
  builder.Set(kAggregateLabel, AggregateLabelValue(key));
  return builder.Build();
}

model::Labels WithoutAggregateLabel(const model::Labels& labels) {
  if (!labels.Has(kAggregateLabel)) return labels;
  model::LabelsBuilder builder(labels);
  builder.Delete(kAggregateLabel);
  return builder.Build();
}

std::int64_t WindowEndMs(std::int64_t timestamp_ms, std::int64_t resolution_ms) {
  std::int64_t past = timestamp_ms % resolution_ms;
  if (past < 0) past += resolution_ms;
  std::int64_t end_ms = timestamp_ms;
  const bool is_behind_all = past != 0 && __builtin_add_overflow(timestamp_ms, resolution_ms - past, &end_ms);
  return is_behind_all ? model::kMaxTimestampMs : end_ms;
}

std::int64_t WindowBeginMs(std::int64_t end_ms, std::int64_t resolution_ms) {
  std::int64_t begin_ms = 0;
  return __builtin_sub_overflow(end_ms, resolution_ms, &begin_ms) ? model::kMinTimestampMs : begin_ms;
}

std::string DownsampledHint(std::int64_t resolution_ms) {
  return fmt::format("{}{}", kHintPrefix, ResolutionName(resolution_ms));
}

bool IsDownsampledHint(std::string_view hint) { return hint.starts_with(kHintPrefix); }

std::vector<std::int64_t> ResolutionsOf(const BlockMeta& meta) {
  std::vector<std::int64_t> resolutions;
  for (const std::int64_t resolution_ms : kResolutionsMs) {
    if (std::ranges::count(meta.hints, DownsampledHint(resolution_ms)) > 0) resolutions.push_back(resolution_ms);
  }
  return resolutions;
}

}  // namespace baro::tsdb
