// Encoding of histogram chunks.
#include <algorithm>
#include <cmath>

#include "model/sample.h"
#include "tsdb/promblock/bit_codes.h"
#include "tsdb/promblock/histogram_chunk.h"

namespace baro::tsdb {
namespace {

using model::FloatHistogram;

constexpr double kIntegersEnd = 9007199254740992.0;  // 2^53: beyond it a double is no exact count

void WriteZeroThreshold(BitWriter& out, double threshold) {
  if (threshold == 0) return out.Bits(0, 8);
  int exponent = 0;
  const double fraction = std::frexp(threshold, &exponent);
  if (fraction == 0.5 && exponent >= -242 && exponent <= 11) {
    const int code = exponent + 243;
    return out.Bits(static_cast<std::uint64_t>(code), 8);
  }
  out.Bits(0xff, 8);
  out.Bits(std::bit_cast<std::uint64_t>(threshold), 64);
}

void WriteCustomBound(BitWriter& out, double bound) {
  const double thousandths = std::round(bound * 1000);
  // The last condition asks for what the reader will calculate, so that no rounding goes unnoticed; -0 is not 0.
  if (bound * 1000 >= 0 && bound * 1000 <= 33'554'430 && !std::signbit(bound) && thousandths / 1000 == bound) {
    return WriteVarbitUnsigned(out, static_cast<std::uint64_t>(thousandths) + 1);
  }
  out.Bits(0, 1);
  out.Bits(std::bit_cast<std::uint64_t>(bound), 64);
}

bool IsStale(const FloatHistogram& histogram) { return model::IsStaleNaN(histogram.sum); }

bool IsInteger(double count) {
  return count >= 0 && count <= kIntegersEnd && std::trunc(count) == count && !std::signbit(count);
}

bool AllIntegers(const FloatHistogram& histogram) {
  return IsInteger(histogram.count) && IsInteger(histogram.zero_count) &&
         std::ranges::all_of(histogram.positive_buckets, IsInteger) &&
         std::ranges::all_of(histogram.negative_buckets, IsInteger);
}

/// One side of all histograms of a chunk: the buckets that any of them has.
class ChunkSide {
 public:
  using Spans = std::vector<model::Span> FloatHistogram::*;
  using Counts = std::vector<double> FloatHistogram::*;

  ChunkSide(std::span<const HistogramSample> samples, Spans spans, Counts counts) : spans_(spans), counts_(counts) {
    const std::vector<model::Span>* last = nullptr;
    for (const HistogramSample& sample : samples) {
      const auto& own = (*sample.histogram).*spans_;
      if (IsStale(*sample.histogram) || (last != nullptr && own == *last)) continue;
      last = &own;
      ForEachIndex(own, [this](std::int64_t index) { indexes_.push_back(index); });
    }
    std::ranges::sort(indexes_);
    const auto doubled = std::ranges::unique(indexes_);
    indexes_.erase(doubled.begin(), doubled.end());
  }

  std::size_t size() const { return indexes_.size(); }

  void WriteSpans(BitWriter& out) const {
    std::vector<model::Span> spans;
    std::int64_t next = 0;
    for (const std::int64_t index : indexes_) {
      if (spans.empty() || index != next) spans.push_back({.offset = static_cast<std::int32_t>(index - next)});
      ++spans.back().length;
      next = index + 1;
    }
    WriteVarbitUnsigned(out, spans.size());
    for (const model::Span& span : spans) {
      WriteVarbitUnsigned(out, span.length);
      WriteVarbit(out, span.offset);
    }
  }

  /// The counts of one histogram, 0 for buckets that only others have.
  void Expand(const FloatHistogram& histogram, std::vector<double>& out) const {
    const auto& counts = histogram.*counts_;
    std::size_t at = 0;
    std::size_t place = 0;
    ForEachIndex(histogram.*spans_, [&](std::int64_t index) {
      for (; indexes_[place] != index; ++place) out.push_back(0);
      ++place;
      out.push_back(counts[at++]);
    });
    out.insert(out.end(), indexes_.size() - place, 0.0);
  }

 private:
  template <typename Visit>
  static void ForEachIndex(const std::vector<model::Span>& spans, const Visit& visit) {
    std::int64_t index = 0;
    for (const model::Span& span : spans) {
      index += span.offset;
      for (std::uint32_t i = 0; i < span.length; ++i) visit(index++);
    }
  }

  Spans spans_;
  Counts counts_;
  std::vector<std::int64_t> indexes_;  // sorted, unique
};

/// A number written as second differences. Arithmetic wraps, as the reader's does.
struct Number {
  std::uint64_t value = 0;
  std::uint64_t delta = 0;

  void Write(BitWriter& out, std::int64_t signed_next) {
    const auto next = static_cast<std::uint64_t>(signed_next);
    WriteVarbit(out, static_cast<std::int64_t>(next - value - delta));
    delta = next - value;
    value = next;
  }
};

/// Writes the samples of one chunk, of either flavour.
class SampleWriter {
 public:
  SampleWriter(BitWriter& out, HistogramFlavour flavour, std::size_t positive_count)
      : out_(out), flavour_(flavour), positive_count_(positive_count) {}

  /// `counts`: of all buckets of the chunk, the positive side first; empty for a stale marker.
  void Write(std::int64_t timestamp_ms, const FloatHistogram& histogram, std::span<const double> counts) {
    if (flavour_ == HistogramFlavour::kInteger) {
      WriteIntegers(timestamp_ms, histogram, counts);
    } else {
      WriteFloats(timestamp_ms, histogram, counts);
    }
    is_first_ = false;
  }

 private:
  void WriteTimestamp(std::int64_t timestamp_ms) {
    if (!is_first_) return time_.Write(out_, timestamp_ms);
    WriteVarbit(out_, timestamp_ms);
    time_.value = static_cast<std::uint64_t>(timestamp_ms);
  }

  void WriteDouble(XorValue& state, double value) {
    if (!is_first_) return WriteXor(out_, state, value);
    state.bits = std::bit_cast<std::uint64_t>(value);
    out_.Bits(state.bits, 64);
  }

  void WriteFloats(std::int64_t timestamp_ms, const FloatHistogram& histogram, std::span<const double> counts) {
    WriteTimestamp(timestamp_ms);
    const bool is_stale = IsStale(histogram);
    WriteDouble(float_count_, is_stale ? 0 : histogram.count);
    WriteDouble(float_zeros_, is_stale ? 0 : histogram.zero_count);
    WriteDouble(sum_, histogram.sum);
    floats_.resize(std::max(floats_.size(), counts.size()));
    for (std::size_t i = 0; i < counts.size(); ++i) WriteDouble(floats_[i], counts[i]);
  }

  // The first histogram's counts are unsigned numbers, its buckets signed ones: differences to the bucket before, and 0
  // before the first of each side. A stale marker's counts do not matter, so nothing is said to have changed.
  void WriteIntegers(std::int64_t timestamp_ms, const FloatHistogram& histogram, std::span<const double> counts) {
    WriteTimestamp(timestamp_ms);
    if (is_first_) {
      WriteCount(count_, IsStale(histogram) ? 0 : histogram.count);
      WriteCount(zeros_, IsStale(histogram) ? 0 : histogram.zero_count);
    } else if (IsStale(histogram)) {
      out_.Bits(0, 2);
    } else {
      count_.Write(out_, static_cast<std::int64_t>(histogram.count));
      zeros_.Write(out_, static_cast<std::int64_t>(histogram.zero_count));
    }
    WriteDouble(sum_, histogram.sum);
    integers_.resize(std::max(integers_.size(), counts.size()));
    std::int64_t before = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (i == positive_count_) before = 0;
      const auto count = static_cast<std::int64_t>(counts[i]);
      if (is_first_) {
        WriteVarbit(out_, count - before);
        integers_[i].value = static_cast<std::uint64_t>(count - before);
      } else {
        integers_[i].Write(out_, count - before);
      }
      before = count;
    }
  }

  void WriteCount(Number& state, double count) {
    state.value = static_cast<std::uint64_t>(count);
    WriteVarbitUnsigned(out_, state.value);
  }

  BitWriter& out_;
  HistogramFlavour flavour_;
  std::size_t positive_count_;
  bool is_first_ = true;
  Number time_;
  XorValue sum_;
  Number count_;
  Number zeros_;
  std::vector<Number> integers_;
  XorValue float_count_;
  XorValue float_zeros_;
  std::vector<XorValue> floats_;
};

}  // namespace

EncodedHistogramChunk EncodeHistogramChunk(std::span<const HistogramSample> samples, ChunkResetHeader header) {
  BARO_ASSERT(!samples.empty() && samples.size() <= 65'535);
  const bool all_integers = std::ranges::all_of(samples, [](const HistogramSample& sample) {
    return IsStale(*sample.histogram) || AllIntegers(*sample.histogram);
  });
  const ChunkSide positive(samples, &FloatHistogram::positive_spans, &FloatHistogram::positive_buckets);
  const ChunkSide negative(samples, &FloatHistogram::negative_spans, &FloatHistogram::negative_buckets);
  EncodedHistogramChunk chunk;
  chunk.flavour = all_integers ? HistogramFlavour::kInteger : HistogramFlavour::kFloat;

  BitWriter out;
  out.Bits(samples.size(), 16);
  out.Bits(static_cast<std::uint64_t>(header), 8);
  const FloatHistogram none;
  const FloatHistogram& first = IsStale(*samples.front().histogram) ? none : *samples.front().histogram;
  WriteZeroThreshold(out, first.zero_threshold);
  WriteVarbit(out, first.schema);
  positive.WriteSpans(out);
  negative.WriteSpans(out);
  if (first.uses_custom_buckets()) {
    WriteVarbitUnsigned(out, first.custom_values.size());
    for (const double bound : first.custom_values) WriteCustomBound(out, bound);
  }
  SampleWriter writer(out, chunk.flavour, positive.size());
  std::vector<double> counts;
  for (const HistogramSample& sample : samples) {
    counts.clear();
    if (!IsStale(*sample.histogram)) {
      positive.Expand(*sample.histogram, counts);
      negative.Expand(*sample.histogram, counts);
    }
    writer.Write(sample.timestamp_ms, *sample.histogram, counts);
  }
  chunk.bytes = std::move(out.bytes());
  chunk.bytes.shrink_to_fit();
  return chunk;
}

}  // namespace baro::tsdb
