// Big-endian integers, which Prometheus' formats have where others have little-endian ones.
//
// Threads  Pure functions.
#pragma once

#include <bit>
#include <concepts>

#include "base/bytes.h"

namespace baro::tsdb {

/// Shape: `at` has sizeof(T) readable bytes.
template <std::unsigned_integral T>
T LoadBe(const std::byte* at) {
  const T value = base::LoadLe<T>(at);
  if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
  if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
  if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
  return value;
}

/// Takes an integer off the front; 0, and the reader is no longer ok(), where there are too few bytes.
template <std::unsigned_integral T>
T TakeBe(base::ByteReader& reader) {
  const base::ByteSpan bytes = reader.Bytes(sizeof(T));
  return bytes.size() == sizeof(T) ? LoadBe<T>(bytes.data()) : T{0};
}

/// The same, its bits as a double.
inline double TakeBeDouble(base::ByteReader& reader) { return std::bit_cast<double>(TakeBe<std::uint64_t>(reader)); }

template <std::unsigned_integral T>
void AppendBe(base::ByteBuffer& out, T value) {
  for (int shift = 8 * (static_cast<int>(sizeof(T)) - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::byte>(value >> shift));
  }
}

}  // namespace baro::tsdb
