#include "tsdb/merge_reader.h"

#include <algorithm>
#include <iterator>

#include "tsdb/merge/joined_times.h"
#include "tsdb/merge/merge_columns.h"
#include "tsdb/merge/merge_families.h"

namespace baro::tsdb {
namespace {

class MergeSelection : public SeriesSelection {
 public:
  static base::Result<std::unique_ptr<MergeSelection>> Make(std::vector<std::unique_ptr<SeriesSelection>> sources,
                                                            const SelectRequest& request) {
    std::unique_ptr<MergeSelection> selection(new MergeSelection(std::move(sources), request));
    BARO_TRY(selection->MergeLists(request.limit));
    return selection;
  }

  std::size_t size() const override { return first_part_.size() - 1; }

  const model::Labels& labels(std::size_t index) const override { return LabelsOf(parts_[first_part_[index]]); }

  base::Result<> Read(std::size_t index, model::TimeRange range, SampleColumns& columns) const override {
    const std::size_t first = first_part_[index];
    const std::size_t end = first_part_[index + 1];
    if (end - first > 1 && !counts_samples_) {
      columns.Clear();
      if (auto times = AppendPlain(index, range, columns.value_buffer())) {
        columns.UseSharedTimestamps(*std::move(times));
        return {};
      }
    }
    // From the last source, the oldest, to the first, which counts where two have a sample.
    base::Result<> outcome = ReadPart(parts_[end - 1], range, columns);
    SampleColumns newer;
    for (std::size_t part = end - 1; part-- > first;) {
      auto read = ReadPart(parts_[part], range, newer);
      if (!read && outcome) outcome = std::move(read);
      if (newer.empty()) continue;
      if (columns.empty()) {
        std::swap(columns, newer);
      } else {
        MergeInto(columns, newer);
      }
    }
    return outcome;
  }

  // Where all sources are plain and one behind the other in time, each decodes its values to where they belong.
  std::optional<SharedTimes> AppendPlain(std::size_t index, model::TimeRange range,
                                         std::vector<double>& values) const override {
    if (counts_samples_) return std::nullopt;
    const std::size_t before = values.size();
    TimesInSequence times(joined_times_);
    for (std::size_t part = first_part_[index + 1]; part-- > first_part_[index];) {
      if (times.Add(sources_[parts_[part].source]->AppendPlain(parts_[part].index, range, values))) continue;
      values.resize(before);
      return std::nullopt;
    }
    return times.Finish();
  }

  std::int64_t resolution_ms() const override { return resolution_ms_; }
  std::span<const std::string> warnings() const override { return warnings_; }

 private:
  struct Part {
    std::uint32_t source;
    std::uint32_t index;
  };

  MergeSelection(std::vector<std::unique_ptr<SeriesSelection>> sources, const SelectRequest& request)
      : sources_(std::move(sources)), charge_(request.memory), joined_times_(request.memory) {
    for (const auto& source : sources_) {
      warnings_.insert(warnings_.end(), source->warnings().begin(), source->warnings().end());
      resolution_ms_ = std::max(resolution_ms_, source->resolution_ms());
    }
    // Beside counts of windows a sample counts as one. Without any the reader of the selection counts samples itself.
    counts_samples_ = request.view == DownsampledView::kCount && resolution_ms_ > 0;
  }

  const model::Labels& LabelsOf(const Part& part) const { return sources_[part.source]->labels(part.index); }

  base::Result<> ReadPart(const Part& part, model::TimeRange range, SampleColumns& columns) const {
    auto read = sources_[part.source]->Read(part.index, range, columns);
    if (counts_samples_ && sources_[part.source]->resolution_ms() == 0) CountAsOnes(columns);
    return read;
  }

  // Each step takes the least labels of all lists, from every list that has them. Mostly all lists have the same ones,
  // and finding two label sets equal costs less than finding out which comes first.
  // Errors   kLimitExceeded, kUnavailable.
  base::Result<> MergeLists(std::size_t limit) {
    std::vector<Part> next;  // of each list that is not at its end
    std::size_t longest = 0;
    std::size_t all = 0;
    for (std::uint32_t source = 0; source < sources_.size(); ++source) {
      if (sources_[source]->size() > 0) next.push_back({.source = source, .index = 0});
      longest = std::max(longest, sources_[source]->size());
      all += sources_[source]->size();
    }
    // Series that are not everywhere make the lists of first parts longer, up to twice by the way vectors grow.
    BARO_TRY(charge_.Add(all * sizeof(Part) + std::min(2 * longest, all) * sizeof(std::size_t)));
    first_part_.reserve(longest + 1);
    parts_.reserve(all);
    std::vector<std::size_t> least;  // places in `next` with the least labels
    while (!next.empty() && (limit == 0 || first_part_.size() < limit)) {
      least.assign(1, 0);
      for (std::size_t i = 1; i < next.size(); ++i) {
        const model::Labels& labels = LabelsOf(next[i]);
        const model::Labels& best = LabelsOf(next[least.front()]);
        if (labels == best) {
          least.push_back(i);
        } else if (labels < best) {
          least.assign(1, i);
        }
      }
      first_part_.push_back(parts_.size());
      bool has_ended = false;
      for (const std::size_t i : least) {
        parts_.push_back(next[i]);
        has_ended |= ++next[i].index == sources_[next[i].source]->size();
      }
      if (has_ended)
        std::erase_if(next, [this](const Part& part) { return part.index == sources_[part.source]->size(); });
    }
    first_part_.push_back(parts_.size());
    return {};
  }

  std::vector<std::unique_ptr<SeriesSelection>> sources_;
  std::vector<std::string> warnings_;
  std::int64_t resolution_ms_ = 0;
  bool counts_samples_ = false;
  std::vector<Part> parts_;              // of all series, one after the other, by source
  std::vector<std::size_t> first_part_;  // of each series; one more at the end
  base::MemoryCharge charge_;
  JoinedTimes joined_times_;
};

using Selections = std::vector<std::unique_ptr<SeriesSelection>>;

// The one that stands for all, as the others have neither series nor anything to tell; the end if there is none.
Selections::iterator OnlyOne(Selections& selections) {
  auto only = selections.begin();
  for (auto each = selections.begin() + 1; each < selections.end(); ++each) {
    if ((*each)->size() > 0) only = each;
  }
  for (auto each = selections.begin(); each != selections.end(); ++each) {
    const bool is_silent = (*each)->size() == 0 && (*each)->warnings().empty() && (*each)->resolution_ms() == 0;
    if (each != only && !is_silent) return selections.end();
  }
  return only;
}

// The sorted union of sorted lists. Mostly all sources know the same, or only one of them knows anything.
std::vector<std::string> Union(std::vector<std::vector<std::string>> lists, std::size_t limit) {
  std::vector<std::string> all;
  std::vector<std::string> merged;
  for (auto& list : lists) {
    if (all.empty()) all.swap(list);
    if (list.empty() || all == list) continue;
    merged.clear();
    merged.reserve(all.size() + list.size());
    std::set_union(std::make_move_iterator(all.begin()), std::make_move_iterator(all.end()),
                   std::make_move_iterator(list.begin()), std::make_move_iterator(list.end()),
                   std::back_inserter(merged));
    all.swap(merged);
  }
  if (limit != 0 && all.size() > limit) all.resize(limit);
  return all;
}

}  // namespace

MergeReader::MergeReader(std::vector<std::unique_ptr<Reader>> sources) : sources_(std::move(sources)) {}
MergeReader::~MergeReader() = default;

base::Result<std::unique_ptr<SeriesSelection>> MergeReader::Select(const SelectRequest& request,
                                                                   const base::CancelToken& cancel) const {
  Selections selections;
  selections.reserve(sources_.size());
  SelectRequest next = request;
  for (const auto& source : sources_) {
    selections.push_back(BARO_TRY(source->Select(next, cancel)));
    const SeriesSelection& found = *selections.back();
    if (next.alike == nullptr || found.size() > next.alike->size()) next.alike = &found;
  }
  if (const auto only = OnlyOne(selections); only != selections.end()) return std::move(*only);
  return BARO_TRY(MergeSelection::Make(std::move(selections), request));
}

base::Result<std::vector<std::string>> MergeReader::LabelNames(std::span<const model::Matcher> matchers,
                                                               model::TimeRange range, std::size_t limit,
                                                               const base::CancelToken& cancel) const {
  std::vector<std::vector<std::string>> lists;
  for (const auto& source : sources_) lists.push_back(BARO_TRY(source->LabelNames(matchers, range, limit, cancel)));
  return Union(std::move(lists), limit);
}

base::Result<std::vector<std::string>> MergeReader::LabelValues(std::string_view name,
                                                                std::span<const model::Matcher> matchers,
                                                                model::TimeRange range, std::size_t limit,
                                                                const base::CancelToken& cancel) const {
  std::vector<std::vector<std::string>> lists;
  for (const auto& source : sources_) {
    lists.push_back(BARO_TRY(source->LabelValues(name, matchers, range, limit, cancel)));
  }
  return Union(std::move(lists), limit);
}

base::Result<std::vector<FamilyMetadata>> MergeReader::Metadata(const MetadataRequest& request,
                                                                const base::CancelToken& cancel) const {
  std::vector<FamilyMetadata> all;
  for (const auto& source : sources_) {
    if (cancel.Cancelled()) return base::Fail(base::Code::kCancelled, "reading metadata: cancelled");
    auto found = BARO_TRY(source->Metadata(request, cancel));
    std::ranges::move(found, std::back_inserter(all));
  }
  MergeFamilies(all);
  return all;
}

}  // namespace baro::tsdb
