#include "scraper/loop/target_writer.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "model/quote.h"
#include "scraper/loop/histogram_limits.h"

namespace baro::scraper {
namespace {

using base::Code;
using base::Fail;

bool IsRefused(tsdb::SampleStatus status) {
  return status != tsdb::SampleStatus::kAccepted && status != tsdb::SampleStatus::kRepeated;
}

/// Markers that wait for a disk which takes nothing; the series of further ones end by the lookback.
constexpr std::size_t kOwedMarkersMax = 1'000'000;

/// What a scrape fails with is kept, shown and logged, and may quote the target.
base::Error Shortened(const base::Error& error) {
  constexpr std::size_t kMessageBytesMax = 4'096;
  return {error.code(), model::Abridged(error.message(), kMessageBytesMax)};
}

}  // namespace

TargetWriter::TargetWriter(const Target& target, const ScrapeJobOptions& job, const model::Relabeler& metric_relabeler,
                           tsdb::AppenderSource& storage, ScrapeMetrics& metrics, std::uint64_t hash_seed,
                           LiveSeries inherited)
    : target_(target),
      job_(job),
      storage_(storage),
      metrics_(metrics),
      group_(storage.NewGroup()),
      report_group_(storage.NewGroup()),
      cache_(hash_seed),
      series_(job, target.labels, metric_relabeler),
      inherited_(std::move(inherited.scraped)),
      inherited_report_(std::move(inherited.report)) {}

TargetWriter::~TargetWriter() {
  storage_.DropGroup(group_);
  storage_.DropGroup(report_group_);
}

ScrapeOutcome TargetWriter::Write(const ScrapeInput& input) {
  ScrapeOutcome outcome;
  refused_ = {};
  auto appender = storage_.NewAppender();
  outcome.result = Append(input, *appender, outcome);
  outcome.refused = refused_;
  if (!outcome.result) {
    outcome.result = Shortened(outcome.result.error());
    // What was appended of a bad scrape is forgotten; the series end instead.
    appender->Rollback();
    refs_revision_ = 0;
    if (has_starts()) series_.ForgetToldStarts();
    appender = storage_.NewAppender();
    AppendAllStale(input.timestamp_ms, *appender);
  }
  auto written = AppendReport(input, outcome, *appender);
  if (written) {
    const auto committed = appender->Commit(tsdb::Durability::kInterval);
    if (!committed) written = std::unexpected(committed.error());
  } else {
    appender->Rollback();
  }
  if (written) {
    Committed(outcome.result.has_value());
    return outcome;
  }
  NotCommitted();
  if (outcome.result) outcome.result = std::unexpected(written.error().WithContext("the scrape could not be stored"));
  return outcome;
}

void TargetWriter::Committed(bool is_good) {
  gone_.clear();
  inherited_.clear();
  inherited_report_.clear();
  if (!is_good) {
    series_.MarkAllEnded();
    live_revision_ = 0;
    return;
  }
  const ParsedExposition& seen = cache_.parsed();
  std::erase_if(unstored_, [this](SeriesHandle handle) { return series_.is_live(handle); });
  for (const TimestampedSample& sample : seen.timestamped()) {
    if (series_.is_stored(sample.series)) series_.MarkLive(sample.series);
  }
  series_.converted().ForEach([this](const ConvertedHistograms::Histogram& histogram) {
    if (!histogram.is_present && histogram.series != SeriesHandle::kDropped) series_.MarkEnded(histogram.series);
  });
  for (const HistogramSample& sample : histograms_) series_.MarkLive(sample.series);
  if (seen.row_revision() != live_revision_) MarkRowLive();
  if (unstored_.empty()) return;
  // A series of which nothing was stored needs no marker.
  for (const SeriesHandle handle : unstored_) series_.MarkEnded(handle);
  live_revision_ = 0;
}

void TargetWriter::MarkRowLive() {
  const ParsedExposition& seen = cache_.parsed();
  for (const SeriesHandle handle : seen.handles()) {
    if (series_.is_stored(handle)) series_.MarkLive(handle);
  }
  live_revision_ = seen.row_revision();
}

void TargetWriter::NotCommitted() {
  told_metadata_ = 0;
  if (has_starts()) series_.ForgetToldStarts();
  if (inherited_.size() < kOwedMarkersMax) inherited_.insert(inherited_.end(), gone_.begin(), gone_.end());
  gone_.clear();
}

base::Result<> TargetWriter::Append(const ScrapeInput& input, tsdb::Appender& appender, ScrapeOutcome& outcome) {
  if (!input.fetched) {
    if (input.is_body_too_large) metrics_.exceeded_body_size_limit_total.Add();
    return std::unexpected(input.fetched.error());
  }
  BARO_TRY(Parse(input, appender, outcome));
  const ParsedExposition& seen = cache_.parsed();
  if (seen.row_revision() != refs_revision_) ReadRow();
  ReadHistograms();
  CountSamples(outcome);
  outcome.series_added = series_.series_added();
  metrics_.samples_total.Add(static_cast<double>(seen.samples_count()));
  metrics_.predicted_lines_total.Add(static_cast<double>(seen.predicted_count()));
  BARO_TRY(CheckSampleLimit(outcome.samples_kept));
  if (job_.synthesizes_starts) Synthesize(input.timestamp_ms);
  return AppendParsed(input, appender);
}

base::Result<> TargetWriter::Parse(const ScrapeInput& input, tsdb::Appender& appender, ScrapeOutcome& outcome) {
  // Nothing at all is good in whatever format, as in Prometheus.
  const auto format = input.body.empty() ? base::Result<ExpositionFormat>(ExpositionFormat::kText)
                                         : FormatOfContentType(input.content_type, job_.fallback_protocol);
  if (!format) return std::unexpected(format.error());
  auto parsed = ParseAs(*format, input, appender);
  if (parsed && job_.adds_type_and_unit && HaveUnitsChanged()) {
    ForgetSeries();
    parsed = ParseAs(*format, input, appender);
  }
  outcome.samples_scraped = cache_.parsed().samples_count();
  outcome.samples_kept = outcome.samples_scraped - cache_.parsed().dropped_count();
  if (series_.is_over_label_limit()) metrics_.exceeded_label_limits_total.Add();
  return parsed;
}

base::Result<> TargetWriter::ParseAs(ExpositionFormat format, const ScrapeInput& input, tsdb::Appender& appender) {
  const NativeHistogramOptions& histograms = target_.native_histograms;
  series_.Begin(appender, {.reads_starts = reads_starts() && format == ExpositionFormat::kOpenMetrics,
                           .converts = histograms.convert_classic_to_nhcb,
                           .converts_gauges = format == ExpositionFormat::kProtobuf,
                           .keeps_classic = histograms.always_scrape_classic,
                           .synthesizes_starts = job_.synthesizes_starts,
                           .metadata = &cache_});
  auto parsed = cache_.Parse(input.body,
                             {.format = format,
                              .honor_timestamps = job_.honor_timestamps,
                              .native_histograms = histograms.scrape,
                              .classic_besides_native = histograms.always_scrape_classic},
                             series_);
  TakeReleased();
  return parsed;
}

// A unit is part of the labels of series whose lines stay as they are when it changes.
bool TargetWriter::HaveUnitsChanged() {
  if (cache_.metadata_revision() == units_revision_) return false;
  units_revision_ = cache_.metadata_revision();
  std::map<std::string, std::string> units;
  for (const FamilyMetadata& family : cache_.metadata()) {
    if (family.is_present) units[family.family] = family.metadata.unit;
  }
  const bool have_changed = std::ranges::any_of(units, [this](const auto& unit) {
    const auto before = units_.find(unit.first);
    return before != units_.end() && before->second != unit.second;
  });
  units_ = std::move(units);
  return have_changed;
}

// All series are found anew; those that do not come again end.
void TargetWriter::ForgetSeries() {
  inherited_ = PresentSeries();
  gone_.clear();
  cache_.Clear();
  series_.Clear();
  refs_revision_ = live_revision_ = 0;
  units_revision_ = told_metadata_ = 0;
}

void TargetWriter::TakeReleased() {
  for (const ReleasedSeries& gone : cache_.parsed().released()) {
    const bool is_exempt = gone.had_timestamp && !job_.track_timestamps_staleness;
    if (series_.is_live(gone.series) && !is_exempt) gone_.push_back(series_.ref(gone.series));
    series_.Free(gone.series);
  }
  for (const ReleasedSeries& gone : series_.TakeEndedHistograms()) {
    const bool was_live = series_.is_live(gone.series);
    const tsdb::SeriesRef ref = series_.ref(gone.series);
    const bool is_exempt = gone.had_timestamp && !job_.track_timestamps_staleness;
    if (series_.FreeHistogram(gone.series) && was_live && !is_exempt) gone_.push_back(ref);
  }
}

void TargetWriter::CountSamples(ScrapeOutcome& outcome) const {
  const ParsedExposition& seen = cache_.parsed();
  std::size_t hidden = 0;
  std::size_t dropped = 0;
  const auto count = [&](SeriesHandle handle) {
    if (series_.is_dropped_part(handle)) {
      ++dropped;
    } else if (!series_.is_stored(handle)) {
      ++hidden;
    }
  };
  if (hidden_count_ > 0) std::ranges::for_each(seen.handles(), count);
  for (const TimestampedSample& sample : seen.timestamped()) count(sample.series);
  for (const RepeatedSample& sample : seen.repeated()) count(sample.series);
  outcome.samples_scraped = seen.samples_count() - hidden + converted_count_;
  const std::size_t converted_kept = histograms_.size() - seen.histograms().size();
  outcome.samples_kept = outcome.samples_scraped - seen.dropped_count() - dropped - (converted_count_ - converted_kept);
}

base::Result<> TargetWriter::CheckSampleLimit(std::size_t kept) const {
  if (job_.limits.samples == 0 || kept <= job_.limits.samples) return {};
  metrics_.exceeded_sample_limit_total.Add();
  return Fail(Code::kLimitExceeded,
              fmt::format("sample_limit: {} samples after relabelling, the limit is {}", kept, job_.limits.samples));
}

base::Result<> TargetWriter::AppendParsed(const ScrapeInput& input, tsdb::Appender& appender) {
  const ParsedExposition& seen = cache_.parsed();
  if (job_.writes_zeros_at_starts) {
    BARO_TRY(CheckBucketLimit());  // zeros are committed before the rest
    WriteZeros(input.timestamp_ms);
  }
  BARO_TRY(AppendRow(input.timestamp_ms, appender));
  if (has_starts()) AppendStarts(input.timestamp_ms, appender);
  BARO_TRY(AppendHistograms(input.timestamp_ms, appender));
  BARO_TRY(AppendTimestamped(appender));
  for (const RepeatedSample& sample : seen.repeated()) {
    if (!sample.is_same() && series_.is_stored(sample.series)) Count(tsdb::SampleStatus::kDuplicate);
  }
  AppendGone(input.timestamp_ms, appender);
  AppendExemplars(input.timestamp_ms, appender);
  AppendMetadata(input.timestamp_ms, appender);
  return {};
}

base::Result<> TargetWriter::AppendTimestamped(tsdb::Appender& appender) {
  for (const TimestampedSample& sample : cache_.parsed().timestamped()) {
    if (!series_.is_stored(sample.series)) continue;  // of samples with their own times no start is read
    model::Sample stamped{.timestamp_ms = sample.timestamp_ms, .value = sample.value};
    if (job_.synthesizes_starts && !SynthesizeOne(sample.series, stamped)) continue;
    tsdb::SeriesRef ref = series_.ref(sample.series);
    tsdb::SampleStatus status = appender.Append(ref, stamped);
    if (status == tsdb::SampleStatus::kUnknownSeries) {
      ref = BARO_TRY(series_.ResolveAgain(sample.series, appender));
      status = appender.Append(ref, stamped);
    }
    Count(status);
    if (!job_.synthesizes_starts || !series_.counts(sample.series)) continue;
    const std::int64_t start_ms = StartOrNone(series_.synthesis(sample.series).start_ms(), sample.timestamp_ms);
    TellStart(sample.series, ref, {.from_ms = sample.timestamp_ms, .start_ms = start_ms}, appender);
    if (IsRefused(status)) series_.ForgetSynthesis(sample.series);
  }
  return {};
}

// An exemplar never fails a scrape.
void TargetWriter::AppendExemplars(std::int64_t timestamp_ms, tsdb::Appender& appender) {
  for (const SeriesExemplar& seen : cache_.parsed().exemplars()) {
    exemplar_labels_.Reset({});
    for (const ExpositionLabel& label : seen.labels) exemplar_labels_.Set(label.name, label.value);
    // Of histograms only those that say when are kept, as in Prometheus.
    const ConvertedHistograms::Histogram* const converted = series_.HistogramOf(seen.series);
    if (converted != nullptr && (!seen.timestamp_ms || converted->series == SeriesHandle::kDropped)) continue;
    const SeriesHandle series = converted != nullptr ? converted->series : seen.series;
    const std::optional<std::int64_t> sample_ms = job_.honor_timestamps ? seen.sample_timestamp_ms : std::nullopt;
    const model::Exemplar exemplar{
        .labels = exemplar_labels_.Build(),
        .value = seen.value,
        .timestamp_ms = seen.timestamp_ms ? seen.timestamp_ms : sample_ms.value_or(timestamp_ms)};
    if (appender.AppendExemplar(series_.ref(series), exemplar) == tsdb::ExemplarStatus::kOutOfOrder) {
      metrics_.exemplar_out_of_order_total.Add();
      ++refused_.exemplars_out_of_order;
    }
  }
  metrics_.exemplars_left_out_total.Add(static_cast<double>(cache_.parsed().exemplars_left_out_count()));
}

void TargetWriter::AppendMetadata(std::int64_t timestamp_ms, tsdb::Appender& appender) {
  constexpr std::int64_t kAgainAfterMs = std::chrono::milliseconds(tsdb::kMetadataRefresh).count();
  const bool is_due = cache_.metadata_revision() != told_metadata_ || timestamp_ms - told_metadata_ms_ >= kAgainAfterMs;
  if (!is_due) return;
  for (const FamilyMetadata& family : cache_.metadata()) {
    if (family.is_present) appender.AppendMetadata(family.family, family.metadata);
  }
  told_metadata_ = cache_.metadata_revision();
  told_metadata_ms_ = timestamp_ms;
}

void TargetWriter::ReadRow() {
  const ParsedExposition& seen = cache_.parsed();
  const auto handles = seen.handles();
  refs_.clear();
  places_.clear();
  starts_.clear();
  start_places_.clear();
  for (std::uint32_t place = 0; place < handles.size(); ++place) {
    const StartRole& role = series_.start_role(handles[place]);
    if (role.is_created) start_places_.emplace(role.key, place);
    if (series_.is_stored(handles[place])) refs_.push_back(series_.ref(handles[place]));
  }
  refs_revision_ = seen.row_revision();
  hidden_count_ = handles.size() - refs_.size();
  if (hidden_count_ == 0) return;
  for (std::uint32_t place = 0; place < handles.size(); ++place) {
    if (!series_.is_stored(handles[place])) continue;
    const StartRole& role = series_.start_role(handles[place]);
    places_.push_back(place);
    const auto start = role.may_have_start ? start_places_.find(role.key) : start_places_.end();
    starts_.push_back(start == start_places_.end() ? kNoStart : start->second);
  }
}

void TargetWriter::ReadHistograms() {
  const auto read = cache_.parsed().histograms();
  histograms_.assign(read.begin(), read.end());
  converted_count_ = 0;
  if (!series_.converted().empty()) ReadConverted();
}

void TargetWriter::ReadConverted() {
  series_.converted().Read(cache_.parsed());
  std::unordered_set<SeriesHandle> native;
  for (const HistogramSample& sample : histograms_) native.insert(sample.series);
  series_.converted().ForEach([&](ConvertedHistograms::Histogram& histogram) {
    // A histogram that also comes as a native one is that.
    histogram.is_native = native.contains(histogram.series);
    if (histogram.is_native) histogram.is_present = false;
    if (!histogram.is_present) return;
    ++converted_count_;
    if (histogram.series == SeriesHandle::kDropped) return;
    histograms_.push_back({.series = histogram.series,
                           .histogram = &histogram.value,
                           .timestamp_ms = histogram.timestamp_ms,
                           .start_ms = reads_starts() ? StartOf(histogram) : 0});
  });
}

SeriesHandle TargetWriter::HandleAt(std::size_t index) const {
  return cache_.parsed().handles()[places_.empty() ? index : places_[index]];
}

base::Result<> TargetWriter::AppendHistograms(std::int64_t timestamp_ms, tsdb::Appender& appender) {
  for (const HistogramSample& sample : histograms_) {
    BARO_TRY(AppendHistogram(sample, sample.timestamp_ms.value_or(timestamp_ms), appender));
  }
  return {};
}

// Valid until the next call.
base::Result<const model::FloatHistogram*> TargetWriter::Fitted(const HistogramSample& sample) {
  auto fitted = FitHistogram(*sample.histogram, target_.native_histograms, fitted_);
  if (!fitted) metrics_.exceeded_bucket_limit_total.Add();
  return fitted;
}

base::Result<> TargetWriter::CheckBucketLimit() {
  if (target_.native_histograms.bucket_limit == 0) return {};
  for (const HistogramSample& sample : histograms_) BARO_TRY(Fitted(sample));
  return {};
}

base::Result<> TargetWriter::AppendHistogram(const HistogramSample& sample, std::int64_t timestamp_ms,
                                             tsdb::Appender& appender) {
  const model::FloatHistogram* const fitted = BARO_TRY(Fitted(sample));
  tsdb::SeriesRef ref = series_.ref(sample.series);
  tsdb::SampleStatus status = BARO_TRY(appender.AppendHistogram(ref, timestamp_ms, *fitted));
  if (status == tsdb::SampleStatus::kUnknownSeries) {
    ref = BARO_TRY(series_.ResolveAgain(sample.series, appender));
    status = BARO_TRY(appender.AppendHistogram(ref, timestamp_ms, *fitted));
  }
  Count(status);
  if (has_starts()) {
    const std::int64_t start_ms = StartOrNone(sample.start_ms, timestamp_ms);
    TellStart(sample.series, ref, {.from_ms = timestamp_ms, .start_ms = start_ms}, appender);
  }
  if (job_.synthesizes_starts && IsRefused(status)) series_.ForgetSynthesis(sample.series);
  return {};
}

void TargetWriter::ReadValues() {
  const std::span<const double> values = cache_.parsed().values();
  values_.clear();
  if (hidden_count_ == 0) values_.assign(values.begin(), values.end());
  for (const std::uint32_t place : places_) values_.push_back(values[place]);
}

std::span<const double> TargetWriter::RowValues() {
  if (job_.synthesizes_starts) return values_;
  if (hidden_count_ == 0) return cache_.parsed().values();
  ReadValues();
  return values_;
}

base::Result<> TargetWriter::AppendRow(std::int64_t timestamp_ms, tsdb::Appender& appender) {
  const std::span<const double> values = RowValues();
  if (!unstored_places_.empty()) return AppendRowWithout(unstored_places_, timestamp_ms, appender);
  statuses_.assign(refs_.size(), tsdb::SampleStatus::kAccepted);
  appender.AppendRow(group_, timestamp_ms, refs_, values, statuses_);
  for (std::size_t i = 0; i < refs_.size(); ++i) {
    if (statuses_[i] == tsdb::SampleStatus::kAccepted) [[likely]]
      continue;
    BARO_TRY(Refused(i, {.timestamp_ms = timestamp_ms, .value = values[i]}, appender));
  }
  return {};
}

base::Result<> TargetWriter::AppendRowWithout(std::span<const std::uint32_t> places, std::int64_t timestamp_ms,
                                              tsdb::Appender& appender) {
  std::vector<std::uint32_t> kept;
  std::vector<tsdb::SeriesRef> refs;
  std::vector<double> values;
  for (std::uint32_t i = 0; i < refs_.size(); ++i) {
    if (!places.empty() && places.front() == i) {
      places = places.subspan(1);
      continue;
    }
    kept.push_back(i);
    refs.push_back(refs_[i]);
    values.push_back(values_[i]);
  }
  std::vector<tsdb::SampleStatus> statuses(refs.size(), tsdb::SampleStatus::kAccepted);
  appender.AppendRow(group_, timestamp_ms, refs, values, statuses);
  statuses_.assign(refs_.size(), tsdb::SampleStatus::kAccepted);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    statuses_[kept[i]] = statuses[i];
    if (statuses[i] == tsdb::SampleStatus::kAccepted) continue;
    BARO_TRY(Refused(kept[i], {.timestamp_ms = timestamp_ms, .value = values[i]}, appender));
  }
  return {};
}

// A sample of the row that was not accepted: once more, if storage has only forgotten its series.
base::Result<> TargetWriter::Refused(std::size_t index, const model::Sample& sample, tsdb::Appender& appender) {
  if (statuses_[index] == tsdb::SampleStatus::kUnknownSeries) {
    refs_[index] = BARO_TRY(series_.ResolveAgain(HandleAt(index), appender));
    statuses_[index] = appender.Append(refs_[index], sample);
  }
  Count(statuses_[index]);
  if (job_.synthesizes_starts && IsRefused(statuses_[index])) series_.ForgetSynthesis(HandleAt(index));
  return {};
}

void TargetWriter::Count(tsdb::SampleStatus status) {
  switch (status) {
    case tsdb::SampleStatus::kDuplicate:
      ++refused_.duplicate;
      metrics_.duplicate_timestamp_total.Add();
      break;
    case tsdb::SampleStatus::kOutOfOrder:
    case tsdb::SampleStatus::kTooOld:
      ++refused_.out_of_order;
      metrics_.out_of_order_total.Add();
      break;
    case tsdb::SampleStatus::kOutOfBounds:
      ++refused_.out_of_bounds;
      metrics_.out_of_bounds_total.Add();
      break;
    case tsdb::SampleStatus::kAccepted:
    case tsdb::SampleStatus::kRepeated:
    case tsdb::SampleStatus::kUnknownSeries:
      break;
  }
}

void TargetWriter::AppendGone(std::int64_t timestamp_ms, tsdb::Appender& appender) {
  const model::Sample end{.timestamp_ms = timestamp_ms, .value = model::StaleNaN()};
  AppendBrokenConverted(end, appender);
  // Each line of a converted histogram has a row of its own: a line that is spelled anew goes and comes as one series.
  const NativeHistogramOptions& histograms = target_.native_histograms;
  const bool may_have_come_again =
      !gone_.empty() && histograms.convert_classic_to_nhcb && histograms.always_scrape_classic;
  if (!may_have_come_again) {
    for (const tsdb::SeriesRef ref : gone_) appender.Append(ref, end);
    if (inherited_.empty()) return;
  }
  // What was written before, by this loop or by the one that it follows, and does not come again.
  std::unordered_set<tsdb::SeriesRef> present(refs_.begin(), refs_.end());
  for (const TimestampedSample& sample : cache_.parsed().timestamped()) present.insert(series_.ref(sample.series));
  for (const HistogramSample& sample : histograms_) present.insert(series_.ref(sample.series));
  const auto append_absent = [&](const std::vector<tsdb::SeriesRef>& refs) {
    for (const tsdb::SeriesRef ref : refs) {
      if (!present.contains(ref)) appender.Append(ref, end);
    }
  };
  if (may_have_come_again) append_absent(gone_);
  append_absent(inherited_);
}

// Converted histograms whose lines are there, but make none this time.
void TargetWriter::AppendBrokenConverted(const model::Sample& end, tsdb::Appender& appender) {
  series_.converted().ForEach([&](const ConvertedHistograms::Histogram& histogram) {
    const bool is_exempt = histogram.had_timestamp && !job_.track_timestamps_staleness;
    const bool has_sample = histogram.is_present || histogram.is_native;
    if (has_sample || is_exempt || histogram.series == SeriesHandle::kDropped) return;
    if (series_.is_live(histogram.series)) appender.Append(series_.ref(histogram.series), end);
  });
}

void TargetWriter::AppendAllStale(std::int64_t timestamp_ms, tsdb::Appender& appender) {
  const model::Sample end{.timestamp_ms = timestamp_ms, .value = model::StaleNaN()};
  for (const tsdb::SeriesRef ref : PresentSeries()) appender.Append(ref, end);
}

std::vector<tsdb::SeriesRef> TargetWriter::PresentSeries() const {
  std::vector<tsdb::SeriesRef> refs = inherited_;
  refs.insert(refs.end(), gone_.begin(), gone_.end());
  for (const ReleasedSeries& present : cache_.PresentSeries()) {
    const bool is_exempt = present.had_timestamp && !job_.track_timestamps_staleness;
    if (series_.is_live(present.series) && !is_exempt) refs.push_back(series_.ref(present.series));
  }
  series_.converted().ForEach([&](const ConvertedHistograms::Histogram& histogram) {
    const bool is_exempt = histogram.had_timestamp && !job_.track_timestamps_staleness;
    if (histogram.series == SeriesHandle::kDropped || is_exempt) return;
    if (series_.is_live(histogram.series)) refs.push_back(series_.ref(histogram.series));
  });
  return refs;
}

}  // namespace baro::scraper
