// `check service-discovery`: what a job's discoveries tell, and what relabelling makes of it.
//
// Source   promtool check service-discovery: its JSON.
#include <iostream>

#include "cli/commands.h"
#include "cli/discover.h"
#include "cli/job_file.h"
#include "cli/label_set.h"
#include "model/relabel.h"
#include "scraper/target.h"

namespace baro::cli {
namespace {

/// Labels are empty when relabelling drops the target; `error`: it makes none.
nlohmann::ordered_json TargetJson(const scraper::ScrapeJobOptions& job, const model::Relabeler& relabeler,
                                  const model::Labels& discovered) {
  nlohmann::ordered_json json = {{"discoveredLabels", LabelsJson(discovered)}};
  const auto made = scraper::MakeTarget(job, relabeler, discovered);
  const auto* const target = made ? std::get_if<scraper::Target>(&*made) : nullptr;
  json["labels"] = LabelsJson(target != nullptr ? target->labels : model::Labels());
  if (!made) json["error"] = made.error().message();
  return json;
}

base::Result<nlohmann::ordered_json> Check(const DiscoveryCheck& check, Terminal terminal) {
  const scraper::ScrapeJobOptions job = BARO_TRY(LoadJob(check.config_file, check.job));
  const model::Relabeler relabeler = BARO_TRY(model::Relabeler::Compile(job.relabel));
  const scraper::DiscoveredGroups discovered = BARO_TRY(Discover(job, check.timeout));
  WarnOfSilence(discovered, terminal);
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const model::Labels& set : LabelSetsOf(job, discovered)) all.push_back(TargetJson(job, relabeler, set));
  return all;
}

}  // namespace

int CheckDiscovery(const DiscoveryCheck& check, Terminal terminal) {
  const auto targets = Check(check, terminal);
  if (!targets) {
    terminal.err << "  FAILED: " << targets.error().message() << "\n";
    return kExitFailed;
  }
  terminal.out << targets->dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  return kExitGood;
}

}  // namespace baro::cli
