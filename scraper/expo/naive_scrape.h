// The model that the predicting cache is compared with, by its tests and its fuzzer: parse from scratch, remember
// nothing.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "model/quote.h"
#include "scraper/exposition.h"

namespace baro::scraper::expo {

/// A series as text that is the same for the same set of labels.
inline std::string SeriesText(const SampleLine& line);

/// Numbers series densely, uses released numbers again, and drops series whose name begins with "drop".
///
/// Threads  Confined.
class RecordingResolver : public SeriesResolver {
 public:
  base::Result<SeriesHandle> Resolve(const SampleLine& line) override;

  void Forget(std::span<const ReleasedSeries> released);
  /// The series that was asked for last.
  const std::string& last() const { return last_; }
  const std::string& text_of(SeriesHandle series) const { return texts_[static_cast<std::uint32_t>(series)]; }
  /// Handles that are given and not released.
  std::set<std::string> Live() const;

 private:
  std::vector<std::string> texts_;  // by handle; empty where free
  std::map<std::string, std::uint32_t> handles_;
  std::string last_;
};

/// What one exposition gave.
struct ScrapedSamples {
  std::string error;                 // of parsing
  std::vector<std::string> samples;  // series, bits of the value, timestamp, exemplar; sorted; no dropped series
  std::string problem;               // what contradicts itself in the cache's answer; empty is good
};

inline ScrapedSamples NaiveScrape(std::string_view body, const ExpositionCache::Options& options);

/// Parses with the cache, and checks what it says of released series and of the row against `resolver`.
inline ScrapedSamples CachedScrape(ExpositionCache& cache, RecordingResolver& resolver, std::string_view body,
                                   const ExpositionCache::Options& options);

namespace internal {

inline std::string LabelsText(std::span<const ExpositionLabel> labels) {
  std::vector<std::string> parts;
  for (const ExpositionLabel& label : labels) {
    std::string part;
    model::AppendLabelName(part, label.name);
    parts.push_back(part + "=" + model::Quoted(label.value));
  }
  std::sort(parts.begin(), parts.end());
  return fmt::format("{{{}}}", fmt::join(parts, ","));
}

inline std::string TimeText(std::optional<std::int64_t> timestamp_ms) {
  return timestamp_ms ? fmt::format(" @{}", *timestamp_ms) : std::string();
}

inline std::string SampleText(const std::string& series, double value, std::optional<std::int64_t> timestamp_ms) {
  return fmt::format("{} {:x}{}", series, std::bit_cast<std::uint64_t>(value), TimeText(timestamp_ms));
}

/// A histogram with all that storage keeps of it.
inline std::string HistogramText(const std::string& series, const model::FloatHistogram& histogram,
                                 std::optional<std::int64_t> timestamp_ms) {
  return fmt::format("{} histogram {} schema {} hint {} zero {:x} sum {:x}{}", series, histogram.ToString(),
                     histogram.schema, static_cast<int>(histogram.counter_reset_hint),
                     std::bit_cast<std::uint64_t>(histogram.zero_threshold),
                     std::bit_cast<std::uint64_t>(histogram.sum), TimeText(timestamp_ms));
}

inline std::string StartText(std::int64_t start_ms) {
  return start_ms == 0 ? std::string() : fmt::format(" since {}", start_ms);
}

inline std::string ExemplarText(const std::string& series, std::span<const ExpositionLabel> labels, double value,
                                std::optional<std::int64_t> timestamp_ms,
                                std::optional<std::int64_t> sample_timestamp_ms) {
  return fmt::format("exemplar {}{} # {} {:x}{}", series, TimeText(sample_timestamp_ms), LabelsText(labels),
                     std::bit_cast<std::uint64_t>(value), TimeText(timestamp_ms));
}

inline bool IsDroppedName(std::string_view name) { return name.starts_with("drop"); }

// Series that were live before and are not in the exposition must be released, and no others.
inline std::string CheckReleased(const ParsedExposition& parsed, const RecordingResolver& resolver,
                                 const std::set<std::string>& present_before,
                                 const std::set<std::string>& present_now) {
  std::set<std::string> released;
  for (const ReleasedSeries& gone : parsed.released()) {
    const std::string& text = resolver.text_of(gone.series);
    if (!released.insert(text).second) return "released twice: " + text;
    if (gone.was_present != present_before.contains(text)) return "was_present is wrong: " + text;
    if (present_now.contains(text)) return "released, but present: " + text;
  }
  for (const std::string& text : present_before) {
    if (!present_now.contains(text) && !released.contains(text)) return "vanished, but not released: " + text;
  }
  return {};
}

inline std::set<std::string> TextsOf(const std::vector<ReleasedSeries>& present, const RecordingResolver& resolver) {
  std::set<std::string> texts;
  for (const ReleasedSeries& series : present) texts.insert(resolver.text_of(series.series));
  return texts;
}

}  // namespace internal

inline std::string SeriesText(const SampleLine& line) {
  std::string name;
  model::AppendLabelName(name, line.name);
  return name + internal::LabelsText(line.labels);
}

inline base::Result<SeriesHandle> RecordingResolver::Resolve(const SampleLine& line) {
  last_ = SeriesText(line);
  if (internal::IsDroppedName(line.name)) return SeriesHandle::kDropped;
  const auto [found, is_new] = handles_.try_emplace(last_, 0);
  if (is_new) {
    const auto free = std::find(texts_.begin(), texts_.end(), "");
    found->second = static_cast<std::uint32_t>(free - texts_.begin());
    if (free == texts_.end()) texts_.emplace_back();
    texts_[found->second] = last_;
  }
  return static_cast<SeriesHandle>(found->second);
}

inline void RecordingResolver::Forget(std::span<const ReleasedSeries> released) {
  for (const ReleasedSeries& gone : released) {
    std::string& text = texts_[static_cast<std::uint32_t>(gone.series)];
    handles_.erase(text);
    text.clear();
  }
}

inline std::set<std::string> RecordingResolver::Live() const {
  std::set<std::string> live;
  for (const auto& [text, handle] : handles_) live.insert(text);
  return live;
}

inline ScrapedSamples NaiveScrape(std::string_view body, const ExpositionCache::Options& options) {
  ScrapedSamples out;
  ExpositionReader reader(body, options.format);
  while (true) {
    const auto next = reader.Next();
    if (!next) {
      out = {.error = next.error().message()};
      break;
    }
    const ExpositionEvent& event = **next;
    if (event.kind == ExpositionEvent::Kind::kEnd) break;
    if (event.kind != ExpositionEvent::Kind::kSample || internal::IsDroppedName(event.sample.name)) continue;
    const std::string series = SeriesText(event.sample);
    out.samples.push_back(
        internal::SampleText(series, event.value, options.honor_timestamps ? event.timestamp_ms : std::nullopt));
    if (event.exemplar) {
      out.samples.push_back(internal::ExemplarText(series, event.exemplar->labels, event.exemplar->value,
                                                   event.exemplar->timestamp_ms, event.timestamp_ms));
    }
  }
  std::sort(out.samples.begin(), out.samples.end());
  return out;
}

inline ScrapedSamples CachedScrape(ExpositionCache& cache, RecordingResolver& resolver, std::string_view body,
                                   const ExpositionCache::Options& options) {
  const std::set<std::string> before = internal::TextsOf(cache.PresentSeries(), resolver);
  const std::vector<SeriesHandle> row_before(cache.parsed().handles().begin(), cache.parsed().handles().end());
  const std::uint64_t revision_before = cache.parsed().row_revision();
  ScrapedSamples out;
  const base::Result<> result = cache.Parse(body, options, resolver);
  const ParsedExposition& parsed = cache.parsed();
  if (!result) out.error = result.error().message();
  if (result) {
    for (std::size_t i = 0; i < parsed.values().size(); ++i) {
      const std::int64_t start_ms = parsed.row_starts_ms().empty() ? 0 : parsed.row_starts_ms()[i];
      out.samples.push_back(internal::SampleText(resolver.text_of(parsed.handles()[i]), parsed.values()[i], {}) +
                            internal::StartText(start_ms));
    }
    for (const auto& sample : parsed.histograms()) {
      out.samples.push_back(
          internal::HistogramText(resolver.text_of(sample.series), *sample.histogram, sample.timestamp_ms) +
          internal::StartText(sample.start_ms));
    }
    for (const auto& sample : parsed.repeated()) {
      out.samples.push_back(internal::SampleText(resolver.text_of(sample.series), sample.value, {}));
    }
    for (const auto& sample : parsed.timestamped()) {
      out.samples.push_back(internal::SampleText(resolver.text_of(sample.series), sample.value, sample.timestamp_ms));
    }
    if (parsed.samples_count() != out.samples.size() + parsed.dropped_count()) out.problem = "samples_count is wrong";
    for (const auto& exemplar : parsed.exemplars()) {
      out.samples.push_back(internal::ExemplarText(resolver.text_of(exemplar.series), exemplar.labels, exemplar.value,
                                                   exemplar.timestamp_ms, exemplar.sample_timestamp_ms));
    }
    std::sort(out.samples.begin(), out.samples.end());
  }
  const bool is_same_row = std::ranges::equal(row_before, parsed.handles());
  if (parsed.row_revision() == revision_before && !is_same_row) out.problem = "the row changed, its revision did not";
  const std::set<std::string> now = internal::TextsOf(cache.PresentSeries(), resolver);
  if (!result && now != before) out.problem = "an error changed what is present";
  if (out.problem.empty()) out.problem = internal::CheckReleased(parsed, resolver, before, now);
  resolver.Forget(parsed.released());
  if (out.problem.empty() && resolver.Live() != now) out.problem = "handles leaked";
  return out;
}

}  // namespace baro::scraper::expo
