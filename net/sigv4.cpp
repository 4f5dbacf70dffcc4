#include "net/sigv4.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace baro::net {
namespace {

using Digest = std::array<unsigned char, 32>;

std::string Hex(const Digest& digest) {
  std::string text;
  for (const unsigned char byte : digest) text += fmt::format("{:02x}", byte);
  return text;
}

Digest Sha256(std::string_view text) {
  Digest digest{};
  const bool is_done = EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1;
  BARO_ASSERT(is_done);
  return digest;
}

Digest Hmac(std::string_view key, std::string_view text) {
  Digest digest{};
  unsigned length = 0;
  const unsigned char* const done =
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
           text.size(), digest.data(), &length);
  BARO_ASSERT(done != nullptr && length == digest.size());
  return digest;
}

std::string_view View(const Digest& digest) { return {reinterpret_cast<const char*>(digest.data()), digest.size()}; }

/// Parameters sorted by name and value, in the one spelling that both sides sign.
base::Result<std::string> CanonicalQuery(std::string_view target) {
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return "";
  const Params params = BARO_TRY(ParseQuery(target.substr(mark + 1)));
  std::vector<std::pair<std::string, std::string>> encoded;
  for (const auto& [name, value] : params) encoded.emplace_back(UrlEncode(name), UrlEncode(value));
  std::ranges::sort(encoded);
  std::string query;
  for (const auto& [name, value] : encoded) query += fmt::format("{}{}={}", query.empty() ? "" : "&", name, value);
  return query;
}

/// Each segment is encoded once more than it is in the URL. Source: "Create a canonical request": all services but S3.
std::string CanonicalPath(std::string_view target) { return UrlEncodePath(target.substr(0, target.find('?'))); }

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return lower;
}

struct Signed {
  std::string names;  ///< "host;x-amz-date"
  std::string lines;
};

Signed SignedHeaders(const FetchRequest& request, const Url& url) {
  std::map<std::string, std::string> headers{{"host", url.HostHeader()}};
  for (const auto& [name, value] : request.headers) headers[Lower(name)] = value;
  Signed all;
  for (const auto& [name, value] : headers) {
    all.names += (all.names.empty() ? "" : ";") + name;
    all.lines += fmt::format("{}:{}\n", name, value);
  }
  return all;
}

}  // namespace

base::Result<> SignV4(const SigV4Keys& keys, const SigV4Scope& scope, base::WallTime now, FetchRequest& request) {
  const Url url = BARO_TRY(ParseUrl(request.url));
  const std::string time = fmt::format("{:%Y%m%dT%H%M%SZ}", std::chrono::floor<std::chrono::seconds>(now));
  const std::string date = time.substr(0, 8);
  request.headers.Set("X-Amz-Date", time);
  if (!keys.session_token.empty()) request.headers.Set("X-Amz-Security-Token", keys.session_token.Reveal());
  const Signed headers = SignedHeaders(request, url);
  const std::string canonical =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}", MethodName(request.method), CanonicalPath(url.target),
                  BARO_TRY(CanonicalQuery(url.target)), headers.lines, headers.names, Hex(Sha256(request.body)));
  const std::string credential = fmt::format("{}/{}/{}/aws4_request", date, scope.region, scope.service);
  const std::string text = fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", time, credential, Hex(Sha256(canonical)));
  Digest key = Hmac("AWS4" + keys.secret_key.Reveal(), date);
  for (const std::string_view part :
       {std::string_view(scope.region), std::string_view(scope.service), std::string_view("aws4_request")}) {
    key = Hmac(View(key), part);
  }
  request.headers.Set("Authorization",
                      fmt::format("AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}", keys.access_key,
                                  credential, headers.names, Hex(Hmac(View(key), text))));
  return {};
}

}  // namespace baro::net
