// Servers of STACKIT.
//
// Source   STACKIT IaaS API 1; "Service account keys": a signed assertion is exchanged for a token (RFC 7523).
#include <fmt/format.h>

#include "net/jwt.h"
#include "net/signing.h"
#include "scraper/discovery/json_answer.h"
#include "scraper/providers/bearer_token.h"
#include "scraper/providers/providers.h"

namespace baro::scraper {
namespace {

using enum LabelShape;

constexpr std::size_t kFileBytesMax = 1024 * 1024;

base::Result<ApiOrigin> Origin(const DiscoveryRecord& record) {
  const std::string& endpoint = record.Text("endpoint");
  if (!endpoint.empty()) return ApiOrigin{.url = endpoint, .unix_socket = ""};
  return ApiOrigin{.url = fmt::format("https://iaas.api.{}.stackit.cloud", record.Text("region")), .unix_socket = ""};
}

// --- the token -------------------------------------------------------------------------------------------------------

/// Without a key the requests have what the HTTP client's options say.
bool HasKey(const ApiScope& scope) {
  return scope.record.Get<net::SecretSource>("service_account_key").is_set() ||
         !scope.record.Text("service_account_key_path").empty();
}

/// A text from a field, or from the file that another one names.
base::Result<std::string> TextOrFile(const ApiScope& scope, std::string_view field, const std::string& path) {
  if (scope.record.Get<net::SecretSource>(field).is_set()) return scope.Secret(field);
  return base::ReadFile(scope.files, path, kFileBytesMax);
}

/// Where the private key is: the field, the environment, or the file of credentials.
base::Result<std::string> PrivateKeyPath(const ApiScope& scope) {
  if (const std::string& path = scope.record.Text("private_key_path"); !path.empty()) return path;
  constexpr const char* kName = "STACKIT_PRIVATE_KEY_PATH";
  const auto variable = [&](const char* name) { return scope.environment ? scope.environment(name) : std::string(); };
  if (std::string path = variable(kName); !path.empty()) return path;
  std::string credentials = scope.record.Text("credentials_file_path");
  if (credentials.empty()) credentials = variable("STACKIT_CREDENTIALS_PATH");
  if (credentials.empty()) credentials = variable("HOME") + "/.stackit/credentials.json";
  const std::string text = BARO_TRY(base::ReadFile(scope.files, credentials, kFileBytesMax));
  const Json document = BARO_TRY(ParseJsonAnswer(text));
  TargetList reader;
  std::string path = reader.Text(document, kName);
  if (path.empty()) return base::Fail(base::Code::kNotFound, fmt::format("{} has no {}", credentials, kName));
  return path;
}

/// The private key that is given, or else the one in the service account's key.
base::Result<std::string> PrivateKey(const ApiScope& scope, const std::string& included) {
  auto given = [&]() -> base::Result<std::string> {
    if (scope.record.Get<net::SecretSource>("private_key").is_set()) return scope.Secret("private_key");
    const std::string path = BARO_TRY(PrivateKeyPath(scope));
    return base::ReadFile(scope.files, path, kFileBytesMax);
  }();
  if (given || included.empty()) return given;
  return included;
}

/// Not twice the same within a millisecond.
std::string AssertionId(const std::string& issuer, std::int64_t now_ms) {
  const std::string hash = net::Sha1Hex(fmt::format("{} {}", issuer, now_ms));
  return fmt::format("{}-{}-{}-{}-{}", hash.substr(0, 8), hash.substr(8, 4), hash.substr(12, 4), hash.substr(16, 4),
                     hash.substr(20, 12));
}

base::Result<std::string> TokenUrl(const ApiScope& scope) {
  const std::string url = scope.environment ? scope.environment("STACKIT_TOKEN_BASEURL") : std::string();
  return url.empty() ? "https://service-account.api.stackit.cloud/token" : url;
}

base::Result<> AskForToken(const ApiScope& scope, net::FetchRequest& request) {
  constexpr std::int64_t kLifeSeconds = 600;
  const std::string text =
      BARO_TRY(TextOrFile(scope, "service_account_key", scope.record.Text("service_account_key_path")));
  auto key = ParseJsonAnswer(text);
  if (!key) return std::unexpected(key.error().WithContext("service account key"));
  TargetList reader;
  const auto field = [&](const char* name) { return reader.Text(*key, fmt::format("credentials.{}", name)); };
  const std::string issuer = field("iss");
  const std::int64_t now_ms = base::ToMs(scope.clock.Now());
  const Json claims = {{"iss", issuer},       {"sub", field("sub")},  {"jti", AssertionId(issuer, now_ms)},
                       {"aud", field("aud")}, {"iat", now_ms / 1000}, {"exp", now_ms / 1000 + kLifeSeconds}};
  const std::string pem = BARO_TRY(PrivateKey(scope, field("privateKey")));
  const std::string key_id = field("kid");
  BARO_TRY(reader.Take(""));
  const std::string assertion =
      BARO_TRY(net::SignJwt(claims.dump(-1, ' ', false, Json::error_handler_t::replace), pem, "RS512", key_id));
  request.body = fmt::format("grant_type={}&assertion={}",
                             net::UrlEncode("urn:ietf:params:oauth:grant-type:jwt-bearer"), net::UrlEncode(assertion));
  request.headers.Set("Content-Type", "application/x-www-form-urlencoded");
  return {};
}

base::Result<> AddToken(const ApiScope& scope, net::FetchRequest& request) {
  if (!HasKey(scope)) return {};
  return AddBearerToken(scope, {"token"}, request);
}

constexpr ApiCall kCalls[] = {
    {.name = "token",
     .path = "",
     .method = net::Method::kPost,
     .route = Route::kLogin,
     .is_secret = true,
     .is_wanted = HasKey,
     .prepare = AskForToken,
     .base = TokenUrl},
    {.name = "servers", .path = "/v1/projects/{project}/servers?details=true", .items = "items", .prepare = AddToken}};

// --- targets ---------------------------------------------------------------------------------------------------------

constexpr LabelRow kLabels[] = {{"__meta_stackit_id", "id"},
                                {"__meta_stackit_name", "name"},
                                {"__meta_stackit_status", "status"},
                                {"__meta_stackit_availability_zone", "availabilityZone"},
                                {"__meta_stackit_type", "machineType"},
                                {"__meta_stackit_power_status", "powerStatus"}};

/// Adds the addresses of a server's network cards; returns the one to ask: the first public one, else the first.
std::string AddAddresses(const Json& server, TargetList& list, LabelMap& labels) {
  std::string first;
  std::string public_address;
  for (const Json& card : ItemsAt(server, "nics")) {
    if (public_address.empty()) public_address = list.Text(card, "publicIp");
    const std::string address = list.Text(card, "ipv4");
    if (address.empty()) continue;
    labels["__meta_stackit_private_ipv4_" + CleanLabelName(list.Text(card, "networkName"))] = address;
    if (first.empty()) first = address;
  }
  labels["__meta_stackit_public_ipv4"] = public_address;
  return public_address.empty() ? first : public_address;
}

void AddServer(const ApiScope& scope, const Json& server, TargetList& list) {
  LabelMap labels{{"__meta_stackit_project", scope.record.Text("project")}};
  list.Apply(kLabels, server, labels);
  const std::string address = AddAddresses(server, list, labels);
  if (address.empty()) return;
  if (const Json* const own = FindJson(server, "labels"); own != nullptr && own->is_object()) {
    for (const auto& [name, value] : own->items()) {
      if (!value.is_string()) continue;
      labels["__meta_stackit_labelpresent_" + CleanLabelName(name)] = "true";
      labels["__meta_stackit_label_" + CleanLabelName(name)] = value.get<std::string>();
    }
  }
  list.Add(std::move(labels), address, scope.Port());
}

void MakeTargets(const ApiScope& scope, TargetList& list) {
  for (const Json& server : scope.answers.Of("servers")) AddServer(scope, server, list);
}

constexpr ApiProvider kTable[] = {
    {.kind = "stackit", .group = "stackit", .origin = Origin, .calls = kCalls, .targets = MakeTargets}};

}  // namespace

constinit const std::span<const ApiProvider> kStackitProviders = kTable;

}  // namespace baro::scraper
