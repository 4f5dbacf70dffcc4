// Storage for tests: remembers committed samples as text.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tsdb/appender.h"

namespace baro::scraper {

/// Threads  Confined.
class RecordingStorage : public tsdb::AppenderSource {
 public:
  struct Entry {
    model::Labels labels;
    std::int64_t timestamp_ms;
    double value;
  };

  std::unique_ptr<tsdb::Appender> NewAppender() override { return std::make_unique<RecordingAppender>(*this); }
  tsdb::GroupRef NewGroup() override { return tsdb::GroupRef{++last_group_}; }
  void DropGroup(tsdb::GroupRef) override {}

  /// Committed samples of the series with this metric name, as "<seconds>:<value>", stale markers as "<seconds>:stale".
  std::string Of(std::string_view metric) const {
    std::string text;
    for (const Entry& entry : entries_) {
      if (entry.labels.metric_name() != metric) continue;
      text += fmt::format("{}{}:{}", text.empty() ? "" : " ", static_cast<double>(entry.timestamp_ms) / 1000,
                          model::IsStaleNaN(entry.value) ? "stale" : fmt::format("{}", entry.value));
    }
    return text;
  }
  const std::vector<Entry>& entries() const { return entries_; }

  /// Forgets all series: references that were given become unknown.
  void ForgetSeries() {
    labels_of_.clear();
    ref_of_.clear();
  }
  /// The next commits fail.
  bool is_full = false;

 private:
  class RecordingAppender : public tsdb::Appender {
   public:
    explicit RecordingAppender(RecordingStorage& storage) : storage_(storage) {}

    base::Result<tsdb::SeriesRef> Resolve(const model::Labels& labels, bool* created) override {
      auto& ref = storage_.ref_of_[labels.ToString()];
      if (created != nullptr) *created = ref == tsdb::SeriesRef::kNone;
      if (ref == tsdb::SeriesRef::kNone) {
        ref = tsdb::SeriesRef{++storage_.last_ref_};
        storage_.labels_of_[ref] = labels;
      }
      return ref;
    }
    void AppendRow(tsdb::GroupRef, std::int64_t timestamp_ms, std::span<const tsdb::SeriesRef> series,
                   std::span<const double> values, std::span<tsdb::SampleStatus> statuses) override {
      for (std::size_t i = 0; i < series.size(); ++i) {
        const auto status = Append(series[i], {.timestamp_ms = timestamp_ms, .value = values[i]});
        if (!statuses.empty()) statuses[i] = status;
      }
    }
    tsdb::SampleStatus Append(tsdb::SeriesRef series, model::Sample sample) override {
      const auto labels = storage_.labels_of_.find(series);
      if (labels == storage_.labels_of_.end()) return tsdb::SampleStatus::kUnknownSeries;
      pending_.push_back({labels->second, sample.timestamp_ms, sample.value});
      return tsdb::SampleStatus::kAccepted;
    }
    base::Result<tsdb::SampleStatus> AppendHistogram(tsdb::SeriesRef, std::int64_t,
                                                     const model::FloatHistogram&) override {
      return tsdb::SampleStatus::kAccepted;
    }
    void AppendExemplar(tsdb::SeriesRef, const model::Exemplar&) override {}
    base::Result<tsdb::CommitStats> Commit(tsdb::Durability) override {
      if (storage_.is_full) return base::Fail(base::Code::kNoSpace, "no space left on device");
      storage_.entries_.insert(storage_.entries_.end(), pending_.begin(), pending_.end());
      return tsdb::CommitStats{.accepted = pending_.size()};
    }
    void Rollback() override { pending_.clear(); }

   private:
    RecordingStorage& storage_;
    std::vector<Entry> pending_;
  };

  std::vector<Entry> entries_;
  std::map<std::string, tsdb::SeriesRef> ref_of_;
  std::map<tsdb::SeriesRef, model::Labels> labels_of_;
  std::uint64_t last_ref_ = 0;
  std::uint64_t last_group_ = 0;
};

}  // namespace baro::scraper
