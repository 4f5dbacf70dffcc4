#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "config/sections/sections.h"

namespace baro::config {
namespace {

/// Reads the pair `name` (the secret itself) and `name_file`, of which one at most may be given.
void ReadSecret(Mapping& mapping, const std::string& name, const FileContext& context, net::SecretSource& source) {
  std::string value;
  if (mapping.Text(name, value)) source.value = base::Secret(std::move(value));
  if (mapping.Text(name + "_file", source.file)) source.file = context.Resolve(source.file);
  if (!source.value.empty() && !source.file.empty()) {
    mapping.Fail(name + "_file", fmt::format("give {0} or {0}_file, not both", name));
  }
}

void ReadBasicAuth(Mapping& mapping, const FileContext& context, net::HttpClientOptions& options) {
  mapping.Child("basic_auth", [&](Mapping& fields) {
    net::BasicAuthOptions auth;
    fields.Text("username", auth.username);
    if (fields.Text("username_file", auth.username_file)) {
      auth.username_file = context.Resolve(auth.username_file);
      if (!auth.username.empty()) fields.Fail("username_file", "give username or username_file, not both");
    }
    ReadSecret(fields, "password", context, auth.password);
    options.basic_auth = std::move(auth);
  });
}

void ReadAuthorization(Mapping& mapping, const FileContext& context, net::HttpClientOptions& options) {
  mapping.Child("authorization", [&](Mapping& fields) {
    net::AuthorizationOptions authorization;
    fields.Text("type", authorization.type);
    std::string lower = authorization.type;
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (lower == "basic") fields.Fail("type", "\"basic\" is not allowed here; use basic_auth");
    ReadSecret(fields, "credentials", context, authorization.credentials);
    options.authorization = std::move(authorization);
  });
  // The older names of the same thing.
  net::SecretSource bearer;
  ReadSecret(mapping, "bearer_token", context, bearer);
  if (bearer.is_set()) {
    if (options.authorization) mapping.Fail("authorization", "give authorization or bearer_token, not both");
    options.authorization = net::AuthorizationOptions{.credentials = std::move(bearer)};
  }
}

void ReadTls(Mapping& mapping, const FileContext& context, net::TlsClientOptions& tls) {
  mapping.Child("tls_config", [&](Mapping& fields) {
    const auto text_or_file = [&](const std::string& name, std::string& text, std::string& file) {
      fields.Text(name, text);
      if (fields.Text(name + "_file", file)) file = context.Resolve(file);
      if (!text.empty() && !file.empty()) {
        fields.Fail(name + "_file", fmt::format("give {0} or {0}_file, not both", name));
      }
    };
    text_or_file("ca", tls.ca, tls.ca_file);
    text_or_file("cert", tls.cert, tls.cert_file);
    ReadSecret(fields, "key", context, tls.key);
    fields.Text("server_name", tls.server_name);
    fields.Bool("insecure_skip_verify", tls.insecure_skip_verify);
    const auto version = [&](std::string_view field, std::optional<net::TlsVersion>& out) {
      constexpr std::string_view kNames[] = {"TLS10", "TLS11", "TLS12", "TLS13"};
      std::string name;
      if (!fields.Choice(field, name, {kNames[0], kNames[1], kNames[2], kNames[3]})) return;
      out = static_cast<net::TlsVersion>(std::ranges::find(kNames, name) - std::begin(kNames));
    };
    version("min_version", tls.min_version);
    version("max_version", tls.max_version);
    const bool has_cert = !tls.cert.empty() || !tls.cert_file.empty();
    if (has_cert != tls.key.is_set()) fields.Fail("", "a client certificate needs both cert and key (text or file)");
  });
}

void ReadHeaders(Mapping& mapping, const FileContext& context, net::HttpClientOptions& options) {
  mapping.ChildrenByName("http_headers", [&](const std::string& name, Mapping& fields) {
    net::HttpHeaderOptions header;
    std::vector<std::string> secrets;
    fields.TextList("values", header.values);
    fields.TextList("secrets", secrets);
    fields.TextList("files", header.files);
    for (std::string& secret : secrets) header.secrets.emplace_back(std::move(secret));
    for (std::string& file : header.files) file = context.Resolve(file);
    // What the client sets by itself, and what has fields of its own.
    constexpr std::string_view kReserved[] = {"accept-encoding",
                                              "accept",
                                              "authorization",
                                              "connection",
                                              "content-encoding",
                                              "content-length",
                                              "content-type",
                                              "host",
                                              "keep-alive",
                                              "proxy-authorization",
                                              "te",
                                              "trailer",
                                              "transfer-encoding",
                                              "upgrade",
                                              "user-agent",
                                              "x-prometheus-scrape-timeout-seconds"};
    std::string lower = name;
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (std::ranges::find(kReserved, lower) != std::end(kReserved)) {
      fields.Fail("", fmt::format("header \"{}\" is set by the scraper and may not be given here", name));
    }
    options.headers[name] = std::move(header);
  });
}

}  // namespace

void ReadHttpClient(Mapping& mapping, const FileContext& context, net::HttpClientOptions& options) {
  ReadBasicAuth(mapping, context, options);
  ReadAuthorization(mapping, context, options);
  ReadTls(mapping, context, options.tls);
  ReadHeaders(mapping, context, options);
  mapping.Bool("follow_redirects", options.follow_redirects);
  mapping.Ignored("enable_http2");  // a matter of transport: targets answer HTTP/1.1 all the same
  mapping.Text("proxy_url", options.proxy_url);
  mapping.NotSupported("oauth2");
  mapping.NotSupported("no_proxy");
  mapping.NotSupported("proxy_from_environment");
  mapping.NotSupported("proxy_connect_header");
  if (options.basic_auth && options.authorization) {
    mapping.Fail("basic_auth", "give one of basic_auth, authorization and oauth2");
  }
}

}  // namespace baro::config
