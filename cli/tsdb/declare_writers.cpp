#include "cli/tsdb/declare_writers.h"

#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "base/duration_text.h"
#include "cli/tsdb_commands.h"

namespace baro::cli {
namespace {

using Action = std::function<int(Terminal)>;

void DeclareImport(CLI::App& tsdb, Action& action) {
  auto* const command = tsdb.add_subcommand(
      "import", "Copies the blocks and the log of a Prometheus data directory into blocks of Barograph.");
  const auto request = std::make_shared<ImportRequest>();
  const auto without_log = std::make_shared<bool>(false);
  command->add_flag("--blocks-only", *without_log, "Leave out what Prometheus has not yet written to blocks.");
  command->add_option("source", request->source, "The data directory of Prometheus; nothing in it is changed.")
      ->required();
  command->add_option("output", request->output, "The data directory of Barograph; a server may run in it.")
      ->required();
  command->callback([request, without_log, &action] {
    request->with_log = !*without_log;
    action = [request](Terminal t) { return ImportPrometheus(*request, t); };
  });
}

void DeclareOpenMetrics(CLI::App& create, Action& action) {
  auto* const command = create.add_subcommand("openmetrics", "From a file in OpenMetrics format with timestamps.");
  const auto request = std::make_shared<CreateFromOpenMetricsRequest>();
  request->output = "data/";
  command->add_flag("-r,--human-readable", request->is_human_readable, "Times and sizes for people.");
  command->add_flag("-q,--quiet", request->is_quiet, "Do not print the blocks.");
  command->add_option("input", request->input, "The file.")->required();
  command->add_option("output", request->output, "The data directory that the blocks go to.")->capture_default_str();
  command->callback(
      [request, &action] { action = [request](Terminal t) { return CreateFromOpenMetrics(*request, t); }; });
}

void DeclareRules(CLI::App& create, Action& action) {
  auto* const command = create.add_subcommand("rules", "From recording rules, worked out for the past by a server.");
  const auto request = std::make_shared<CreateFromRulesRequest>();
  const auto interval = std::make_shared<std::string>("60s");
  request->url = "http://localhost:9090";
  request->output = "data/";
  command->add_flag("-r,--human-readable", request->is_human_readable, "Times and sizes for people.");
  command->add_flag("-q,--quiet", request->is_quiet, "Do not print the blocks.");
  command->add_option("--url", request->url, "The server that has the data.")->capture_default_str();
  command->add_option("--start", request->start, "First time: RFC 3339 or Unix seconds.")->required();
  command->add_option("--end", request->end, "Last time; three hours ago.");
  command->add_option("--output-dir", request->output, "The data directory that the blocks go to.")
      ->capture_default_str();
  command->add_option("--eval-interval", *interval, "Step of rules whose group has no interval.")
      ->capture_default_str();
  command->add_option("rule-files", request->rule_files, "Files with recording rules; alerts are left out.")
      ->required();
  command->callback([request, interval, &action] {
    action = [request, interval](Terminal t) {
      const auto parsed = base::ParseDuration(*interval);
      if (!parsed || parsed->count() <= 0) {
        t.err << "--eval-interval: want a duration like 60s, got " << *interval << "\n";
        return kExitFailed;
      }
      request->eval_interval_ms = parsed->count();
      return CreateFromRules(*request, t);
    };
  });
}

void DeclareCheck(CLI::App& tsdb, Action& action) {
  auto* const command = tsdb.add_subcommand(
      "check", "Searches a data directory for damage. Exit status: 0 none, 1 there is, 3 all of it was repaired.");
  const auto request = std::make_shared<CheckDataRequest>();
  request->path = "data/";
  command->add_flag("--repair", request->is_repairing,
                    "Write anew what can be read and put the damaged files aside; no server may run.");
  command->add_option("path", request->path, "The data directory.")->capture_default_str();
  command->callback([request, &action] { action = [request](Terminal t) { return CheckData(*request, t); }; });
}

void DeclareBench(CLI::App& tsdb, Action& action) {
  auto* const command = tsdb.add_subcommand("bench", "Measures appending, cutting and reading on this machine.");
  const auto request = std::make_shared<BenchRequest>();
  request->output = "benchout";
  command->add_option("--out", request->output, "A directory that is not there or empty; it is left for a look.")
      ->capture_default_str();
  command->add_option("--series", request->series, "Series that are made up.")
      ->capture_default_str()
      ->check(CLI::Range(1, 50'000'000));
  command->add_option("--scrapes", request->scrapes, "Scrapes of all series, 15 s apart, up to now.")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000'000));
  command->add_option("file", request->input, "An exposition whose series are written instead.");
  command->callback([request, &action] { action = [request](Terminal t) { return BenchTsdb(*request, t); }; });
}

}  // namespace

void DeclareTsdbWriters(CLI::App& tsdb, Action& action) {
  DeclareImport(tsdb, action);
  auto* const create = tsdb.add_subcommand("create-blocks-from", "Makes blocks of what is not in a store yet.");
  create->require_subcommand(1);
  DeclareOpenMetrics(*create, action);
  DeclareRules(*create, action);
  DeclareCheck(tsdb, action);
  DeclareBench(tsdb, action);
}

}  // namespace baro::cli
