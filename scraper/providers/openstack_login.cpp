#include "scraper/providers/openstack_login.h"

#include <fmt/format.h>

#include "base/secret.h"

namespace baro::scraper {
namespace {

using base::Code;
using base::Fail;
using base::Secret;

/// Who asks, and for what.
struct Account {
  std::string url;
  std::string user_name;
  std::string user_id;
  Secret password;
  Secret passcode;
  std::string project_id;
  std::string project_name;
  std::string domain_id;
  std::string domain_name;
  std::string credential_id;
  std::string credential_name;
  Secret credential_secret;
  bool is_system = false;
};

Account AccountOfFields(const ApiScope& scope) {
  const DiscoveryRecord& record = scope.record;
  return {.url = record.Text("identity_endpoint"),
          .user_name = record.Text("username"),
          .user_id = record.Text("userid"),
          .password = record.Get<net::SecretSource>("password").value,
          .passcode = {},
          .project_id = record.Text("project_id"),
          .project_name = record.Text("project_name"),
          .domain_id = record.Text("domain_id"),
          .domain_name = record.Text("domain_name"),
          .credential_id = record.Text("application_credential_id"),
          .credential_name = record.Text("application_credential_name"),
          .credential_secret = record.Get<net::SecretSource>("application_credential_secret").value};
}

/// The newer of two names of a variable.
std::string Either(const ApiScope& scope, const std::string& name, const std::string& old_name) {
  std::string value = scope.Variable(name);
  return value.empty() ? scope.Variable(old_name) : value;
}

Account AccountOfVariables(const ApiScope& scope) {
  return {.url = scope.Variable("OS_AUTH_URL"),
          .user_name = scope.Variable("OS_USERNAME"),
          .user_id = scope.Variable("OS_USERID"),
          .password = Secret(scope.Variable("OS_PASSWORD")),
          .passcode = Secret(scope.Variable("OS_PASSCODE")),
          .project_id = Either(scope, "OS_PROJECT_ID", "OS_TENANT_ID"),
          .project_name = Either(scope, "OS_PROJECT_NAME", "OS_TENANT_NAME"),
          .domain_id = scope.Variable("OS_DOMAIN_ID"),
          .domain_name = scope.Variable("OS_DOMAIN_NAME"),
          .credential_id = scope.Variable("OS_APPLICATION_CREDENTIAL_ID"),
          .credential_name = scope.Variable("OS_APPLICATION_CREDENTIAL_NAME"),
          .credential_secret = Secret(scope.Variable("OS_APPLICATION_CREDENTIAL_SECRET")),
          .is_system = scope.Variable("OS_SYSTEM_SCOPE") == "all"};
}

Account AccountOf(const ApiScope& scope) {
  return scope.record.Text("identity_endpoint").empty() ? AccountOfVariables(scope) : AccountOfFields(scope);
}

base::Error Missing(std::string_view what) {
  return {Code::kInvalidArgument, fmt::format("to ask for a token, {} is needed", what)};
}

base::Result<Json> Domain(const Account& account) {
  if (!account.domain_id.empty()) return Json({{"id", account.domain_id}});
  if (!account.domain_name.empty()) return Json({{"name", account.domain_name}});
  return Missing("a domain (domain_id or domain_name) beside a name");
}

base::Result<Json> User(const Account& account) {
  if (!account.user_id.empty()) return Json({{"id", account.user_id}});
  if (account.user_name.empty()) return Missing("a user (username or userid)");
  Json domain = BARO_TRY(Domain(account));
  return Json({{"name", account.user_name}, {"domain", std::move(domain)}});
}

base::Result<Json> PasswordIdentity(const Account& account) {
  Json identity = {{"methods", Json::array()}};
  Json user = BARO_TRY(User(account));
  if (!account.password.empty()) {
    identity["methods"].push_back("password");
    identity["password"]["user"] = user;
    identity["password"]["user"]["password"] = account.password.Reveal();
  }
  if (!account.passcode.empty()) {
    identity["methods"].push_back("totp");
    identity["totp"]["user"] = std::move(user);
    identity["totp"]["user"]["passcode"] = account.passcode.Reveal();
  }
  return identity;
}

base::Result<Json> CredentialIdentity(const Account& account) {
  if (account.credential_secret.empty()) return Missing("a password or an application credential with its secret");
  Json credential = {{"secret", account.credential_secret.Reveal()}};
  if (!account.credential_id.empty()) {
    credential["id"] = account.credential_id;
  } else if (!account.credential_name.empty()) {
    credential["name"] = account.credential_name;
    credential["user"] = BARO_TRY(User(account));
  } else {
    return Missing("the id or name of the application credential");
  }
  return Json(
      {{"methods", Json::array({"application_credential"})}, {"application_credential", std::move(credential)}});
}

/// Null: what the user has by default.
base::Result<Json> ScopeOf(const Account& account) {
  if (account.is_system) return Json({{"system", {{"all", true}}}});
  if (!account.project_id.empty()) return Json({{"project", {{"id", account.project_id}}}});
  if (account.project_name.empty()) return Json();
  Json domain = BARO_TRY(Domain(account));
  return Json({{"project", {{"name", account.project_name}, {"domain", std::move(domain)}}}});
}

base::Result<Json> AuthOf(const Account& account) {
  // An application credential knows its project, and Keystone refuses to be told one.
  if (account.password.empty() && account.passcode.empty()) {
    Json identity = BARO_TRY(CredentialIdentity(account));
    return Json({{"identity", std::move(identity)}});
  }
  Json identity = BARO_TRY(PasswordIdentity(account));
  Json scope = BARO_TRY(ScopeOf(account));
  Json auth = {{"identity", std::move(identity)}};
  if (!scope.is_null()) auth["scope"] = std::move(scope);
  return auth;
}

base::Result<> PrepareToken(const ApiScope& scope, net::FetchRequest& request) {
  const Account account = AccountOf(scope);
  std::string url = account.url;
  while (url.ends_with('/')) url.pop_back();
  if (url.empty()) return Missing("the field identity_endpoint or the variable OS_AUTH_URL");
  if (url.ends_with("/v2.0")) {
    return Fail(Code::kUnsupported, fmt::format("Keystone's API v2.0 is not supported, v3 is: {}", url));
  }
  request.url = url + (url.ends_with("/v3") ? "/auth/tokens" : "/v3/auth/tokens");
  request.headers.Set("Content-Type", "application/json");
  Json auth = BARO_TRY(AuthOf(account));
  const Json body = {{"auth", std::move(auth)}};
  request.body = body.dump(-1, ' ', true, Json::error_handler_t::replace);
  return {};
}

constexpr ApiCall kLogin[] = {{.name = "token",
                               .path = "/",
                               .method = net::Method::kPost,
                               .header = "X-Subject-Token",
                               .is_secret = true,
                               .prepare = PrepareToken}};

bool IsWanted(const ApiScope& scope, const Json& endpoint, TargetList& reader) {
  const std::string& region = scope.record.Text("region");
  return reader.Text(endpoint, "interface") == scope.record.Text("availability") &&
         (reader.Text(endpoint, "region") == region || reader.Text(endpoint, "region_id") == region);
}

/// The first endpoint that fits; "" if none does.
std::string FindEndpoint(const ApiScope& scope, std::string_view type, TargetList& reader) {
  for (const Json& token : scope.answers.Of("token")) {
    for (const Json& service : ItemsAt(token, "token.catalog")) {
      if (reader.Text(service, "type") != type) continue;
      for (const Json& endpoint : ItemsAt(service, "endpoints")) {
        if (IsWanted(scope, endpoint, reader)) return reader.Text(endpoint, "url");
      }
    }
  }
  return "";
}

}  // namespace

std::span<const ApiCall> OpenstackLogin() { return kLogin; }

base::Result<> AddOpenstackToken(const ApiScope& scope, net::FetchRequest& request) {
  const Secret token(scope.Answer("token", "header"));
  if (token.empty()) return Fail(Code::kInvalidArgument, "Keystone answered without a token");
  request.headers.Set("X-Auth-Token", token.Reveal());
  return {};
}

base::Result<std::string> OpenstackEndpoint(const ApiScope& scope, std::string_view type, std::string_view version) {
  TargetList reader;
  std::string url = FindEndpoint(scope, type, reader);
  if (const auto told = reader.Take(""); !told) return told.error().WithContext("Keystone's catalogue");
  if (url.empty()) {
    return Fail(Code::kInvalidArgument,
                fmt::format("Keystone's catalogue has no {} endpoint of a service \"{}\" in region \"{}\"",
                            scope.record.Text("availability"), type, scope.record.Text("region")));
  }
  while (url.ends_with('/')) url.pop_back();
  if (!version.empty() && url.ends_with(version)) url.resize(url.size() - version.size());
  return url;
}

}  // namespace baro::scraper
