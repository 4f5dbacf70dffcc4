// What a configuration file would change on a running server.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/plan/server_state.h"
#include "config/config.h"
#include "config/difference.h"
#include "scraper/discover_once.h"

namespace baro::cli {

enum class JobChange {
  kAdded,
  kChanged,     ///< its loops start again
  kRetargeted,  ///< only where its targets come from is new
  kRemoved,
  kUnchanged,
};
std::string_view JobChangeName(JobChange change);

struct JobPlan {
  std::string name;
  JobChange change = JobChange::kUnchanged;
  std::vector<config::FieldDifference> fields;
  std::vector<ServedTarget> added;
  std::vector<ServedTarget> removed;
  std::size_t staying = 0;
  std::vector<std::string> notes;  ///< what could not be found out

  bool has_news() const { return change != JobChange::kUnchanged || !added.empty() || !removed.empty(); }
};

struct Plan {
  std::vector<config::FieldDifference> fields;  ///< besides those of jobs
  std::vector<JobPlan> jobs;                    ///< by name
  std::vector<std::string> refusals;            ///< what the server would refuse the file for

  bool has_changes() const;
};

/// The groups of a job's targets as its discoveries tell them.
using DiscoverFunction = std::function<base::Result<scraper::DiscoveredGroups>(const scraper::ScrapeJobOptions& job)>;

/// Targets of jobs whose discoveries are as they were are those of the server, with the new rules; of others `discover`
/// is asked.
Plan MakePlan(const ServerState& server, const config::Config& wanted, const DiscoverFunction& discover);

}  // namespace baro::cli
