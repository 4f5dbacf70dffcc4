#include "scraper/providers/azure_login.h"

#include <algorithm>

#include <fmt/format.h>

namespace baro::scraper {
namespace {

using base::Code;
using base::Fail;

constexpr std::size_t kFileBytesMax = 64 * 1024;
constexpr std::string_view kAssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

struct Cloud {
  std::string_view login;
  std::string_view management;
  std::string_view resource;  ///< what a token is for
};

constexpr Cloud kPublic = {"https://login.microsoftonline.com", "https://management.azure.com",
                           "https://management.core.windows.net/"};
constexpr Cloud kGovernment = {"https://login.microsoftonline.us", "https://management.usgovcloudapi.net",
                               "https://management.core.usgovcloudapi.net"};
constexpr Cloud kChina = {"https://login.chinacloudapi.cn", "https://management.chinacloudapi.cn",
                          "https://management.core.chinacloudapi.cn"};

struct Environment {
  std::string_view name;  ///< in upper case
  const Cloud* cloud;
};
constexpr Environment kEnvironments[] = {{"AZURECHINACLOUD", &kChina},        {"AZURECLOUD", &kPublic},
                                         {"AZUREGERMANCLOUD", &kPublic},      {"AZUREPUBLICCLOUD", &kPublic},
                                         {"AZUREUSGOVERNMENT", &kGovernment}, {"AZUREUSGOVERNMENTCLOUD", &kGovernment}};

base::Result<const Cloud*> FindCloud(const ApiScope& scope) {
  std::string name = scope.record.Text("environment");
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  const auto* const found = std::ranges::find(kEnvironments, name, &Environment::name);
  if (found == std::end(kEnvironments)) {
    return Fail(Code::kInvalidArgument,
                fmt::format("environment: want AzurePublicCloud, AzureUSGovernment or AzureChinaCloud, found \"{}\"",
                            scope.record.Text("environment")));
  }
  return found->cloud;
}

/// What the client proves itself with.
enum class Proof : std::uint8_t { kSecretField, kSecretVariable, kAssertion, kMachine };

Proof ProofOf(const ApiScope& scope) {
  const std::string& method = scope.record.Text("authentication_method");
  if (method == "OAuth") return Proof::kSecretField;
  if (method == "WorkloadIdentity") return Proof::kAssertion;
  if (method == "ManagedIdentity") return Proof::kMachine;
  const bool has_client = !scope.Variable("AZURE_CLIENT_ID").empty();
  if (has_client && !scope.Variable("AZURE_CLIENT_SECRET").empty()) return Proof::kSecretVariable;
  if (has_client && !scope.Variable("AZURE_FEDERATED_TOKEN_FILE").empty()) return Proof::kAssertion;
  return Proof::kMachine;
}

bool NeedsForm(const ApiScope& scope) { return ProofOf(scope) != Proof::kMachine; }
bool NeedsMachine(const ApiScope& scope) { return !NeedsForm(scope); }

base::Result<std::string> NeededVariable(const ApiScope& scope, const std::string& name) {
  std::string value = scope.Variable(name);
  if (value.empty()) return Fail(Code::kInvalidArgument, fmt::format("the variable {} is not set", name));
  return value;
}

struct Client {
  std::string tenant;
  std::string id;
  net::Params proof;
};

base::Result<Client> ClientOfFields(const ApiScope& scope) {
  const std::string secret = BARO_TRY(scope.Secret("client_secret"));
  return Client{.tenant = scope.record.Text("tenant_id"),
                .id = scope.record.Text("client_id"),
                .proof = {{"client_secret", secret}}};
}

base::Result<Client> ClientOfVariables(const ApiScope& scope, Proof proof) {
  const std::string id = BARO_TRY(NeededVariable(scope, "AZURE_CLIENT_ID"));
  Client client{.tenant = scope.record.Text("tenant_id"), .id = id, .proof = {}};
  // The field is for what the SDK looks for itself.
  const bool takes_field = scope.record.Text("authentication_method") == "SDK" && proof == Proof::kAssertion;
  if (!takes_field || client.tenant.empty()) client.tenant = BARO_TRY(NeededVariable(scope, "AZURE_TENANT_ID"));
  if (proof == Proof::kSecretVariable) {
    client.proof.Add("client_secret", scope.Variable("AZURE_CLIENT_SECRET"));
    return client;
  }
  const std::string file = BARO_TRY(NeededVariable(scope, "AZURE_FEDERATED_TOKEN_FILE"));
  std::string token = BARO_TRY(base::ReadFile(scope.files, file, kFileBytesMax));
  token.resize(token.find_last_not_of(" \t\r\n") + 1);
  client.proof.Add("client_assertion_type", std::string(kAssertionType));
  client.proof.Add("client_assertion", std::move(token));
  return client;
}

base::Result<> PrepareForm(const ApiScope& scope, net::FetchRequest& request) {
  const Cloud& cloud = *BARO_TRY(FindCloud(scope));
  const Proof proof = ProofOf(scope);
  const Client client =
      BARO_TRY(proof == Proof::kSecretField ? ClientOfFields(scope) : ClientOfVariables(scope, proof));
  net::Params form{{"client_id", client.id},
                   {"grant_type", "client_credentials"},
                   {"scope", fmt::format("{}/.default", cloud.resource)}};
  for (const auto& [name, value] : client.proof) form.Add(name, value);
  request.url = fmt::format("{}/{}/oauth2/v2.0/token", cloud.login, net::UrlEncode(client.tenant));
  request.headers.Set("Content-Type", "application/x-www-form-urlencoded");
  request.body = net::EncodeQuery(form);
  return {};
}

/// Other places of Azure have managed identities by other protocols.
base::Result<> CheckPlace(const ApiScope& scope) {
  const bool has_header = !scope.Variable("IDENTITY_HEADER").empty();
  const bool is_unknown = !scope.Variable("MSI_ENDPOINT").empty() ||
                          !scope.Variable("IDENTITY_SERVER_THUMBPRINT").empty() ||
                          (!scope.Variable("IMDS_ENDPOINT").empty() && !has_header);
  if (!is_unknown) return {};
  return Fail(Code::kUnsupported, "managed identities are supported on virtual machines and App Service, not here");
}

base::Result<> PrepareMachine(const ApiScope& scope, net::FetchRequest& request) {
  const Cloud& cloud = *BARO_TRY(FindCloud(scope));
  const std::string endpoint = scope.Variable("IDENTITY_ENDPOINT");
  const std::string header = scope.Variable("IDENTITY_HEADER");
  const bool is_app_service = !endpoint.empty() && !header.empty();
  net::Params query{{"resource", std::string(cloud.resource)}};
  if (is_app_service) {
    request.headers.Set("X-IDENTITY-HEADER", header);
    query.Add("api-version", "2019-08-01");
  } else {
    BARO_TRY(CheckPlace(scope));
    request.headers.Set("Metadata", "true");
    query.Add("api-version", "2018-02-01");
  }
  std::string id = scope.record.Text("client_id");
  if (scope.record.Text("authentication_method") == "SDK") id = scope.Variable("AZURE_CLIENT_ID");
  if (!id.empty()) query.Add("client_id", id);
  request.url =
      fmt::format("{}?{}", is_app_service ? endpoint : "http://169.254.169.254/metadata/identity/oauth2/token",
                  net::EncodeQuery(query));
  return {};
}

constexpr ApiCall kLogin[] = {{.name = kAzureFormToken,
                               .path = "/",
                               .method = net::Method::kPost,
                               .route = Route::kLogin,
                               .is_secret = true,
                               .is_wanted = NeedsForm,
                               .prepare = PrepareForm},
                              {.name = kAzureMachineToken,
                               .path = "/",
                               .route = Route::kMachine,
                               .is_secret = true,
                               .is_wanted = NeedsMachine,
                               .prepare = PrepareMachine}};

}  // namespace

std::span<const ApiCall> AzureLogin() { return kLogin; }

base::Result<std::string> AzureManagement(const ApiScope& scope) {
  return std::string(BARO_TRY(FindCloud(scope))->management);
}

}  // namespace baro::scraper
