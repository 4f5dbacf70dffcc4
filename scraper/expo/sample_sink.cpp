#include "scraper/expo/sample_sink.h"

#include <algorithm>

#include "model/exemplar.h"

namespace baro::scraper::expo {
namespace {

/// Histograms whose memory is kept from one exposition to the next.
constexpr std::size_t kHistogramsKept = 4'096;

}  // namespace

void SampleSink::Begin(bool honors_timestamps) {
  if (++generation_ == 0) {  // once in four billion: no old mark may look new
    for (SeriesState& state : states_) state.row_generation = state.seen_generation = 0;
    generation_ = 1;
  }
  row_before_ = out_.row_size_;
  is_row_changed_ = false;
  honors_timestamps_ = honors_timestamps;
  out_.row_size_ = 0;
  out_.row_starts_ms_.clear();
  out_.timestamped_.clear();
  out_.repeated_.clear();
  out_.histograms_.clear();
  out_.exemplars_.clear();
  out_.released_.clear();
  out_.samples_count_ = out_.dropped_count_ = out_.resolved_count_ = out_.predicted_count_ = 0;
  out_.exemplars_left_out_count_ = 0;
  exemplar_labels_.clear();
  exemplar_texts_.clear();
  fresh_.clear();
  histograms_used_ = 0;
  if (histograms_.size() > kHistogramsKept) histograms_.resize(kHistogramsKept);
}

void SampleSink::End() {
  if (is_row_changed_ || out_.row_size_ != row_before_) ++out_.row_revision_;
}

base::Result<SeriesHandle> SampleSink::Resolve(SeriesResolver& resolver, const SampleLine& line) {
  ++out_.resolved_count_;
  base::Result<SeriesHandle> resolved = resolver.Resolve(line);
  if (!resolved || *resolved == SeriesHandle::kDropped) return resolved;
  BARO_ASSERT(*resolved <= SeriesHandle::kMax);
  const auto number = static_cast<std::size_t>(*resolved);
  if (states_.size() <= number) states_.resize(std::max(number + 1, states_.size() * 2));
  fresh_.push_back(*resolved);
  return resolved;
}

void SampleSink::GrowRow(std::size_t more) {
  const std::size_t want = out_.row_size_ + more;
  const std::size_t size = std::max(want, out_.row_handles_.size() * 2);
  out_.row_handles_.resize(size);
  out_.row_values_.resize(size);
}

void SampleSink::EmitSample(SeriesHandle series, double value, std::optional<std::int64_t> timestamp_ms) {
  ++out_.samples_count_;
  if (!timestamp_ms || !honors_timestamps_ || series == SeriesHandle::kDropped) {
    Emit(series, value);
    return;
  }
  SeriesState& state = StateOf(series);
  state.seen_generation = generation_;
  state.had_timestamp = true;
  out_.timestamped_.push_back({series, value, *timestamp_ms});
}

void SampleSink::EmitSampleWithStart(SeriesHandle series, double value, std::optional<std::int64_t> timestamp_ms,
                                     std::int64_t start_ms) {
  const std::size_t index = out_.row_size_;
  MakeRowRoom(1);
  EmitSample(series, value, timestamp_ms);
  if (out_.row_size_ != index) out_.row_starts_ms_.push_back(start_ms);
}

model::FloatHistogram& SampleSink::NewHistogram() {
  if (histograms_used_ == histograms_.size()) histograms_.emplace_back();
  model::FloatHistogram& histogram = histograms_[histograms_used_++];
  histogram.counter_reset_hint = model::CounterResetHint::kUnknown;
  histogram.schema = 0;
  histogram.zero_threshold = histogram.zero_count = histogram.count = histogram.sum = 0;
  histogram.positive_spans.clear();
  histogram.negative_spans.clear();
  histogram.positive_buckets.clear();
  histogram.negative_buckets.clear();
  histogram.custom_values.clear();
  return histogram;
}

void SampleSink::EmitHistogram(SeriesHandle series, std::optional<std::int64_t> timestamp_ms, std::int64_t start_ms) {
  ++out_.samples_count_;
  if (series == SeriesHandle::kDropped) {
    ++out_.dropped_count_;
    return;
  }
  SeriesState& state = StateOf(series);
  const bool has_timestamp = timestamp_ms && honors_timestamps_;
  state.seen_generation = generation_;
  state.had_timestamp = has_timestamp;
  out_.histograms_.push_back({.series = series,
                              .histogram = &histograms_[histograms_used_ - 1],
                              .timestamp_ms = has_timestamp ? timestamp_ms : std::nullopt,
                              .start_ms = start_ms});
}

// What exemplars view lies in a parser's scratch, which is used again: they are few, all of it is copied.
void SampleSink::KeepExemplar(SeriesHandle series, const ExpositionExemplar& exemplar,
                              std::optional<std::int64_t> sample_timestamp_ms) {
  const std::size_t count = exemplar.labels.size();
  if (count > model::kExemplarLabelRunesMax) return;  // storage would refuse it, for each name has a character
  std::size_t size_bytes = 0;
  for (const ExpositionLabel& label : exemplar.labels) size_bytes += label.name.size() + label.value.size();
  constexpr std::size_t kRuneBytesMax = 4;
  if (size_bytes > model::kExemplarLabelRunesMax * kRuneBytesMax) return;  // the same
  if (out_.exemplars_.size() == kExemplarsMax) {
    ++out_.exemplars_left_out_count_;
    return;
  }
  auto& text = *exemplar_texts_.emplace_back(std::make_unique<std::string>());
  text.reserve(size_bytes);
  const auto keep = [&text](std::string_view part) {
    text += part;
    return std::string_view(text).substr(text.size() - part.size());
  };
  auto& labels = exemplar_labels_.emplace_back(std::make_unique<ExpositionLabel[]>(count));
  for (std::size_t i = 0; i < count; ++i) {
    labels[i].name = keep(exemplar.labels[i].name);
    labels[i].value = keep(exemplar.labels[i].value);
  }
  out_.exemplars_.push_back({.series = series,
                             .labels = {labels.get(), count},
                             .value = exemplar.value,
                             .timestamp_ms = exemplar.timestamp_ms,
                             .sample_timestamp_ms = sample_timestamp_ms});
}

// A series that is reported is marked as seen, so that it is reported once.
void SampleSink::ReleaseIfAbsent(SeriesHandle series) {
  if (series == SeriesHandle::kDropped) return;
  SeriesState& state = StateOf(series);
  if (state.seen_generation == generation_) return;
  state.seen_generation = generation_;
  out_.released_.push_back({.series = series, .was_present = true, .had_timestamp = state.had_timestamp});
}

void SampleSink::ReleaseFresh(std::vector<bool> is_kept) {
  for (const SeriesHandle series : fresh_) {
    if (is_kept[static_cast<std::uint32_t>(series)]) continue;
    is_kept[static_cast<std::uint32_t>(series)] = true;
    out_.released_.push_back({.series = series, .was_present = false, .had_timestamp = false});
  }
}

}  // namespace baro::scraper::expo
