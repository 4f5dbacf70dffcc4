// `up` and its relatives, and the end of all: the part of target_writer.h that is about them.
#include <algorithm>
#include <array>

#include "scraper/loop/target_writer.h"

namespace baro::scraper {
namespace {

constexpr std::size_t kReportSeriesMax = 8;

}  // namespace

LiveSeries TargetWriter::AllPresentSeries() const {
  LiveSeries live{.scraped = PresentSeries(), .report = report_refs_};
  for (const tsdb::SeriesRef ref : inherited_report_) {
    if (std::ranges::find(report_refs_, ref) == report_refs_.end()) live.report.push_back(ref);
  }
  return live;
}

base::Result<> TargetWriter::MakeReportSeries(tsdb::Appender& appender) {
  std::vector<std::string_view> names = {"up", "scrape_duration_seconds", "scrape_samples_scraped",
                                         "scrape_samples_post_metric_relabeling", "scrape_series_added"};
  if (job_.extra_metrics) {
    names.insert(names.end(), {"scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes"});
  }
  report_refs_.clear();
  for (const std::string_view name : names) {
    model::LabelsBuilder labels(target_.labels);
    labels.Set(model::kMetricName, name);
    report_refs_.push_back(BARO_TRY(appender.Resolve(labels.Build())));
  }
  return {};
}

base::Result<> TargetWriter::AppendReport(const ScrapeInput& input, const ScrapeOutcome& outcome,
                                          tsdb::Appender& appender) {
  const double body_bytes = input.is_body_too_large ? -1 : static_cast<double>(input.body.size());
  const std::array<double, kReportSeriesMax> values = {outcome.result ? 1.0 : 0.0,
                                                       std::chrono::duration<double>(input.duration).count(),
                                                       static_cast<double>(outcome.samples_scraped),
                                                       static_cast<double>(outcome.samples_kept),
                                                       static_cast<double>(outcome.series_added),
                                                       std::chrono::duration<double>(target_.timeout).count(),
                                                       static_cast<double>(job_.limits.samples),
                                                       body_bytes};
  if (report_refs_.empty()) BARO_TRY(MakeReportSeries(appender));
  for (int attempt = 0; attempt < 2; ++attempt) {
    std::array<tsdb::SampleStatus, kReportSeriesMax> statuses{};
    const auto view = std::span(statuses).first(report_refs_.size());
    appender.AppendRow(report_group_, input.timestamp_ms, report_refs_, std::span(values).first(report_refs_.size()),
                       view);
    if (std::ranges::find(view, tsdb::SampleStatus::kUnknownSeries) == view.end()) break;
    BARO_TRY(MakeReportSeries(appender));  // storage has forgotten them: once more with new references
  }
  // Of the job's former settings.
  for (const tsdb::SeriesRef ref : inherited_report_) {
    if (std::ranges::find(report_refs_, ref) != report_refs_.end()) continue;
    appender.Append(ref, {.timestamp_ms = input.timestamp_ms, .value = model::StaleNaN()});
  }
  return {};
}

base::Result<> TargetWriter::WriteEndMarkers(std::int64_t timestamp_ms) {
  const auto appender = storage_.NewAppender();
  AppendAllStale(timestamp_ms, *appender);
  const model::Sample end{.timestamp_ms = timestamp_ms, .value = model::StaleNaN()};
  for (const tsdb::SeriesRef ref : AllPresentSeries().report) appender->Append(ref, end);
  const auto committed = appender->Commit(tsdb::Durability::kInterval);
  if (!committed) return std::unexpected(committed.error());
  Committed(false);
  return {};
}

}  // namespace baro::scraper
