// Metric families as text.
//
// Format   Prometheus text 0.0.4 (docs/instrumenting/exposition_formats.md) and OpenMetrics 1.0.0.
// Threads  Pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/metrics.h"

namespace baro::base {

inline constexpr const char* kPrometheusTextContentType = "text/plain; version=0.0.4; charset=utf-8";
inline constexpr const char* kOpenMetricsContentType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Appends the families in their order.
void AppendPrometheusText(std::span<const MetricFamily> families, std::string& out);

/// As above, in OpenMetrics: counters' families without `_total`, which their samples have; `# EOF` at the end.
void AppendOpenMetricsText(std::span<const MetricFamily> families, std::string& out);

/// Appends a label's value as it stands between the quotes of either format.
void AppendLabelValue(std::string& out, std::string_view value);

}  // namespace baro::base
