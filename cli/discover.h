// The discoveries of a job, asked once from the command line.
#pragma once

#include <chrono>

#include "base/result.h"
#include "cli/commands.h"
#include "scraper/discover_once.h"

namespace baro::cli {

/// As scraper::DiscoverOnce(), on threads of its own.
base::Result<scraper::DiscoveredGroups> Discover(const scraper::ScrapeJobOptions& job,
                                                 std::chrono::milliseconds timeout);

/// The label sets of all targets before relabelling, each once, as they were told.
std::vector<model::Labels> LabelSetsOf(const scraper::ScrapeJobOptions& job,
                                       const scraper::DiscoveredGroups& discovered);

/// What providers could not tell, a line each.
std::vector<std::string> SilenceOf(const std::vector<scraper::DiscoveryStatus>& providers);

/// Prints it as warnings.
void WarnOfSilence(const scraper::DiscoveredGroups& discovered, Terminal terminal);

}  // namespace baro::cli
