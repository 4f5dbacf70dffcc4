#include "cli/plan/plan.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/file_system.h"
#include "cli/discover.h"
#include "scraper/target.h"

namespace baro::cli {
namespace {

using TargetMap = std::map<std::pair<std::string, std::string>, ServedTarget>;

/// Jobs are compared one by one, under their names.
bool IsOfJobs(const config::FieldDifference& field) { return field.path.starts_with("scrape_config"); }

/// The job that a server shows, or a file in the same form: read alike, they can be compared.
base::Result<scraper::ScrapeJobOptions> JobOf(const std::string& yaml) {
  std::string text = "scrape_configs:\n";
  std::string_view indent = "  - ";
  for (std::size_t at = 0; at < yaml.size();) {
    const std::size_t end = std::min(yaml.find('\n', at), yaml.size());
    text += fmt::format("{}{}\n", indent, yaml.substr(at, end - at));
    indent = "    ";
    at = end + 1;
  }
  const auto no_environment = [](std::string_view) { return std::optional<std::string>(); };
  config::Config config =
      BARO_TRY(config::ParseConfig(text, "/job shown by the server", base::RealFileSystem(), no_environment));
  if (config.jobs.size() != 1) return base::Fail(base::Code::kUnavailable, "the server shows a job in an unknown form");
  return std::move(config.jobs.front());
}

TargetMap ByIdentity(std::vector<ServedTarget> targets) {
  TargetMap map;
  for (ServedTarget& target : targets) {
    auto key = std::pair(target.labels.ToString(), target.url);
    map.emplace(std::move(key), std::move(target));
  }
  return map;
}

/// The targets that the rules of `job` make of these sets; what makes none is noted.
std::vector<ServedTarget> Relabelled(const scraper::ScrapeJobOptions& job, const std::vector<model::Labels>& sets,
                                     std::vector<std::string>& notes) {
  const auto relabeler = model::Relabeler::Compile(job.relabel);
  if (!relabeler) return {};  // the file would not have been read
  std::vector<ServedTarget> targets;
  for (const model::Labels& set : sets) {
    auto made = scraper::MakeTarget(job, *relabeler, set);
    if (!made) {
      notes.push_back(made.error().message());
    } else if (auto* target = std::get_if<scraper::Target>(&*made)) {
      targets.push_back({target->labels, target->url});
    }
  }
  return targets;
}

/// A label set that the server discovered for `before`, as it would be for `after`: labels that the job itself gave it
/// are given anew.
model::Labels Rebased(const model::Labels& discovered, const scraper::ScrapeJobOptions& before,
                      const scraper::ScrapeJobOptions& after) {
  const model::Labels defaults = scraper::DiscoveredLabels(before, {}, {});
  std::map<std::string, std::string> own;
  for (const model::LabelView label : discovered) {
    if (defaults.Get(label.name) != label.value) own.emplace(label.name, label.value);
  }
  return scraper::DiscoveredLabels(after, {}, own);
}

/// Makes the plan of one job after the other.
///
/// Threads  Confined. Borrows the function.
class JobPlanner {
 public:
  explicit JobPlanner(const DiscoverFunction& discover) : discover_(discover) {}

  JobPlan Removed(const std::string& name, const ServedJob& served) const {
    return {.name = name, .change = JobChange::kRemoved, .removed = served.active};
  }

  JobPlan Added(const scraper::ScrapeJobOptions& job) const {
    JobPlan plan{.name = job.job_name, .change = JobChange::kAdded};
    for (auto& [key, target] : ByIdentity(Discovered(job, plan))) plan.added.push_back(std::move(target));
    return plan;
  }

  JobPlan Compared(const ServedJob& served, const scraper::ScrapeJobOptions& job) const {
    JobPlan plan{.name = job.job_name, .fields = config::DifferenceOf(served.yaml, job.shown_yaml)};
    const auto before = JobOf(served.yaml);
    const auto after = JobOf(job.shown_yaml);
    const bool can_compare = before.has_value() && after.has_value();
    const bool has_same_sources = can_compare && before->sources_fingerprint == after->sources_fingerprint;
    const bool has_same_settings = can_compare && before->fingerprint == after->fingerprint;
    plan.change = !has_same_settings  ? JobChange::kChanged
                  : !has_same_sources ? JobChange::kRetargeted
                                      : JobChange::kUnchanged;
    if (has_same_sources && !job.other_discoveries.empty()) {
      std::vector<model::Labels> sets;
      for (const model::Labels& set : served.discovered) sets.push_back(Rebased(set, *before, job));
      if (served.dropped_unknown > 0) {
        plan.notes.push_back(
            fmt::format("{} dropped targets are not listed by the server (keep_dropped_targets): "
                        "whether the new rules keep them is not known",
                        served.dropped_unknown));
      }
      CompareTargets(served, Relabelled(job, sets, plan.notes), plan);
    } else {
      CompareTargets(served, Discovered(job, plan), plan);
    }
    return plan;
  }

 private:
  std::vector<ServedTarget> Discovered(const scraper::ScrapeJobOptions& job, JobPlan& plan) const {
    const auto discovered = discover_(job);
    if (!discovered) {
      plan.notes.push_back(discovered.error().message());
      return {};
    }
    plan.notes = SilenceOf(discovered->providers);
    return Relabelled(job, LabelSetsOf(job, *discovered), plan.notes);
  }

  static void CompareTargets(const ServedJob& served, std::vector<ServedTarget> wanted, JobPlan& plan) {
    TargetMap before = ByIdentity(served.active);
    for (auto& [key, target] : ByIdentity(std::move(wanted))) {
      if (before.erase(key) > 0) {
        ++plan.staying;
      } else {
        plan.added.push_back(std::move(target));
      }
    }
    for (auto& [key, target] : before) plan.removed.push_back(std::move(target));
  }

  const DiscoverFunction& discover_;
};

}  // namespace

std::string_view JobChangeName(JobChange change) {
  constexpr std::string_view kNames[] = {"added", "changed", "retargeted", "removed", "unchanged"};
  return kNames[static_cast<std::size_t>(change)];
}

bool Plan::has_changes() const { return !fields.empty() || std::ranges::any_of(jobs, &JobPlan::has_news); }

Plan MakePlan(const ServerState& server, const config::Config& wanted, const DiscoverFunction& discover) {
  Plan plan;
  plan.fields = config::DifferenceOf(server.config_yaml, wanted.normal_yaml);
  std::erase_if(plan.fields, IsOfJobs);
  for (const config::Diagnostic& item : wanted.not_served) plan.refusals.push_back(item.ToString());

  const JobPlanner planner(discover);
  std::set<std::string_view> names;
  for (const scraper::ScrapeJobOptions& job : wanted.jobs) {
    names.insert(job.job_name);
    const auto served = server.jobs.find(job.job_name);
    plan.jobs.push_back(served == server.jobs.end() ? planner.Added(job) : planner.Compared(served->second, job));
  }
  for (const auto& [name, job] : server.jobs) {
    if (!names.contains(name)) plan.jobs.push_back(planner.Removed(name, job));
  }
  std::ranges::sort(plan.jobs, {}, &JobPlan::name);
  return plan;
}

}  // namespace baro::cli
