// Results of queries as JSON, in pieces: a large answer never stands in memory whole.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "net/http_message.h"
#include "query/engine.h"

namespace baro::server {

/// How a result is shown.
struct ResultOptions {
  std::size_t series_max = 0;  ///< of `limit`; 0: all. A cut result carries a warning.
  bool with_stats = false;
  bool show_positions = true;  ///< of warnings and infos
};

/// {"timings":{…},"samples":{…}}, as Prometheus tells what a query cost.
void AppendStatsJson(std::string& out, const query::QueryStats& stats);

/// The whole answer of a query. Small ones have a body, large ones a producer that owns the result.
net::HttpResponse QueryResponse(query::QueryResult result, ResultOptions options);

}  // namespace baro::server
