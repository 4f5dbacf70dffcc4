#include "cli/tsdb/declare.h"

#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/tsdb_commands.h"

namespace baro::cli {
namespace {

using Action = std::function<int(Terminal)>;

struct TsdbArguments {
  std::string path = "data/";
  bool is_human_readable = false;
  std::string format = "prom";
  DumpRequest dump;
  AnalyzeRequest analyze;
};

using Shared = std::shared_ptr<TsdbArguments>;  // the callbacks keep it

void DeclareList(CLI::App& tsdb, const Shared& arguments, Action& action) {
  auto* const list = tsdb.add_subcommand("list", "Lists the blocks of a data directory.");
  list->add_flag("-r,--human-readable", arguments->is_human_readable, "Times and sizes for people.");
  list->add_option("path", arguments->path, "The data directory.")->capture_default_str();
  list->callback([arguments, &action] {
    action = [arguments](Terminal t) { return ListBlocks(arguments->path, arguments->is_human_readable, t); };
  });
}

void DeclareDump(CLI::App& tsdb, const Shared& arguments, Action& action) {
  auto* const dump = tsdb.add_subcommand("dump", "Prints the samples of a data directory or block.");
  auto* const openmetrics =
      tsdb.add_subcommand("dump-openmetrics", "Prints the float samples as OpenMetrics, for an import elsewhere.");
  for (auto* const command : {dump, openmetrics}) {
    command->add_option("--min-time", arguments->dump.min_time_ms, "First time, in milliseconds.");
    command->add_option("--max-time", arguments->dump.max_time_ms, "Last time, in milliseconds.");
    command->add_option("--match", arguments->dump.matches, "A series selector; may be repeated. All series.")
        ->allow_extra_args(false);
    command->add_option("path", arguments->path, "The data directory or block.")->capture_default_str();
  }
  dump->add_option("--format", arguments->format, "prom or seriesjson")->check(CLI::IsMember({"prom", "seriesjson"}));
  const auto run = [arguments, &action](DumpRequest::Format format) {
    arguments->dump.path = arguments->path;
    arguments->dump.format = format;
    action = [arguments](Terminal t) { return DumpSamples(arguments->dump, t); };
  };
  dump->callback([arguments, run] {
    run(arguments->format == "prom" ? DumpRequest::Format::kPrometheus : DumpRequest::Format::kSeriesJson);
  });
  openmetrics->callback([run] { run(DumpRequest::Format::kOpenMetrics); });
}

void DeclareAnalyze(CLI::App& tsdb, const Shared& arguments, Action& action) {
  auto* const analyze = tsdb.add_subcommand("analyze", "Shows churn, cardinality and chunks of a block.");
  AnalyzeRequest& request = arguments->analyze;
  analyze->add_option("--limit", request.limit, "Lines of each list.")->capture_default_str();
  analyze->add_flag("--extended", request.is_extended, "Look into the chunks, too.");
  analyze->add_option("--match", request.match, "A series selector; all series.");
  analyze->add_option("path", arguments->path, "The data directory or block.")->capture_default_str();
  analyze->add_option("block", request.block, "The block's ULID; the newest one.");
  analyze->callback([arguments, &action] {
    arguments->analyze.path = arguments->path;
    action = [arguments](Terminal t) { return AnalyzeBlock(arguments->analyze, t); };
  });
}

}  // namespace

void DeclareTsdb(CLI::App& app, Action& action) {
  auto* const tsdb = app.add_subcommand("tsdb", "Looks into data directories and blocks.");
  tsdb->require_subcommand(1);
  const auto arguments = std::make_shared<TsdbArguments>();
  DeclareList(*tsdb, arguments, action);
  DeclareDump(*tsdb, arguments, action);
  DeclareAnalyze(*tsdb, arguments, action);
}

}  // namespace baro::cli
