// Storage and targets for tests of scraping: storage that remembers what was committed, targets that answer as told.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/sim_clock.h"
#include "base/sim_executor.h"
#include "model/labels.h"
#include "model/sample.h"
#include "net/http_fetcher.h"
#include "tsdb/appender.h"

namespace baro::scraper {

/// Keeps the samples of each series. Refuses as storage does: what is older than the newest, or another value at its
/// time.
///
/// Threads  Confined.
class FakeStorage : public tsdb::AppenderSource {
 public:
  explicit FakeStorage(std::int64_t start_ms = 1'700'000'000'000) : start_ms_(start_ms) {}

  std::unique_ptr<tsdb::Appender> NewAppender() override { return std::make_unique<FakeAppender>(*this); }
  tsdb::GroupRef NewGroup() override {
    ++groups_;
    return tsdb::GroupRef{++last_group_};
  }
  void DropGroup(tsdb::GroupRef) override { --groups_; }

  /// The samples of the series that ToMetricString() writes so, as "second=value ..." from the start on; "" for none.
  /// A stale marker is "end", that of histograms "histogram-end"; a histogram is as FloatHistogram::ToString() has it.
  std::string Samples(const std::string& series) const {
    std::string text;
    for (const auto& each : series_) {
      if (each.labels.ToMetricString() != series) continue;
      for (const Kept& sample : each.samples) text += (text.empty() ? "" : " ") + Text(sample);
    }
    return text;
  }

  /// Names of all series that have a sample, but for the reports', sorted.
  std::vector<std::string> SeriesNames() const {
    std::vector<std::string> names;
    for (const auto& each : series_) {
      const std::string name = each.labels.ToMetricString();
      if (!each.samples.empty() && name != "up" && !name.starts_with("up{") && !name.starts_with("scrape_")) {
        names.push_back(name);
      }
    }
    std::ranges::sort(names);
    return names;
  }

  /// Series that were asked for, with samples or without.
  std::size_t series_count() const { return series_.size(); }
  int groups() const { return groups_; }
  /// Since the last call, in the order of commits: "name {labels} value@milliseconds", "family type help".
  std::vector<std::string> TakeExemplars() { return std::exchange(exemplars_, {}); }
  /// "name start@time", both milliseconds since the start of the test; a start of 0 is 0.
  std::vector<std::string> TakeStarts() { return std::exchange(starts_, {}); }
  std::vector<std::string> TakeMetadata() { return std::exchange(metadata_, {}); }

  /// The head drops all series: references are unknown from now on; samples stay for Samples().
  void ForgetSeries() {
    for (auto& each : series_) each.is_known = false;
  }
  /// Commits fail with this code, or do not.
  void FailCommits(std::optional<base::Code> code) { commit_error_ = code; }

 private:
  struct Kept {
    model::Sample sample;  // of a histogram only the time
    std::optional<model::FloatHistogram> histogram;

    friend bool operator==(const Kept&, const Kept&) = default;
  };
  struct Series {
    model::Labels labels;
    std::vector<Kept> samples;
    bool is_known = true;
  };

  class FakeAppender : public tsdb::Appender {
   public:
    explicit FakeAppender(FakeStorage& storage) : storage_(storage) {}

    base::Result<tsdb::SeriesRef> Resolve(const model::Labels& labels, bool* created) override {
      if (created != nullptr) *created = false;
      if (labels.empty()) return base::Fail(base::Code::kInvalidArgument, "no labels");
      for (std::size_t i = 0; i < storage_.series_.size(); ++i) {
        if (storage_.series_[i].is_known && storage_.series_[i].labels == labels) return tsdb::SeriesRef{i + 1};
      }
      if (created != nullptr) *created = true;
      storage_.series_.push_back({.labels = labels, .samples = {}});
      return tsdb::SeriesRef{storage_.series_.size()};
    }

    void AppendRow(tsdb::GroupRef, std::int64_t timestamp_ms, std::span<const tsdb::SeriesRef> series,
                   std::span<const double> values, std::span<tsdb::SampleStatus> statuses) override {
      for (std::size_t i = 0; i < series.size(); ++i) {
        const auto status = Put(series[i], {.timestamp_ms = timestamp_ms, .value = values[i]});
        if (status == tsdb::SampleStatus::kAccepted) of_rows_[static_cast<std::size_t>(series[i]) - 1] = timestamp_ms;
        if (!statuses.empty()) statuses[i] = status;
      }
    }

    // As in storage: of a row and a single sample of the same series and time in one commit the single one stays.
    tsdb::SampleStatus Append(tsdb::SeriesRef ref, model::Sample sample) override {
      const auto index = static_cast<std::size_t>(ref) - 1;
      if (const auto of_row = of_rows_.find(index); of_row != of_rows_.end() && of_row->second == sample.timestamp_ms) {
        std::erase_if(staged_, [&](const Staged& staged) {
          return staged.first == index && staged.second.sample.timestamp_ms == sample.timestamp_ms;
        });
        of_rows_.erase(of_row);
      }
      return Put(ref, sample);
    }

    tsdb::SampleStatus Put(tsdb::SeriesRef ref, model::Sample sample) {
      const auto index = static_cast<std::size_t>(ref) - 1;
      const Kept* const last = index < storage_.series_.size() ? Newest(index) : nullptr;
      if (model::IsStaleNaN(sample.value) && last != nullptr && last->histogram) {
        return Keep(ref, {{.timestamp_ms = sample.timestamp_ms}, model::FloatHistogram{.sum = sample.value}});
      }
      return Keep(ref, {sample, std::nullopt});
    }

    base::Result<tsdb::SampleStatus> AppendHistogram(tsdb::SeriesRef ref, std::int64_t timestamp_ms,
                                                     const model::FloatHistogram& histogram) override {
      if (auto valid = histogram.Validate(); !valid) return valid.error();
      return Keep(ref, {{.timestamp_ms = timestamp_ms}, histogram});
    }

    const Kept* Newest(std::size_t index) const {
      const auto staged = std::ranges::find(staged_.rbegin(), staged_.rend(), index, &Staged::first);
      if (staged != staged_.rend()) return &staged->second;
      const auto& stored = storage_.series_[index].samples;
      return stored.empty() ? nullptr : &stored.back();
    }

    tsdb::SampleStatus Keep(tsdb::SeriesRef ref, const Kept& kept) {
      const auto index = static_cast<std::size_t>(ref) - 1;
      if (index >= storage_.series_.size() || !storage_.series_[index].is_known) {
        return tsdb::SampleStatus::kUnknownSeries;
      }
      const Kept* const last = Newest(index);
      const std::int64_t time_ms = kept.sample.timestamp_ms;
      if (last != nullptr && kept == *last) return tsdb::SampleStatus::kRepeated;
      if (last != nullptr && time_ms == last->sample.timestamp_ms) return tsdb::SampleStatus::kDuplicate;
      if (last != nullptr && time_ms < last->sample.timestamp_ms) return tsdb::SampleStatus::kOutOfOrder;
      if (time_ms > storage_.start_ms_ + kFutureMaxMs) return tsdb::SampleStatus::kOutOfBounds;
      staged_.emplace_back(index, kept);
      return tsdb::SampleStatus::kAccepted;
    }

    tsdb::ExemplarStatus AppendExemplar(tsdb::SeriesRef ref, const model::Exemplar& exemplar) override {
      const model::Labels& labels = storage_.series_[static_cast<std::size_t>(ref) - 1].labels;
      staged_exemplars_.push_back(fmt::format("{} {} {}@{}", labels.metric_name(), exemplar.labels.ToString(),
                                              exemplar.value, *exemplar.timestamp_ms - storage_.start_ms_));
      return exemplar.value < 0 ? tsdb::ExemplarStatus::kOutOfOrder : tsdb::ExemplarStatus::kAccepted;
    }
    void AppendStart(tsdb::SeriesRef ref, std::int64_t timestamp_ms, std::int64_t start_ms) override {
      const model::Labels& labels = storage_.series_[static_cast<std::size_t>(ref) - 1].labels;
      const std::int64_t base_ms = start_ms == 0 ? 0 : storage_.start_ms_;
      staged_starts_.push_back(
          fmt::format("{} {}@{}", labels.metric_name(), start_ms - base_ms, timestamp_ms - storage_.start_ms_));
    }
    void AppendMetadata(std::string_view family, const model::Metadata& metadata) override {
      staged_metadata_.push_back(
          fmt::format("{} {} {}{}", family, model::MetricTypeName(metadata.type), metadata.help, metadata.unit));
    }

    base::Result<tsdb::CommitStats> Commit(tsdb::Durability) override {
      if (storage_.commit_error_) return base::Fail(*storage_.commit_error_, "no space left on device");
      for (const auto& [index, sample] : staged_) storage_.series_[index].samples.push_back(sample);
      const tsdb::CommitStats stats{.accepted = staged_.size()};
      storage_.exemplars_.insert(storage_.exemplars_.end(), staged_exemplars_.begin(), staged_exemplars_.end());
      storage_.metadata_.insert(storage_.metadata_.end(), staged_metadata_.begin(), staged_metadata_.end());
      storage_.starts_.insert(storage_.starts_.end(), staged_starts_.begin(), staged_starts_.end());
      Rollback();
      return stats;
    }
    void Rollback() override {
      staged_.clear();
      of_rows_.clear();
      staged_exemplars_.clear();
      staged_metadata_.clear();
      staged_starts_.clear();
    }

   private:
    using Staged = std::pair<std::size_t, Kept>;
    static constexpr std::int64_t kFutureMaxMs = 24 * 3600 * 1000;

    FakeStorage& storage_;
    std::vector<Staged> staged_;
    std::map<std::size_t, std::int64_t> of_rows_;  // those of staged_ that came in rows, by series: their times
    std::vector<std::string> staged_exemplars_;
    std::vector<std::string> staged_metadata_;
    std::vector<std::string> staged_starts_;
  };

  std::string Text(const Kept& kept) const {
    const model::Sample& sample = kept.sample;
    const double seconds = static_cast<double>(sample.timestamp_ms - start_ms_) / 1000;
    if (kept.histogram && model::IsStaleNaN(kept.histogram->sum)) return fmt::format("{}=histogram-end", seconds);
    if (kept.histogram) return fmt::format("{}={}", seconds, kept.histogram->ToString());
    return model::IsStaleNaN(sample.value) ? fmt::format("{}=end", seconds)
                                           : fmt::format("{}={}", seconds, sample.value);
  }

  const std::int64_t start_ms_;
  std::vector<std::string> exemplars_;
  std::vector<std::string> metadata_;
  std::vector<std::string> starts_;
  std::vector<Series> series_;
  std::uint64_t last_group_ = 0;
  int groups_ = 0;
  std::optional<base::Code> commit_error_;
};

/// What a target says.
struct FakeAnswer {
  std::string body;
  std::string content_type = "text/plain; version=0.0.4";
  int status = 200;
  std::chrono::milliseconds delay{0};          ///< beyond the timeout: the call times out
  std::optional<base::Error> error;            ///< no answer but this
  net::HeaderFields headers;                   ///< others
  std::optional<std::size_t> charged_bytes{};  ///< of a budget, as if the body had so many
};

/// Answers for all targets, by URL; unknown ones refuse the connection.
///
/// Threads  Confined to the executor.
class FakeTargets : public net::HttpFetcher {
 public:
  explicit FakeTargets(base::SimExecutor& executor) : executor_(executor) {}

  /// What the target says from now on.
  FakeAnswer& At(const std::string& url) { return answers_[url]; }

  CallId Fetch(net::FetchRequest request, net::FetchOptions options, net::FetchCallback callback) override {
    const CallId id{++last_call_};
    requests.emplace_back(std::move(request), options);
    const auto found = answers_.find(key ? key(requests.back().first) : requests.back().first.url);
    const FakeAnswer answer = found != answers_.end()
                                  ? found->second
                                  : FakeAnswer{.error = base::Error(base::Code::kIo, "connection refused")};
    const bool is_late = answer.delay > options.timeout;
    if (options.budget) {  // as if all of the body came at once, as soon as it was asked for
      base::MemoryCharge charge(options.budget.get());
      if (const auto charged = charge.Add(answer.charged_bytes.value_or(answer.body.size())); !charged) {
        calls_[id] = std::move(callback);
        executor_.Post([this, id, error = charged.error()] { Answer(id, std::unexpected(error)); });
        return id;
      }
      callback = [callback = std::move(callback), budget = options.budget,
                  held = std::make_shared<base::MemoryCharge>(std::move(charge))](
                     base::Result<net::FetchResponse> response) { callback(std::move(response)); };
    }
    calls_[id] = std::move(callback);
    executor_.PostAfter(std::min(answer.delay, options.timeout), [this, id, answer, options, is_late] {
      if (is_late) return Answer(id, base::Fail(base::Code::kTimeout, "the target did not answer in time"));
      if (answer.error) return Answer(id, std::unexpected(*answer.error));
      if (answer.body.size() >= options.body_bytes_max) {
        return Answer(id, base::Fail(base::Code::kLimitExceeded, "body_size_limit"));
      }
      net::FetchResponse response{.status = answer.status, .headers = answer.headers, .body = answer.body};
      if (!answer.content_type.empty()) response.headers.Add("Content-Type", answer.content_type);
      Answer(id, std::move(response));
    });
    return id;
  }

  void Cancel(CallId id) override {
    executor_.Post([this, id] { Answer(id, base::Fail(base::Code::kCancelled, "cancelled")); });
  }

  /// Forgets the calls that wait, for the end of a test: they hold their loops, which hold this.
  void DropCalls() { std::exchange(calls_, {}).clear(); }

  std::vector<std::pair<net::FetchRequest, net::FetchOptions>> requests;
  /// What answers are found by; the URL if this is empty.
  std::function<std::string(const net::FetchRequest&)> key;

 private:
  void Answer(CallId id, base::Result<net::FetchResponse> answer) {
    auto call = calls_.extract(id);
    if (call) call.mapped()(std::move(answer));
  }

  base::SimExecutor& executor_;
  std::map<std::string, FakeAnswer> answers_;
  std::map<CallId, net::FetchCallback> calls_;
  std::uint64_t last_call_ = 0;
};

}  // namespace baro::scraper
