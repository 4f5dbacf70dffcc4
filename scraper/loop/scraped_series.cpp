#include "scraper/loop/scraped_series.h"

#include <algorithm>

#include <fmt/format.h>

#include "model/quote.h"

namespace baro::scraper {
namespace {

using base::Code;
using base::Fail;

constexpr std::string_view kExportedPrefix = "exported_";

/// Longest label set that is stored, limits of the job or not (reliability: nothing is without a limit).
constexpr std::size_t kLabelsMax = 512;
constexpr std::size_t kNameBytesMax = 4 * 1024;
constexpr std::size_t kValueBytesMax = 64 * 1024;

}  // namespace

bool ScrapedSeries::MakeLabels(const SampleLine& line) {
  builder_.Reset();
  builder_.Set(model::kMetricName, line.name);
  for (const ExpositionLabel& label : line.labels) builder_.Set(label.name, label.value);
  if (job_.adds_type_and_unit) AddTypeAndUnit(line);
  for (const model::LabelView label : target_labels_) {
    const std::string scraped(builder_.Get(label.name));
    // A label that the target writes empty is one that it does not want, as the pushgateway's and /federate's instance.
    const bool is_written = std::ranges::find(line.labels, label.name, &ExpositionLabel::name) != line.labels.end();
    if (job_.honor_labels && (is_written || !scraped.empty())) continue;
    if (!scraped.empty()) {
      std::string renamed = fmt::format("{}{}", kExportedPrefix, label.name);
      while (!builder_.Get(renamed).empty() || target_labels_.Has(renamed)) renamed.insert(0, kExportedPrefix);
      builder_.Set(renamed, scraped);
    }
    builder_.Set(label.name, label.value);
  }
  // Rules that leave no label drop the series, as in Prometheus.
  return relabeler_.Apply(builder_) && !builder_.labels().empty();
}

// What is said of the line's family wins over labels of the target.
void ScrapedSeries::AddTypeAndUnit(const SampleLine& line) {
  if (line.type != model::MetricType::kUnknown) builder_.Set(model::kTypeLabel, model::MetricTypeName(line.type));
  const model::Metadata* said = rules_.metadata->MetadataOf(line.name);
  static constexpr std::string_view kSuffixes[] = {"_total",   "_bucket", "_count",  "_sum",
                                                   "_created", "_info",   "_gcount", "_gsum"};
  for (const std::string_view suffix : kSuffixes) {
    if (said != nullptr) break;
    if (line.name.ends_with(suffix)) {
      said = rules_.metadata->MetadataOf(line.name.substr(0, line.name.size() - suffix.size()));
    }
  }
  if (said != nullptr && !said->unit.empty()) builder_.Set(model::kUnitLabel, said->unit);
}

base::Error ScrapedSeries::LabelLimitError(std::string message) {
  is_over_label_limit_ = true;
  return {Code::kLimitExceeded, std::move(message)};
}

base::Result<> ScrapedSeries::CheckLabels(const model::Labels& labels) {
  const std::string_view name = labels.metric_name();
  if (name.empty()) {
    return Fail(Code::kInvalidArgument,
                fmt::format("series {} has no metric name after relabelling", model::Abridged(labels.ToString())));
  }
  if (!model::IsValidMetricName(name, job_.name_scheme)) {
    return Fail(Code::kInvalidArgument, fmt::format("\"{}\" is not a valid metric name", model::Abridged(name)));
  }
  const auto limit_or = [](std::uint64_t limit, std::uint64_t most) {
    return limit > 0 ? std::min(limit, most) : most;
  };
  const std::uint64_t labels_max = limit_or(job_.limits.labels, kLabelsMax);
  if (labels.size() > labels_max) {
    return LabelLimitError(fmt::format("label_limit: series {} has {} labels, the limit is {}", model::Abridged(name),
                                       labels.size(), labels_max));
  }
  const std::uint64_t name_max = limit_or(job_.limits.label_name_length_bytes, kNameBytesMax);
  const std::uint64_t value_max = limit_or(job_.limits.label_value_length_bytes, kValueBytesMax);
  for (const model::LabelView label : labels) {
    if (label.name != model::kMetricName && !model::IsValidLabelName(label.name, job_.name_scheme)) {
      return Fail(Code::kInvalidArgument, fmt::format("\"{}\" is not a valid label name, of series {}",
                                                      model::Abridged(label.name), model::Abridged(name)));
    }
    if (label.name.size() > name_max) {
      return LabelLimitError(fmt::format("label_name_length_limit: a name of {} bytes in series {}, the limit is {}",
                                         label.name.size(), model::Abridged(name), name_max));
    }
    if (label.value.size() > value_max) {
      return LabelLimitError(fmt::format("label_value_length_limit: {} has {} bytes in series {}, the limit is {}",
                                         model::Abridged(label.name), label.value.size(), model::Abridged(name),
                                         value_max));
    }
  }
  return {};
}

SeriesHandle ScrapedSeries::NewRow(Row row) {
  if (!free_rows_.empty()) {
    const std::uint32_t index = free_rows_.back();
    free_rows_.pop_back();
    rows_[index] = std::move(row);
    return SeriesHandle{index};
  }
  rows_.push_back(std::move(row));
  return SeriesHandle{static_cast<std::uint32_t>(rows_.size() - 1)};
}

base::Result<SeriesHandle> ScrapedSeries::Resolve(const SampleLine& line) {
  const StartRole role = rules_.reads_starts ? StartRoleOf(line) : StartRole();
  if (role.is_created) {
    if (rows_.size() > static_cast<std::size_t>(SeriesHandle::kMax)) return SeriesHandle::kDropped;
    return NewRow({.is_stored = false, .start_role = role});
  }
  if (const auto part = PartOf(line)) return ResolvePart(line, *part);
  const SeriesHandle handle = BARO_TRY(ResolveSeries(line, role));
  if (handle != SeriesHandle::kDropped) rows_[static_cast<std::size_t>(handle)].is_of_lines = true;
  return handle;
}

base::Result<SeriesHandle> ScrapedSeries::ResolveSeries(const SampleLine& line, const StartRole& role) {
  if (!MakeLabels(line)) return SeriesHandle::kDropped;
  const model::Labels labels = builder_.Build();
  const std::uint64_t hash = labels.Hash();
  const auto has_labels = [&](SeriesHandle other) { return rows_[static_cast<std::size_t>(other)].labels == labels; };
  if (const SeriesHandle known = handles_.Find(hash, has_labels); known != SeriesHandle::kDropped) {
    rows_[static_cast<std::size_t>(known)].counts = Counts(line);
    return known;
  }
  const tsdb::SeriesRef ref = BARO_TRY(StoreSeries(labels));
  const SeriesHandle handle = NewRow({.ref = ref, .labels = labels, .counts = Counts(line), .start_role = role});
  handles_.Insert(hash, handle);
  return handle;
}

// Checks what relabelling made, and counts it as added.
base::Result<tsdb::SeriesRef> ScrapedSeries::StoreSeries(const model::Labels& labels) {
  BARO_TRY(CheckLabels(labels));
  if (rows_.size() > static_cast<std::size_t>(SeriesHandle::kMax)) {
    return Fail(Code::kLimitExceeded, fmt::format("more than {} series in one target", rows_.size() - 1));
  }
  // Past the sample limit the scrape fails anyway: storage is spared the series, the lines are only counted.
  const bool is_over_limit = job_.limits.samples > 0 && series_added_ >= job_.limits.samples;
  const tsdb::SeriesRef ref = is_over_limit ? tsdb::SeriesRef::kNone : BARO_TRY(appender_->Resolve(labels));
  ++series_added_;
  return ref;
}

std::optional<HistogramPart> ScrapedSeries::PartOf(const SampleLine& line) const {
  const bool is_histogram = line.type == model::MetricType::kHistogram ||
                            (rules_.converts_gauges && line.type == model::MetricType::kGaugeHistogram);
  if (!rules_.converts || !is_histogram) return std::nullopt;
  auto part = HistogramPartOf(line);
  // A line may stand behind the TYPE line of another family.
  const model::Metadata* const said = part ? rules_.metadata->MetadataOf(part->base) : nullptr;
  return said != nullptr && said->type == line.type ? part : std::nullopt;
}

// Each such line has a row of its own, also where relabelling makes several of them one series: the histogram is made
// of what the target wrote.
base::Result<SeriesHandle> ScrapedSeries::ResolvePart(const SampleLine& line, const HistogramPart& part) {
  Row row{.is_stored = false, .is_of_lines = true};
  if (rules_.keeps_classic && MakeLabels(line)) {
    row.labels = builder_.Build();
    row.start_role = rules_.reads_starts ? StartRoleOf(line) : StartRole();
    row.counts = Counts(line);
    row.is_stored = true;
    row.ref = BARO_TRY(StoreSeries(row.labels));
  }
  const std::uint32_t number = BARO_TRY(HistogramNumber(line, part));
  row.histogram = number;
  const SeriesHandle handle = NewRow(std::move(row));
  converted_.AddPart(number, part, handle);
  return handle;
}

base::Result<std::uint32_t> ScrapedSeries::HistogramNumber(const SampleLine& line, const HistogramPart& part) {
  std::vector<ExpositionLabel> others;
  for (const ExpositionLabel& label : line.labels) {
    if (label.name != model::kBucketLabel) others.push_back(label);
  }
  builder_.Reset();
  builder_.Set(model::kMetricName, part.base);
  for (const ExpositionLabel& label : others) builder_.Set(label.name, label.value);
  const model::Labels labels = builder_.Build();
  const bool is_known = converted_.Has(labels);
  const SampleLine whole{.name = part.base, .labels = others, .type = line.type};
  const SeriesHandle series = is_known ? SeriesHandle::kDropped : BARO_TRY(ResolveSeries(whole, {}));
  const std::uint32_t number = converted_.Find(labels);
  if (is_known) return number;
  ConvertedHistograms::Histogram& histogram = converted_.at(number);
  histogram.series = series;
  histogram.is_gauge = line.type == model::MetricType::kGaugeHistogram;
  histogram.start_key = StartRoleOf(line).key;
  if (series != SeriesHandle::kDropped) ++rows_[static_cast<std::size_t>(series)].histograms_count;
  return number;
}

base::Result<tsdb::SeriesRef> ScrapedSeries::ResolveAgain(SeriesHandle handle, tsdb::Appender& appender) {
  Row& row = rows_[static_cast<std::size_t>(handle)];
  row.ref = BARO_TRY(appender.Resolve(row.labels));
  row.told_start_ms = kUnknownStart;
  return row.ref;
}

void ScrapedSeries::ForgetToldStarts() {
  for (Row& row : rows_) row.told_start_ms = kUnknownStart;
}

void ScrapedSeries::Clear() {
  rows_.clear();
  free_rows_.clear();
  handles_.Clear();
  converted_ = {};
}

void ScrapedSeries::MarkAllEnded() {
  for (Row& row : rows_) row.is_live = false;
}

void ScrapedSeries::Free(SeriesHandle handle) {
  Row& row = rows_[static_cast<std::size_t>(handle)];
  row.is_of_lines = false;
  if (row.histogram != ConvertedHistograms::kNone) converted_.RemovePart(row.histogram, handle);
  if (row.histograms_count == 0) FreeRow(handle);
}

std::vector<ReleasedSeries> ScrapedSeries::TakeEndedHistograms() {
  std::vector<ReleasedSeries> ended;
  for (const std::uint32_t number : converted_.EraseRemoved()) {
    const ConvertedHistograms::Histogram& histogram = converted_.at(number);
    if (histogram.series != SeriesHandle::kDropped) {
      ended.push_back({.series = histogram.series, .was_present = true, .had_timestamp = histogram.had_timestamp});
    }
    converted_.Remove(number);
  }
  return ended;
}

bool ScrapedSeries::FreeHistogram(SeriesHandle handle) {
  Row& row = rows_[static_cast<std::size_t>(handle)];
  if (--row.histograms_count > 0 || row.is_of_lines) return false;
  FreeRow(handle);
  return true;
}

void ScrapedSeries::FreeRow(SeriesHandle handle) {
  Row& row = rows_[static_cast<std::size_t>(handle)];
  handles_.Erase(row.labels.Hash(), handle);
  row = {};
  free_rows_.push_back(static_cast<std::uint32_t>(handle));
}

}  // namespace baro::scraper
