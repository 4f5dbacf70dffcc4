// Instances of Google Compute Engine.
//
// A token comes from the first place that has credentials: the file that GOOGLE_APPLICATION_CREDENTIALS names, the one
// that gcloud keeps in the home directory, the machine's own service of metadata. A file is a service account's key,
// with which an assertion is signed, or a user's, with which a token is refreshed.
//
// Source   Compute Engine API v1, instances.list; Google, "Application Default Credentials" and "Using OAuth 2.0 for
//          Server to Server Applications"; RFC 7523.
#include <fmt/format.h>

#include "net/jwt.h"
#include "scraper/discovery/json_answer.h"
#include "scraper/providers/bearer_token.h"
#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

using base::Code;
using base::Fail;
using enum LabelShape;

constexpr std::size_t kFileBytesMax = 1024 * 1024;
constexpr std::string_view kScope = "https://www.googleapis.com/auth/compute.readonly";
constexpr std::string_view kUsersTokenUrl = "https://oauth2.googleapis.com/token";
constexpr std::chrono::seconds kAssertionLife{3600};

/// A file of credentials that exists, or that a variable names; "" if there is none.
std::string KeyFile(const ApiScope& scope) {
  if (std::string path = scope.Variable("GOOGLE_APPLICATION_CREDENTIALS"); !path.empty()) return path;
  const std::string home = scope.Variable("HOME");
  if (home.empty()) return "";
  std::string path = fmt::format("{}/.config/gcloud/application_default_credentials.json", home);
  return base::ReadFile(scope.files, path, kFileBytesMax) ? path : "";
}

bool HasKeyFile(const ApiScope& scope) { return !KeyFile(scope).empty(); }
bool HasNoKeyFile(const ApiScope& scope) { return KeyFile(scope).empty(); }

/// A text of such a file.
base::Result<std::string> Field(const Json& key, std::string_view name) {
  const Json* const found = FindJson(key, name);
  if (found != nullptr && found->is_string() && !found->get_ref<const std::string&>().empty()) {
    return found->get<std::string>();
  }
  return Fail(Code::kInvalidArgument, fmt::format("the file of credentials has no \"{}\"", name));
}

base::Result<std::string> ServiceAssertion(const ApiScope& scope, const Json& key, const std::string& url) {
  const std::string email = BARO_TRY(Field(key, "client_email"));
  const std::string pem = BARO_TRY(Field(key, "private_key"));
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(scope.clock.Now().time_since_epoch());
  const Json claims = {
      {"iss", email}, {"scope", kScope}, {"aud", url}, {"iat", now.count()}, {"exp", (now + kAssertionLife).count()}};
  return net::SignJwt(claims.dump(-1, ' ', true, Json::error_handler_t::replace), pem, "RS256",
                      Field(key, "private_key_id").value_or(""));
}

base::Result<net::Params> ServiceForm(const ApiScope& scope, const Json& key, const std::string& url) {
  const std::string assertion = BARO_TRY(ServiceAssertion(scope, key, url));
  return net::Params{{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"}, {"assertion", assertion}};
}

base::Result<net::Params> UserForm(const Json& key) {
  net::Params form{{"grant_type", "refresh_token"}};
  for (const char* const name : {"client_id", "client_secret", "refresh_token"}) {
    std::string value = BARO_TRY(Field(key, name));
    form.Add(name, std::move(value));
  }
  return form;
}

/// The file's text is in no error: a parser's would quote it.
base::Result<Json> ReadKey(const ApiScope& scope, const std::string& path) {
  const std::string text = BARO_TRY(base::ReadFile(scope.files, path, kFileBytesMax));
  auto key = ParseJsonAnswer(text);
  if (!key || !key->is_object()) return Fail(Code::kInvalidArgument, fmt::format("not a JSON object: {}", path));
  return *std::move(key);
}

base::Result<> PrepareToken(const ApiScope& scope, net::FetchRequest& request) {
  const std::string path = KeyFile(scope);
  const Json key = BARO_TRY(ReadKey(scope, path));
  const std::string type = BARO_TRY(Field(key, "type"));
  if (type == "service_account") {
    request.url = BARO_TRY(Field(key, "token_uri"));
    request.body = net::EncodeQuery(BARO_TRY(ServiceForm(scope, key, request.url)));
  } else if (type == "authorized_user") {
    request.url = kUsersTokenUrl;
    request.body = net::EncodeQuery(BARO_TRY(UserForm(key)));
  } else {
    return Fail(Code::kUnsupported,
                fmt::format("credentials of type \"{}\": want service_account or authorized_user: {}", type, path));
  }
  request.headers.Set("Content-Type", "application/x-www-form-urlencoded");
  return {};
}

/// Also where an emulator, or a proxy in a container, takes the place of the machine's service.
base::Result<> PrepareMachineToken(const ApiScope& scope, net::FetchRequest& request) {
  const std::string host = scope.Variable("GCE_METADATA_HOST");
  request.url = fmt::format("http://{}/computeMetadata/v1/instance/service-accounts/default/token?scopes={}",
                            host.empty() ? "169.254.169.254" : host, net::UrlEncode(kScope));
  request.headers.Set("Metadata-Flavor", "Google");
  return {};
}

base::Result<> PrepareInstances(const ApiScope& scope, net::FetchRequest& request) {
  return AddBearerToken(scope, {"key_token", "machine_token"}, request);
}

constexpr ApiParameter kFilter[] = {{"filter", "{filter}"}};
constexpr ApiCall kCalls[] = {{.name = "key_token",
                               .path = "/",
                               .method = net::Method::kPost,
                               .is_secret = true,
                               .is_wanted = HasKeyFile,
                               .prepare = PrepareToken},
                              {.name = "machine_token",
                               .path = "/",
                               .route = Route::kMachine,
                               .is_secret = true,
                               .is_wanted = HasNoKeyFile,
                               .prepare = PrepareMachineToken},
                              {.name = "instances",
                               .path = "/compute/v1/projects/{project}/zones/{zone}/instances",
                               .parameters = kFilter,
                               .items = "items",
                               .paging = Paging::kCursor,
                               .next = "nextPageToken",
                               .parameter = "pageToken",
                               .prepare = PrepareInstances}};

constexpr LabelRow kInstanceLabels[] = {
    {"__meta_gce_instance_id", "id"},           {"__meta_gce_instance_name", "name"},
    {"__meta_gce_instance_status", "status"},   {"__meta_gce_label_", "labels", kMap},
    {"__meta_gce_machine_type", "machineType"}, {"__meta_gce_zone", "zone"}};
constexpr LabelRow kTagLabels[] = {{"__meta_gce_tags", "tags.items", kList}};
constexpr LabelRow kInterfaceLabels[] = {
    {"__meta_gce_network", "network"}, {"__meta_gce_private_ip", "networkIP"}, {"__meta_gce_subnetwork", "subnetwork"}};

/// The first way from outside to an interface, if it is an address of its own.
std::string PublicAddress(const Json& interface, TargetList& list) {
  const auto ways = ItemsAt(interface, "accessConfigs");
  if (ways.empty() || list.Text(ways[0], "type") != "ONE_TO_ONE_NAT") return "";
  return list.Text(ways[0], "natIP");
}

void AddInstance(const ApiScope& scope, const Json& instance, TargetList& list) {
  const auto interfaces = ItemsAt(instance, "networkInterfaces");
  if (interfaces.empty()) return;
  LabelMap labels{{"__meta_gce_project", scope.record.Text("project")},
                  {"__meta_gce_public_ip", PublicAddress(interfaces[0], list)}};
  list.Apply(kInstanceLabels, instance, labels);
  list.Apply(kTagLabels, instance, labels, scope.record.Text("tag_separator"));
  list.Apply(kInterfaceLabels, interfaces[0], labels);
  for (const Json& interface : interfaces) {
    labels["__meta_gce_interface_ipv4_" + CleanLabelName(list.Text(interface, "name"))] =
        list.Text(interface, "networkIP");
  }
  for (const Json& entry : ItemsAt(instance, "metadata.items")) {
    labels["__meta_gce_metadata_" + CleanLabelName(list.Text(entry, "key"))] = list.Text(entry, "value");
  }
  list.Add(std::move(labels), list.Text(interfaces[0], "networkIP"), scope.Port());
}

void MakeGce(const ApiScope& scope, TargetList& list) {
  for (const Json& instance : scope.answers.Of("instances")) AddInstance(scope, instance, list);
}

constexpr ApiProvider kTable[] = {{.kind = "gce",
                                   .group = "gce",
                                   .base = "https://compute.googleapis.com",
                                   .takes_environment_proxy = true,
                                   .calls = kCalls,
                                   .targets = MakeGce}};

}  // namespace

const std::span<const ApiProvider> kGceProviders = kTable;

}  // namespace baro::scraper
