#include "scraper/discovery/consul_answer.h"

#include <algorithm>

#include <fmt/format.h>

#include "scraper/discovery/json_answer.h"
#include "scraper/discovery/target_list.h"

namespace baro::scraper {
namespace {

using enum LabelShape;
using base::Code;
using base::Fail;

constexpr LabelRow kInstanceLabels[] = {{"__meta_consul_address", "Node.Address"},
                                        {"__meta_consul_node", "Node.Node"},
                                        {"__meta_consul_namespace", "Service.Namespace"},
                                        {"__meta_consul_partition", "Service.Partition"},
                                        {"__meta_consul_service_address", "Service.Address"},
                                        {"__meta_consul_service_port", "Service.Port", kNumber},
                                        {"__meta_consul_service_id", "Service.ID"},
                                        {"__meta_consul_metadata_", "Node.Meta", kMap},
                                        {"__meta_consul_service_metadata_", "Service.Meta", kMap},
                                        {"__meta_consul_tagged_address_", "Node.TaggedAddresses", kMap}};

bool Contains(const std::vector<std::string>& list, std::string_view text) {
  return std::ranges::find(list, text) != list.end();
}

bool IsMaintenance(const std::string& check_id) {
  return check_id == "_node_maintenance" || check_id.starts_with("_service_maintenance:");
}

/// The worst of all checks; an instance without any passes.
std::string HealthOf(const Json& instance, TargetList& list) {
  constexpr std::string_view kWorstLast[] = {"passing", "warning", "critical", "maintenance"};
  std::size_t worst = 0;
  for (const Json& check : ItemsAt(instance, "Checks")) {
    const std::string status = IsMaintenance(list.Text(check, "CheckID")) ? "maintenance" : list.Text(check, "Status");
    const auto* const found = std::ranges::find(kWorstLast, status);
    if (found == std::end(kWorstLast)) return "";  // a state that nobody knows
    worst = std::max(worst, static_cast<std::size_t>(found - std::begin(kWorstLast)));
  }
  return std::string(kWorstLast[worst]);
}

std::string Join(const std::vector<std::string>& tags, const std::string& separator) {
  return tags.empty() ? separator + separator : JoinList(tags, separator);
}

}  // namespace

base::Result<std::vector<std::string>> ParseConsulServices(std::string_view text, const ConsulFilter& filter) {
  const Json document = BARO_TRY(ParseJsonAnswer(text));
  if (!document.is_object()) return Fail(Code::kInvalidArgument, "expected an object of services");
  TargetList reader;
  std::vector<std::string> names;
  for (const auto& [name, tags] : document.items()) {
    const auto has = reader.Texts(tags, "");
    if (!filter.services.empty() && !Contains(filter.services, name)) continue;
    if (std::ranges::all_of(filter.tags, [&](const std::string& tag) { return Contains(has, tag); })) {
      names.push_back(name);
    }
  }
  BARO_TRY(reader.Take(""));
  return names;
}

base::Result<TargetGroup> ParseConsulInstances(std::string_view text, const ConsulService& service) {
  const Json document = BARO_TRY(ParseJsonAnswer(text));
  if (!document.is_array()) return Fail(Code::kInvalidArgument, "expected a list of instances");
  TargetList list;
  for (const Json& instance : document) {
    LabelMap labels;
    list.Apply(kInstanceLabels, instance, labels);
    labels["__meta_consul_tags"] = Join(list.Texts(instance, "Service.Tags"), service.tag_separator);
    labels["__meta_consul_health"] = HealthOf(instance, list);
    const std::string own = list.Text(instance, "Service.Address");
    const std::string port = labels["__meta_consul_service_port"];
    list.Add(std::move(labels), own.empty() ? list.Text(instance, "Node.Address") : own, port);
  }
  std::vector<TargetGroup> groups = BARO_TRY(list.Take(service.name));
  groups[0].labels = {{"__meta_consul_service", service.name}, {"__meta_consul_dc", service.datacenter}};
  return std::move(groups[0]);
}

base::Result<std::string> ParseConsulDatacenter(std::string_view text) {
  const Json document = BARO_TRY(ParseJsonAnswer(text));
  const Json* const name = FindJson(document, "Config.Datacenter");
  if (name == nullptr || !name->is_string()) {
    return Fail(Code::kInvalidArgument, "the agent does not tell its datacenter (Config.Datacenter)");
  }
  return name->get<std::string>();
}

}  // namespace baro::scraper
