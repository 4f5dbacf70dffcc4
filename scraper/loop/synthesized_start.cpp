#include "scraper/loop/synthesized_start.h"

#include <span>

namespace baro::scraper {
namespace {

using model::MetricType;

std::span<const std::string_view> SuffixesOf(MetricType type) {
  static constexpr std::string_view kCounter[] = {"_total"};
  static constexpr std::string_view kHistogram[] = {"_bucket", "_sum", "_count"};
  static constexpr std::string_view kSummary[] = {"_sum", "_count"};
  if (type == MetricType::kCounter) return kCounter;
  if (type == MetricType::kHistogram) return kHistogram;
  return kSummary;
}

bool IsSaid(const ExpositionCache& metadata, std::string_view family, MetricType type) {
  const model::Metadata* const said = metadata.MetadataOf(family);
  return said != nullptr && said->type == type;
}

}  // namespace

bool CountsSinceAStart(const SampleLine& line, const ExpositionCache& metadata) {
  const bool is_summary = line.type == MetricType::kSummary;
  if (line.type != MetricType::kCounter && line.type != MetricType::kHistogram && !is_summary) return false;
  // A quantile has the name of its family, and does not count.
  if (!is_summary && IsSaid(metadata, line.name, line.type)) return true;
  for (const std::string_view suffix : SuffixesOf(line.type)) {
    if (!line.name.ends_with(suffix)) continue;
    if (IsSaid(metadata, line.name.substr(0, line.name.size() - suffix.size()), line.type)) return true;
  }
  return false;
}

std::optional<SynthesizedStart::Verdict> SynthesizedStart::Begin(std::int64_t timestamp_ms, bool has_last) {
  if (!has_last) {
    start_ms_ = last_ms_ = timestamp_ms;
    return Verdict::kFirst;
  }
  if (timestamp_ms <= last_ms_) return Verdict::kTooLate;
  last_ms_ = timestamp_ms;
  return std::nullopt;
}

SynthesizedStart::Verdict SynthesizedStart::Take(std::int64_t timestamp_ms, double& value) {
  const auto verdict = Begin(timestamp_ms, start_ms_ != 0 && histograms_ == nullptr);
  if (verdict == Verdict::kTooLate) return *verdict;
  histograms_.reset();
  if (verdict) {
    last_ = zero_ = value;
    return *verdict;
  }
  if (value < last_) {
    zero_ = 0;
    start_ms_ = timestamp_ms - 1;  // some time after the sample before: the guess that overstates no rate before it
  }
  last_ = value;
  value -= zero_;
  return Verdict::kStored;
}

SynthesizedStart::Verdict SynthesizedStart::Take(std::int64_t timestamp_ms, const model::FloatHistogram*& histogram) {
  const auto verdict = Begin(timestamp_ms, start_ms_ != 0 && histograms_ != nullptr);
  if (verdict == Verdict::kTooLate) return *verdict;
  if (verdict) {
    histograms_ = std::make_unique<Histograms>(Histograms{.last = *histogram, .zero = *histogram, .grown = {}});
    return *verdict;
  }
  Histograms& seen = *histograms_;
  const bool is_reset = histogram->DetectReset(seen.last);
  seen.last = *histogram;
  if (is_reset) {
    seen.zero.reset();
    start_ms_ = timestamp_ms - 1;
  }
  if (!seen.zero) return Verdict::kStored;
  seen.grown = *histogram;
  if (const auto subtracted = seen.grown.Sub(*seen.zero); !subtracted) {
    seen.zero = *histogram;  // of another kind of buckets, which is a series anew
    start_ms_ = timestamp_ms;
    return Verdict::kFirst;
  }
  seen.grown.counter_reset_hint = histogram->counter_reset_hint;
  seen.grown.Compact(0);
  histogram = &seen.grown;
  return Verdict::kStored;
}

}  // namespace baro::scraper
