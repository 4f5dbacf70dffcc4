// Literal series as storage: the smallest Reader, for tests, rule tests and as the model that the real one is compared
// with. Every operation is written in the plainest way.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/labels.h"
#include "model/sample.h"
#include "tsdb/reader.h"

namespace baro::tsdb {

/// One series with all it has.
/// Shape  both lists strictly increasing by time, and no timestamp in both; starts as many as samples, or none.
struct LiteralSeries {
  model::Labels labels;
  std::vector<model::Sample> samples;
  std::vector<HistogramSample> histograms;
  std::vector<std::int64_t> start_timestamps_ms;  ///< of `samples`; empty: none has a start
};

/// Reads literal series.
///
/// Owns     the series; its selections share them, so they may outlive it.
/// Threads  Immutable; safe to share.
class MemoryReader : public Reader {
 public:
  /// Shape  no label set twice. Any order.
  explicit MemoryReader(std::vector<LiteralSeries> series);
  ~MemoryReader() override;

  base::Result<std::unique_ptr<SeriesSelection>> Select(const SelectRequest& request,
                                                        const base::CancelToken& cancel) const override;
  base::Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher> matchers, model::TimeRange range,
                                                    std::size_t limit, const base::CancelToken& cancel) const override;
  base::Result<std::vector<std::string>> LabelValues(std::string_view name, std::span<const model::Matcher> matchers,
                                                     model::TimeRange range, std::size_t limit,
                                                     const base::CancelToken& cancel) const override;

 private:
  std::shared_ptr<const std::vector<LiteralSeries>> series_;  // in label order
};

/// Gives readers of one set of literal series.
///
/// Threads  Immutable; safe to share.
class MemoryReaderSource : public ReaderSource {
 public:
  explicit MemoryReaderSource(std::vector<LiteralSeries> series) : reader_(std::move(series)) {}

  std::unique_ptr<Reader> OpenReader() const override { return std::make_unique<MemoryReader>(reader_); }

 private:
  MemoryReader reader_;
};

}  // namespace baro::tsdb
