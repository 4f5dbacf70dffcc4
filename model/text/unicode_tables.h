// Ranges of code points behind model/text/unicode.h. Source: Unicode 15.0.0, asked through Go 1.26's standard library.
#pragma once

#include <cstdint>
#include <span>

namespace baro::model::internal {

/// Code points `first` to `last`, both included.
struct RuneRange {
  std::uint32_t first;
  std::uint32_t last;
};

/// Every `stride`-th code point from `first` to `last` has its counterpart `delta` further.
struct CaseRange {
  std::uint32_t first;
  std::uint32_t last;
  std::uint32_t stride;
  std::int32_t delta;
};

/// Sorted and disjoint by first code point. The case tables begin behind ASCII.
std::span<const RuneRange> PrintableRanges();
std::span<const CaseRange> LowerRanges();
std::span<const CaseRange> UpperRanges();

}  // namespace baro::model::internal
