// Exemplars: the newest ones of all series, in a ring.
//
// Threads  Safe to share. `mutex_` is a leaf.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "model/exemplar.h"
#include "model/sample.h"
#include "tsdb/head/series.h"
#include "tsdb/storage.h"

namespace baro::tsdb {

class ExemplarStore {
 public:
  explicit ExemplarStore(std::size_t count_max) : count_max_(count_max) {}

  /// Whether it is newer than the series' newest one; what repeats the newest is not.
  bool Accepts(const SeriesPtr& series, const model::Exemplar& exemplar) const;
  /// Shape  the exemplar has a timestamp. Not accepted: nothing happens.
  void Add(const SeriesPtr& series, const model::Exemplar& exemplar);

  /// In label order; each series' by time.
  std::vector<SeriesExemplars> Select(std::span<const std::vector<model::Matcher>> matcher_lists,
                                      model::TimeRange range) const;
  void DropBefore(std::int64_t cutoff_ms);
  std::size_t size() const;

 private:
  struct Entry {
    SeriesPtr series;
    model::Exemplar exemplar;
  };
  void PopOldest() BARO_REQUIRES(mutex_);

  const std::size_t count_max_;
  mutable base::Mutex mutex_;
  std::deque<Entry> ring_ BARO_GUARDED_BY(mutex_);  // in the order of arrival
  std::unordered_map<const Series*, std::pair<std::int64_t, std::size_t>> newest_
      BARO_GUARDED_BY(mutex_);  // newest time, and how many are in the ring
};

}  // namespace baro::tsdb
