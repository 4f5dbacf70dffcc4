// What downsampling leaves of a series in a block: five series of aggregates, told apart by a reserved label.
//
// Format   docs/formats/downsampling.md.
// Threads  Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/labels.h"
#include "tsdb/block/block_meta.h"

namespace baro::tsdb {

/// The label of a series of aggregates; its value names resolution and aggregate, as in "5m:sum". No reader that people
/// use shows it.
inline constexpr std::string_view kAggregateLabel = "__baro_agg__";

/// Windows that there are, ascending.
inline constexpr std::int64_t kResolutionsMs[] = {5 * 60 * 1000, 60 * 60 * 1000};

/// In the order of their names, which is the order of their series in a block.
enum class Aggregate : std::uint8_t { kCount = 0, kCounter = 1, kMax = 2, kMin = 3, kSum = 4 };
inline constexpr Aggregate kAggregates[] = {Aggregate::kCount, Aggregate::kCounter, Aggregate::kMax, Aggregate::kMin,
                                            Aggregate::kSum};

struct AggregateKey {
  std::int64_t resolution_ms = 0;
  Aggregate aggregate = Aggregate::kCount;

  friend bool operator==(const AggregateKey&, const AggregateKey&) = default;
};

/// "5m:sum". Shape    a resolution of kResolutionsMs.
std::string AggregateLabelValue(AggregateKey key);
/// Absent: no such value is ever written.
std::optional<AggregateKey> ParseAggregateLabelValue(std::string_view value);

/// The labels with the reserved label, and without it.
model::Labels WithAggregateLabel(const model::Labels& labels, AggregateKey key);
model::Labels WithoutAggregateLabel(const model::Labels& labels);

/// The end of the window that a sample lies in: the least multiple of the resolution since the epoch that is not before
/// it. Windows are open at their begin and closed at their end, as PromQL's ranges are.
/// The window at the end of time ends there.
std::int64_t WindowEndMs(std::int64_t timestamp_ms, std::int64_t resolution_ms);

/// The end of the window before the one that ends there: its begin, which is not part of it. Not before all time.
std::int64_t WindowBeginMs(std::int64_t end_ms, std::int64_t resolution_ms);

/// The resolutions of the aggregates that a block has, by its hints "downsampled-5m", "downsampled-1h"; ascending.
std::vector<std::int64_t> ResolutionsOf(const BlockMeta& meta);
/// The hint that says so.
std::string DownsampledHint(std::int64_t resolution_ms);
bool IsDownsampledHint(std::string_view hint);

}  // namespace baro::tsdb
