// main() of `barotool`: the command line; the work is in cli/commands.h. Arguments are promtool's.

#include <ctime>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/clock.h"
#include "base/duration_text.h"
#include "cli/commands.h"
#include "cli/tsdb/declare.h"

namespace {

using baro::cli::Terminal;

/// The command that the arguments chose.
using Action = std::function<int(Terminal)>;

struct Arguments {
  std::vector<std::string> files;
  std::string url = "http://localhost:9090";
  std::string text;
  std::string format = "promql";
  bool does_analyze = false;
  bool experimental = false;
  baro::cli::ConfigCheck config;
  baro::cli::RuleCheck rules;
  baro::cli::DiscoveryCheck discovery;
  baro::cli::RelabelRequest relabel;
  baro::cli::PlanRequest plan;
  baro::cli::MetricsCheck metrics;
  std::string lint = "all";
  baro::cli::QueryRequest query;
  baro::cli::MatcherEdit edit{.query = "", .name = "", .op = "=", .value = ""};
};

/// A duration as Prometheus writes it.
void AddDuration(CLI::App& command, const std::string& name, std::chrono::milliseconds& duration,
                 const std::string& help) {
  command
      .add_option_function<std::string>(
          name,
          [&duration, name](const std::string& text) {
            const auto parsed = baro::base::ParseDuration(text);
            if (!parsed) throw CLI::ValidationError(name, parsed.error().message());
            duration = *parsed;
          },
          help)
      ->default_str(baro::base::FormatDuration(duration));
}

void AddTimeout(CLI::App& command, std::chrono::milliseconds& timeout) {
  AddDuration(command, "--timeout", timeout, "How long to wait for the discoveries' first answer.");
}

/// What `check config` and `check rules` have in common.
template <typename Check>
void AddLint(CLI::App& command, Check& check, const std::string& choices) {
  command.add_option("--lint", check.lint, "What to remark on, separated by commas: " + choices)->capture_default_str();
  command.add_flag("--lint-fatal", check.is_lint_fatal, "End with status 3 if there are remarks.");
  command.add_flag("--ignore-unknown-fields", check.ignores_unknown_fields,
                   "Pass over fields of rule files that a server would refuse.");
}

void DeclareRuleCheck(CLI::App& check, Arguments& arguments, Action& action) {
  auto* const rules = check.add_subcommand("rules", "Whether rule files, or the standard input, are valid.");
  rules->add_option("rule-files", arguments.rules.files, "The files.");
  AddLint(*rules, arguments.rules, "all, duplicate-rules, none");
  rules->callback([&] {
    action = [&](Terminal t) { return baro::cli::CheckRules(arguments.rules, baro::base::RealFileSystem(), t); };
  });
}

void DeclareConfigCheck(CLI::App& check, Arguments& arguments, Action& action) {
  AddDuration(check, "--query.lookback-delta", arguments.config.lookback,
              "How far a query of the server looks back, for remarks on scrape intervals.");
  auto* const config = check.add_subcommand("config", "Whether configuration files are valid.");
  config->fallthrough();  // promtool takes --query.lookback-delta behind `config` too
  config->add_option("config-files", arguments.config.files, "The files.")->required();
  config->add_flag("--syntax-only", arguments.config.is_syntax_only, "Leave the files alone that they name.");
  config->add_flag("--agent", arguments.config.agent_mode, "Check them as configurations of an agent.");
  AddLint(*config, arguments.config, "all, duplicate-rules, too-long-scrape-interval, none");
  config->callback([&] {
    action = [&](Terminal t) { return baro::cli::CheckConfig(arguments.config, baro::base::RealFileSystem(), t); };
  });
}

void DeclareRelabel(CLI::App& app, Arguments& arguments, Action& action) {
  auto* const relabel = app.add_subcommand("relabel", "What each relabelling rule of a job does to a label set.");
  relabel->add_option("config-file", arguments.relabel.config_file, "The configuration.")->required();
  relabel->add_option("labels", arguments.relabel.labels,
                      "name=value …, or one JSON object; without any: all targets of the job.");
  relabel->add_option("--job", arguments.relabel.job, "Name of the job; not needed if there is one.");
  relabel->add_flag("--metric", arguments.relabel.of_metrics, "Take metric_relabel_configs and a series' labels.");
  AddTimeout(*relabel, arguments.relabel.timeout);
  relabel->callback([&] { action = [&](Terminal t) { return baro::cli::RelabelLabels(arguments.relabel, t); }; });
}

void DeclarePlan(CLI::App& app, Arguments& arguments, Action& action) {
  auto* const plan = app.add_subcommand("plan", "What a configuration would change on a running server.");
  plan->add_option("config-file", arguments.plan.config_file, "The configuration.")->required();
  plan->add_option("--url", arguments.plan.url, "The server.")->capture_default_str();
  plan->add_option("--max-targets", arguments.plan.targets_max, "Most targets to list of a job.")
      ->capture_default_str();
  plan->add_option("-o,--format", arguments.format, "text or json")->check(CLI::IsMember({"text", "json"}));
  AddTimeout(*plan, arguments.plan.timeout);
  plan->callback([&] {
    arguments.plan.as_json = arguments.format == "json";
    action = [&](Terminal t) { return baro::cli::PlanConfig(arguments.plan, t); };
  });
}

void DeclareCheck(CLI::App& app, Arguments& arguments, Action& action) {
  auto* const check = app.add_subcommand("check", "Checks files and servers.");
  check->require_subcommand(1);
  DeclareConfigCheck(*check, arguments, action);
  DeclareRuleCheck(*check, arguments, action);
  auto* const discovery = check->add_subcommand("service-discovery", "Which targets a job has, as JSON.");
  discovery->add_option("config-file", arguments.discovery.config_file, "The configuration.")->required();
  discovery->add_option("job", arguments.discovery.job, "Name of the job.")->required();
  AddTimeout(*discovery, arguments.discovery.timeout);
  discovery->callback([&] { action = [&](Terminal t) { return baro::cli::CheckDiscovery(arguments.discovery, t); }; });
  for (const std::string state : {"healthy", "ready"}) {
    auto* const command = check->add_subcommand(state, fmt::format("Whether a server is {}.", state));
    command->add_option("--url", arguments.url, "The server.")->capture_default_str();
    command->callback([&, state] {
      action = [&, state](Terminal t) { return baro::cli::CheckServer(arguments.url, "/-/" + state, t); };
    });
  }
  auto* const metrics = check->add_subcommand(
      "metrics", "Whether the standard input is a valid exposition, and its metrics follow the conventions.");
  metrics->add_flag("--openmetrics", arguments.metrics.is_openmetrics,
                    "Ask for every rule of OpenMetrics 1.0 instead.");
  metrics->add_flag("--extended", arguments.metrics.is_extended, "Print how many series each metric has.");
  metrics->add_option("--lint", arguments.lint, "all: ask for the conventions; none")
      ->check(CLI::IsMember({"all", "none"}))
      ->capture_default_str();
  metrics->callback([&] {
    arguments.metrics.is_linting = arguments.lint == "all";
    action = [&](Terminal t) { return baro::cli::CheckMetrics(arguments.metrics, t); };
  });
}

void DeclareQuery(CLI::App& app, Arguments& arguments, Action& action) {
  auto* const query = app.add_subcommand("query", "Asks a running server.");
  query->require_subcommand(1);
  query->add_option("-o,--format", arguments.format, "promql or json")->check(CLI::IsMember({"promql", "json"}));
  auto* const instant = query->add_subcommand("instant", "The value of an expression at one time.");
  auto* const range = query->add_subcommand("range", "The value of an expression over a range of time.");
  auto* const explain = query->add_subcommand(
      "explain", "The plan of an expression: at --time, or from --start to --end with --step; what it costs.");
  for (auto* const command : {instant, range, explain}) {
    command->add_option("server", arguments.query.server, "The server, e.g. http://localhost:9090")->required();
    command->add_option("expr", arguments.query.query, "PromQL")->required();
  }
  for (auto* const command : {instant, explain}) {
    command->add_option("--time", arguments.query.time, "Seconds or RFC 3339; now");
  }
  for (auto* const command : {range, explain}) {
    command->add_option("--start", arguments.query.start, "Seconds or RFC 3339; five minutes ago");
    command->add_option("--end", arguments.query.end, "Seconds or RFC 3339; now");
    command->add_option("--step", arguments.query.step, "Seconds or a duration");
  }
  explain->add_flag("--analyze", arguments.does_analyze, "Evaluate it, and tell what each operator did.");
  const auto run = [&](bool is_range) {
    arguments.query.is_range = is_range;
    arguments.query.as_json = arguments.format == "json";
    const std::int64_t now = baro::base::ToMs(baro::base::RealClock().Now()) / 1000;
    if (is_range && arguments.query.end.empty()) arguments.query.end = std::to_string(now);
    if (is_range && arguments.query.start.empty()) arguments.query.start = std::to_string(now - 300);
    if (is_range && arguments.query.step.empty()) arguments.query.step = "1s";  // promtool: range / 250, at least 1
    action = [&](Terminal t) { return baro::cli::RunQuery(arguments.query, t); };
  };
  explain->callback([&, run] {
    run(!(arguments.query.start.empty() && arguments.query.end.empty() && arguments.query.step.empty()));
    action = [&](Terminal t) { return baro::cli::ExplainQuery(arguments.query, arguments.does_analyze, t); };
  });
  instant->callback([run] { run(false); });
  range->callback([run] { run(true); });
}

void DeclarePromql(CLI::App& app, Arguments& arguments, Action& action) {
  auto* const promql = app.add_subcommand("promql", "Works on expressions.");
  promql->require_subcommand(1);
  auto* const format = promql->add_subcommand("format", "Prints an expression in canonical form.");
  auto* const parse = promql->add_subcommand("parse", "Prints the syntax tree of an expression as JSON.");
  for (auto* const command : {format, parse}) command->add_option("query", arguments.text, "PromQL")->required();
  format->callback([&] { action = [&](Terminal t) { return baro::cli::FormatQuery(arguments.text, t); }; });
  parse->callback([&] { action = [&](Terminal t) { return baro::cli::ParseQuery(arguments.text, t); }; });
  auto* const matchers =
      promql->add_subcommand("label-matchers", "Changes the label matchers of all selectors of an expression.");
  matchers->require_subcommand(1);
  auto* const set = matchers->add_subcommand("set", "Gives all selectors a matcher, in place of those of that label.");
  auto* const remove = matchers->add_subcommand("delete", "Takes the matchers of a label away.");
  for (auto* const command : {set, remove}) {
    command->add_option("query", arguments.edit.query, "PromQL")->required();
    command->add_option("name", arguments.edit.name, "Of the label")->required();
  }
  set->add_option("value", arguments.edit.value, "What to match")->required();
  set->add_option("-t,--type", arguments.edit.op, "=, !=, =~ or !~")->capture_default_str();
  set->callback([&] { action = [&](Terminal t) { return baro::cli::SetLabelMatcher(arguments.edit, t); }; });
  remove->callback([&] { action = [&](Terminal t) { return baro::cli::DeleteLabelMatcher(arguments.edit, t); }; });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Tools for Barograph and Prometheus.", "barotool"};
  app.set_version_flag("--version", "barotool 0.1.0");
  app.require_subcommand(1);
  Arguments arguments;
  app.add_flag("--experimental", arguments.experimental, "Accepted without effect: all commands work without it.");
  Action action;
  DeclareCheck(app, arguments, action);
  DeclareRelabel(app, arguments, action);
  DeclarePlan(app, arguments, action);
  DeclareQuery(app, arguments, action);
  DeclarePromql(app, arguments, action);
  baro::cli::DeclareTsdb(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : baro::cli::kExitFailed;
  }
  return action({.in = std::cin, .out = std::cout, .err = std::cerr});
}
