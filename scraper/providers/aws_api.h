// What discoveries of Amazon's services share: where a service is, keys, and signed requests.
//
// Keys come from the first place that has some: the fields access_key and secret_key; AWS_ACCESS_KEY_ID,
// AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; a web identity (AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN); the profile
// (the field, AWS_PROFILE, "default") in the files of shared credentials and configuration; the container
// (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI); the role of the machine (IMDSv2). A profile that is named in
// the field stands before the environment. With role_arn they are exchanged for that role's (STS). The region: the
// field, AWS_REGION, AWS_DEFAULT_REGION, the profile, the machine's.
//
// Source   AWS SDKs and Tools Reference Guide; Amazon EC2 User Guide, "Instance metadata"; AWS STS API 2011-06-15.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/sigv4.h"
#include "scraper/discovery/api_provider.h"

namespace baro::scraper {

/// Calls that find keys and region; those that are not needed are not made.
std::span<const ApiCall> AwsLogin();

/// The table of a kind, for the role of its name of the kind "aws".
constexpr ApiProvider AwsRole(ApiProvider own) {
  own.role = own.kind;
  own.kind = "aws";
  return own;
}

/// Errors   kInvalidArgument: there is none.
base::Result<std::string> AwsRegion(const ApiScope& scope);

/// Where a signed request goes: the field `endpoint` is for the service that a kind is named after only.
enum class AwsEndpoint : bool { kRegions, kConfigured };

/// Sends the request to the service instead of where it would go, signed: the field `endpoint`, or
/// https://<service>.<region>.amazonaws.com (in China amazonaws.com.cn).
/// Errors   kInvalidArgument: no region, no keys.
base::Result<> SignForAws(const ApiScope& scope, std::string_view service, net::FetchRequest& request,
                          AwsEndpoint endpoint = AwsEndpoint::kConfigured);

/// A call of the protocol "JSON 1.1": `body` and the request's query, which has the token of the next page, are its
/// parameters. `target` is "<interface>.<operation>".
base::Result<> SignAwsJson(const ApiScope& scope, std::string_view service, std::string_view target, Json body,
                           net::FetchRequest& request);

/// The elements of a list in an answer in XML, which are called "member" or as each service likes.
std::span<const Json> AwsElements(const Json& from, std::string_view path);
/// Adds a label for each of these: {key, value} in JSON, {Key, Value} in XML of the newer services.
enum class AwsTagNames : bool { kLower, kUpper };
void AddAwsTags(std::span<const Json> tags, AwsTagNames names, const std::string& label, TargetList& list,
                LabelMap& labels);
/// Adds labels of times, without the parts of a second that an answer may have.
void AddAwsTimes(std::span<const LabelRow> rows, const Json& item, TargetList& list, LabelMap& labels);

/// The texts in parts of at most `count`, as {"cluster": `cluster`, "ids": part}: what an operation that
/// takes so many is asked for.
void AddAwsBatches(const std::string& cluster, std::span<const std::string> ids, std::size_t count,
                   std::vector<Json>& batches);

/// The value of `name` in a section of a file as ~/.aws/credentials is; "" if there is none.
std::string IniValue(std::string_view text, std::string_view section, std::string_view name);

}  // namespace baro::scraper
