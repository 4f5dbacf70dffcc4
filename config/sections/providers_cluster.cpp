// Discoveries of what runs containers: Kubernetes, Docker, Marathon, Nomad, Kuma.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/sections/kubernetes_selector.h"
#include "config/sections/provider_table.h"

namespace baro::config {
namespace {

using enum FieldType;
using scraper::DiscoveryOptions;
using scraper::DiscoveryRecord;

// --- kubernetes ------------------------------------------------------------------------------------------------------

constexpr std::string_view kRoles[] = {"pod", "service", "endpoints", "endpointslice", "node", "ingress"};
constexpr ProviderField kNamespaceFields[] = {{"own_namespace", kBool, "", Need::kShown}, {"names", kTextList}};
constexpr ProviderField kSelectorFields[] = {
    {.name = "role", .type = kChoice, .need = Need::kFilled, .choices = kRoles}, {"label", kText}, {"field", kText}};
constexpr ProviderField kMetadataFields[] = {{"node", kBool, "", Need::kShown},
                                             {"namespace", kBool, "", Need::kShown},
                                             {"deployment", kBool, "", Need::kShown},
                                             {"job", kBool, "", Need::kShown},
                                             {"cronjob", kBool, "", Need::kShown}};
constexpr ProviderField kKubernetesFields[] = {
    {"api_server", kUrl},
    {.name = "role", .type = kChoice, .need = Need::kFilled, .choices = kRoles},
    {"kubeconfig_file", kPath, "", Need::kShown},
    {.name = "namespaces", .type = kRecord, .fields = kNamespaceFields},
    {.name = "selectors", .type = kRecordList, .fields = kSelectorFields},
    {.name = "attach_metadata", .type = kRecord, .fields = kMetadataFields}};

/// The objects that a role looks at, so that they can be selected.
std::vector<std::string_view> SelectableBy(std::string_view role) {
  if (role == "pod") return {"pod", "node"};
  if (role == "endpoints" || role == "endpointslice") return {"pod", "service", role};
  return {role};
}

void CheckSelectors(Mapping& mapping, const DiscoveryOptions& options) {
  const std::string& role = options.record.Text("role");
  std::vector<std::string> seen;
  for (const DiscoveryRecord& selector : options.record.Get<std::vector<DiscoveryRecord>>("selectors")) {
    const std::string& selected = selector.Text("role");
    if (selected.empty() || role.empty()) continue;  // told already
    const auto selectable = SelectableBy(role);
    if (std::ranges::find(selectable, selected) == selectable.end()) {
      mapping.Fail("selectors", fmt::format("role {} takes selectors of {} only, found \"{}\"", role,
                                            fmt::join(selectable, ", "), selected));
    }
    if (std::ranges::find(seen, selected) != seen.end()) {
      mapping.Fail("selectors", fmt::format("two selectors have the role \"{}\"", selected));
    }
    seen.push_back(selected);
    if (const auto label = CheckLabelSelector(selector.Text("label")); !label) {
      mapping.Fail("selectors", fmt::format("label \"{}\": {}", selector.Text("label"), label.error().message()));
    }
    if (const auto field = CheckFieldSelector(selector.Text("field")); !field) {
      mapping.Fail("selectors", fmt::format("field \"{}\": {}", selector.Text("field"), field.error().message()));
    }
  }
}

void CheckKubernetes(Mapping& mapping, const DiscoveryOptions& options) {
  const bool has_server = !options.record.Text("api_server").empty();
  const bool has_kubeconfig = !options.record.Text("kubeconfig_file").empty();
  const bool wants_own = options.record.Get<bool>("namespaces.own_namespace");
  const bool has_client = HasHttpClient(mapping, options.http);
  if (has_server && has_kubeconfig) mapping.Fail("kubeconfig_file", "give api_server or kubeconfig_file, not both");
  if (has_kubeconfig && has_client) {
    mapping.Fail("kubeconfig_file", "the file says how to reach the server: take the HTTP client's fields out");
  } else if (!has_server && has_client) {
    mapping.Fail("api_server", "the HTTP client's fields need api_server, a URL");
  }
  if (wants_own && (has_server || has_kubeconfig)) {
    mapping.Fail("namespaces", fmt::format("own_namespace is for a server inside the cluster, without {}",
                                           has_server ? "api_server" : "kubeconfig_file"));
  }
  CheckSelectors(mapping, options);
}

// --- docker, dockerswarm ---------------------------------------------------------------------------------------------

constexpr ProviderField kFilterFields[] = {{"name", kText}, {"values", kTextList}};
constexpr ProviderField kDockerFields[] = {{"host", kUrl, "", Need::kFilled},
                                           {"port", kInteger, "80", Need::kShown},
                                           {.name = "filters", .type = kRecordList, .fields = kFilterFields},
                                           {"host_networking_host", kText, "localhost", Need::kShown},
                                           {"refresh_interval", kDuration, "60s", Need::kShown},
                                           {"match_first_network", kBool, "true", Need::kShown}};

constexpr std::string_view kSwarmRoles[] = {"services", "tasks", "nodes"};
constexpr ProviderField kSwarmFields[] = {
    {"host", kUrl, "", Need::kFilled},
    {.name = "role", .type = kChoice, .need = Need::kFilled, .choices = kSwarmRoles},
    {"port", kInteger, "80", Need::kShown},
    {.name = "filters", .type = kRecordList, .fields = kFilterFields},
    {"refresh_interval", kDuration, "60s", Need::kShown}};

// --- marathon, nomad, kuma -------------------------------------------------------------------------------------------

constexpr ProviderField kMarathonFields[] = {
    {"servers", kTextList, "", Need::kFilled}, {"refresh_interval", kDuration, "30s"}, {"auth_token", kSecretOrFile}};

void CheckMarathon(Mapping& mapping, const DiscoveryOptions& options) {
  if (!options.record.Get<net::SecretSource>("auth_token").is_set()) return;
  if (options.http.basic_auth || options.http.authorization) {
    mapping.Fail(mapping.Has("auth_token") ? "auth_token" : "auth_token_file",
                 "give one of auth_token, auth_token_file, basic_auth, authorization and bearer_token");
  }
}

constexpr ProviderField kNomadFields[] = {{"allow_stale", kBool, "true", Need::kShown},
                                          {"namespace", kText, "default", Need::kShown},
                                          {"refresh_interval", kDuration, "60s", Need::kShown},
                                          {"region", kText, "global", Need::kShown},
                                          {"server", kText, "http://localhost:4646", Need::kFilled},
                                          {"tag_separator", kText, ","}};

constexpr ProviderField kKumaFields[] = {{"refresh_interval", kDuration, "15s"},
                                         {"fetch_timeout", kDuration, "2m"},
                                         {"server", kHostUrl, "", Need::kFilled},
                                         {"client_id", kText}};

constexpr Provider kTable[] = {{.kind = "docker", .fields = kDockerFields},
                               {.kind = "dockerswarm", .fields = kSwarmFields},
                               {.kind = "kubernetes", .fields = kKubernetesFields, .check = CheckKubernetes},
                               {.kind = "kuma", .fields = kKumaFields},
                               {.kind = "marathon", .fields = kMarathonFields, .check = CheckMarathon},
                               {.kind = "nomad", .fields = kNomadFields}};

}  // namespace

constinit const std::span<const Provider> kClusterProviders = kTable;

}  // namespace baro::config
