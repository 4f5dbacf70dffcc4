// How openstack discovery gets a token from Keystone, and finds services in its catalogue.
//
// The fields say who asks; if `identity_endpoint` is empty, the variables OS_AUTH_URL, OS_USERNAME, OS_USERID,
// OS_PASSWORD, OS_PASSCODE, OS_PROJECT_ID or OS_TENANT_ID, OS_PROJECT_NAME or OS_TENANT_NAME, OS_DOMAIN_ID,
// OS_DOMAIN_NAME, OS_APPLICATION_CREDENTIAL_ID, _NAME and _SECRET, and OS_SYSTEM_SCOPE do.
//
// Source   OpenStack Identity API v3, "Authentication and token management"; the variables of its command line client.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "scraper/discovery/api_provider.h"

namespace baro::scraper {

std::span<const ApiCall> OpenstackLogin();

/// Adds the token to a request.
base::Result<> AddOpenstackToken(const ApiScope& scope, net::FetchRequest& request);

/// The base URL of a service of that type ("compute"), by the fields `region` and `availability`; without "/" at its
/// end and without `version` ("/v2.0") there. Errors   kInvalidArgument: the catalogue has none.
base::Result<std::string> OpenstackEndpoint(const ApiScope& scope, std::string_view type, std::string_view version);

}  // namespace baro::scraper
