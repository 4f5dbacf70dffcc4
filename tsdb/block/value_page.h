// Pages of the index that hold the values of one label name, and for each value the series that have it.
//
// Format   docs/formats/block.md, section 5.
// Threads  Values; pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace baro::tsdb {

inline constexpr std::size_t kValuesPerPage = 128;
/// Text that the values of one page may have together, unless there is only one.
inline constexpr std::size_t kValuePageTextMax = std::size_t{1} << 20;

/// Appends the values, each without what it has in common with the one before.
/// Shape    strictly increasing; at most kValuesPerPage, within kValuePageTextMax unless it is one.
void EncodeValuePage(std::span<const std::string_view> values, base::ByteBuffer& out);

/// The texts of a page.
class ValuePage {
 public:
  /// Errors   kCorruption: cut short, not increasing, or over the limits.
  static base::Result<ValuePage> Decode(base::ByteSpan bytes);

  std::size_t size() const { return ends_.size(); }
  std::string_view operator[](std::size_t index) const {
    const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
    return std::string_view(text_).substr(begin, ends_[index] - begin);
  }
  std::size_t SizeBytes() const { return sizeof(*this) + text_.capacity() + ends_.capacity() * sizeof(std::size_t); }
  /// The number of values before the first one that is not less than `text`.
  std::size_t LowerBound(std::string_view text) const;

 private:
  std::string text_;
  std::vector<std::size_t> ends_;
};

/// Appends a set of series numbers: as their differences or as runs of neighbours, whichever is shorter.
/// Shape    strictly increasing.
void EncodePostings(std::span<const std::uint32_t> series, base::ByteBuffer& out);

/// Adds the set to `series`.
/// Errors   kCorruption: cut short, not increasing, or numbers from `series_count` on.
base::Result<> DecodePostings(base::ByteSpan bytes, std::uint64_t series_count, std::vector<std::uint32_t>& series);

/// Appends the postings of the values of one page.
/// Shape    at most kValuesPerPage.
void EncodePostingsPage(std::span<const std::span<const std::uint32_t>> postings, base::ByteBuffer& out);

/// Where in a page each value's postings are.
///
/// Owns     nothing: borrows the page.
class PostingsPage {
 public:
  /// Errors   kCorruption.
  static base::Result<PostingsPage> Open(base::ByteSpan bytes);

  std::size_t size() const { return counts_.size(); }
  /// How many series the value has, as the page says.
  std::uint64_t series_count(std::size_t index) const { return counts_[index]; }
  base::ByteSpan postings(std::size_t index) const {
    return bytes_.subspan(ends_[index] - sizes_[index], sizes_[index]);
  }

 private:
  base::ByteSpan bytes_;
  std::vector<std::uint64_t> counts_;
  std::vector<std::uint64_t> sizes_;
  std::vector<std::uint64_t> ends_;
};

}  // namespace baro::tsdb
