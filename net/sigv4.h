// Signatures of Amazon's services.
//
// Source   AWS Signature Version 4, "Create a signed AWS API request".
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "net/http_fetcher.h"

namespace baro::net {

struct SigV4Keys {
  std::string access_key;
  base::Secret secret_key;
  base::Secret session_token;  ///< of keys that were lent; or empty
};

struct SigV4Scope {
  std::string region;   ///< "eu-central-1"
  std::string service;  ///< "ec2"
};

/// Adds X-Amz-Date, X-Amz-Security-Token and Authorization, over the URL, the body and all headers that the request
/// has. It may not be changed after that. Errors   kInvalidArgument: its URL.
base::Result<> SignV4(const SigV4Keys& keys, const SigV4Scope& scope, base::WallTime now, FetchRequest& request);

}  // namespace baro::net
