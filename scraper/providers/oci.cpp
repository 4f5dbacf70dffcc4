// Instances of Oracle Cloud Infrastructure.
//
// Source   OCI APIs 20160918: Identity (compartments), Core Services (instances, VNIC attachments, VNICs); "Request
//          Signatures" (HTTP Signatures, draft-cavage-http-signatures-08).
#include <algorithm>
#include <map>
#include <set>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/number_text.h"
#include "net/signing.h"
#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

using enum LabelShape;

// --- where services are, and who asks --------------------------------------------------------------------------------

struct Realm {
  std::string_view domain;
  std::string_view regions[6];
};
// All others are in the commercial realm, oraclecloud.com.
constexpr Realm kRealms[] = {
    {"oraclegovcloud.com", {"us-langley-1", "us-luke-1", "us-gov-ashburn-1", "us-gov-chicago-1", "us-gov-phoenix-1"}},
    {"oraclegovcloud.uk", {"uk-gov-london-1", "uk-gov-cardiff-1"}},
    {"oraclecloud8.com", {"ap-chiyoda-1", "ap-ibaraki-1"}},
    {"oraclecloud9.com", {"me-dcc-muscat-1"}},
    {"oraclecloud10.com", {"ap-dcc-canberra-1"}},
    {"oraclecloud.eu", {"eu-frankfurt-2", "eu-madrid-2"}}};

std::string_view DomainOf(std::string_view region) {
  for (const Realm& realm : kRealms) {
    if (std::ranges::find(realm.regions, region) != std::end(realm.regions)) return realm.domain;
  }
  return "oraclecloud.com";
}

base::Result<ApiOrigin> Origin(const DiscoveryRecord& record) {
  if (record.Text("auth") != "api_key") {
    return base::Fail(base::Code::kUnsupported,
                      fmt::format("auth {} is not supported yet: api_key is", record.Text("auth")));
  }
  const std::string& region = record.Text("region");
  return ApiOrigin{.url = fmt::format("https://iaas.{}.{}", region, DomainOf(region)), .unix_socket = ""};
}

base::Result<std::string> IdentityBase(const ApiScope& scope) {
  const std::string& region = scope.record.Text("region");
  return fmt::format("https://identity.{}.oci.{}", region, DomainOf(region));
}

base::Result<> Sign(const ApiScope& scope, net::FetchRequest& request) {
  constexpr std::size_t kKeyBytesMax = 64 * 1024;
  const std::string key = BARO_TRY(base::ReadFile(scope.files, scope.record.Text("key_file"), kKeyBytesMax));
  const base::Secret passphrase(BARO_TRY(scope.Secret("key_passphrase")));
  const net::Url url = BARO_TRY(net::ParseUrl(request.url));
  const std::string date =
      fmt::format("{:%a, %d %b %Y %H:%M:%S GMT}", std::chrono::floor<std::chrono::seconds>(scope.clock.Now()));
  const std::string text =
      fmt::format("date: {}\n(request-target): get {}\nhost: {}", date, url.target, url.HostHeader());
  request.headers.Set("Date", date);
  request.headers.Set(
      "Authorization",
      fmt::format("Signature version=\"1\",keyId=\"{}/{}/{}\",algorithm=\"rsa-sha256\","
                  "headers=\"date (request-target) host\",signature=\"{}\"",
                  scope.record.Text("tenancy"), scope.record.Text("user"), scope.record.Text("fingerprint"),
                  BARO_TRY(net::SignRsaSha256(key, passphrase, text))));
  return {};
}

// --- calls -----------------------------------------------------------------------------------------------------------

const std::vector<std::string>& Given(const ApiScope& scope) {
  return scope.record.Get<std::vector<std::string>>("compartments");
}
bool ListsCompartments(const ApiScope& scope) { return Given(scope).empty(); }

std::vector<Json> Compartments(const ApiScope& scope, TargetList& reader) {
  std::vector<Json> compartments;
  for (const std::string& id : Given(scope)) compartments.push_back({{"id", id}});
  if (!compartments.empty()) return compartments;
  compartments.push_back({{"id", scope.record.Text("tenancy")}});  // the root
  for (const Json& compartment : scope.answers.Of("listed")) {
    if (reader.Text(compartment, "lifecycleState") != "ACTIVE") continue;
    if (const std::string id = reader.Text(compartment, "id"); !id.empty()) compartments.push_back({{"id", id}});
  }
  return compartments;
}

std::vector<Json> Attached(const ApiScope& scope, TargetList& reader) {
  std::set<std::string> instances;
  for (const Json& instance : scope.answers.Of("instances")) instances.insert(reader.Text(instance, "id"));
  std::vector<Json> attached;
  for (const Json& attachment : scope.answers.Of("attachments")) {
    const bool is_wanted = reader.Text(attachment, "lifecycleState") == "ATTACHED" &&
                           !reader.Text(attachment, "vnicId").empty() &&
                           instances.contains(reader.Text(attachment, "instanceId"));
    if (is_wanted) attached.push_back(attachment);
  }
  return attached;
}

constexpr ApiCall ByCompartment(std::string_view name, std::string_view path) {
  return {.name = name,
          .path = path,
          .for_each = "compartments",
          .paging = Paging::kHeader,
          .next = "opc-next-page",
          .parameter = "page",
          .prepare = Sign};
}

// A tenancy's compartments come in one list, and all attachments of a compartment: Prometheus makes a call for each
// compartment, and one for each instance.
constexpr ApiCall kCalls[] = {
    {.name = "listed",
     .path =
         "/20160918/compartments?compartmentId={tenancy}&accessLevel=ACCESSIBLE&compartmentIdInSubtree=true&limit=100",
     .paging = Paging::kHeader,
     .next = "opc-next-page",
     .parameter = "page",
     .is_wanted = ListsCompartments,
     .prepare = Sign,
     .base = IdentityBase},
    {.name = "compartments", .derive = Compartments},
    ByCompartment("instances", "/20160918/instances?compartmentId={item.id}&limit=100"),
    ByCompartment("attachments", "/20160918/vnicAttachments?compartmentId={item.id}&limit=100"),
    {.name = "attached", .derive = Attached},
    {.name = "vnics",
     .path = "/20160918/vnics/{item.vnicId}",
     .for_each = "attached",
     .may_be_missing = true,
     .tells_round = true,
     .prepare = Sign}};

// --- targets ---------------------------------------------------------------------------------------------------------

constexpr LabelRow kInstanceLabels[] = {{"__meta_oci_instance_id", "id"},
                                        {"__meta_oci_instance_name", "displayName"},
                                        {"__meta_oci_instance_state", "lifecycleState"},
                                        {"__meta_oci_instance_shape", "shape"},
                                        {"__meta_oci_availability_domain", "availabilityDomain"},
                                        {"__meta_oci_fault_domain", "faultDomain"},
                                        {"__meta_oci_region", "region"},
                                        {"__meta_oci_compartment_id", "compartmentId"},
                                        {"__meta_oci_image_id", "imageId"},
                                        {"__meta_oci_tag_", "freeformTags", kMap}};

constexpr LabelRow kVnicLabels[] = {{"__meta_oci_vnic_id", "id"},
                                    {"__meta_oci_private_ip", "privateIp"},
                                    {"__meta_oci_public_ip", "publicIp"},
                                    {"__meta_oci_hostname_label", "hostnameLabel"}};

/// Tags of namespaces have a type; what is no single value has no label.
void AddDefinedTags(const Json& instance, LabelMap& labels) {
  const Json* const namespaces = FindJson(instance, "definedTags");
  if (namespaces == nullptr || !namespaces->is_object()) return;
  for (const auto& [space, tags] : namespaces->items()) {
    if (!tags.is_object()) continue;
    for (const auto& [name, value] : tags.items()) {
      std::string text;
      if (value.is_string()) {
        text = value.get<std::string>();
      } else if (value.is_boolean()) {
        text = value.get<bool>() ? "true" : "false";
      } else if (value.is_number()) {
        base::AppendFloatF(text, value.get<double>());
      } else {
        continue;
      }
      labels[fmt::format("__meta_oci_defined_tag_{}_{}", CleanLabelName(space), CleanLabelName(name))] = text;
    }
  }
}

/// The primary card of each instance, by its id.
std::map<std::string, const Json*> PrimaryCards(const ApiScope& scope, TargetList& list) {
  const auto attached = scope.answers.Of("attached");
  std::map<std::string, const Json*> cards;
  for (const Json& answer : scope.answers.Of("vnics")) {
    const Json* const card = FindJson(answer, "value");
    const Json* const round = FindJson(answer, "round");
    if (card == nullptr || round == nullptr || !round->is_number_unsigned() ||
        round->get<std::size_t>() >= attached.size()) {
      list.Fail("nothing is told of a VNIC");
      break;
    }
    if (list.Text(*card, "isPrimary") != "true") continue;
    cards.try_emplace(list.Text(attached[round->get<std::size_t>()], "instanceId"), card);
  }
  return cards;
}

void AddInstance(const ApiScope& scope, const Json& instance, const Json& card, TargetList& list) {
  LabelMap labels{{"__meta_oci_tenancy_id", scope.record.Text("tenancy")}};
  list.Apply(kInstanceLabels, instance, labels);
  list.Apply(kVnicLabels, card, labels);
  AddDefinedTags(instance, labels);
  auto v6 = list.Texts(card, "ipv6Addresses");
  std::ranges::sort(v6);  // they come in any order
  labels["__meta_oci_ipv6_addresses"] = JoinList(v6);
  std::string address = list.Text(card, "privateIp");
  if (address.empty()) address = list.Text(card, "publicIp");
  if (address.empty() && !v6.empty()) address = v6[0];
  if (!address.empty()) list.Add(std::move(labels), address, scope.Port());
}

void MakeTargets(const ApiScope& scope, TargetList& list) {
  const auto cards = PrimaryCards(scope, list);
  for (const Json& instance : scope.answers.Of("instances")) {
    const std::string id = list.Text(instance, "id");
    const auto card = cards.find(id);
    if (!id.empty() && card != cards.end()) AddInstance(scope, instance, *card->second, list);
  }
}

constexpr ApiProvider kTable[] = {
    {.kind = "oci", .group = "OCI", .origin = Origin, .calls = kCalls, .targets = MakeTargets}};

}  // namespace

constinit const std::span<const ApiProvider> kOciProviders = kTable;

}  // namespace baro::scraper
