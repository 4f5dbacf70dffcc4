#include "cli/tsdb/declare.h"

#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "base/duration_text.h"
#include "cli/tsdb/declare_writers.h"
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
  ExportRequest export_to;
  std::string block_duration = "2h";
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

void DeclareExport(CLI::App& tsdb, const Shared& arguments, Action& action) {
  auto* const command = tsdb.add_subcommand("export", "Writes the samples as blocks that Prometheus reads.");
  ExportRequest& request = arguments->export_to;
  command->add_option("--min-time", request.min_time_ms, "First time, in milliseconds.");
  command->add_option("--max-time", request.max_time_ms, "Last time, in milliseconds.");
  command->add_option("--match", request.matches, "A series selector; may be repeated. All series.")
      ->allow_extra_args(false);
  command->add_option("--block-duration", arguments->block_duration, "The time that a block covers.")
      ->capture_default_str();
  command->add_option("path", request.path, "The data directory or block.")->required();
  command->add_option("output", request.output, "Where the blocks go.")->required();
  command->callback([arguments, &action] {
    action = [arguments](Terminal t) {
      const auto duration = base::ParseDuration(arguments->block_duration);
      if (!duration || duration->count() <= 0) {
        t.err << "--block-duration: want a duration like 2h, got " << arguments->block_duration << "\n";
        return kExitFailed;
      }
      arguments->export_to.block_duration_ms = duration->count();
      return ExportBlocks(arguments->export_to, t);
    };
  });
}

}  // namespace

void DeclareTsdb(CLI::App& app, Action& action) {
  auto* const tsdb = app.add_subcommand("tsdb", "Looks into data directories and blocks, makes and repairs them.");
  tsdb->require_subcommand(1);
  const auto arguments = std::make_shared<TsdbArguments>();
  DeclareList(*tsdb, arguments, action);
  DeclareDump(*tsdb, arguments, action);
  DeclareAnalyze(*tsdb, arguments, action);
  DeclareExport(*tsdb, arguments, action);
  DeclareTsdbWriters(*tsdb, action);
}

}  // namespace baro::cli
