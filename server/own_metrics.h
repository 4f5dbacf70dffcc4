// Metrics of the process and of the server as a whole: what no module counts by itself.
#pragma once

#include "base/file_system.h"
#include "base/metrics.h"
#include "query/engine.h"
#include "server/api/api_state.h"

namespace baro::server {

/// process_* from /proc/self, prometheus_build_info, prometheus_ready, prometheus_config_last_reload_*, and what
/// queries hold at the moment. Borrows all, which outlive the registry's last Gather().
void AddOwnMetrics(base::Registry& registry, base::FileSystem& files, const ApiState& state);

/// What queries cost, under Prometheus' names.
class QueryMetrics {
 public:
  explicit QueryMetrics(base::Registry& registry);
  void Observe(const query::QueryStats& stats);
  /// A query without an answer; `type` as the API names it.
  void CountError(std::string_view type);

 private:
  base::SummaryFamily& duration_seconds_;
  base::Counter& samples_total_;
  base::CounterFamily& errors_total_;
};

}  // namespace baro::server
