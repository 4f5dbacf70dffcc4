#include "query/exec/trace.h"

namespace baro::query::exec {

Trace::Trace(std::size_t nodes, const base::Clock* clock, Budget& query)
    : clock_(clock), current_(static_cast<std::uint32_t>(nodes)), since_(Now()) {
  nodes_.reserve(nodes + 1);
  for (std::size_t i = 0; i <= nodes; ++i) nodes_.push_back(std::make_unique<NodeTrace>(query));
}

std::uint32_t Trace::Enter(std::uint32_t id) {
  const std::uint32_t before = current_.load(std::memory_order_relaxed);
  Switch(id);
  return before;
}

void Trace::Leave(std::uint32_t before) { Switch(before); }

void Trace::Switch(std::uint32_t to) {
  const base::MonotonicTime now = Now();
  current().self_time += now - since_;
  since_ = now;
  current_.store(to, std::memory_order_relaxed);
}

}  // namespace baro::query::exec
