// The index of a block: symbols, series, and which series have a label pair.
//
// Format   docs/formats/prometheus-blocks.md, "index", version 2.
// Source   Prometheus, tsdb/docs/format/index.md.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/file_system.h"
#include "base/result.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "tsdb/promblock/chunk.h"

namespace baro::tsdb {

/// A series of one block: its offset in the index divided by 16. Their order is that of the label sets.
using BlockSeriesRef = std::uint32_t;
using PostingsList = std::vector<BlockSeriesRef>;  ///< strictly increasing

/// What one label set may hold; Prometheus' own limits, where they are set, are far lower.
inline constexpr std::size_t kSeriesLabelsMax = 10'000;
inline constexpr std::size_t kSeriesLabelBytesMax = std::size_t{1} << 20;

/// One series' entry.
struct BlockSeries {
  model::Labels labels;
  std::vector<ChunkMeta> chunks;  ///< in the order of the file, which is that of time
};

/// Threads  Immutable; safe to share.
/// Owns     the mapping. Views are valid as long as this.
class IndexReader {
 public:
  /// Checks header, table of contents, symbols and the table of postings, all with their checksums.
  /// Errors   kCorruption; kUnsupported: another version; file errors as they come.
  static base::Result<std::unique_ptr<const IndexReader>> Open(base::FileSystem& files, const std::string& path);

  std::size_t size_bytes() const { return bytes_.size(); }

  /// All label names, sorted.
  std::vector<std::string_view> LabelNames() const;
  /// The values of a name, sorted.
  std::vector<std::string_view> LabelValues(std::string_view name) const;

  /// Every series.
  base::Result<PostingsList> AllSeries() const;

  /// The series that all matchers choose; all series if there are none.
  /// Errors   kCorruption, kCancelled.
  base::Result<PostingsList> Choose(std::span<const model::Matcher> matchers, const base::CancelToken& cancel) const;

  /// Reads a series' entry; `builder` is only working space.
  /// Errors   kCorruption: checksum or content; kLimitExceeded: labels beyond the limits above.
  base::Result<> ReadSeries(BlockSeriesRef ref, model::LabelsBuilder& builder, BlockSeries& series) const;

 private:
  struct NameEntry {
    std::string_view name;
    std::uint32_t first = 0;  // of its entries in the table of postings
    std::uint32_t count = 0;
  };
  struct TableEntry {
    std::string_view name;
    std::string_view value;
    std::uint64_t postings_offset = 0;
  };
  struct TableOfContents {
    std::uint64_t symbols = 0;
    std::uint64_t series = 0;
    std::uint64_t postings_table = 0;
  };

  explicit IndexReader(std::unique_ptr<base::MappedFile> file, std::string path);

  base::Error Corruption(std::uint64_t offset, std::string_view what) const;
  base::Result<TableOfContents> ReadContents() const;
  base::Result<base::ByteSpan> Section(std::uint64_t offset, std::string_view what) const;
  base::Result<> LoadSymbols(std::uint64_t offset);
  base::Result<> LoadTable(std::uint64_t offset);

  base::Result<std::string_view> Symbol(std::uint64_t number, std::uint64_t offset) const;
  static TableEntry TakeEntry(base::ByteReader& reader);
  TableEntry EntryAt(std::uint32_t number) const;
  const NameEntry* FindName(std::string_view name) const;
  /// The first entry of the name whose value is not less than `value`.
  std::uint32_t LowerBound(const NameEntry& name, std::string_view value) const;
  base::Result<> AppendPostings(const TableEntry& entry, PostingsList& out) const;
  base::Result<> AppendPostingsOf(const NameEntry& name, std::string_view value, PostingsList& out) const;
  /// The series that have the label with a value that `matcher`, its negation left aside or not, accepts.
  base::Result<PostingsList> WithValues(const model::Matcher& matcher, bool is_inverted,
                                        const base::CancelToken& cancel) const;

  std::unique_ptr<base::MappedFile> file_;
  std::string path_;
  base::ByteSpan bytes_;
  std::uint64_t series_begin_ = 0;
  base::ByteSpan symbols_;
  std::vector<std::uint32_t> symbol_offsets_;  // in symbols_
  base::ByteSpan table_;                       // of postings
  std::vector<std::uint32_t> entry_offsets_;   // in table_; sorted by name and value
  std::vector<NameEntry> names_;               // sorted; the first may be the empty one, of all series
};

}  // namespace baro::tsdb
