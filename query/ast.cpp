#include "query/ast.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <tuple>

#include "query/functions.h"

namespace baro::query {
namespace {

struct OpRow {
  std::string_view text;
  int precedence;
};
constexpr std::array<OpRow, kBinaryOpCount> kBinaryOps = {{
    {"+", 4},
    {"-", 4},
    {"*", 5},
    {"/", 5},
    {"%", 5},
    {"^", 6},
    {"atan2", 5},
    {"==", 3},
    {"!=", 3},
    {"<", 3},
    {"<=", 3},
    {">", 3},
    {">=", 3},
    {"</", 3},
    {">/", 3},
    {"and", 2},
    {"or", 1},
    {"unless", 2},
}};
constexpr std::array<std::string_view, kAggregateOpCount> kAggregateOps = {
    "sum",    "avg",  "min",     "max",      "count",        "group",  "stddev",
    "stdvar", "topk", "bottomk", "quantile", "count_values", "limitk", "limit_ratio"};

// 0 and -0 differ; NaN is NaN, whatever its sign: there is one way only to write it.
bool SameNumber(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) || (std::isnan(a) && std::isnan(b));
}

bool SameDuration(const DurationExpr* a, const DurationExpr* b) {
  std::vector<std::pair<const DurationExpr*, const DurationExpr*>> pending = {{a, b}};
  while (!pending.empty()) {
    const auto [left, right] = pending.back();
    pending.pop_back();
    if ((left == nullptr) != (right == nullptr)) return false;
    if (left == nullptr) continue;
    if (left->kind != right->kind || !SameNumber(left->value, right->value)) return false;
    if (left->is_duration != right->is_duration) return false;
    pending.emplace_back(left->lhs, right->lhs);
    pending.emplace_back(left->rhs, right->rhs);
  }
  return true;
}
bool SameDuration(const Duration& a, const Duration& b) { return a.ms == b.ms && SameDuration(a.expr, b.expr); }

bool SameModifiers(const TimeModifiers& a, const TimeModifiers& b) {
  return SameDuration(a.offset, b.offset) && a.at == b.at && a.at_ms == b.at_ms;
}

bool SameMatcher(const LabelMatcher& a, const LabelMatcher& b) {
  return a.op == b.op && a.name == b.name && a.value == b.value;
}

bool SameFill(const std::optional<double>& a, const std::optional<double>& b) {
  return a.has_value() == b.has_value() && (!a || SameNumber(*a, *b));
}

// In any order: all of them must hold.
bool SameMatchers(const std::vector<LabelMatcher>& a, const std::vector<LabelMatcher>& b) {
  if (std::ranges::equal(a, b, SameMatcher)) return true;
  if (a.size() != b.size()) return false;
  using Key = std::tuple<std::string_view, MatchOp, std::string_view>;
  const auto keys_of = [](const std::vector<LabelMatcher>& matchers) {
    std::vector<Key> keys;
    for (const LabelMatcher& matcher : matchers) keys.emplace_back(matcher.name, matcher.op, matcher.value);
    std::ranges::sort(keys);
    return keys;
  };
  return keys_of(a) == keys_of(b);
}

bool SameMatching(const VectorMatching& a, const VectorMatching& b) {
  return a.cardinality == b.cardinality && a.on == b.on && a.labels == b.labels && a.include == b.include &&
         SameFill(a.fill_left, b.fill_left) && SameFill(a.fill_right, b.fill_right);
}

// Compares what two nodes of one kind hold themselves, without their children.
bool SameNode(const Expr& a, const Expr& b) {
  switch (a.kind) {
    case NodeKind::kNumber: {
      const auto &x = *As<NumberLiteral>(&a), &y = *As<NumberLiteral>(&b);
      return SameNumber(x.value, y.value) && x.is_duration == y.is_duration;
    }
    case NodeKind::kString:
      return As<StringLiteral>(&a)->value == As<StringLiteral>(&b)->value;
    case NodeKind::kVectorSelector: {
      const auto &x = *As<VectorSelector>(&a), &y = *As<VectorSelector>(&b);
      return x.name == y.name && SameMatchers(x.matchers, y.matchers) && SameModifiers(x.modifiers, y.modifiers) &&
             x.extension == y.extension;
    }
    case NodeKind::kMatrixSelector:
      return SameDuration(As<MatrixSelector>(&a)->range, As<MatrixSelector>(&b)->range);
    case NodeKind::kSubquery: {
      const auto &x = *As<SubqueryExpr>(&a), &y = *As<SubqueryExpr>(&b);
      return SameDuration(x.range, y.range) && SameDuration(x.step, y.step) && SameModifiers(x.modifiers, y.modifiers);
    }
    case NodeKind::kCall:
      return As<CallExpr>(&a)->function == As<CallExpr>(&b)->function;
    case NodeKind::kAggregation: {
      const auto &x = *As<AggregateExpr>(&a), &y = *As<AggregateExpr>(&b);
      return x.op == y.op && x.without == y.without && x.grouping == y.grouping;
    }
    case NodeKind::kUnary:
      return As<UnaryExpr>(&a)->negate == As<UnaryExpr>(&b)->negate;
    case NodeKind::kBinary: {
      const auto &x = *As<BinaryExpr>(&a), &y = *As<BinaryExpr>(&b);
      return x.op == y.op && x.return_bool == y.return_bool && SameMatching(x.matching, y.matching);
    }
    case NodeKind::kParen:
      return true;
  }
  return false;
}

}  // namespace

std::string_view ValueTypeName(ValueType type) {
  static constexpr std::array<std::string_view, 4> kNames = {"scalar", "vector", "matrix", "string"};
  return kNames[static_cast<std::size_t>(type)];
}

std::string_view ValueTypeDescription(ValueType type) {
  static constexpr std::array<std::string_view, 4> kNames = {"scalar", "instant vector", "range vector", "string"};
  return kNames[static_cast<std::size_t>(type)];
}

std::string_view MatchOpText(MatchOp op) {
  static constexpr std::array<std::string_view, 4> kNames = {"=", "!=", "=~", "!~"};
  return kNames[static_cast<std::size_t>(op)];
}

std::string_view AggregateOpText(AggregateOp op) { return kAggregateOps[static_cast<std::size_t>(op)]; }

bool AggregateOpTakesParameter(AggregateOp op) { return op >= AggregateOp::kTopk; }

std::string_view BinaryOpText(BinaryOp op) { return kBinaryOps[static_cast<std::size_t>(op)].text; }

int BinaryOpPrecedence(BinaryOp op) { return kBinaryOps[static_cast<std::size_t>(op)].precedence; }

bool IsComparison(BinaryOp op) { return op >= BinaryOp::kEqual && op <= BinaryOp::kGreaterEqual; }

bool IsSetOperator(BinaryOp op) { return op >= BinaryOp::kAnd; }

std::string_view CardinalityText(Cardinality cardinality) {
  static constexpr std::array<std::string_view, 4> kNames = {"one-to-one", "many-to-one", "one-to-many",
                                                             "many-to-many"};
  return kNames[static_cast<std::size_t>(cardinality)];
}

void AppendChildren(const Expr& expr, std::vector<const Expr*>& children) {
  switch (expr.kind) {
    case NodeKind::kNumber:
    case NodeKind::kString:
    case NodeKind::kVectorSelector:
      break;
    case NodeKind::kMatrixSelector:
      children.push_back(As<MatrixSelector>(&expr)->selector);
      break;
    case NodeKind::kSubquery:
      children.push_back(As<SubqueryExpr>(&expr)->expr);
      break;
    case NodeKind::kCall:
      for (const Expr* arg : As<CallExpr>(&expr)->args) children.push_back(arg);
      break;
    case NodeKind::kAggregation: {
      const auto& aggregation = *As<AggregateExpr>(&expr);
      if (aggregation.param != nullptr) children.push_back(aggregation.param);
      children.push_back(aggregation.expr);
      break;
    }
    case NodeKind::kUnary:
      children.push_back(As<UnaryExpr>(&expr)->expr);
      break;
    case NodeKind::kBinary:
      children.push_back(As<BinaryExpr>(&expr)->lhs);
      children.push_back(As<BinaryExpr>(&expr)->rhs);
      break;
    case NodeKind::kParen:
      children.push_back(As<ParenExpr>(&expr)->expr);
      break;
  }
}

std::vector<const Expr*> PostOrder(const Expr& root) {
  // Parents before children with siblings from right to left is the wanted order backwards.
  std::vector<const Expr*> backwards;
  std::vector<const Expr*> pending = {&root};
  while (!pending.empty()) {
    const Expr* expr = pending.back();
    pending.pop_back();
    backwards.push_back(expr);
    AppendChildren(*expr, pending);
  }
  std::ranges::reverse(backwards);
  return backwards;
}

std::vector<const VectorSelector*> Selectors(const Expr& root) {
  std::vector<const VectorSelector*> selectors;
  for (const Expr* expr : PostOrder(root)) {
    if (const auto* selector = As<VectorSelector>(expr)) selectors.push_back(selector);
  }
  return selectors;
}

const Expr& StripParens(const Expr& expr) {
  const Expr* inner = &expr;
  while (const auto* paren = As<ParenExpr>(inner)) inner = paren->expr;
  return *inner;
}

bool SameExpression(const Expr& a, const Expr& b) {
  const std::vector<const Expr*> left = PostOrder(a);
  const std::vector<const Expr*> right = PostOrder(b);
  if (left.size() != right.size()) return false;
  std::vector<const Expr*> left_children;
  std::vector<const Expr*> right_children;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (left[i]->kind != right[i]->kind || !SameNode(*left[i], *right[i])) return false;
    left_children.clear();
    right_children.clear();
    AppendChildren(*left[i], left_children);
    AppendChildren(*right[i], right_children);
    if (left_children.size() != right_children.size()) return false;  // with post-order, arities fix the shape
  }
  return true;
}

}  // namespace baro::query
