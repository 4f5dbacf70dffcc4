// Several readers as one: the head and the blocks, a local store and a remote one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tsdb/reader.h"

namespace baro::tsdb {

/// Series with equal labels become one series with the samples of all. Where two sources have a sample at one
/// timestamp, that of the earlier source counts.
///
/// Owns     the sources; selections own what they need and may outlive it.
/// Threads  As its sources: safe to share.
/// Cost     Cheapest where the sources are given from new to old and do not overlap in time: samples are appended then.
///          A series that only one source has costs nothing more than there.
class MergeReader : public Reader {
 public:
  explicit MergeReader(std::vector<std::unique_ptr<Reader>> sources);
  ~MergeReader() override;

  base::Result<std::unique_ptr<SeriesSelection>> Select(const SelectRequest& request,
                                                        const base::CancelToken& cancel) const override;
  base::Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher> matchers, model::TimeRange range,
                                                    std::size_t limit, const base::CancelToken& cancel) const override;
  base::Result<std::vector<std::string>> LabelValues(std::string_view name, std::span<const model::Matcher> matchers,
                                                     model::TimeRange range, std::size_t limit,
                                                     const base::CancelToken& cancel) const override;
  base::Result<std::vector<FamilyMetadata>> Metadata(const MetadataRequest& request,
                                                     const base::CancelToken& cancel) const override;

 private:
  std::vector<std::unique_ptr<Reader>> sources_;
};

}  // namespace baro::tsdb
