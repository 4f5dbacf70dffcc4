#include "query/duration.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "base/duration_text.h"

namespace baro::query {
namespace {

// Prometheus counts nanoseconds in 64 bits, so its longest duration is about 292 years. Ours is the same.
constexpr std::int64_t kDurationMsMax = std::numeric_limits<std::int64_t>::max() / 1'000'000;

// Seconds to whole milliseconds, towards zero. What is written as one number is that number of nanoseconds first; what
// is computed is not, so that 10 + 0.001 is a hair short of 10,001 ms. Prometheus does both.
double TruncateToMs(double seconds, bool is_literal) {
  return std::trunc(is_literal ? std::round(seconds * 1e9) / 1e6 : seconds * 1000);
}

base::Result<double> Apply(const DurationExpr& expr, double lhs, double rhs, const QueryTimes& times) {
  using Kind = DurationExpr::Kind;
  switch (expr.kind) {
    case Kind::kLiteral:
      return expr.value;
    case Kind::kStep:
      return static_cast<double>(times.step_ms) / 1000;
    case Kind::kRange:
      return static_cast<double>(times.range_ms) / 1000;
    case Kind::kNegate:
      return -lhs;
    case Kind::kParen:
      return lhs;
    case Kind::kAdd:
      return lhs + rhs;
    case Kind::kSub:
      return lhs - rhs;
    case Kind::kMul:
      return lhs * rhs;
    case Kind::kDiv:
      if (rhs == 0) return base::Fail(base::Code::kInvalidArgument, "division by zero in duration expression");
      return lhs / rhs;
    case Kind::kMod:
      if (rhs == 0) return base::Fail(base::Code::kInvalidArgument, "modulo by zero in duration expression");
      return std::fmod(lhs, rhs);
    case Kind::kPow:
      return std::pow(lhs, rhs);
    case Kind::kMinOf:
    case Kind::kMaxOf:
      if (std::isnan(lhs) || std::isnan(rhs)) return std::numeric_limits<double>::quiet_NaN();
      return expr.kind == Kind::kMinOf ? std::min(lhs, rhs) : std::max(lhs, rhs);
  }
  return base::Fail(base::Code::kInvalidArgument, "unknown kind of duration expression");
}

// Seconds. Post-order over an explicit stack: a node waits behind its operands.
base::Result<double> Evaluate(const DurationExpr& root, const QueryTimes& times) {
  struct Step {
    const DurationExpr* expr;
    bool operands_done;
  };
  std::vector<Step> steps = {{&root, false}};
  std::vector<double> values;
  while (!steps.empty()) {
    const Step step = steps.back();
    steps.pop_back();
    if (!step.operands_done) {
      steps.push_back({step.expr, true});
      if (step.expr->rhs != nullptr) steps.push_back({step.expr->rhs, false});
      if (step.expr->lhs != nullptr) steps.push_back({step.expr->lhs, false});
      continue;
    }
    double rhs = 0;
    double lhs = 0;
    if (step.expr->rhs != nullptr) {
      rhs = values.back();
      values.pop_back();
    }
    if (step.expr->lhs != nullptr) {
      lhs = values.back();
      values.pop_back();
    }
    // Without BARO_TRY: g++ 12 at -O2 sees an overrun in moving the error that is not there.
    auto value = Apply(*step.expr, lhs, rhs, times);
    if (!value) return value.error();
    values.push_back(*value);
  }
  return values.back();
}

base::Result<std::int64_t> CheckUse(std::int64_t ms, DurationUse use) {
  if (use != DurationUse::kOffset && ms <= 0) {
    return base::Fail(base::Code::kInvalidArgument, fmt::format("duration must be greater than 0, got {}",
                                                                base::FormatDuration(std::chrono::milliseconds(ms))));
  }
  return ms;
}

}  // namespace

base::Result<std::int64_t> ResolveDuration(const Duration& duration, DurationUse use, const QueryTimes& times) {
  if (duration.expr == nullptr) return CheckUse(duration.ms, use);
  const auto value = Evaluate(*duration.expr, times);
  if (!value) return value.error();
  const double seconds = *value;
  if (std::isnan(seconds) || std::isinf(seconds)) {
    return base::Fail(base::Code::kInvalidArgument,
                      fmt::format("duration expression yields {}", std::isnan(seconds) ? "NaN" : "infinity"));
  }
  const double ms = TruncateToMs(seconds, duration.expr->kind == DurationExpr::Kind::kLiteral);
  if (std::abs(ms) > static_cast<double>(kDurationMsMax)) {
    return base::Fail(base::Code::kInvalidArgument, "duration out of range: more than 292 years");
  }
  return CheckUse(static_cast<std::int64_t>(ms), use);
}

}  // namespace baro::query
