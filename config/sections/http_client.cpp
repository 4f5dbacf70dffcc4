#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "config/sections/sections.h"
#include "config/sections/values.h"
#include "net/http_message.h"

namespace baro::config {
namespace {

void ReadBasicAuth(Mapping& mapping, const FileContext& context, net::HttpClientOptions& options) {
  mapping.Child("basic_auth", [&](Mapping& fields) {
    net::BasicAuthOptions auth;
    std::string reference;
    fields.Text("username", auth.username);
    ReadPath(fields, "username_file", context, auth.username_file);
    fields.Text("username_ref", reference);
    if (!reference.empty()) fields.NotServed("username_ref");
    const int given =
        (auth.username.empty() ? 0 : 1) + (auth.username_file.empty() ? 0 : 1) + (reference.empty() ? 0 : 1);
    if (given > 1) {
      fields.Fail(auth.username_file.empty() ? "username_ref" : "username_file",
                  "give one of username, username_file and username_ref");
    }
    ReadSecret(fields, "password", context, auth.password);
    options.basic_auth = std::move(auth);
  });
}

void ReadAuthorization(Mapping& mapping, const FileContext& context, net::HttpClientOptions& options) {
  mapping.Child("authorization", [&](Mapping& fields) {
    net::AuthorizationOptions authorization;
    fields.Text("type", authorization.type);
    if (authorization.type.empty()) authorization.type = "Bearer";
    if (net::EqualsIgnoringCase(authorization.type, "basic")) {
      fields.Fail("type", "\"basic\" is not allowed here; use basic_auth");
    }
    ReadSecret(fields, "credentials", context, authorization.credentials);
    options.authorization = std::move(authorization);
  });
}

// The older names of `authorization`; they are shown as what they stand for.
void ReadBearerToken(Mapping& mapping, const FileContext& context, net::HttpClientOptions& options) {
  net::SecretSource bearer;
  mapping.Secret("bearer_token", bearer.value);
  ReadPath(mapping, "bearer_token_file", context, bearer.file);
  if (!bearer.value.empty() && !bearer.file.empty()) {
    mapping.Fail("bearer_token_file", "give bearer_token or bearer_token_file, not both");
  }
  if (!bearer.is_set()) return;
  if (options.basic_auth || options.authorization || options.oauth2) {
    mapping.Fail(bearer.file.empty() ? "bearer_token" : "bearer_token_file",
                 "give one of basic_auth, authorization, oauth2 and bearer_token");
    return;
  }
  NormalForm form = NormalForm::Map();
  form.Set("type", NormalForm::Text("Bearer"));
  if (!bearer.value.empty()) form.Set("credentials", NormalForm::Secret());
  if (!bearer.file.empty()) form.Set("credentials_file", NormalForm::Text(bearer.file));
  mapping.Note("bearer_token", {});
  mapping.Note("bearer_token_file", {});
  mapping.Note("authorization", std::move(form));
  options.authorization = net::AuthorizationOptions{.credentials = std::move(bearer)};
}

/// Headers that Prometheus lets users set and our client sets by itself.
bool IsOurs(std::string_view name) {
  static constexpr std::string_view kOurs[] = {"accept", "te", "trailer", "transfer-encoding", "upgrade"};
  return std::ranges::any_of(kOurs, [name](std::string_view own) { return net::EqualsIgnoringCase(own, name); });
}

void ReadHttpHeaders(Mapping& mapping, const FileContext& context, net::HttpClientOptions& options) {
  mapping.ChildrenByName("http_headers", [&](const std::string& name, Mapping& fields) {
    net::HttpHeaderOptions header;
    fields.TextList("values", header.values);
    fields.SecretList("secrets", header.secrets);
    fields.TextList("files", header.files);
    for (std::string& file : header.files) file = context.Resolve(file);
    fields.Note("files", NormalForm::TextList(header.files));
    if (IsReservedHeader(name) || net::EqualsIgnoringCase(name, "authorization") ||
        net::EqualsIgnoringCase(name, "x-prometheus-scrape-timeout-seconds")) {
      fields.Fail("", fmt::format("header \"{}\" is set by the client and may not be given here", name));
    }
    if (IsOurs(name)) mapping.NotServed("http_headers");
    options.headers[name] = std::move(header);
  });
}

void ReadTlsVersion(Mapping& fields, std::string_view field, std::optional<net::TlsVersion>& out) {
  constexpr std::string_view kNames[] = {"TLS10", "TLS11", "TLS12", "TLS13"};
  std::string name;
  if (!fields.Choice(field, name, std::span(kNames))) return;
  out = static_cast<net::TlsVersion>(std::ranges::find(kNames, name) - std::begin(kNames));
}

void ReadCertificate(Mapping& fields, const std::string& name, const FileContext& context, std::string& text,
                     std::string& file, std::string& reference) {
  fields.Text(name, text);
  ReadPath(fields, name + "_file", context, file);
  fields.Text(name + "_ref", reference);
  if (!reference.empty()) fields.NotServed(name + "_ref");
  if ((text.empty() ? 0 : 1) + (file.empty() ? 0 : 1) + (reference.empty() ? 0 : 1) > 1) {
    fields.Fail(name + (file.empty() ? "_ref" : "_file"), fmt::format("give one of {0}, {0}_file and {0}_ref", name));
  }
}

}  // namespace

void ReadTls(Mapping& mapping, const FileContext& context, net::TlsClientOptions& tls) {
  mapping.Child("tls_config", [&](Mapping& fields) {
    std::string ca_reference;
    std::string cert_reference;
    ReadCertificate(fields, "ca", context, tls.ca, tls.ca_file, ca_reference);
    ReadCertificate(fields, "cert", context, tls.cert, tls.cert_file, cert_reference);
    ReadSecret(fields, "key", context, tls.key);
    fields.Text("server_name", tls.server_name);
    fields.Bool("insecure_skip_verify", tls.insecure_skip_verify, Show::kAlways);
    ReadTlsVersion(fields, "min_version", tls.min_version);
    ReadTlsVersion(fields, "max_version", tls.max_version);
    const bool has_cert = !tls.cert.empty() || !tls.cert_file.empty() || !cert_reference.empty();
    const bool has_key = tls.key.is_set() || fields.Has("key_ref");
    if (has_cert != has_key) fields.Fail("", "a client certificate needs both cert and key (text or file)");
  });
}

void ReadHttpClient(Mapping& mapping, const FileContext& context, net::HttpClientOptions& options) {
  ReadBasicAuth(mapping, context, options);
  ReadAuthorization(mapping, context, options);
  ReadOAuth2(mapping, context, options.oauth2);
  if ((options.basic_auth ? 1 : 0) + (options.authorization ? 1 : 0) + (options.oauth2 ? 1 : 0) > 1) {
    mapping.Fail(options.oauth2 ? "oauth2" : "authorization", "give one of basic_auth, authorization and oauth2");
  }
  ReadBearerToken(mapping, context, options);
  ReadTls(mapping, context, options.tls);
  mapping.Bool("follow_redirects", options.follow_redirects, Show::kAlways);
  mapping.Bool("enable_http2", options.enable_http2, Show::kAlways);
  ReadProxy(mapping, options.proxy);
  ReadHttpHeaders(mapping, context, options);
}

bool HasHttpClient(const Mapping& mapping, const net::HttpClientOptions& options) {
  static constexpr std::string_view kFields[] = {
      "basic_auth", "authorization", "oauth2",   "bearer_token",           "bearer_token_file",   "tls_config",
      "proxy_url",  "http_headers",  "no_proxy", "proxy_from_environment", "proxy_connect_header"};
  const bool has_any = std::ranges::any_of(kFields, [&](std::string_view field) { return mapping.HasValue(field); });
  return has_any || !options.follow_redirects || !options.enable_http2;
}

}  // namespace baro::config
