// The parser tests of the OpenMetrics project: a body and the verdict of the specification.
#include <nlohmann/json.hpp>

#include "scraper/openmetrics_validator.h"
#include "tests/conformance/suite.h"

namespace baro::conformance {

void RunOpenMetrics(const std::filesystem::path& data, Report& report) {
  for (const std::filesystem::path& folder : SortedEntries(data / "openmetrics" / "parsers")) {
    const std::string name = folder.filename().string();
    const auto test = nlohmann::json::parse(ReadFile(folder / "test.json"), nullptr, /*allow_exceptions=*/false);
    if (!test.is_object() || !test.contains("shouldParse") || !test.contains("file")) {
      report.Fail(name, "test.json has no file or no shouldParse");
      continue;
    }
    const bool want = test["shouldParse"].get<bool>();
    const base::Result<> verdict = scraper::ValidateOpenMetrics(ReadFile(folder / test["file"].get<std::string>()));
    if (verdict.has_value() == want) {
      report.Pass(name);
    } else {
      report.Fail(name, want ? verdict.error().message() : "accepted, but breaks the specification");
    }
  }
}

}  // namespace baro::conformance
