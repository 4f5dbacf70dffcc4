#include "query/duration.h"

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include <fmt/format.h>

namespace baro::query {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t ms;
};
constexpr std::array<Unit, 7> kUnits = {{{"y", 365LL * 86'400'000},
                                         {"w", 7LL * 86'400'000},
                                         {"d", 86'400'000},
                                         {"h", 3'600'000},
                                         {"m", 60'000},
                                         {"s", 1000},
                                         {"ms", 1}}};

// Prometheus counts nanoseconds in 64 bits, so its longest duration is about 292 years. Ours is the same.
constexpr std::int64_t kDurationMsMax = std::numeric_limits<std::int64_t>::max() / 1'000'000;

// Seconds to whole milliseconds, towards zero. Sums such as 10 + 0.001 may fall a few units in the last place short of
// the millisecond that was written; those count as it.
double TruncateToMs(double seconds) {
  const double ms = seconds * 1000;
  const double nearest = std::round(ms);
  return std::abs(ms - nearest) <= std::abs(ms) * 1e-14 ? nearest : std::trunc(ms);
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
      return std::fmin(lhs, rhs);
    case Kind::kMaxOf:
      return std::fmax(lhs, rhs);
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
    values.push_back(BARO_TRY(Apply(*step.expr, lhs, rhs, times)));
  }
  return values.back();
}

base::Result<std::int64_t> CheckUse(std::int64_t ms, DurationUse use) {
  if (use != DurationUse::kOffset && ms <= 0) {
    return base::Fail(base::Code::kInvalidArgument,
                      fmt::format("duration must be greater than 0, got {}", FormatDuration(ms)));
  }
  return ms;
}

}  // namespace

base::Result<std::int64_t> ResolveDuration(const Duration& duration, DurationUse use, const QueryTimes& times) {
  if (duration.expr == nullptr) return CheckUse(duration.ms, use);
  const double seconds = BARO_TRY(Evaluate(*duration.expr, times));
  if (std::isnan(seconds) || std::isinf(seconds)) {
    return base::Fail(base::Code::kInvalidArgument,
                      fmt::format("duration expression yields {}", std::isnan(seconds) ? "NaN" : "infinity"));
  }
  const double ms = TruncateToMs(seconds);
  if (std::abs(ms) > static_cast<double>(kDurationMsMax)) {
    return base::Fail(base::Code::kInvalidArgument, "duration out of range: more than 292 years");
  }
  return CheckUse(static_cast<std::int64_t>(ms), use);
}

base::Result<std::int64_t> ParseDuration(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return base::Fail(base::Code::kInvalidArgument,
                      fmt::format("not a valid duration: \"{}\": {}", text.substr(0, 40), why));
  };
  if (text.empty()) return refuse("empty");
  if (text == "0") return 0;
  std::int64_t total_ms = 0;
  std::size_t unit = 0;
  for (std::string_view rest = text; !rest.empty();) {
    std::int64_t count = 0;
    std::size_t digits = 0;
    for (; digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9'; ++digits) {
      if (__builtin_mul_overflow(count, 10, &count) || __builtin_add_overflow(count, rest[digits] - '0', &count)) {
        return refuse("out of range");
      }
    }
    if (digits == 0) return refuse("want a number before each unit");
    rest.remove_prefix(digits);
    std::size_t letters = 0;
    while (letters < rest.size() && (rest[letters] < '0' || rest[letters] > '9')) ++letters;
    while (unit < kUnits.size() && kUnits[unit].name != rest.substr(0, letters)) ++unit;
    if (unit == kUnits.size()) return refuse("want the units y w d h m s ms, each once and in this order");
    std::int64_t part_ms = 0;
    if (__builtin_mul_overflow(count, kUnits[unit].ms, &part_ms) ||
        __builtin_add_overflow(total_ms, part_ms, &total_ms) || total_ms > kDurationMsMax) {
      return refuse("out of range");
    }
    rest.remove_prefix(letters);
    ++unit;
  }
  return total_ms;
}

std::string FormatDuration(std::int64_t ms) {
  if (ms == 0) return "0s";
  std::string out = ms < 0 ? "-" : "";
  // The magnitude of the smallest value does not fit, but no duration is that long.
  std::int64_t rest =
      ms == std::numeric_limits<std::int64_t>::min() ? std::numeric_limits<std::int64_t>::max() : std::abs(ms);
  for (const Unit& unit : kUnits) {
    const bool whole_only = unit.name == "y" || unit.name == "w";
    if (rest < unit.ms || (whole_only && rest % unit.ms != 0)) continue;
    out += fmt::format("{}{}", rest / unit.ms, unit.name);
    rest %= unit.ms;
  }
  return out;
}

}  // namespace baro::query
