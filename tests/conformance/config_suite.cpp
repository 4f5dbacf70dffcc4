// Suite `config`: Prometheus' own configuration files, *.good.yml to be taken, *.bad.yml to be refused.
//
// A refusal counts when it tells the mistake and its place. What Barograph does not do yet makes no file bad.
#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/file_system.h"
#include "config/config.h"
#include "tests/conformance/suite.h"

namespace baro::conformance {

namespace {

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

// "file.yml:7:5: ...".
bool TellsTheMistake(const std::string& line) {
  const std::size_t name_end = line.find(".yml:");
  return name_end != std::string::npos && line.size() > name_end + 5 &&
         std::isdigit(static_cast<unsigned char>(line[name_end + 5])) != 0;
}

}  // namespace

void RunConfig(const std::filesystem::path& data, Report& report) {
  const auto no_environment = [](std::string_view) { return std::optional<std::string>(); };
  for (const auto& path : SortedEntries(data / "config")) {
    const std::string name = path.filename().string();
    const bool is_good = name.ends_with(".good.yml");
    if (!is_good && !name.ends_with(".bad.yml")) continue;  // what the others refer to, and the agent's
    const auto config = config::LoadConfig(path.string(), base::RealFileSystem(), no_environment);
    const std::vector<std::string> problems = config ? std::vector<std::string>() : Lines(config.error().message());
    if (is_good) {
      config ? report.Pass(name) : report.Fail(name, problems.front());
    } else if (config) {
      report.Fail(name, "taken, and should be refused");
    } else if (std::ranges::any_of(problems, TellsTheMistake)) {
      report.Pass(name);
    } else {
      report.Fail(name, problems.front());
    }
  }
}

}  // namespace baro::conformance
