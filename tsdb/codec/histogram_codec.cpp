#include "tsdb/codec/histogram_codec.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "tsdb/codec/histogram_shape.h"
#include "tsdb/codec/value_codec.h"

namespace baro::tsdb {
namespace {

using model::FloatHistogram;

constexpr std::uint8_t kCountsAreSums = 1;

base::Error Damaged(const char* what) { return {base::Code::kCorruption, fmt::format("histograms: {}", what)}; }

base::Error TooManyBuckets() {
  return {base::Code::kLimitExceeded,
          fmt::format("writing histograms: more than {} buckets in one chunk", kHistogramChunkCountsMax)};
}

// Rows that follow each other with one shape.
struct Run {
  std::uint32_t shape = 0;
  std::uint32_t length = 0;
};

struct Layout {
  std::vector<HistogramShape> shapes;
  std::vector<Run> runs;

  const HistogramShape& shape_of(const Run& run) const { return shapes[run.shape]; }
};

// The count as it usually is. Both sides of the codec must add in the same order.
double SumOfBuckets(const FloatHistogram& histogram) {
  double sum = histogram.zero_count;
  for (const double count : histogram.negative_buckets) sum += count;
  for (const double count : histogram.positive_buckets) sum += count;
  return sum;
}

std::optional<std::uint32_t> FindShape(const FloatHistogram& histogram, std::span<const HistogramShape> shapes) {
  // The newest is the likeliest.
  for (std::size_t i = shapes.size(); i-- > 0;) {
    if (HasShape(histogram, shapes[i])) return static_cast<std::uint32_t>(i);
  }
  return std::nullopt;
}

base::Result<Layout> LayoutOf(std::span<const HistogramSample> samples) {
  Layout layout;
  std::size_t counts = 0;
  for (const HistogramSample& sample : samples) {
    auto shape = FindShape(*sample.histogram, layout.shapes);
    if (!shape) {
      shape = static_cast<std::uint32_t>(layout.shapes.size());
      layout.shapes.push_back(BARO_TRY(ShapeOf(*sample.histogram)));
    }
    counts += layout.shapes[*shape].bucket_count();
    if (counts > kHistogramChunkCountsMax) return TooManyBuckets();
    if (layout.runs.empty() || layout.runs.back().shape != *shape) layout.runs.push_back({.shape = *shape});
    ++layout.runs.back().length;
  }
  return layout;
}

// The histograms of rows that are no plain stale markers, each with the number of its shape.
template <typename HistogramPointer>
struct Live {
  HistogramPointer histogram;
  std::uint32_t shape;
  std::uint32_t bucket = 0;  // the next one to be seen
};

double& BucketAt(FloatHistogram& histogram, std::uint32_t bucket) {
  const std::size_t negatives = histogram.negative_buckets.size();
  return bucket < negatives ? histogram.negative_buckets[bucket] : histogram.positive_buckets[bucket - negatives];
}
double BucketAt(const FloatHistogram& histogram, std::uint32_t bucket) {
  return BucketAt(const_cast<FloatHistogram&>(histogram), bucket);
}

void AppendHints(std::span<const HistogramSample> samples, base::ByteBuffer& out) {
  for (std::size_t at = 0; at < samples.size();) {
    const model::CounterResetHint hint = samples[at].histogram->counter_reset_hint;
    std::size_t end = at + 1;
    while (end < samples.size() && samples[end].histogram->counter_reset_hint == hint) ++end;
    base::AppendVarint(out, (end - at) << 2 | static_cast<std::uint64_t>(hint));
    at = end;
  }
}

void AppendColumns(std::span<const HistogramSample> samples, const Layout& layout, bool counts_are_sums,
                   base::ByteBuffer& out) {
  std::vector<Live<const FloatHistogram*>> live;
  std::size_t row = 0;
  for (const Run& run : layout.runs) {
    for (std::uint32_t i = 0; i < run.length; ++i, ++row) {
      if (layout.shape_of(run).is_plain_stale) continue;
      live.push_back({.histogram = samples[row].histogram.get(), .shape = run.shape});
    }
  }
  if (live.empty()) return;
  std::vector<double> column;
  const auto append = [&](double FloatHistogram::* member) {
    column.clear();
    for (const auto& one : live) column.push_back(one.histogram->*member);
    EncodeValues(column, out);
  };
  append(&FloatHistogram::zero_count);
  append(&FloatHistogram::sum);
  if (!counts_are_sums) append(&FloatHistogram::count);
  const BucketColumns columns(layout.shapes);
  for (std::uint32_t number = 0; number < columns.count(); ++number) {
    column.clear();
    for (auto& one : live) {
      const auto of_shape = columns.of_shape(one.shape);
      if (one.bucket < of_shape.size() && of_shape[one.bucket] == number) {
        column.push_back(BucketAt(*one.histogram, one.bucket++));
      }
    }
    EncodeValues(column, out);
  }
}

base::Result<Layout> ReadLayout(base::ByteReader& reader, std::size_t rows) {
  Layout layout;
  const std::uint64_t shapes = reader.Varint();
  if (shapes == 0 || shapes > rows) return Damaged("no shapes, or more than rows");
  for (std::uint64_t i = 0; i < shapes; ++i) layout.shapes.push_back(BARO_TRY(ReadShape(reader)));
  std::size_t counts = 0;
  std::vector<bool> is_used(shapes);
  for (std::size_t row = 0; row < rows;) {
    const std::uint64_t shape = reader.Varint();
    const std::uint64_t length = reader.Varint();
    if (!reader.ok() || shape >= shapes || length == 0 || length > rows - row) return Damaged("runs out of bounds");
    counts += length * layout.shapes[shape].bucket_count();
    if (counts > kHistogramChunkCountsMax) return Damaged("too many buckets");
    is_used[shape] = true;
    layout.runs.push_back({.shape = static_cast<std::uint32_t>(shape), .length = static_cast<std::uint32_t>(length)});
    row += length;
  }
  // So that the shapes' buckets are within the limit, too, and no column is empty.
  if (std::ranges::find(is_used, false) != is_used.end()) return Damaged("a shape without rows");
  return layout;
}

base::Result<> ReadHints(base::ByteReader& reader, std::span<model::CounterResetHint> hints) {
  for (std::size_t row = 0; row < hints.size();) {
    const std::uint64_t word = reader.Varint();
    const std::uint64_t length = word >> 2;
    if (!reader.ok() || length == 0 || length > hints.size() - row) return Damaged("hints out of bounds");
    std::ranges::fill(hints.subspan(row, length), static_cast<model::CounterResetHint>(word & 3));
    row += length;
  }
  return {};
}

base::Result<> ReadColumns(base::ByteSpan bytes, const Layout& layout, bool counts_are_sums,
                           std::span<FloatHistogram> histograms) {
  std::vector<Live<FloatHistogram*>> live;
  std::size_t row = 0;
  for (const Run& run : layout.runs) {
    for (std::uint32_t i = 0; i < run.length; ++i, ++row) {
      histograms[row] = EmptyOf(layout.shape_of(run));
      if (layout.shape_of(run).is_plain_stale) {
        histograms[row].sum = model::StaleNaN();
      } else {
        live.push_back({.histogram = &histograms[row], .shape = run.shape});
      }
    }
  }
  std::vector<double> column(live.size());
  std::vector<double*> slots;
  const auto read = [&](double FloatHistogram::* member) -> base::Result<> {
    bytes = BARO_TRY(DecodeValues(bytes, column));
    for (std::size_t i = 0; i < live.size(); ++i) live[i].histogram->*member = column[i];
    return {};
  };
  if (!live.empty()) {
    BARO_TRY(read(&FloatHistogram::zero_count));
    BARO_TRY(read(&FloatHistogram::sum));
    if (!counts_are_sums) BARO_TRY(read(&FloatHistogram::count));
    const BucketColumns columns(layout.shapes);
    for (std::uint32_t number = 0; number < columns.count(); ++number) {
      slots.clear();
      for (auto& one : live) {
        const auto of_shape = columns.of_shape(one.shape);
        if (one.bucket < of_shape.size() && of_shape[one.bucket] == number) {
          slots.push_back(&BucketAt(*one.histogram, one.bucket++));
        }
      }
      column.resize(slots.size());
      bytes = BARO_TRY(DecodeValues(bytes, column));
      for (std::size_t i = 0; i < slots.size(); ++i) *slots[i] = column[i];
    }
  }
  if (!bytes.empty()) return Damaged("bytes behind the columns");
  if (counts_are_sums) {
    for (auto& one : live) one.histogram->count = SumOfBuckets(*one.histogram);
  }
  return {};
}

}  // namespace

base::Result<> EncodeHistograms(std::span<const HistogramSample> samples, base::ByteBuffer& out) {
  BARO_ASSERT(!samples.empty() && samples.size() <= kChunkRowsMax);
  const Layout layout = BARO_TRY(LayoutOf(samples));
  const bool counts_are_sums = std::ranges::all_of(samples, [](const HistogramSample& sample) {
    const double sum = SumOfBuckets(*sample.histogram);
    return std::bit_cast<std::uint64_t>(sum) == std::bit_cast<std::uint64_t>(sample.histogram->count);
  });
  out.push_back(std::byte{counts_are_sums ? kCountsAreSums : std::uint8_t{0}});
  base::AppendVarint(out, layout.shapes.size());
  for (const HistogramShape& shape : layout.shapes) AppendShape(shape, out);
  for (const Run& run : layout.runs) {
    base::AppendVarint(out, run.shape);
    base::AppendVarint(out, run.length);
  }
  AppendHints(samples, out);
  AppendColumns(samples, layout, counts_are_sums, out);
  return {};
}

base::Result<> DecodeHistograms(base::ByteSpan bytes, std::span<const std::int64_t> timestamps_ms,
                                std::vector<HistogramSample>& samples) {
  const std::size_t rows = timestamps_ms.size();
  BARO_ASSERT(rows > 0 && rows <= kChunkRowsMax);
  base::ByteReader reader(bytes);
  const auto flags = reader.Le<std::uint8_t>();
  if (flags > kCountsAreSums) return Damaged("unknown form");
  const Layout layout = BARO_TRY(ReadLayout(reader, rows));
  std::vector<model::CounterResetHint> hints(rows);
  BARO_TRY(ReadHints(reader, hints));
  std::vector<FloatHistogram> histograms(rows);
  BARO_TRY(ReadColumns(bytes.last(reader.remaining()), layout, (flags & kCountsAreSums) != 0, histograms));
  samples.reserve(samples.size() + rows);
  for (std::size_t row = 0; row < rows; ++row) {
    histograms[row].counter_reset_hint = hints[row];
    samples.push_back({.timestamp_ms = timestamps_ms[row],
                       .histogram = std::make_shared<const FloatHistogram>(std::move(histograms[row]))});
  }
  return {};
}

}  // namespace baro::tsdb
