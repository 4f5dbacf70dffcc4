// Exemplars of the last while: a ring over all series.
//
// Source   What is refused, and the order of exemplars at one time: Prometheus 3.14, tsdb/exemplar.go.
// Threads  Safe to share; its mutex is a leaf.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "model/exemplar.h"
#include "model/matcher.h"
#include "tsdb/appender.h"
#include "tsdb/head/series.h"
#include "tsdb/storage.h"

namespace baro::tsdb {

/// What the ring has, for metrics.
struct ExemplarStats {
  std::size_t count_max = 0;
  std::size_t count = 0;
  std::size_t series = 0;      ///< that have some
  std::int64_t newest_ms = 0;  ///< of the one that came last
  std::uint64_t added = 0;     ///< since the start
  std::uint64_t out_of_order = 0;
};

/// Whether `a` may come behind `b`: by time, then by value, then by labels.
bool ComesBehind(const model::Exemplar& a, const model::Exemplar& b);

class ExemplarStore {
 public:
  explicit ExemplarStore(std::size_t count_max) : count_max_(count_max) {}

  /// The ring takes so many from now on; the oldest that are too many go. 0: it takes none.
  void Resize(std::size_t count_max);

  /// Whether it may be added behind `before`, or, if that is null, behind the series' newest one.
  ExemplarStatus Judge(const SeriesPtr& series, const model::Exemplar& exemplar,
                       const model::Exemplar* before = nullptr);
  /// Shape  the exemplar has a timestamp. Not accepted: nothing happens.
  void Add(const SeriesPtr& series, const model::Exemplar& exemplar);

  /// In label order; each series' by time.
  std::vector<SeriesExemplars> Select(std::span<const std::vector<model::Matcher>> matcher_lists,
                                      model::TimeRange range) const;
  /// All of the range, in label order.
  std::vector<SeriesExemplars> All(model::TimeRange range) const;
  void DropBefore(std::int64_t cutoff_ms);
  /// Takes those of the range out whose series satisfy all matchers.
  void Delete(std::span<const model::Matcher> matchers, model::TimeRange range);
  void DeleteOf(const Series& series, model::TimeRange range);
  ExemplarStats Stats() const;

 private:
  struct Entry {
    SeriesPtr series;
    model::Exemplar exemplar;
  };
  struct Newest {
    model::Exemplar exemplar;
    std::size_t count = 0;  // of the series in the ring
  };
  void PopOldest() BARO_REQUIRES(mutex_);
  ExemplarStatus JudgeLocked(const SeriesPtr& series, const model::Exemplar& exemplar,
                             const model::Exemplar* before) const BARO_REQUIRES(mutex_);
  template <typename IsChosen>
  void EraseIf(const IsChosen& is_chosen) BARO_REQUIRES(mutex_);
  template <typename IsWanted>
  std::vector<SeriesExemplars> Collect(model::TimeRange range, const IsWanted& is_wanted) const;

  mutable base::Mutex mutex_;
  std::size_t count_max_ BARO_GUARDED_BY(mutex_);
  std::deque<Entry> ring_ BARO_GUARDED_BY(mutex_);  // in the order of arrival
  std::unordered_map<const Series*, Newest> newest_ BARO_GUARDED_BY(mutex_);
  std::uint64_t added_ BARO_GUARDED_BY(mutex_) = 0;
  std::uint64_t out_of_order_ BARO_GUARDED_BY(mutex_) = 0;
};

}  // namespace baro::tsdb
