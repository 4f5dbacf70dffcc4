#include "query/functions.h"

#include <algorithm>
#include <limits>

namespace baro::query {
namespace {

constexpr unsigned kExperimental = 1;
constexpr unsigned kAnchored = 2;
constexpr unsigned kSmoothed = 4;

constexpr ValueType TypeOf(char letter) {
  switch (letter) {
    case 'v':
      return ValueType::kVector;
    case 'm':
      return ValueType::kMatrix;
    case 's':
      return ValueType::kScalar;
    default:
      return ValueType::kString;
  }
}

// `args` has a letter for each argument: v instant vector, m range vector, s scalar, t string (text).
constexpr FunctionSignature Row(Function id, std::string_view name, std::string_view args, char result, int variadic,
                                unsigned flags) {
  FunctionSignature signature = {.id = id,
                                 .name = name,
                                 .arg_types = {},
                                 .arg_count = static_cast<std::uint8_t>(args.size()),
                                 .variadic = static_cast<std::int8_t>(variadic),
                                 .return_type = TypeOf(result),
                                 .experimental = (flags & kExperimental) != 0,
                                 .allows_anchored = (flags & kAnchored) != 0,
                                 .allows_smoothed = (flags & kSmoothed) != 0};
  for (std::size_t i = 0; i < args.size(); ++i) signature.arg_types[i] = TypeOf(args[i]);
  return signature;
}

// Source: reference of Prometheus 3.14, docs/querying/functions.md; the shapes of the arguments are those that
// /api/v1/parse_query shows.
constexpr std::array<FunctionSignature, kFunctionCount> kFunctions = {{
    // clang-format off
    Row(Function::kAbs, "abs", "v", 'v', 0, 0),
    Row(Function::kAbsent, "absent", "v", 'v', 0, 0),
    Row(Function::kAbsentOverTime, "absent_over_time", "m", 'v', 0, 0),
    Row(Function::kAcos, "acos", "v", 'v', 0, 0),
    Row(Function::kAcosh, "acosh", "v", 'v', 0, 0),
    Row(Function::kAsin, "asin", "v", 'v', 0, 0),
    Row(Function::kAsinh, "asinh", "v", 'v', 0, 0),
    Row(Function::kAtan, "atan", "v", 'v', 0, 0),
    Row(Function::kAtanh, "atanh", "v", 'v', 0, 0),
    Row(Function::kAvgOverTime, "avg_over_time", "m", 'v', 0, 0),
    Row(Function::kCeil, "ceil", "v", 'v', 0, 0),
    Row(Function::kChanges, "changes", "m", 'v', 0, kAnchored),
    Row(Function::kClamp, "clamp", "vss", 'v', 0, 0),
    Row(Function::kClampMax, "clamp_max", "vs", 'v', 0, 0),
    Row(Function::kClampMin, "clamp_min", "vs", 'v', 0, 0),
    Row(Function::kCos, "cos", "v", 'v', 0, 0),
    Row(Function::kCosh, "cosh", "v", 'v', 0, 0),
    Row(Function::kCountOverTime, "count_over_time", "m", 'v', 0, 0),
    Row(Function::kDayOfMonth, "day_of_month", "v", 'v', 1, 0),
    Row(Function::kDayOfWeek, "day_of_week", "v", 'v', 1, 0),
    Row(Function::kDayOfYear, "day_of_year", "v", 'v', 1, 0),
    Row(Function::kDaysInMonth, "days_in_month", "v", 'v', 1, 0),
    Row(Function::kDeg, "deg", "v", 'v', 0, 0),
    Row(Function::kDelta, "delta", "m", 'v', 0, kAnchored | kSmoothed),
    Row(Function::kDeriv, "deriv", "m", 'v', 0, 0),
    Row(Function::kDoubleExponentialSmoothing, "double_exponential_smoothing", "mss", 'v', 0, kExperimental),
    Row(Function::kEnd, "end", "", 's', 0, kExperimental),
    Row(Function::kExp, "exp", "v", 'v', 0, 0),
    Row(Function::kFirstOverTime, "first_over_time", "m", 'v', 0, kExperimental),
    Row(Function::kFloor, "floor", "v", 'v', 0, 0),
    Row(Function::kHistogramAvg, "histogram_avg", "v", 'v', 0, 0),
    Row(Function::kHistogramCount, "histogram_count", "v", 'v', 0, 0),
    Row(Function::kHistogramFraction, "histogram_fraction", "ssv", 'v', 0, 0),
    Row(Function::kHistogramQuantile, "histogram_quantile", "sv", 'v', 0, 0),
    Row(Function::kHistogramQuantiles, "histogram_quantiles", "vtss", 'v', 9, kExperimental),
    Row(Function::kHistogramStddev, "histogram_stddev", "v", 'v', 0, 0),
    Row(Function::kHistogramStdvar, "histogram_stdvar", "v", 'v', 0, 0),
    Row(Function::kHistogramSum, "histogram_sum", "v", 'v', 0, 0),
    Row(Function::kHour, "hour", "v", 'v', 1, 0),
    Row(Function::kIdelta, "idelta", "m", 'v', 0, 0),
    Row(Function::kIncrease, "increase", "m", 'v', 0, kAnchored | kSmoothed),
    Row(Function::kInfo, "info", "vv", 'v', 1, kExperimental),
    Row(Function::kIrate, "irate", "m", 'v', 0, 0),
    Row(Function::kLabelJoin, "label_join", "vttt", 'v', -1, 0),
    Row(Function::kLabelReplace, "label_replace", "vtttt", 'v', 0, 0),
    Row(Function::kLastOverTime, "last_over_time", "m", 'v', 0, 0),
    Row(Function::kLn, "ln", "v", 'v', 0, 0),
    Row(Function::kLog10, "log10", "v", 'v', 0, 0),
    Row(Function::kLog2, "log2", "v", 'v', 0, 0),
    Row(Function::kMadOverTime, "mad_over_time", "m", 'v', 0, kExperimental),
    Row(Function::kMaxOf, "max_of", "ss", 's', 0, kExperimental),
    Row(Function::kMaxOverTime, "max_over_time", "m", 'v', 0, 0),
    Row(Function::kMinOf, "min_of", "ss", 's', 0, kExperimental),
    Row(Function::kMinOverTime, "min_over_time", "m", 'v', 0, 0),
    Row(Function::kMinute, "minute", "v", 'v', 1, 0),
    Row(Function::kMonth, "month", "v", 'v', 1, 0),
    Row(Function::kPi, "pi", "", 's', 0, 0),
    Row(Function::kPredictLinear, "predict_linear", "ms", 'v', 0, 0),
    Row(Function::kPresentOverTime, "present_over_time", "m", 'v', 0, 0),
    Row(Function::kQuantileOverTime, "quantile_over_time", "sm", 'v', 0, 0),
    Row(Function::kRad, "rad", "v", 'v', 0, 0),
    Row(Function::kRange, "range", "", 's', 0, kExperimental),
    Row(Function::kRate, "rate", "m", 'v', 0, kAnchored | kSmoothed),
    Row(Function::kResets, "resets", "m", 'v', 0, kAnchored),
    Row(Function::kRound, "round", "vs", 'v', 1, 0),
    Row(Function::kScalar, "scalar", "v", 's', 0, 0),
    Row(Function::kSgn, "sgn", "v", 'v', 0, 0),
    Row(Function::kSin, "sin", "v", 'v', 0, 0),
    Row(Function::kSinh, "sinh", "v", 'v', 0, 0),
    Row(Function::kSort, "sort", "v", 'v', 0, 0),
    Row(Function::kSortByLabel, "sort_by_label", "vt", 'v', -1, kExperimental),
    Row(Function::kSortByLabelDesc, "sort_by_label_desc", "vt", 'v', -1, kExperimental),
    Row(Function::kSortDesc, "sort_desc", "v", 'v', 0, 0),
    Row(Function::kSqrt, "sqrt", "v", 'v', 0, 0),
    Row(Function::kStart, "start", "", 's', 0, kExperimental),
    Row(Function::kStartTimestamp, "start_timestamp", "v", 'v', 0, kExperimental),
    Row(Function::kStddevOverTime, "stddev_over_time", "m", 'v', 0, 0),
    Row(Function::kStdvarOverTime, "stdvar_over_time", "m", 'v', 0, 0),
    Row(Function::kStep, "step", "", 's', 0, kExperimental),
    Row(Function::kSumOverTime, "sum_over_time", "m", 'v', 0, 0),
    Row(Function::kTan, "tan", "v", 'v', 0, 0),
    Row(Function::kTanh, "tanh", "v", 'v', 0, 0),
    Row(Function::kTime, "time", "", 's', 0, 0),
    Row(Function::kTimestamp, "timestamp", "v", 'v', 0, 0),
    Row(Function::kTsOfFirstOverTime, "ts_of_first_over_time", "m", 'v', 0, kExperimental),
    Row(Function::kTsOfLastOverTime, "ts_of_last_over_time", "m", 'v', 0, kExperimental),
    Row(Function::kTsOfMaxOverTime, "ts_of_max_over_time", "m", 'v', 0, kExperimental),
    Row(Function::kTsOfMinOverTime, "ts_of_min_over_time", "m", 'v', 0, kExperimental),
    Row(Function::kVector, "vector", "s", 'v', 0, 0),
    Row(Function::kYear, "year", "v", 'v', 1, 0),
    // clang-format on
}};

constexpr bool TableIsInOrder() {
  for (std::size_t i = 0; i < kFunctions.size(); ++i) {
    if (static_cast<std::size_t>(kFunctions[i].id) != i) return false;
    if (i > 0 && !(kFunctions[i - 1].name < kFunctions[i].name)) return false;
  }
  return true;
}
static_assert(TableIsInOrder());

}  // namespace

std::size_t FunctionSignature::args_max() const {
  if (variadic < 0) return std::numeric_limits<std::size_t>::max();
  return variadic == 0 ? arg_count : arg_count - 1U + static_cast<std::size_t>(variadic);
}

std::span<const FunctionSignature, kFunctionCount> Functions() { return kFunctions; }

const FunctionSignature& SignatureOf(Function function) { return kFunctions[static_cast<std::size_t>(function)]; }

const FunctionSignature* FindFunction(std::string_view name) {
  const auto at = std::ranges::lower_bound(kFunctions, name, {}, &FunctionSignature::name);
  return at != kFunctions.end() && at->name == name ? &*at : nullptr;
}

}  // namespace baro::query
