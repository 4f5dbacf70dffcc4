// sigv4 and azuread: the ways in which clouds know their clients.
//
// Source   Prometheus 3.14, docs/configuration/configuration.md, remote_write.
#include <algorithm>
#include <cctype>
#include <optional>

#include <fmt/format.h>

#include "config/sections/sections.h"
#include "config/sections/values.h"

namespace baro::config {
namespace {

/// As 8-4-4-4-12 hexadecimal digits; also in braces, behind "urn:uuid:" or without hyphens (RFC 9562).
bool IsUuid(std::string text) {
  if (text.starts_with("urn:uuid:")) text = text.substr(9);
  if (text.size() == 38 && text.front() == '{' && text.back() == '}') text = text.substr(1, 36);
  if (text.size() == 36) {
    for (const std::size_t hyphen : {23U, 18U, 13U, 8U}) {
      if (text[hyphen] != '-') return false;
      text.erase(hyphen, 1);
    }
  }
  return text.size() == 32 && std::ranges::all_of(text, [](unsigned char c) { return std::isxdigit(c) != 0; });
}

void CheckUuid(Mapping& fields, std::string_view field, const std::string& id) {
  if (!id.empty() && !IsUuid(id)) {
    fields.Fail(field, fmt::format("expected a UUID such as 00000000-0000-0000-0000-000000000000, found \"{}\"", id));
  }
}

void ReadClientId(Mapping& fields, std::string& client_id) {
  fields.Text("client_id", client_id);
  RequireText(fields, "client_id", client_id);
  CheckUuid(fields, "client_id", client_id);
}

void ReadTenantId(Mapping& fields, std::string& tenant_id) {
  fields.Text("tenant_id", tenant_id);
  RequireText(fields, "tenant_id", tenant_id);
}

void ReadWorkloadIdentity(Mapping& mapping, remote::AzureAdOptions& azure) {
  mapping.Child("workload_identity", [&azure](Mapping& fields) {
    auto& identity = azure.workload_identity.emplace();
    ReadClientId(fields, identity.client_id);
    ReadTenantId(fields, identity.tenant_id);
    CheckUuid(fields, "tenant_id", identity.tenant_id);
    fields.Text("token_file_path", identity.token_file_path);
  });
}

void ReadAzureOAuth(Mapping& mapping, remote::AzureAdOptions& azure) {
  mapping.Child("oauth", [&azure](Mapping& fields) {
    auto& oauth = azure.oauth.emplace();
    ReadClientId(fields, oauth.client_id);
    fields.Secret("client_secret", oauth.client_secret);
    if (oauth.client_secret.empty()) fields.Fail("client_secret", "the field \"client_secret\" is needed");
    ReadTenantId(fields, oauth.tenant_id);
  });
}

void ReadCertificate(Mapping& mapping, remote::AzureAdOptions& azure) {
  mapping.Child("certificate", [&azure](Mapping& fields) {
    auto& certificate = azure.certificate.emplace();
    ReadClientId(fields, certificate.client_id);
    ReadTenantId(fields, certificate.tenant_id);
    fields.Text("certificate_path", certificate.certificate_path);
    RequireText(fields, "certificate_path", certificate.certificate_path);
    fields.Text("certificate_key_path", certificate.certificate_key_path);
    fields.Secret("certificate_password", certificate.certificate_password);
    fields.Bool("send_certificate_chain", certificate.send_certificate_chain);
  });
}

void CheckScope(Mapping& fields, const std::string& scope) {
  const auto may_stand = [](unsigned char c) {
    return std::isalnum(c) != 0 || std::isspace(c) != 0 ||
           std::string_view("_:/.-").find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (!std::ranges::all_of(scope, may_stand)) {
    fields.Fail("scope", fmt::format("expected letters, digits, blanks and any of _:/.- only, found \"{}\"", scope));
  }
}

}  // namespace

void ReadSigV4(Mapping& mapping, std::optional<remote::SigV4Options>& options) {
  mapping.Child("sigv4", [&options](Mapping& fields) {
    remote::SigV4Options& sigv4 = options.emplace();
    fields.Text("region", sigv4.region);
    fields.Text("access_key", sigv4.access_key);
    fields.Secret("secret_key", sigv4.secret_key);
    fields.Text("profile", sigv4.profile);
    fields.Text("role_arn", sigv4.role_arn);
    fields.Text("external_id", sigv4.external_id);
    fields.Bool("use_fips_sts_endpoint", sigv4.use_fips_sts_endpoint);
    if (sigv4.access_key.empty() != sigv4.secret_key.empty()) {
      fields.Fail(sigv4.access_key.empty() ? "secret_key" : "access_key", "access_key and secret_key go together");
    }
  });
}

void ReadAzureAd(Mapping& mapping, std::optional<remote::AzureAdOptions>& options) {
  mapping.Child("azuread", [&options](Mapping& fields) {
    remote::AzureAdOptions& azure = options.emplace();
    fields.Child("managed_identity", [&azure](Mapping& managed) {
      managed.Text("client_id", azure.managed_identity.emplace().client_id);
      CheckUuid(managed, "client_id", azure.managed_identity->client_id);
    });
    ReadWorkloadIdentity(fields, azure);
    ReadAzureOAuth(fields, azure);
    fields.Child("sdk", [&azure](Mapping& sdk) { sdk.Text("tenant_id", azure.sdk.emplace().tenant_id); });
    ReadCertificate(fields, azure);
    fields.Choice("cloud", azure.cloud, {"AzurePublic", "AzureChina", "AzureGovernment"});
    fields.Text("scope", azure.scope);
    CheckScope(fields, azure.scope);
    const int ways = (azure.managed_identity ? 1 : 0) + (azure.workload_identity ? 1 : 0) + (azure.oauth ? 1 : 0) +
                     (azure.sdk ? 1 : 0) + (azure.certificate ? 1 : 0);
    if (ways != 1) {
      fields.Fail("", fmt::format("expected one of managed_identity, workload_identity, oauth, sdk and certificate, "
                                  "found {}",
                                  ways));
    }
  });
}

}  // namespace baro::config
