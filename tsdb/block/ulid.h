// Names of blocks: 128 bits that sort by the time they were made.
//
// Format   48 bits of milliseconds since the Unix epoch, 80 bits of chance; as text 26 characters of Crockford's
// base 32. Source   github.com/ulid/spec. Threads  Values; pure functions.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"

namespace baro::tsdb {

struct Ulid {
  std::array<std::uint8_t, 16> bytes{};  ///< most significant first

  /// Shape  `time_ms` fits 48 bits and is not negative.
  static Ulid Make(std::int64_t time_ms, base::Random& random);

  /// Upper or lower case.
  /// Errors   kInvalidArgument: not 26 characters of the alphabet, or more than 128 bits.
  static base::Result<Ulid> Parse(std::string_view text);

  /// 26 characters, upper case.
  std::string ToString() const;

  std::int64_t time_ms() const;

  friend auto operator<=>(const Ulid&, const Ulid&) = default;
};

inline constexpr std::size_t kUlidTextLength = 26;

}  // namespace baro::tsdb
