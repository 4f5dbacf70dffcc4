// Records: what a commit in the log is made of.
//
// Format   docs/formats/log.md, section 4: type, varint length, body.
// Threads  RecordWriter and RecordReader are confined.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/exemplar.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/metadata.h"
#include "model/sample.h"

namespace baro::tsdb {

/// A series as the log names it. Never reused in one log.
enum class LogSeriesId : std::uint64_t { kNone = 0 };

enum class RecordType : std::uint8_t {
  kSeries = 1,
  kLayout = 2,
  kRow = 3,
  kSamples = 4,
  kHistograms = 5,
  kExemplars = 6,
  kTombstones = 7,
  kMetadata = 8,
  kNextSeries = 9,
  kStart = 10,
  kHistogramDifference = 11,
  kLateSample = 16,
  kLateHistogram = 17,
};

/// A row as it is logged: by columns of its group's layout.
struct LoggedRow {
  std::uint64_t group = 0;
  std::uint64_t number = 0;  ///< of the row in its group, in the order of the log; never used twice
  std::int64_t timestamp_ms = 0;
  std::span<const double> values;           ///< one per column; +0 where the series is absent
  std::span<const std::uint64_t> presence;  ///< one bit per column, 64 per word; empty: all are there
  bool is_late = false;                     ///< of times before the newest samples of its series
};

/// What a delete hides of one series: samples in order up to that time, which was not before the begin of the range
/// but for one millisecond, and late ones.
struct LoggedTombstone {
  LogSeriesId series = LogSeriesId::kNone;
  std::int64_t in_order_max_ms = 0;
};

/// A histogram as it is logged.
struct LoggedHistogram {
  std::int64_t timestamp_ms = 0;
  const model::FloatHistogram* histogram = nullptr;
};

/// Builds a commit's payload.
class RecordWriter {
 public:
  explicit RecordWriter(base::ByteBuffer& out) : out_(out) {}

  void Series(LogSeriesId series, const model::Labels& labels);
  /// The columns of a group from now on.
  void Layout(std::uint64_t group, std::span<const LogSeriesId> columns);
  /// A row that stands for itself, or, with `before`, as the difference to the row before of the same layout, whose
  /// values beyond its end count as 0. Shape    `before` then has the number before.
  void Row(const LoggedRow& row, const LoggedRow* before);
  void Sample(LogSeriesId series, model::Sample sample);
  void Histogram(LogSeriesId series, std::int64_t timestamp_ms, const model::FloatHistogram& histogram);
  void LateSample(LogSeriesId series, model::Sample sample);
  void LateHistogram(LogSeriesId series, std::int64_t timestamp_ms, const model::FloatHistogram& histogram);
  /// The same as the difference to the last one of the series that a reader of the log has in hand.
  /// False: it cannot be told so, and nothing was written.
  bool HistogramDifference(LogSeriesId series, const LoggedHistogram& histogram, const LoggedHistogram& before);
  void Exemplar(LogSeriesId series, std::int64_t timestamp_ms, const model::Exemplar& exemplar);
  void Metadata(std::int64_t seen_ms, std::string_view family, const model::Metadata& metadata);
  /// The samples of the series from that time on, up to the next such record, count from `start_ms`; 0: not known.
  void Start(LogSeriesId series, std::int64_t from_ms, std::int64_t start_ms);
  void NextSeries(LogSeriesId next);
  /// Shape  series rise.
  void Tombstones(model::TimeRange range, std::span<const LoggedTombstone> tombstones);

 private:
  void Append(RecordType type, base::ByteSpan body);
  void AppendSample(RecordType type, LogSeriesId series, model::Sample sample);
  void AppendHistogram(RecordType type, LogSeriesId series, std::int64_t timestamp_ms,
                       const model::FloatHistogram& histogram);

  base::ByteBuffer& out_;
  base::ByteBuffer body_;
};

/// Receives what a commit says. Views are borrowed for the call.
class RecordVisitor {
 public:
  virtual ~RecordVisitor() = default;
  virtual void OnSeries(LogSeriesId series, model::Labels labels) = 0;
  virtual void OnLayout(std::uint64_t group, std::span<const LogSeriesId> columns) = 0;
  /// Whether the row need not be decoded: its samples are known from elsewhere. The row has no values yet.
  virtual bool PassOver(const LoggedRow& /*row*/) { return false; }
  /// Presence as in LoggedRow.
  virtual void OnRow(const LoggedRow& row) = 0;
  virtual void OnSample(LogSeriesId series, model::Sample sample) = 0;
  virtual void OnHistogram(LogSeriesId series, std::int64_t timestamp_ms,
                           std::shared_ptr<const model::FloatHistogram> histogram) = 0;
  virtual void OnLateSample(LogSeriesId /*series*/, model::Sample /*sample*/) {}
  virtual void OnLateHistogram(LogSeriesId /*series*/, std::int64_t /*timestamp_ms*/,
                               std::shared_ptr<const model::FloatHistogram> /*histogram*/) {}
  virtual void OnExemplar(LogSeriesId series, std::int64_t timestamp_ms, model::Exemplar exemplar) = 0;
  virtual void OnMetadata(std::int64_t /*seen_ms*/, std::string_view /*family*/, model::Metadata /*metadata*/) {}
  virtual void OnStart(LogSeriesId /*series*/, std::int64_t /*from_ms*/, std::int64_t /*start_ms*/) {}
  virtual void OnNextSeries(LogSeriesId next) = 0;
  virtual void OnTombstones(model::TimeRange /*range*/, std::span<const LoggedTombstone> /*tombstones*/) {}
};

/// Reads payloads in the order of the log. Keeps each group's layout and last row, of which the next one tells the
/// difference. Rows that the visitor passes over are kept as they are, and are decoded only if a row that it wants is
/// told as the difference to them.
class RecordReader {
 public:
  /// Reads one commit. Records of unknown type are passed over. A row whose base is unknown, after Forget(), is left
  /// out and counted, and so is a histogram. `stays`: the payload outlives the reader; otherwise no row of it is passed
  /// over.
  /// Errors   kCorruption: the commit contradicts itself; what came before in it was visited.
  base::Result<> Read(base::ByteSpan payload, RecordVisitor& visitor, bool stays = false);

  /// Something between two commits is missing: rows count again from the next one that stands for itself.
  void Forget() {
    groups_.clear();
    histograms_.clear();
  }

  std::uint64_t rows_left_out() const { return rows_left_out_; }
  std::uint64_t histograms_left_out() const { return histograms_left_out_; }

 private:
  // A row as it stands in the log, behind its number of columns.
  struct PackedRow {
    unsigned flags = 0;
    base::ByteSpan bytes;
  };
  struct Group {
    std::size_t columns = 0;
    bool has_row = false;
    std::uint64_t number = 0;
    std::int64_t timestamp_ms = 0;
    std::vector<double> values;      // of the last row that was decoded
    std::vector<PackedRow> skipped;  // what came behind it, or from the last whole row on
  };

  base::Result<> ReadBody(RecordType type, base::ByteReader& body, RecordVisitor& visitor);
  static base::Result<> ReadTombstones(base::ByteReader& body, RecordVisitor& visitor);
  base::Result<> ReadLayout(base::ByteReader& body, RecordVisitor& visitor);
  base::Result<> ReadRow(base::ByteReader& body, RecordVisitor& visitor);
  base::Result<> ReadLateRow(const PackedRow& packed, LoggedRow row, Group& state, RecordVisitor& visitor);
  base::Result<> Decode(const PackedRow& row, Group& group);
  base::Result<> ReadHistogram(base::ByteReader& body, RecordVisitor& visitor);
  base::Result<> ReadHistogramDifference(base::ByteReader& body, RecordVisitor& visitor);

  // The last of a series.
  struct LastHistogram {
    std::int64_t timestamp_ms = 0;
    std::shared_ptr<const model::FloatHistogram> histogram;
  };

  std::unordered_map<std::uint64_t, Group> groups_;
  std::unordered_map<LogSeriesId, LastHistogram> histograms_;
  std::vector<std::uint64_t> presence_;  // of the row decoded last; empty: all columns are there
  std::vector<std::uint64_t> changed_;
  bool payload_stays_ = false;
  std::uint64_t rows_left_out_ = 0;
  std::uint64_t histograms_left_out_ = 0;
};

}  // namespace baro::tsdb
