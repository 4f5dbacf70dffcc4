// Starts of series whose target does not tell them, made of the samples: the first sample is the zero of what follows.
//
// Source   Prometheus 3.14, docs/feature_flags.md, `st-synthesis`.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "model/histogram.h"
#include "scraper/exposition.h"

namespace baro::scraper {

/// Whether a line counts since some start, by its name and by what is said of its family: counters and histograms, and
/// the counts and sums of summaries.
bool CountsSinceAStart(const SampleLine& line, const ExpositionCache& metadata);

/// The memory of one series.
///
/// Threads  Confined.
class SynthesizedStart {
 public:
  enum class Verdict : std::uint8_t {
    kStored,   ///< the value is by how much the series grew since start_ms()
    kFirst,    ///< it is the zero of those that follow, and not stored itself
    kTooLate,  ///< not after the sample before it: what it grew by cannot be told
  };

  /// Makes a sample one that is counted since start_ms().
  Verdict Take(std::int64_t timestamp_ms, double& value);
  /// `histogram` becomes a loan of the result, until the next call, unless it stays what it is.
  Verdict Take(std::int64_t timestamp_ms, const model::FloatHistogram*& histogram);

  std::int64_t start_ms() const { return start_ms_; }

 private:
  struct Histograms {
    model::FloatHistogram last;
    std::optional<model::FloatHistogram> zero;
    model::FloatHistogram grown;
  };

  /// Nothing: the sample is neither the first of its kind nor too late.
  std::optional<Verdict> Begin(std::int64_t timestamp_ms, bool has_last);

  std::int64_t start_ms_ = 0;  // 0: no sample was seen
  std::int64_t last_ms_ = 0;
  double last_ = 0;
  double zero_ = 0;
  std::unique_ptr<Histograms> histograms_;  // null: the series has floats
};

}  // namespace baro::scraper
