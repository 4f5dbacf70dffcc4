// A page of the index: the labels and tracks of neighbouring series.
//
// Labels stand as numbers: a series has a shape (its label names), and for each name the number of the value among the
// sorted values of that name. The numbers of all series of the page that have a name form one stream of integers.
//
// Format   docs/formats/block.md, section 6.
// Threads  Values; SeriesPageBuilder is confined.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "tsdb/block/track.h"

namespace baro::tsdb {

inline constexpr std::size_t kSeriesPerPage = 128;

/// Numbers of label names, ascending.
using Shape = std::vector<std::uint32_t>;

/// What a writer knows of one series.
struct SeriesRecord {
  std::uint32_t shape = 0;
  std::span<const std::uint32_t> values;  ///< one for each name of the shape
  bool is_simple = false;                 ///< floats only, in one run of whole windows: `simple`; else `tracks`
  ColumnRun simple;
  base::ByteSpan tracks;  ///< a track of floats and one of histograms
  std::uint64_t float_chunks = 0;
  std::uint64_t histogram_chunks = 0;
};

class SeriesPageBuilder {
 public:
  /// Borrows the shapes.
  explicit SeriesPageBuilder(std::span<const Shape> shapes) : shapes_(shapes) {}

  std::size_t series_count() const { return shape_of_.size(); }
  bool full() const { return series_count() == kSeriesPerPage; }

  /// Shape    not full().
  void Add(const SeriesRecord& record);

  /// Appends the page to `out` and begins the next one.
  void Finish(base::ByteBuffer& out);

 private:
  std::span<const Shape> shapes_;
  std::uint64_t first_float_chunk_ = 0;  // of the page
  std::uint64_t first_histogram_chunk_ = 0;
  std::uint64_t next_float_chunk_ = 0;  // of the next series
  std::uint64_t next_histogram_chunk_ = 0;
  std::vector<std::uint64_t> shape_of_;
  std::vector<std::uint32_t> values_;        // of all series, in the order of their shapes
  std::vector<std::uint64_t> simple_first_;  // one each for all series that are simple
  std::vector<std::uint64_t> simple_count_;
  std::vector<std::uint64_t> tracks_bytes_;  // 0: simple
  base::ByteBuffer tracks_;
};

/// A page, taken apart.
struct SeriesPage {
  struct Series {
    std::uint32_t shape = 0;
    std::uint32_t first_value = 0;  ///< in `values`, one for each name of the shape
    TrackRef floats;
    TrackRef histograms;
    std::uint64_t first_float_chunk = 0;  ///< number of the series' first chunk in the block
    std::uint64_t first_histogram_chunk = 0;
  };
  std::vector<Series> series;
  std::vector<std::uint32_t> values;
  Tracks tracks;
};

/// What a page refers to, and so may not exceed.
struct SeriesPageLimits {
  std::span<const Shape> shapes;
  std::span<const std::uint32_t> value_counts;  ///< by number of the label name
  std::uint64_t columns = 0;
  std::uint64_t float_chunks = 0;
  std::uint64_t histogram_chunks = 0;
};

/// Errors   kCorruption; `page` is then unspecified.
base::Result<> DecodeSeriesPage(base::ByteSpan bytes, const SeriesPageLimits& limits, SeriesPage& page);

}  // namespace baro::tsdb
