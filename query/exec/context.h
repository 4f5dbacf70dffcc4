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
#include "query/exec/shared_results.h"
#include "query/exec/trace.h"
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
    Budget* all_queries = nullptr;  ///< null: there is no budget of all queries
  };

  explicit Context(const Setup& setup)
      : setup_(setup),
        budget_({.bytes_max = setup.memory_bytes_max, .samples_max = setup.samples_max}, BudgetOf::kQuery,
                setup.all_queries) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const tsdb::Reader& reader() const { return *setup_.reader; }
  const NodePlan& plan(const Expr& expr) const { return setup_.plan->of(expr); }
  const PlanTimes& times() const { return setup_.plan->times(); }
  const EngineFeatures& features() const { return setup_.features; }
  bool drops_names_late() const { return setup_.features.delayed_name_removal; }
  std::int64_t lookback_ms() const { return setup_.lookback_ms; }
  const base::CancelToken& cancel() const { return setup_.cancel; }
  /// Of the operator that works, if somebody asked what each one holds; of the query else.
  Budget& budget() { return trace_ == nullptr ? budget_ : trace_->current().budget; }
  const Budget& query_budget() const { return budget_; }
  Annotations& annotations() { return annotations_; }
  SharedResults& shared() { return shared_; }

  /// Measures from here on. `trace` is borrowed and outlives what is evaluated; its budgets are parts of budget().
  void SetTrace(Trace* trace) { trace_ = trace; }
  /// Null unless somebody asked what each operator does.
  Trace* trace() const { return trace_; }

  /// `body()`, done for `expr`: costs are that operator's, and so is a failure, unless it was one's within.
  /// Threads  the query's.
  template <typename Body>
  auto At(const Expr& expr, const Body& body) {
    const Scope scope(trace_, expr.id);
    auto result = body();
    if (!result && failed_ == nullptr) [[unlikely]]
      failed_ = &expr;
    return result;
  }
  /// The operator that failed first; null: none.
  const Expr* failed() const { return failed_; }

  /// To be asked in every loop whose length the data decides.
  /// Errors   kCancelled, kTimeout; kLimitExceeded, kUnavailable: see Hold().
  base::Result<> Check() const;

  /// Charges the query for what stands until its end. Where there is no room for it, Check() says so from then on.
  /// Threads  the query's.
  void Hold(std::size_t bytes);

  /// Calls `body(begin, end)` for stretches that together are [0, count), on several threads if that pays, and returns
  /// the first error. Stretches are at most `grain` long and start at multiples of it.
  base::Result<> ForStretches(std::size_t count, std::size_t grain,
                              const std::function<base::Result<>(std::size_t begin, std::size_t end)>& body);

  /// Reads a series for `selector`, and counts what was read. What storage finds damaged is missing: the rest is in
  /// `columns`, and a warning says so.
  /// Threads  safe to share, each with columns of its own.
  base::Result<> Read(const Expr& selector, const tsdb::SeriesSelection& selection, std::size_t index,
                      model::TimeRange range, tsdb::SampleColumns& columns);
  /// What Read() found damaged. Shape: when no task reads any more.
  std::vector<std::string> TakeDamage();

  /// Counts samples that windows and steps looked at.
  void CountQueryable(std::uint64_t samples) {
    samples_queryable_.fetch_add(samples, std::memory_order_relaxed);
    if (trace_ != nullptr) trace_->current().samples_queryable.fetch_add(samples, std::memory_order_relaxed);
  }
  // Relaxed: plain counters, read when the query is done.
  std::uint64_t samples_read() const { return samples_read_.load(std::memory_order_relaxed); }
  std::uint64_t samples_queryable() const { return samples_queryable_.load(std::memory_order_relaxed); }

 private:
  // One operator's work, if it is measured.
  class Scope {
   public:
    Scope(Trace* trace, std::uint32_t id) : trace_(trace), before_(trace == nullptr ? 0 : trace->Enter(id)) {}
    ~Scope() {
      if (trace_ != nullptr) trace_->Leave(before_);
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Trace* const trace_;
    const std::uint32_t before_;
  };

  base::Result<> ReadTold(const tsdb::SeriesSelection& selection, std::size_t index, model::TimeRange range,
                          tsdb::SampleColumns& columns);

  const Setup setup_;
  Budget budget_;
  Charge held_{&budget_};
  SharedResults shared_{budget_};
  std::optional<base::Error> over_;  // what had no room; written before the flag
  std::atomic<bool> is_over_{false};
  Trace* trace_ = nullptr;
  const Expr* failed_ = nullptr;
  Annotations annotations_;
  base::Mutex damage_mutex_;  // a leaf
  std::vector<std::string> damage_ BARO_GUARDED_BY(damage_mutex_);
  std::atomic<std::uint64_t> samples_read_{0};
  std::atomic<std::uint64_t> samples_queryable_{0};
};

}  // namespace baro::query::exec
