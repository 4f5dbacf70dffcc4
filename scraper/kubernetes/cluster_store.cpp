#include "scraper/kubernetes/cluster_store.h"

#include <algorithm>

#include <fmt/format.h>

#include "net/http_message.h"
#include "scraper/target.h"

namespace baro::scraper {

struct ClusterStore::Resource {
  std::string_view role;  // whose selectors count; empty: none does
  std::string_view api;
  std::string_view plural;
  bool is_meta_only = false;
};

ClusterStore::ClusterStore(const DiscoveryRecord& record, const std::string& server_url,
                           std::vector<std::string> namespaces)
    : role_(record.Text("role")),
      selectors_(record.Get<std::vector<DiscoveryRecord>>("selectors")),
      server_url_(server_url) {
  const auto wants = [&](const char* what) { return record.Get<bool>(fmt::format("attach_metadata.{}", what)); };
  const bool has_pods = role_ == "pod" || role_ == "endpoints" || role_ == "endpointslice";
  ScopeTables shared;
  shared.attach = {.node = has_pods && wants("node"),
                   .name_space = role_ != "node" && wants("namespace"),
                   .deployment = has_pods && wants("deployment"),
                   .job = has_pods && wants("job"),
                   .cron_job = has_pods && wants("cronjob")};
  if (role_ == "node" || shared.attach.node) {
    const bool is_meta_only = role_ != "node";
    shared.nodes = Watch<NodeObject>({"node", "/api/v1", "nodes", is_meta_only}, "");
  }
  if (shared.attach.name_space) shared.namespaces = Watch<NamespaceObject>({"", "/api/v1", "namespaces", true}, "");
  if (role_ == "node" || namespaces.empty()) namespaces = {""};
  std::ranges::sort(namespaces);
  namespaces.erase(std::ranges::unique(namespaces).begin(), namespaces.end());
  for (const std::string& name_space : namespaces) AddScope(name_space, shared);
}

void ClusterStore::AddScope(const std::string& name_space, const ScopeTables& shared) {
  const std::size_t first_own = tables_.size();
  ScopeTables tables = shared;
  if (role_ == "service" || role_ == "endpoints" || role_ == "endpointslice") {
    tables.services = Watch<ServiceObject>({"service", "/api/v1", "services"}, name_space);
  }
  if (role_ == "pod" || role_ == "endpoints" || role_ == "endpointslice") {
    tables.pods = Watch<PodObject>({"pod", "/api/v1", "pods"}, name_space);
  }
  if (role_ == "endpoints")
    tables.endpoints = Watch<EndpointsObject>({"endpoints", "/api/v1", "endpoints"}, name_space);
  if (role_ == "endpointslice") {
    tables.slices =
        Watch<EndpointSliceObject>({"endpointslice", "/apis/discovery.k8s.io/v1", "endpointslices"}, name_space);
  }
  if (role_ == "ingress") {
    tables.ingresses = Watch<IngressObject>({"ingress", "/apis/networking.k8s.io/v1", "ingresses"}, name_space);
  }
  if (shared.attach.deployment) {
    tables.replica_sets = Watch<OwnedObject>({"", "/apis/apps/v1", "replicasets", true}, name_space);
  }
  if (shared.attach.cron_job) tables.jobs = Watch<OwnedObject>({"", "/apis/batch/v1", "jobs", true}, name_space);
  Scope scope{.tables = tables, .needed = {}};
  if (shared.nodes != nullptr) scope.needed.push_back(shared.nodes);
  if (shared.namespaces != nullptr) scope.needed.push_back(shared.namespaces);
  for (std::size_t i = first_own; i < tables_.size(); ++i) scope.needed.push_back(tables_[i].get());
  scopes_.push_back(std::move(scope));
}

template <typename Object>
const TableOf<Object>* ClusterStore::Watch(const Resource& resource, const std::string& name_space) {
  auto table = std::make_unique<TableOf<Object>>(budget_);
  const TableOf<Object>* const made = table.get();
  const std::string scope = name_space.empty() ? "" : fmt::format("/namespaces/{}", net::UrlEncode(name_space));
  Source source{.name = std::string(resource.plural), .query = {}, .table = table.get(), .role = resource.role};
  if (!name_space.empty()) source.name += fmt::format(" of the namespace {}", name_space);
  source.query = {.url = fmt::format("{}{}{}/{}", server_url_, resource.api, scope, resource.plural),
                  .selectors = SelectorsOf(resource.role),
                  .is_meta_only = resource.is_meta_only};
  source.query.spread = Fnv1a(source.query.url) % 1'000'003;
  sources_.push_back(std::move(source));
  tables_.push_back(std::move(table));
  return made;
}

std::string ClusterStore::SelectorsOf(std::string_view role) const {
  std::string query;
  for (const DiscoveryRecord& selector : selectors_) {
    if (role.empty() || selector.Text("role") != role) continue;
    const std::string& label = selector.Text("label");
    const std::string& field = selector.Text("field");
    if (!label.empty()) query += "&labelSelector=" + net::UrlEncode(label);
    if (!field.empty()) query += "&fieldSelector=" + net::UrlEncode(field);
  }
  return query;
}

bool ClusterStore::IsKnown(const Scope& scope) const {
  return std::ranges::all_of(scope.needed, [](const ObjectTable* table) { return table->is_listed(); });
}

bool ClusterStore::has_known_scope() const {
  return std::ranges::any_of(scopes_, [&](const Scope& scope) { return IsKnown(scope); });
}

base::Result<std::vector<TargetGroup>> ClusterStore::MakeGroups() const {
  struct Role {
    std::string_view name;
    void (*add)(const ScopeTables&, GroupList&);
  };
  static constexpr Role kRoles[] = {{"node", AddNodeGroups},
                                    {"pod", AddPodGroups},
                                    {"service", AddServiceGroups},
                                    {"endpoints", AddEndpointsGroups},
                                    {"endpointslice", AddEndpointSliceGroups},
                                    {"ingress", AddIngressGroups}};
  const auto* const role = std::ranges::find(kRoles, role_, &Role::name);
  BARO_ASSERT(role != std::end(kRoles));  // the configuration takes no others
  GroupList groups;
  for (const Scope& scope : scopes_) {
    if (IsKnown(scope)) role->add(scope.tables, groups);
  }
  return groups.Take();
}

}  // namespace baro::scraper
