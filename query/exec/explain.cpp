#include "query/exec/explain.h"

#include <chrono>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/duration_text.h"
#include "query/exec/annotations.h"
#include "query/exec/text_place.h"
#include "query/functions.h"
#include "query/printer.h"

namespace baro::query::exec {
namespace {

constexpr std::size_t kNameBytesMax = 200;

std::string DurationText(std::int64_t ms) {
  const std::chrono::milliseconds duration(ms < 0 ? -ms : ms);
  return (ms < 0 ? "-" : "") + base::FormatDuration(duration);
}

std::string_view KindOf(const Expr& expr) {
  switch (expr.kind) {
    case NodeKind::kNumber:
      return "number";
    case NodeKind::kString:
      return "string";
    case NodeKind::kVectorSelector:
      return "selector";
    case NodeKind::kMatrixSelector:
      return "range selector";
    case NodeKind::kSubquery:
      return "subquery";
    case NodeKind::kCall: {
      const auto& call = static_cast<const CallExpr&>(expr);
      for (const Expr* arg : call.args) {
        if (arg->type == ValueType::kMatrix) return "range function";
      }
      return "function";
    }
    case NodeKind::kAggregation:
      return "aggregation";
    case NodeKind::kUnary:
      return "unary operator";
    case NodeKind::kBinary:
      return static_cast<const BinaryExpr&>(expr).matches_vectors() ? "join" : "binary operator";
    case NodeKind::kParen:
      return "parentheses";
  }
  return "";
}

std::string List(std::string_view clause, const std::vector<std::string>& labels) {
  return fmt::format(" {} ({})", clause, fmt::join(labels, ", "));
}

std::string BinaryName(const BinaryExpr& binary) {
  std::string name(BinaryOpText(binary.op));
  if (binary.return_bool) name += " bool";
  if (!binary.matches_vectors()) return name;
  const VectorMatching& matching = binary.matching;
  if (matching.on || !matching.labels.empty()) name += List(matching.on ? "on" : "ignoring", matching.labels);
  if (matching.cardinality == Cardinality::kManyToOne) name += List("group_left", matching.include);
  if (matching.cardinality == Cardinality::kOneToMany) name += List("group_right", matching.include);
  return name;
}

// What the operator is called; operands are left to the nodes below.
std::string NameOf(const Expr& expr, std::string_view query) {
  switch (expr.kind) {
    case NodeKind::kCall:
      return fmt::format("{}()", static_cast<const CallExpr&>(expr).function->name);
    case NodeKind::kAggregation: {
      const auto& aggregation = static_cast<const AggregateExpr&>(expr);
      std::string name(AggregateOpText(aggregation.op));
      if (aggregation.without || !aggregation.grouping.empty()) {
        name += List(aggregation.without ? "without" : "by", aggregation.grouping);
      }
      return name;
    }
    case NodeKind::kUnary:
      return static_cast<const UnaryExpr&>(expr).negate ? "-" : "+";
    case NodeKind::kBinary:
      return BinaryName(static_cast<const BinaryExpr&>(expr));
    case NodeKind::kSubquery: {
      const auto& subquery = static_cast<const SubqueryExpr&>(expr);
      return fmt::format("[{}:{}]", ToString(subquery.range), subquery.step.is_set() ? ToString(subquery.step) : "");
    }
    default:
      return Excerpt(query, expr.span, kNameBytesMax);
  }
}

void AddTimes(const NodePlan& node, std::vector<std::pair<std::string_view, std::string>>& facts) {
  if (node.range_ms > 0) facts.emplace_back("range", DurationText(node.range_ms));
  if (node.step_ms > 0) facts.emplace_back("step", DurationText(node.step_ms));
  if (node.offset_ms != 0) facts.emplace_back("offset", DurationText(node.offset_ms));
  if (node.at_ms) facts.emplace_back("at", FormatTime(*node.at_ms));
}

ExplainedOperator Describe(const Expr& expr, const NodePlan& node, std::string_view query) {
  const TextPlace place = PlaceOf(query, expr.span);
  ExplainedOperator result{.kind = std::string(KindOf(expr)),
                           .name = NameOf(expr, query),
                           .type = ValueTypeName(expr.type),
                           .start = expr.span.start,
                           .end = expr.span.end,
                           .line = place.line,
                           .column = place.column};
  AddTimes(node, result.facts);
  if (node.is_step_invariant) result.facts.emplace_back("evaluated", "once");
  if (node.same_as) result.facts.emplace_back("shared", "with equal parts of the query");
  if (const auto* binary = As<BinaryExpr>(&expr); binary != nullptr && binary->matches_vectors()) {
    result.facts.emplace_back("cardinality", CardinalityText(binary->matching.cardinality));
  }
  return result;
}

// Without the time of the operators below; that is added when they are known.
OperatorCost CostOf(const NodeTrace& node) {
  const auto load = [](const auto& counter) { return counter.load(std::memory_order_relaxed); };
  return {.runs = node.runs,
          .series = node.series,
          .steps = node.steps,
          .points = node.points,
          .samples_read = load(node.samples_read),
          .samples_queryable = load(node.samples_queryable),
          .bytes = load(node.bytes_read) + node.column_bytes,
          .memory_bytes_peak = node.budget.bytes_peak(),
          .self_time = node.self_time,
          .total_time = node.self_time,
          .read_time = std::chrono::nanoseconds(load(node.read_ns))};
}

/// Times of nodes with those below them, by id.
std::vector<std::chrono::nanoseconds> TotalTimes(const Ast& ast, const Trace& trace) {
  std::vector<std::chrono::nanoseconds> totals(ast.size());
  std::vector<const Expr*> children;
  for (const Expr* expr : PostOrder(ast.root())) {
    totals[expr->id] = trace.of(expr->id).self_time;
    children.clear();
    AppendChildren(*expr, children);
    for (const Expr* child : children) totals[expr->id] += totals[child->id];
  }
  return totals;
}

// A range selector is one operator with the selector in it; parentheses are none.
void AppendOperands(const Expr& expr, std::vector<const Expr*>& children) {
  if (expr.kind == NodeKind::kMatrixSelector) return;
  AppendChildren(expr, children);
  for (const Expr*& child : children) child = &StripParens(*child);
}

}  // namespace

void DescribeOperators(const Ast& ast, const Plan& plan, const Trace* trace, Explanation& explanation) {
  std::vector<std::chrono::nanoseconds> totals;
  if (trace != nullptr) totals = TotalTimes(ast, *trace);
  struct Next {
    const Expr* expr;
    std::size_t depth;
  };
  std::vector<Next> stack = {{.expr = &StripParens(ast.root()), .depth = 0}};
  std::vector<const Expr*> children;
  while (!stack.empty()) {
    const auto [expr, depth] = stack.back();
    stack.pop_back();
    children.clear();
    AppendOperands(*expr, children);
    for (auto child = children.rbegin(); child != children.rend(); ++child) {
      stack.push_back({.expr = *child, .depth = depth + 1});
    }
    if (explanation.operators.size() == kExplainedOperatorsMax || depth >= kExplainedDepthMax) {
      ++explanation.operators_left_out;
      continue;
    }
    ExplainedOperator op = Describe(*expr, plan.of(*expr), explanation.query);
    op.depth = depth;
    if (trace != nullptr) {
      op.cost = CostOf(trace->of(expr->id));
      op.cost->total_time = totals[expr->id];
    }
    explanation.operators.push_back(std::move(op));
  }
}

}  // namespace baro::query::exec
