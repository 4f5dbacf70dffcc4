// Results of aggregations that stand in a query more than once.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "base/result.h"
#include "query/exec/cells.h"
#include "query/exec/step_grid.h"

namespace baro::query::exec {

/// Keeps small results until the query ends. Aggregations alone: their results are small beside what they read, while
/// what goes into them is better read twice than held.
///
/// Threads  Confined to the query's thread.
/// Owns     copies, charged to the query's budget, which is borrowed and outlives this.
class SharedResults {
 public:
  /// NodePlan::same_as of the node, at these steps.
  struct Key {
    Key(std::uint32_t node, const StepGrid& grid)
        : id(node), start_ms(grid.start_ms), step_ms(grid.step_ms), count(grid.count) {}
    auto operator<=>(const Key&) const = default;

    std::uint32_t id;
    std::int64_t start_ms;
    std::int64_t step_ms;
    std::size_t count;
  };
  struct Result {
    Vector vector;
    std::uint64_t samples_queryable = 0;  ///< what Context::CountQueryable() was told while it was computed
  };

  explicit SharedResults(Budget& query) : budget_(query) {}

  /// A copy for the caller; nothing if there is none.
  /// Errors   kLimitExceeded, kUnavailable: no memory for the copy.
  base::Result<std::optional<Result>> Find(const Key& key) const;

  /// Keeps a copy, if it is small enough and there is room for it.
  void Keep(const Key& key, const Vector& vector, std::uint64_t samples_queryable);

 private:
  base::Result<Vector> Copy(const Vector& vector) const;

  Budget& budget_;
  std::size_t bytes_ = 0;
  std::map<Key, Result> kept_;
};

}  // namespace baro::query::exec
