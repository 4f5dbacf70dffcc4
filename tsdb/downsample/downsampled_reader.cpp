#include "tsdb/downsample/downsampled_reader.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "tsdb/block/block.h"
#include "tsdb/downsample/aggregate.h"
#include "tsdb/downsample/window_view.h"
#include "tsdb/merge/merge_columns.h"

namespace baro::tsdb {
namespace {

constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

// The aggregates that a view is made of: rows, counts, counter. Absent: not needed.
struct Needs {
  std::optional<Aggregate> rows;
  bool counts = false;
  bool counter = false;
};

Needs NeedsOf(DownsampledView view) {
  switch (view) {
    case DownsampledView::kLevel:
      return {.rows = Aggregate::kSum, .counts = true, .counter = true};
    case DownsampledView::kLevelMin:
      return {.rows = Aggregate::kMin, .counter = true};
    case DownsampledView::kLevelMax:
      return {.rows = Aggregate::kMax, .counter = true};
    case DownsampledView::kSum:
      return {.rows = Aggregate::kSum};
    case DownsampledView::kCount:
      return {.rows = Aggregate::kCount};
    case DownsampledView::kMin:
      return {.rows = Aggregate::kMin};
    case DownsampledView::kMax:
      return {.rows = Aggregate::kMax};
    case DownsampledView::kLast:
    case DownsampledView::kCounter:
      return {.rows = std::nullopt, .counter = true};
  }
  return {};
}

enum Place : std::uint8_t { kRows = 0, kCounts = 1, kCounter = 2, kPlaces = 3 };

// The selections of one resolution, by place; null: not needed.
struct Layer {
  std::int64_t resolution_ms = 0;
  std::array<std::unique_ptr<SeriesSelection>, kPlaces> selections;
};

class DownsampledSelection : public SeriesSelection {
 public:
  DownsampledSelection(const SelectRequest& request, std::unique_ptr<SeriesSelection> raw, std::vector<Layer> layers)
      : view_(request.view),
        level_step_ms_(std::max<std::int64_t>(1, request.level_step_ms)),
        raw_(std::move(raw)),
        layers_(std::move(layers)) {
    AddWarnings(*raw_);
    for (std::size_t i = 0; i < raw_->size(); ++i) found_.push_back({.labels = raw_->labels(i), .slot = 0, .index = i});
    for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
      for (std::size_t place = 0; place < kPlaces; ++place) {
        const SeriesSelection* const selection = layers_[layer].selections[place].get();
        if (selection == nullptr) continue;
        AddWarnings(*selection);
        if (selection->size() > 0) resolution_ms_ = std::max(resolution_ms_, layers_[layer].resolution_ms);
        for (std::size_t i = 0; i < selection->size(); ++i) {
          found_.push_back({.labels = WithoutAggregateLabel(selection->labels(i)),
                            .slot = static_cast<std::uint32_t>(1 + layer * kPlaces + place),
                            .index = i});
        }
      }
    }
    Group(request.limit);
  }

  std::size_t size() const override { return entries_.size(); }
  const model::Labels& labels(std::size_t index) const override { return entries_[index]; }
  std::int64_t resolution_ms() const override { return resolution_ms_; }
  std::span<const std::string> warnings() const override { return warnings_; }

  base::Result<> Read(std::size_t index, model::TimeRange range, SampleColumns& columns) const override {
    columns.Clear();
    if (range.empty()) return {};
    base::Result<> outcome;
    const bool of_counter = IsCounterName(entries_[index].metric_name());
    SampleColumns piece;
    for (std::size_t layer = layers_.size(); layer-- > 0;) {
      ViewColumns parts;
      const model::TimeRange wide = RangeToRead(view_, range, layers_[layer].resolution_ms);
      SampleColumns* const places[] = {&parts.rows, &parts.counts, &parts.counter};
      for (std::size_t place = 0; place < kPlaces; ++place) {
        const std::uint32_t at = SlotOf(index, 1 + layer * kPlaces + place);
        if (at == kNone) continue;
        Note(outcome, layers_[layer].selections[place]->Read(at, wide, *places[place]));
      }
      MakeView(view_, parts, of_counter, layers_[layer].resolution_ms, level_step_ms_, range, piece);
      Take(columns, piece);
    }
    if (const std::uint32_t at = SlotOf(index, 0); at != kNone) {
      Note(outcome, raw_->Read(at, range, piece));
      if (view_ == DownsampledView::kCount) CountAsOnes(piece);
      Take(columns, piece);
    }
    return outcome;
  }

 private:
  struct Found {
    model::Labels labels;
    std::uint32_t slot;  // 0: raw_, then those of the layers
    std::size_t index;
  };

  static void Note(base::Result<>& outcome, base::Result<> read) {
    if (!read && outcome) outcome = std::move(read);
  }

  static void Take(SampleColumns& columns, SampleColumns& piece) {
    if (columns.empty()) {
      std::swap(columns, piece);
    } else {
      MergeInto(columns, piece);
    }
  }

  std::size_t slots() const { return 1 + layers_.size() * kPlaces; }
  std::uint32_t SlotOf(std::size_t index, std::size_t slot) const { return slots_[index * slots() + slot]; }

  void AddWarnings(const SeriesSelection& selection) {
    for (const std::string& warning : selection.warnings()) {
      if (std::ranges::count(warnings_, warning) == 0) warnings_.push_back(warning);
    }
  }

  // Equal labels become one entry.
  void Group(std::size_t limit) {
    std::ranges::sort(found_, {}, &Found::labels);
    for (const Found& found : found_) {
      if (entries_.empty() || entries_.back() != found.labels) {
        if (limit != 0 && entries_.size() == limit) break;
        entries_.push_back(found.labels);
        slots_.resize(entries_.size() * slots(), kNone);
      }
      slots_[(entries_.size() - 1) * slots() + found.slot] = static_cast<std::uint32_t>(found.index);
    }
    found_ = {};
  }

  const DownsampledView view_;
  const std::int64_t level_step_ms_;
  std::unique_ptr<SeriesSelection> raw_;
  std::vector<Layer> layers_;
  std::vector<Found> found_;  // while it is made
  std::vector<model::Labels> entries_;
  std::vector<std::uint32_t> slots_;  // for each entry, where each selection has it
  std::vector<std::string> warnings_;
  std::int64_t resolution_ms_ = 0;
};

// The matchers without those of the reserved label. Absent: one of them wants the label, which no series shows.
std::optional<std::vector<model::Matcher>> Visible(std::span<const model::Matcher> matchers) {
  std::vector<model::Matcher> visible;
  for (const model::Matcher& matcher : matchers) {
    if (matcher.name() != kAggregateLabel) {
      visible.push_back(matcher);
    } else if (!matcher.MatchesEmpty()) {
      return std::nullopt;
    }
  }
  return visible;
}

}  // namespace

DownsampledReader::DownsampledReader(std::unique_ptr<Reader> below, std::vector<std::int64_t> resolutions_ms)
    : below_(std::move(below)), resolutions_ms_(std::move(resolutions_ms)) {}
DownsampledReader::~DownsampledReader() = default;

base::Result<std::unique_ptr<SeriesSelection>> DownsampledReader::Select(const SelectRequest& request,
                                                                         const base::CancelToken& cancel) const {
  const auto visible = Visible(request.matchers);
  if (!visible) return below_->Select({.matchers = request.matchers, .range = {.min_ms = 1, .max_ms = 0}}, cancel);
  SelectRequest inner = request;
  std::vector<model::Matcher> matchers = *visible;
  const auto select = [&](std::string_view kind, model::TimeRange range) {
    matchers.push_back(model::Matcher::Equal(kAggregateLabel, kind));
    inner.matchers = matchers;
    inner.range = range;
    auto selection = below_->Select(inner, cancel);
    matchers.pop_back();
    return selection;
  };
  auto raw = BARO_TRY(select("", request.range));
  const Needs needs = NeedsOf(request.view);
  std::vector<Layer> layers;
  for (const std::int64_t resolution_ms : resolutions_ms_) {
    Layer& layer = layers.emplace_back(Layer{.resolution_ms = resolution_ms, .selections = {}});
    const auto fill = [&](Place place, Aggregate aggregate) -> base::Result<> {
      const AggregateKey key{.resolution_ms = resolution_ms, .aggregate = aggregate};
      layer.selections[place] =
          BARO_TRY(select(AggregateLabelValue(key), RangeToRead(request.view, request.range, resolution_ms)));
      return {};
    };
    if (needs.rows) BARO_TRY(fill(kRows, *needs.rows));
    if (needs.counts) BARO_TRY(fill(kCounts, Aggregate::kCount));
    if (needs.counter) BARO_TRY(fill(kCounter, Aggregate::kCounter));
  }
  return std::make_unique<DownsampledSelection>(request, std::move(raw), std::move(layers));
}

base::Result<std::vector<std::string>> DownsampledReader::LabelNames(std::span<const model::Matcher> matchers,
                                                                     model::TimeRange range, std::size_t limit,
                                                                     const base::CancelToken& cancel) const {
  const auto visible = Visible(matchers);
  if (!visible) return std::vector<std::string>();
  auto names = BARO_TRY(below_->LabelNames(*visible, range, limit == 0 ? 0 : limit + 1, cancel));
  std::erase(names, kAggregateLabel);
  if (limit != 0 && names.size() > limit) names.resize(limit);
  return names;
}

base::Result<std::vector<std::string>> DownsampledReader::LabelValues(std::string_view name,
                                                                      std::span<const model::Matcher> matchers,
                                                                      model::TimeRange range, std::size_t limit,
                                                                      const base::CancelToken& cancel) const {
  const auto visible = Visible(matchers);
  if (!visible || name == kAggregateLabel) return std::vector<std::string>();
  return below_->LabelValues(name, *visible, range, limit, cancel);
}

std::unique_ptr<Reader> OpenBlockReader(const Block& block) {
  std::vector<std::int64_t> resolutions_ms = ResolutionsOf(block.meta());
  auto reader = block.OpenReader();
  if (resolutions_ms.empty()) return reader;
  return std::make_unique<DownsampledReader>(std::move(reader), std::move(resolutions_ms));
}

}  // namespace baro::tsdb
