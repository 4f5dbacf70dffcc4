#include "tsdb/promblock/series_chunker.h"

#include <algorithm>
#include <bit>

namespace baro::tsdb {
namespace {

using model::CounterResetHint;
using model::FloatHistogram;

// A chunk of histograms with very many buckets ends earlier, so that what waits for its end stays small.
constexpr std::size_t kChunkBucketsTarget = 256 * 1024;

/// Steps through one side's buckets.
class BucketWalk {
 public:
  BucketWalk(const std::vector<model::Span>& spans, const std::vector<double>& counts)
      : spans_(spans), counts_(counts) {
    EnterSpan();
  }

  bool AtEnd() const { return at_ == counts_.size() || span_ == spans_.size(); }
  std::int64_t index() const { return index_; }
  double count() const { return counts_[at_]; }
  void Next() {
    ++at_;
    ++index_;
    if (--left_ > 0) return;
    ++span_;
    EnterSpan();
  }

 private:
  void EnterSpan() {
    for (; span_ < spans_.size(); ++span_) {
      index_ += spans_[span_].offset;
      left_ = spans_[span_].length;
      if (left_ > 0) return;
    }
  }

  const std::vector<model::Span>& spans_;
  const std::vector<double>& counts_;
  std::size_t span_ = 0;
  std::size_t at_ = 0;
  std::int64_t index_ = 0;
  std::uint32_t left_ = 0;
};

/// Whether some bucket has a lower count than before, or is gone although it was populated.
bool AnyLower(BucketWalk before, BucketWalk after) {
  for (; !before.AtEnd(); before.Next()) {
    while (!after.AtEnd() && after.index() < before.index()) after.Next();
    const bool is_there = !after.AtEnd() && after.index() == before.index();
    if (before.count() > (is_there ? after.count() : 0)) return true;
  }
  return false;
}

bool SameBits(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

bool HasLayoutOf(const FloatHistogram& a, const FloatHistogram& b) {
  return a.schema == b.schema && SameBits(a.zero_threshold, b.zero_threshold) &&
         std::ranges::equal(a.custom_values, b.custom_values, SameBits);
}

bool IsCounterReset(const FloatHistogram& before, const FloatHistogram& after) {
  return after.count < before.count || after.zero_count < before.zero_count ||
         AnyLower({before.positive_spans, before.positive_buckets}, {after.positive_spans, after.positive_buckets}) ||
         AnyLower({before.negative_spans, before.negative_buckets}, {after.negative_spans, after.negative_buckets});
}

}  // namespace

void SeriesChunker::Append(model::Sample sample, const Emit& emit) {
  FinishHistograms(emit);
  header_ = ChunkResetHeader::kUnknown;
  if (floats_.count() == kChunkSamplesTarget) FinishFloats(emit);
  if (floats_.count() == 0) min_time_ms_ = sample.timestamp_ms;
  max_time_ms_ = sample.timestamp_ms;
  floats_.Append(sample);
}

void SeriesChunker::Append(const HistogramSample& sample, const Emit& emit) {
  FinishFloats(emit);
  const FloatHistogram& histogram = *sample.histogram;
  if (histograms_.empty()) {
    using enum CounterResetHint;
    const CounterResetHint hint = histogram.counter_reset_hint;
    header_ = hint == kGauge   ? ChunkResetHeader::kGauge
              : hint == kReset ? ChunkResetHeader::kReset
                               : ChunkResetHeader::kUnknown;
  } else {
    ChunkResetHeader next = ChunkResetHeader::kUnknown;
    if (!Fits(histogram, next)) {
      FinishHistograms(emit);
      header_ = next;
    }
  }
  buckets_ += histogram.positive_buckets.size() + histogram.negative_buckets.size();
  histograms_.push_back(sample);
}

void SeriesChunker::Finish(const Emit& emit) {
  FinishFloats(emit);
  FinishHistograms(emit);
}

// A chunk tells its readers that there is no reset within it, so there must be none.
bool SeriesChunker::Fits(const FloatHistogram& histogram, ChunkResetHeader& header_if_not) const {
  const FloatHistogram& last = *histograms_.back().histogram;
  const bool is_full = histograms_.size() >= kChunkSamplesTarget || buckets_ >= kChunkBucketsTarget;
  const bool is_gauge = histogram.counter_reset_hint == CounterResetHint::kGauge;
  const bool is_stale = model::IsStaleNaN(histogram.sum);
  header_if_not = is_gauge ? ChunkResetHeader::kGauge : ChunkResetHeader::kUnknown;
  if (is_stale) return !is_full;
  if (model::IsStaleNaN(last.sum) || is_gauge != (header_ == ChunkResetHeader::kGauge)) return false;
  if (is_gauge) return !is_full && HasLayoutOf(last, histogram);
  if (histogram.counter_reset_hint == CounterResetHint::kReset) {
    header_if_not = ChunkResetHeader::kReset;
    return false;
  }
  if (!HasLayoutOf(last, histogram)) return false;
  const bool is_reset = IsCounterReset(last, histogram);
  header_if_not = is_reset ? ChunkResetHeader::kReset : ChunkResetHeader::kNotReset;
  return !is_reset && !is_full;
}

void SeriesChunker::FinishFloats(const Emit& emit) {
  if (floats_.count() == 0) return;
  const std::uint32_t samples = floats_.count();
  emit({.encoding = ChunkEncoding::kXor,
        .min_time_ms = min_time_ms_,
        .max_time_ms = max_time_ms_,
        .samples = samples,
        .data = floats_.Take()});
}

void SeriesChunker::FinishHistograms(const Emit& emit) {
  if (histograms_.empty()) return;
  EncodedHistogramChunk chunk = EncodeHistogramChunk(histograms_, header_);
  emit({.encoding =
            chunk.flavour == HistogramFlavour::kInteger ? ChunkEncoding::kHistogram : ChunkEncoding::kFloatHistogram,
        .min_time_ms = histograms_.front().timestamp_ms,
        .max_time_ms = histograms_.back().timestamp_ms,
        .samples = static_cast<std::uint32_t>(histograms_.size()),
        .data = std::move(chunk.bytes)});
  histograms_.clear();
  buckets_ = 0;
  header_ = ChunkResetHeader::kUnknown;
}

}  // namespace baro::tsdb
