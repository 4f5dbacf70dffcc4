// Discoveries of hosting companies and their interfaces.
#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "config/sections/provider_table.h"

namespace baro::config {
namespace {

using enum FieldType;
using scraper::DiscoveryOptions;

constexpr ProviderField kPort = {"port", kInteger, "80", Need::kShown};
constexpr ProviderField kRefresh = {"refresh_interval", kDuration, "60s", Need::kShown};

// --- azure -----------------------------------------------------------------------------------------------------------

constexpr std::string_view kAzureMethods[] = {"OAuth", "ManagedIdentity", "SDK", "WorkloadIdentity"};
constexpr ProviderField kAzureFields[] = {
    {"environment", kText, "AzurePublicCloud"},
    kPort,
    {"subscription_id", kText, "", Need::kFilled},
    {"tenant_id", kText},
    {"client_id", kText},
    {"client_secret", kSecret},
    {"refresh_interval", kDuration, "5m"},
    {.name = "authentication_method", .type = kChoice, .standard = "OAuth", .choices = kAzureMethods},
    {"resource_group", kText}};

void CheckAzure(Mapping& mapping, const DiscoveryOptions& options) {
  if (options.record.Text("authentication_method") != "OAuth") return;
  for (const std::string_view field : {"tenant_id", "client_id"}) {
    if (options.record.Text(field).empty()) {
      mapping.Fail(field, fmt::format("authentication_method OAuth needs the field \"{}\"", field));
    }
  }
  if (!options.record.Get<net::SecretSource>("client_secret").is_set()) {
    mapping.Fail("client_secret", "authentication_method OAuth needs the field \"client_secret\"");
  }
}

// --- oci -------------------------------------------------------------------------------------------------------------

constexpr std::string_view kOciMethods[] = {"api_key", "instance_principal"};
constexpr ProviderField kOciFields[] = {
    {.name = "auth", .type = kChoice, .standard = "api_key", .choices = kOciMethods},
    {"tenancy", kText},
    {"user", kText},
    {"fingerprint", kText},
    {"key_file", kPath},
    {"key_passphrase", kSecretOrFile},
    {"region", kText, "", Need::kFilled},
    {"compartments", kTextList},
    kPort,
    {"refresh_interval", kDuration, "60s", Need::kFilled}};

void CheckOci(Mapping& mapping, const DiscoveryOptions& options) {
  const bool by_key = options.record.Text("auth") == "api_key";
  for (const std::string_view field : {"tenancy", "user", "fingerprint", "key_file"}) {
    const bool is_there = !options.record.Text(field).empty();
    if (by_key && !is_there) mapping.Fail(field, fmt::format("auth api_key needs the field \"{}\"", field));
    if (!by_key && is_there) mapping.Fail(field, "auth instance_principal does not take this field");
  }
  if (!by_key && options.record.Get<net::SecretSource>("key_passphrase").is_set()) {
    mapping.Fail("key_passphrase", "auth instance_principal does not take this field");
  }
  for (const std::string& compartment : options.record.Get<std::vector<std::string>>("compartments")) {
    if (compartment.empty()) mapping.Fail("compartments", "the name of a compartment is empty");
  }
}

// --- scaleway --------------------------------------------------------------------------------------------------------

constexpr std::string_view kScalewayRoles[] = {"instance", "baremetal"};
constexpr ProviderField kScalewayFields[] = {
    {"project_id", kText, "", Need::kFilled},
    {"api_url", kUrl, "https://api.scaleway.com"},
    {"zone", kText, "fr-par-1", Need::kShown},
    {"access_key", kText, "", Need::kFilled},
    {"secret_key", kSecretOrFile, "", Need::kFilled},
    {"name_filter", kText},
    {"tags_filter", kTextList},
    kRefresh,
    kPort,
    {.name = "role", .type = kChoice, .need = Need::kFilled, .choices = kScalewayRoles}};

bool IsUuid(const std::string& text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    if (is_hyphen ? text[i] != '-' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0) return false;
  }
  return true;
}

// The forms that Scaleway gives its keys: their client refuses others before it asks anybody.
void CheckScaleway(Mapping& mapping, const DiscoveryOptions& options) {
  const std::string& access_key = options.record.Text("access_key");
  const bool is_good =
      access_key.size() == 20 && access_key.starts_with("SCW") &&
      std::ranges::all_of(access_key, [](unsigned char c) { return std::isdigit(c) != 0 || std::isupper(c) != 0; });
  if (!access_key.empty() && !is_good) {
    mapping.Fail("access_key", "expected SCW and 17 upper case letters and digits");
  }
  const std::string& project = options.record.Text("project_id");
  if (!project.empty() && !IsUuid(project)) {
    mapping.Fail("project_id", fmt::format("expected a UUID, found \"{}\"", project));
  }
  const auto& secret = options.record.Get<net::SecretSource>("secret_key").value;
  if (!secret.empty() && !IsUuid(secret.Reveal())) mapping.Fail("secret_key", "expected a UUID");
}

// --- the rest --------------------------------------------------------------------------------------------------------

constexpr std::string_view kDigitaloceanRoles[] = {"droplets", "databases"};
constexpr ProviderField kDigitaloceanFields[] = {
    kRefresh, kPort, {.name = "role", .type = kChoice, .standard = "droplets", .choices = kDigitaloceanRoles}};

constexpr ProviderField kGceFields[] = {{"project", kText, "", Need::kFilled},
                                        {"zone", kText, "", Need::kFilled},
                                        {"filter", kText},
                                        {"refresh_interval", kDuration, "60s"},
                                        kPort,
                                        {"tag_separator", kText, ","}};

constexpr std::string_view kHetznerRoles[] = {"robot", "hcloud"};
constexpr ProviderField kHetznerFields[] = {
    kRefresh,
    kPort,
    {.name = "role", .type = kChoice, .need = Need::kFilled, .choices = kHetznerRoles},
    {"label_selector", kText}};

constexpr ProviderField kIonosFields[] = {{"datacenter_id", kText, "", Need::kFilled}, kRefresh, kPort};

constexpr ProviderField kLinodeFields[] = {kRefresh, kPort, {"tag_separator", kText, ","}, {"region", kText}};

constexpr std::string_view kOpenstackRoles[] = {"hypervisor", "instance", "loadbalancer"};
constexpr std::string_view kOpenstackAvailabilities[] = {"public", "internal", "admin"};
constexpr ProviderField kOpenstackFields[] = {
    {"identity_endpoint", kText, "", Need::kShown},
    {"username", kText, "", Need::kShown},
    {"userid", kText, "", Need::kShown},
    {"password", kSecret},
    {"project_name", kText, "", Need::kShown},
    {"project_id", kText, "", Need::kShown},
    {"domain_name", kText, "", Need::kShown},
    {"domain_id", kText, "", Need::kShown},
    {"application_credential_name", kText, "", Need::kShown},
    {"application_credential_id", kText, "", Need::kShown},
    {"application_credential_secret", kSecret},
    {.name = "role", .type = kChoice, .need = Need::kFilled, .choices = kOpenstackRoles},
    {"region", kText, "", Need::kFilled},
    kRefresh,
    kPort,
    {"all_tenants", kBool},
    {.name = "availability", .type = kChoice, .standard = "public", .choices = kOpenstackAvailabilities}};

constexpr ProviderField kOutscaleFields[] = {{"endpoint", kText},
                                             {"region", kText, "eu-west-2", Need::kFilled},
                                             {"access_key", kText, "", Need::kFilled},
                                             {"secret_key", kSecretOrFile, "", Need::kFilled},
                                             {"refresh_interval", kDuration, "60s"},
                                             kPort};

constexpr std::string_view kOvhcloudServices[] = {"dedicated_server", "vps"};
constexpr ProviderField kOvhcloudFields[] = {
    {"endpoint", kText, "ovh-eu", Need::kFilled},
    {"application_key", kText, "", Need::kFilled},
    {"application_secret", kSecret, "", Need::kFilled},
    {"consumer_key", kSecret, "", Need::kFilled},
    kRefresh,
    {.name = "service", .type = kChoice, .need = Need::kFilled, .choices = kOvhcloudServices}};

constexpr ProviderField kStackitFields[] = {{"project", kText, "", Need::kShown},
                                            {"refresh_interval", kDuration, "60s"},
                                            {"port", kInteger, "80"},
                                            {"region", kText, "eu01"},
                                            {"endpoint", kUrl},
                                            {"service_account_key", kSecret},
                                            {"private_key", kSecret},
                                            {"service_account_key_path", kText},
                                            {"private_key_path", kText},
                                            {"credentials_file_path", kText}};

void CheckStackit(Mapping& mapping, const DiscoveryOptions& options) {
  if (options.record.Text("endpoint").empty() && options.record.Text("region").empty()) {
    mapping.Fail("region", "give a region or an endpoint");
  }
}

constexpr std::string_view kTritonRoles[] = {"container", "cn"};
constexpr ProviderField kTritonFields[] = {
    {"account", kText, "", Need::kFilled},
    {.name = "role", .type = kChoice, .standard = "container", .choices = kTritonRoles},
    {"dns_suffix", kText, "", Need::kFilled},
    {"endpoint", kText, "", Need::kFilled},
    {"groups", kTextList},
    {"port", kInteger, "9163", Need::kShown},
    {"refresh_interval", kDuration, "60s", Need::kFilled},
    {"version", kInteger, "1", Need::kShown}};

constexpr ProviderField kVultrFields[] = {kRefresh, kPort};

constexpr Provider kTable[] = {
    {.kind = "azure", .fields = kAzureFields, .check = CheckAzure},
    {.kind = "digitalocean", .fields = kDigitaloceanFields},
    {.kind = "gce", .http = ProviderHttp::kNone, .fields = kGceFields},
    {.kind = "hetzner", .fields = kHetznerFields},
    {.kind = "ionos", .fields = kIonosFields},
    {.kind = "linode", .fields = kLinodeFields},
    {.kind = "oci", .fields = kOciFields, .check = CheckOci},
    {.kind = "openstack", .http = ProviderHttp::kTls, .fields = kOpenstackFields},
    {.kind = "outscale", .fields = kOutscaleFields},
    {.kind = "ovhcloud", .http = ProviderHttp::kNone, .fields = kOvhcloudFields},
    {.kind = "scaleway", .fields = kScalewayFields, .check = CheckScaleway},
    {.kind = "stackit", .fields = kStackitFields, .check = CheckStackit},
    {.kind = "triton", .http = ProviderHttp::kTls, .fields = kTritonFields},
    {.kind = "vultr", .fields = kVultrFields},
};

}  // namespace

constinit const std::span<const Provider> kCloudProviders = kTable;

}  // namespace baro::config
