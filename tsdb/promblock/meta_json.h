// meta.json of a block.
//
// Format   docs/formats/prometheus-blocks.md, "meta.json", version 1.
// Threads  Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "tsdb/prometheus_block.h"

namespace baro::tsdb {

/// Members that are not known are passed over.
/// Errors   kCorruption: no JSON, or of another shape; kUnsupported: another version.
base::Result<PrometheusBlockMeta> ParsePrometheusMeta(std::string_view text);

std::string FormatPrometheusMeta(const PrometheusBlockMeta& meta);

}  // namespace baro::tsdb
