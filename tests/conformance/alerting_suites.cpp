// Suites `rules` and `alertmanager`: rule files, rule unit tests and Alertmanager configurations.
//
// Nothing in Barograph reads these files yet, so each case fails, and each is listed in gaps/: the lines tell how many
// there are to win.
#include <string>

#include "tests/conformance/suite.h"

namespace baro::conformance {

namespace {

bool IsYaml(const std::filesystem::path& path) { return path.extension() == ".yml" || path.extension() == ".yaml"; }

// What `promtool test rules` takes: other files in the folder are what these refer to.
bool IsUnitTest(const std::string& text) { return text.starts_with("tests:") || text.contains("\ntests:"); }

std::string NameOf(const std::filesystem::path& folder, const std::filesystem::path& path) {
  return (folder / path.filename()).string();
}

}  // namespace

void RunRules(const std::filesystem::path& data, Report& report) {
  for (const auto& path : SortedEntries(data / "rules" / "rulefmt")) {
    if (IsYaml(path)) report.Fail(NameOf("rulefmt", path), "rule files are not read yet");
  }
  for (const auto& path : SortedEntries(data / "rules" / "unit-tests")) {
    if (IsYaml(path) && IsUnitTest(ReadFile(path))) {
      report.Fail(NameOf("unit-tests", path), "there is no tester of rules yet");
    }
  }
}

void RunAlertmanager(const std::filesystem::path& data, Report& report) {
  for (const auto* folder : {"config", "routing"}) {
    for (const auto& path : SortedEntries(data / "alertmanager" / folder)) {
      if (IsYaml(path)) report.Fail(NameOf(folder, path), "Alertmanager's configuration is not read yet");
    }
  }
}

}  // namespace baro::conformance
