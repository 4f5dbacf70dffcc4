// URLs as Prometheus' configuration takes them: far more than what can be asked over HTTP.
//
// Source   Go's net/url: what Parse() takes, host and port apart from the rest. "localhost:9090" is a URL of scheme
//          "localhost", and "foo" one without a scheme.
// Threads  Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace baro::config {

struct UrlParts {
  std::string scheme;  ///< lower case; may be empty
  std::string host;    ///< with its port; may be empty
};

/// Errors   kInvalidArgument: no URL; the message says what is wrong with it.
base::Result<UrlParts> SplitUrl(std::string_view text);

/// The URL with its password, if it has one, replaced by `xxxxx`.
std::string MaskUrlPassword(const std::string& text);

}  // namespace baro::config
