#include "tsdb/promblock/chunk.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "tsdb/promblock/histogram_chunk.h"
#include "tsdb/promblock/xor_chunk.h"

namespace baro::tsdb {
namespace {

using base::Code;
using base::Fail;

/// Lets through what is wanted. Asked in the order of time, it never looks at an interval twice.
class Filter {
 public:
  explicit Filter(const ChunkFilter& filter) : filter_(filter) {}

  bool Passes(std::int64_t timestamp_ms) {
    if (!filter_.range.Contains(timestamp_ms)) return false;
    while (next_ < filter_.deleted.size() && filter_.deleted[next_].max_ms < timestamp_ms) ++next_;
    return next_ == filter_.deleted.size() || !filter_.deleted[next_].Contains(timestamp_ms);
  }

 private:
  const ChunkFilter& filter_;
  std::size_t next_ = 0;
};

/// Whether `timestamp_ms` follows the one before, which it then replaces.
class Order {
 public:
  bool Follows(std::int64_t timestamp_ms) {
    const bool follows = is_first_ || timestamp_ms > last_;
    is_first_ = false;
    last_ = timestamp_ms;
    return follows;
  }

 private:
  bool is_first_ = true;
  std::int64_t last_ = 0;
};

base::Error OutOfOrder(std::int64_t timestamp_ms) {
  return {Code::kCorruption, fmt::format("chunk: the timestamp {} does not follow the one before", timestamp_ms)};
}

base::Result<> DecodeXor(base::ByteSpan data, const ChunkFilter& wanted, SampleColumns& columns) {
  XorChunkReader chunk(data);
  Filter filter(wanted);
  Order order;
  auto& timestamps = columns.timestamp_buffer();
  auto& values = columns.value_buffer();
  while (chunk.Next()) {
    const std::int64_t timestamp = chunk.timestamp_ms();
    if (!order.Follows(timestamp)) return OutOfOrder(timestamp);
    if (!filter.Passes(timestamp)) continue;
    timestamps.push_back(timestamp);
    values.push_back(chunk.value());
  }
  if (!chunk.ok()) return Fail(Code::kCorruption, "XOR chunk: cut short or malformed");
  return {};
}

base::Result<> DecodeHistograms(base::ByteSpan data, HistogramFlavour flavour, const ChunkFilter& wanted,
                                SampleColumns& columns) {
  HistogramChunkReader chunk(data, flavour);
  Filter filter(wanted);
  Order order;
  bool is_behind_gap = false;
  while (BARO_TRY(chunk.Next())) {
    const std::int64_t timestamp = chunk.timestamp_ms();
    if (!order.Follows(timestamp)) return OutOfOrder(timestamp);
    if (!filter.Passes(timestamp)) {
      is_behind_gap = true;
      continue;
    }
    auto histogram = std::make_shared<model::FloatHistogram>(BARO_TRY(chunk.Current()));
    if (is_behind_gap && histogram->counter_reset_hint != model::CounterResetHint::kGauge) {
      histogram->counter_reset_hint = model::CounterResetHint::kUnknown;
    }
    is_behind_gap = false;
    columns.histogram_buffer().push_back({.timestamp_ms = timestamp, .histogram = std::move(histogram)});
  }
  return {};
}

base::Error Unsupported(std::uint8_t encoding) {
  return {Code::kUnsupported, fmt::format("chunk: the encoding {} is not read here: want XOR, histogram or float "
                                          "histogram (set Prometheus' chunk encoding back and compact)",
                                          ChunkEncodingName(encoding))};
}

/// The order in which `times` are sorted; equal ones stay as they stand.
std::vector<std::size_t> SortedOrder(const std::vector<std::int64_t>& times) {
  std::vector<std::size_t> order(times.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&times](std::size_t i) { return times[i]; });
  return order;
}

void MergeFloats(std::vector<std::int64_t>& timestamps, std::vector<double>& values) {
  const auto order = SortedOrder(timestamps);
  std::vector<std::int64_t> sorted_timestamps;
  std::vector<double> sorted_values;
  sorted_timestamps.reserve(order.size());
  sorted_values.reserve(order.size());
  for (const std::size_t i : order) {
    if (!sorted_timestamps.empty() && sorted_timestamps.back() == timestamps[i]) continue;
    sorted_timestamps.push_back(timestamps[i]);
    sorted_values.push_back(values[i]);
  }
  timestamps = std::move(sorted_timestamps);
  values = std::move(sorted_values);
}

/// The same histogram without a claim about the one before.
HistogramSample WithoutHint(const HistogramSample& sample) {
  using enum model::CounterResetHint;
  const auto hint = sample.histogram->counter_reset_hint;
  if (hint == kUnknown || hint == kGauge) return sample;
  auto copy = std::make_shared<model::FloatHistogram>(*sample.histogram);
  copy->counter_reset_hint = kUnknown;
  return {.timestamp_ms = sample.timestamp_ms, .histogram = std::move(copy)};
}

void MergeHistograms(const std::vector<std::int64_t>& floats, std::vector<HistogramSample>& histograms) {
  std::vector<std::int64_t> times;
  for (const HistogramSample& sample : histograms) times.push_back(sample.timestamp_ms);
  std::vector<HistogramSample> sorted;
  sorted.reserve(times.size());
  std::size_t before = histograms.size();  // the one that stands before in `sorted`, by its place in `histograms`
  for (const std::size_t i : SortedOrder(times)) {
    if (!sorted.empty() && sorted.back().timestamp_ms == times[i]) continue;
    if (std::ranges::binary_search(floats, times[i])) continue;
    const bool is_neighbour = before + 1 == i;
    sorted.push_back(is_neighbour ? histograms[i] : WithoutHint(histograms[i]));
    before = i;
  }
  histograms = std::move(sorted);
}

}  // namespace

std::string ChunkEncodingName(std::uint8_t encoding) {
  switch (static_cast<ChunkEncoding>(encoding)) {
    case ChunkEncoding::kXor:
      return "XOR";
    case ChunkEncoding::kHistogram:
      return "histogram";
    case ChunkEncoding::kFloatHistogram:
      return "float histogram";
    case ChunkEncoding::kXor2:
      return "XOR2";
    case ChunkEncoding::kHistogramStart:
      return "histogram with start timestamps";
    case ChunkEncoding::kFloatHistogramStart:
      return "float histogram with start timestamps";
  }
  return fmt::format("{}, which is not known", encoding);
}

base::Result<> DecodeChunk(ChunkView chunk, const ChunkFilter& filter, SampleColumns& columns) {
  switch (static_cast<ChunkEncoding>(chunk.encoding)) {
    case ChunkEncoding::kXor:
      return DecodeXor(chunk.data, filter, columns);
    case ChunkEncoding::kHistogram:
      return DecodeHistograms(chunk.data, HistogramFlavour::kInteger, filter, columns);
    case ChunkEncoding::kFloatHistogram:
      return DecodeHistograms(chunk.data, HistogramFlavour::kFloat, filter, columns);
    default:
      return Unsupported(chunk.encoding);
  }
}

base::Result<ChunkFacts> InspectChunk(ChunkView chunk) {
  switch (static_cast<ChunkEncoding>(chunk.encoding)) {
    case ChunkEncoding::kXor:
      return ChunkFacts{.samples = XorChunkReader(chunk.data).count()};
    case ChunkEncoding::kHistogram:
    case ChunkEncoding::kFloatHistogram: {
      const bool is_float = static_cast<ChunkEncoding>(chunk.encoding) == ChunkEncoding::kFloatHistogram;
      HistogramChunkReader reader(chunk.data, is_float ? HistogramFlavour::kFloat : HistogramFlavour::kInteger);
      if (reader.count() > 0) BARO_TRY(reader.Next());
      return ChunkFacts{.samples = reader.count(), .buckets = reader.count() * reader.bucket_count()};
    }
    default:
      return Unsupported(chunk.encoding);
  }
}

void MergeBuffers(SampleColumns& columns) {
  MergeFloats(columns.timestamp_buffer(), columns.value_buffer());
  MergeHistograms(columns.timestamp_buffer(), columns.histogram_buffer());
}

bool IsInOrder(SampleColumns& columns) {
  const auto& floats = columns.timestamp_buffer();
  const auto& histograms = columns.histogram_buffer();
  if (std::ranges::adjacent_find(floats, std::greater_equal{}) != floats.end()) return false;
  if (std::ranges::adjacent_find(histograms, std::greater_equal{}, &HistogramSample::timestamp_ms) !=
      histograms.end()) {
    return false;
  }
  const bool are_apart = floats.empty() || histograms.empty() || floats.back() < histograms.front().timestamp_ms ||
                         histograms.back().timestamp_ms < floats.front();
  return are_apart || std::ranges::none_of(histograms, [&floats](const HistogramSample& sample) {
           return std::ranges::binary_search(floats, sample.timestamp_ms);
         });
}

void Normalize(std::vector<model::TimeRange>& ranges) {
  std::erase_if(ranges, [](const model::TimeRange& range) { return range.empty(); });
  std::ranges::sort(ranges, {}, &model::TimeRange::min_ms);
  std::size_t kept = 0;
  for (const model::TimeRange& range : ranges) {
    if (kept > 0 &&
        (ranges[kept - 1].max_ms == model::kMaxTimestampMs || range.min_ms <= ranges[kept - 1].max_ms + 1)) {
      ranges[kept - 1].max_ms = std::max(ranges[kept - 1].max_ms, range.max_ms);
    } else {
      ranges[kept++] = range;
    }
  }
  ranges.resize(kept);
}

}  // namespace baro::tsdb
