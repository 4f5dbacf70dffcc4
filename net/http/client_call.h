// The way of one call: connection, request, answer, redirects, decoding.
#pragma once

#include <memory>

#include "net/http/client_shard.h"

namespace baro::net::http {

/// Starts the coroutine of `call` on the shard's loop; it ends with ClientShard::Finish().
void SpawnCall(std::shared_ptr<ClientShard> shard, HttpFetcher::CallId id, std::shared_ptr<ClientCall> call);

}  // namespace baro::net::http
