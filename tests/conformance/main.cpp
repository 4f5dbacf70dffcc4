// conformance [--data DIR] [--gaps DIR] [--verdicts DIR] [-v] [suite…]: runs suites over shared/conformance, one line
// for each. Suites that need whole servers are run before by tools/dev/conformance.sh; --verdicts has what they found.
//
// Exit 0: every failure is in gaps/<suite>.txt, and every case listed there does fail. Exit 1: otherwise. Exit 2: wrong
// usage or unreadable data.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "tests/conformance/suite.h"

namespace baro::conformance {

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) {
    std::cerr << fmt::format("conformance: cannot read {}\n", path.string());
    std::exit(2);
  }
  return std::move(text).str();
}

std::vector<std::filesystem::path> SortedEntries(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> entries;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

namespace {

constexpr Suite kSuites[] = {
    {"scrape", RunScrape},
    {"openmetrics", RunOpenMetrics},
    {"promql-parse", RunPromqlParse},
    {"promql", RunPromql},
    {"queries", nullptr},
    {"config", RunConfig},
    {"rules", RunRules},
    {"alertmanager", RunAlertmanager},
    {"grafana", nullptr},
};

struct Arguments {
  std::filesystem::path data = "../shared/conformance";
  std::filesystem::path gaps = "tests/conformance/gaps";
  std::filesystem::path verdicts = "build/conformance";
  bool is_verbose = false;
  std::vector<std::string> suites;
};

[[noreturn]] void Refuse(const std::string& message) {
  std::cerr << fmt::format(
      "conformance: {}\nusage: conformance [--data DIR] [--gaps DIR] [--verdicts DIR] [-v] [suite…]\nsuites:", message);
  for (const Suite& suite : kSuites) std::cerr << ' ' << suite.name;
  std::cerr << '\n';
  std::exit(2);
}

Arguments ParseArguments(int argc, char** argv) {
  Arguments arguments;
  const std::map<std::string, std::filesystem::path*> folders = {
      {"--data", &arguments.data}, {"--gaps", &arguments.gaps}, {"--verdicts", &arguments.verdicts}};
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "-v") {
      arguments.is_verbose = true;
    } else if (const auto folder = folders.find(argument); folder != folders.end()) {
      if (++i == argc) Refuse(argument + " needs a folder");
      *folder->second = argv[i];
    } else if (argument.starts_with("-")) {
      Refuse("unknown option " + argument);
    } else if (std::ranges::find(kSuites, argument, &Suite::name) == std::end(kSuites)) {
      Refuse("no suite " + argument);
    } else {
      arguments.suites.push_back(argument);
    }
  }
  return arguments;
}

// One case name a line; what follows # is a comment.
std::set<std::string> ReadGaps(const std::filesystem::path& path) {
  std::set<std::string> gaps;
  if (!std::filesystem::exists(path)) return gaps;
  std::istringstream lines(ReadFile(path));
  for (std::string line; std::getline(lines, line);) {
    line.resize(std::min(line.find(" #"), line.size()));
    if (line.starts_with('#')) continue;
    while (!line.empty() && line.back() == ' ') line.pop_back();
    if (!line.empty()) gaps.insert(line);
  }
  return gaps;
}

// Lines of "pass|fail|skip <tab> case [<tab> reason]", written by the suites that run before.
void ReadVerdicts(const std::filesystem::path& path, Report& report) {
  if (!std::filesystem::exists(path)) {
    report.Skip("all", "it needs whole servers: `./dev conformance` runs them");
    return;
  }
  std::istringstream lines(ReadFile(path));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string verdict, name, reason;
    std::getline(fields, verdict, '\t');
    std::getline(fields, name, '\t');
    std::getline(fields, reason);
    if (verdict == "pass") {
      report.Pass(name);
    } else if (verdict == "fail") {
      report.Fail(name, reason);
    } else if (verdict == "skip") {
      report.Skip(name, reason);
    } else {
      std::cerr << fmt::format("conformance: {}: no verdict: {}\n", path.string(), line);
      std::exit(2);
    }
  }
}

bool RunSuite(const Suite& suite, const Arguments& arguments) {
  Report report;
  if (suite.run != nullptr) {
    suite.run(arguments.data, report);
  } else {
    ReadVerdicts(arguments.verdicts / fmt::format("{}.txt", suite.name), report);
  }
  const std::filesystem::path gaps_file = arguments.gaps / fmt::format("{}.txt", suite.name);
  const std::set<std::string> gaps = ReadGaps(gaps_file);
  bool is_good = true;
  for (const Report::Failure& failure : report.failed()) {
    const bool is_known = gaps.contains(failure.name);
    is_good &= is_known;
    if (arguments.is_verbose || !is_known) {
      std::cout << fmt::format("  {} {}: {}\n", is_known ? "known gap" : "FAILED", failure.name, failure.reason);
    }
  }
  for (const std::string& name : report.passed()) {
    if (!gaps.contains(name)) continue;
    is_good = false;
    std::cout << fmt::format("  {} passes: take it out of {}\n", name, gaps_file.string());
  }
  if (arguments.is_verbose) {
    for (const Report::Failure& skip : report.skipped())
      std::cout << fmt::format("  skipped {}: {}\n", skip.name, skip.reason);
  }
  std::cout << fmt::format("{}: {} passed, {} failed, {} skipped\n", suite.name, report.passed().size(),
                           report.failed().size(), report.skipped().size());
  return is_good;
}

int Main(int argc, char** argv) {
  const Arguments arguments = ParseArguments(argc, argv);
  if (!std::filesystem::is_directory(arguments.data)) {
    std::cout << fmt::format("conformance: {} is not here: nothing to run\n", arguments.data.string());
    return 0;
  }
  bool is_good = true;
  for (const Suite& suite : kSuites) {
    const bool is_wanted =
        arguments.suites.empty() || std::ranges::find(arguments.suites, suite.name) != arguments.suites.end();
    if (is_wanted) is_good &= RunSuite(suite, arguments);
  }
  return is_good ? 0 : 1;
}

}  // namespace
}  // namespace baro::conformance

int main(int argc, char** argv) { return baro::conformance::Main(argc, argv); }
