// The functions of PromQL: names, argument types, results. What they compute is in query/func.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "query/ast.h"

namespace baro::query {

/// One function each, in alphabetical order of their names.
enum class Function : std::uint8_t {
  kAbs,
  kAbsent,
  kAbsentOverTime,
  kAcos,
  kAcosh,
  kAsin,
  kAsinh,
  kAtan,
  kAtanh,
  kAvgOverTime,
  kCeil,
  kChanges,
  kClamp,
  kClampMax,
  kClampMin,
  kCos,
  kCosh,
  kCountOverTime,
  kDayOfMonth,
  kDayOfWeek,
  kDayOfYear,
  kDaysInMonth,
  kDeg,
  kDelta,
  kDeriv,
  kDoubleExponentialSmoothing,
  kEnd,
  kExp,
  kFirstOverTime,
  kFloor,
  kHistogramAvg,
  kHistogramCount,
  kHistogramFraction,
  kHistogramQuantile,
  kHistogramQuantiles,
  kHistogramStddev,
  kHistogramStdvar,
  kHistogramSum,
  kHour,
  kIdelta,
  kIncrease,
  kInfo,
  kIrate,
  kLabelJoin,
  kLabelReplace,
  kLastOverTime,
  kLn,
  kLog10,
  kLog2,
  kMadOverTime,
  kMaxOf,
  kMaxOverTime,
  kMinOf,
  kMinOverTime,
  kMinute,
  kMonth,
  kPi,
  kPredictLinear,
  kPresentOverTime,
  kQuantileOverTime,
  kRad,
  kRange,
  kRate,
  kResets,
  kRound,
  kScalar,
  kSgn,
  kSin,
  kSinh,
  kSort,
  kSortByLabel,
  kSortByLabelDesc,
  kSortDesc,
  kSqrt,
  kStart,
  kStartTimestamp,
  kStddevOverTime,
  kStdvarOverTime,
  kStep,
  kSumOverTime,
  kTan,
  kTanh,
  kTime,
  kTimestamp,
  kTsOfFirstOverTime,
  kTsOfLastOverTime,
  kTsOfMaxOverTime,
  kTsOfMinOverTime,
  kVector,
  kYear,
};
inline constexpr std::size_t kFunctionCount = 90;
static_assert(static_cast<std::size_t>(Function::kYear) + 1 == kFunctionCount);

/// What the parser checks, and the API shows, of a function.
struct FunctionSignature {
  static constexpr std::size_t kArgTypesMax = 5;

  Function id;
  std::string_view name;
  std::array<ValueType, kArgTypesMax> arg_types;  ///< the first arg_count are meant
  std::uint8_t arg_count;
  /// 0: exactly arg_count arguments. n > 0: the last one listed may be missing or stand up to n times.
  /// -1: the last one listed may be missing or stand any number of times.
  std::int8_t variadic;
  ValueType return_type;
  bool experimental;     ///< needs ParseOptions::experimental_functions
  bool allows_anchored;  ///< its range selector may be `anchored`; evaluation refuses it elsewhere
  bool allows_smoothed;  ///< the same for `smoothed`

  std::span<const ValueType> args() const { return {arg_types.data(), arg_count}; }
  std::size_t args_min() const { return variadic == 0 ? arg_count : arg_count - 1U; }
  /// SIZE_MAX if there is no bound.
  std::size_t args_max() const;
};

/// All functions, by name, indexed by Function.
std::span<const FunctionSignature, kFunctionCount> Functions();

/// The signature of a function; static data.
const FunctionSignature& SignatureOf(Function function);

/// The function of that name (case-sensitive), or null.
const FunctionSignature* FindFunction(std::string_view name);

}  // namespace baro::query
