#include "tsdb/downsample/family_scan.h"

#include <algorithm>

#include <fmt/format.h>

#include "tsdb/block/block_writer.h"

namespace baro::tsdb {

base::Result<AggregateSections> FindSections(const Block& block, const base::CancelToken& cancel) {
  AggregateSections found;
  const std::vector<std::int64_t> resolutions = ResolutionsOf(block.meta());
  const auto scan = block.Scan();
  std::string before;
  for (std::uint64_t number = 0; BARO_TRY(scan->Next(cancel)); ++number) {
    const std::string_view value = scan->labels().Get(kAggregateLabel);
    if (found.sections.empty() || value != before) {
      before = value;
      const auto key = ParseAggregateLabelValue(value);
      const bool is_ours = key && std::ranges::count(resolutions, key->resolution_ms) > 0;
      if (!value.empty() && !is_ours) {
        return base::Fail(base::Code::kUnsupported,
                          fmt::format("block {}: a series has the reserved label {} (\"{}\") and is no aggregate; "
                                      "blocks with such series are not downsampled",
                                      block.meta().ulid.ToString(), kAggregateLabel, value));
      }
      found.sections.push_back({.key = key, .first = number, .end = number});
    }
    found.sections.back().end = number + 1;
  }
  return found;
}

FamilyScan::FamilyScan(const Block& block, const AggregateSections& sections) {
  for (const auto& section : sections.sections) {
    cursors_.push_back(
        {.key = section.key, .scan = block.ScanFrom(section.first), .left = section.end - section.first, .labels = {}});
  }
}

base::Result<> FamilyScan::Step(Cursor& cursor, const base::CancelToken& cancel) {
  cursor.is_at_end = cursor.left == 0 || !BARO_TRY(cursor.scan->Next(cancel));
  if (cursor.is_at_end) return {};
  --cursor.left;
  cursor.labels = WithoutAggregateLabel(cursor.scan->labels());
  return {};
}

base::Result<bool> FamilyScan::Next(const base::CancelToken& cancel) {
  for (Cursor& cursor : cursors_) {
    if (!is_started_ || cursor.is_here) BARO_TRY(Step(cursor, cancel));
  }
  is_started_ = true;
  const Cursor* least = nullptr;
  for (const Cursor& cursor : cursors_) {
    if (cursor.is_at_end) continue;
    if (least == nullptr || InBlockOrder(cursor.labels, least->labels)) least = &cursor;
  }
  if (least == nullptr) return false;
  labels_ = least->labels;
  for (Cursor& cursor : cursors_) cursor.is_here = !cursor.is_at_end && cursor.labels == labels_;
  return true;
}

bool FamilyScan::Has(const std::optional<AggregateKey>& key) const {
  return std::ranges::any_of(cursors_, [&key](const Cursor& cursor) { return cursor.is_here && cursor.key == key; });
}

base::Result<> FamilyScan::Read(const std::optional<AggregateKey>& key, SampleColumns& columns) const {
  columns.Clear();
  for (const Cursor& cursor : cursors_) {
    if (cursor.is_here && cursor.key == key) return cursor.scan->Read({}, columns);
  }
  return {};
}

base::Result<> FamilyScan::ReadRows(std::int64_t resolution_ms, WindowRows& rows) const {
  SampleColumns columns[std::size(kAggregates)];
  for (const Aggregate aggregate : kAggregates) {
    BARO_TRY(Read(AggregateKey{.resolution_ms = resolution_ms, .aggregate = aggregate},
                  columns[static_cast<std::size_t>(aggregate)]));
  }
  const auto of = [&columns](Aggregate aggregate) -> const SampleColumns& {
    return columns[static_cast<std::size_t>(aggregate)];
  };
  rows = JoinColumns(of(Aggregate::kCount), of(Aggregate::kSum), of(Aggregate::kMin), of(Aggregate::kMax),
                     of(Aggregate::kCounter));
  return {};
}

WindowRows JoinColumns(const SampleColumns& counts, const SampleColumns& sums, const SampleColumns& mins,
                       const SampleColumns& maxs, const SampleColumns& counter) {
  WindowRows rows;
  rows.counter_timestamps_ms.assign(counter.timestamps_ms().begin(), counter.timestamps_ms().end());
  rows.counter_values.assign(counter.values().begin(), counter.values().end());
  const SampleColumns* const others[] = {&sums, &mins, &maxs};
  std::size_t at[3] = {0, 0, 0};
  for (std::size_t i = 0; i < counts.values().size(); ++i) {
    const std::int64_t timestamp_ms = counts.timestamps_ms()[i];
    bool is_whole = true;
    for (std::size_t k = 0; k < 3; ++k) {
      const auto times = others[k]->timestamps_ms();
      while (at[k] < times.size() && times[at[k]] < timestamp_ms) ++at[k];
      is_whole = is_whole && at[k] < times.size() && times[at[k]] == timestamp_ms;
    }
    if (!is_whole) continue;
    rows.timestamps_ms.push_back(timestamp_ms);
    rows.counts.push_back(counts.values()[i]);
    rows.sums.push_back(sums.values()[at[0]]);
    rows.mins.push_back(mins.values()[at[1]]);
    rows.maxs.push_back(maxs.values()[at[2]]);
  }
  return rows;
}

}  // namespace baro::tsdb
