// Writes the scrapes of one target: samples, stale markers of what is gone, and the report (`up` and its relatives).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "scraper/exposition.h"
#include "scraper/loop/scrape_metrics.h"
#include "scraper/loop/scraped_series.h"
#include "scraper/options.h"
#include "scraper/target.h"
#include "tsdb/appender.h"

namespace baro::scraper {

/// One answer of a target, as far as writing it needs to know.
struct ScrapeInput {
  std::int64_t timestamp_ms = 0;
  std::chrono::nanoseconds duration{0};  ///< of the fetch
  base::Result<> fetched;                ///< why there is no body
  std::string_view body;                 ///< loan for the call
  std::string_view content_type;
  bool is_body_too_large = false;  ///< the body limit was the reason
};

/// Samples of a scrape that storage did not take, though the scrape is good.
struct RefusedSamples {
  std::size_t out_of_order = 0;
  std::size_t duplicate = 0;  ///< another value at the same time
  std::size_t out_of_bounds = 0;
  std::size_t exemplars_out_of_order = 0;

  bool empty() const { return out_of_order + duplicate + out_of_bounds + exemplars_out_of_order == 0; }
};

/// What came of it.
struct ScrapeOutcome {
  base::Result<> result;  ///< what `up` says, and why
  std::size_t samples_scraped = 0;
  std::size_t samples_kept = 0;
  std::size_t series_added = 0;
  RefusedSamples refused;
};

/// Series of a target that storage has samples of, and no end.
struct LiveSeries {
  std::vector<tsdb::SeriesRef> scraped;
  std::vector<tsdb::SeriesRef> report;  ///< `up` and its relatives

  bool empty() const { return scraped.empty() && report.empty(); }
};

/// Threads  Confined to its loop.
class TargetWriter {
 public:
  /// Borrows all, which outlive it. `inherited`: see ScrapeLoop.
  TargetWriter(const Target& target, const ScrapeJobOptions& job, const model::Relabeler& metric_relabeler,
               tsdb::AppenderSource& storage, ScrapeMetrics& metrics, std::uint64_t hash_seed, LiveSeries inherited);
  ~TargetWriter();
  TargetWriter(const TargetWriter&) = delete;
  TargetWriter& operator=(const TargetWriter&) = delete;

  /// Parses the answer and commits it, or commits stale markers and `up` 0 when anything failed.
  ScrapeOutcome Write(const ScrapeInput& input);

  /// Ends all series of the target, the report's too.
  base::Result<> WriteEndMarkers(std::int64_t timestamp_ms);

  /// Series that had a sample in the last good scrape, and no end since.
  std::vector<tsdb::SeriesRef> PresentSeries() const;
  /// The same with the report's, for the writer that goes on.
  LiveSeries AllPresentSeries() const;

  const ExpositionCache& cache() const { return cache_; }

 private:
  struct StartRun {
    std::int64_t from_ms = 0;   // the sample's
    std::int64_t start_ms = 0;  // 0: none
  };
  base::Result<> Append(const ScrapeInput& input, tsdb::Appender& appender, ScrapeOutcome& outcome);
  /// Parses the answer, and counts in `outcome` what it came to see, also in a broken one.
  base::Result<> Parse(const ScrapeInput& input, tsdb::Appender& appender, ScrapeOutcome& outcome);
  base::Result<> ParseAs(ExpositionFormat format, const ScrapeInput& input, tsdb::Appender& appender);
  bool HaveUnitsChanged();
  void ForgetSeries();
  base::Result<> AppendParsed(const ScrapeInput& input, tsdb::Appender& appender);
  base::Result<> AppendRow(std::int64_t timestamp_ms, tsdb::Appender& appender);
  /// Values of refs_, as they are stored.
  std::span<const double> RowValues();
  void ReadValues();
  /// The row without `places`, which are some of it in their order.
  base::Result<> AppendRowWithout(std::span<const std::uint32_t> places, std::int64_t timestamp_ms,
                                  tsdb::Appender& appender);
  base::Result<> Refused(std::size_t index, const model::Sample& sample, tsdb::Appender& appender);
  base::Result<> AppendTimestamped(tsdb::Appender& appender);
  void MarkRowLive();
  /// Finds series and starts in a row that is new.
  void ReadRow();
  /// Histograms of this scrape, read and converted.
  void ReadHistograms();
  void ReadConverted();
  std::int64_t StartOf(const ConvertedHistograms::Histogram& histogram) const;
  /// How many samples the parsed lines stand for, before and after relabelling.
  void CountSamples(ScrapeOutcome& outcome) const;
  SeriesHandle HandleAt(std::size_t index) const;
  /// Since when the series at `index` of the row counts; 0: it is not known.
  std::int64_t StartAt(std::size_t index, std::int64_t timestamp_ms) const;
  std::int64_t ToldStartAt(std::size_t index, std::int64_t timestamp_ms) const;
  /// A start behind its sample, or no time at all, is not known.
  static std::int64_t StartOrNone(std::int64_t start_ms, std::int64_t timestamp_ms) {
    return start_ms >= 1 && start_ms < timestamp_ms ? start_ms : 0;
  }
  /// Counts the samples of this scrape since starts that are made, where none is told.
  void Synthesize(std::int64_t timestamp_ms);
  void SynthesizeRow(std::int64_t timestamp_ms);
  /// The same for a sample with its own time. False: it is not stored.
  bool SynthesizeOne(SeriesHandle handle, model::Sample& sample);
  bool IsStored(SynthesizedStart::Verdict verdict, SeriesHandle handle);
  void AppendStarts(std::int64_t timestamp_ms, tsdb::Appender& appender);
  void WriteZeros(std::int64_t timestamp_ms);
  /// Tells storage the start of a series if that is news.
  void TellStart(SeriesHandle handle, tsdb::SeriesRef ref, StartRun run, tsdb::Appender& appender);
  base::Result<> AppendHistograms(std::int64_t timestamp_ms, tsdb::Appender& appender);
  base::Result<const model::FloatHistogram*> Fitted(const HistogramSample& sample);
  base::Result<> CheckBucketLimit();
  base::Result<> AppendHistogram(const HistogramSample& sample, std::int64_t timestamp_ms, tsdb::Appender& appender);
  bool reads_starts() const { return job_.stores_starts || job_.writes_zeros_at_starts; }
  bool has_starts() const { return reads_starts() || job_.synthesizes_starts; }
  void AppendExemplars(std::int64_t timestamp_ms, tsdb::Appender& appender);
  /// Tells what the target says of its metrics when that has changed, and now and then.
  void AppendMetadata(std::int64_t timestamp_ms, tsdb::Appender& appender);
  void TakeReleased();
  void AppendGone(std::int64_t timestamp_ms, tsdb::Appender& appender);
  void AppendBrokenConverted(const model::Sample& end, tsdb::Appender& appender);
  void AppendAllStale(std::int64_t timestamp_ms, tsdb::Appender& appender);
  /// What was appended is stored: `is_good` says whether samples, or the end of all.
  void Committed(bool is_good);
  /// It is not: what should have ended still has to.
  void NotCommitted();
  base::Result<> CheckSampleLimit(std::size_t kept) const;
  /// Appends `up` and its relatives.
  base::Result<> AppendReport(const ScrapeInput& input, const ScrapeOutcome& outcome, tsdb::Appender& appender);
  base::Result<> MakeReportSeries(tsdb::Appender& appender);
  void Count(tsdb::SampleStatus status);

  static constexpr std::uint32_t kNoStart = 0xffff'ffff;

  const Target& target_;
  const ScrapeJobOptions& job_;
  tsdb::AppenderSource& storage_;
  ScrapeMetrics& metrics_;
  const tsdb::GroupRef group_;
  const tsdb::GroupRef report_group_;
  ExpositionCache cache_;
  ScrapedSeries series_;

  std::vector<tsdb::SeriesRef> refs_;         // of cache_.parsed().handles(), in that order, but for starts
  std::size_t hidden_count_ = 0;              // handles that are only starts or parts; with none the next two are empty
  std::vector<std::uint32_t> places_;         // of refs_ among the handles
  std::vector<std::uint32_t> starts_;         // of refs_: the place of its start, or kNoStart
  std::vector<double> values_;                // of refs_
  std::vector<std::int64_t> synthesized_ms_;  // of refs_: starts that are made, or 0; empty: none are
  std::vector<std::uint32_t> unstored_places_;                     // of refs_: what is not stored of this scrape
  std::vector<SeriesHandle> unstored_;                             // whose sample of this scrape is not stored
  std::unordered_map<std::uint64_t, std::uint32_t> start_places_;  // by key: places of starts among the handles
  std::vector<HistogramSample> histograms_;                        // of this scrape
  std::size_t converted_count_ = 0;                                // of histograms_, the last ones
  std::uint64_t refs_revision_ = 0;                                // of the row that refs_ belongs to; 0: none
  std::map<std::string, std::string> units_;                       // by family, where series have them as labels
  std::uint64_t units_revision_ = 0;                               // of the metadata that units_ are from
  std::vector<tsdb::SampleStatus> statuses_;
  RefusedSamples refused_;  // of this scrape
  std::vector<tsdb::SeriesRef> report_refs_;
  std::uint64_t live_revision_ = 0;                // of the row whose series are all marked live; 0: none
  std::uint64_t told_metadata_ = 0;                // the revision that storage was told; 0: none
  std::int64_t told_metadata_ms_ = 0;              // when
  model::LabelsBuilder exemplar_labels_;           // kept for its memory
  model::FloatHistogram fitted_;                   // the same
  std::vector<tsdb::SeriesRef> gone_;              // ended with this scrape
  std::vector<tsdb::SeriesRef> inherited_;         // ended before it, unless they come again, and have no marker yet
  std::vector<tsdb::SeriesRef> inherited_report_;  // of the writer before this one, which has not written a report yet
};

}  // namespace baro::scraper
