// A head in memory: its series with their encoded chunks, and an index.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tsdb/index/label_index.h"
#include "tsdb/promblock/series_chunker.h"
#include "tsdb/prometheus_head.h"

namespace baro::tsdb {

struct HeadSeries {
  model::Labels labels;
  std::vector<FinishedChunk> chunks;      ///< in-order ones by time, then what fills gaps; see `is_overlapping`
  bool is_overlapping = false;            ///< chunks are not one behind the other
  std::vector<model::TimeRange> deleted;  ///< sorted, not overlapping
  std::optional<model::Metadata> metadata;

  model::TimeRange Extent() const;
};

/// Threads  Built by one thread, then immutable and safe to share.
class PrometheusHead::Image {
 public:
  std::vector<HeadSeries> series;                                  ///< in label order, each with a chunk at least
  std::vector<std::pair<std::size_t, model::Exemplar>> exemplars;  ///< series index and exemplar
  std::vector<std::string> warnings;
  StoredBlockInfo info;
  LabelIndex index;  ///< slots are indexes of `series`

  /// Fills `columns` with the samples of series `i` in `range`, less what was deleted.
  base::Result<> ReadSeries(std::size_t i, model::TimeRange range, SampleColumns& columns) const;
};

std::unique_ptr<Reader> MakeHeadReader(std::shared_ptr<const PrometheusHead::Image> image);

}  // namespace baro::tsdb
