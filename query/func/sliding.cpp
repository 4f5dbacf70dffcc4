#include "query/func/sliding.h"

#include "query/func/column_loops.h"

namespace baro::query::func {

SlidingSum::SlidingSum(std::span<const double> values, std::span<const Stretch> windows) {
  // Both kinds of edges come in order.
  auto begin = windows.begin();
  auto end = windows.begin();
  while (end != windows.end()) {
    const bool is_begin = begin != windows.end() && begin->begin <= end->end;
    const std::size_t edge = is_begin ? begin->begin : end->end;
    ++(is_begin ? begin : end);
    if (edges_.empty() || edges_.back() != edge) edges_.push_back(edge);
  }
  for (std::size_t i = 0; i + 1 < edges_.size(); ++i) {
    sums_.push_back(SumInLanes(values.subspan(edges_[i], edges_[i + 1] - edges_[i])));
  }
}

}  // namespace baro::query::func
