// What a store knows beside samples: metadata, exemplars, start times.
#include <algorithm>
#include <map>

#include "model/names.h"
#include "tsdb/downsample/aggregate.h"
#include "tsdb/index/families_in_use.h"
#include "tsdb/merge/merge_families.h"
#include "tsdb/storage/storage_impl.h"
#include "tsdb/wal/record.h"

namespace baro::tsdb {
namespace {

constexpr std::chrono::minutes kForgetInterval{10};
// Whoever says metadata says it again after kMetadataRefresh: what was missed twice is over.
constexpr std::chrono::milliseconds kForgetAfter = 3 * kMetadataRefresh;

}  // namespace

void Storage::Impl::ForgetMetadata() {
  const base::MonotonicTime now = deps_.clock.Monotonic();
  if (now < next_forgetting_ || head_->metadata().empty()) return;
  next_forgetting_ = now + kForgetInterval;
  const auto names = head_->index().Values(model::kMetricName, {}, 0, closing_);
  if (!names) return;  // the store closes
  FamiliesInUse in_use;
  for (const std::string& name : *names) in_use.Add(name);
  head_->metadata().Forget([&in_use](std::string_view family) { return in_use.Has(family); },
                           base::ToMs(deps_.clock.Now()) - kForgetAfter.count());
}

void Storage::Impl::WriteExtras(RecordWriter& records, const std::function<void()>& flush) const {
  for (const FamilyMetadata& each : head_->metadata().Select({})) {
    records.Metadata(each.seen_ms, each.family, each.metadata);
    flush();
  }
  std::vector<StartRun> runs;
  for (const SeriesPtr& series : head_->AllSeries()) {
    runs.clear();
    {
      const base::MutexLock lock(head_->StripeMutex(*series));
      const StartTimes* starts = series->starts();
      if (starts != nullptr) runs.assign(starts->runs().begin(), starts->runs().end());
    }
    for (const StartRun& run : runs) records.Start(series->log_id, run.from_ms, run.start_ms);
    flush();
  }
}

base::Result<std::vector<SeriesExemplars>> Storage::Impl::SelectExemplars(
    std::span<const std::vector<model::Matcher>> matcher_lists, model::TimeRange range,
    const base::CancelToken& cancel) const {
  std::map<model::Labels, std::vector<model::Exemplar>> all;
  const auto add = [&all](std::vector<SeriesExemplars> found) {
    for (SeriesExemplars& series : found) {
      MergeExemplars(all[WithoutAggregateLabel(series.labels)], std::move(series.exemplars));
    }
  };
  add(exemplars_.Select(matcher_lists, range));  // first: what leaves the ring meanwhile is in the blocks
  const BlockList blocks = blocks_.blocks();
  for (const BlockPtr& block : *blocks) add(BARO_TRY(block->SelectExemplars(matcher_lists, range, cancel)));
  std::vector<SeriesExemplars> out;
  for (auto& [labels, exemplars] : all) out.push_back({.labels = labels, .exemplars = std::move(exemplars)});
  return out;
}

}  // namespace baro::tsdb
