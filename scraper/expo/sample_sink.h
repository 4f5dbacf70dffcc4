// Where the samples of an exposition go, whatever its format: the row, and what a row cannot hold.
//
// Threads  Confined to its cache.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/histogram.h"
#include "scraper/exposition.h"

namespace baro::scraper::expo {

/// Fills a ParsedExposition and knows which series had samples. One call of ExpositionCache::Parse() is Begin(),
/// samples in their order, End(), and then the release of what is gone.
class SampleSink {
 public:
  const ParsedExposition& out() const { return out_; }
  ParsedExposition& out() { return out_; }

  void Begin(bool honors_timestamps);
  /// All samples are there, or as many as an error left.
  void End();

  bool honors_timestamps() const { return honors_timestamps_; }

  /// Asks the resolver. Errors   the resolver's.
  base::Result<SeriesHandle> Resolve(SeriesResolver& resolver, const SampleLine& line);

  /// Room in the row for so many further samples: Emit() does not look.
  void MakeRowRoom(std::size_t more) {
    if (out_.row_handles_.size() < out_.row_size_ + more) GrowRow(more);
  }

  /// A value for the row; does not count the sample.
  void Emit(SeriesHandle series, double value) {
    if (series == SeriesHandle::kDropped) {
      ++out_.dropped_count_;
      return;
    }
    SeriesState& state = StateOf(series);
    if (state.row_generation == generation_) [[unlikely]] {
      out_.repeated_.push_back({series, value, out_.row_values_[state.row_index]});
      return;
    }
    const std::size_t index = out_.row_size_++;
    state = {.row_generation = generation_,
             .seen_generation = generation_,
             .row_index = static_cast<std::uint32_t>(index),
             .had_timestamp = false};
    SeriesHandle* const handles = out_.row_handles_.data();
    is_row_changed_ |= index >= row_before_ || handles[index] != series;
    handles[index] = series;
    out_.row_values_.data()[index] = value;
  }

  /// Samples without times, counted, that all count since `start_ms`, 0 for no start that is told. `Sample` has a
  /// `series`.
  template <typename Sample>
  void EmitBlock(std::span<const Sample> samples, const double* values, std::int64_t start_ms) {
    MakeRowRoom(samples.size());
    out_.samples_count_ += samples.size();
    for (const Sample& sample : samples) Emit(sample.series, *values++);
    out_.row_starts_ms_.resize(out_.row_size_, start_ms);
  }

  /// A sample as it is written, counted.
  void EmitSample(SeriesHandle series, double value, std::optional<std::int64_t> timestamp_ms);
  /// The same with the start that its message tells, 0 for none. Once used, all samples of the exposition come this
  /// way.
  void EmitSampleWithStart(SeriesHandle series, double value, std::optional<std::int64_t> timestamp_ms,
                           std::int64_t start_ms);

  /// An empty histogram to be filled; it lives until the next Begin().
  model::FloatHistogram& NewHistogram();
  /// The histogram that NewHistogram() gave last, counted.
  void EmitHistogram(SeriesHandle series, std::optional<std::int64_t> timestamp_ms, std::int64_t start_ms);

  /// Copies what the exemplar views. One with very many labels is passed over.
  void KeepExemplar(SeriesHandle series, const ExpositionExemplar& exemplar,
                    std::optional<std::int64_t> sample_timestamp_ms);

  void CountSample() { ++out_.samples_count_; }
  /// A sample whose series the resolver refused.
  void CountRefused() {
    ++out_.samples_count_;
    ++out_.dropped_count_;
  }
  void CountPredicted(std::size_t count) { out_.predicted_count_ += count; }

  /// A series of the last good exposition: reported as released if it had no sample in this one.
  void ReleaseIfAbsent(SeriesHandle series);
  /// After an error: series that only this call asked for. `is_kept[handle]`: the last good exposition has it.
  void ReleaseFresh(std::vector<bool> is_kept);
  std::size_t handles_count() const { return states_.size(); }

  bool had_timestamp(SeriesHandle series) const { return states_[static_cast<std::uint32_t>(series)].had_timestamp; }

 private:
  // What is known of a handle. Generations number the calls of Begin().
  struct SeriesState {
    std::uint32_t row_generation = 0;   // has a value in the row of that call
    std::uint32_t seen_generation = 0;  // had a sample in that call
    std::uint32_t row_index = 0;
    bool had_timestamp = false;
  };
  void GrowRow(std::size_t more);
  SeriesState& StateOf(SeriesHandle series) { return states_[static_cast<std::uint32_t>(series)]; }

  std::uint32_t generation_ = 0;
  std::vector<SeriesState> states_;
  std::vector<SeriesHandle> fresh_;  // given by Resolve() in this call
  ParsedExposition out_;
  std::vector<std::unique_ptr<ExpositionLabel[]>> exemplar_labels_;
  std::vector<std::unique_ptr<std::string>> exemplar_texts_;
  std::deque<model::FloatHistogram> histograms_;  // used again, for their memory
  std::size_t histograms_used_ = 0;
  std::size_t row_before_ = 0;  // size of the row when the call began
  bool is_row_changed_ = false;
  bool honors_timestamps_ = true;
};

}  // namespace baro::scraper::expo
