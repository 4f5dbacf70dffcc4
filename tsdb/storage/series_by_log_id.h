// Which series the log's numbers name, during replay.
//
// Threads  Confined.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "tsdb/head/series.h"

namespace baro::tsdb {

/// A map whose keys come in long runs: 8 bytes for each.
class SeriesByLogId {
 public:
  /// Null: the number names nothing.
  SeriesPtr Find(LogSeriesId id) const {
    const auto number = static_cast<std::uint64_t>(id);
    const auto page = pages_.find(number / kPage);
    return page == pages_.end() ? nullptr : (*page->second)[number % kPage];
  }
  /// False: the number names another series already.
  bool Add(LogSeriesId id, const SeriesPtr& series) {
    const auto number = static_cast<std::uint64_t>(id);
    std::unique_ptr<Page>& page = pages_[number / kPage];
    if (page == nullptr) page = std::make_unique<Page>();
    SeriesPtr& place = (*page)[number % kPage];
    if (place == nullptr) place = series;
    return place == series;
  }
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    for (const auto& [number, page] : pages_) {
      for (const SeriesPtr& series : *page) {
        if (series != nullptr) visit(series);
      }
    }
  }
  void Clear() { pages_.clear(); }

 private:
  static constexpr std::uint64_t kPage = 512;
  using Page = std::array<SeriesPtr, kPage>;

  std::unordered_map<std::uint64_t, std::unique_ptr<Page>> pages_;
};

}  // namespace baro::tsdb
