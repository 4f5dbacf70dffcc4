// One HTTP call, waited for.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "net/http_fetcher.h"

namespace baro::cli {

/// The address of a server as somebody typed it, with http:// if it names no scheme, without slashes at its end.
std::string ServerUrl(std::string typed);

/// Makes the call on threads of its own and waits for the answer. Errors   as HttpFetcher.
base::Result<net::FetchResponse> FetchOnce(net::FetchRequest request, std::chrono::milliseconds timeout);

}  // namespace baro::cli
