#include "tsdb/codec/integer_stream.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <vector>

#include "tsdb/codec/bit_packing.h"

namespace baro::tsdb {
namespace {

constexpr std::size_t kBlock = 128;
constexpr unsigned kPredictorsCount = 3;

unsigned BitLength(std::uint64_t value) { return static_cast<unsigned>(std::bit_width(value)); }

// What remains of a stream under one predictor.
struct Prediction {
  unsigned predictor = 0;
  std::uint64_t base = 0;
  std::uint64_t spread = 0;  // greatest difference less base
};

// Differences of the order `predictor`, written to `out` without the first ones; returns how many.
std::size_t Differences(std::span<const std::uint64_t> values, unsigned predictor, std::uint64_t* out) {
  const std::size_t n = values.size();
  if (n < predictor) return 0;
  switch (predictor) {
    case 0:
      std::ranges::copy(values, out);
      break;
    case 1:
      for (std::size_t i = 1; i < n; ++i) out[i - 1] = values[i] - values[i - 1];
      break;
    default:
      for (std::size_t i = 2; i < n; ++i) out[i - 2] = values[i] - 2 * values[i - 1] + values[i - 2];
  }
  return n - predictor;
}

// Judges a predictor by the lengths of its residuals. What packing costs lies between their mean (outliers become
// exceptions) and their maximum, nearer to the mean; to know it exactly took twice as long as the rest of encoding.
std::uint64_t Cost(std::span<const std::uint64_t> residuals) {
  std::uint64_t bits = 0;
  std::uint64_t all = 0;
  for (const std::uint64_t residual : residuals) {
    bits += BitLength(residual);
    all |= residual;
  }
  return bits + residuals.size() * BitLength(all) / 4;
}

std::uint64_t Base(std::span<const std::uint64_t> differences) {
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (const std::uint64_t difference : differences) least = std::min(least, static_cast<std::int64_t>(difference));
  return static_cast<std::uint64_t>(least);
}

std::uint64_t Divisor(std::span<const std::uint64_t> residuals) {
  std::uint64_t divisor = 0;
  for (const std::uint64_t residual : residuals) {
    if (residual == 0) continue;
    divisor = std::gcd(divisor, residual);
    if (divisor == 1) return 1;
  }
  return divisor;
}

// The width that makes a block smallest, with longer residuals as exceptions.
unsigned BestWidth(std::span<const std::uint64_t> block, unsigned longest) {
  std::array<std::uint16_t, 65> lengths{};
  for (const std::uint64_t residual : block) ++lengths[BitLength(residual)];
  unsigned best = longest;
  std::size_t best_bytes = PackedBytes(block.size(), longest);
  std::size_t exceptions = 0;
  for (unsigned width = longest; width-- > 0;) {
    exceptions += lengths[width + 1];
    if (exceptions * 4 > block.size()) break;  // it only gets worse
    const std::size_t bytes =
        PackedBytes(block.size(), width) + 2 + exceptions + PackedBytes(exceptions, longest - width);
    if (bytes < best_bytes) {
      best = width;
      best_bytes = bytes;
    }
  }
  return best;
}

void EncodeBlock(std::span<const std::uint64_t> block, base::ByteBuffer& out) {
  std::uint64_t all = 0;
  for (const std::uint64_t residual : block) all |= residual;
  const unsigned longest = BitLength(all);
  const unsigned width = BestWidth(block, longest);
  const bool has_exceptions = width < longest;
  out.push_back(static_cast<std::byte>(width | (has_exceptions ? 0x80U : 0U)));
  std::array<std::uint64_t, kBlock> high;
  std::array<std::byte, kBlock> positions;
  std::size_t count = 0;
  if (has_exceptions) {
    for (std::size_t i = 0; i < block.size(); ++i) {
      if (block[i] >> width == 0) continue;
      positions[count] = static_cast<std::byte>(i);
      high[count++] = block[i] >> width;
    }
    out.push_back(static_cast<std::byte>(count - 1));
    out.push_back(static_cast<std::byte>(longest - width));
  }
  PackBits(block, width, out);
  if (!has_exceptions) return;
  base::AppendBytes(out, {positions.data(), count});
  PackBits({high.data(), count}, longest - width, out);
}

base::Error Damaged(const char* what) { return {base::Code::kCorruption, fmt::format("integer stream: {}", what)}; }

base::Result<> DecodeBlock(base::ByteReader& reader, std::span<std::uint64_t> block) {
  const auto head = static_cast<unsigned>(reader.Le<std::uint8_t>());
  const unsigned width = head & 0x7f;
  std::size_t count = 0;
  unsigned high_width = 0;
  if ((head & 0x80) != 0) {
    count = std::size_t{reader.Le<std::uint8_t>()} + 1;
    high_width = reader.Le<std::uint8_t>();
  }
  if (width + high_width > 64 || count > block.size()) return Damaged("widths or exceptions out of bounds");
  const base::ByteSpan packed = reader.Bytes(PackedBytes(block.size(), width));
  const base::ByteSpan positions = reader.Bytes(count);
  const base::ByteSpan high_packed = reader.Bytes(PackedBytes(count, high_width));
  if (!reader.ok()) return Damaged("cut short");
  UnpackBits(packed, width, block);
  if (count == 0) return {};
  std::array<std::uint64_t, kBlock> high;
  UnpackBits(high_packed, high_width, {high.data(), count});
  for (std::size_t i = 0; i < count; ++i) {
    const auto position = static_cast<std::size_t>(positions[i]);
    if (position >= block.size()) return Damaged("an exception lies outside of its block");
    if (width < 64) block[position] |= high[i] << width;
  }
  return {};
}

// Turns differences back into values, in place. The first `predictor` slots hold first value and first delta.
void Integrate(std::span<std::uint64_t> values, unsigned predictor) {
  if (predictor == 1) {
    for (std::size_t i = 1; i < values.size(); ++i) values[i] += values[i - 1];
  } else if (predictor == 2 && values.size() > 1) {
    std::uint64_t delta = values[1];
    values[1] = values[0] + delta;
    for (std::size_t i = 2; i < values.size(); ++i) {
      delta += values[i];
      values[i] = values[i - 1] + delta;
    }
  }
}

}  // namespace

void EncodeIntegers(std::span<const std::uint64_t> values, base::ByteBuffer& out) {
  BARO_ASSERT(values.size() <= kStreamLengthMax);
  thread_local std::array<std::vector<std::uint64_t>, kPredictorsCount> scratch;
  std::array<std::size_t, kPredictorsCount> counts{};
  std::array<std::uint64_t, kPredictorsCount> bases{};
  unsigned best = 0;
  std::uint64_t best_cost = ~std::uint64_t{0};
  for (unsigned predictor = 0; predictor < kPredictorsCount && predictor <= values.size(); ++predictor) {
    auto& residuals = scratch[predictor];
    residuals.resize(values.size());
    counts[predictor] = Differences(values, predictor, residuals.data());
    const std::span<std::uint64_t> used(residuals.data(), counts[predictor]);
    bases[predictor] = used.empty() ? 0 : Base(used);
    for (std::uint64_t& residual : used) residual -= bases[predictor];
    const std::uint64_t cost = Cost(used) + 16 * predictor;  // each first value costs about two bytes
    if (cost < best_cost) {
      best = predictor;
      best_cost = cost;
    }
  }

  const std::span<std::uint64_t> residuals(scratch[best].data(), counts[best]);
  const std::uint64_t divisor = Divisor(residuals);  // 0: all residuals are zero
  if (divisor > 1) {
    for (std::uint64_t& residual : residuals) residual /= divisor;
  }
  out.push_back(static_cast<std::byte>(best | (divisor > 1 ? 4U : 0U) | (divisor == 0 ? 8U : 0U)));
  if (best >= 1) base::AppendSignedVarint(out, static_cast<std::int64_t>(values[0]));
  if (best == 2) base::AppendSignedVarint(out, static_cast<std::int64_t>(values[1] - values[0]));
  base::AppendSignedVarint(out, static_cast<std::int64_t>(bases[best]));
  if (divisor > 1) base::AppendVarint(out, divisor);
  if (divisor == 0) return;
  for (std::size_t at = 0; at < residuals.size(); at += kBlock) {
    EncodeBlock(residuals.subspan(at, std::min(kBlock, residuals.size() - at)), out);
  }
}

base::Result<base::ByteSpan> DecodeIntegers(base::ByteSpan bytes, std::span<std::uint64_t> values) {
  base::ByteReader reader(bytes);
  const auto head = static_cast<unsigned>(reader.Le<std::uint8_t>());
  const unsigned predictor = head & 3;
  if (!reader.ok()) return Damaged("empty");
  if (head > 15 || predictor == 3 || predictor > values.size()) return Damaged("unknown head");
  if (predictor >= 1) values[0] = static_cast<std::uint64_t>(reader.SignedVarint());
  if (predictor == 2) values[1] = static_cast<std::uint64_t>(reader.SignedVarint());
  const auto base_value = static_cast<std::uint64_t>(reader.SignedVarint());
  const std::uint64_t divisor = (head & 4) != 0 ? reader.Varint() : 1;
  if (!reader.ok()) return Damaged("cut short");

  const std::span<std::uint64_t> residuals = values.subspan(predictor);
  if ((head & 8) != 0) {
    std::ranges::fill(residuals, base_value);
  } else {
    for (std::size_t at = 0; at < residuals.size(); at += kBlock) {
      BARO_TRY(DecodeBlock(reader, residuals.subspan(at, std::min(kBlock, residuals.size() - at))));
    }
    for (std::uint64_t& residual : residuals) residual = residual * divisor + base_value;
  }
  Integrate(values, predictor);
  return bytes.last(reader.remaining());
}

}  // namespace baro::tsdb
