#include "tsdb/memory_reader.h"

#include <algorithm>
#include <set>

#include "tsdb/index/matchers.h"

namespace baro::tsdb {
namespace {

bool HasDataIn(const LiteralSeries& series, model::TimeRange range) {
  const auto is_inside = [range](const auto& sample) { return range.Contains(sample.timestamp_ms); };
  return std::ranges::any_of(series.samples, is_inside) || std::ranges::any_of(series.histograms, is_inside);
}

class MemorySelection : public SeriesSelection {
 public:
  MemorySelection(std::shared_ptr<const std::vector<LiteralSeries>> series, std::vector<std::size_t> chosen)
      : series_(std::move(series)), chosen_(std::move(chosen)) {}

  std::size_t size() const override { return chosen_.size(); }
  const model::Labels& labels(std::size_t index) const override { return (*series_)[chosen_[index]].labels; }

  base::Result<> Read(std::size_t index, model::TimeRange range, SampleColumns& columns) const override {
    columns.Clear();
    const LiteralSeries& series = (*series_)[chosen_[index]];
    for (std::size_t i = 0; i < series.samples.size(); ++i) {
      const model::Sample& sample = series.samples[i];
      if (!range.Contains(sample.timestamp_ms)) continue;
      columns.timestamp_buffer().push_back(sample.timestamp_ms);
      columns.value_buffer().push_back(sample.value);
      if (!series.start_timestamps_ms.empty()) columns.start_buffer().push_back(series.start_timestamps_ms[i]);
    }
    for (const HistogramSample& sample : series.histograms) {
      if (range.Contains(sample.timestamp_ms)) columns.histogram_buffer().push_back(sample);
    }
    columns.UseBuffers();
    if (!series.start_timestamps_ms.empty()) columns.UseStarts();
    return {};
  }

 private:
  std::shared_ptr<const std::vector<LiteralSeries>> series_;
  std::vector<std::size_t> chosen_;
};

}  // namespace

MemoryReader::MemoryReader(std::vector<LiteralSeries> series) {
  std::ranges::sort(series, {}, &LiteralSeries::labels);
  series_ = std::make_shared<const std::vector<LiteralSeries>>(std::move(series));
}

MemoryReader::~MemoryReader() = default;

base::Result<std::unique_ptr<SeriesSelection>> MemoryReader::Select(const SelectRequest& request,
                                                                    const base::CancelToken& cancel) const {
  BARO_TRY(CheckSelective(request.matchers));
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < series_->size(); ++i) {
    if (cancel.Cancelled()) return base::Fail(base::Code::kCancelled, "selecting series: cancelled");
    if (request.limit != 0 && chosen.size() == request.limit) break;
    const LiteralSeries& series = (*series_)[i];
    if (model::MatchesAll(request.matchers, series.labels) && HasDataIn(series, request.range)) chosen.push_back(i);
  }
  return std::make_unique<MemorySelection>(series_, std::move(chosen));
}

base::Result<std::vector<std::string>> MemoryReader::LabelNames(std::span<const model::Matcher> matchers,
                                                                model::TimeRange range, std::size_t limit,
                                                                const base::CancelToken& cancel) const {
  std::set<std::string, std::less<>> names;
  for (const LiteralSeries& series : *series_) {
    if (cancel.Cancelled()) return base::Fail(base::Code::kCancelled, "listing label names: cancelled");
    if (!model::MatchesAll(matchers, series.labels) || !HasDataIn(series, range)) continue;
    for (const model::LabelView& label : series.labels) names.emplace(label.name);
  }
  return FirstOf(names, limit);
}

base::Result<std::vector<std::string>> MemoryReader::LabelValues(std::string_view name,
                                                                 std::span<const model::Matcher> matchers,
                                                                 model::TimeRange range, std::size_t limit,
                                                                 const base::CancelToken& cancel) const {
  std::set<std::string, std::less<>> values;
  for (const LiteralSeries& series : *series_) {
    if (cancel.Cancelled()) return base::Fail(base::Code::kCancelled, "listing label values: cancelled");
    if (!model::MatchesAll(matchers, series.labels) || !HasDataIn(series, range)) continue;
    const std::string_view value = series.labels.Get(name);
    if (!value.empty()) values.emplace(value);
  }
  return FirstOf(values, limit);
}

}  // namespace baro::tsdb
