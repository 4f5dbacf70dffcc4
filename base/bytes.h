// Bytes: spans, little-endian integers, and variable-length integers with bounds.
//
// Format   LEB128 (7 bits per byte, low first) and zigzag for signed values, as Protobuf has them.
// Threads  Pure functions.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace baro::base {

using ByteSpan = std::span<const std::byte>;
using ByteBuffer = std::vector<std::byte>;

static_assert(std::endian::native == std::endian::little, "formats are little-endian and are read in place");

inline ByteSpan AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view AsText(ByteSpan bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

inline void AppendBytes(ByteBuffer& out, ByteSpan bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

/// Reads an unsigned integer or double of T's size. Shape: `at` has sizeof(T) readable bytes.
template <typename T>
T LoadLe(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

template <typename T>
void StoreLe(std::byte* at, T value) {
  std::memcpy(at, &value, sizeof(T));
}

template <typename T>
void AppendLe(ByteBuffer& out, T value) {
  const std::size_t size = out.size();
  out.resize(size + sizeof(T));
  StoreLe(out.data() + size, value);
}

inline std::uint64_t ZigZag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
inline std::int64_t UnZigZag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

inline constexpr std::size_t kVarintBytesMax = 10;

inline void AppendVarint(ByteBuffer& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<std::byte>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<std::byte>(value));
}
inline void AppendSignedVarint(ByteBuffer& out, std::int64_t value) { AppendVarint(out, ZigZag(value)); }

/// Takes values off the front of a span, and remembers when it was asked for more than there was.
///
/// Threads  Confined. Borrows the bytes.
class ByteReader {
 public:
  explicit ByteReader(ByteSpan bytes) : bytes_(bytes) {}

  /// False from the first read on that was cut short or malformed; values read since then are zero or empty.
  bool ok() const { return ok_; }
  std::size_t remaining() const { return bytes_.size(); }
  bool AtEnd() const { return bytes_.empty(); }

  template <typename T>
  T Le() {
    if (bytes_.size() < sizeof(T)) return Fail<T>();
    const T value = LoadLe<T>(bytes_.data());
    bytes_ = bytes_.subspan(sizeof(T));
    return value;
  }

  std::uint64_t Varint() {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < kVarintBytesMax && i < bytes_.size(); ++i) {
      const auto byte = static_cast<std::uint64_t>(bytes_[i]);
      if (i == kVarintBytesMax - 1 && byte > 1) break;  // more than 64 bits
      value |= (byte & 0x7f) << (7 * i);
      if (byte < 0x80) {
        bytes_ = bytes_.subspan(i + 1);
        return value;
      }
    }
    return Fail<std::uint64_t>();
  }
  std::int64_t SignedVarint() { return UnZigZag(Varint()); }

  ByteSpan Bytes(std::uint64_t size) {
    if (size > bytes_.size()) return Fail<ByteSpan>();
    const ByteSpan taken = bytes_.first(static_cast<std::size_t>(size));
    bytes_ = bytes_.subspan(static_cast<std::size_t>(size));
    return taken;
  }
  /// A varint length and as many bytes.
  std::string_view Text() { return AsText(Bytes(Varint())); }

 private:
  template <typename T>
  T Fail() {
    ok_ = false;
    bytes_ = {};
    return T{};
  }

  ByteSpan bytes_;
  bool ok_ = true;
};

}  // namespace baro::base
