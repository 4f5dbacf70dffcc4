// The flags of a row record, for its writer and its reader.
//
// Format   docs/formats/log.md, section 4.1.
#pragma once

#include <cstddef>
#include <cstdint>

namespace baro::tsdb {

inline constexpr unsigned kRowIsWhole = 1;    // not a difference to the row before
inline constexpr unsigned kRowIsPartial = 2;  // a presence bitmap follows
inline constexpr unsigned kRowIsUniform = 4;  // one value for all that are present
inline constexpr unsigned kRowIsLate = 8;     // the next row is no difference to this one
inline constexpr unsigned kRowFlagsAll = 15;

// More columns than any target may have series; a record that claims more is damage.
inline constexpr std::size_t kRowColumnsMax = std::size_t{1} << 24;

// Rows are numbered by ones from 1 on: a higher number is damage.
inline constexpr std::uint64_t kRowNumberMax = std::uint64_t{1} << 62;

}  // namespace baro::tsdb
