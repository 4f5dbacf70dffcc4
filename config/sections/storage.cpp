// storage: retention, late samples, exemplars.
#include <algorithm>
#include <limits>

#include "config/sections/sections.h"

namespace baro::config {
namespace {

void ReadRetention(Mapping& tsdb, Config& config) {
  tsdb.Child("retention", [&config](Mapping& retention) {
    std::chrono::milliseconds time{0};
    if (retention.Duration("time", time)) config.retention.time = time;
    std::uint64_t bytes = 0;
    if (retention.Size("size", bytes)) config.retention.bytes = bytes;
    ReadRetentionRules(retention, config.storage_rules.retention);
    double percent = 0;
    if (!retention.Number("percentage", percent)) return;
    if (!(percent >= 0 && percent <= 100)) {
      retention.Fail("percentage", "a percentage of the disk's size is at least 0 and at most 100");
    }
    config.retention.percent = percent;
  });
}

void ReadTsdb(Mapping& storage, Config& config) {
  storage.Child("tsdb", [&config](Mapping& tsdb) {
    tsdb.Duration("out_of_order_time_window", config.out_of_order_window);
    double threshold = 0;
    tsdb.Number("stale_series_compaction_threshold", threshold);
    if (threshold != 0) {
      config.warnings.emplace_back("storage.tsdb.stale_series_compaction_threshold has no effect in this version");
    }
    // Prometheus' encodings say nothing about our chunks; a name that it refuses is a mistake all the same.
    tsdb.Child("chunk_encoding", [](Mapping& encoding) {
      std::string floats;
      encoding.Choice("floats", floats, {"xor", "xor2"});
    });
    ReadRetention(tsdb, config);
    ReadDownsampling(tsdb, config.out_of_order_window, config.storage_rules.downsampling);
  });
}

}  // namespace

void ReadStorage(Mapping& top, Config& config) {
  top.Child("storage", [&config](Mapping& storage) {
    ReadTsdb(storage, config);
    storage.Child("exemplars", [&config](Mapping& exemplars) {
      constexpr std::int64_t kExemplarsMax = 100'000'000;  // tens of gigabytes
      std::int64_t count = 0;
      if (exemplars.Integer("max_exemplars", count, std::numeric_limits<std::int64_t>::min(), kExemplarsMax)) {
        config.exemplars_max = static_cast<std::size_t>(std::max<std::int64_t>(count, 0));
      }
    });
  });
}

}  // namespace baro::config
