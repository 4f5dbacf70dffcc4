#include "tsdb/downsample/downsampler.h"

#include <algorithm>

#include "tsdb/downsample/family_scan.h"

namespace baro::tsdb {
namespace {

// Resolutions that a block has or will have, and whether its series are written in that pass.
class Rewriting {
 public:
  Rewriting(const Block& block, const AggregateSections& sections, const ResolutionPlan& plan, BlockWriter& writer)
      : block_(block), sections_(sections), plan_(plan), writer_(writer) {}

  // One pass over the block for each section that the new block may have, in their order.
  base::Result<> Run(const std::function<void(std::uint64_t)>& pause, const base::CancelToken& cancel) {
    BARO_TRY(Pass(std::nullopt, pause, cancel));
    std::vector<AggregateKey> keys;
    for (const std::int64_t resolution_ms : kResolutionsMs) {
      for (const Aggregate aggregate : kAggregates) keys.push_back({resolution_ms, aggregate});
    }
    std::ranges::sort(keys, {}, [](const AggregateKey& key) { return AggregateLabelValue(key); });
    for (const AggregateKey& key : keys) BARO_TRY(Pass(key, pause, cancel));
    return {};
  }

 private:
  base::Result<> Pass(const std::optional<AggregateKey>& key, const std::function<void(std::uint64_t)>& pause,
                      const base::CancelToken& cancel) {
    FamilyScan scan(block_, sections_);
    std::uint64_t paused_at = writer_.written_bytes();
    while (BARO_TRY(scan.Next(cancel))) {
      const std::int64_t resolution_ms = plan_.Of(scan.labels());
      if (key && key->resolution_ms == resolution_ms) {
        BARO_TRY(WriteAggregate(scan, *key));
      } else {
        BARO_TRY(WriteAsItIs(scan, key, resolution_ms));
      }
      if (pause && writer_.written_bytes() != paused_at) {
        pause(writer_.written_bytes() - paused_at);
        paused_at = writer_.written_bytes();
      }
    }
    return {};
  }

  // What the plan leaves alone: histograms, series that it does not choose, longer windows than it wants.
  base::Result<> WriteAsItIs(const FamilyScan& scan, const std::optional<AggregateKey>& key,
                             std::int64_t resolution_ms) {
    if (!scan.Has(key) || (key && key->resolution_ms < resolution_ms)) return {};
    BARO_TRY(scan.Read(key, columns_));
    const bool has_floats = !columns_.values().empty() && (key || resolution_ms == 0);
    if (!has_floats && columns_.histograms().empty()) return {};
    BARO_TRY(Begin(scan.labels(), key));
    if (!has_floats) DropFloats(columns_);
    return writer_.Add(columns_);
  }

  // Histograms stay with their starts.
  static void DropFloats(SampleColumns& columns) {
    columns.timestamp_buffer().clear();
    columns.value_buffer().clear();
    columns.UseBuffers();
  }

  base::Result<> WriteAggregate(const FamilyScan& scan, AggregateKey key) {
    BARO_TRY(scan.Read(std::nullopt, columns_));
    std::vector<WindowRows> finer;
    for (const std::int64_t resolution_ms : kResolutionsMs) {
      if (resolution_ms > key.resolution_ms) break;
      BARO_TRY(scan.ReadRows(resolution_ms, finer.emplace_back()));
      if (finer.back().empty()) finer.pop_back();
    }
    rows_.Clear();
    AggregateWindows({.timestamps_ms = columns_.timestamps_ms(), .values = columns_.values()}, finer, key.resolution_ms,
                     rows_);
    const bool is_counter = key.aggregate == Aggregate::kCounter;
    const std::vector<std::int64_t>& timestamps_ms = is_counter ? rows_.counter_timestamps_ms : rows_.timestamps_ms;
    if (timestamps_ms.empty()) return {};
    BARO_TRY(Begin(scan.labels(), key));
    return writer_.AddFloats(timestamps_ms, ValuesOf(key.aggregate));
  }

  const std::vector<double>& ValuesOf(Aggregate aggregate) const {
    switch (aggregate) {
      case Aggregate::kCount:
        return rows_.counts;
      case Aggregate::kCounter:
        return rows_.counter_values;
      case Aggregate::kMax:
        return rows_.maxs;
      case Aggregate::kMin:
        return rows_.mins;
      case Aggregate::kSum:
        return rows_.sums;
    }
    return rows_.counts;
  }

  base::Result<> Begin(const model::Labels& labels, const std::optional<AggregateKey>& key) {
    if (!key) return writer_.BeginSeries(labels);
    // The series of one target have rows at the same times, but those are not the times of its samples.
    static const std::vector<std::string> kTargetLabels = {"instance", "job"};
    const GroupKey group = labels.HashWithLabels(kTargetLabels) ^ static_cast<GroupKey>(key->resolution_ms);
    return writer_.BeginSeries(WithAggregateLabel(labels, *key), group);
  }

  const Block& block_;
  const AggregateSections& sections_;
  const ResolutionPlan& plan_;
  BlockWriter& writer_;
  SampleColumns columns_;
  WindowRows rows_;
};

// Marks the resolutions that the block has or gets.
base::Result<> AddHints(const Block& block, const AggregateSections& sections, const ResolutionPlan& plan,
                        std::vector<std::string>& hints, const base::CancelToken& cancel) {
  std::erase_if(hints, [](const std::string& hint) { return IsDownsampledHint(hint); });
  const auto add = [&hints](std::int64_t resolution_ms) {
    const std::string hint = DownsampledHint(resolution_ms);
    if (std::ranges::count(hints, hint) == 0) hints.push_back(hint);
  };
  FamilyScan scan(block, sections);
  while (BARO_TRY(scan.Next(cancel))) {
    const std::int64_t wanted_ms = plan.Of(scan.labels());
    if (wanted_ms > 0) add(wanted_ms);
    for (const std::int64_t resolution_ms : kResolutionsMs) {
      const AggregateKey key{.resolution_ms = resolution_ms, .aggregate = Aggregate::kCounter};
      if (resolution_ms > wanted_ms && scan.Has(key)) add(resolution_ms);
    }
  }
  return {};
}

}  // namespace

ResolutionPlan::ResolutionPlan(std::shared_ptr<const StorageRules> rules, std::int64_t until_ms, std::int64_t newest_ms)
    : rules_(std::move(rules)) {
  if (rules_ == nullptr) return;
  for (const DownsamplingRule& rule : rules_->downsampling) {
    std::int64_t cutoff_ms = 0;
    const bool is_none = __builtin_sub_overflow(newest_ms, rule.after.count(), &cutoff_ms);
    is_in_force_.push_back(!is_none && until_ms <= cutoff_ms);
  }
}

std::int64_t ResolutionPlan::Of(const model::Labels& labels) const {
  std::int64_t resolution_ms = 0;
  for (std::size_t i = 0; i < is_in_force_.size(); ++i) {
    const DownsamplingRule& rule = rules_->downsampling[i];
    if (!is_in_force_[i] || rule.resolution.count() <= resolution_ms) continue;
    if (model::MatchesAll(rule.matchers, labels)) resolution_ms = rule.resolution.count();
  }
  return resolution_ms;
}

std::size_t ResolutionPlan::rules_in_force() const {
  return static_cast<std::size_t>(std::ranges::count(is_in_force_, true));
}

base::Result<bool> NeedsDownsampling(const Block& block, const ResolutionPlan& plan, const base::CancelToken& cancel) {
  const AggregateSections sections = BARO_TRY(FindSections(block, cancel));
  FamilyScan scan(block, sections);
  SampleColumns columns;
  while (BARO_TRY(scan.Next(cancel))) {
    const std::int64_t wanted_ms = plan.Of(scan.labels());
    for (const std::int64_t resolution_ms : kResolutionsMs) {
      const AggregateKey key{.resolution_ms = resolution_ms, .aggregate = Aggregate::kCounter};
      if (resolution_ms < wanted_ms && scan.Has(key)) return true;
    }
    if (wanted_ms == 0 || !scan.Has(std::nullopt)) continue;
    BARO_TRY(scan.Read(std::nullopt, columns));
    if (!columns.values().empty()) return true;
  }
  return false;
}

base::Result<BlockMeta> DownsampleBlock(base::FileSystem& files, const std::string& parent, const Block& block,
                                        const ResolutionPlan& plan, BlockWriterOptions options,
                                        const std::function<void(std::uint64_t)>& pause,
                                        const base::CancelToken& cancel) {
  const AggregateSections sections = BARO_TRY(FindSections(block, cancel));
  BARO_TRY(AddHints(block, sections, plan, options.hints, cancel));
  auto writer = BARO_TRY(BlockWriter::Create(files, parent, std::move(options)));
  BARO_TRY(Rewriting(block, sections, plan, *writer).Run(pause, cancel));
  return writer->Finish();
}

}  // namespace baro::tsdb
