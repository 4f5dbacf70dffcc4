// One HTTP call, waited for.
#pragma once

#include <chrono>

#include "base/result.h"
#include "net/http_fetcher.h"

namespace baro::cli {

/// Makes the call on threads of its own and waits for the answer. Errors   as HttpFetcher.
base::Result<net::FetchResponse> FetchOnce(net::FetchRequest request, std::chrono::milliseconds timeout);

}  // namespace baro::cli
