#include "tsdb/check/rescue_reader.h"

#include <algorithm>

namespace baro::tsdb {
namespace {

// Chunks are longer than this; what is lost around a damaged one is less.
constexpr std::int64_t kPieceMs = 1000;

class RescueSelection : public SeriesSelection {
 public:
  RescueSelection(std::unique_ptr<SeriesSelection> below, model::TimeRange extent)
      : below_(std::move(below)), extent_(extent) {}

  std::size_t size() const override { return below_->size(); }
  const model::Labels& labels(std::size_t index) const override { return below_->labels(index); }
  std::int64_t resolution_ms() const override { return below_->resolution_ms(); }
  std::span<const std::string> warnings() const override { return below_->warnings(); }

  base::Result<> Read(std::size_t index, model::TimeRange range, SampleColumns& columns) const override {
    const auto whole = below_->Read(index, range, columns);
    if (whole || whole.error().code() != base::Code::kCorruption) return whole;
    columns.Clear();
    SampleColumns piece;
    BARO_TRY(ReadParts(
        index, {.min_ms = std::max(range.min_ms, extent_.min_ms), .max_ms = std::min(range.max_ms, extent_.max_ms)},
        piece, columns));
    columns.UseBuffers();
    return {};
  }

 private:
  base::Result<> ReadParts(std::size_t index, model::TimeRange range, SampleColumns& piece,
                           SampleColumns& columns) const {
    if (range.empty()) return {};
    const auto read = below_->Read(index, range, piece);
    if (read) {
      auto& times = columns.timestamp_buffer();
      auto& values = columns.value_buffer();
      times.insert(times.end(), piece.timestamps_ms().begin(), piece.timestamps_ms().end());
      values.insert(values.end(), piece.values().begin(), piece.values().end());
      auto& histograms = columns.histogram_buffer();
      histograms.insert(histograms.end(), piece.histograms().begin(), piece.histograms().end());
      return {};
    }
    if (read.error().code() != base::Code::kCorruption) return read;
    if (range.max_ms - range.min_ms < kPieceMs) return {};
    const std::int64_t middle_ms = range.min_ms + (range.max_ms - range.min_ms) / 2;
    BARO_TRY(ReadParts(index, {.min_ms = range.min_ms, .max_ms = middle_ms}, piece, columns));
    return ReadParts(index, {.min_ms = middle_ms + 1, .max_ms = range.max_ms}, piece, columns);
  }

  std::unique_ptr<SeriesSelection> below_;
  const model::TimeRange extent_;
};

class RescueReader : public Reader {
 public:
  RescueReader(std::unique_ptr<Reader> below, model::TimeRange extent) : below_(std::move(below)), extent_(extent) {}

  base::Result<std::unique_ptr<SeriesSelection>> Select(const SelectRequest& request,
                                                        const base::CancelToken& cancel) const override {
    return std::make_unique<RescueSelection>(BARO_TRY(below_->Select(request, cancel)), extent_);
  }
  base::Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher> matchers, model::TimeRange range,
                                                    std::size_t limit, const base::CancelToken& cancel) const override {
    return below_->LabelNames(matchers, range, limit, cancel);
  }
  base::Result<std::vector<std::string>> LabelValues(std::string_view name, std::span<const model::Matcher> matchers,
                                                     model::TimeRange range, std::size_t limit,
                                                     const base::CancelToken& cancel) const override {
    return below_->LabelValues(name, matchers, range, limit, cancel);
  }
  base::Result<std::vector<FamilyMetadata>> Metadata(const MetadataRequest& request,
                                                     const base::CancelToken& cancel) const override {
    return below_->Metadata(request, cancel);
  }

 private:
  std::unique_ptr<Reader> below_;
  const model::TimeRange extent_;
};

}  // namespace

std::unique_ptr<Reader> MakeRescueReader(std::unique_ptr<Reader> below, model::TimeRange extent) {
  return std::make_unique<RescueReader>(std::move(below), extent);
}

}  // namespace baro::tsdb
