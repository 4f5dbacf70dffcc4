#include "tsdb/head/head_reader.h"

#include <algorithm>

#include "base/planted_fault.h"
#include "tsdb/head/head_selection.h"
#include "tsdb/head/late_view.h"
#include "tsdb/index/matchers.h"

namespace baro::tsdb {
namespace {

// In label order.
base::Result<std::vector<SeriesPtr>> FindSeries(const Head& head, const SelectRequest& request,
                                                const base::CancelToken& cancel) {
  BARO_TRY(CheckSelective(request.matchers));
  const std::uint64_t removals = head.index().removals();
  const std::vector<Slot> slots = BARO_TRY(head.index().SelectInOrder(request.matchers, cancel));
  std::vector<SeriesPtr> series = head.FindSlots(slots);
  if (head.index().removals() == removals) return series;
  // A slot may have got another series between the two steps.
  std::erase_if(series,
                [&request](const SeriesPtr& entry) { return !model::MatchesAll(request.matchers, entry->labels); });
  std::ranges::sort(series, {}, [](const SeriesPtr& entry) -> const model::Labels& { return entry->labels; });
  return series;
}

}  // namespace

HeadReader::HeadReader(std::shared_ptr<Head> head, const LogWriter& log)
    : head_(std::move(head)), visible_(head_->AddReader(log)) {}

HeadReader::~HeadReader() {
  if (BARO_PLANTED(kReaderLeaked)) return;
  head_->RemoveReader(visible_);
}

bool HeadReader::MayHave(model::TimeRange range) const {
  return head_->has_samples() &&
         Visible(range).Overlaps({.min_ms = head_->min_time_ms(), .max_ms = head_->max_time_ms()});
}

model::TimeRange HeadReader::Visible(model::TimeRange range) const {
  return {.min_ms = std::max(range.min_ms, floor_ms_), .max_ms = range.max_ms};
}

base::Result<std::unique_ptr<SeriesSelection>> HeadReader::Select(const SelectRequest& request,
                                                                  const base::CancelToken& cancel) const {
  std::vector<SeriesPtr> series = BARO_TRY(FindSeries(*head_, request, cancel));
  SelectRequest visible = request;
  visible.range = Visible(request.range);
  auto selection = std::make_unique<HeadSelection>(*head_, std::move(series), visible, visible_);
  BARO_TRY(selection->outcome());
  return selection;
}

base::Result<std::vector<std::string>> HeadReader::LabelNames(std::span<const model::Matcher> matchers,
                                                              model::TimeRange range, std::size_t limit,
                                                              const base::CancelToken& cancel) const {
  if (!MayHave(range)) return std::vector<std::string>();
  return head_->index().Names(matchers, limit, cancel);
}

base::Result<std::vector<std::string>> HeadReader::LabelValues(std::string_view name,
                                                               std::span<const model::Matcher> matchers,
                                                               model::TimeRange range, std::size_t limit,
                                                               const base::CancelToken& cancel) const {
  if (!MayHave(range)) return std::vector<std::string>();
  return head_->index().Values(name, matchers, limit, cancel);
}

base::Result<std::unique_ptr<SeriesSelection>> LateReader::Select(const SelectRequest& request,
                                                                  const base::CancelToken& cancel) const {
  const model::TimeRange range{.min_ms = request.range.min_ms, .max_ms = std::min(request.range.max_ms, floor_ms_ - 1)};
  std::vector<SeriesPtr> series;
  if (!range.empty()) series = BARO_TRY(FindSeries(*head_, request, cancel));
  return std::make_unique<LateSelection>(*head_, std::move(series), range, visible_, request.limit);
}

// For labels it is enough that the head knows them, as it is for HeadReader.
base::Result<std::vector<std::string>> LateReader::LabelNames(std::span<const model::Matcher> matchers,
                                                              model::TimeRange range, std::size_t limit,
                                                              const base::CancelToken& cancel) const {
  if (range.min_ms >= floor_ms_) return std::vector<std::string>();
  return head_->index().Names(matchers, limit, cancel);
}

base::Result<std::vector<std::string>> LateReader::LabelValues(std::string_view name,
                                                               std::span<const model::Matcher> matchers,
                                                               model::TimeRange range, std::size_t limit,
                                                               const base::CancelToken& cancel) const {
  if (range.min_ms >= floor_ms_) return std::vector<std::string>();
  return head_->index().Values(name, matchers, limit, cancel);
}

}  // namespace baro::tsdb
