#include "scraper/loop/converted_histograms.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/number_text.h"
#include "model/names.h"

namespace baro::scraper {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::optional<double> BoundOf(const SampleLine& line) {
  const auto label = std::ranges::find(line.labels, model::kBucketLabel, &ExpositionLabel::name);
  if (label == line.labels.end()) return std::nullopt;
  const auto bound = base::ParseFloat(label->value);
  if (bound && std::isnan(*bound)) return std::nullopt;
  return bound;
}

}  // namespace

std::optional<HistogramPart> HistogramPartOf(const SampleLine& line) {
  struct Row {
    std::string_view suffix;
    HistogramPart::Kind kind;
  };
  static constexpr Row kRows[] = {{"_bucket", HistogramPart::Kind::kBucket},
                                  {"_count", HistogramPart::Kind::kCount},
                                  {"_sum", HistogramPart::Kind::kSum}};
  for (const auto& [suffix, kind] : kRows) {
    if (!line.name.ends_with(suffix)) continue;
    HistogramPart part{.kind = kind, .base = line.name.substr(0, line.name.size() - suffix.size())};
    if (kind != HistogramPart::Kind::kBucket) return part;
    const auto bound = BoundOf(line);
    if (!bound) return std::nullopt;
    part.bound = *bound;
    return part;
  }
  return std::nullopt;
}

std::uint32_t ConvertedHistograms::Find(const model::Labels& labels) {
  const auto [found, is_new] = numbers_.try_emplace(labels, 0);
  if (!is_new) return found->second;
  if (free_.empty()) {
    found->second = static_cast<std::uint32_t>(histograms_.size());
    histograms_.emplace_back();
  } else {
    found->second = free_.back();
    free_.pop_back();
  }
  histograms_[found->second].labels = labels;
  return found->second;
}

void ConvertedHistograms::AddPart(std::uint32_t number, const HistogramPart& part, SeriesHandle line) {
  Histogram& histogram = histograms_[number];
  histogram.parts.push_back({.kind = part.kind, .bound = part.bound, .line = line});
  histogram.is_sorted = false;
}

void ConvertedHistograms::RemovePart(std::uint32_t number, SeriesHandle line) {
  std::vector<SeriesHandle>& removed = histograms_[number].removed;
  if (removed.empty()) with_removed_.push_back(number);
  removed.push_back(line);
}

// Once for all of a histogram: one with a million lines may lose them all at a time.
std::vector<std::uint32_t> ConvertedHistograms::EraseRemoved() {
  std::vector<std::uint32_t> ended;
  for (const std::uint32_t number : with_removed_) {
    Histogram& histogram = histograms_[number];
    std::ranges::sort(histogram.removed);
    std::erase_if(histogram.parts, [&histogram](const Histogram::Part& part) {
      return std::ranges::binary_search(histogram.removed, part.line);
    });
    histogram.removed = {};
    if (histogram.parts.empty()) ended.push_back(number);
  }
  with_removed_.clear();
  return ended;
}

void ConvertedHistograms::Remove(std::uint32_t number) {
  numbers_.erase(histograms_[number].labels);
  histograms_[number] = {};
  free_.push_back(number);
}

void ConvertedHistograms::Note(SeriesHandle line, LineValue value) {
  const auto index = static_cast<std::size_t>(line);
  if (values_.size() <= index) values_.resize(std::max(index + 1, values_.size() * 2));
  if (values_[index].scrape == scrape_) return;  // the first sample of a line counts
  value.scrape = scrape_;
  values_[index] = value;
}

const ConvertedHistograms::LineValue* ConvertedHistograms::ValueOf(SeriesHandle line) const {
  const auto index = static_cast<std::size_t>(line);
  return index < values_.size() && values_[index].scrape == scrape_ ? &values_[index] : nullptr;
}

void ConvertedHistograms::Read(const ParsedExposition& seen) {
  ++scrape_;
  const auto starts_ms = seen.row_starts_ms();
  for (std::size_t i = 0; i < seen.handles().size(); ++i) {
    Note(seen.handles()[i], {.value = seen.values()[i], .start_ms = starts_ms.empty() ? 0 : starts_ms[i]});
  }
  for (const TimestampedSample& sample : seen.timestamped()) {
    Note(sample.series, {.value = sample.value, .timestamp_ms = sample.timestamp_ms});
  }
  ForEach([this](Histogram& histogram) {
    if (!histogram.is_sorted) {
      // Stable: of two lines with the same bound the one that came first counts.
      std::ranges::stable_sort(histogram.parts, {},
                               [](const Histogram::Part& part) { return std::tuple(part.kind, part.bound); });
      histogram.is_sorted = true;
    }
    Make(histogram);
  });
}

// Counts of buckets, which are cumulative in lines, by themselves. Present are those that agree with each other.
void ConvertedHistograms::Make(Histogram& histogram) const {
  model::FloatHistogram& made = histogram.value;
  made = {.schema = model::kSchemaCustom};
  if (histogram.is_gauge) made.counter_reset_hint = model::CounterResetHint::kGauge;
  histogram.is_present = false;
  std::optional<double> count;
  const LineValue* newest = nullptr;
  double last_bound = -kInfinity;
  double cumulative = 0;
  bool has_bucket = false;
  for (const Histogram::Part& part : histogram.parts) {
    const LineValue* const line = ValueOf(part.line);
    if (line == nullptr) continue;
    newest = line;
    if (part.kind == HistogramPart::Kind::kSum) {
      made.sum = line->value;
    } else if (part.kind == HistogramPart::Kind::kCount) {
      if (!count) count = line->value;
    } else if (!has_bucket || part.bound > last_bound) {
      if (!(line->value >= cumulative)) return;  // not cumulative, negative or NaN
      made.positive_buckets.push_back(line->value - cumulative);
      if (part.bound < kInfinity) made.custom_values.push_back(part.bound);
      cumulative = line->value;
      last_bound = part.bound;
      has_bucket = true;
    }
  }
  if (newest == nullptr) return;
  made.count = count.value_or(cumulative);
  if (last_bound < kInfinity || !has_bucket) {
    made.positive_buckets.push_back(made.count - cumulative);
  } else if (made.count != cumulative) {
    return;
  }
  made.positive_spans = {{.offset = 0, .length = static_cast<std::uint32_t>(made.positive_buckets.size())}};
  if (!(made.count >= cumulative) || !made.Validate()) return;
  made.Compact(0);
  histogram.is_present = true;
  histogram.timestamp_ms = newest->timestamp_ms;
  histogram.start_ms = newest->start_ms;
  histogram.had_timestamp = newest->timestamp_ms.has_value();
}

}  // namespace baro::scraper
