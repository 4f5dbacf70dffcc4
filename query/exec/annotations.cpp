#include "query/exec/annotations.h"

#include <algorithm>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "model/quote.h"
#include "query/exec/text_place.h"

namespace baro::query {

std::string Annotation::ToString() const { return line == 0 ? text : fmt::format("{} ({}:{})", text, line, column); }

namespace exec {
namespace {

constexpr std::string_view kWarning = "PromQL warning: ";
constexpr std::string_view kInfo = "PromQL info: ";

Annotation MakeAnnotation(std::string text, TextSpan span, std::string_view query) {
  const TextPlace place = PlaceOf(query, span);
  return {.text = std::move(text), .line = place.line, .column = place.column};
}

std::vector<Annotation> Render(const std::map<std::string, TextSpan, std::less<>>& texts, std::string_view query) {
  std::vector<Annotation> result;
  result.reserve(texts.size());
  for (const auto& [text, span] : texts) result.push_back(MakeAnnotation(text, span, query));
  return result;
}

}  // namespace

std::string FormatTime(std::int64_t time_ms) {
  std::int64_t seconds = time_ms / 1000;
  std::int64_t fraction = time_ms % 1000;
  if (fraction < 0) {
    fraction += 1000;
    --seconds;
  }
  const std::time_t whole = seconds;
  std::tm utc{};
  gmtime_r(&whole, &utc);
  std::string text = fmt::format("{:%Y-%m-%dT%H:%M:%S}", utc);
  if (fraction != 0) {
    text += fmt::format(".{:03}", fraction);
    while (text.back() == '0') text.pop_back();
  }
  return text + "Z";
}

void MonotonicityReport::Merge(const MonotonicityReport& other) {
  if (samples == 0) {
    *this = other;
    return;
  }
  lowest_bound = std::min(lowest_bound, other.lowest_bound);
  highest_bound = std::max(highest_bound, other.highest_bound);
  largest_difference = std::max(largest_difference, other.largest_difference);
  first_ms = std::min(first_ms, other.first_ms);
  last_ms = std::max(last_ms, other.last_ms);
  samples += other.samples;
}

void Annotations::Warn(std::string_view text, TextSpan span) {
  ++said_;
  warnings_.insert_or_assign(fmt::format("{}{}", kWarning, text), span);
}

void Annotations::Inform(std::string_view text, TextSpan span) {
  ++said_;
  infos_.insert_or_assign(fmt::format("{}{}", kInfo, text), span);
}

void Annotations::WarnFromStorage(std::string_view text) {
  if (std::ranges::find(storage_warnings_, text) == storage_warnings_.end()) storage_warnings_.emplace_back(text);
}

void Annotations::InformMonotonicity(std::string_view metric_name, TextSpan span, const MonotonicityReport& report) {
  ++said_;
  Repair& repair = repairs_[std::string(metric_name)];
  repair.span = span;
  repair.report.Merge(report);
}

std::vector<Annotation> Annotations::Warnings(std::string_view query) const {
  std::vector<Annotation> result = Render(warnings_, query);
  for (const std::string& text : storage_warnings_) result.push_back({.text = text});
  return result;
}

std::vector<Annotation> Annotations::Infos(std::string_view query) const {
  std::vector<Annotation> result = Render(infos_, query);
  for (const auto& [metric_name, repair] : repairs_) {
    const MonotonicityReport& report = repair.report;
    result.push_back(MakeAnnotation(
        fmt::format("{}input to histogram_quantile needed to be fixed for monotonicity (see "
                    "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile){}, from "
                    "buckets {:g} to {:g}, with a max diff of {:.2g}, over {} samples from {} to {}",
                    kInfo, ForMetric(metric_name), report.lowest_bound, report.highest_bound, report.largest_difference,
                    report.samples, FormatTime(report.first_ms), FormatTime(report.last_ms)),
        repair.span, query));
  }
  return result;
}

std::string ForMetric(std::string_view metric_name) {
  return metric_name.empty() ? std::string() : fmt::format(" for metric name {}", model::Quoted(metric_name));
}

}  // namespace exec
}  // namespace baro::query
