#include "query/exec/plan.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "query/duration.h"
#include "query/exec/equal_parts.h"
#include "query/func/elementwise.h"
#include "query/functions.h"

namespace baro::query::exec {
namespace {

// Functions whose value depends on the step even if their arguments do not.
bool LooksAtTheStep(Function function) {
  switch (function) {
    case Function::kTime:
    case Function::kTimestamp:
    case Function::kPredictLinear:
    case Function::kStart:
    case Function::kEnd:
    case Function::kStep:
    case Function::kRange:
      return true;
    default:
      return func::IsDateFunction(function);
  }
}

class Planner {
 public:
  Planner(const PlanTimes& times, std::vector<NodePlan>& nodes)
      : times_(times),
        query_times_{.step_ms = times.step_ms, .range_ms = times.end_ms - times.start_ms},
        nodes_(nodes) {}

  // Shape: the children were visited.
  base::Result<> Visit(const Expr& expr) {
    NodePlan& node = nodes_[expr.id];
    switch (expr.kind) {
      case NodeKind::kNumber:
      case NodeKind::kString:
        return {};
      case NodeKind::kVectorSelector:
        return Modifiers(static_cast<const VectorSelector&>(expr).modifiers, node);
      case NodeKind::kMatrixSelector:
        return Matrix(static_cast<const MatrixSelector&>(expr), node);
      case NodeKind::kSubquery:
        return Subquery(static_cast<const SubqueryExpr&>(expr), node);
      case NodeKind::kCall:
        return Call(static_cast<const CallExpr&>(expr), node);
      case NodeKind::kAggregation: {
        const auto& aggregation = static_cast<const AggregateExpr&>(expr);
        node.is_step_invariant =
            IsInvariant(aggregation.expr) && (aggregation.param == nullptr || IsInvariant(aggregation.param));
        return {};
      }
      case NodeKind::kUnary:
        node.is_step_invariant = nodes_[static_cast<const UnaryExpr&>(expr).expr->id].is_step_invariant;
        return {};
      case NodeKind::kParen:
        node.is_step_invariant = nodes_[static_cast<const ParenExpr&>(expr).expr->id].is_step_invariant;
        return {};
      case NodeKind::kBinary: {
        const auto& binary = static_cast<const BinaryExpr&>(expr);
        node.is_step_invariant = IsInvariant(binary.lhs) && IsInvariant(binary.rhs);
        return {};
      }
    }
    return {};
  }

 private:
  bool IsInvariant(const Expr* expr) const {
    const Expr& inner = StripParens(*expr);
    if (inner.kind == NodeKind::kNumber || inner.kind == NodeKind::kString) return true;
    return nodes_[inner.id].is_step_invariant;
  }

  base::Result<> Modifiers(const TimeModifiers& modifiers, NodePlan& node) {
    node.offset_ms = BARO_TRY(ResolveDuration(modifiers.offset, DurationUse::kOffset, query_times_));
    switch (modifiers.at) {
      case TimeModifiers::At::kNone:
        break;
      case TimeModifiers::At::kTime:
        node.at_ms = modifiers.at_ms;
        break;
      case TimeModifiers::At::kStart:
        node.at_ms = times_.start_ms;
        break;
      case TimeModifiers::At::kEnd:
        node.at_ms = times_.end_ms;
        break;
    }
    node.is_step_invariant = node.at_ms.has_value();
    return {};
  }

  base::Result<> Matrix(const MatrixSelector& matrix, NodePlan& node) {
    node.range_ms = BARO_TRY(ResolveDuration(matrix.range, DurationUse::kRange, query_times_));
    node.view = tsdb::DownsampledView::kLast;
    return Modifiers(matrix.selector->modifiers, node);
  }

  base::Result<> Subquery(const SubqueryExpr& subquery, NodePlan& node) {
    node.range_ms = BARO_TRY(ResolveDuration(subquery.range, DurationUse::kRange, query_times_));
    node.step_ms = times_.subquery_step_ms;
    if (subquery.step.is_set()) {
      node.step_ms = BARO_TRY(ResolveDuration(subquery.step, DurationUse::kStep, query_times_));
    }
    return Modifiers(subquery.modifiers, node);
  }

  base::Result<> Call(const CallExpr& call, NodePlan& node) {
    node.is_step_invariant = !call.args.empty() && !LooksAtTheStep(call.function->id);
    for (const Expr* arg : call.args) {
      node.is_step_invariant = node.is_step_invariant && IsInvariant(arg);
      if (const auto* matrix = As<MatrixSelector>(&StripParens(*arg))) BARO_TRY(CheckExtension(call, *matrix));
    }
    return {};
  }

  static base::Result<> CheckExtension(const CallExpr& call, const MatrixSelector& matrix) {
    const Extension extension = matrix.selector->extension;
    const auto allows = [extension](const FunctionSignature& function) {
      return extension == Extension::kAnchored ? function.allows_anchored : function.allows_smoothed;
    };
    if (extension == Extension::kNone || allows(*call.function)) return {};
    std::vector<std::string_view> names;
    for (const FunctionSignature& function : Functions()) {
      if (allows(function)) names.push_back(function.name);
    }
    return base::Fail(base::Code::kInvalidArgument,
                      fmt::format("{} modifier can only be used with: {} - not with {}",
                                  extension == Extension::kAnchored ? "anchored" : "smoothed", fmt::join(names, ", "),
                                  call.function->name));
  }

  const PlanTimes& times_;
  const QueryTimes query_times_;
  std::vector<NodePlan>& nodes_;
};

}  // namespace

namespace {

// What becomes of the histograms below a call.
enum class HistogramUse : std::uint8_t { kAsAbove, kStatistics, kBuckets };

HistogramUse UseOf(const Expr& expr) {
  const auto* call = As<CallExpr>(&expr);
  if (call == nullptr) return HistogramUse::kAsAbove;
  switch (call->function->id) {
    case Function::kHistogramCount:
    case Function::kHistogramSum:
    case Function::kHistogramAvg:
      return HistogramUse::kStatistics;
    case Function::kHistogramFraction:
    case Function::kHistogramQuantile:
    case Function::kHistogramQuantiles:
    case Function::kHistogramStddev:
    case Function::kHistogramStdvar:
      return HistogramUse::kBuckets;
    default:
      return HistogramUse::kAsAbove;
  }
}

// Marks the selectors whose nearest such call asks for count and sum only. Parents before children.
void MarkStatistics(const std::vector<const Expr*>& post_order, std::vector<NodePlan>& nodes) {
  std::vector<const Expr*> children;
  for (auto at = post_order.rbegin(); at != post_order.rend(); ++at) {
    const HistogramUse use = UseOf(**at);
    const bool is_marked =
        use == HistogramUse::kAsAbove ? nodes[(*at)->id].finds_resets : use == HistogramUse::kStatistics;
    children.clear();
    AppendChildren(**at, children);
    for (const Expr* child : children) nodes[child->id].finds_resets = is_marked;
  }
}

// The aggregate that answers a function of a range. Functions without one look at samples.
tsdb::DownsampledView ViewFor(Function function) {
  using tsdb::DownsampledView;
  switch (function) {
    case Function::kSumOverTime:
    case Function::kAvgOverTime:  // with a second look at kCount
      return DownsampledView::kSum;
    case Function::kCountOverTime:
      return DownsampledView::kCount;
    case Function::kMinOverTime:
      return DownsampledView::kMin;
    case Function::kMaxOverTime:
      return DownsampledView::kMax;
    case Function::kRate:
    case Function::kIncrease:
    case Function::kResets:
      return DownsampledView::kCounter;
    case Function::kAbsentOverTime:
    case Function::kPresentOverTime:
      return DownsampledView::kLevel;
    default:
      return DownsampledView::kLast;
  }
}

// Tells selectors what the function or aggregation directly around them looks at.
void MarkViews(const std::vector<const Expr*>& post_order, std::vector<NodePlan>& nodes) {
  for (const Expr* expr : post_order) {
    if (const auto* call = As<CallExpr>(expr)) {
      for (const Expr* arg : call->args) {
        const Expr& inner = StripParens(*arg);
        if (inner.kind == NodeKind::kMatrixSelector) nodes[inner.id].view = ViewFor(call->function->id);
      }
    } else if (const auto* aggregation = As<AggregateExpr>(expr)) {
      const Expr& inner = StripParens(*aggregation->expr);
      if (inner.kind != NodeKind::kVectorSelector) continue;
      if (aggregation->op == AggregateOp::kMin) nodes[inner.id].view = tsdb::DownsampledView::kLevelMin;
      if (aggregation->op == AggregateOp::kMax) nodes[inner.id].view = tsdb::DownsampledView::kLevelMax;
    }
  }
}

}  // namespace

base::Result<Plan> Plan::Make(const Ast& ast, const PlanTimes& times) {
  Plan plan;
  plan.times_ = times;
  plan.nodes_.resize(ast.size());
  Planner planner(plan.times_, plan.nodes_);
  const std::vector<const Expr*> post_order = PostOrder(ast.root());
  for (const Expr* expr : post_order) BARO_TRY(planner.Visit(*expr));
  MarkStatistics(post_order, plan.nodes_);
  MarkViews(post_order, plan.nodes_);
  MarkEqualAggregations(post_order, plan.nodes_);
  return plan;
}

}  // namespace baro::query::exec
