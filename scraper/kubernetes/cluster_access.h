// Where a cluster's API server is: inside of the cluster, at `api_server`, or as a kubeconfig file says.
#pragma once

#include <string>

#include "base/result.h"
#include "scraper/discovery/discovery_context.h"
#include "scraper/discovery_options.h"
#include "scraper/kubernetes/kubeconfig.h"

namespace baro::scraper {

/// Errors   kInvalidArgument: there is nothing to reach a cluster with; of ParseKubeconfig(), of reading its file.
base::Result<ClusterAccess> FindCluster(const DiscoveryOptions& options, const DiscoveryContext& context);

/// The namespace that this program runs in, inside of a cluster.
/// Errors   kInvalidArgument: it is not told.
base::Result<std::string> OwnNamespace(base::FileSystem& files);

}  // namespace baro::scraper
