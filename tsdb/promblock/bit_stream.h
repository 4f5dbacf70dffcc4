// Bits in the order in which Prometheus' chunks have them: the highest bit of a byte first.
//
// Threads  Confined.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "tsdb/promblock/big_endian.h"

namespace baro::tsdb {

/// Takes bits off the front of bytes, and remembers when it was asked for more than there were.
///
/// Owns     nothing; borrows the bytes.
class BitReader {
 public:
  explicit BitReader(base::ByteSpan bytes) : bytes_(bytes), bits_(bytes.size() * 8) {}

  /// False from the first read on that was cut short or malformed; what was read since then is zero.
  bool ok() const { return ok_; }
  std::size_t remaining() const { return bits_ - at_; }

  /// The next 57 bits at least, at the top of the word; zeros stand for what lies behind the end.
  std::uint64_t Peek() const {
    const std::size_t byte = at_ / 8;
    if (byte + 8 <= bytes_.size()) [[likely]]
      return LoadBe<std::uint64_t>(bytes_.data() + byte) << (at_ % 8);
    std::uint64_t word = 0;
    for (std::size_t i = byte; i < bytes_.size(); ++i) {
      word |= static_cast<std::uint64_t>(bytes_[i]) << (56 - 8 * (i - byte));
    }
    return word << (at_ % 8);
  }

  void Skip(unsigned count) {
    if (count > remaining()) return Fail();
    at_ += count;
  }

  /// The next `count` bits as a number. Shape: at most 64.
  std::uint64_t Bits(unsigned count) {
    if (count == 0) return 0;
    if (count > 57) {
      const std::uint64_t high = Bits(32);
      return (high << (count - 32)) | Bits(count - 32);
    }
    const std::uint64_t value = Peek() >> (64 - count);
    Skip(count);
    return ok_ ? value : 0;
  }

  /// How many ones stand in front, at most `limit`; takes them and the zero that ends them if there were fewer.
  unsigned Ones(unsigned limit) {
    const unsigned ones = std::min(static_cast<unsigned>(std::countl_one(Peek())), limit);
    Skip(ones < limit ? ones + 1 : ones);
    return ok_ ? ones : 0;
  }

  /// A LEB128 number whose bytes need not be aligned.
  std::uint64_t Varint() {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < base::kVarintBytesMax; ++i) {
      const std::uint64_t byte = Bits(8);
      if (i == base::kVarintBytesMax - 1 && byte > 1) break;
      value |= (byte & 0x7f) << (7 * i);
      if (byte < 0x80) return value;
    }
    Fail();
    return 0;
  }

  /// For callers that found that what they read makes no sense.
  void Fail() {
    ok_ = false;
    at_ = bits_;
  }

 private:
  base::ByteSpan bytes_;
  std::size_t bits_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

/// Puts bits one behind the other.
///
/// Owns     the bytes. Bits of the last byte that were not written are zero.
class BitWriter {
 public:
  /// The low `count` bits of `value`. Shape: at most 64.
  void Bits(std::uint64_t value, unsigned count) {
    while (count > 0) {
      if (free_ == 0) {
        bytes_.push_back(std::byte{0});
        free_ = 8;
      }
      const unsigned taken = std::min(count, free_);
      const auto piece = static_cast<unsigned>((value >> (count - taken)) & ((1U << taken) - 1));
      bytes_.back() |= static_cast<std::byte>(piece << (free_ - taken));
      free_ -= taken;
      count -= taken;
    }
  }

  void Varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) Bits(value | 0x80, 8);
    Bits(value, 8);
  }

  /// What was written, to be looked at, corrected or taken away.
  base::ByteBuffer& bytes() { return bytes_; }

 private:
  base::ByteBuffer bytes_;
  unsigned free_ = 0;  // bits of the last byte that are still to be written
};

}  // namespace baro::tsdb
