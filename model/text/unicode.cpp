#include "model/text/unicode.h"

#include <algorithm>

#include "model/names.h"
#include "model/text/unicode_tables.h"

namespace baro::model {
namespace {

// The range that may hold `rune`: the last one that begins at or before it.
template <typename Range>
const Range* FindRange(std::span<const Range> ranges, char32_t rune) {
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), rune,
                                      [](char32_t wanted, const Range& range) { return wanted < range.first; });
  if (after == ranges.begin()) return nullptr;
  const Range& range = *std::prev(after);
  return rune <= range.last ? &range : nullptr;
}

char32_t MapCase(std::span<const internal::CaseRange> ranges, char32_t rune) {
  const internal::CaseRange* const range = FindRange(ranges, rune);
  if (range == nullptr || (rune - range->first) % range->stride != 0) return rune;
  return static_cast<char32_t>(static_cast<std::int32_t>(rune) + range->delta);
}

std::string MapText(std::string_view text, std::span<const internal::CaseRange> ranges, char first, char last,
                    int delta) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const DecodedRune decoded = DecodeRune(text);
    text.remove_prefix(decoded.size_bytes);
    if (decoded.rune >= 0x80) {
      AppendRune(out, MapCase(ranges, decoded.rune));
    } else {
      const auto byte = static_cast<char>(decoded.rune);
      out += byte >= first && byte <= last ? static_cast<char>(byte + delta) : byte;
    }
  }
  return out;
}

}  // namespace

bool IsPrintable(char32_t rune) {
  if (rune < 0x7f) return rune >= 0x20;
  return FindRange(internal::PrintableRanges(), rune) != nullptr;
}

std::string ToLower(std::string_view text) { return MapText(text, internal::LowerRanges(), 'A', 'Z', 'a' - 'A'); }
std::string ToUpper(std::string_view text) { return MapText(text, internal::UpperRanges(), 'a', 'z', 'A' - 'a'); }

}  // namespace baro::model
