// What discoveries of Amazon's services share: where a service is, keys, and signed requests.
//
// Keys come from the first place that has some: the fields access_key and secret_key; AWS_ACCESS_KEY_ID,
// AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; the profile (the field, AWS_PROFILE, "default") in the files of shared
// credentials and configuration; the role of the machine (IMDSv2). With role_arn they are exchanged for that role's
// (STS). The region: the field, AWS_REGION, AWS_DEFAULT_REGION, the profile, the machine's.
//
// Source   AWS SDKs and Tools Reference Guide; Amazon EC2 User Guide, "Instance metadata"; AWS STS API 2011-06-15.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "net/sigv4.h"
#include "scraper/discovery/api_provider.h"

namespace baro::scraper {

// Calls that find keys and region; those that are not needed are not made. They come first in a table.
extern const ApiCall kAwsMetadataToken;
extern const ApiCall kAwsMetadataRegion;
extern const ApiCall kAwsMetadataRole;
extern const ApiCall kAwsMetadataKeys;
extern const ApiCall kAwsAssumeRole;

/// Errors   kInvalidArgument: there is none.
base::Result<std::string> AwsRegion(const ApiScope& scope);

/// Sends the request to the service instead of where it would go, signed: the field `endpoint`, or
/// https://<service>.<region>.amazonaws.com (in China amazonaws.com.cn).
/// Errors   kInvalidArgument: no region, no keys.
base::Result<> SignForAws(const ApiScope& scope, std::string_view service, net::FetchRequest& request);

/// The value of `name` in a section of a file as ~/.aws/credentials is; "" if there is none.
std::string IniValue(std::string_view text, std::string_view section, std::string_view name);

}  // namespace baro::scraper
