// Limits on a YAML text that are checked before a tree is built of it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace baro::config {

inline constexpr std::size_t kYamlBytesMax = 16 * 1024 * 1024;  // the largest real configurations seen are about 1 MiB
inline constexpr std::size_t kYamlDepthMax = 64;                // Prometheus' deepest field stands at depth 9
inline constexpr std::size_t kYamlNodesMax = 1'000'000;

struct YamlExcess {
  std::size_t line = 0;
  std::size_t column = 0;
  std::string message;
};

/// Walks the text's events without building nodes. An alias counts as many nodes as what it stands for, so that a short
/// text cannot unfold into a huge one.
/// Returns  the first limit that the text breaks, or nothing; a text that is no YAML breaks none.
std::optional<YamlExcess> FindExcess(const std::string& text);

}  // namespace baro::config
