// Faults that are planted into code on purpose, so that the simulator shows that it finds them. They exist only where a
// file is compiled with BARO_PLANTED_FAULTS, which is in tests/sim alone.
//
// Source   docs/reliability.md, "Planted faults".
// Threads  One fault at a time for the whole process; set it while nothing else runs.
#pragma once

#ifdef BARO_PLANTED_FAULTS

#include <array>
#include <atomic>
#include <string_view>
#include <utility>

namespace baro::base {

enum class PlantedFault {
  kNone,
  kAcknowledgedBeforeSync,
  kDirectoryNotSynced,
  kChecksumNotCompared,
  kRenamedBeforeSync,
  kPointerBeforeData,
  kSyncRetried,
  kEdgeOffByOne,
  kSeriesDroppedAtCheckpoint,
  kFullDiskIgnored,
  kReaderLeaked,
};

inline constexpr std::array kPlantedFaultNames = {
    std::pair(PlantedFault::kAcknowledgedBeforeSync, std::string_view("acknowledged-before-sync")),
    std::pair(PlantedFault::kDirectoryNotSynced, std::string_view("directory-not-synced")),
    std::pair(PlantedFault::kChecksumNotCompared, std::string_view("checksum-not-compared")),
    std::pair(PlantedFault::kRenamedBeforeSync, std::string_view("renamed-before-sync")),
    std::pair(PlantedFault::kPointerBeforeData, std::string_view("pointer-before-data")),
    std::pair(PlantedFault::kSyncRetried, std::string_view("sync-retried")),
    std::pair(PlantedFault::kEdgeOffByOne, std::string_view("edge-off-by-one")),
    std::pair(PlantedFault::kSeriesDroppedAtCheckpoint, std::string_view("series-dropped-at-checkpoint")),
    std::pair(PlantedFault::kFullDiskIgnored, std::string_view("full-disk-ignored")),
    std::pair(PlantedFault::kReaderLeaked, std::string_view("reader-leaked")),
};

// Relaxed in all uses: it changes only while nothing else runs.
inline std::atomic<PlantedFault> planted_fault{PlantedFault::kNone};

}  // namespace baro::base

#define BARO_PLANTED(fault) \
  (::baro::base::planted_fault.load(std::memory_order_relaxed) == ::baro::base::PlantedFault::fault)

#else

#define BARO_PLANTED(fault) false

#endif
