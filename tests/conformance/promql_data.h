// Series of a PromQL test script as storage.
#pragma once

#include <map>
#include <vector>

#include "tests/promql_script/promql_script.h"
#include "tsdb/memory_reader.h"

namespace baro::conformance {

/// What `load` commands have loaded so far.
///
/// Threads  Confined.
class ScriptData {
 public:
  void Load(const LoadCommand& command);
  void Clear() { series_.clear(); }

  /// The series as they stand now.
  tsdb::MemoryReaderSource MakeSource() const;

 private:
  struct Series {
    std::map<std::int64_t, double> floats;
    std::map<std::int64_t, std::shared_ptr<const model::FloatHistogram>> histograms;
    std::map<std::int64_t, std::int64_t> starts;  // of samples of both kinds that have one
  };

  void LoadCustomBuckets(const LoadCommand& command);

  std::map<model::Labels, Series> series_;
};

}  // namespace baro::conformance
