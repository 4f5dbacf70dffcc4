// The windows of a range function over columns of times that series share, found once for each such column.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <utility>

#include "base/memory_budget.h"
#include "base/mutex.h"
#include "query/func/column_windows.h"
#include "tsdb/reader.h"

namespace baro::query::exec {

/// The windows over the column of one series, and what keeps them.
///
/// Threads  Confined; each thread has its own.
struct WindowsInUse {
  tsdb::SharedTimes times;                           ///< no pin: the windows are `own`
  std::shared_ptr<const func::ColumnWindows> known;  ///< of `times`
  func::ColumnWindows own;
};

/// Threads  Safe to share.
class WindowCache {
 public:
  /// `memory`: what is kept is charged there, if it has room; null: nobody counts. Borrowed, outlives this.
  WindowCache(const func::WindowGrid& grid, func::RateDivisor divisor, base::MemoryBudget* memory)
      : grid_(grid), divisor_(divisor), charge_(memory) {}

  /// The windows over `column`, which was read into `columns`. Valid as long as `use` is not used again.
  const func::ColumnWindows& Find(const func::RangeColumn& column, const tsdb::SampleColumns& columns,
                                  WindowsInUse& use) const;

 private:
  // A bound on what many targets, each with times of its own, may take. What was in use lives on as long as it is.
  static constexpr std::size_t kBytesMax = std::size_t{16} << 20;

  using Key = std::pair<const std::int64_t*, std::size_t>;
  struct Entry {
    std::shared_ptr<const void> pin;  // so that the pointer stays that of this column
    std::shared_ptr<const func::ColumnWindows> windows;
  };

  const func::WindowGrid grid_;
  const func::RateDivisor divisor_;  // 0: rates are not wanted
  mutable base::Mutex mutex_;        // a leaf
  mutable std::map<Key, Entry> entries_ BARO_GUARDED_BY(mutex_);
  mutable std::size_t bytes_ BARO_GUARDED_BY(mutex_) = 0;
  mutable base::MemoryCharge charge_ BARO_GUARDED_BY(mutex_);
};

}  // namespace baro::query::exec
