// Which program this is, and which Prometheus it equals.
#pragma once

#include <string>
#include <string_view>

namespace baro::server {

/// Barograph's own version.
inline constexpr std::string_view kVersion = "0.1.0";

/// The Prometheus whose API, formats and query language we speak. Clients compare it to find features: Grafana reads it
/// from /api/v1/status/buildinfo.
inline constexpr std::string_view kPrometheusVersion = "3.14.0";

/// What --version prints.
std::string VersionText();

}  // namespace baro::server
