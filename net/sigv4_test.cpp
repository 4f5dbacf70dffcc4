#include "net/sigv4.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace baro::net {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

// The keys and the moment of Amazon's published test suite, and the signatures that it gives.
const SigV4Keys kKeys{.access_key = "AKIDEXAMPLE",
                      .secret_key = base::Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                      .session_token = {}};
const SigV4Scope kScope{.region = "us-east-1", .service = "service"};
const base::WallTime kNow = base::FromMs(1'440'938'160'000);  // 2015-08-30T12:36:00Z

TEST(SigV4, SignsAsTheTestSuiteOfItsMakers) {
  struct Row {
    Method method;
    const char* url;
    const char* signature;
  };
  const Row kRows[] = {
      {Method::kGet, "https://example.amazonaws.com/",
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {Method::kPost, "https://example.amazonaws.com/",
       "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
      {Method::kGet, "https://example.amazonaws.com/?Param2=value2&Param1=value1",
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {Method::kGet, "https://example.amazonaws.com/a%3Ab/c",  // "/a%253Ab/c", by a plain implementation of the rules
       "8b6a6ceaa0b8912aa8b09a185b0fe52e32d6d8ab9e126ad0a5f682e47490d6fb"},
  };
  for (const Row& row : kRows) {
    FetchRequest request{.method = row.method, .url = row.url};
    ASSERT_TRUE(SignV4(kKeys, kScope, kNow, request));
    EXPECT_EQ(request.headers.Get("X-Amz-Date"), "20150830T123600Z");
    EXPECT_THAT(std::string(request.headers.Get("Authorization")),
                HasSubstr("Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                          "SignedHeaders=host;x-amz-date, Signature="));
    EXPECT_THAT(std::string(request.headers.Get("Authorization")), EndsWith(row.signature)) << row.url;
  }
}

TEST(SigV4, TheTokenAndAllHeadersAreSigned) {
  SigV4Keys keys = kKeys;
  keys.session_token = base::Secret("token");
  FetchRequest request{.url = "https://example.amazonaws.com/", .headers = {{"X-Amz-Target", "A.B"}}};
  ASSERT_TRUE(SignV4(keys, kScope, kNow, request));
  EXPECT_EQ(request.headers.Get("X-Amz-Security-Token"), "token");
  EXPECT_THAT(std::string(request.headers.Get("Authorization")),
              HasSubstr("SignedHeaders=host;x-amz-date;x-amz-security-token;x-amz-target,"));
  FetchRequest bad{.url = "nowhere"};
  EXPECT_FALSE(SignV4(keys, kScope, kNow, bad));
}

}  // namespace
}  // namespace baro::net
