// fuzz: tsdb
// What stands in a block's files, past the checksums: every decoder of a page survives any bytes, within its limits.
#include <cstdlib>
#include <vector>

#include "tsdb/block/block_meta.h"
#include "tsdb/block/block_tombstones.h"
#include "tsdb/block/chunk_summary.h"
#include "tsdb/block/column_format.h"
#include "tsdb/block/histogram_page.h"
#include "tsdb/block/index_format.h"
#include "tsdb/block/series_page.h"
#include "tsdb/block/value_page.h"
#include "tsdb/codec/decode_kernels.h"
#include "tsdb/codec/page.h"

namespace baro::tsdb {
namespace {

constexpr std::uint64_t kSeries = 100'000;

void Check(bool condition) {
  if (!condition) std::abort();
}

// Chunks in order, and each from anywhere, which is another way in pages that contradict themselves. All kernels find
// the same.
void DecodeFloatPage(base::ByteSpan bytes, std::size_t rows) {
  const auto page = PageView::OpenChecked(bytes);
  if (!page) return;
  PageCursor cursor(*page);
  PageCursor reference(*page);
  std::vector<double> values(rows);
  std::vector<double> expected(rows);
  for (std::uint32_t chunk = 0; chunk < std::min<std::uint32_t>(page->chunks(), 200); ++chunk) {
    UseDecodeKernels(*AvailableDecodeKernels().back());
    const bool is_good = cursor.Decode(chunk, rows, values).has_value();
    UseDecodeKernels(*AvailableDecodeKernels().front());
    Check(reference.Decode(chunk, rows, expected).has_value() == is_good);
    Check(!is_good || std::memcmp(values.data(), expected.data(), rows * sizeof(double)) == 0);
    // What stands in front of damage is given, as it stands in the whole.
    std::vector<double> first(1 + chunk % rows);
    const bool is_first_good = page->Decode(chunk, rows, first).has_value();
    const bool is_whole_good = page->Decode(chunk, rows, expected).has_value();
    Check(!is_whole_good || is_first_good);
    Check(!is_whole_good || std::memcmp(first.data(), expected.data(), first.size() * sizeof(double)) == 0);
    (void)page->Facts(chunk).has_value();
  }
}

void DecodeSeries(base::ByteSpan bytes) {
  static const std::vector<Shape> shapes = {{0}, {0, 1}, {0, 1, 2}, {1, 2}};
  static const std::vector<std::uint32_t> value_counts = {10, 200, 70'000};
  const SeriesPageLimits limits = {.shapes = shapes,
                                   .value_counts = value_counts,
                                   .columns = 5000,
                                   .float_chunks = kSeries,
                                   .histogram_chunks = 1000};
  SeriesPage page;
  (void)DecodeSeriesPage(bytes, limits, page).has_value();
}

void DecodePostingsOf(base::ByteSpan bytes) {
  std::vector<std::uint32_t> series;
  (void)DecodePostings(bytes, kSeries, series).has_value();
  Check(series.size() <= kSeries);
  const auto page = PostingsPage::Open(bytes);
  for (std::size_t i = 0; page && i < page->size(); ++i) {
    series.clear();
    (void)DecodePostings(page->postings(i), kSeries, series).has_value();
    Check(series.size() <= kSeries);
  }
}

void DecodeHistogramPage(base::ByteSpan bytes, std::size_t rows) {
  const auto page = HistogramPage::Open(bytes);
  if (!page) return;
  std::vector<std::int64_t> timestamps(rows);
  std::vector<HistogramSample> samples;
  for (std::size_t chunk = 0; chunk < std::min<std::size_t>(page->chunk_count(), 20); ++chunk) {
    samples.clear();
    (void)page->Decode(chunk, timestamps, samples).has_value();
  }
}

}  // namespace
}  // namespace baro::tsdb

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace baro::tsdb;
  if (size < 2) return 0;
  const baro::base::ByteSpan bytes(reinterpret_cast<const std::byte*>(data) + 2, size - 2);
  const std::size_t rows = 1 + data[1] * std::size_t{4};
  switch (data[0] % 10) {
    case 0:
    case 1:
      DecodeFloatPage(bytes, rows);
      break;
    case 2:
      DecodeSeries(bytes);
      break;
    case 3:
      DecodePostingsOf(bytes);
      break;
    case 4:
      (void)ValuePage::Decode(bytes).has_value();
      break;
    case 5:
      (void)DecodeIndexRoot(bytes, std::uint64_t{1} << 20).has_value();
      break;
    case 6:
      (void)DecodeSummaries(bytes, rows).has_value();
      break;
    case 7:
      DecodeHistogramPage(bytes, rows);
      break;
    case 8: {
      std::vector<std::int64_t> column(rows);
      (void)DecodeColumn(bytes, column).has_value();
      break;
    }
    default:
      (void)ParseBlockMeta(baro::base::AsText(bytes)).has_value();
      (void)BlockTombstones::Decode(bytes, {}, kSeries).has_value();
  }
  return 0;
}
