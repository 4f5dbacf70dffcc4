// Columns of times of several sources, one behind the other. The series of a target share them in each source, so they
// share what is made of them too.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "tsdb/reader.h"

namespace baro::tsdb {

/// Threads  Safe to share.
class JoinedTimes {
 public:
  /// `memory`: what is kept is charged there, if it has room; null: nobody counts. Borrowed, outlives this.
  explicit JoinedTimes(base::MemoryBudget* memory) : charge_(memory) {}

  /// Equal pieces give equal columns.
  /// Shape    `pieces` are in the order of time.
  SharedTimes Join(std::span<const SharedTimes> pieces) const;

  /// Times that were put together for one series alone. Equal ones give the same column.
  SharedTimes Share(std::span<const std::int64_t> timestamps_ms) const;

 private:
  using Key = std::vector<std::pair<const std::int64_t*, std::size_t>>;
  struct Column {
    std::vector<SharedTimes> pieces;  // pinned, so that their pointers stay theirs
    std::vector<std::int64_t> timestamps_ms;
  };

  void Charge(const Column& column) const BARO_REQUIRES(mutex_);

  mutable base::Mutex mutex_;  // a leaf
  mutable std::map<Key, std::shared_ptr<const Column>> columns_ BARO_GUARDED_BY(mutex_);
  mutable std::unordered_map<std::uint64_t, std::shared_ptr<const Column>> shared_ BARO_GUARDED_BY(mutex_);  // by hash
  mutable std::size_t bytes_ BARO_GUARDED_BY(mutex_) = 0;
  mutable base::MemoryCharge charge_ BARO_GUARDED_BY(mutex_);
};

/// Puts what sources appended for one series together, as long as it is one behind the other.
///
/// Threads  Confined. Borrows the joined columns.
class TimesInSequence {
 public:
  explicit TimesInSequence(const JoinedTimes& joined) : joined_(joined) {}

  /// False: this one is not plain, or not behind those before.
  bool Add(std::optional<SharedTimes> piece);

  /// Shape    called once, after the last Add().
  SharedTimes Finish();

 private:
  const JoinedTimes& joined_;
  SharedTimes only_;                 // the first piece
  std::vector<SharedTimes> pieces_;  // all of them, if there are more
};

}  // namespace baro::tsdb
