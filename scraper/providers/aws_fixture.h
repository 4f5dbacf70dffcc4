// What tests of Amazon's tables share: options with keys, and requests by their operation.
#pragma once

#include <string>

#include "scraper/providers/provider_fixture.h"

namespace baro::scraper {

class AwsFixture : public ProviderTest {
 protected:
  static Values Options() {
    return {{"endpoint", ""},
            {"region", "eu-1"},
            {"access_key", "AK"},
            {"secret_key", Secret("SK")},
            {"profile", ""},
            {"role_arn", ""},
            {"external_id", ""},
            {"request_concurrency", std::int64_t{10}},
            {"clusters", std::vector<std::string>{}},
            {"filters", std::vector<DiscoveryRecord>{}}};
  }

  /// For tables that post to one URL: answers are found by "<operation> <body>".
  void FindByOperation() {
    servers_->key = [](const net::FetchRequest& request) {
      const std::string target(request.headers.Get("X-Amz-Target"));
      return target.empty() ? request.url : target.substr(target.find('.') + 1) + " " + request.body;
    };
  }

  /// One label a line.
  static std::string Lines(std::string text) {
    for (std::size_t at = text.find("\" __"); at != std::string::npos; at = text.find("\" __", at)) text[at + 1] = '\n';
    return text;
  }
};

}  // namespace baro::scraper
