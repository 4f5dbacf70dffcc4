// `relabel`: what the rules of a job make of label sets, step by step.
#include <iostream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/commands.h"
#include "cli/discover.h"
#include "cli/job_file.h"
#include "cli/label_set.h"
#include "model/quote.h"
#include "scraper/target.h"

namespace baro::cli {
namespace {

/// The rule with what it has besides its defaults, as a line of the configuration.
std::string RuleText(const model::RelabelConfig& rule) {
  const model::RelabelConfig defaults;
  std::string text = fmt::format("{{action: {}", model::RelabelActionName(rule.action));
  if (!rule.source_labels.empty()) text += fmt::format(", source_labels: [{}]", fmt::join(rule.source_labels, ", "));
  if (rule.separator != defaults.separator) text += fmt::format(", separator: {}", model::Quoted(rule.separator));
  if (rule.regex != defaults.regex) text += fmt::format(", regex: {}", model::Quoted(rule.regex));
  if (rule.modulus != 0) text += fmt::format(", modulus: {}", rule.modulus);
  if (!rule.target_label.empty()) text += fmt::format(", target_label: {}", rule.target_label);
  if (rule.replacement != defaults.replacement)
    text += fmt::format(", replacement: {}", model::Quoted(rule.replacement));
  return text + "}";
}

void PrintChanges(const model::Labels& before, const model::Labels& after, std::ostream& out) {
  const auto changes = model::ChangesBetween(before, after);
  if (changes.empty()) out << "     no change\n";
  for (const model::LabelChange& change : changes) {
    if (change.after.empty()) {
      out << fmt::format("     - {}={}\n", change.name, model::Quoted(change.before));
    } else if (change.before.empty()) {
      out << fmt::format("     + {}={}\n", change.name, model::Quoted(change.after));
    } else {
      out << fmt::format("     ~ {}={}, was {}\n", change.name, model::Quoted(change.after),
                         model::Quoted(change.before));
    }
  }
}

/// Whether the rules keep the set.
bool PrintSteps(std::span<const model::RelabelConfig> rules, const model::Relabeler& relabeler,
                const model::Labels& input, std::ostream& out) {
  out << input.ToString() << "\n";
  model::Labels before = input;
  for (const model::RelabelStep& step : relabeler.Explain(input)) {
    out << fmt::format("  {:2} {}\n", step.rule_index + 1, RuleText(rules[step.rule_index]));
    if (!step.is_kept) {
      out << "     dropped\n";
      return false;
    }
    PrintChanges(before, step.labels, out);
    before = step.labels;
  }
  out << "  => " << before.ToString() << "\n";
  return true;
}

void PrintTarget(const scraper::ScrapeJobOptions& job, const model::Relabeler& relabeler,
                 const model::Labels& discovered, std::ostream& out) {
  const auto made = scraper::MakeTarget(job, relabeler, discovered);
  if (!made) {
    out << "     no target: " << made.error().message() << "\n";
  } else if (const auto* target = std::get_if<scraper::Target>(&*made)) {
    out << fmt::format("     target {} of {}\n", target->labels.ToString(), target->url);
  }
}

/// Of all targets that the job's discoveries tell.
base::Result<std::vector<model::Labels>> DiscoveredSets(const scraper::ScrapeJobOptions& job,
                                                        std::chrono::milliseconds timeout, Terminal terminal) {
  const scraper::DiscoveredGroups discovered = BARO_TRY(Discover(job, timeout));
  WarnOfSilence(discovered, terminal);
  return LabelSetsOf(job, discovered);
}

base::Result<std::vector<model::Labels>> InputSets(const RelabelRequest& request, const scraper::ScrapeJobOptions& job,
                                                   Terminal terminal) {
  if (request.labels.empty()) {
    if (request.of_metrics) {
      return base::Fail(base::Code::kInvalidArgument,
                        "name the labels of a series: __name__=up job=a, or one JSON object");
    }
    return DiscoveredSets(job, request.timeout, terminal);
  }
  const model::Labels labels = BARO_TRY(ParseLabelArguments(request.labels));
  if (request.of_metrics) return std::vector<model::Labels>{labels};
  // What is not named is as discovery would fill it in.
  std::map<std::string, std::string> target;
  for (const model::LabelView label : labels) target.emplace(label.name, label.value);
  return std::vector<model::Labels>{scraper::DiscoveredLabels(job, {}, target)};
}

base::Result<> Relabel(const RelabelRequest& request, Terminal terminal) {
  const scraper::ScrapeJobOptions job = BARO_TRY(LoadJob(request.config_file, request.job));
  const auto& rules = request.of_metrics ? job.metric_relabel : job.relabel;
  const model::Relabeler relabeler = BARO_TRY(model::Relabeler::Compile(rules));
  const std::vector<model::Labels> sets = BARO_TRY(InputSets(request, job, terminal));
  if (sets.empty()) {
    terminal.out << fmt::format("job \"{}\" has no targets; name labels, e.g. __address__=host:80\n", job.job_name);
  }
  for (const model::Labels& set : sets) {
    if (PrintSteps(rules, relabeler, set, terminal.out) && !request.of_metrics) {
      PrintTarget(job, relabeler, set, terminal.out);
    }
    terminal.out << "\n";
  }
  return {};
}

}  // namespace

int RelabelLabels(const RelabelRequest& request, Terminal terminal) {
  if (const auto done = Relabel(request, terminal); !done) {
    terminal.err << "relabel: " << done.error().message() << "\n";
    return kExitFailed;
  }
  return kExitGood;
}

}  // namespace baro::cli
