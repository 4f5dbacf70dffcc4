#include "cli/plan/server_state.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/fetch.h"
#include "net/http_message.h"

namespace baro::cli {
namespace {

using base::Code;
using base::Fail;
using nlohmann::json;

base::Result<json> Get(const std::string& server, const std::string& path) {
  const std::string url = fmt::format("{}/api/v1/{}", server, path);
  const auto answer = BARO_TRY(FetchOnce({.url = url}, std::chrono::seconds(30)));
  json body = json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
  if (answer.status == 200 && body.is_object() && body.contains("data")) return std::move(body["data"]);
  return Fail(Code::kUnavailable, fmt::format("{} answered {}: {:.200}", url, answer.status, answer.body));
}

model::Labels LabelsOf(const json& object) {
  model::LabelsBuilder builder;
  for (const auto& [name, value] : object.items()) builder.Set(name, value.get_ref<const std::string&>());
  return builder.Build();
}

void ReadTargets(const json& data, std::map<std::string, ServedJob>& jobs) {
  for (const json& target : data.at("activeTargets")) {
    ServedJob& job = jobs[target.at("scrapePool").get<std::string>()];
    job.active.push_back({LabelsOf(target.at("labels")), target.at("scrapeUrl").get<std::string>()});
    job.discovered.push_back(LabelsOf(target.at("discoveredLabels")));
  }
  std::map<std::string, std::size_t> listed;
  for (const json& target : data.at("droppedTargets")) {
    const auto pool = target.at("scrapePool").get<std::string>();
    jobs[pool].discovered.push_back(LabelsOf(target.at("discoveredLabels")));
    ++listed[pool];
  }
  for (const auto& [pool, count] : data.at("droppedTargetCounts").items()) {
    jobs[pool].dropped_unknown = count.get<std::size_t>() - std::min(count.get<std::size_t>(), listed[pool]);
  }
}

base::Result<ServerState> Read(const std::string& server) {
  ServerState state;
  state.config_yaml = BARO_TRY(Get(server, "status/config")).at("yaml").get<std::string>();
  const json flags = BARO_TRY(Get(server, "status/flags"));
  state.features = flags.value("enable-feature", "");
  const json pools = BARO_TRY(Get(server, "scrape_pools"));
  for (const json& name : pools.at("scrapePools")) {
    const std::string path = "scrape_pools/config?" + net::EncodeQuery({{"scrapePool", name.get<std::string>()}});
    state.jobs[name.get<std::string>()].yaml = BARO_TRY(Get(server, path)).at("yaml").get<std::string>();
  }
  ReadTargets(BARO_TRY(Get(server, "targets?state=any")), state.jobs);
  return state;
}

}  // namespace

bool HasFeature(const ServerState& server, std::string_view feature) {
  // Separated by commas within a flag, and by a blank or so from those of the next one.
  const auto is_of_name = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  std::string name;
  for (const char c : server.features + ",") {
    if (is_of_name(c)) {
      name += c;
    } else if (std::exchange(name, "") == feature) {
      return true;
    }
  }
  return false;
}

base::Result<ServerState> ReadServerState(const std::string& url) {
  const std::string server = ServerUrl(url);
  try {
    return Read(server);
  } catch (const json::exception& error) {
    return Fail(Code::kUnavailable,
                fmt::format("{}: its API answers otherwise than expected: {}", server, error.what()));
  }
}

}  // namespace baro::cli
