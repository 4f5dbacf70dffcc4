// The series of one target: from the lines of an exposition to references of storage, through honouring labels,
// relabelling and limits.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/relabel.h"
#include "scraper/exposition.h"
#include "scraper/loop/start_role.h"
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

  /// The appender in which new series are made during the Parse() that follows.
  /// `reads_starts`: lines that OpenMetrics has for start times are no series.
  void Begin(tsdb::Appender& appender, bool reads_starts = false) {
    appender_ = &appender;
    reads_starts_ = reads_starts;
    series_added_ = 0;
    is_over_label_limit_ = false;
  }

  base::Result<SeriesHandle> Resolve(const SampleLine& line) override;

  tsdb::SeriesRef ref(SeriesHandle handle) const { return rows_[static_cast<std::size_t>(handle)].ref; }

  /// Finds or makes the series again, after storage has forgotten it.
  base::Result<tsdb::SeriesRef> ResolveAgain(SeriesHandle handle, tsdb::Appender& appender);

  /// The line of this handle is gone: its number may be given again.
  void Free(SeriesHandle handle);

  /// Whether storage has a sample of the series that no stale marker follows.
  bool is_live(SeriesHandle handle) const { return rows_[static_cast<std::size_t>(handle)].is_live; }
  void MarkLive(SeriesHandle handle) { rows_[static_cast<std::size_t>(handle)].is_live = true; }
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
    bool is_live = false;
    StartRole start_role;
    std::int64_t told_start_ms = 0;
  };
  struct LabelsHash {
    std::size_t operator()(const model::Labels& labels) const { return labels.Hash(); }
  };

  /// Labels of the series as they will be stored; false: relabelling drops it.
  bool MakeLabels(const SampleLine& line);
  base::Result<> CheckLabels(const model::Labels& labels);
  base::Error LabelLimitError(std::string message);
  SeriesHandle NewRow(Row row);

  const ScrapeJobOptions& job_;
  const model::Labels& target_labels_;
  const model::Relabeler& relabeler_;
  tsdb::Appender* appender_ = nullptr;
  std::size_t series_added_ = 0;
  bool is_over_label_limit_ = false;
  bool reads_starts_ = false;
  std::vector<Row> rows_;
  std::vector<std::uint32_t> free_rows_;
  std::unordered_map<model::Labels, SeriesHandle, LabelsHash> handle_of_;  // lines that relabelling makes one series
  model::LabelsBuilder builder_;                                           // kept for its memory
};

}  // namespace baro::scraper
