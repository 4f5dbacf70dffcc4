#include "server/api/global_url.h"

#include <gtest/gtest.h>

namespace baro::server {
namespace {

TEST(GlobalUrl, PutsTheExternalHostInPlaceOfLoopbackOnly) {
  const OwnAddress own{.external = net::ParseUrl("https://monitor.example.org/prometheus/").value(), .port = 9090};
  struct Row {
    const char* scraped;
    const char* global;
  };
  constexpr Row kRows[] = {
      {"http://localhost:9090/prometheus/metrics", "https://monitor.example.org/prometheus/metrics"},  // this server
      {"http://127.0.0.1:9100/metrics?a=b", "http://monitor.example.org:9100/metrics?a=b"},
      {"http://[::1]:9100/metrics", "http://monitor.example.org:9100/metrics"},
      {"http://localhost/metrics", "http://monitor.example.org/metrics"},
      {"http://127.0.0.2:9090/metrics", "http://127.0.0.2:9090/metrics"},
      {"https://Node.example.org:9090/metrics", "https://Node.example.org:9090/metrics"},
      {"no URL", "no URL"},
  };
  for (const auto& [scraped, global] : kRows) EXPECT_EQ(GlobalUrl(scraped, own), global) << scraped;
}

}  // namespace
}  // namespace baro::server
