// A target: what discovery said of it, what relabelling made of that, and where to fetch from.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/relabel.h"
#include "scraper/options.h"

namespace baro::scraper {

/// Something to scrape. Immutable value.
struct Target {
  model::Labels discovered_labels;  ///< before relabelling
  model::Labels labels;             ///< after it, without names that start with `__`: what the target's series carry
  std::string url;                  ///< absolute, with parameters
  std::chrono::milliseconds interval{0};
  std::chrono::milliseconds timeout{0};
  std::string unix_socket;                   ///< path of the socket that the request goes through; "": none
  NativeHistogramOptions native_histograms;  ///< of the job, with the switches that relabelling left

  /// FNV-1a over the labels (also the hidden ones) and the URL: the target's identity within its job. The same over
  /// reloads and restarts, so a target keeps its phase in the interval.
  std::uint64_t hash = 0;
};

/// A target that relabelling dropped.
struct DroppedTarget {
  model::Labels discovered_labels;
};

/// Labels of one target of a group: the group's labels, the target's own over them, and the job's defaults (`job`,
/// `__scheme__`, `__metrics_path__`, `__scrape_interval__`, `__scrape_timeout__`, the switches of native histograms,
/// `__param_*`) where neither has them.
/// Source   Prometheus, scrape/target.go: PopulateDiscoveredLabels.
model::Labels DiscoveredLabels(const ScrapeJobOptions& job, const TargetGroup& group,
                               const std::map<std::string, std::string>& target);

/// Relabels and checks.
/// Errors   kInvalidArgument: no address, a path in the address, bad interval, timeout or switch, a label value that is
/// not
///          UTF-8; the message names the target.
base::Result<std::variant<Target, DroppedTarget>> MakeTarget(const ScrapeJobOptions& job,
                                                             const model::Relabeler& relabeler,
                                                             const model::Labels& discovered);

/// All targets of some groups, each identity once, and what was wrong with others.
struct TargetSet {
  std::vector<Target> active;
  std::vector<DroppedTarget> dropped;
  std::vector<std::string> errors;
};
TargetSet MakeTargets(const ScrapeJobOptions& job, const model::Relabeler& relabeler,
                      const std::vector<TargetGroup>& groups);

/// How long after `now` a target's next scrape is due: each target has its own phase of the interval, from its hash and
/// the seed of this server, stable over restarts. Phases are multiples of a twentieth of the interval, of 100 ms at
/// most, so that threads that wake have several scrapes to begin (docs/decisions/0116-scrapes-in-slots.md).
/// Unit     milliseconds.
std::chrono::milliseconds TimeToFirstScrape(const Target& target, std::int64_t now_ms, std::uint64_t seed);

/// FNV-1a, 64 bits.
std::uint64_t Fnv1a(std::string_view text, std::uint64_t state = 14695981039346656037U);

}  // namespace baro::scraper
