// The series of one target: from the lines of an exposition to references of storage, through honouring labels,
// relabelling and limits.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/relabel.h"
#include "scraper/exposition.h"
#include "scraper/loop/converted_histograms.h"
#include "scraper/loop/handle_table.h"
#include "scraper/loop/start_role.h"
#include "scraper/loop/synthesized_start.h"
#include "scraper/options.h"
#include "tsdb/appender.h"

namespace baro::scraper {

/// Resolves new lines and keeps a row per series, found by the handle that it gave for it.
///
/// Threads  Confined to its loop.
class ScrapedSeries : public SeriesResolver {
 public:
  /// Borrows all, which outlive it.
  ScrapedSeries(const ScrapeJobOptions& job, const model::Labels& target_labels, const model::Relabeler& relabeler)
      : job_(job), target_labels_(target_labels), relabeler_(relabeler) {}

  struct LineRules {
    bool reads_starts = false;                  ///< lines that OpenMetrics has for start times are no series
    bool converts = false;                      ///< classic histograms are converted
    bool converts_gauges = false;               ///< those of gauges, too, as Prometheus does from Protobuf only
    bool keeps_classic = false;                 ///< their lines are series all the same
    bool synthesizes_starts = false;            ///< see counts()
    const ExpositionCache* metadata = nullptr;  ///< what is said of families; not null
  };
  /// The appender in which new series are made during the Parse() that follows. Borrows what it gets until then.
  void Begin(tsdb::Appender& appender, const LineRules& rules) {
    appender_ = &appender;
    rules_ = rules;
    series_added_ = 0;
    is_over_label_limit_ = false;
  }

  base::Result<SeriesHandle> Resolve(const SampleLine& line) override;

  tsdb::SeriesRef ref(SeriesHandle handle) const { return rows_[static_cast<std::size_t>(handle)].ref; }

  /// Finds or makes the series again, after storage has forgotten it.
  base::Result<tsdb::SeriesRef> ResolveAgain(SeriesHandle handle, tsdb::Appender& appender);

  /// The line of this handle is gone: its number may be given again, unless a converted histogram is stored under it.
  /// TakeEndedHistograms() has to follow before the next Resolve().
  void Free(SeriesHandle handle);

  /// Whether the line of this handle is a sample that is stored, not only a start or a part of a histogram.
  bool is_stored(SeriesHandle handle) const { return rows_[static_cast<std::size_t>(handle)].is_stored; }
  /// Whether it is a part of a converted histogram that is not stored by itself since relabelling drops it.
  bool is_dropped_part(SeriesHandle handle) const {
    return rules_.keeps_classic && rows_[static_cast<std::size_t>(handle)].histogram != ConvertedHistograms::kNone &&
           !is_stored(handle);
  }
  /// The converted histogram that the line is a part of, or null.
  const ConvertedHistograms::Histogram* HistogramOf(SeriesHandle handle) {
    const std::uint32_t number = rows_[static_cast<std::size_t>(handle)].histogram;
    return number == ConvertedHistograms::kNone ? nullptr : &converted_.at(number);
  }
  ConvertedHistograms& converted() { return converted_; }
  const ConvertedHistograms& converted() const { return converted_; }
  /// The converted histograms whose last line was freed since the last call, without their values. Their handles are
  /// freed with FreeHistogram().
  std::vector<ReleasedSeries> TakeEndedHistograms();
  /// False: a line of the exposition, or another histogram, still stands for the series.
  bool FreeHistogram(SeriesHandle handle);

  /// Whether storage has a sample of the series that no stale marker follows.
  bool is_live(SeriesHandle handle) const { return rows_[static_cast<std::size_t>(handle)].is_live; }
  void MarkLive(SeriesHandle handle) { rows_[static_cast<std::size_t>(handle)].is_live = true; }
  void MarkEnded(SeriesHandle handle) { rows_[static_cast<std::size_t>(handle)].is_live = false; }
  /// Forgets all series.
  void Clear();
  /// Stale markers were written for all.
  void MarkAllEnded();

  /// What the line of this handle has to do with start times.
  const StartRole& start_role(SeriesHandle handle) const { return rows_[static_cast<std::size_t>(handle)].start_role; }
  /// The start that storage was told of the series; kUnknownStart: it may have any.
  std::int64_t told_start_ms(SeriesHandle handle) const {
    return rows_[static_cast<std::size_t>(handle)].told_start_ms;
  }
  void set_told_start_ms(SeriesHandle handle, std::int64_t start_ms) {
    rows_[static_cast<std::size_t>(handle)].told_start_ms = start_ms;
  }
  /// Whether samples of the series are counted since a start that may have to be made.
  bool counts(SeriesHandle handle) const { return rows_[static_cast<std::size_t>(handle)].counts; }
  /// The start that is made for the series.
  SynthesizedStart& synthesis(SeriesHandle handle) {
    std::unique_ptr<SynthesizedStart>& made = rows_[static_cast<std::size_t>(handle)].synthesis;
    if (made == nullptr) made = std::make_unique<SynthesizedStart>();
    return *made;
  }
  /// The next sample is a first one.
  void ForgetSynthesis(SeriesHandle handle) { rows_[static_cast<std::size_t>(handle)].synthesis.reset(); }
  static constexpr std::int64_t kUnknownStart = -1;
  /// What was told may not have been stored.
  void ForgetToldStarts();

  /// New series since Begin() that relabelling kept: `scrape_series_added`.
  std::size_t series_added() const { return series_added_; }
  /// Whether a label limit was why Resolve() failed since Begin().
  bool is_over_label_limit() const { return is_over_label_limit_; }

 private:
  struct Row {
    tsdb::SeriesRef ref = tsdb::SeriesRef::kNone;
    model::Labels labels;
    std::uint32_t histogram = ConvertedHistograms::kNone;  // that the line is a part of
    bool is_stored = true;
    bool is_of_lines = false;            // lines stand for the series
    std::uint32_t histograms_count = 0;  // converted ones that are stored under it
    bool is_live = false;
    bool counts = false;
    StartRole start_role;
    std::unique_ptr<SynthesizedStart> synthesis;
    std::int64_t told_start_ms = 0;
  };
  /// Labels of the series as they will be stored; false: relabelling drops it.
  bool MakeLabels(const SampleLine& line);
  base::Result<> CheckLabels(const model::Labels& labels);
  base::Error LabelLimitError(std::string message);
  SeriesHandle NewRow(Row row);
  base::Result<SeriesHandle> ResolveSeries(const SampleLine& line, const StartRole& role);
  void AddTypeAndUnit(const SampleLine& line);
  bool Counts(const SampleLine& line) const {
    return rules_.synthesizes_starts && CountsSinceAStart(line, *rules_.metadata);
  }
  std::optional<HistogramPart> PartOf(const SampleLine& line) const;
  base::Result<SeriesHandle> ResolvePart(const SampleLine& line, const HistogramPart& part);
  base::Result<std::uint32_t> HistogramNumber(const SampleLine& line, const HistogramPart& part);
  base::Result<tsdb::SeriesRef> StoreSeries(const model::Labels& labels);
  void FreeRow(SeriesHandle handle);

  const ScrapeJobOptions& job_;
  const model::Labels& target_labels_;
  const model::Relabeler& relabeler_;
  tsdb::Appender* appender_ = nullptr;
  std::size_t series_added_ = 0;
  bool is_over_label_limit_ = false;
  LineRules rules_;
  std::vector<Row> rows_;
  std::vector<std::uint32_t> free_rows_;
  HandleTable handles_;           // by labels: lines that relabelling makes one series
  model::LabelsBuilder builder_;  // kept for its memory
  ConvertedHistograms converted_;
};

}  // namespace baro::scraper
