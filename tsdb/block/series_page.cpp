#include "tsdb/block/series_page.h"

#include <algorithm>
#include <map>

#include "tsdb/codec/integer_stream.h"

namespace baro::tsdb {
namespace {

base::Error Damaged(const char* what) { return {base::Code::kCorruption, fmt::format("series page: {}", what)}; }

// Takes a stream of integers off the reader's front.
base::Result<> TakeStream(base::ByteSpan& bytes, std::span<std::uint64_t> values) {
  if (values.empty()) return {};
  bytes = BARO_TRY(DecodeIntegers(bytes, values));
  return {};
}

void PutStream(std::span<const std::uint64_t> values, base::ByteBuffer& out) {
  if (!values.empty()) EncodeIntegers(values, out);
}

// Reads a page step by step; each step takes off the front of what is left.
class PageReader {
 public:
  PageReader(base::ByteSpan bytes, const SeriesPageLimits& limits, SeriesPage& page)
      : rest_(bytes), limits_(limits), page_(page) {}

  base::Result<> Run() {
    page_.series.clear();
    page_.values.clear();
    page_.tracks.Clear();
    base::ByteReader reader(rest_);
    const std::uint64_t count = reader.Varint();
    next_float_chunk_ = reader.Varint();
    next_histogram_chunk_ = reader.Varint();
    if (!reader.ok() || count == 0 || count > kSeriesPerPage) return Damaged("no series, or too many");
    rest_ = rest_.last(reader.remaining());
    page_.series.resize(count);
    BARO_TRY(ReadShapes());
    BARO_TRY(ReadValues());
    BARO_TRY(ReadTracks());
    return rest_.empty() ? base::Result<>() : Damaged("bytes behind its end");
  }

 private:
  base::Result<> ReadShapes() {
    numbers_.resize(page_.series.size());
    BARO_TRY(TakeStream(rest_, numbers_));
    std::uint32_t next = 0;
    for (std::size_t i = 0; i < numbers_.size(); ++i) {
      if (numbers_[i] >= limits_.shapes.size()) return Damaged("a shape that does not exist");
      page_.series[i].shape = static_cast<std::uint32_t>(numbers_[i]);
      page_.series[i].first_value = next;
      next += static_cast<std::uint32_t>(ShapeOf(i).size());
    }
    page_.values.resize(next);
    return {};
  }

  // One stream per label name, in the order of names; its numbers go to where the series want them.
  base::Result<> ReadValues() {
    thread_local std::vector<std::vector<std::uint32_t>> places;  // by name: in page_.values
    thread_local std::vector<std::uint32_t> names;                // that any series has
    if (places.size() < limits_.value_counts.size()) places.resize(limits_.value_counts.size());
    names.clear();
    for (std::size_t i = 0; i < page_.series.size(); ++i) {
      std::uint32_t place = page_.series[i].first_value;
      for (const std::uint32_t name : ShapeOf(i)) {
        if (places[name].empty()) names.push_back(name);
        places[name].push_back(place++);
      }
    }
    std::ranges::sort(names);
    base::Result<> result;
    for (const std::uint32_t name : names) {
      if (result) result = ReadValuesOf(name, places[name]);
      places[name].clear();
    }
    return result;
  }

  base::Result<> ReadValuesOf(std::uint32_t name, std::span<const std::uint32_t> places) {
    numbers_.resize(places.size());
    BARO_TRY(TakeStream(rest_, numbers_));
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (numbers_[i] >= limits_.value_counts[name]) return Damaged("a label value that does not exist");
      page_.values[places[i]] = static_cast<std::uint32_t>(numbers_[i]);
    }
    return {};
  }

  base::Result<> ReadTracks() {
    std::vector<std::uint64_t> sizes(page_.series.size());
    BARO_TRY(TakeStream(rest_, sizes));
    const auto simple = static_cast<std::size_t>(std::ranges::count(sizes, std::uint64_t{0}));
    std::vector<std::uint64_t> firsts(simple);
    std::vector<std::uint64_t> counts(simple);
    BARO_TRY(TakeStream(rest_, firsts));
    BARO_TRY(TakeStream(rest_, counts));
    std::size_t at = 0;
    base::ByteReader reader(rest_);
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      SeriesPage::Series& series = page_.series[i];
      if (sizes[i] == 0) {
        BARO_TRY(PutSimple(firsts[at], counts[at], series));
        ++at;
      } else {
        base::ByteReader own(reader.Bytes(sizes[i]));
        series.floats = BARO_TRY(DecodeTrack(own, limits_.columns, page_.tracks));
        series.histograms = BARO_TRY(DecodeTrack(own, limits_.columns, page_.tracks));
        if (!own.AtEnd()) return Damaged("bytes behind a track");
      }
      BARO_TRY(PutChunks(series));
    }
    if (!reader.ok()) return Damaged("tracks cut short");
    rest_ = rest_.last(reader.remaining());
    return {};
  }

  base::Result<> PutSimple(std::uint64_t first, std::uint64_t count, SeriesPage::Series& series) {
    if (count == 0 || first >= limits_.columns || count > limits_.columns - first) {
      return Damaged("columns that do not exist");
    }
    series.floats = {.first = static_cast<std::uint32_t>(page_.tracks.columns.size()), .count = 1};
    page_.tracks.columns.push_back(
        {.first_column = static_cast<ColumnId>(first), .count = static_cast<std::uint32_t>(count)});
    return {};
  }

  base::Result<> PutChunks(SeriesPage::Series& series) {
    series.first_float_chunk = next_float_chunk_;
    series.first_histogram_chunk = next_histogram_chunk_;
    const std::uint64_t floats = WindowCount(page_.tracks.Of(series.floats));
    const std::uint64_t histograms = WindowCount(page_.tracks.Of(series.histograms));
    if (next_float_chunk_ > limits_.float_chunks || floats > limits_.float_chunks - next_float_chunk_ ||
        next_histogram_chunk_ > limits_.histogram_chunks ||
        histograms > limits_.histogram_chunks - next_histogram_chunk_) {
      return Damaged("chunks that do not exist");
    }
    next_float_chunk_ += floats;
    next_histogram_chunk_ += histograms;
    return {};
  }

  const Shape& ShapeOf(std::size_t series) const { return limits_.shapes[page_.series[series].shape]; }

  base::ByteSpan rest_;
  const SeriesPageLimits& limits_;
  SeriesPage& page_;
  std::uint64_t next_float_chunk_ = 0;
  std::uint64_t next_histogram_chunk_ = 0;
  std::vector<std::uint64_t> numbers_;
};

}  // namespace

void SeriesPageBuilder::Add(const SeriesRecord& record) {
  BARO_ASSERT(!full() && record.values.size() == shapes_[record.shape].size());
  shape_of_.push_back(record.shape);
  values_.insert(values_.end(), record.values.begin(), record.values.end());
  if (record.is_simple) {
    simple_first_.push_back(record.simple.first_column);
    simple_count_.push_back(record.simple.count);
    tracks_bytes_.push_back(0);
  } else {
    BARO_ASSERT(!record.tracks.empty());
    tracks_bytes_.push_back(record.tracks.size());
    base::AppendBytes(tracks_, record.tracks);
  }
  next_float_chunk_ += record.float_chunks;
  next_histogram_chunk_ += record.histogram_chunks;
}

void SeriesPageBuilder::Finish(base::ByteBuffer& out) {
  base::AppendVarint(out, series_count());
  base::AppendVarint(out, first_float_chunk_);
  base::AppendVarint(out, first_histogram_chunk_);
  PutStream(shape_of_, out);
  std::map<std::uint32_t, std::vector<std::uint64_t>> by_name;
  auto value = values_.begin();
  for (const std::uint64_t shape : shape_of_) {
    for (const std::uint32_t name : shapes_[shape]) by_name[name].push_back(*value++);
  }
  for (const auto& [name, numbers] : by_name) PutStream(numbers, out);
  PutStream(tracks_bytes_, out);
  PutStream(simple_first_, out);
  PutStream(simple_count_, out);
  base::AppendBytes(out, tracks_);
  shape_of_.clear();
  values_.clear();
  simple_first_.clear();
  simple_count_.clear();
  tracks_bytes_.clear();
  tracks_.clear();
  first_float_chunk_ = next_float_chunk_;
  first_histogram_chunk_ = next_histogram_chunk_;
}

base::Result<> DecodeSeriesPage(base::ByteSpan bytes, const SeriesPageLimits& limits, SeriesPage& page) {
  return PageReader(bytes, limits, page).Run();
}

}  // namespace baro::tsdb
