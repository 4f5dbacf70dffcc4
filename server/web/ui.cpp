#include <zlib.h>

#include <fmt/format.h>

#include "server/web/web.h"
#include "ui/assets.h"

namespace baro::server {
namespace {

/// Inflates an embedded asset. They are ours and small, so a failure is a broken build.
std::string Inflate(const ui::Asset& asset) {
  std::string out(asset.identity_size, '\0');
  z_stream stream{};
  BARO_ASSERT(inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK);  // 16: with gzip's header
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(asset.gzip.data()));
  stream.avail_in = static_cast<uInt>(asset.gzip.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  BARO_ASSERT(result == Z_STREAM_END);
  return out;
}

void Replace(std::string& text, std::string_view token, std::string_view by) {
  for (std::size_t at = text.find(token); at != std::string::npos; at = text.find(token, at + by.size())) {
    text.replace(at, token.size(), by);
  }
}

std::string EscapeAttribute(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

/// A page: index.html with the prefix and a nonce for the styles that the editor makes at run time.
net::HttpResponse Page(const std::string& html, const std::string& prefix, base::Random& random) {
  const std::string nonce = fmt::format("{:016x}{:016x}", random.NextU64(), random.NextU64());
  std::string body = html;
  Replace(body, "__BARO_PREFIX__", EscapeAttribute(prefix));
  Replace(body, "__BARO_NONCE__", nonce);
  net::HttpResponse response = net::HttpResponse::Html(200, std::move(body));
  response.headers.Set("Cache-Control", "no-cache");
  response.headers.Set("X-Content-Type-Options", "nosniff");
  response.headers.Set("Referrer-Policy", "same-origin");
  response.headers.Set("Content-Security-Policy",
                       fmt::format("default-src 'self'; style-src 'self' 'nonce-{}'; style-src-attr 'unsafe-inline'; "
                                   "img-src 'self' data:; frame-ancestors 'self'; base-uri 'self'; object-src 'none'",
                                   nonce));
  return response;
}

bool AcceptsGzip(const net::HttpRequest& request) {
  return request.headers.Get("Accept-Encoding").find("gzip") != std::string_view::npos;
}

net::HttpResponse Serve(const ui::Asset& asset, const net::HttpRequest& request) {
  net::HttpResponse response;
  response.headers.Set("ETag", std::string(asset.etag));
  response.headers.Set("Cache-Control", asset.immutable ? "public, max-age=31536000, immutable" : "no-cache");
  response.headers.Set("X-Content-Type-Options", "nosniff");
  if (request.headers.Get("If-None-Match") == asset.etag) {
    response.status = 304;
    return response;
  }
  response.headers.Set("Content-Type", std::string(asset.content_type));
  response.headers.Set("Vary", "Accept-Encoding");
  response.compress = false;
  if (AcceptsGzip(request)) {
    response.headers.Set("Content-Encoding", "gzip");
    response.body.assign(reinterpret_cast<const char*>(asset.gzip.data()), asset.gzip.size());
  } else {
    response.body = Inflate(asset);
  }
  return response;
}

void Add(net::Router& router, std::string path, net::Handler handler) {
  const auto added = router.Add({.methods = {net::Method::kGet},
                                 .path = std::move(path),
                                 .role = net::Role::kPublic,
                                 .help = "The user interface.",
                                 .handler = std::move(handler)});
  BARO_ASSERT(added.has_value());
}

}  // namespace

void AddUiRoutes(net::Router& router, std::string prefix, base::Random& random) {
  const ui::Asset* const index = ui::FindAsset("index.html");
  BARO_ASSERT(index != nullptr);
  const auto html = std::make_shared<const std::string>(Inflate(*index));
  for (const std::string_view path : ui::PagePaths()) {
    Add(router, std::string(path),
        [html, prefix, &random](const auto&, const auto&) { return Page(*html, prefix, random); });
  }
  for (const ui::Asset& asset : ui::AllAssets()) {
    if (&asset == index || asset.path == "index.html") continue;
    Add(router, fmt::format("/{}", asset.path),
        [&asset](const net::HttpRequest& request, const auto&) { return Serve(asset, request); });
  }
}

}  // namespace baro::server
