// What requests for queries have in common.
#pragma once

#include <string_view>

#include "base/cancel.h"
#include "base/result.h"
#include "net/http_message.h"
#include "query/engine.h"
#include "server/api/result_json.h"

namespace baro::server {

/// The parameters that both kinds of queries have. `text` is a loan from the request.
struct Asked {
  std::string_view text;
  query::QueryOptions options;
  ResultOptions result;
};

/// Errors   as server/api/params.h.
base::Result<Asked> ReadQuery(const net::HttpRequest& request, const base::CancelToken& cancel);

/// `start`, `end` and `step`.
/// Errors   as server/api/params.h; also for more than 11,000 steps.
base::Result<query::QueryRange> ReadRange(const net::HttpRequest& request);

/// A fault of the query's text is a fault of the parameter.
net::HttpResponse QueryError(const base::Error& error);

}  // namespace baro::server
