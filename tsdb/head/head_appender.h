// Transactions on the head: what they check, log and link.
//
// Source   Order rules: Prometheus 3.14, head append; visibility of whole commits as its isolation.
// Threads  HeadAppender is confined; HeadWriter is safe to share.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "tsdb/appender.h"
#include "tsdb/head/exemplar_store.h"
#include "tsdb/head/head.h"
#include "tsdb/head/time_rules.h"
#include "tsdb/wal/log_writer.h"

namespace baro::tsdb {

/// What all appenders of a store share. Borrows everything.
struct HeadWriter {
  Head& head;
  LogWriter& log;
  ExemplarStore& exemplars;
  const base::Clock& clock;
  const StorageOptions& options;
  base::Counter& samples_appended;
  base::Counter& histograms_appended;
  base::Counter& out_of_order;
  base::Counter& out_of_bounds;
  base::Counter& too_old;
  base::Counter& late_appended;
  // Relaxed: a setting, which orders nothing. 0: samples out of order are refused.
  std::atomic<std::int64_t> out_of_order_window_ms{0};

  /// The times that a sample may have at present.
  TimeRules Rules() const;
};

class HeadAppender : public Appender {
 public:
  explicit HeadAppender(HeadWriter& writer);
  ~HeadAppender() override;

  base::Result<SeriesRef> Resolve(const model::Labels& labels, bool* created) override;
  void AppendRow(GroupRef group, std::int64_t timestamp_ms, std::span<const SeriesRef> series,
                 std::span<const double> values, std::span<SampleStatus> statuses) override;
  SampleStatus Append(SeriesRef series, model::Sample sample) override;
  base::Result<SampleStatus> AppendHistogram(SeriesRef series, std::int64_t timestamp_ms,
                                             const model::FloatHistogram& histogram) override;
  ExemplarStatus AppendExemplar(SeriesRef series, const model::Exemplar& exemplar) override;
  void AppendStart(SeriesRef series, std::int64_t timestamp_ms, std::int64_t start_ms) override;
  void AppendMetadata(std::string_view family, const model::Metadata& metadata) override;
  base::Result<CommitStats> Commit(Durability durability) override;
  void Rollback() override;

 private:
  // A row on its way. `orders` says which series its columns are of, should the columns change before the commit.
  struct PendingRow {
    GroupPtr group;
    std::shared_ptr<Row> row;
    std::vector<RowOrderPtr> orders;
    std::uint64_t version = 0;
    std::size_t present = 0;
    std::shared_ptr<Row> late;  // the columns that come late; null: none
    std::size_t late_present = 0;
    bool is_counted = false;  // among the group's pending rows
  };
  struct PendingSample {
    SeriesPtr series;
    model::Sample sample;
    std::shared_ptr<const model::FloatHistogram> histogram;  // then the sample's value is not used
    bool is_accepted = true;
    bool is_late = false;
    bool is_difference = false;  // the histogram was logged as one
  };
  struct PendingExemplar {
    SeriesPtr series;
    model::Exemplar exemplar;
  };
  struct PendingStart {
    SeriesPtr series;
    StartRun run;
    bool is_late = false;    // it holds for its time alone
    bool is_change = false;  // written down and put into the series by this commit
    std::int64_t before_ms = 0;
  };
  struct PendingMetadata {
    std::string family;
    model::Metadata metadata;
  };
  class Transaction;

  PendingRow& RowFor(const GroupPtr& group, std::int64_t timestamp_ms);
  RowOrderPtr OrderOf(GroupRef ref, GroupPtr& group, std::span<const SeriesRef> series);
  bool Fill(PendingRow& pending, const RowOrderPtr& order, std::span<const double> values,
            std::span<SampleStatus> statuses);
  LastSample LastInHead(const SeriesPtr& series) const;
  LastSample Newest(const SeriesPtr& series) const;
  SampleStatus AddHistogram(SeriesPtr series, std::int64_t timestamp_ms, const model::FloatHistogram& histogram);
  SampleStatus FillOne(PendingRow& pending, std::uint32_t column, double value, bool is_clear);
  static bool AddLate(PendingRow& pending, std::uint32_t column, double value);
  void BeginWindow(std::int64_t timestamp_ms);
  Verdict CheckSingle(const SeriesPtr& series, std::int64_t timestamp_ms, const LastSample& candidate);
  void Count(SampleStatus status, std::size_t count = 1);
  void NoteRefused(const Series& series, std::int64_t timestamp_ms, SampleStatus status);
  void Clear();

  HeadWriter& writer_;
  TimeRules rules_;
  CommitStats stats_;
  std::vector<SeriesPtr> pinned_;
  std::vector<PendingRow> rows_;
  std::vector<PendingSample> samples_;
  std::unordered_map<Series*, std::size_t> newest_;  // the last of each series in samples_
  std::vector<PendingExemplar> exemplars_;
  std::unordered_map<const Series*, std::size_t> newest_exemplars_;  // the last of each series in exemplars_
  std::vector<PendingStart> starts_;
  std::vector<PendingMetadata> metadata_;  // new to the head's table, in which it is already
};

}  // namespace baro::tsdb
