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

/// The commit that was built, with "-modified" behind it if files differed from it. Empty, like the two below, if git
/// was not there to ask: in a source archive, or an image's build without the .git folder.
std::string_view Revision();
/// The branch that was checked out, "HEAD" if there was none.
std::string_view Branch();
/// When the commit was made, as "20260131-09:15:00" in UTC. Not when it was compiled: equal sources give equal
/// programs.
std::string_view RevisionDate();

/// What --version prints.
std::string VersionText();

}  // namespace baro::server
