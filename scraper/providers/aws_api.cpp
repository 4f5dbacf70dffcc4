#include "scraper/providers/aws_api.h"

#include <algorithm>

#include <fmt/format.h>

namespace baro::scraper {
namespace {

using base::Code;
using base::Fail;

constexpr std::size_t kFileBytesMax = 1024 * 1024;
constexpr std::string_view kMetadata = "http://169.254.169.254";
constexpr std::string_view kContainerHost = "http://169.254.170.2";
constexpr std::string_view kTokenSeconds = "21600";

std::string_view Trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::string Profile(const ApiScope& scope) {
  if (const std::string& field = scope.record.Text("profile"); !field.empty()) return field;
  const std::string variable = scope.Variable("AWS_PROFILE");
  return variable.empty() ? "default" : variable;
}

/// One of the two files of shared settings; "" if it cannot be read.
std::string SharedFile(const ApiScope& scope, const std::string& variable, const std::string& name) {
  std::string path = scope.Variable(variable);
  if (path.empty()) {
    const std::string home = scope.Variable("HOME");
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

/// Who has the keys, before a role is taken on.
/// kNowhere: a profile was asked for by name and has none; those of the machine may be another account's.
enum class KeyPlace : std::uint8_t { kGiven, kWebIdentity, kContainer, kMachine, kNowhere };

struct FoundKeys {
  KeyPlace place = KeyPlace::kMachine;
  std::optional<net::SigV4Keys> keys;  ///< of kGiven
};

std::optional<net::SigV4Keys> ProfileKeys(const ApiScope& scope) {
  return MakeKeys(ProfileValue(scope, "aws_access_key_id"), ProfileValue(scope, "aws_secret_access_key"),
                  ProfileValue(scope, "aws_session_token"));
}

/// What can be known without a call.
FoundKeys FindKeys(const ApiScope& scope) {
  const auto& secret = scope.record.Get<net::SecretSource>("secret_key").value;
  if (auto keys = MakeKeys(scope.record.Text("access_key"), secret.Reveal(), "")) {
    return {.place = KeyPlace::kGiven, .keys = std::move(keys)};
  }
  if (scope.record.Text("profile").empty()) {
    auto keys = MakeKeys(scope.Variable("AWS_ACCESS_KEY_ID"), scope.Variable("AWS_SECRET_ACCESS_KEY"),
                         scope.Variable("AWS_SESSION_TOKEN"));
    if (keys) return {.place = KeyPlace::kGiven, .keys = std::move(keys)};
    if (!scope.Variable("AWS_WEB_IDENTITY_TOKEN_FILE").empty()) return {.place = KeyPlace::kWebIdentity};
  }
  if (auto keys = ProfileKeys(scope)) return {.place = KeyPlace::kGiven, .keys = std::move(keys)};
  if (!scope.record.Text("profile").empty() || !scope.Variable("AWS_PROFILE").empty()) {
    return {.place = KeyPlace::kNowhere};
  }
  for (const char* const name : {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"}) {
    if (!scope.Variable(name).empty()) return {.place = KeyPlace::kContainer};
  }
  return {};
}

std::string GivenRegion(const ApiScope& scope) {
  std::string region = scope.record.Text("region");
  if (region.empty()) region = scope.Variable("AWS_REGION");
  if (region.empty()) region = scope.Variable("AWS_DEFAULT_REGION");
  if (region.empty()) region = ProfileValue(scope, "region");
  return region;
}

std::optional<net::SigV4Keys> AnswerKeys(const ApiScope& scope, std::string_view call, std::string_view token) {
  return MakeKeys(scope.Answer(call, "AccessKeyId"), scope.Answer(call, "SecretAccessKey"), scope.Answer(call, token));
}

/// Keys before a role is taken on.
base::Result<net::SigV4Keys> OwnKeys(const ApiScope& scope) {
  auto found = FindKeys(scope);
  if (found.keys) return *std::move(found.keys);
  if (found.place == KeyPlace::kNowhere) {
    return Fail(Code::kInvalidArgument,
                fmt::format("profile \"{}\" has no aws_access_key_id and aws_secret_access_key in the files of "
                            "credentials and configuration; roles and single sign-on of profiles are not served",
                            Profile(scope)));
  }
  if (auto keys = AnswerKeys(scope, "aws_web_keys", "SessionToken")) return *std::move(keys);
  if (auto keys = AnswerKeys(scope, "aws_container_keys", "Token")) return *std::move(keys);
  if (auto keys = AnswerKeys(scope, "aws_keys", "Token")) return *std::move(keys);
  return Fail(
      Code::kInvalidArgument,
      "no keys: give access_key and secret_key, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile");
}

bool NeedsMachineKeys(const ApiScope& scope) { return FindKeys(scope).place == KeyPlace::kMachine; }
bool NeedsWebKeys(const ApiScope& scope) { return FindKeys(scope).place == KeyPlace::kWebIdentity; }
bool NeedsContainerKeys(const ApiScope& scope) { return FindKeys(scope).place == KeyPlace::kContainer; }
bool NeedsRegion(const ApiScope& scope) { return GivenRegion(scope).empty(); }
bool NeedsMetadata(const ApiScope& scope) { return NeedsMachineKeys(scope) || NeedsRegion(scope); }
bool NeedsRole(const ApiScope& scope) { return !scope.record.Text("role_arn").empty(); }

/// To the machine's own service of metadata.
void SendToMetadata(std::string_view path, const ApiScope& scope, net::FetchRequest& request) {
  request.url = fmt::format("{}{}", kMetadata, path);
  request.unix_socket.clear();
  request.headers.Set("X-aws-ec2-metadata-token", scope.Answer("aws_token", "text"));
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
  const std::string roles = scope.Answer("aws_role", "text");
  const std::string role = roles.substr(0, roles.find('\n'));
  SendToMetadata("/latest/meta-data/iam/security-credentials/" + net::UrlEncode(Trimmed(role)), scope, request);
  return {};
}

/// Regions in China have a domain of their own.
std::string_view DomainOf(std::string_view region) {
  return region.starts_with("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
}

/// The secret goes over an encrypted connection, or to an address that does not leave the machine.
base::Result<> CheckContainerUrl(const std::string& text) {
  constexpr std::string_view kHosts[] = {"169.254.170.2", "169.254.170.23", "fd00:ec2::23", "127.0.0.1",
                                         "::1",           "localhost"};
  const net::Url url = BARO_TRY(net::ParseUrl(text));
  if (url.scheme == "https" || std::ranges::find(kHosts, url.host) != std::end(kHosts)) return {};
  return Fail(Code::kInvalidArgument, "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor on this machine");
}

base::Result<> PrepareContainerKeys(const ApiScope& scope, net::FetchRequest& request) {
  const std::string path = scope.Variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  request.url =
      path.empty() ? scope.Variable("AWS_CONTAINER_CREDENTIALS_FULL_URI") : fmt::format("{}{}", kContainerHost, path);
  BARO_TRY(CheckContainerUrl(request.url));
  std::string token = scope.Variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  if (const std::string file = scope.Variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); !file.empty()) {
    token = Trimmed(BARO_TRY(base::ReadFile(scope.files, file, kFileBytesMax)));
  }
  if (!token.empty()) request.headers.Set("Authorization", token);
  return {};
}

/// The address of the service that lends keys.
base::Result<std::string> StsUrl(const ApiScope& scope) {
  const std::string region = BARO_TRY(AwsRegion(scope));
  return fmt::format("https://sts.{}.{}/", region, DomainOf(region));
}

/// The token proves who asks: the request is not signed.
base::Result<> PrepareWebKeys(const ApiScope& scope, net::FetchRequest& request) {
  request.url = BARO_TRY(StsUrl(scope));
  const std::string token =
      BARO_TRY(base::ReadFile(scope.files, scope.Variable("AWS_WEB_IDENTITY_TOKEN_FILE"), kFileBytesMax));
  const std::string session = scope.Variable("AWS_ROLE_SESSION_NAME");
  request.headers.Set("Content-Type", "application/x-www-form-urlencoded");
  request.body = net::EncodeQuery({{"Action", "AssumeRoleWithWebIdentity"},
                                   {"Version", "2011-06-15"},
                                   {"RoleArn", scope.Variable("AWS_ROLE_ARN")},
                                   {"RoleSessionName", session.empty() ? "barograph" : session},
                                   {"WebIdentityToken", std::string(Trimmed(token))}});
  return {};
}

base::Result<> PrepareAssumeRole(const ApiScope& scope, net::FetchRequest& request) {
  net::Params params{{"Action", "AssumeRole"},
                     {"Version", "2011-06-15"},
                     {"RoleArn", scope.record.Text("role_arn")},
                     {"RoleSessionName", "barograph"}};
  if (const std::string& id = scope.record.Text("external_id"); !id.empty()) params.Add("ExternalId", id);
  const std::string url = BARO_TRY(StsUrl(scope));
  const std::string region = BARO_TRY(AwsRegion(scope));
  const net::SigV4Keys keys = BARO_TRY(OwnKeys(scope));
  request.url = fmt::format("{}?{}", url, net::EncodeQuery(params));
  return net::SignV4(keys, {.region = region, .service = "sts"}, scope.clock.Now(), request);
}

constexpr ApiCall kLogin[] = {
    {.name = "aws_token",
     .path = "/",
     .method = net::Method::kPut,
     .form = AnswerForm::kText,
     .route = Route::kMachine,
     .is_wanted = NeedsMetadata,
     .prepare = PrepareToken},
    {.name = "aws_region",
     .path = "/",
     .form = AnswerForm::kText,
     .route = Route::kMachine,
     .is_wanted = NeedsRegion,
     .prepare = PrepareRegion},
    {.name = "aws_web_keys",
     .path = "/",
     .items = "AssumeRoleWithWebIdentityResult.Credentials",
     .method = net::Method::kPost,
     .form = AnswerForm::kXml,
     .route = Route::kLogin,
     .is_secret = true,
     .is_wanted = NeedsWebKeys,
     .prepare = PrepareWebKeys},
    {.name = "aws_container_keys",
     .path = "/",
     .route = Route::kMachine,
     .is_secret = true,
     .is_wanted = NeedsContainerKeys,
     .prepare = PrepareContainerKeys},
    {.name = "aws_role",
     .path = "/",
     .form = AnswerForm::kText,
     .route = Route::kMachine,
     .is_wanted = NeedsMachineKeys,
     .prepare = PrepareRole},
    {.name = "aws_keys", .path = "/", .route = Route::kMachine, .is_wanted = NeedsMachineKeys, .prepare = PrepareKeys},
    {.name = "aws_role_keys",
     .path = "/",
     .items = "AssumeRoleResult.Credentials",
     .form = AnswerForm::kXml,
     .route = Route::kLogin,
     .is_wanted = NeedsRole,
     .prepare = PrepareAssumeRole}};

}  // namespace

std::span<const ApiCall> AwsLogin() { return kLogin; }

base::Result<std::string> AwsRegion(const ApiScope& scope) {
  std::string region = GivenRegion(scope);
  if (region.empty()) region = scope.Answer("aws_region", "text");
  if (region.empty()) return Fail(Code::kInvalidArgument, "no region: give the field region, or set AWS_REGION");
  return region;
}

base::Result<> SignForAws(const ApiScope& scope, std::string_view service, net::FetchRequest& request,
                          AwsEndpoint endpoint) {
  const std::string region = BARO_TRY(AwsRegion(scope));
  std::string origin = endpoint == AwsEndpoint::kConfigured ? scope.record.Text("endpoint") : "";
  if (origin.empty()) origin = fmt::format("https://{}.{}.{}", service, region, DomainOf(region));
  while (origin.ends_with('/')) origin.pop_back();
  const net::Url url = BARO_TRY(net::ParseUrl(request.url));
  request.url = origin + url.target;
  auto keys = AnswerKeys(scope, "aws_role_keys", "SessionToken");
  if (!keys) keys = BARO_TRY(OwnKeys(scope));
  return net::SignV4(*keys, {.region = region, .service = std::string(service)}, scope.clock.Now(), request);
}

base::Result<> SignAwsJson(const ApiScope& scope, std::string_view service, std::string_view target, Json body,
                           net::FetchRequest& request) {
  if (const std::size_t mark = request.url.find('?'); mark != std::string::npos) {
    const net::Params params = BARO_TRY(net::ParseQuery(std::string_view(request.url).substr(mark + 1)));
    for (const auto& [name, value] : params) body[name] = value;
    request.url.resize(mark);
  }
  request.headers.Set("Content-Type", "application/x-amz-json-1.1");
  request.headers.Set("X-Amz-Target", std::string(target));
  request.body = body.dump(-1, ' ', true, Json::error_handler_t::replace);
  return SignForAws(scope, service, request);
}

std::span<const Json> AwsElements(const Json& from, std::string_view path) {
  const Json* const list = FindJson(from, path);
  if (list == nullptr || !list->is_object() || list->size() != 1) return {};
  return ItemsAt(list->begin().value(), "");
}

void AddAwsTags(std::span<const Json> tags, AwsTagNames names, const std::string& label, TargetList& list,
                LabelMap& labels) {
  const bool is_lower = names == AwsTagNames::kLower;
  for (const Json& tag : tags) {
    labels[label + CleanLabelName(list.Text(tag, is_lower ? "key" : "Key"))] =
        list.Text(tag, is_lower ? "value" : "Value");
  }
}

void AddAwsTimes(std::span<const LabelRow> rows, const Json& item, TargetList& list, LabelMap& labels) {
  for (const LabelRow& row : rows) {
    std::string text = list.Text(item, row.path);
    if (const std::size_t dot = text.find('.'); dot != std::string::npos) {
      text.erase(dot, std::min(text.find_first_not_of("0123456789", dot + 1), text.size()) - dot);
    }
    labels[std::string(row.label)] = std::move(text);
  }
}

void AddAwsBatches(const std::string& cluster, std::span<const std::string> ids, std::size_t count,
                   std::vector<Json>& batches) {
  for (std::size_t at = 0; at < ids.size(); at += count) {
    Json part = Json::array();
    for (const std::string& id : ids.subspan(at, std::min(count, ids.size() - at))) part.push_back(id);
    batches.push_back({{"cluster", cluster}, {"ids", std::move(part)}});
  }
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
