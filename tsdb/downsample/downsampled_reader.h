// A block with aggregates as a reader: the aggregates of a series are part of the series.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tsdb/reader.h"

namespace baro::tsdb {

class Block;

/// Hides the reserved label, and answers what SelectRequest::view asks for.
///
/// Owns     the reader below it; selections own what they need.
/// Threads  Safe to share.
class DownsampledReader : public Reader {
 public:
  /// `resolutions_ms`: of the aggregates that `below` has, ascending; not empty.
  DownsampledReader(std::unique_ptr<Reader> below, std::vector<std::int64_t> resolutions_ms);
  ~DownsampledReader() override;

  base::Result<std::unique_ptr<SeriesSelection>> Select(const SelectRequest& request,
                                                        const base::CancelToken& cancel) const override;
  base::Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher> matchers, model::TimeRange range,
                                                    std::size_t limit, const base::CancelToken& cancel) const override;
  base::Result<std::vector<std::string>> LabelValues(std::string_view name, std::span<const model::Matcher> matchers,
                                                     model::TimeRange range, std::size_t limit,
                                                     const base::CancelToken& cancel) const override;

  base::Result<std::vector<FamilyMetadata>> Metadata(const MetadataRequest& request,
                                                     const base::CancelToken& cancel) const override {
    return below_->Metadata(request, cancel);
  }

 private:
  std::unique_ptr<Reader> below_;
  std::vector<std::int64_t> resolutions_ms_;
};

/// A reader of a block as people want to see it: a DownsampledReader if the block has aggregates.
std::unique_ptr<Reader> OpenBlockReader(const Block& block);

}  // namespace baro::tsdb
