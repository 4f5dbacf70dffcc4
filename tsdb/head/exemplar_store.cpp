#include "tsdb/head/exemplar_store.h"

#include <algorithm>
#include <map>

namespace baro::tsdb {

bool ExemplarStore::Accepts(const SeriesPtr& series, const model::Exemplar& exemplar) const {
  const base::MutexLock lock(mutex_);
  if (count_max_ == 0) return false;
  const auto newest = newest_.find(series.get());
  return newest == newest_.end() || exemplar.timestamp_ms > newest->second.first;
}

void ExemplarStore::Add(const SeriesPtr& series, const model::Exemplar& exemplar) {
  if (!exemplar.timestamp_ms || !Accepts(series, exemplar)) return;
  const base::MutexLock lock(mutex_);
  if (ring_.size() == count_max_) PopOldest();
  ring_.push_back({.series = series, .exemplar = exemplar});
  auto& [newest, count] = newest_[series.get()];
  newest = *exemplar.timestamp_ms;
  ++count;
}

void ExemplarStore::PopOldest() {
  const auto newest = newest_.find(ring_.front().series.get());
  if (--newest->second.second == 0) newest_.erase(newest);
  ring_.pop_front();
}

std::vector<SeriesExemplars> ExemplarStore::Select(std::span<const std::vector<model::Matcher>> matcher_lists,
                                                   model::TimeRange range) const {
  std::map<model::Labels, std::vector<model::Exemplar>> found;
  {
    const base::MutexLock lock(mutex_);
    for (const Entry& entry : ring_) {
      if (!range.Contains(*entry.exemplar.timestamp_ms)) continue;
      const bool is_wanted = std::ranges::any_of(
          matcher_lists, [&entry](const auto& matchers) { return model::MatchesAll(matchers, entry.series->labels); });
      if (is_wanted) found[entry.series->labels].push_back(entry.exemplar);
    }
  }
  std::vector<SeriesExemplars> out;
  for (auto& [labels, exemplars] : found) out.push_back({.labels = labels, .exemplars = std::move(exemplars)});
  return out;
}

void ExemplarStore::DropBefore(std::int64_t cutoff_ms) {
  const base::MutexLock lock(mutex_);
  while (!ring_.empty() && *ring_.front().exemplar.timestamp_ms < cutoff_ms) PopOldest();
}

std::size_t ExemplarStore::size() const {
  const base::MutexLock lock(mutex_);
  return ring_.size();
}

}  // namespace baro::tsdb
