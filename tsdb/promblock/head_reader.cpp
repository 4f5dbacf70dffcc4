// Selections of a head that was read from its logs.
#include <algorithm>

#include "tsdb/index/matchers.h"
#include "tsdb/promblock/head_image.h"

namespace baro::tsdb {
namespace {

class HeadSelection : public SeriesSelection {
 public:
  HeadSelection(std::shared_ptr<const PrometheusHead::Image> image, std::vector<Slot> chosen)
      : image_(std::move(image)), chosen_(std::move(chosen)) {}

  std::size_t size() const override { return chosen_.size(); }
  const model::Labels& labels(std::size_t index) const override { return image_->series[chosen_[index]].labels; }
  base::Result<> Read(std::size_t index, model::TimeRange range, SampleColumns& columns) const override {
    return image_->ReadSeries(chosen_[index], range, columns);
  }

 private:
  std::shared_ptr<const PrometheusHead::Image> image_;
  std::vector<Slot> chosen_;  // ascending: label order
};

class ImageReader : public Reader {
 public:
  explicit ImageReader(std::shared_ptr<const PrometheusHead::Image> image) : image_(std::move(image)) {}

  base::Result<std::unique_ptr<SeriesSelection>> Select(const SelectRequest& request,
                                                        const base::CancelToken& cancel) const override {
    BARO_TRY(CheckSelective(request.matchers));
    std::vector<Slot> chosen = BARO_TRY(image_->index.Select(request.matchers, cancel));
    std::erase_if(chosen, [&](Slot slot) { return !request.range.Overlaps(image_->series[slot].Extent()); });
    if (request.limit != 0 && chosen.size() > request.limit) chosen.resize(request.limit);
    return std::make_unique<HeadSelection>(image_, std::move(chosen));
  }

  base::Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher> matchers, model::TimeRange range,
                                                    std::size_t limit, const base::CancelToken& cancel) const override {
    if (!IsNear(range)) return std::vector<std::string>();
    return image_->index.Names(matchers, limit, cancel);
  }

  base::Result<std::vector<std::string>> LabelValues(std::string_view name, std::span<const model::Matcher> matchers,
                                                     model::TimeRange range, std::size_t limit,
                                                     const base::CancelToken& cancel) const override {
    if (!IsNear(range)) return std::vector<std::string>();
    return image_->index.Values(name, matchers, limit, cancel);
  }

 private:
  bool IsNear(model::TimeRange range) const {
    return !image_->series.empty() &&
           range.Overlaps({.min_ms = image_->info.min_time_ms, .max_ms = image_->info.max_time_ms});
  }

  std::shared_ptr<const PrometheusHead::Image> image_;
};

}  // namespace

model::TimeRange HeadSeries::Extent() const {
  model::TimeRange extent{.min_ms = model::kMaxTimestampMs, .max_ms = model::kMinTimestampMs};
  for (const FinishedChunk& chunk : chunks) {
    extent.min_ms = std::min(extent.min_ms, chunk.min_time_ms);
    extent.max_ms = std::max(extent.max_ms, chunk.max_time_ms);
  }
  return extent;
}

base::Result<> PrometheusHead::Image::ReadSeries(std::size_t i, model::TimeRange range, SampleColumns& columns) const {
  const HeadSeries& one = series[i];
  columns.Clear();
  for (const FinishedChunk& chunk : one.chunks) {
    if (!range.Overlaps({.min_ms = chunk.min_time_ms, .max_ms = chunk.max_time_ms})) continue;
    const ChunkView view{.encoding = static_cast<std::uint8_t>(chunk.encoding), .data = chunk.data};
    if (auto decoded = DecodeChunk(view, {.range = range, .deleted = one.deleted}, columns); !decoded) {
      columns.Clear();
      return decoded;
    }
  }
  if (one.is_overlapping && !IsInOrder(columns)) MergeBuffers(columns);
  columns.UseBuffers();
  return {};
}

std::unique_ptr<Reader> MakeHeadReader(std::shared_ptr<const PrometheusHead::Image> image) {
  return std::make_unique<ImageReader>(std::move(image));
}

}  // namespace baro::tsdb
