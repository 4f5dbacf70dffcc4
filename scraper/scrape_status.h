// What the API and the targets page say of a job's targets.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/labels.h"
#include "model/metadata.h"
#include "scraper/target.h"

namespace baro::scraper {

enum class TargetHealth { kUnknown, kUp, kDown };

/// A copy of a target's state at one moment.
struct TargetStatus {
  Target target;
  TargetHealth health = TargetHealth::kUnknown;
  std::string last_error;  ///< of the last scrape; empty when it was good
  base::WallTime last_scrape{};
  std::chrono::nanoseconds last_duration{0};
  std::size_t last_samples = 0;
  std::size_t last_body_bytes = 0;
};

/// A target's metadata of one metric family.
struct TargetMetadata {
  model::Labels target;
  std::string metric;
  model::Metadata metadata;
};

/// How a provider of targets fares.
struct DiscoveryStatus {
  std::string kind;                            ///< "file", "consul", ...
  std::optional<base::WallTime> last_success;  ///< nothing: it has not told any targets yet
  std::optional<base::WallTime> last_attempt;
  std::string
      last_error;  ///< of the last attempt; empty when it was good. What was told at `last_success` is in force.
  std::uint64_t failures_in_a_row = 0;
  std::size_t targets = 0;  ///< that it told last, before relabelling
};

/// A job's targets at one moment.
struct JobStatus {
  std::string job_name;
  std::vector<TargetStatus> active;
  std::vector<DroppedTarget> dropped;        ///< as many as keep_dropped_targets allows
  std::size_t dropped_count = 0;             ///< all of them
  std::vector<DiscoveryStatus> discoveries;  ///< in the order of the configuration, static_configs left out
};

}  // namespace baro::scraper
