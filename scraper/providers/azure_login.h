// How azure discovery knows its cloud, and gets a token from it.
//
// The field `authentication_method` says how: OAuth (the fields client_id and client_secret), WorkloadIdentity
// (AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_FEDERATED_TOKEN_FILE), ManagedIdentity (the machine's, or App Service's),
// SDK (the first of AZURE_CLIENT_SECRET, a workload identity and a managed one that there is).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "scraper/discovery/api_provider.h"

namespace baro::scraper {

// The calls that may have a token.
inline constexpr std::string_view kAzureFormToken = "form_token";
inline constexpr std::string_view kAzureMachineToken = "machine_token";

std::span<const ApiCall> AzureLogin();

/// The base URL of the resource manager.
/// Errors   kInvalidArgument: the field `environment` names no cloud that is known.
base::Result<std::string> AzureManagement(const ApiScope& scope);

}  // namespace baro::scraper
