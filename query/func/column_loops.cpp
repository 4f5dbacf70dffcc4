#include "query/func/column_loops.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

// Each loop stands here once. BARO_LOOP compiles it twice where that makes a difference: for any x86-64, and for AVX2.
// AVX2 without FMA: contracted multiplications and additions would round otherwise.
#if defined(__x86_64__)
#define BARO_LOOP(name, result, parameters, arguments)                                         \
  [[gnu::target("avx2")]] static result name##Avx2 parameters { return name##Loop arguments; } \
  result name parameters { return kHasAvx2 ? name##Avx2 arguments : name##Loop arguments; }
#else
#define BARO_LOOP(name, result, parameters, arguments) \
  result name parameters { return name##Loop arguments; }
#endif

namespace baro::query::func {
namespace {

#if defined(__x86_64__)
const bool kHasAvx2 = __builtin_cpu_supports("avx2") != 0;
#endif

using exec::Kind;
using Values = std::span<const double>;
using Kinds = std::span<const Kind>;

// Counting instead of leaving at the first, and pointers instead of spans, whose [] is checked: compilers make vectors
// of that.

[[gnu::always_inline]] inline bool HasNaNLoop(Values values) {
  std::uint64_t found = 0;
  for (const double value : values) found += value != value ? 1 : 0;
  return found != 0;
}

[[gnu::always_inline]] inline bool HasDecreaseLoop(Values values) {
  const double* const in = values.data();
  const std::size_t size = values.size();
  std::uint64_t found = 0;
  for (std::size_t i = 1; i < size; ++i) found += in[i] < in[i - 1] ? 1 : 0;
  return found != 0;
}

// In blocks whose count fits a byte.
[[gnu::always_inline]] inline std::size_t CountFilledLoop(Kinds kinds) {
  const Kind* const in = kinds.data();
  std::size_t count = 0;
  for (std::size_t at = 0; at < kinds.size();) {
    const std::size_t end = std::min(kinds.size(), at + 128);
    std::uint8_t in_block = 0;
    for (; at < end; ++at) in_block = static_cast<std::uint8_t>(in_block + (in[at] != Kind::kNone ? 1 : 0));
    count += in_block;
  }
  return count;
}

[[gnu::always_inline]] inline bool AreAllFloatsLoop(Kinds kinds) {
  std::uint8_t other = 0;
  for (const Kind kind : kinds) {
    other =
        static_cast<std::uint8_t>(other | (static_cast<std::uint8_t>(kind) ^ static_cast<std::uint8_t>(Kind::kFloat)));
  }
  return other == 0;
}

[[gnu::always_inline]] inline double GreatestMagnitudeLoop(Values values) {
  // Bits of numbers without sign order as the numbers do; NaN stands above infinity.
  constexpr std::uint64_t kInfinity = 0x7ff0'0000'0000'0000;
  std::int64_t greatest = 0;
  for (const double value : values) {
    std::int64_t bits = 0;
    const double magnitude = std::fabs(value);
    __builtin_memcpy(&bits, &magnitude, sizeof bits);
    if (bits > static_cast<std::int64_t>(kInfinity)) bits = 0;
    greatest = bits > greatest ? bits : greatest;
  }
  double result = 0;
  __builtin_memcpy(&result, &greatest, sizeof result);
  return result;
}

// Adds in[i] to sum[i] and what rounding lost to rest[i].
[[gnu::always_inline]] inline void AddEach(const double* __restrict in, std::size_t count, double* __restrict sum,
                                           double* __restrict rest) {
  for (std::size_t i = 0; i < count; ++i) {
    const double value = in[i];
    const double before = sum[i];
    const double next = before + value;
    const bool is_sum_larger = std::fabs(before) >= std::fabs(value);
    const double larger = is_sum_larger ? before : value;
    const double smaller = is_sum_larger ? value : before;
    const double kept = rest[i] + ((larger - next) + smaller);
    rest[i] = std::fabs(next) == std::numeric_limits<double>::infinity() ? 0 : kept;
    sum[i] = next;
  }
}

[[gnu::always_inline]] inline void AddToSumsLoop(Values values, std::span<double> sums, std::span<double> lost) {
  AddEach(values.data(), values.size(), sums.data(), lost.data());
}

[[gnu::always_inline]] inline CompensatedSum SumInLanesLoop(Values values) {
  constexpr std::size_t kLanes = 4;
  double sums[kLanes] = {};
  double lost[kLanes] = {};
  std::size_t at = 0;
  for (; at + kLanes <= values.size(); at += kLanes) AddEach(values.data() + at, kLanes, sums, lost);
  CompensatedSum all;
  if (at > 0) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) all.Add(CompensatedSum{.sum = sums[lane], .lost = lost[lane]});
  }
  for (; at < values.size(); ++at) all.Add(values[at]);
  return all;
}

}  // namespace

BARO_LOOP(HasNaN, bool, (Values values), (values))
BARO_LOOP(HasDecrease, bool, (Values values), (values))
BARO_LOOP(CountFilled, std::size_t, (Kinds kinds), (kinds))
BARO_LOOP(AreAllFloats, bool, (Kinds kinds), (kinds))
BARO_LOOP(GreatestMagnitude, double, (Values values), (values))
BARO_LOOP(SumInLanes, CompensatedSum, (Values values), (values))
BARO_LOOP(AddToSums, void, (Values values, std::span<double> sums, std::span<double> lost), (values, sums, lost))

}  // namespace baro::query::func
