// What a service discovery is told, whatever its kind: named values that a table of the kind's fields describes.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "net/http_client_options.h"

namespace baro::scraper {

struct DiscoveryRecord;

/// A text, truth value, number, duration, list, mapping or secret; a list of records for filters and selectors.
using DiscoveryValue =
    std::variant<std::string, bool, std::int64_t, std::chrono::milliseconds, std::vector<std::string>,
                 std::map<std::string, std::string>, net::SecretSource, std::vector<DiscoveryRecord>>;

/// Values by the names of their fields; one inside another mapping has both names: "namespaces.own_namespace".
struct DiscoveryRecord {
  std::map<std::string, DiscoveryValue, std::less<>> values;

  /// Shape  the table of the kind has that field, with that type.
  template <typename T>
  const T& Get(std::string_view name) const {
    const auto found = values.find(name);
    BARO_ASSERT(found != values.end());
    const T* const value = std::get_if<T>(&found->second);
    BARO_ASSERT(value != nullptr);
    return *value;
  }

  const std::string& Text(std::string_view name) const { return Get<std::string>(name); }
};

/// One item of `<kind>_sd_configs`, with defaults filled in: every field of the kind has a value.
struct DiscoveryOptions {
  std::string kind;  ///< "consul", "kubernetes", ...
  DiscoveryRecord record;
  net::HttpClientOptions http;  ///< for kinds that ask over HTTP
};

}  // namespace baro::scraper
