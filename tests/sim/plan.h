// What a seed decides once: the options of the store, the load, and which faults may come.
//
// Threads  Values.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "base/random.h"
#include "tsdb/storage.h"

namespace baro::sim {

struct Plan {
  tsdb::StorageOptions options;

  // The load.
  std::size_t series = 8;                    ///< that are written at a time
  std::chrono::milliseconds interval{1000};  ///< between scrapes
  std::uint64_t steps_max = 100;             ///< of one life
  std::uint64_t lives = 3;
  bool has_histograms = false;
  bool has_exemplars = false;
  bool has_deletes = false;
  bool has_churn = false;
  bool has_snapshots = false;

  // The faults.
  bool halts = false;        ///< the process stops at a random operation
  bool fails = false;        ///< operations fail with kIo
  bool fills_up = false;     ///< the disk gets full
  bool is_damaged = false;   ///< bits flip before the last life, or a file cannot be read
  std::uint64_t states = 1;  ///< crash states that are looked at for each crash
};

/// The plan of a seed.
Plan MakePlan(base::Random& random);

}  // namespace baro::sim
