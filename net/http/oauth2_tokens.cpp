#include "net/http/oauth2_tokens.h"

#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/mutex.h"
#include "base/random.h"
#include "net/http/credentials.h"
#include "net/jwt.h"
#include "net/tls/watched_file.h"

namespace baro::net::http {
namespace {

using base::Code;
using base::Fail;
using base::MutexLock;
using base::Result;
using base::Secret;
using nlohmann::json;
using std::chrono::seconds;
using TimePoint = std::chrono::system_clock::time_point;

// A token is not used in its last seconds: the request has a way to go, and clocks differ.
constexpr seconds kEarly{10};
constexpr seconds kRejectInterval{60};
constexpr seconds kAssertionLife{600};
constexpr seconds kLifeMax{10LL * 365 * 24 * 3600};  // of a token; numbers beyond it only serve to overflow

/// How the client says who it is (RFC 6749 section 2.3.1): servers must know the first, and many know only the second.
enum class Style : std::uint8_t { kHeader, kBody };

struct Token {
  Secret value;  ///< of Authorization
  Secret given_for;
  std::optional<TimePoint> ends_at;
};

std::string Dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

std::string Joined(const std::vector<std::string>& scopes) {
  std::string all;
  for (const std::string& scope : scopes) all += (all.empty() ? "" : " ") + scope;
  return all;
}

std::string FormEncode(const std::string& text) {
  std::string encoded = EncodeQuery({{text, ""}});
  encoded.pop_back();  // the "="
  return encoded;
}

std::string TextField(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>().substr(0, 200) : "";
}

/// What the server says of an error, RFC 6749 section 5.2.
std::string Reason(const FetchResponse& answer) {
  const json body = json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
  std::string reason = fmt::format("status {}", answer.status);
  if (!body.is_object()) return reason;
  for (const char* name : {"error", "error_description"}) {
    if (const std::string text = TextField(body, name); !text.empty()) reason += fmt::format(", {:?}", text);
  }
  return reason;
}

std::optional<seconds> LifeOf(const json& body) {
  const auto found = body.find("expires_in");
  if (found == body.end()) return std::nullopt;
  double life = 0;
  if (found->is_number()) life = found->get<double>();
  if (found->is_string()) life = std::strtod(found->get_ref<const std::string&>().c_str(), nullptr);  // some send text
  if (!(life > 0)) return std::nullopt;
  return seconds(static_cast<std::int64_t>(std::min(life, static_cast<double>(kLifeMax.count()))));
}

Result<Token> ReadToken(const FetchResponse& answer, TimePoint now) {
  const json body = json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
  if (!body.is_object()) return Fail(Code::kCorruption, "the answer is no JSON object");
  const auto found = body.find("access_token");
  if (found == body.end() || !found->is_string()) return Fail(Code::kCorruption, "the answer has no access_token");
  std::string type = TextField(body, "token_type");
  if (type.empty() || EqualsIgnoringCase(type, "bearer")) type = "Bearer";
  Token token{.value = Secret(fmt::format("{} {}", type, found->get_ref<const std::string&>()))};
  if (!IsToken(type) || !IsFieldValue(token.value.Reveal())) {
    return Fail(Code::kCorruption, "the access_token cannot stand in a header");
  }
  if (const auto life = LifeOf(body)) token.ends_at = now + *life;
  return token;
}

}  // namespace

struct OAuth2Tokens::State : std::enable_shared_from_this<State> {
  State(OAuth2Options given, std::string shown_url) : options(std::move(given)), token_url(std::move(shown_url)) {
    const SecretSource& source = is_jwt() ? options.client_certificate_key : options.client_secret;
    if (!source.file.empty()) secret_file.emplace(source.file);
  }

  bool is_jwt() const { return options.grant_type == kJwtBearerGrant; }
  Result<Secret> OwnSecret() BARO_REQUIRES(mutex);
  std::optional<Secret> Current() BARO_REQUIRES(mutex);
  Result<std::string> Assertion();
  Result<FetchRequest> MakeRequest(Style style);
  void Ask(Style style);
  void OnAnswer(Style style, Result<FetchResponse> answer);
  void Finish(Result<Token> token);

  const OAuth2Options options;
  const std::string token_url;           // without a password that may stand in it
  std::optional<base::Error> url_error;  // why nobody can be asked
  Now now;
  json claims = json::object();
  std::weak_ptr<HttpFetcher> fetcher;

  base::Mutex mutex;  // a leaf
  std::optional<Token> token BARO_GUARDED_BY(mutex);
  std::optional<TimePoint> rejected_at BARO_GUARDED_BY(mutex);
  std::vector<Done> waiting BARO_GUARDED_BY(mutex);
  bool is_fetching BARO_GUARDED_BY(mutex) = false;
  std::optional<tls::WatchedFile> secret_file BARO_GUARDED_BY(mutex);
  // Touched by the fetch that runs.
  Style style = Style::kHeader;
  bool is_style_known = false;
  Secret secret;  // asked with
};

// What the client proves itself with.
Result<Secret> OAuth2Tokens::State::OwnSecret() {
  if (!secret_file) return (is_jwt() ? options.client_certificate_key : options.client_secret).value;
  const auto content = BARO_TRY(secret_file->Get(/*is_trimmed=*/true));
  return Secret(std::string(content));
}

std::optional<Secret> OAuth2Tokens::State::Current() {
  if (!token || (token->ends_at && *token->ends_at - kEarly <= now())) return std::nullopt;
  if (const auto present = OwnSecret(); present && *present != token->given_for) return std::nullopt;
  return token->value;
}

Result<std::string> OAuth2Tokens::State::Assertion() {
  const auto issued = std::chrono::duration_cast<seconds>(now().time_since_epoch());
  json payload = {{"iss", options.iss.empty() ? options.client_id : options.iss},
                  {"sub", options.client_id},
                  {"aud", options.audience.empty() ? options.token_url : options.audience},
                  {"jti", fmt::format("{:016x}{:016x}", base::RealRandom().NextU64(), base::RealRandom().NextU64())},
                  {"iat", issued.count()},
                  {"exp", (issued + kAssertionLife).count()}};
  if (!options.scopes.empty()) payload["scope"] = Joined(options.scopes);
  for (const auto& [name, value] : claims.items()) payload[name] = value;
  return SignJwt(Dump(payload), secret.Reveal(),
                 options.signature_algorithm.empty() ? "RS256" : options.signature_algorithm,
                 options.client_certificate_key_id);
}

Result<FetchRequest> OAuth2Tokens::State::MakeRequest(Style how) {
  FetchRequest request{.method = Method::kPost, .url = options.token_url};
  request.headers.Add("Content-Type", "application/x-www-form-urlencoded");
  request.headers.Add("Accept", "application/json");
  {
    const MutexLock lock(mutex);
    secret = BARO_TRY(OwnSecret());
  }
  Params form;
  if (is_jwt()) {
    form.Add("grant_type", std::string(kJwtBearerGrant));
    form.Add("assertion", BARO_TRY(Assertion()));
  } else {
    form.Add("grant_type", "client_credentials");
    if (how == Style::kHeader) {
      const std::string pair = fmt::format("{}:{}", FormEncode(options.client_id), FormEncode(secret.Reveal()));
      request.headers.Add("Authorization", fmt::format("Basic {}", Base64Encode(pair)));
    } else {
      form.Add("client_id", options.client_id);
      if (!secret.empty()) form.Add("client_secret", secret.Reveal());
    }
  }
  if (!options.scopes.empty()) form.Add("scope", Joined(options.scopes));
  for (const auto& [name, value] : options.endpoint_params) form.Add(name, value);
  request.body = EncodeQuery(form);
  return request;
}

void OAuth2Tokens::State::Ask(Style how) {
  if (url_error) return Finish(*url_error);
  auto request = MakeRequest(how);
  if (!request) return Finish(request.error().WithContext("oauth2"));
  const auto client = fetcher.lock();
  if (!client) return Finish(Fail(Code::kCancelled, "oauth2: the client has ended"));
  client->Fetch(
      *std::move(request), {.body_bytes_max = 1024 * 1024, .redirects_max = 0},
      [self = shared_from_this(), how](Result<FetchResponse> answer) { self->OnAnswer(how, std::move(answer)); });
}

void OAuth2Tokens::State::OnAnswer(Style how, Result<FetchResponse> answer) {
  const std::string doing = fmt::format("oauth2: asking {} for a token", token_url);
  if (!answer) return Finish(answer.error().WithContext(doing));
  const bool is_refused = answer->status / 100 == 4;
  if (is_refused && !is_jwt() && !is_style_known && how == Style::kHeader) return Ask(Style::kBody);
  if (answer->status / 100 != 2) {
    return Finish(
        Fail(is_refused ? Code::kPermissionDenied : Code::kIo, fmt::format("{}: {}", doing, Reason(*answer))));
  }
  auto got = ReadToken(*answer, now());
  if (!got) return Finish(got.error().WithContext(doing));
  got->given_for = secret;
  style = how;
  is_style_known = true;
  Finish(std::move(got));
}

void OAuth2Tokens::State::Finish(Result<Token> got) {
  std::vector<Done> told;
  {
    const MutexLock lock(mutex);
    is_fetching = false;
    told.swap(waiting);
    if (got) token = *got;
  }
  for (const Done& done : told) done(got ? Result<Secret>(got->value) : Result<Secret>(got.error()));
}

OAuth2Tokens::OAuth2Tokens(std::shared_ptr<State> state, std::shared_ptr<HttpFetcher> fetcher)
    : state_(std::move(state)), fetcher_(std::move(fetcher)) {}

OAuth2Tokens::~OAuth2Tokens() = default;

Result<std::unique_ptr<OAuth2Tokens>> OAuth2Tokens::Make(OAuth2Options options, std::shared_ptr<HttpFetcher> fetcher,
                                                         Now now) {
  const auto url = ParseUrl(options.token_url);
  if (!options.grant_type.empty() && options.grant_type != "client_credentials" &&
      options.grant_type != kJwtBearerGrant) {
    return Fail(Code::kInvalidArgument, fmt::format("oauth2: grant_type {:?}: want client_credentials or {}",
                                                    options.grant_type, kJwtBearerGrant));
  }
  auto state = std::make_shared<State>(std::move(options), url ? url->ToString() : "");
  if (!url) state->url_error = url.error().WithContext("oauth2: token_url");
  if (!state->options.claims.empty()) {
    state->claims = json::parse(state->options.claims, nullptr, /*allow_exceptions=*/false);
    if (!state->claims.is_object()) return Fail(Code::kInvalidArgument, "oauth2: claims are no mapping");
  }
  state->now = std::move(now);
  state->fetcher = fetcher;
  return std::unique_ptr<OAuth2Tokens>(new OAuth2Tokens(std::move(state), std::move(fetcher)));
}

std::optional<Secret> OAuth2Tokens::Current() {
  const MutexLock lock(state_->mutex);
  return state_->Current();
}

void OAuth2Tokens::Fetch(const Done& done) {
  std::optional<Secret> ready;  // since the caller looked
  {
    const MutexLock lock(state_->mutex);
    ready = state_->Current();
    if (!ready) {
      state_->waiting.push_back(done);
      if (state_->is_fetching) return;
      state_->is_fetching = true;
    }
  }
  if (ready) return done(*std::move(ready));
  state_->Ask(state_->style);
}

bool OAuth2Tokens::Reject(const Secret& value) {
  const MutexLock lock(state_->mutex);
  if (!state_->token || state_->token->value != value) return true;
  const auto now = state_->now();
  if (state_->rejected_at && now >= *state_->rejected_at && now - *state_->rejected_at < kRejectInterval) return false;
  state_->rejected_at = now;
  state_->token.reset();
  return true;
}

}  // namespace baro::net::http
