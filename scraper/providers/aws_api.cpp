#include "scraper/providers/aws_api.h"

#include <fmt/format.h>

namespace baro::scraper {
namespace {

using base::Code;
using base::Fail;

constexpr std::size_t kFileBytesMax = 1024 * 1024;
constexpr std::string_view kMetadata = "http://169.254.169.254";
constexpr std::string_view kTokenSeconds = "21600";

std::string_view Trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::string Variable(const ApiScope& scope, const std::string& name) {
  return scope.environment ? scope.environment(name) : "";
}

std::string Profile(const ApiScope& scope) {
  if (const std::string& field = scope.record.Text("profile"); !field.empty()) return field;
  const std::string variable = Variable(scope, "AWS_PROFILE");
  return variable.empty() ? "default" : variable;
}

/// One of the two files of shared settings; "" if it cannot be read.
std::string SharedFile(const ApiScope& scope, const std::string& variable, const std::string& name) {
  std::string path = Variable(scope, variable);
  if (path.empty()) {
    const std::string home = Variable(scope, "HOME");
    if (home.empty()) return "";
    path = fmt::format("{}/.aws/{}", home, name);
  }
  return base::ReadFile(scope.files, path, kFileBytesMax).value_or("");
}

std::string ProfileValue(const ApiScope& scope, std::string_view name) {
  const std::string profile = Profile(scope);
  const std::string credentials = SharedFile(scope, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
  if (std::string value = IniValue(credentials, profile, name); !value.empty()) return value;
  const std::string section = profile == "default" ? profile : "profile " + profile;
  return IniValue(SharedFile(scope, "AWS_CONFIG_FILE", "config"), section, name);
}

std::optional<net::SigV4Keys> MakeKeys(std::string access_key, std::string secret_key, std::string token) {
  if (access_key.empty() || secret_key.empty()) return std::nullopt;
  return net::SigV4Keys{.access_key = std::move(access_key),
                        .secret_key = base::Secret(std::move(secret_key)),
                        .session_token = base::Secret(std::move(token))};
}

/// Keys that need no call.
std::optional<net::SigV4Keys> GivenKeys(const ApiScope& scope) {
  const auto& secret = scope.record.Get<net::SecretSource>("secret_key").value;
  if (auto keys = MakeKeys(scope.record.Text("access_key"), secret.Reveal(), "")) return keys;
  const bool names_profile = !scope.record.Text("profile").empty();
  if (!names_profile) {
    auto keys = MakeKeys(Variable(scope, "AWS_ACCESS_KEY_ID"), Variable(scope, "AWS_SECRET_ACCESS_KEY"),
                         Variable(scope, "AWS_SESSION_TOKEN"));
    if (keys) return keys;
  }
  return MakeKeys(ProfileValue(scope, "aws_access_key_id"), ProfileValue(scope, "aws_secret_access_key"),
                  ProfileValue(scope, "aws_session_token"));
}

std::string GivenRegion(const ApiScope& scope) {
  std::string region = scope.record.Text("region");
  if (region.empty()) region = Variable(scope, "AWS_REGION");
  if (region.empty()) region = Variable(scope, "AWS_DEFAULT_REGION");
  if (region.empty()) region = ProfileValue(scope, "region");
  return region;
}

/// The text of the first item of a call; "" if it has none.
std::string AnswerText(const ApiScope& scope, std::string_view call, std::string_view path) {
  const auto items = scope.answers.Of(call);
  if (items.empty()) return "";
  TargetList reader;
  return std::string(Trimmed(reader.Text(items[0], path)));
}

std::optional<net::SigV4Keys> AnswerKeys(const ApiScope& scope, std::string_view call, std::string_view token) {
  return MakeKeys(AnswerText(scope, call, "AccessKeyId"), AnswerText(scope, call, "SecretAccessKey"),
                  AnswerText(scope, call, token));
}

/// Keys before a role is taken on.
base::Result<net::SigV4Keys> OwnKeys(const ApiScope& scope) {
  if (auto keys = GivenKeys(scope)) return *std::move(keys);
  if (auto keys = AnswerKeys(scope, "aws_keys", "Token")) return *std::move(keys);
  return Fail(
      Code::kInvalidArgument,
      "no keys: give access_key and secret_key, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile");
}

bool NeedsKeys(const ApiScope& scope) { return !GivenKeys(scope); }
bool NeedsRegion(const ApiScope& scope) { return GivenRegion(scope).empty(); }
bool NeedsMetadata(const ApiScope& scope) { return NeedsKeys(scope) || NeedsRegion(scope); }
bool NeedsRole(const ApiScope& scope) { return !scope.record.Text("role_arn").empty(); }

/// To the machine's own service of metadata.
void SendToMetadata(std::string_view path, const ApiScope& scope, net::FetchRequest& request) {
  request.url = fmt::format("{}{}", kMetadata, path);
  request.unix_socket.clear();
  request.headers.Set("X-aws-ec2-metadata-token", AnswerText(scope, "aws_token", "text"));
}

base::Result<> PrepareToken(const ApiScope& /*scope*/, net::FetchRequest& request) {
  request.url = fmt::format("{}/latest/api/token", kMetadata);
  request.headers.Set("X-aws-ec2-metadata-token-ttl-seconds", std::string(kTokenSeconds));
  return {};
}

base::Result<> PrepareRegion(const ApiScope& scope, net::FetchRequest& request) {
  SendToMetadata("/latest/meta-data/placement/region", scope, request);
  return {};
}

base::Result<> PrepareRole(const ApiScope& scope, net::FetchRequest& request) {
  SendToMetadata("/latest/meta-data/iam/security-credentials/", scope, request);
  return {};
}

base::Result<> PrepareKeys(const ApiScope& scope, net::FetchRequest& request) {
  const std::string roles = AnswerText(scope, "aws_role", "text");
  const std::string role = roles.substr(0, roles.find('\n'));
  SendToMetadata("/latest/meta-data/iam/security-credentials/" + net::UrlEncode(Trimmed(role)), scope, request);
  return {};
}

/// Regions in China have a domain of their own.
std::string_view DomainOf(std::string_view region) {
  return region.starts_with("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
}

base::Result<> PrepareAssumeRole(const ApiScope& scope, net::FetchRequest& request) {
  const std::string region = BARO_TRY(AwsRegion(scope));
  net::Params params{{"Action", "AssumeRole"},
                     {"Version", "2011-06-15"},
                     {"RoleArn", scope.record.Text("role_arn")},
                     {"RoleSessionName", "barograph"}};
  if (const std::string& id = scope.record.Text("external_id"); !id.empty()) params.Add("ExternalId", id);
  request.url = fmt::format("https://sts.{}.{}/?{}", region, DomainOf(region), net::EncodeQuery(params));
  const net::SigV4Keys keys = BARO_TRY(OwnKeys(scope));
  return net::SignV4(keys, {.region = region, .service = "sts"}, scope.clock.Now(), request);
}

}  // namespace

constinit const ApiCall kAwsMetadataToken = {.name = "aws_token",
                                             .path = "/",
                                             .method = net::Method::kPut,
                                             .form = AnswerForm::kText,
                                             .is_wanted = NeedsMetadata,
                                             .prepare = PrepareToken};
constinit const ApiCall kAwsMetadataRegion = {
    .name = "aws_region", .path = "/", .form = AnswerForm::kText, .is_wanted = NeedsRegion, .prepare = PrepareRegion};
constinit const ApiCall kAwsMetadataRole = {
    .name = "aws_role", .path = "/", .form = AnswerForm::kText, .is_wanted = NeedsKeys, .prepare = PrepareRole};
constinit const ApiCall kAwsMetadataKeys = {
    .name = "aws_keys", .path = "/", .is_wanted = NeedsKeys, .prepare = PrepareKeys};
constinit const ApiCall kAwsAssumeRole = {.name = "aws_role_keys",
                                          .path = "/",
                                          .items = "AssumeRoleResult.Credentials",
                                          .form = AnswerForm::kXml,
                                          .is_wanted = NeedsRole,
                                          .prepare = PrepareAssumeRole};

base::Result<std::string> AwsRegion(const ApiScope& scope) {
  std::string region = GivenRegion(scope);
  if (region.empty()) region = AnswerText(scope, "aws_region", "text");
  if (region.empty()) return Fail(Code::kInvalidArgument, "no region: give the field region, or set AWS_REGION");
  return region;
}

base::Result<> SignForAws(const ApiScope& scope, std::string_view service, net::FetchRequest& request) {
  const std::string region = BARO_TRY(AwsRegion(scope));
  std::string origin = scope.record.Text("endpoint");
  if (origin.empty()) origin = fmt::format("https://{}.{}.{}", service, region, DomainOf(region));
  while (origin.ends_with('/')) origin.pop_back();
  const net::Url url = BARO_TRY(net::ParseUrl(request.url));
  request.url = origin + url.target;
  auto keys = AnswerKeys(scope, "aws_role_keys", "SessionToken");
  if (!keys) keys = BARO_TRY(OwnKeys(scope));
  return net::SignV4(*keys, {.region = region, .service = std::string(service)}, scope.clock.Now(), request);
}

std::string IniValue(std::string_view text, std::string_view section, std::string_view name) {
  bool is_there = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = Trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with('[') && line.ends_with(']')) {
      is_there = Trimmed(line.substr(1, line.size() - 2)) == section;
    } else if (const std::size_t equals = line.find('=');
               is_there && equals != std::string_view::npos && Trimmed(line.substr(0, equals)) == name) {
      return std::string(Trimmed(line.substr(equals + 1)));
    }
  }
  return "";
}

}  // namespace baro::scraper
