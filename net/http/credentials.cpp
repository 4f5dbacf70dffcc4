#include "net/http/credentials.h"

#include <array>

#include <fmt/format.h>

namespace baro::net::http {
namespace {

using base::Code;
using base::Fail;
using base::Result;

// Set by the client from other options or from the request itself; a second one would contradict it.
constexpr std::array<std::string_view, 15> kReservedHeaders = {"Authorization",
                                                               "Host",
                                                               "Content-Encoding",
                                                               "Content-Length",
                                                               "Content-Type",
                                                               "User-Agent",
                                                               "Connection",
                                                               "Keep-Alive",
                                                               "Trailer",
                                                               "Transfer-Encoding",
                                                               "Upgrade",
                                                               "Accept-Encoding",
                                                               "Proxy-Authenticate",
                                                               "Proxy-Authorization",
                                                               "X-Prometheus-Scrape-Timeout-Seconds"};

bool IsReserved(std::string_view name) {
  for (const auto reserved : kReservedHeaders) {
    if (EqualsIgnoringCase(reserved, name)) return true;
  }
  return false;
}

}  // namespace

std::string Base64Encode(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out += i + j <= bytes.size() ? kDigits[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return out;
}

Result<Credentials::Source> Credentials::MakeSource(std::string_view what, std::string text, const std::string& file) {
  if (!text.empty() && !file.empty()) {
    return Fail(Code::kInvalidArgument, fmt::format("at most one of {0} and {0}_file may be set", what));
  }
  Source source{.text = std::move(text)};
  if (!file.empty()) source.file.emplace(file);
  return source;
}

Result<Credentials::Header> Credentials::MakeHeader(const std::string& name, const HttpHeaderOptions& options) {
  if (!IsToken(name)) return Fail(Code::kInvalidArgument, fmt::format("{:?} is no header name", name));
  if (IsReserved(name)) {
    return Fail(Code::kInvalidArgument,
                fmt::format("header {} may not be set here: another option or the client sets it", name));
  }
  Header header{.name = name};
  for (const auto& value : options.values) header.values.push_back({.text = value});
  for (const auto& secret : options.secrets) header.values.push_back({.text = secret.Reveal()});
  for (const auto& file : options.files) {
    auto source = BARO_TRY(MakeSource(name, "", file));
    header.values.push_back(std::move(source));
  }
  return header;
}

Result<Credentials> Credentials::Make(const HttpClientOptions& options) {
  if (options.basic_auth && options.authorization) {
    return Fail(Code::kInvalidArgument, "at most one of basic_auth and authorization may be set");
  }
  Credentials made;
  if (const auto& basic = options.basic_auth) {
    made.username_ = BARO_TRY(MakeSource("username", basic->username, basic->username_file));
    made.password_ = BARO_TRY(MakeSource("password", basic->password.value.Reveal(), basic->password.file));
  }
  if (const auto& authorization = options.authorization) {
    if (!IsToken(authorization->type) || EqualsIgnoringCase(authorization->type, "basic")) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("authorization type {:?}: want a token that is not Basic, which has its own option",
                              authorization->type));
    }
    made.authorization_type_ = authorization->type;
    made.authorization_ =
        BARO_TRY(MakeSource("credentials", authorization->credentials.value.Reveal(), authorization->credentials.file));
  }
  for (const auto& [name, header_options] : options.headers) {
    auto header = BARO_TRY(MakeHeader(name, header_options));
    made.headers_.push_back(std::move(header));
  }
  return made;
}

Result<std::string> Credentials::Read(Source& source) {
  if (!source.file) return source.text;
  const auto content = BARO_TRY(source.file->Get(/*is_trimmed=*/true));
  return std::string(content);
}

Result<std::string> Credentials::AuthorizationValue() {
  if (authorization_) {
    const auto value = BARO_TRY(Read(*authorization_));
    return fmt::format("{} {}", authorization_type_, value);
  }
  const auto username = BARO_TRY(Read(*username_));
  const auto password = BARO_TRY(Read(*password_));
  return fmt::format("Basic {}", Base64Encode(fmt::format("{}:{}", username, password)));
}

Result<> Credentials::AddTo(HeaderFields& fields) {
  const auto add = [&](const std::string& name, std::string value) -> Result<> {
    if (!IsFieldValue(value)) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("the value configured for header {} has control characters or outer spaces", name));
    }
    fields.Add(name, std::move(value));
    return {};
  };
  if ((authorization_ || username_) && !fields.Has("Authorization")) {
    auto value = BARO_TRY(AuthorizationValue());
    BARO_TRY(add("Authorization", std::move(value)));
  }
  for (auto& header : headers_) {
    if (fields.Has(header.name)) continue;
    for (auto& source : header.values) {
      auto value = BARO_TRY(Read(source));
      BARO_TRY(add(header.name, std::move(value)));
    }
  }
  return {};
}

}  // namespace baro::net::http
