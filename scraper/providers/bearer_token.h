// Tokens that an earlier call answered with.
//
// Source   RFC 6749 section 5.1, RFC 6750 section 2.1.
#pragma once

#include <initializer_list>
#include <string_view>

#include "scraper/discovery/api_provider.h"

namespace baro::scraper {

/// Adds "Authorization: Bearer" with the `access_token` of the first of these calls that has one.
/// Errors   kInvalidArgument: none has one.
base::Result<> AddBearerToken(const ApiScope& scope, std::initializer_list<std::string_view> calls,
                              net::FetchRequest& request);

}  // namespace baro::scraper
