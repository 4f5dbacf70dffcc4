#include "tests/sim/model.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

namespace baro::sim {
namespace {

using model::kMinTimestampMs;

bool SameBits(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

bool SameBits(const std::vector<double>& a, const std::vector<double>& b) {
  return std::ranges::equal(a, b, [](double x, double y) { return SameBits(x, y); });
}

bool SameHistogram(const model::FloatHistogram& a, const model::FloatHistogram& b) {
  return a.schema == b.schema && SameBits(a.zero_threshold, b.zero_threshold) && SameBits(a.zero_count, b.zero_count) &&
         SameBits(a.count, b.count) && SameBits(a.sum, b.sum) && a.positive_spans == b.positive_spans &&
         a.negative_spans == b.negative_spans && SameBits(a.positive_buckets, b.positive_buckets) &&
         SameBits(a.negative_buckets, b.negative_buckets) && SameBits(a.custom_values, b.custom_values);
}

std::string Describe(const Value& value) {
  if (value.histogram != nullptr) return value.histogram->ToString();
  return fmt::format("{} ({:016x})", std::bit_cast<double>(value.bits), value.bits);
}

base::Error Wrong(std::string_view what, const model::Labels& labels, std::int64_t time_ms, const Value& value) {
  return {base::Code::kCorruption,
          fmt::format("{}: {} at {}: {}", what, labels.ToMetricString(), time_ms, Describe(value))};
}

std::map<std::int64_t, Value> ValuesOf(const tsdb::LiteralSeries& series) {
  std::map<std::int64_t, Value> values;
  for (const model::Sample& sample : series.samples) values[sample.timestamp_ms] = Value::Of(sample.value);
  for (const tsdb::HistogramSample& sample : series.histograms) {
    values[sample.timestamp_ms] = {.histogram = sample.histogram};
  }
  return values;
}

std::int64_t FloorDivide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

// Storage turns the end of a series into the kind of the sample before it.
bool IsEnd(const Value& value) {
  return model::IsStaleNaN(value.histogram != nullptr ? value.histogram->sum : std::bit_cast<double>(value.bits));
}

}  // namespace

bool operator==(const Value& a, const Value& b) {
  if (IsEnd(a) && IsEnd(b)) return true;
  if ((a.histogram == nullptr) != (b.histogram == nullptr)) return false;
  return a.histogram == nullptr ? a.bits == b.bits : SameHistogram(*a.histogram, *b.histogram);
}

void Model::Write(const Written& sample, Fate fate, base::MonotonicTime now) {
  Series& series = series_[std::string(sample.labels.packed())];
  series.labels = sample.labels;
  series.points[sample.timestamp_ms] = {.value = sample.value, .fate = fate, .written_at = now};
  newest_ms_ = std::max(newest_ms_, sample.timestamp_ms);
}

bool Model::Has(const model::Labels& labels, std::int64_t timestamp_ms) const {
  const auto found = series_.find(labels.packed());
  if (found == series_.end()) return false;
  return found->second.points.contains(timestamp_ms) || found->second.deleted.contains(timestamp_ms);
}

void Model::MakeDurable(std::optional<base::MonotonicTime> until) {
  for (auto& [key, series] : series_) {
    for (auto& [time_ms, point] : series.points) {
      if (point.fate == Fate::kWritten && (!until || point.written_at <= *until)) point.fate = Fate::kDurable;
    }
  }
}

void Model::Delete(const std::string& name, model::TimeRange range, bool is_acknowledged) {
  for (auto& [key, series] : series_) {
    if (!name.empty() && series.labels.metric_name() != name) continue;
    for (auto at = series.points.lower_bound(range.min_ms); at != series.points.end() && at->first <= range.max_ms;) {
      if (!is_acknowledged) {
        at->second.fate = Fate::kUncertain;
        ++at;
        continue;
      }
      series.deleted[at->first] = at->second.value;
      at = series.points.erase(at);
    }
  }
}

void Model::SetRetention(const tsdb::RetentionLimits& limits) {
  for (auto& [key, series] : series_) Age(series);
  limits_ = limits;
  for (auto& [key, series] : series_) Age(series);
}

// Written anew on purpose, from docs/storage.md.
void Model::Age(Series& series) const {
  if (newest_ms_ == kMinTimestampMs) return;
  std::chrono::milliseconds time = limits_.time;
  if (limits_.rules != nullptr) {
    for (const tsdb::RetentionRule& rule : limits_.rules->retention) {
      if (!model::MatchesAll(rule.matchers, series.labels)) continue;
      time = rule.time;
      break;
    }
    for (const tsdb::DownsamplingRule& rule : limits_.rules->downsampling) {
      if (!rule.matchers.empty() && !model::MatchesAll(rule.matchers, series.labels)) continue;
      series.thinned_until_ms = std::max(series.thinned_until_ms, newest_ms_ - rule.after.count());
      series.window_ms = std::max(series.window_ms, rule.resolution.count());
    }
  }
  if (time.count() > 0) series.kept_from_ms = std::max(series.kept_from_ms, newest_ms_ - time.count());
}

// Windows of an hour keep what windows of five minutes keep at their ends, so the longest window counts.
bool Model::MayBeThinned(const Series& series, std::int64_t time_ms) {
  if (series.window_ms == 0 || time_ms > series.thinned_until_ms) return false;
  const auto thinned = series.points.find(time_ms);
  if (thinned != series.points.end() && model::IsStaleNaN(std::bit_cast<double>(thinned->second.value.bits)))
    return true;
  const std::int64_t window = FloorDivide(time_ms - 1, series.window_ms);
  const auto has_later = [&](const auto& samples, const auto& value_of) {
    for (auto at = samples.upper_bound(time_ms); at != samples.end(); ++at) {
      if (FloorDivide(at->first - 1, series.window_ms) != window) return false;
      const Value& value = std::invoke(value_of, at->second);
      if (value.histogram == nullptr && value.bits != model::kStaleNaNBits) return true;
    }
    return false;
  };
  // A window goes with its last sample, when that is deleted.
  return has_later(series.points, &Point::value) || has_later(series.deleted, std::identity());
}

base::Result<> Model::CheckWritten(const Series& series, std::int64_t time_ms, const Value& value,
                                   const Must& must) const {
  const auto found = series.points.find(time_ms);
  if (found != series.points.end()) {
    if (found->second.value == value) return {};
    return Wrong(fmt::format("another value than the one written, {}", Describe(found->second.value)), series.labels,
                 time_ms, value);
  }
  if (const auto deleted = series.deleted.find(time_ms); deleted != series.deleted.end()) {
    if (must.may_miss && deleted->second == value) return {};  // the list of deletes is damaged
    return Wrong("deleted, and back", series.labels, time_ms, value);
  }
  return Wrong("never written", series.labels, time_ms, value);
}

base::Result<> Model::CheckSeries(const Series& series, const tsdb::LiteralSeries* seen, const Look& look,
                                  const Must& must) const {
  std::map<std::int64_t, Value> values;
  if (seen != nullptr) values = ValuesOf(*seen);
  for (const auto& [time_ms, value] : values) {
    if (!look.range.Contains(time_ms)) return Wrong("outside of what was asked", series.labels, time_ms, value);
    BARO_TRY(CheckWritten(series, time_ms, value, must));
  }
  if (must.may_miss) return {};
  const std::int64_t from_ms = std::max({series.kept_from_ms, size_floor_ms_, look.range.min_ms});
  for (auto at = series.points.lower_bound(from_ms); at != series.points.end() && at->first <= look.range.max_ms;
       ++at) {
    if (at->second.fate < must.fate || values.contains(at->first) || MayBeThinned(series, at->first)) continue;
    return Wrong("lost", series.labels, at->first, at->second.value);
  }
  return {};
}

base::Result<> Model::Check(const Seen& seen, const Look& look, const Must& must) {
  std::map<std::string_view, const tsdb::LiteralSeries*> by_labels;
  const model::Labels* before = nullptr;
  for (const tsdb::LiteralSeries& series : seen.series) {
    if (before != nullptr && !(*before < series.labels)) {
      return base::Fail(base::Code::kCorruption, "out of order: " + series.labels.ToString());
    }
    before = &series.labels;
    if (!series_.contains(series.labels.packed())) {
      return base::Fail(base::Code::kCorruption, "a series that was never written: " + series.labels.ToString());
    }
    by_labels[series.labels.packed()] = &series;
  }
  for (auto& [key, series] : series_) {
    Age(series);
    const auto found = by_labels.find(key);
    if (!look.name.empty() && series.labels.metric_name() != look.name) {
      if (found != by_labels.end()) {
        return base::Fail(base::Code::kCorruption, "a series that was not asked for: " + series.labels.ToString());
      }
      continue;
    }
    BARO_TRY(CheckSeries(series, found == by_labels.end() ? nullptr : found->second, look, must));
  }
  return {};
}

void Model::Settle(const Seen& seen) {
  std::map<std::string_view, const tsdb::LiteralSeries*> by_labels;
  for (const tsdb::LiteralSeries& series : seen.series) by_labels[series.labels.packed()] = &series;
  for (auto& [key, series] : series_) {
    const auto found = by_labels.find(key);
    const auto values = found == by_labels.end() ? std::map<std::int64_t, Value>() : ValuesOf(*found->second);
    for (auto at = series.points.begin(); at != series.points.end();) {
      // A sample that is past retention may stand in the log still.
      const bool may_come =
          at->first < std::max(series.kept_from_ms, size_floor_ms_) || MayBeThinned(series, at->first);
      if (!values.contains(at->first) && !may_come) {
        at = series.points.erase(at);
        continue;
      }
      // What a failed delete left may go with the next try.
      if (values.contains(at->first)) at->second.fate = std::max(at->second.fate, Fate::kWritten);
      ++at;
    }
    for (auto at = series.deleted.begin(); at != series.deleted.end();) {
      const bool is_back = values.contains(at->first);
      if (is_back) series.points[at->first] = {.value = at->second, .fate = Fate::kUncertain};
      at = is_back ? series.deleted.erase(at) : std::next(at);
    }
  }
}

std::optional<std::int64_t> Model::NewestBefore(std::int64_t time_ms) const {
  std::optional<std::int64_t> newest_ms;
  for (const auto& [key, series] : series_) {
    for (auto at = series.points.lower_bound(time_ms); at != series.points.begin();) {
      --at;
      if (at->first < std::max(series.kept_from_ms, size_floor_ms_)) break;
      if (at->second.fate < Fate::kWritten) continue;
      newest_ms = std::max(newest_ms.value_or(at->first), at->first);
      break;
    }
  }
  return newest_ms;
}

}  // namespace baro::sim
