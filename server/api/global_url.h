// The address under which a browser elsewhere finds a target.
#pragma once

#include <string>
#include <string_view>

#include "net/http_message.h"

namespace baro::server {

/// How others reach this server.
struct OwnAddress {
  net::Url external;       ///< of --web.external-url; without the flag the host's name and the port
  std::uint16_t port = 0;  ///< on which it listens
};

/// `scrape_url` as others can open it: who scrapes localhost scrapes the host of the external URL, and at the server's
/// own port the server itself, as that URL names it. What is no loopback, or no URL, is returned as it is.
/// Source   Prometheus' answer of /api/v1/targets; the path never changes, for a prefix stands in both.
std::string GlobalUrl(const std::string& scrape_url, const OwnAddress& own);

}  // namespace baro::server
