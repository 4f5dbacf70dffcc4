// Builds a head out of the records of its logs, by the rules of Prometheus' own replay.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "tsdb/promblock/head_image.h"
#include "tsdb/promblock/wal_record.h"

namespace baro::tsdb {

/// The log whose records come.
enum class LogKind : std::uint8_t {
  kInOrder,    ///< wal/: a sample that is not later than the one before was refused and is passed over
  kOutOfOrder  ///< wbl/: samples of any time, of series that the other log names
};

/// Threads  Confined.
class HeadReplay : public WalVisitor {
 public:
  explicit HeadReplay(const PrometheusHeadOptions& options) : options_(options) {}

  void BeginLog(LogKind kind) { kind_ = kind; }

  base::Result<> OnSeries(WalSeriesRef ref, const model::Labels& labels) override;
  base::Result<> OnSample(WalSeriesRef ref, model::Sample sample) override;
  base::Result<> OnHistogram(WalSeriesRef ref, std::int64_t timestamp_ms, model::FloatHistogram histogram) override;
  base::Result<> OnTombstone(WalSeriesRef ref, model::TimeRange range) override;
  base::Result<> OnExemplar(WalSeriesRef ref, const model::Exemplar& exemplar) override;
  base::Result<> OnMetadata(WalSeriesRef ref, const model::Metadata& metadata) override;
  base::Result<> OnUnknownRecord(std::uint8_t type) override;

  /// A chunk of `chunks_head`, to fill a gap that damage left in the log.
  base::Result<> OnChunk(WalSeriesRef ref, FinishedChunk chunk);

  /// The head; the replay is then of no use any more.
  std::shared_ptr<PrometheusHead::Image> Finish();

 private:
  struct Series {
    HeadSeries image;
    SeriesChunker chunker;
    bool has_samples = false;
    std::int64_t last_time_ms = 0;
    std::vector<FinishedChunk> gap_fillers;
    std::vector<model::Sample> late_samples;  // out of order
    std::vector<HistogramSample> late_histograms;
  };

  Series* Find(WalSeriesRef ref);
  bool IsInOrder(Series& series, std::int64_t timestamp_ms);
  base::Result<> Charge(std::size_t bytes);
  base::Result<> ChargeFinished(Series& series);
  void EncodeLate(Series& series);
  void Complete(Series& series);

  PrometheusHeadOptions options_;
  LogKind kind_ = LogKind::kInOrder;
  std::vector<std::unique_ptr<Series>> series_;
  std::unordered_map<model::Labels, std::size_t> by_labels_;
  std::unordered_map<WalSeriesRef, std::size_t> by_ref_;
  std::vector<std::pair<std::size_t, model::Exemplar>> exemplars_;
  std::vector<FinishedChunk> finished_;  // by the append that is under way
  SeriesChunker::Emit emit_ = [this](FinishedChunk chunk) { finished_.push_back(std::move(chunk)); };
  std::size_t bytes_ = 0;
  std::uint64_t unknown_refs_ = 0;
  std::unordered_map<unsigned, std::uint64_t> unknown_types_;
};

}  // namespace baro::tsdb
