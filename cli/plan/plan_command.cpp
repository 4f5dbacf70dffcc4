// `plan`: what a configuration file would change on a running server, as text or JSON.
#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/file_system.h"
#include "cli/commands.h"
#include "cli/discover.h"
#include "cli/job_file.h"
#include "cli/label_set.h"
#include "cli/plan/plan.h"

namespace baro::cli {
namespace {

void PrintFields(const std::vector<config::FieldDifference>& fields, std::string_view indent, std::ostream& out) {
  for (const config::FieldDifference& field : fields) {
    if (field.before.empty()) {
      out << fmt::format("{}+ {}: {}\n", indent, field.path, field.after);
    } else if (field.after.empty()) {
      out << fmt::format("{}- {}: {}\n", indent, field.path, field.before);
    } else {
      out << fmt::format("{}~ {}: {} -> {}\n", indent, field.path, field.before, field.after);
    }
  }
}

/// At most `max` of them, and how many more there are.
void PrintTargets(const std::vector<ServedTarget>& targets, char sign, std::size_t max, std::ostream& out) {
  for (std::size_t i = 0; i < std::min(max, targets.size()); ++i) {
    out << fmt::format("      {} {} {}\n", sign, targets[i].labels.ToString(), targets[i].url);
  }
  if (targets.size() > max) out << fmt::format("      {} and {} more\n", sign, targets.size() - max);
}

char SignOf(JobChange change) {
  switch (change) {
    case JobChange::kAdded:
      return '+';
    case JobChange::kRemoved:
      return '-';
    case JobChange::kChanged:
    case JobChange::kRetargeted:
    case JobChange::kUnchanged:
      break;
  }
  return '~';
}

void PrintJob(const JobPlan& job, std::size_t targets_max, std::ostream& out) {
  if (!job.has_news() && job.notes.empty()) return;
  out << fmt::format("  {} job \"{}\" ({}): {} targets more, {} less, {} stay\n",
                     job.has_news() ? SignOf(job.change) : ' ', job.name, JobChangeName(job.change), job.added.size(),
                     job.removed.size(), job.staying);
  PrintFields(job.fields, "      ", out);
  PrintTargets(job.added, '+', targets_max, out);
  PrintTargets(job.removed, '-', targets_max, out);
  for (const std::string& note : job.notes) out << fmt::format("      not known: {}\n", note);
}

void PrintText(const Plan& plan, std::size_t targets_max, std::ostream& out) {
  for (const std::string& refusal : plan.refusals) out << fmt::format("  REFUSED: {}\n", refusal);
  PrintFields(plan.fields, "  ", out);
  std::size_t unchanged = 0;
  for (const JobPlan& job : plan.jobs) {
    PrintJob(job, targets_max, out);
    if (job.change == JobChange::kUnchanged) ++unchanged;
  }
  if (!plan.has_changes()) out << "  no changes\n";
  out << fmt::format(
      "  {} of {} jobs keep their settings; secrets are not compared, for the server does not show them\n", unchanged,
      plan.jobs.size());
}

nlohmann::ordered_json FieldsJson(const std::vector<config::FieldDifference>& fields) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& field : fields)
    list.push_back({{"path", field.path}, {"before", field.before}, {"after", field.after}});
  return list;
}

nlohmann::ordered_json TargetsJson(const std::vector<ServedTarget>& targets) {
  auto list = nlohmann::ordered_json::array();
  for (const ServedTarget& target : targets) {
    list.push_back({{"labels", LabelsJson(target.labels)}, {"scrapeUrl", target.url}});
  }
  return list;
}

nlohmann::ordered_json PlanJson(const Plan& plan) {
  auto jobs = nlohmann::ordered_json::array();
  for (const JobPlan& job : plan.jobs) {
    jobs.push_back({{"name", job.name},
                    {"change", JobChangeName(job.change)},
                    {"fields", FieldsJson(job.fields)},
                    {"targetsAdded", TargetsJson(job.added)},
                    {"targetsRemoved", TargetsJson(job.removed)},
                    {"targetsStaying", job.staying},
                    {"notKnown", job.notes}});
  }
  return {{"refused", plan.refusals}, {"fields", FieldsJson(plan.fields)}, {"jobs", std::move(jobs)}};
}

base::Result<Plan> Make(const PlanRequest& request) {
  const ServerState server = BARO_TRY(ReadServerState(request.url));
  const config::ReadOptions options{.stores_starts = HasFeature(server, "st-storage"),
                                    .writes_zeros_at_starts = HasFeature(server, "created-timestamp-zero-ingestion")};
  const config::Config wanted =
      BARO_TRY(config::LoadConfig(request.config_file, base::RealFileSystem(), OwnEnvironment, options));
  return MakePlan(server, wanted, [&](const scraper::ScrapeJobOptions& job) { return Discover(job, request.timeout); });
}

}  // namespace

int PlanConfig(const PlanRequest& request, Terminal terminal) {
  const auto plan = Make(request);
  if (!plan) {
    terminal.err << "plan: " << plan.error().message() << "\n";
    return kExitFailed;
  }
  if (request.as_json) {
    terminal.out << PlanJson(*plan).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  } else {
    terminal.out << fmt::format("What {} would change on {}:\n", request.config_file, request.url);
    PrintText(*plan, request.targets_max, terminal.out);
  }
  return plan->refusals.empty() ? kExitGood : kExitFailed;
}

}  // namespace baro::cli
