#include "tsdb/codec/bit_packing.h"

namespace baro::tsdb {
namespace {

constexpr std::uint64_t LowMask(unsigned width) { return width >= 64 ? ~std::uint64_t{0} : (1ULL << width) - 1; }

// The value whose bits begin at bit `bit`; reads up to nine bytes, but none from `size` on.
std::uint64_t TakeSlowly(const std::byte* bytes, std::size_t size, std::size_t bit, unsigned width) {
  std::byte piece[16] = {};
  const std::size_t at = bit / 8;
  std::memcpy(piece, bytes + at, std::min<std::size_t>(9, size - at));
  const unsigned shift = bit % 8;
  std::uint64_t value = base::LoadLe<std::uint64_t>(piece) >> shift;
  if (shift != 0) value |= base::LoadLe<std::uint64_t>(piece + 8) << (64 - shift);
  return value & LowMask(width);
}

}  // namespace

void PackBits(std::span<const std::uint64_t> values, unsigned width, base::ByteBuffer& out) {
  if (width == 0) return;
  const std::uint64_t mask = LowMask(width);
  const std::size_t start = out.size();
  // Sixteen spare bytes let every value be stored as one or two whole words.
  out.resize(start + PackedBytes(values.size(), width) + 16);
  std::byte* at = out.data() + start;
  std::uint64_t pending = 0;
  unsigned pending_bits = 0;
  for (const std::uint64_t raw : values) {
    const std::uint64_t value = raw & mask;
    pending |= value << pending_bits;
    if (pending_bits + width >= 64) {
      base::StoreLe(at, pending);
      at += 8;
      const unsigned used = 64 - pending_bits;
      pending = used >= 64 ? 0 : value >> used;
      pending_bits = pending_bits + width - 64;
    } else {
      pending_bits += width;
    }
  }
  base::StoreLe(at, pending);
  out.resize(start + PackedBytes(values.size(), width));
}

void UnpackBits(base::ByteSpan bytes, unsigned width, std::span<std::uint64_t> values) {
  if (width == 0) {
    std::ranges::fill(values, 0);
    return;
  }
  const std::size_t size = PackedBytes(values.size(), width);
  const std::uint64_t mask = LowMask(width);
  std::size_t i = 0;
  std::size_t bit = 0;
  if (width <= 57) {  // a value then lies within the eight bytes from its first one on
    for (; i < values.size() && bit / 8 + 8 <= size; ++i, bit += width) {
      values[i] = (base::LoadLe<std::uint64_t>(bytes.data() + bit / 8) >> (bit % 8)) & mask;
    }
  }
  for (; i < values.size(); ++i, bit += width) values[i] = TakeSlowly(bytes.data(), size, bit, width);
}

}  // namespace baro::tsdb
