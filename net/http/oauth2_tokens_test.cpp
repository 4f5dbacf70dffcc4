#include "net/http/oauth2_tokens.h"

#include <deque>
#include <fstream>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <nlohmann/json.hpp>

#include "net/http/credentials.h"
#include "net/jwt.h"

namespace baro::net::http {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Keeps what it is asked for; the test answers.
class ScriptedFetcher : public HttpFetcher {
 public:
  CallId Fetch(FetchRequest request, FetchOptions, FetchCallback callback) override {
    requests.push_back(std::move(request));
    waiting.push_back(std::move(callback));
    return static_cast<CallId>(requests.size());
  }
  void Cancel(CallId) override {}

  void Answer(int status, std::string body) {
    const auto callback = std::move(waiting.front());
    waiting.pop_front();
    FetchResponse answer;
    answer.status = status;
    answer.body = std::move(body);
    callback(std::move(answer));
  }

  std::vector<FetchRequest> requests;
  std::deque<FetchCallback> waiting;
};

struct OAuth2TokensTest : ::testing::Test {
  void Make(OAuth2Options options) {
    if (options.token_url.empty()) options.token_url = "https://auth.test/token";
    auto made = OAuth2Tokens::Make(std::move(options), fetcher, [this] { return now; });
    ASSERT_TRUE(made) << made.error().message();
    tokens = *std::move(made);
  }
  void Ask() {
    tokens->Fetch(
        [this](base::Result<base::Secret> got) { told.push_back(got ? got->Reveal() : got.error().message()); });
  }
  std::string Current() {
    const auto token = tokens->Current();
    return token ? token->Reveal() : "";
  }

  std::chrono::system_clock::time_point now{1'700'000'000s};
  std::shared_ptr<ScriptedFetcher> fetcher = std::make_shared<ScriptedFetcher>();
  std::unique_ptr<OAuth2Tokens> tokens;
  std::vector<std::string> told;
};

TEST_F(OAuth2TokensTest, OneFetchServesAllWhoWaitAndItsTokenIsKeptUntilShortlyBeforeItsEnd) {
  Make({.client_id = "a b",
        .client_secret = {.value = base::Secret("s:1")},
        .scopes = {"x", "y"},
        .endpoint_params = {{"resource", "r&1"}}});
  EXPECT_EQ(Current(), "");
  Ask();
  Ask();
  ASSERT_EQ(fetcher->requests.size(), 1U);
  EXPECT_EQ(fetcher->requests[0].headers.Get("Authorization"), "Basic YStiOnMlM0Ex");  // "a+b:s%3A1"
  EXPECT_EQ(fetcher->requests[0].body, "grant_type=client_credentials&scope=x+y&resource=r%261");
  fetcher->Answer(200, R"({"access_token": "t1", "token_type": "bearer", "expires_in": 60})");
  EXPECT_THAT(told, ElementsAre("Bearer t1", "Bearer t1"));
  EXPECT_EQ(Current(), "Bearer t1");
  now += 49s;
  EXPECT_EQ(Current(), "Bearer t1");
  now += 1s;
  EXPECT_EQ(Current(), "");
  Ask();
  fetcher->Answer(200, R"({"access_token": "t2"})");
  now += std::chrono::hours(100'000);
  EXPECT_EQ(Current(), "Bearer t2");  // without an end
  Ask();
  EXPECT_EQ(told.back(), "Bearer t2");
  EXPECT_EQ(fetcher->requests.size(), 2U) << "there is one already";
}

TEST_F(OAuth2TokensTest, AServerThatDoesNotKnowTheHeaderGetsIdAndSecretInTheForm) {
  Make({.client_id = "id", .client_secret = {.value = base::Secret("s")}});
  for (int round = 0; round < 2; ++round) {
    Ask();
    if (round == 0) fetcher->Answer(401, "");
    EXPECT_FALSE(fetcher->requests.back().headers.Has("Authorization"));
    EXPECT_EQ(fetcher->requests.back().body, "grant_type=client_credentials&client_id=id&client_secret=s");
    fetcher->Answer(200, R"({"access_token": "t", "expires_in": 1})");
  }
  EXPECT_EQ(fetcher->requests.size(), 3U);  // the second time it was known
}

TEST_F(OAuth2TokensTest, WhatGoesWrongIsToldAndTriedAgain) {
  Make({.client_id = "id"});
  struct Row {
    int status;
    const char* body;
    const char* want;
  };
  const Row kRows[] = {{500, "", "status 500"},
                       {403, R"({"error": "access_denied", "error_description": "no"})", "\"access_denied\", \"no\""},
                       {200, "x", "no JSON object"},
                       {200, R"({"access_token": 1})", "no access_token"},
                       {200, R"({"access_token": "a\nb"})", "cannot stand in a header"}};
  for (const Row& row : kRows) {
    Ask();
    while (!fetcher->waiting.empty()) fetcher->Answer(row.status, row.body);  // what is refused is asked in both ways
    EXPECT_THAT(told.back(), HasSubstr(row.want));
    EXPECT_THAT(told.back(), HasSubstr("https://auth.test/token"));
    EXPECT_EQ(Current(), "");
  }
}

TEST_F(OAuth2TokensTest, ARejectedTokenIsReplacedOnceAMinute) {
  Make({.client_id = "id"});
  const base::Secret first("Bearer t1");
  const base::Secret second("Bearer t2");
  Ask();
  fetcher->Answer(200, R"({"access_token": "t1"})");
  EXPECT_TRUE(tokens->Reject(first));
  EXPECT_EQ(Current(), "");
  EXPECT_TRUE(tokens->Reject(first)) << "a new one is to be had for all who had the old one";
  Ask();
  fetcher->Answer(200, R"({"access_token": "t2"})");
  EXPECT_TRUE(tokens->Reject(first));
  now += 59s;
  EXPECT_FALSE(tokens->Reject(second));
  EXPECT_EQ(Current(), "Bearer t2");
  now += 1s;
  EXPECT_TRUE(tokens->Reject(second));
  EXPECT_EQ(Current(), "");
  now -= 1h;
  Ask();
  fetcher->Answer(200, R"({"access_token": "t3"})");
  EXPECT_TRUE(tokens->Reject(base::Secret("Bearer t3"))) << "the clock was put back";
}

TEST_F(OAuth2TokensTest, ANewSecretGetsANewToken) {
  const std::string path = ::testing::TempDir() + "/net_oauth2_secret_" + std::to_string(::getpid());
  const auto write = [&](std::string_view text) { std::ofstream(path) << text; };
  write("s1\n");
  Make({.client_id = "id", .client_secret = {.file = path}});
  for (const char* secret : {"s1", "the second"}) {
    write(secret);
    Ask();
    EXPECT_EQ(fetcher->requests.back().headers.Get("Authorization"),
              std::string("Basic ") + Base64Encode(std::string("id:") + (secret[1] == '1' ? "s1" : "the+second")));
    fetcher->Answer(200, R"({"access_token": "t"})");
    EXPECT_EQ(Current(), "Bearer t");
  }
  write("number three");
  EXPECT_EQ(Current(), "");
  ::unlink(path.c_str());
}

std::string Decoded(std::string_view text) {
  std::string padded(text);
  for (char& c : padded) {
    if (c == '-') c = '+';
    if (c == '_') c = '/';
  }
  const std::size_t padding = (4 - padded.size() % 4) % 4;
  padded.append(padding, '=');
  std::string out(padded.size() / 4 * 3, '\0');
  EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(padded.data()),
                  static_cast<int>(padded.size()));
  out.resize(out.size() - padding);
  return out;
}

TEST_F(OAuth2TokensTest, TheJwtGrantSendsAnAssertionThatItsKeyHasSigned) {
  EVP_PKEY* const key = EVP_RSA_gen(2048);
  BIO* const memory = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(memory, key, nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  const std::string pem(data, static_cast<std::size_t>(size));
  BIO_free(memory);
  struct Row {
    const char* algorithm;
    const EVP_MD* digest;
  };
  std::set<std::string> assertions;
  for (const Row& row : {Row{"RS256", EVP_sha256()}, Row{"RS384", EVP_sha384()}, Row{"RS512", EVP_sha512()}}) {
    Make({.client_id = "id",
          .grant_type = std::string(kJwtBearerGrant),
          .client_certificate_key = {.value = base::Secret(pem)},
          .client_certificate_key_id = "k1",
          .signature_algorithm = row.algorithm,
          .audience = "aud",
          .claims = R"({"x": [1], "sub": "me"})",
          .scopes = {"s"}});
    Ask();
    const auto form = ParseQuery(fetcher->requests.back().body);
    EXPECT_EQ(form->Get("grant_type"), kJwtBearerGrant);
    const std::string assertion(form->Get("assertion"));
    const auto first = assertion.find('.');
    const auto second = assertion.rfind('.');
    const auto header = nlohmann::json::parse(Decoded(assertion.substr(0, first)));
    EXPECT_EQ(header, (nlohmann::json{{"alg", row.algorithm}, {"typ", "JWT"}, {"kid", "k1"}}));
    auto payload = nlohmann::json::parse(Decoded(assertion.substr(first + 1, second - first - 1)));
    EXPECT_TRUE(assertions.insert(payload["jti"].get<std::string>()).second);
    payload.erase("jti");
    EXPECT_EQ(payload, (nlohmann::json{{"iss", "id"},
                                       {"sub", "me"},
                                       {"aud", "aud"},
                                       {"scope", "s"},
                                       {"iat", 1'700'000'000},
                                       {"exp", 1'700'000'600},
                                       {"x", {1}}}));
    const std::string signature = Decoded(assertion.substr(second + 1));
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    EVP_DigestVerifyInit(context, nullptr, row.digest, nullptr, key);
    EXPECT_EQ(EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                               reinterpret_cast<const unsigned char*>(assertion.data()), second),
              1);
    EVP_MD_CTX_free(context);
    fetcher->Answer(200, R"({"access_token": "t"})");
  }
  EVP_PKEY_free(key);
  Make({.client_id = "id",
        .grant_type = std::string(kJwtBearerGrant),
        .client_certificate_key = {.value = base::Secret("secret text")}});
  Ask();
  EXPECT_EQ(told.back(), "oauth2: the key is no PEM of a private key without password");
}

TEST(OAuth2TokensMake, RefusesWhatCannotWork) {
  const auto now = [] { return std::chrono::system_clock::time_point(); };
  const auto without_url = OAuth2Tokens::Make({.token_url = "x"}, nullptr, now);
  ASSERT_TRUE(without_url) << "it is an error when it is asked for a token";
  std::string error;
  (*without_url)->Fetch([&](const base::Result<base::Secret>& told) { error = told.error().message(); });
  EXPECT_TRUE(error.starts_with("oauth2: token_url: ")) << error;
  EXPECT_FALSE(OAuth2Tokens::Make({.grant_type = "password", .token_url = "http://a/"}, nullptr, now));
  EXPECT_FALSE(OAuth2Tokens::Make({.claims = "[1]", .token_url = "http://a/"}, nullptr, now));
}

}  // namespace
}  // namespace baro::net::http
