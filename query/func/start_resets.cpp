#include "query/func/start_resets.h"

#include <limits>

namespace baro::query::func {
namespace {

// Positions of the samples for which `differs(index)`, from the second on.
template <typename Differs>
std::vector<std::size_t> Find(std::size_t count, const Differs& differs) {
  std::vector<std::size_t> positions;
  for (std::size_t i = 1; i < count; ++i) {
    if (differs(i)) positions.push_back(i);
  }
  return positions;
}

}  // namespace

std::vector<std::size_t> FindResets(const RangeColumn& column) {
  if (!column.starts_ms.empty()) {
    return Find(column.values.size(), [&column](std::size_t i) {
      return column.values[i] < column.values[i - 1] || IsStartReset(StartOf(column, i - 1), StartOf(column, i));
    });
  }
  // Most series: each value is loaded once.
  std::vector<std::size_t> positions;
  std::size_t position = 0;
  double previous = -std::numeric_limits<double>::infinity();
  for (const double value : column.values) {
    if (value < previous) positions.push_back(position);
    previous = value;
    ++position;
  }
  return positions;
}

std::vector<std::size_t> FindOverlaps(const RangeColumn& column) {
  return Find(column.starts_ms.size(),
              [&column](std::size_t i) { return StartsOverlap(StartOf(column, i - 1), StartOf(column, i)); });
}

}  // namespace baro::query::func
