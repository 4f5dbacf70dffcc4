#include "tsdb/promblock/index_writer.h"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "base/crc32c.h"
#include "tsdb/promblock/big_endian.h"
#include "tsdb/promblock/output_file.h"

namespace baro::tsdb {
namespace {

using base::ByteBuffer;
using base::Code;
using base::Result;

constexpr std::uint32_t kMagic = 0xBAAAD700;
constexpr std::uint8_t kVersion = 2;
constexpr std::uint64_t kSeriesAlignment = 16;
constexpr std::uint64_t kPostingsAlignment = 4;
constexpr std::uint64_t kSectionBytesMax = 0xffffffff;  // the length has 32 bits
// Label pairs that are sorted at once.
constexpr std::size_t kPairsPerBatch = 8'000'000;

/// All strings of the labels, numbered in their order.
class Symbols {
 public:
  explicit Symbols(const IndexedSeries& series) {
    for (std::size_t i = 0; i < series.size(); ++i) {
      for (const model::LabelView& label : series.labels(i)) {
        numbers_.emplace(label.name, 0);
        numbers_.emplace(label.value, 0);
      }
    }
    sorted_.reserve(numbers_.size());
    for (const auto& [text, number] : numbers_) sorted_.push_back(text);
    std::ranges::sort(sorted_);
    for (std::uint32_t i = 0; i < sorted_.size(); ++i) numbers_[sorted_[i]] = i;
  }

  std::uint32_t NumberOf(std::string_view text) const { return numbers_.at(text); }
  std::string_view TextOf(std::uint32_t number) const { return sorted_[number]; }
  std::span<const std::string_view> sorted() const { return sorted_; }

 private:
  std::unordered_map<std::string_view, std::uint32_t> numbers_;  // views into the labels
  std::vector<std::string_view> sorted_;
};

/// One label of one series.
struct Pair {
  std::uint32_t name = 0;  // symbols
  std::uint32_t value = 0;
  std::uint32_t series = 0;  // its reference

  friend auto operator<=>(const Pair&, const Pair&) = default;
};

class IndexWriter {
 public:
  IndexWriter(OutputFile file, const IndexedSeries& series)
      : file_(std::move(file)), series_(series), symbols_(series) {}

  Result<> Write() {
    ByteBuffer header;
    AppendBe(header, kMagic);
    AppendBe(header, kVersion);
    BARO_TRY(file_.Append(header));
    const std::uint64_t symbols_begin = file_.size();
    BARO_TRY(WriteSymbols());
    const std::uint64_t series_begin = file_.size();
    BARO_TRY(WriteSeries());
    const std::uint64_t postings_begin = file_.size();
    BARO_TRY(WritePostings());
    const std::uint64_t table_begin = file_.size();
    BARO_TRY(WriteTable());
    ByteBuffer contents;
    // Nobody needs label indices and their table: those of an index without any are empty, as Prometheus 3 writes it.
    for (const std::uint64_t offset :
         {symbols_begin, series_begin, postings_begin, table_begin, postings_begin, table_begin}) {
      AppendBe(contents, offset);
    }
    AppendBe(contents, base::Crc32c(contents));
    BARO_TRY(file_.Append(contents));
    return file_.Finish();
  }

 private:
  static base::Error TooLarge(std::string_view what, std::uint64_t bytes, std::uint64_t limit) {
    return {Code::kLimitExceeded, fmt::format("index of a Prometheus block: {} bytes of {}, the limit of the format is "
                                              "{}: export a shorter time or fewer series",
                                              bytes, what, limit)};
  }

  /// Length, content, checksum.
  Result<> WriteSection(const ByteBuffer& content) {
    ByteBuffer frame;
    AppendBe(frame, static_cast<std::uint32_t>(content.size()));
    BARO_TRY(file_.Append(frame));
    BARO_TRY(file_.Append(content));
    frame.clear();
    AppendBe(frame, base::Crc32c(content));
    return file_.Append(frame);
  }

  Result<> WriteSymbols() {
    ByteBuffer content;
    AppendBe(content, static_cast<std::uint32_t>(symbols_.sorted().size()));
    for (const std::string_view symbol : symbols_.sorted()) {
      base::AppendVarint(content, symbol.size());
      base::AppendBytes(content, base::AsBytes(symbol));
    }
    if (content.size() > kSectionBytesMax) return TooLarge("symbols", content.size(), kSectionBytesMax);
    return WriteSection(content);
  }

  Result<> WriteSeries() {
    ByteBuffer content;
    ByteBuffer entry;
    references_.reserve(series_.size());
    for (std::size_t i = 0; i < series_.size(); ++i) {
      BARO_TRY(file_.Align(kSeriesAlignment));
      const std::uint64_t reference = file_.size() / kSeriesAlignment;
      if (reference > 0xffffffff) return TooLarge("series", file_.size(), 0xffffffff * kSeriesAlignment);
      references_.push_back(static_cast<std::uint32_t>(reference));
      const model::Labels& labels = series_.labels(i);
      content.clear();
      base::AppendVarint(content, labels.size());
      for (const model::LabelView& label : labels) {
        base::AppendVarint(content, symbols_.NumberOf(label.name));
        base::AppendVarint(content, symbols_.NumberOf(label.value));
      }
      series_.AppendChunks(i, content);
      entry.clear();
      base::AppendVarint(entry, content.size());
      base::AppendBytes(entry, content);
      AppendBe(entry, base::Crc32c(content));
      BARO_TRY(file_.Append(entry));
    }
    return {};
  }

  /// How many series have each name, by its symbol, in the order of names.
  std::vector<std::pair<std::uint32_t, std::size_t>> CountNames() const {
    std::unordered_map<std::uint32_t, std::size_t> counts;
    for (std::size_t i = 0; i < series_.size(); ++i) {
      for (const model::LabelView& label : series_.labels(i)) ++counts[symbols_.NumberOf(label.name)];
    }
    std::vector<std::pair<std::uint32_t, std::size_t>> sorted(counts.begin(), counts.end());
    std::ranges::sort(sorted);
    return sorted;
  }

  /// The pairs of all names from `first` to `last`, sorted.
  std::vector<Pair> CollectPairs(std::uint32_t first, std::uint32_t last) const {
    std::vector<Pair> pairs;
    for (std::size_t i = 0; i < series_.size(); ++i) {
      for (const model::LabelView& label : series_.labels(i)) {
        const std::uint32_t name = symbols_.NumberOf(label.name);
        if (name < first || name > last) continue;
        pairs.push_back({.name = name, .value = symbols_.NumberOf(label.value), .series = references_[i]});
      }
    }
    std::ranges::sort(pairs);
    return pairs;
  }

  Result<> WritePostings() {
    BARO_TRY(WriteList("", "", references_));
    const auto names = CountNames();
    std::vector<std::uint32_t> list;
    for (std::size_t begin = 0; begin < names.size();) {
      std::size_t end = begin;
      for (std::size_t count = 0; end < names.size(); ++end) {
        count += names[end].second;
        if (end > begin && count > kPairsPerBatch) break;
      }
      const std::vector<Pair> pairs = CollectPairs(names[begin].first, names[end - 1].first);
      for (std::size_t i = 0; i < pairs.size();) {
        list.clear();
        const Pair& first = pairs[i];
        for (; i < pairs.size() && pairs[i].name == first.name && pairs[i].value == first.value; ++i) {
          list.push_back(pairs[i].series);
        }
        BARO_TRY(WriteList(symbols_.TextOf(first.name), symbols_.TextOf(first.value), list));
      }
      begin = end;
    }
    return {};
  }

  Result<> WriteList(std::string_view name, std::string_view value, std::span<const std::uint32_t> references) {
    BARO_TRY(file_.Align(kPostingsAlignment));
    base::AppendVarint(table_, 2);
    for (const std::string_view text : {name, value}) {
      base::AppendVarint(table_, text.size());
      base::AppendBytes(table_, base::AsBytes(text));
    }
    base::AppendVarint(table_, file_.size());
    ++table_entries_;
    ByteBuffer content;
    content.reserve(4 + 4 * references.size());
    AppendBe(content, static_cast<std::uint32_t>(references.size()));
    for (const std::uint32_t reference : references) AppendBe(content, reference);
    if (content.size() > kSectionBytesMax) return TooLarge("postings", content.size(), kSectionBytesMax);
    return WriteSection(content);
  }

  Result<> WriteTable() {
    ByteBuffer content;
    AppendBe(content, table_entries_);
    base::AppendBytes(content, table_);
    if (content.size() > kSectionBytesMax) return TooLarge("label pairs", content.size(), kSectionBytesMax);
    return WriteSection(content);
  }

  OutputFile file_;
  const IndexedSeries& series_;
  Symbols symbols_;
  std::vector<std::uint32_t> references_;  // of the series, increasing
  ByteBuffer table_;                       // the entries of the table of postings
  std::uint32_t table_entries_ = 0;
};

}  // namespace

void IndexedSeries::Begin(const model::Labels& labels) {
  DropIfEmpty();
  series_.push_back({.labels = labels, .chunks_begin = chunk_bytes_.size()});
}

void IndexedSeries::AddChunk(const ChunkMeta& chunk) {
  Series& series = series_.back();
  const auto difference = [](std::int64_t from, std::int64_t to) {
    return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
  };
  if (series.chunk_count == 0) {
    base::AppendSignedVarint(chunk_bytes_, chunk.min_time_ms);
    base::AppendVarint(chunk_bytes_, difference(chunk.min_time_ms, chunk.max_time_ms));
    base::AppendVarint(chunk_bytes_, chunk.ref);
  } else {
    base::AppendVarint(chunk_bytes_, difference(last_.max_time_ms, chunk.min_time_ms));
    base::AppendVarint(chunk_bytes_, difference(chunk.min_time_ms, chunk.max_time_ms));
    base::AppendSignedVarint(chunk_bytes_, static_cast<std::int64_t>(chunk.ref - last_.ref));
  }
  ++series.chunk_count;
  last_ = chunk;
}

void IndexedSeries::DropIfEmpty() {
  if (!series_.empty() && series_.back().chunk_count == 0) series_.pop_back();
}

void IndexedSeries::AppendChunks(std::size_t index, ByteBuffer& out) const {
  const std::size_t begin = series_[index].chunks_begin;
  const std::size_t end = index + 1 < series_.size() ? series_[index + 1].chunks_begin : chunk_bytes_.size();
  base::AppendVarint(out, series_[index].chunk_count);
  base::AppendBytes(out, base::ByteSpan(chunk_bytes_).subspan(begin, end - begin));
}

base::Result<> WriteIndex(base::FileSystem& files, const std::string& path, const IndexedSeries& series) {
  return IndexWriter(BARO_TRY(OutputFile::Create(files, path)), series).Write();
}

}  // namespace baro::tsdb
