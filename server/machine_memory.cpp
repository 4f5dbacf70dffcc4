#include "server/machine_memory.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace baro::server {
namespace {

constexpr std::size_t kFileBytesMax = 64 * 1024;
constexpr std::string_view kGroups = "/sys/fs/cgroup";

std::optional<std::uint64_t> LeadingNumber(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;  // "max" is no limit
  return value;
}

void Lower(std::uint64_t& least, const base::Result<std::string>& file) {
  if (!file) return;
  const auto limit = LeadingNumber(*file);
  if (limit && *limit > 0) least = least == 0 ? *limit : std::min(least, *limit);
}

/// The path of the group in the hierarchy whose line in /proc/self/cgroup holds `controllers` between its colons.
std::string GroupOf(std::string_view cgroup, std::string_view controllers) {
  while (!cgroup.empty()) {
    const std::size_t line_end = std::min(cgroup.find('\n'), cgroup.size());
    const std::string_view line = cgroup.substr(0, line_end);
    cgroup.remove_prefix(std::min(line_end + 1, cgroup.size()));
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    if (line.substr(first + 1, second - first - 1) == controllers) return std::string(line.substr(second + 1));
  }
  return "";
}

/// Looks at `path` below `root` and at all groups around it.
void LowerByGroups(std::uint64_t& least, base::FileSystem& files, const std::string& root, std::string path,
                   const std::string& file) {
  while (path.ends_with('/')) path.pop_back();
  for (;;) {
    Lower(least, base::ReadFile(files, root + path + "/" + file, kFileBytesMax));
    if (path.empty()) return;
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
}

}  // namespace

std::uint64_t UsableMemory(base::FileSystem& files) {
  std::uint64_t least = 0;
  if (const auto info = base::ReadFile(files, "/proc/meminfo", kFileBytesMax)) {
    constexpr std::string_view kTotal = "MemTotal:";
    const std::size_t at = info->find(kTotal);
    if (at != std::string::npos) {
      least = LeadingNumber(std::string_view(*info).substr(at + kTotal.size())).value_or(0) * 1024;  // it says kB
    }
  }
  const std::string groups = base::ReadFile(files, "/proc/self/cgroup", kFileBytesMax).value_or("");
  const std::string root(kGroups);
  LowerByGroups(least, files, root, GroupOf(groups, ""), "memory.max");
  LowerByGroups(least, files, root + "/memory", GroupOf(groups, "memory"), "memory.limit_in_bytes");
  return least;
}

}  // namespace baro::server
