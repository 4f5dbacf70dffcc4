#include "tsdb/promblock/merged_reader.h"

#include <algorithm>
#include <set>

#include "tsdb/index/matchers.h"
#include "tsdb/promblock/chunk.h"

namespace baro::tsdb {
namespace {

/// One reader's part of a series.
struct Part {
  std::uint32_t selection = 0;
  std::size_t index = 0;
};

class MergedSelection : public SeriesSelection {
 public:
  MergedSelection(std::vector<std::unique_ptr<SeriesSelection>> selections, std::vector<std::string> warnings,
                  std::size_t limit)
      : selections_(std::move(selections)), warnings_(std::move(warnings)) {
    std::vector<std::size_t> next(selections_.size(), 0);
    for (;;) {
      if (limit != 0 && begins_.size() == limit) break;
      const model::Labels* const first = LeastLabels(next);
      if (first == nullptr) break;
      begins_.push_back(parts_.size());
      for (std::uint32_t i = 0; i < selections_.size(); ++i) {
        if (next[i] == selections_[i]->size() || selections_[i]->labels(next[i]) != *first) continue;
        parts_.push_back({.selection = i, .index = next[i]++});
      }
    }
    begins_.push_back(parts_.size());
    for (const auto& selection : selections_) {
      warnings_.insert(warnings_.end(), selection->warnings().begin(), selection->warnings().end());
    }
  }

  std::size_t size() const override { return begins_.size() - 1; }

  const model::Labels& labels(std::size_t index) const override {
    const Part& part = parts_[begins_[index]];
    return selections_[part.selection]->labels(part.index);
  }

  base::Result<> Read(std::size_t index, model::TimeRange range, SampleColumns& columns) const override {
    const std::span parts = std::span(parts_).subspan(begins_[index], begins_[index + 1] - begins_[index]);
    if (parts.size() == 1) return selections_[parts[0].selection]->Read(parts[0].index, range, columns);
    columns.Clear();
    SampleColumns one;
    for (const Part& part : parts) {
      if (auto read = selections_[part.selection]->Read(part.index, range, one); !read) {
        columns.Clear();
        return read;
      }
      const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
      append(columns.timestamp_buffer(), one.timestamps_ms());
      append(columns.value_buffer(), one.values());
      append(columns.histogram_buffer(), one.histograms());
    }
    if (!IsInOrder(columns)) MergeBuffers(columns);
    columns.UseBuffers();
    return {};
  }

  std::span<const std::string> warnings() const override { return warnings_; }

 private:
  const model::Labels* LeastLabels(const std::vector<std::size_t>& next) const {
    const model::Labels* least = nullptr;
    for (std::size_t i = 0; i < selections_.size(); ++i) {
      if (next[i] == selections_[i]->size()) continue;
      const model::Labels& labels = selections_[i]->labels(next[i]);
      if (least == nullptr || labels < *least) least = &labels;
    }
    return least;
  }

  std::vector<std::unique_ptr<SeriesSelection>> selections_;
  std::vector<Part> parts_;
  std::vector<std::size_t> begins_;  // of each series in parts_, and the end
  std::vector<std::string> warnings_;
};

class MergedReader : public Reader {
 public:
  MergedReader(std::vector<std::unique_ptr<Reader>> readers, std::vector<std::string> warnings)
      : readers_(std::move(readers)), warnings_(std::move(warnings)) {}

  base::Result<std::unique_ptr<SeriesSelection>> Select(const SelectRequest& request,
                                                        const base::CancelToken& cancel) const override {
    BARO_TRY(CheckSelective(request.matchers));
    std::vector<std::unique_ptr<SeriesSelection>> selections;
    for (const auto& reader : readers_) {
      auto selection = BARO_TRY(reader->Select(request, cancel));
      if (selection->size() > 0 || !selection->warnings().empty()) selections.push_back(std::move(selection));
    }
    return std::make_unique<MergedSelection>(std::move(selections), warnings_, request.limit);
  }

  base::Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher> matchers, model::TimeRange range,
                                                    std::size_t limit, const base::CancelToken& cancel) const override {
    std::set<std::string, std::less<>> all;
    for (const auto& reader : readers_) {
      for (std::string& name : BARO_TRY(reader->LabelNames(matchers, range, limit, cancel))) {
        all.insert(std::move(name));
      }
    }
    return FirstOf(all, limit);
  }

  base::Result<std::vector<std::string>> LabelValues(std::string_view name, std::span<const model::Matcher> matchers,
                                                     model::TimeRange range, std::size_t limit,
                                                     const base::CancelToken& cancel) const override {
    std::set<std::string, std::less<>> all;
    for (const auto& reader : readers_) {
      for (std::string& value : BARO_TRY(reader->LabelValues(name, matchers, range, limit, cancel))) {
        all.insert(std::move(value));
      }
    }
    return FirstOf(all, limit);
  }

 private:
  std::vector<std::unique_ptr<Reader>> readers_;
  std::vector<std::string> warnings_;
};

}  // namespace

std::unique_ptr<Reader> MergeReaders(std::vector<std::unique_ptr<Reader>> readers, std::vector<std::string> warnings) {
  return std::make_unique<MergedReader>(std::move(readers), std::move(warnings));
}

}  // namespace baro::tsdb
