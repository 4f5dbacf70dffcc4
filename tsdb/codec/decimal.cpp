#include "tsdb/codec/decimal.h"

namespace baro::tsdb {
namespace {

constexpr std::size_t kSampleSize = 24;
// So many values of a sample may be no decimals: they become patches.
constexpr std::size_t kMisfitsMax = 2;

std::size_t CountMisfits(std::span<const double> sample, DecimalForm form) {
  std::size_t misfits = 0;
  std::int64_t decimal = 0;
  for (const double value : sample) {
    if (!ToDecimal(value, form, decimal) && ++misfits > kMisfitsMax) break;
  }
  return misfits;
}

}  // namespace

std::optional<DecimalForm> FindDecimalForm(std::span<const double> values) {
  std::array<double, kSampleSize> sample;
  std::size_t count = 0;
  // Steps of a fraction, so that what repeats does not always hit the same phase.
  const std::size_t step = std::max<std::size_t>(1, values.size() * 16 / kSampleSize);
  for (std::size_t at = 0; at / 16 < values.size() && count < kSampleSize; at += std::max<std::size_t>(step, 16)) {
    if (!IsSpecial(values[at / 16])) sample[count++] = values[at / 16];
  }
  if (count == 0) return DecimalForm{};
  std::optional<DecimalForm> best;
  std::size_t best_misfits = std::min(kMisfitsMax, count - 1) + 1;
  for (const bool is_multiplied : {false, true}) {
    for (unsigned exponent = is_multiplied ? 1 : 0; exponent <= kExponentMax; ++exponent) {
      const DecimalForm form = {.exponent = static_cast<std::uint8_t>(exponent), .is_multiplied = is_multiplied};
      const std::size_t misfits = CountMisfits({sample.data(), count}, form);
      if (misfits >= best_misfits) continue;
      best = form;
      best_misfits = misfits;
      if (misfits == 0) return best;
    }
  }
  return best;
}

}  // namespace baro::tsdb
