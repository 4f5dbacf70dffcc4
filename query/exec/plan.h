// What is known of a query before any data is read.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "query/ast.h"
#include "tsdb/reader.h"

namespace baro::query::exec {

/// Facts about one node.
struct NodePlan {
  /// The value is the same at every step, so that it is computed once. False for literals, which cost nothing.
  bool is_step_invariant = false;
  std::int64_t range_ms = 0;            ///< of a matrix selector or subquery
  std::int64_t step_ms = 0;             ///< of a subquery
  std::int64_t offset_ms = 0;           ///< of a selector or subquery
  std::optional<std::int64_t> at_ms{};  ///< of a selector or subquery with `@`
  /// Of a selector whose histograms are asked for their count and sum only: resets that storage does not tell are
  /// looked for while reading. Source: Prometheus does so, and warns of collisions of hints in such queries only.
  bool finds_resets = false;
  /// Of a selector: what is wanted of what was downsampled, as the function around it needs it.
  tsdb::DownsampledView view = tsdb::DownsampledView::kLevel;
  /// Of an aggregation that is written more than once: the Expr::id of the first of them. It is computed once.
  std::optional<std::uint32_t> same_as{};
};

/// The times of a query as its text may refer to them. An instant query has start = end and step 0.
struct PlanTimes {
  std::int64_t start_ms = 0;
  std::int64_t end_ms = 0;
  std::int64_t step_ms = 0;
  std::int64_t subquery_step_ms = 60'000;  ///< where a subquery names none
};

/// Facts about all nodes below a root, by Expr::id.
///
/// Threads  Immutable.
class Plan {
 public:
  /// Errors   kInvalidArgument: a duration expression has no legal value, `anchored` or `smoothed` stands where it has
  /// no
  ///          meaning.
  static base::Result<Plan> Make(const Ast& ast, const PlanTimes& times);

  const NodePlan& of(const Expr& expr) const { return nodes_[expr.id]; }
  const PlanTimes& times() const { return times_; }

 private:
  PlanTimes times_;
  std::vector<NodePlan> nodes_;
};

}  // namespace baro::query::exec
