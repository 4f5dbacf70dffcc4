// What the operators of one query share.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "query/engine.h"
#include "query/exec/annotations.h"
#include "query/exec/budget.h"
#include "query/exec/plan.h"
#include "tsdb/reader.h"

namespace baro::query::exec {

/// One query under way.
///
/// Threads  The query's thread owns it; what its worker tasks touch (Check(), budget(), CountRead()) is safe to share.
/// Owns     annotations and counters. Borrows the rest, which outlives it.
class Context {
 public:
  struct Setup {
    const tsdb::Reader* reader = nullptr;
    const Plan* plan = nullptr;
    base::ComputePool* pool = nullptr;
    const base::Clock* clock = nullptr;
    base::CancelToken cancel;
    std::optional<base::MonotonicTime> deadline;  ///< needs the clock
    std::chrono::milliseconds timeout{0};         ///< for the message
    std::int64_t lookback_ms = 0;
    EngineFeatures features;
    std::size_t memory_bytes_max = 0;
    std::size_t samples_max = 0;
    bool is_range_query = false;
  };

  explicit Context(const Setup& setup) : setup_(setup), budget_(setup.memory_bytes_max, setup.samples_max) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const tsdb::Reader& reader() const { return *setup_.reader; }
  const NodePlan& plan(const Expr& expr) const { return setup_.plan->of(expr); }
  const PlanTimes& times() const { return setup_.plan->times(); }
  const EngineFeatures& features() const { return setup_.features; }
  bool drops_names_late() const { return setup_.features.delayed_name_removal; }
  std::int64_t lookback_ms() const { return setup_.lookback_ms; }
  bool is_range_query() const { return setup_.is_range_query; }
  const base::CancelToken& cancel() const { return setup_.cancel; }
  Budget& budget() { return budget_; }
  Annotations& annotations() { return annotations_; }

  /// To be asked in every loop whose length the data decides.
  /// Errors   kCancelled, kTimeout.
  base::Result<> Check() const;

  /// Calls `body(begin, end)` for stretches that together are [0, count), on several threads if that pays, and returns
  /// the first error. Stretches are at most `grain` long and start at multiples of it.
  base::Result<> ForStretches(std::size_t count, std::size_t grain,
                              const std::function<base::Result<>(std::size_t begin, std::size_t end)>& body);

  /// Reads a series. What storage finds damaged is missing: the rest is in `columns`, and a warning says so.
  /// Threads  safe to share, each with columns of its own.
  base::Result<> Read(const tsdb::SeriesSelection& selection, std::size_t index, model::TimeRange range,
                      tsdb::SampleColumns& columns);
  /// What Read() found damaged. Shape: when no task reads any more.
  std::vector<std::string> TakeDamage();

  /// Counts samples decoded, and samples that windows and steps looked at.
  void CountRead(std::uint64_t samples) { samples_read_.fetch_add(samples, std::memory_order_relaxed); }
  void CountQueryable(std::uint64_t samples) { samples_queryable_.fetch_add(samples, std::memory_order_relaxed); }
  // Relaxed: plain counters, read when the query is done.
  std::uint64_t samples_read() const { return samples_read_.load(std::memory_order_relaxed); }
  std::uint64_t samples_queryable() const { return samples_queryable_.load(std::memory_order_relaxed); }

 private:
  const Setup setup_;
  Budget budget_;
  Annotations annotations_;
  base::Mutex damage_mutex_;  // a leaf
  std::vector<std::string> damage_ BARO_GUARDED_BY(damage_mutex_);
  std::atomic<std::uint64_t> samples_read_{0};
  std::atomic<std::uint64_t> samples_queryable_{0};
};

}  // namespace baro::query::exec
