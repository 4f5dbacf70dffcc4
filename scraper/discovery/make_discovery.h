// From options to a discovery.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "scraper/discovery/discovery.h"
#include "scraper/discovery/discovery_context.h"
#include "scraper/options.h"

namespace baro::scraper {

/// Errors   kInvalidArgument: options that cannot be used; kUnsupported: a kind that is not served.
base::Result<std::shared_ptr<Discovery>> MakeDiscovery(const DiscoveryOptions& options,
                                                       const DiscoveryContext& context);

/// All of a job, file discoveries first, in the order of the configuration. Nothing is asked before Start().
/// Errors   as MakeDiscovery(), with the kind and its place among those of the job.
base::Result<std::vector<std::shared_ptr<Discovery>>> MakeDiscoveries(const ScrapeJobOptions& job,
                                                                      DiscoveryContext context);

}  // namespace baro::scraper
