// Documents with target groups, as file_sd_configs and http_sd_configs read them.
//
// Format   A list of {"targets": ["host:port", …], "labels": {"name": "value", …}} in JSON or YAML.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "scraper/options.h"

namespace baro::scraper {

inline constexpr std::size_t kTargetFileBytesMax = 32 * 1024 * 1024;
inline constexpr std::size_t kDiscoveredTargetsMax = 100'000;
/// Of names and values of all labels, those of a group counted for each of its targets: so much is made of them.
inline constexpr std::size_t kDiscoveredBytesMax = 256 * 1024 * 1024;

/// The groups of a file; `path` decides by its ending (.json, else YAML), stands in messages, and goes into each group
/// as `__meta_filepath`.
/// Errors   kInvalidArgument: not of that form; with line and column where the parser knows them. kLimitExceeded: too
///          many targets, too many bytes of labels.
base::Result<std::vector<TargetGroup>> ParseTargetFile(std::string_view text, const std::string& path);

/// The same for what an HTTP server sends: JSON only. `url` goes into each group as `__meta_url`, and not into
/// messages: it may have a password.
base::Result<std::vector<TargetGroup>> ParseHttpTargets(std::string_view text, const std::string& url);

}  // namespace baro::scraper
