#include "server/api/global_url.h"

namespace baro::server {

std::string GlobalUrl(const std::string& scrape_url, const OwnAddress& own) {
  auto url = net::ParseUrl(scrape_url);
  if (!url || (url->host != "localhost" && url->host != "127.0.0.1" && url->host != "::1")) return scrape_url;
  if (url->port == own.port) {
    url->scheme = own.external.scheme;
    url->port = own.external.port;
  }
  url->host = own.external.host;
  return url->ToString();
}

}  // namespace baro::server
