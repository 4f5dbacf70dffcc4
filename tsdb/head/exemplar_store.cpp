#include "tsdb/head/exemplar_store.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace baro::tsdb {

bool ComesBehind(const model::Exemplar& a, const model::Exemplar& b) {
  if (a.timestamp_ms != b.timestamp_ms) return a.timestamp_ms > b.timestamp_ms;
  if (a.value != b.value) return a.value > b.value;
  return b.labels < a.labels;
}

void ExemplarStore::Resize(std::size_t count_max) {
  const base::MutexLock lock(mutex_);
  count_max_ = count_max;
  while (ring_.size() > count_max_) PopOldest();
}

ExemplarStatus ExemplarStore::Judge(const SeriesPtr& series, const model::Exemplar& exemplar,
                                    const model::Exemplar* before) {
  const base::MutexLock lock(mutex_);
  const ExemplarStatus status = JudgeLocked(series, exemplar, before);
  if (status == ExemplarStatus::kOutOfOrder) ++out_of_order_;
  return status;
}

ExemplarStatus ExemplarStore::JudgeLocked(const SeriesPtr& series, const model::Exemplar& exemplar,
                                          const model::Exemplar* before) const {
  if (count_max_ == 0 || !exemplar.timestamp_ms) return ExemplarStatus::kNotStored;
  if (model::CountLabelRunes(exemplar.labels) > model::kExemplarLabelRunesMax) return ExemplarStatus::kTooLong;
  if (before == nullptr) {
    const auto newest = newest_.find(series.get());
    if (newest == newest_.end()) return ExemplarStatus::kAccepted;
    before = &newest->second.exemplar;
  }
  if (exemplar == *before) return ExemplarStatus::kRepeated;
  return ComesBehind(exemplar, *before) ? ExemplarStatus::kAccepted : ExemplarStatus::kOutOfOrder;
}

void ExemplarStore::Add(const SeriesPtr& series, const model::Exemplar& exemplar) {
  const base::MutexLock lock(mutex_);
  if (JudgeLocked(series, exemplar, nullptr) != ExemplarStatus::kAccepted) return;
  if (ring_.size() == count_max_) PopOldest();
  ring_.push_back({.series = series, .exemplar = exemplar});
  Newest& newest = newest_[series.get()];
  newest.exemplar = exemplar;
  ++newest.count;
  ++added_;
}

void ExemplarStore::PopOldest() {
  const auto newest = newest_.find(ring_.front().series.get());
  if (--newest->second.count == 0) newest_.erase(newest);
  ring_.pop_front();
}

template <typename IsWanted>
std::vector<SeriesExemplars> ExemplarStore::Collect(model::TimeRange range, const IsWanted& is_wanted) const {
  std::map<model::Labels, std::vector<model::Exemplar>> found;
  {
    const base::MutexLock lock(mutex_);
    for (const Entry& entry : ring_) {
      if (!range.Contains(*entry.exemplar.timestamp_ms) || !is_wanted(entry.series->labels)) continue;
      found[entry.series->labels].push_back(entry.exemplar);
    }
  }
  std::vector<SeriesExemplars> out;
  for (auto& [labels, exemplars] : found) out.push_back({.labels = labels, .exemplars = std::move(exemplars)});
  return out;
}

std::vector<SeriesExemplars> ExemplarStore::Select(std::span<const std::vector<model::Matcher>> matcher_lists,
                                                   model::TimeRange range) const {
  return Collect(range, [matcher_lists](const model::Labels& labels) {
    return std::ranges::any_of(matcher_lists,
                               [&labels](const auto& matchers) { return model::MatchesAll(matchers, labels); });
  });
}

std::vector<SeriesExemplars> ExemplarStore::All(model::TimeRange range) const {
  return Collect(range, [](const model::Labels&) { return true; });
}

void ExemplarStore::DropBefore(std::int64_t cutoff_ms) {
  const base::MutexLock lock(mutex_);
  while (!ring_.empty() && *ring_.front().exemplar.timestamp_ms < cutoff_ms) PopOldest();
}

template <typename IsChosen>
void ExemplarStore::EraseIf(const IsChosen& is_chosen) {
  for (const Entry& entry : ring_) {
    if (!is_chosen(entry)) continue;
    const auto newest = newest_.find(entry.series.get());
    if (--newest->second.count == 0) newest_.erase(newest);
  }
  std::erase_if(ring_, is_chosen);
}

void ExemplarStore::Delete(std::span<const model::Matcher> matchers, model::TimeRange range) {
  const base::MutexLock lock(mutex_);
  EraseIf([&](const Entry& entry) {
    return range.Contains(*entry.exemplar.timestamp_ms) && model::MatchesAll(matchers, entry.series->labels);
  });
}

void ExemplarStore::DeleteOf(const Series& series, model::TimeRange range) {
  const base::MutexLock lock(mutex_);
  if (!newest_.contains(&series)) return;
  EraseIf([&](const Entry& entry) {
    return entry.series.get() == &series && range.Contains(*entry.exemplar.timestamp_ms);
  });
}

ExemplarStats ExemplarStore::Stats() const {
  const base::MutexLock lock(mutex_);
  return {.count_max = count_max_,
          .count = ring_.size(),
          .series = newest_.size(),
          .newest_ms = ring_.empty() ? 0 : *ring_.back().exemplar.timestamp_ms,
          .added = added_,
          .out_of_order = out_of_order_};
}

}  // namespace baro::tsdb
