#include "scraper/loop/scraped_series.h"

#include <fmt/format.h>

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
  for (const model::LabelView label : target_labels_) {
    const std::string scraped(builder_.Get(label.name));
    if (!scraped.empty() && job_.honor_labels) continue;
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

base::Error ScrapedSeries::LabelLimitError(std::string message) {
  is_over_label_limit_ = true;
  return {Code::kLimitExceeded, std::move(message)};
}

base::Result<> ScrapedSeries::CheckLabels(const model::Labels& labels) {
  const std::string_view name = labels.metric_name();
  if (name.empty()) {
    return Fail(Code::kInvalidArgument,
                fmt::format("series {} has no metric name after relabelling", labels.ToString()));
  }
  if (!model::IsValidMetricName(name, job_.name_scheme)) {
    return Fail(Code::kInvalidArgument, fmt::format("\"{}\" is not a valid metric name", name));
  }
  const auto limit_or = [](std::uint64_t limit, std::uint64_t most) {
    return limit > 0 ? std::min(limit, most) : most;
  };
  const std::uint64_t labels_max = limit_or(job_.limits.labels, kLabelsMax);
  if (labels.size() > labels_max) {
    return LabelLimitError(
        fmt::format("label_limit: series {} has {} labels, the limit is {}", name, labels.size(), labels_max));
  }
  const std::uint64_t name_max = limit_or(job_.limits.label_name_length_bytes, kNameBytesMax);
  const std::uint64_t value_max = limit_or(job_.limits.label_value_length_bytes, kValueBytesMax);
  for (const model::LabelView label : labels) {
    if (label.name != model::kMetricName && !model::IsValidLabelName(label.name, job_.name_scheme)) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("\"{}\" is not a valid label name, of series {}", label.name, name));
    }
    if (label.name.size() > name_max) {
      return LabelLimitError(fmt::format("label_name_length_limit: a name of {} bytes in series {}, the limit is {}",
                                         label.name.size(), name, name_max));
    }
    if (label.value.size() > value_max) {
      return LabelLimitError(fmt::format("label_value_length_limit: {} has {} bytes in series {}, the limit is {}",
                                         label.name, label.value.size(), name, value_max));
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
  const StartRole role = reads_starts_ ? StartRoleOf(line) : StartRole();
  if (role.is_created) {
    if (rows_.size() > static_cast<std::size_t>(SeriesHandle::kMax)) return SeriesHandle::kDropped;
    return NewRow({.start_role = role});
  }
  if (!MakeLabels(line)) return SeriesHandle::kDropped;
  const model::Labels labels = builder_.Build();
  if (const auto found = handle_of_.find(labels); found != handle_of_.end()) return found->second;
  BARO_TRY(CheckLabels(labels));
  if (rows_.size() > static_cast<std::size_t>(SeriesHandle::kMax)) {
    return Fail(Code::kLimitExceeded, fmt::format("more than {} series in one target", rows_.size() - 1));
  }
  // Past the sample limit the scrape fails anyway: storage is spared the series, the lines are only counted.
  const bool is_over_limit = job_.limits.samples > 0 && series_added_ >= job_.limits.samples;
  const tsdb::SeriesRef ref = is_over_limit ? tsdb::SeriesRef::kNone : BARO_TRY(appender_->Resolve(labels));
  const SeriesHandle handle = NewRow({.ref = ref, .labels = labels, .start_role = role});
  handle_of_.emplace(labels, handle);
  ++series_added_;
  return handle;
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

void ScrapedSeries::MarkAllEnded() {
  for (Row& row : rows_) row.is_live = false;
}

void ScrapedSeries::Free(SeriesHandle handle) {
  Row& row = rows_[static_cast<std::size_t>(handle)];
  handle_of_.erase(row.labels);
  row = {};
  free_rows_.push_back(static_cast<std::uint32_t>(handle));
}

}  // namespace baro::scraper
