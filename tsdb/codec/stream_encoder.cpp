#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

#include "tsdb/codec/bit_packing.h"
#include "tsdb/codec/integer_stream.h"
#include "tsdb/codec/stream_format.h"

namespace baro::tsdb {
namespace {

unsigned BitLength(std::uint64_t value) { return static_cast<unsigned>(std::bit_width(value)); }
std::size_t VarintBytes(std::uint64_t value) { return value == 0 ? 1 : (BitLength(value) + 6) / 7; }
std::size_t SignedVarintBytes(std::uint64_t value) {
  return VarintBytes(base::ZigZag(static_cast<std::int64_t>(value)));
}
std::size_t BitsToBytes(std::size_t bits) { return (bits + 7) / 8; }

std::uint64_t Divisor(std::span<const std::uint64_t> residuals) {
  std::uint64_t divisor = 0;
  for (const std::uint64_t residual : residuals) {
    if (residual == 0) continue;
    divisor = std::gcd(divisor, residual);
    if (divisor == 1) return 1;
  }
  return divisor;
}

}  // namespace

std::size_t StreamEncoder::Plan(std::span<const std::uint64_t> values) {
  // exhaustive
  std::size_t best = ~std::size_t{0};
  StreamEncoder kept;
  for (unsigned p = 0; p < 3 && p <= values.size(); ++p) {
    for (int zz = 0; zz < 2; ++zz) {
      predictor_ = p;
      is_zigzag_ = zz;
      divisor_ = 1;
      is_scaled_ = false;
      is_all_zero_ = false;
      base_ = 0;
      first_ = delta_ = 0;
      const std::size_t n = values.size() - p;
      residuals_.resize(n);
      if (p > 0) first_ = values[0];
      if (p > 1) delta_ = values[1] - values[0];
      for (std::size_t i = 0; i < n; ++i)
        residuals_[i] = p == 0   ? values[i]
                        : p == 1 ? values[i + 1] - values[i]
                                 : values[i + 2] - 2 * values[i + 1] + values[i];
      std::int64_t least = std::numeric_limits<std::int64_t>::max();
      for (auto r : residuals_) least = std::min(least, (std::int64_t)r);
      if (!zz && n) {
        base_ = least;
        for (auto& r : residuals_) r -= base_;
      }
      if (zz) {
        std::uint64_t g = 0;
        for (auto r : residuals_) {
          g = std::gcd(g, (std::uint64_t)std::abs((std::int64_t)r));
          if (g == 1) break;
        }
        divisor_ = g;
        if (g > 1)
          for (auto& r : residuals_) r = (std::uint64_t)((std::int64_t)r / (std::int64_t)g);
        for (auto& r : residuals_) r = base::ZigZag((std::int64_t)r);
      } else {
        divisor_ = Divisor(residuals_);
        if (divisor_ > 1)
          for (auto& r : residuals_) r /= divisor_;
      }
      if (divisor_ == 0) {
        is_all_zero_ = true;
        divisor_ = 1;
      }
      if (divisor_ > 1 && (std::int64_t)divisor_ > 0) {
        auto d = (std::int64_t)divisor_;
        if ((std::int64_t)first_ % d == 0 && (std::int64_t)delta_ % d == 0 && (std::int64_t)base_ % d == 0) {
          is_scaled_ = true;
          first_ = (std::int64_t)first_ / d;
          delta_ = (std::int64_t)delta_ / d;
          base_ = (std::int64_t)base_ / d;
        }
      }
      PlanBlocks();
      std::size_t size = 1 + (p > 0 ? SignedVarintBytes(first_) : 0) + (p > 1 ? SignedVarintBytes(delta_) : 0) +
                         (base_ ? SignedVarintBytes(base_) : 0) + (divisor_ > 1 ? VarintBytes(divisor_) : 0);
      for (auto& b : blocks_) size += b.bytes;
      if (size < best) {
        best = size;
        kept = *this;
      }
    }
  }
  *this = kept;
  return best;
}

StreamEncoder::Block StreamEncoder::PlanBlock(std::span<const std::uint64_t> residuals) {
  std::array<std::uint16_t, 66> lengths{};
  std::uint64_t all = 0;
  for (const std::uint64_t residual : residuals) {
    ++lengths[BitLength(residual)];
    all |= residual;
  }
  const unsigned longest = BitLength(all);
  const std::size_t count = residuals.size();
  Block best{.bytes = static_cast<std::uint32_t>(1 + BitsToBytes(count * longest)),
             .width = static_cast<std::uint8_t>(longest)};
  std::size_t exceptions = 0;
  for (unsigned width = longest; width-- > 0;) {
    exceptions += lengths[width + 1];
    const std::size_t bitmap = BitsToBytes(count);
    const std::size_t bytes =
        3 + BitsToBytes(count * width) + std::min(exceptions, bitmap) + BitsToBytes(exceptions * (longest - width));
    if (bytes < best.bytes) {
      best = {.bytes = static_cast<std::uint32_t>(bytes),
              .exceptions = static_cast<std::uint16_t>(exceptions),
              .width = static_cast<std::uint8_t>(width),
              .high_width = static_cast<std::uint8_t>(longest - width),
              .is_bitmap = exceptions > bitmap};
    }
  }
  return best;
}

void StreamEncoder::PlanBlocks() {
  blocks_.clear();
  if (is_all_zero_ || residuals_.empty()) return;
  const std::size_t length = BlockLength(residuals_.size());
  for (std::size_t at = 0; at < residuals_.size(); at += length) {
    blocks_.push_back(PlanBlock(std::span(residuals_).subspan(at, std::min(length, residuals_.size() - at))));
  }
}

void StreamEncoder::WriteBlock(const Block& block, std::span<const std::uint64_t> residuals, base::ByteBuffer& header,
                               base::ByteBuffer& payload) {
  header.push_back(static_cast<std::byte>(block.width | (block.exceptions != 0 ? kHasExceptions : 0)));
  PackBits(residuals, block.width, payload);
  if (block.exceptions == 0) return;
  header.push_back(static_cast<std::byte>(block.high_width | (block.is_bitmap ? kPositionsAreBitmap : 0)));
  header.push_back(static_cast<std::byte>(block.exceptions - 1));
  std::array<std::uint64_t, kBlockLengthMax> high;
  std::array<std::byte, kBlockLengthMax> positions{};
  std::size_t count = 0;
  for (std::size_t i = 0; i < residuals.size(); ++i) {
    if (residuals[i] >> block.width == 0) continue;
    if (block.is_bitmap) {
      positions[i / 8] |= static_cast<std::byte>(1U << (i % 8));
    } else {
      positions[count] = static_cast<std::byte>(i);
    }
    high[count++] = residuals[i] >> block.width;
  }
  base::AppendBytes(payload, {positions.data(), block.is_bitmap ? BitsToBytes(residuals.size()) : count});
  PackBits({high.data(), count}, block.high_width, payload);
}

void StreamEncoder::Write(base::ByteBuffer& header, base::ByteBuffer& payload) const {
  std::uint8_t flags = static_cast<std::uint8_t>(predictor_);
  if (is_zigzag_) flags |= kZigZag;
  if (divisor_ > 1) flags |= kHasDivisor;
  if (is_all_zero_) flags |= kAllZero;
  if (is_scaled_) flags |= kScaled;
  if (base_ != 0) flags |= kHasBase;
  header.push_back(static_cast<std::byte>(flags));
  if (predictor_ >= 1) base::AppendSignedVarint(header, static_cast<std::int64_t>(first_));
  if (predictor_ == 2) base::AppendSignedVarint(header, static_cast<std::int64_t>(delta_));
  if (base_ != 0) base::AppendSignedVarint(header, static_cast<std::int64_t>(base_));
  if (divisor_ > 1) base::AppendVarint(header, divisor_);
  if (blocks_.empty()) return;
  const std::size_t length = BlockLength(residuals_.size());
  std::size_t at = 0;
  for (const Block& block : blocks_) {
    WriteBlock(block, std::span(residuals_).subspan(at, std::min(length, residuals_.size() - at)), header, payload);
    at += length;
  }
}

void EncodeIntegers(std::span<const std::uint64_t> values, base::ByteBuffer& out) {
  BARO_ASSERT(values.size() <= kStreamLengthMax);
  thread_local StreamEncoder encoder;
  thread_local base::ByteBuffer payload;
  payload.clear();
  encoder.Plan(values);
  encoder.Write(out, payload);
  base::AppendBytes(out, payload);
}

}  // namespace baro::tsdb
