// How a conformance suite reports: one verdict for each case of the data it reads.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace baro::conformance {

/// Collects the verdicts of one suite. A case's name is unique in its suite and stable: lists of known gaps quote it.
class Report {
 public:
  struct Failure {
    std::string name;
    std::string reason;
  };

  void Pass(std::string name) { passed_.push_back(std::move(name)); }
  void Fail(std::string name, std::string reason) { failed_.push_back({std::move(name), std::move(reason)}); }
  /// For a case that cannot be judged here, e.g. because it needs a program that is not installed.
  void Skip(std::string name, std::string reason) { skipped_.push_back({std::move(name), std::move(reason)}); }

  const std::vector<std::string>& passed() const { return passed_; }
  const std::vector<Failure>& failed() const { return failed_; }
  const std::vector<Failure>& skipped() const { return skipped_; }

 private:
  std::vector<std::string> passed_;
  std::vector<Failure> failed_;
  std::vector<Failure> skipped_;
};

/// A suite: reads its cases below `data` (the folder shared/conformance) and judges each. `run` is null where a program
/// that needs whole servers judged them before.
struct Suite {
  std::string_view name;
  void (*run)(const std::filesystem::path& data, Report& report);
};

/// The whole file. A case's file that cannot be read ends the program with a message: the data is broken then.
std::string ReadFile(const std::filesystem::path& path);

/// Entries of a folder, sorted by name, so that reports do not depend on the disk.
std::vector<std::filesystem::path> SortedEntries(const std::filesystem::path& folder);

void RunScrape(const std::filesystem::path& data, Report& report);
void RunOpenMetrics(const std::filesystem::path& data, Report& report);
void RunPromql(const std::filesystem::path& data, Report& report);
void RunPromqlParse(const std::filesystem::path& data, Report& report);
void RunConfig(const std::filesystem::path& data, Report& report);
void RunRules(const std::filesystem::path& data, Report& report);
void RunAlertmanager(const std::filesystem::path& data, Report& report);

}  // namespace baro::conformance
