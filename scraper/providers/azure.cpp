// Virtual machines of Azure, and those of its scale sets.
//
// A machine's address is one of its primary network interface, which is asked for by its id.
//
// Source   Azure Resource Manager: Compute 2023-09-01, Network 2023-05-01 (of scale sets 2018-10-01); Microsoft
// identity
//          platform, "OAuth 2.0 client credentials flow"; "How to use managed identities on an Azure VM" and "in App
//          Service"; Azure Identity, DefaultAzureCredential.
#include <algorithm>

#include <fmt/format.h>

#include "scraper/providers/azure_login.h"
#include "scraper/providers/bearer_token.h"
#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

using enum LabelShape;

bool InGroup(const ApiScope& scope) { return !scope.record.Text("resource_group").empty(); }
bool InSubscription(const ApiScope& scope) { return !InGroup(scope); }

base::Result<> Prepare(const ApiScope& scope, net::FetchRequest& request) {
  return AddBearerToken(scope, {kAzureFormToken, kAzureMachineToken}, request);
}

// --- ids -------------------------------------------------------------------------------------------------------------

/// The two parts of "/subscriptions/S/resourceGroups/G/providers/…/networkInterfaces/N" that matter.
struct ResourceId {
  std::string group;
  std::string name;
};

bool EqualsLower(std::string_view text, std::string_view lower) {
  return std::ranges::equal(
      text, lower, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b; });
}

ResourceId ParseId(const std::string& id, TargetList& list) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= id.size();) {
    const std::size_t end = std::min(id.find('/', at), id.size());
    parts.push_back(std::string_view(id).substr(at, end - at));
    at = end + 1;
  }
  const bool is_good = parts.size() > 8 && parts[0].empty() && EqualsLower(parts[1], "subscriptions") &&
                       EqualsLower(parts[3], "resourcegroups") && !parts[4].empty() && !parts.back().empty();
  if (!is_good) {
    list.Fail(fmt::format("not the id of a resource in a group: {:?}", id.substr(0, 200)));
    return {};
  }
  return {.group = std::string(parts[4]), .name = std::string(parts.back())};
}

// --- lists that calls are made for -----------------------------------------------------------------------------------

std::vector<Json> ScaleSets(const ApiScope& scope, TargetList& reader) {
  std::vector<Json> sets;
  for (const Json& set : scope.answers.Of("all_sets")) {
    sets.push_back({{"group", ParseId(reader.Text(set, "id"), reader).group}, {"name", reader.Text(set, "name")}});
  }
  return sets;
}

/// All machines, as {"set": name or "", "machine": as it was answered}.
std::vector<Json> Machines(const ApiScope& scope, TargetList& reader) {
  std::vector<Json> machines;
  for (const Json& machine : scope.answers.Of("all_machines")) machines.push_back({{"set", ""}, {"machine", machine}});
  const auto sets = scope.answers.Of("sets");
  for (const Json& item : scope.answers.Of("set_machines")) {
    const std::string name = reader.Text(sets[item["round"].get<std::size_t>()], "name");
    machines.push_back({{"set", name}, {"machine", item["value"]}});
  }
  return machines;
}

/// The ids of the interfaces of which one is the primary: all, unless the machine tells which.
std::vector<std::string> InterfaceIds(const Json& machine, TargetList& reader) {
  std::vector<std::string> ids;
  for (const Json& interface : ItemsAt(machine, "properties.networkProfile.networkInterfaces")) {
    std::string id = reader.Text(interface, "id");
    if (reader.Text(interface, "properties.primary") == "true") return {std::move(id)};
    ids.push_back(std::move(id));
  }
  return ids;
}

Json InterfaceCall(std::size_t index, const Json& entry, const std::string& id, TargetList& reader) {
  const ResourceId parts = ParseId(id, reader);
  const std::string set = reader.Text(entry, "set");
  std::string path = fmt::format("/resourceGroups/{}/providers/", net::UrlEncode(parts.group));
  if (set.empty()) {
    path += fmt::format("Microsoft.Network/networkInterfaces/{}?api-version=2023-05-01", net::UrlEncode(parts.name));
  } else {
    path += fmt::format(
        "Microsoft.Compute/virtualMachineScaleSets/{}/virtualMachines/{}/networkInterfaces/{}?api-version=2018-10-01",
        net::UrlEncode(set), net::UrlEncode(reader.Text(entry, "machine.instanceId")), net::UrlEncode(parts.name));
  }
  return {{"index", index}, {"path", path + "&$expand=IPConfigurations%2FPublicIPAddress"}};
}

std::vector<Json> InterfaceCalls(const ApiScope& scope, TargetList& reader) {
  std::vector<Json> calls;
  const auto machines = scope.answers.Of("machines");
  for (std::size_t i = 0; i < machines.size(); ++i) {
    for (const std::string& id : InterfaceIds(machines[i]["machine"], reader)) {
      calls.push_back(InterfaceCall(i, machines[i], id, reader));
    }
  }
  return calls;
}

base::Result<> PrepareInterface(const ApiScope& scope, net::FetchRequest& request) {
  request.url += (*scope.item)["path"].get_ref<const std::string&>();
  return Prepare(scope, request);
}

constexpr ApiCall List(std::string_view name, std::string_view path, bool (*is_wanted)(const ApiScope&)) {
  return {.name = name,
          .path = path,
          .items = "value",
          .paging = Paging::kLink,
          .next = "nextLink",
          .is_wanted = is_wanted,
          .prepare = Prepare,
          .base = AzureManagement};
}

constexpr ApiCall kCalls[] = {
    List("all_machines",
         "/subscriptions/{subscription_id}/providers/Microsoft.Compute/virtualMachines?api-version=2023-09-01",
         InSubscription),
    List("all_machines",
         "/subscriptions/{subscription_id}/resourceGroups/{resource_group}/providers/Microsoft.Compute/"
         "virtualMachines?api-version=2023-09-01",
         InGroup),
    List("all_sets",
         "/subscriptions/{subscription_id}/providers/Microsoft.Compute/virtualMachineScaleSets?api-version=2023-09-01",
         InSubscription),
    List("all_sets",
         "/subscriptions/{subscription_id}/resourceGroups/{resource_group}/providers/Microsoft.Compute/"
         "virtualMachineScaleSets?api-version=2023-09-01",
         InGroup),
    {.name = "sets", .derive = ScaleSets},
    {.name = "set_machines",
     .path = "/subscriptions/{subscription_id}/resourceGroups/{item.group}/providers/Microsoft.Compute/"
             "virtualMachineScaleSets/{item.name}/virtualMachines?api-version=2023-09-01",
     .items = "value",
     .for_each = "sets",
     .paging = Paging::kLink,
     .next = "nextLink",
     .tells_round = true,
     .prepare = Prepare,
     .base = AzureManagement},
    {.name = "machines", .derive = Machines},
    {.name = "interface_calls", .derive = InterfaceCalls},
    {.name = "interfaces",
     .path = "/subscriptions/{subscription_id}",
     .for_each = "interface_calls",
     .may_be_missing = true,
     .tells_round = true,
     .prepare = PrepareInterface,
     .base = AzureManagement}};

// --- targets ---------------------------------------------------------------------------------------------------------

constexpr LabelRow kMachineLabels[] = {{"__meta_azure_machine_computer_name", "properties.osProfile.computerName"},
                                       {"__meta_azure_machine_id", "id"},
                                       {"__meta_azure_machine_location", "location"},
                                       {"__meta_azure_machine_name", "name"},
                                       {"__meta_azure_machine_os_type", "properties.storageProfile.osDisk.osType"},
                                       {"__meta_azure_machine_size", "properties.hardwareProfile.vmSize"},
                                       {"__meta_azure_machine_tag_", "tags", kMap}};

class AzureMaker {
 public:
  AzureMaker(const ApiScope& scope, TargetList& list) : scope_(scope), list_(list) {
    const auto calls = scope.answers.Of("interface_calls");
    std::vector<const Json*> by_call(calls.size(), nullptr);
    for (const Json& item : scope.answers.Of("interfaces")) by_call[item["round"].get<std::size_t>()] = &item["value"];
    interfaces_.resize(scope.answers.Of("machines").size());
    for (std::size_t i = 0; i < calls.size(); ++i) {
      interfaces_[calls[i]["index"].get<std::size_t>()].push_back(by_call[i]);
    }
  }

  void Run() {
    const auto machines = scope_.answers.Of("machines");
    for (std::size_t i = 0; i < machines.size() && !list_.failed(); ++i) {
      if (const Json* const interface = Primary(interfaces_[i])) AddMachine(machines[i], *interface);
    }
  }

 private:
  /// Null: one is missing, or does not tell whether it is the primary: the machine is switched off.
  const Json* Primary(const std::vector<const Json*>& interfaces) {
    for (const Json* const interface : interfaces) {
      if (interface == nullptr) return nullptr;
      const Json* const properties = FindJson(*interface, "properties");
      if (properties == nullptr) continue;
      const std::string primary = list_.Text(*properties, "primary");
      if (primary.empty()) return nullptr;
      if (primary == "true") return properties;
    }
    return nullptr;
  }

  void AddMachine(const Json& entry, const Json& interface) {
    const auto configurations = ItemsAt(interface, "ipConfigurations");
    if (configurations.empty()) return;
    const Json& machine = entry["machine"];
    const Json& configuration = configurations[0];
    const std::string address = list_.Text(configuration, "properties.privateIPAddress");
    if (address.empty()) {
      return list_.Fail(fmt::format("machine {} has no private address", list_.Text(machine, "name")));
    }
    LabelMap labels{{"__meta_azure_machine_private_ip", address},
                    {"__meta_azure_machine_public_ip",
                     list_.Text(configuration, "properties.publicIPAddress.properties.ipAddress")},
                    {"__meta_azure_machine_resource_group", ParseId(list_.Text(machine, "id"), list_).group},
                    {"__meta_azure_machine_scale_set", list_.Text(entry, "set")},
                    {"__meta_azure_subscription_id", scope_.record.Text("subscription_id")},
                    {"__meta_azure_tenant_id", scope_.record.Text("tenant_id")}};
    list_.Apply(kMachineLabels, machine, labels);
    list_.Add(std::move(labels), address, scope_.Port());
  }

  const ApiScope& scope_;
  TargetList& list_;
  std::vector<std::vector<const Json*>> interfaces_;  // by machine; null for one that does not exist
};

void MakeAzure(const ApiScope& scope, TargetList& list) { AzureMaker(scope, list).Run(); }

// The base is each call's own, by the field `environment`.
constexpr ApiProvider kTable[] = {{.kind = "azure",
                                   .group = "azure",
                                   .base = "https://management.azure.com",
                                   .login = AzureLogin,
                                   .calls = kCalls,
                                   .targets = MakeAzure}};

}  // namespace

const std::span<const ApiProvider> kAzureProviders = kTable;

}  // namespace baro::scraper
