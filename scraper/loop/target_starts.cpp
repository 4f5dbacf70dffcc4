// Starts: the part of target_writer.h that is about since when samples count.
#include <algorithm>
#include <cmath>

#include "scraper/loop/target_writer.h"

namespace baro::scraper {
namespace {

/// 0 for what is no time.
std::int64_t MsOfSeconds(double seconds) {
  constexpr double kMsMax = 9e15;
  const double ms = seconds * 1000;
  return ms >= 0 && ms < kMsMax ? std::llround(ms) : 0;
}

}  // namespace

std::int64_t TargetWriter::StartOf(const ConvertedHistograms::Histogram& histogram) const {
  const auto place = start_places_.find(histogram.start_key);
  if (place == start_places_.end()) return histogram.start_ms;
  return MsOfSeconds(cache_.parsed().values()[place->second]);
}

std::int64_t TargetWriter::StartAt(std::size_t index, std::int64_t timestamp_ms) const {
  if (!synthesized_ms_.empty() && synthesized_ms_[index] != 0) {
    return StartOrNone(synthesized_ms_[index], timestamp_ms);
  }
  return reads_starts() ? ToldStartAt(index, timestamp_ms) : 0;
}

std::int64_t TargetWriter::ToldStartAt(std::size_t index, std::int64_t timestamp_ms) const {
  if (const auto told = cache_.parsed().row_starts_ms(); !told.empty()) {
    return StartOrNone(told[places_.empty() ? index : places_[index]], timestamp_ms);
  }
  if (starts_.empty() || starts_[index] == kNoStart) return 0;
  return StartOrNone(MsOfSeconds(cache_.parsed().values()[starts_[index]]), timestamp_ms);
}

void TargetWriter::AppendStarts(std::int64_t timestamp_ms, tsdb::Appender& appender) {
  for (std::size_t i = 0; i < refs_.size(); ++i) {
    TellStart(HandleAt(i), refs_[i], {.from_ms = timestamp_ms, .start_ms = StartAt(i, timestamp_ms)}, appender);
  }
}

void TargetWriter::TellStart(SeriesHandle handle, tsdb::SeriesRef ref, StartRun run, tsdb::Appender& appender) {
  if (series_.told_start_ms(handle) == run.start_ms) return;
  if (job_.stores_starts) appender.AppendStart(ref, run.from_ms, run.start_ms);
  series_.set_told_start_ms(handle, run.start_ms);
}

// A counter that is new began with 0, and so did one that began anew. In a commit of its own: a commit takes a series
// in a row or singly. What is not newer than what storage has is refused there, as in Prometheus without a word.
void TargetWriter::WriteZeros(std::int64_t timestamp_ms) {
  std::unique_ptr<tsdb::Appender> zeros;
  for (std::size_t i = 0; i < refs_.size(); ++i) {
    const std::int64_t start_ms = StartAt(i, timestamp_ms);
    if (start_ms == 0 || series_.told_start_ms(HandleAt(i)) == start_ms) continue;
    if (zeros == nullptr) zeros = storage_.NewAppender();
    zeros->Append(refs_[i], {.timestamp_ms = start_ms, .value = 0});
  }
  for (const HistogramSample& sample : histograms_) {
    const std::int64_t start_ms = StartOrNone(sample.start_ms, sample.timestamp_ms.value_or(timestamp_ms));
    if (start_ms == 0 || series_.told_start_ms(sample.series) == start_ms) continue;
    if (zeros == nullptr) zeros = storage_.NewAppender();
    const model::FloatHistogram zero{.counter_reset_hint = model::CounterResetHint::kReset,
                                     .schema = sample.histogram->schema,
                                     .zero_threshold = sample.histogram->zero_threshold,
                                     .custom_values = sample.histogram->custom_values};
    (void)zeros->AppendHistogram(series_.ref(sample.series), start_ms, zero).has_value();
  }
  // If it cannot be stored, neither can the scrape, which says so.
  if (zeros != nullptr) (void)zeros->Commit(tsdb::Durability::kInterval).has_value();
}

// Before anything is appended: what is stored of a sample depends on those before it.
void TargetWriter::Synthesize(std::int64_t timestamp_ms) {
  unstored_.clear();
  unstored_places_.clear();
  SynthesizeRow(timestamp_ms);
  std::erase_if(histograms_, [&](HistogramSample& sample) {
    if (!series_.counts(sample.series)) return false;
    const std::int64_t sample_ms = sample.timestamp_ms.value_or(timestamp_ms);
    if (reads_starts() && StartOrNone(sample.start_ms, sample_ms) != 0) {
      series_.ForgetSynthesis(sample.series);
      return false;
    }
    SynthesizedStart& start = series_.synthesis(sample.series);
    const auto verdict = start.Take(sample_ms, sample.histogram);
    sample.start_ms = start.start_ms();
    return !IsStored(verdict, sample.series);
  });
}

void TargetWriter::SynthesizeRow(std::int64_t timestamp_ms) {
  ReadValues();
  synthesized_ms_.assign(refs_.size(), 0);
  for (std::size_t i = 0; i < refs_.size(); ++i) {
    const SeriesHandle handle = HandleAt(i);
    if (!series_.counts(handle)) continue;
    if (reads_starts() && ToldStartAt(i, timestamp_ms) != 0) {
      series_.ForgetSynthesis(handle);
      continue;
    }
    SynthesizedStart& start = series_.synthesis(handle);
    const auto verdict = start.Take(timestamp_ms, values_[i]);
    synthesized_ms_[i] = start.start_ms();
    if (!IsStored(verdict, handle)) unstored_places_.push_back(static_cast<std::uint32_t>(i));
  }
}

bool TargetWriter::SynthesizeOne(SeriesHandle handle, model::Sample& sample) {
  if (!series_.counts(handle)) return true;
  return IsStored(series_.synthesis(handle).Take(sample.timestamp_ms, sample.value), handle);
}

// Remembers what is not.
bool TargetWriter::IsStored(SynthesizedStart::Verdict verdict, SeriesHandle handle) {
  if (verdict == SynthesizedStart::Verdict::kStored) return true;
  if (verdict == SynthesizedStart::Verdict::kTooLate) {
    Count(tsdb::SampleStatus::kOutOfOrder);
    series_.ForgetSynthesis(handle);
  }
  unstored_.push_back(handle);
  return false;
}

}  // namespace baro::scraper
