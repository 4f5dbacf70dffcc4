// Collects the series of a block and writes its index.
//
// Format   docs/formats/block.md, sections 4 to 6.
// Threads  Confined.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "tsdb/block/block_files.h"
#include "tsdb/block/index_format.h"
#include "tsdb/block/track.h"

namespace baro::tsdb {

class IndexWriter {
 public:
  /// Adds the next series of the block, with at least one window.
  void AddSeries(const model::Labels& labels, const TrackBuilder& floats, const TrackBuilder& histograms);

  std::uint64_t series_count() const { return series_count_; }

  /// Writes everything behind the column directory. `root` brings what this does not know: all but the names, shapes
  /// and series.
  /// Shape    at least one series.
  base::Result<> Finish(IndexRoot root, BlockFileWriter& index);

 private:
  // Label values get numbers in the order they come; sorted numbers are known at the end.
  struct Name {
    std::string text;
    std::unordered_map<std::string, std::uint32_t> numbers;
    std::vector<const std::string*> values;    // by number; the keys of `numbers`, which do not move
    std::vector<std::uint32_t> series_counts;  // by number
    std::uint32_t last = 0;                    // the number used last: neighbours often share it
  };
  // What the sorted order makes of it.
  struct Order {
    std::vector<std::uint32_t> names;                // number -> sorted
    std::vector<std::uint32_t> sorted_names;         // the other way round
    std::vector<std::vector<std::uint32_t>> values;  // by name's number: number -> sorted
  };
  class SpoolReader;

  std::uint32_t NumberOf(Name& name, std::string_view value);
  Order Sort() const;
  std::vector<std::vector<std::uint32_t>> CollectPostings(const Order& order) const;
  base::Result<> WriteName(const Name& name, const std::vector<std::uint32_t>& postings, BlockFileWriter& index,
                           NameEntry& entry) const;
  base::Result<> WriteSeries(const Order& order, IndexRoot& root, BlockFileWriter& index) const;

  std::vector<std::unique_ptr<Name>> names_;  // by number
  std::unordered_map<std::string, std::uint32_t> name_numbers_;
  std::map<Shape, std::uint32_t> shapes_;  // of names' numbers, in the order of the texts
  std::uint64_t series_count_ = 0;
  bool is_in_label_order_ = true;
  base::ByteBuffer spool_;  // the series one after the other: shape, value numbers, tracks
  Shape shape_;             // kept for its memory
  base::ByteBuffer tracks_;
};

}  // namespace baro::tsdb
