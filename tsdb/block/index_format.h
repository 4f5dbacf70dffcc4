// The root of a block's index: what else there is and where.
//
// Format   docs/formats/block.md, section 4.
// Threads  Values; pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "tsdb/block/chunk_file.h"
#include "tsdb/block/series_page.h"

namespace baro::tsdb {

/// A page of values and the page of their postings.
struct ValuePageEntry {
  std::string first_value;
  std::uint32_t first_id = 0;  ///< number of its first value among the values of the name
  std::uint64_t values_offset = 0;
  std::uint64_t postings_offset = 0;

  friend bool operator==(const ValuePageEntry&, const ValuePageEntry&) = default;
};

struct NameEntry {
  std::string text;
  std::uint32_t value_count = 0;
  base::ByteBuffer all;  ///< postings of all series that have the label
  std::vector<ValuePageEntry> pages;

  friend bool operator==(const NameEntry&, const NameEntry&) = default;
};

struct IndexRoot {
  std::string meta;  ///< a copy of meta.json
  std::uint64_t columns_file_bytes = 0;
  std::uint64_t chunks_file_bytes = 0;
  std::uint64_t column_count = 0;
  /// All series have a name, and no label name stands before `__name__`: then block order is label order.
  bool is_in_label_order = false;
  std::vector<NameEntry> names;  ///< sorted
  std::vector<Shape> shapes;
  std::uint64_t series_count = 0;
  std::vector<std::uint64_t> series_pages;  ///< offsets
  ChunkDirectory floats;
  ChunkDirectory histograms;
};

void EncodeIndexRoot(const IndexRoot& root, base::ByteBuffer& out);

/// Errors   kCorruption: damaged, or something lies outside of a file of `index_bytes`.
base::Result<IndexRoot> DecodeIndexRoot(base::ByteSpan bytes, std::uint64_t index_bytes);

/// The end of the index: two copies of where the two copies of the root are.
inline constexpr std::size_t kFooterBytes = 20;
void EncodeFooter(std::uint64_t first_root, std::uint64_t second_root, std::uint32_t seed, base::ByteBuffer& out);
/// Errors   kCorruption.
base::Result<std::pair<std::uint64_t, std::uint64_t>> DecodeFooter(base::ByteSpan bytes, std::uint32_t seed);

}  // namespace baro::tsdb
