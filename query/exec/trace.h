// What each operator of one query did, for EXPLAIN ANALYZE. Nobody asked: there is none, and nothing is measured.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "query/exec/budget.h"

namespace baro::query::exec {

/// What one node of the tree did. Those that are not atomic belong to the query's thread.
struct NodeTrace {
  explicit NodeTrace(Budget& query) : budget({}, BudgetOf::kOperator, &query) {}

  /// One evaluation is open, and that is the size of its result.
  struct Size {
    std::size_t series = 0;
    std::size_t steps = 0;
  };
  void CountRun(Size size) {
    ++runs;
    series = std::max<std::uint64_t>(series, size.series);
    steps = std::max<std::uint64_t>(steps, size.steps);
  }

  Budget budget;                   ///< what it holds
  std::uint64_t runs = 0;          ///< times that it was evaluated
  std::uint64_t series = 0;        ///< of its result; the most of all runs
  std::uint64_t steps = 0;         ///< the same
  std::uint64_t points = 0;        ///< cells of its result that hold something
  std::uint64_t column_bytes = 0;  ///< of the columns of its result
  std::chrono::nanoseconds self_time{0};
  // Relaxed: plain counters of worker tasks, read when the query is done.
  std::atomic<std::uint64_t> samples_read{0};
  std::atomic<std::uint64_t> samples_queryable{0};
  std::atomic<std::uint64_t> bytes_read{0};
  std::atomic<std::int64_t> read_ns{0};  ///< decoding, summed over threads
};

/// Who works is known at any time: time and memory are that node's. The time of the query's thread is thus shared out
/// without rest, to nodes and to what stands around them (parsing, the answer).
///
/// Threads  Enter(), Leave() and the nodes' plain members: the query's thread. The rest is safe to share.
/// Owns     a node for each expression. Borrows clock and budget, which outlive it.
class Trace {
 public:
  /// `nodes`: Ast::size(). `clock` null: all times are zero.
  Trace(std::size_t nodes, const base::Clock* clock, Budget& query);

  /// Node `id` works from here on. Returns who did before, for Leave().
  std::uint32_t Enter(std::uint32_t id);
  void Leave(std::uint32_t before);

  NodeTrace& of(std::uint32_t id) { return *nodes_[id]; }
  const NodeTrace& of(std::uint32_t id) const { return *nodes_[id]; }
  /// The node that works.
  NodeTrace& current() { return *nodes_[current_.load(std::memory_order_relaxed)]; }

  base::MonotonicTime Now() const { return clock_ == nullptr ? base::MonotonicTime{} : clock_->Monotonic(); }

 private:
  void Switch(std::uint32_t to);

  const base::Clock* const clock_;
  std::vector<std::unique_ptr<NodeTrace>> nodes_;  // the last one: outside of all nodes
  // Relaxed: the pool's hand-over of tasks orders it for them.
  std::atomic<std::uint32_t> current_;
  base::MonotonicTime since_;
};

}  // namespace baro::query::exec
