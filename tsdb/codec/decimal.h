// Doubles as decimal numbers: an integer D and an exponent, so that the double is the one nearest to D / 10^e.
//
// What exporters print has few digits; what they calculate with 0.001 or 1e-9 is D times that factor's double instead,
// which is not always the same bits.
//
// Threads  Pure functions.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>

#include "tsdb/codec/decode_kernels.h"

namespace baro::tsdb {

inline constexpr unsigned kExponentMax = 17;

/// How a double is had from its integer.
struct DecimalForm {
  std::uint8_t exponent = 0;
  bool is_multiplied = false;  ///< D * 10^-e instead of D / 10^e

  ConversionRule rule() const;

  friend bool operator==(const DecimalForm&, const DecimalForm&) = default;
};

inline constexpr std::array<double, kExponentMax + 1> kPowersOfTen = {
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17};
inline constexpr std::array<double, kExponentMax + 1> kPowersOfTenth = {
    1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15, 1e-16, 1e-17};

inline ConversionRule DecimalForm::rule() const {
  if (exponent == 0) return {.conversion = Conversion::kInteger};
  if (is_multiplied) return {.conversion = Conversion::kMultiplied, .scale = kPowersOfTenth[exponent]};
  return {.conversion = Conversion::kDivided, .scale = kPowersOfTen[exponent]};
}

/// Integers up to here are doubles, each of them.
inline constexpr double kExactIntegerMax = 9007199254740992.0;  // 2^53

/// The double of an integer, as decoders calculate it.
inline double FromDecimal(std::int64_t decimal, DecimalForm form) {
  const auto number = static_cast<double>(decimal);
  return form.is_multiplied ? number * kPowersOfTenth[form.exponent] : number / kPowersOfTen[form.exponent];
}

/// The integer nearest to value * 10^e. False if it is beyond kExactIntegerMax, or the value is no number.
inline bool NearestDecimal(double value, unsigned exponent, std::int64_t& decimal) {
  const double scaled = value * kPowersOfTen[exponent];
  if (!(std::fabs(scaled) <= kExactIntegerMax)) return false;
  // Ties may go either way: who uses it compares. A cast costs one instruction, std::nearbyint a call.
  decimal = static_cast<std::int64_t>(scaled + (scaled < 0 ? -0.5 : 0.5));
  return true;
}

/// D with FromDecimal(D, form) == value, bit for bit; so there is none for -0, NaN and infinities.
inline bool ToDecimal(double value, DecimalForm form, std::int64_t& decimal) {
  return NearestDecimal(value, form.exponent, decimal) &&
         std::bit_cast<std::uint64_t>(FromDecimal(decimal, form)) == std::bit_cast<std::uint64_t>(value);
}

/// The form that suits all ordinary values of a sample of the column, or nearly all. NaN, infinities and -0 have none
/// and are passed over. The least exponent wins, and dividing over multiplying.
std::optional<DecimalForm> FindDecimalForm(std::span<const double> values);

/// Whether a value stands for itself only: NaN, an infinity, -0.
inline bool IsSpecial(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  return (bits & 0x7ff0000000000000) == 0x7ff0000000000000 || bits == 0x8000000000000000;
}

}  // namespace baro::tsdb
