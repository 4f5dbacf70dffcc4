#include "query/exec/binary_ops.h"

#include <cmath>

#include <fmt/format.h>

#include "query/func/elementwise.h"

namespace baro::query::exec {

using model::CounterResetHint;
using model::FloatHistogram;

FloatOperator FindArithmetic(BinaryOp op) {
  switch (op) {
    case BinaryOp::kAdd:
      return [](double a, double b) { return a + b; };
    case BinaryOp::kSub:
      return [](double a, double b) { return a - b; };
    case BinaryOp::kMul:
      return [](double a, double b) { return a * b; };
    case BinaryOp::kDiv:
      return [](double a, double b) { return a / b; };
    case BinaryOp::kMod:
      return func::Modulo;
    case BinaryOp::kPow:
      return func::Power;
    case BinaryOp::kAtan2:
      return [](double a, double b) { return std::atan2(a, b); };
    default:
      return nullptr;
  }
}

bool Compare(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::kEqual:
      return a == b;
    case BinaryOp::kNotEqual:
      return a != b;
    case BinaryOp::kLess:
      return a < b;
    case BinaryOp::kLessEqual:
      return a <= b;
    case BinaryOp::kGreater:
      return a > b;
    case BinaryOp::kGreaterEqual:
      return a >= b;
    default:
      return false;
  }
}

bool DropsName(BinaryOp op) { return FindArithmetic(op) != nullptr; }

namespace {

Outcome Wrap(FloatHistogram histogram) {
  return {.value = 0, .histogram = std::make_shared<FloatHistogram>(std::move(histogram)), .holds = true};
}

std::optional<Outcome> Incompatible(Context& context, const BinaryExpr& expr, const Operand& lhs, const Operand& rhs) {
  const auto kind = [](const Operand& operand) { return operand.histogram != nullptr ? "histogram" : "float"; };
  const std::string_view op = BinaryOpText(expr.op);
  context.annotations().Inform(fmt::format("incompatible sample types encountered for binary operator \"{}\": {} {} {}",
                                           op, kind(lhs), op, kind(rhs)),
                               expr.span);
  return std::nullopt;
}

std::optional<Outcome> HistogramScalar(Context& context, const BinaryExpr& expr, const Operand& lhs,
                                       const Operand& rhs) {
  FloatHistogram result = **lhs.histogram;
  switch (expr.op) {
    case BinaryOp::kMul:
      result.Mul(rhs.value);
      return Wrap(std::move(result));
    case BinaryOp::kDiv:
      result.Div(rhs.value);
      return Wrap(std::move(result));
    case BinaryOp::kTrimUpper:
      result.TrimUpper(rhs.value);
      return Wrap(std::move(result));
    case BinaryOp::kTrimLower:
      result.TrimLower(rhs.value);
      return Wrap(std::move(result));
    default:
      return Incompatible(context, expr, lhs, rhs);
  }
}

// The sum or difference of two histograms; nothing, and a warning, if their layouts do not go together.
std::optional<Outcome> HistogramSum(Context& context, const BinaryExpr& expr, const FloatHistogram& a,
                                    const FloatHistogram& b) {
  const bool is_sum = expr.op == BinaryOp::kAdd;
  FloatHistogram result = a;
  const auto merged = is_sum ? result.Add(b) : result.Sub(b);
  Annotations& annotations = context.annotations();
  if (!merged) {
    annotations.Warn(
        fmt::format("incompatible bucket layout encountered for binary operator {}", BinaryOpText(expr.op)), expr.span);
    return std::nullopt;
  }
  const std::string_view operation = is_sum ? "addition" : "subtraction";
  if (merged->counter_reset_collision) {
    annotations.Warn(fmt::format("conflicting counter resets during histogram {}", operation), expr.span);
  }
  if (merged->custom_bounds_reconciled) {
    annotations.Inform(fmt::format("mismatched custom buckets were reconciled during {}", operation), expr.span);
  }
  if (!is_sum) result.counter_reset_hint = CounterResetHint::kGauge;
  result.Compact(0);
  return Wrap(std::move(result));
}

std::optional<Outcome> TwoHistograms(Context& context, const BinaryExpr& expr, const Operand& lhs, const Operand& rhs) {
  const FloatHistogram& a = **lhs.histogram;
  const FloatHistogram& b = **rhs.histogram;
  switch (expr.op) {
    case BinaryOp::kAdd:
    case BinaryOp::kSub:
      return HistogramSum(context, expr, a, b);
    case BinaryOp::kEqual:
      return Outcome{.histogram = *lhs.histogram, .holds = a.Equals(b)};
    case BinaryOp::kNotEqual:
      return Outcome{.histogram = *lhs.histogram, .holds = !a.Equals(b)};
    default:
      return Incompatible(context, expr, lhs, rhs);
  }
}

}  // namespace

std::optional<Outcome> Apply(Context& context, const BinaryExpr& expr, const Operand& lhs, const Operand& rhs) {
  if (lhs.histogram != nullptr && rhs.histogram != nullptr) return TwoHistograms(context, expr, lhs, rhs);
  if (lhs.histogram != nullptr) return HistogramScalar(context, expr, lhs, rhs);
  if (rhs.histogram != nullptr) {
    if (expr.op != BinaryOp::kMul) return Incompatible(context, expr, lhs, rhs);
    FloatHistogram result = **rhs.histogram;
    result.Mul(lhs.value);
    return Wrap(std::move(result));
  }
  if (const FloatOperator op = FindArithmetic(expr.op)) return Outcome{.value = op(lhs.value, rhs.value)};
  if (IsComparison(expr.op)) return Outcome{.value = lhs.value, .holds = Compare(expr.op, lhs.value, rhs.value)};
  return Incompatible(context, expr, lhs, rhs);  // trims work on histograms only
}

}  // namespace baro::query::exec
