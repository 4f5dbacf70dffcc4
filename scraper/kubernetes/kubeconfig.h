// Files that say how to reach a cluster, as kubectl reads them.
//
// Source   Kubernetes' documentation, "kubeconfig (v1)".
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_client_options.h"

namespace baro::scraper {

/// Where the API server is, and how it is spoken to.
struct ClusterAccess {
  std::string url;  ///< without a slash at its end
  net::HttpClientOptions http;
};

/// The cluster and user of the current context. Paths in the file are relative to `directory`; what they name is read
/// when it is used, and again when it changes. Errors   kInvalidArgument: not of that form; something that is named
/// does not stand in it. kUnsupported: credentials
///          that a program gives out.
base::Result<ClusterAccess> ParseKubeconfig(std::string_view text, const std::string& directory);

}  // namespace baro::scraper
