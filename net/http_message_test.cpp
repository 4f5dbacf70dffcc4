#include "net/http_message.h"

#include <random>

#include <gtest/gtest.h>

namespace baro::net {
namespace {

TEST(HeaderFields, ComparesNamesWithoutCaseAndKeepsOrder) {
  HeaderFields fields{{"Accept", "a"}, {"X-One", "1"}, {"accept", "b"}};
  EXPECT_EQ(fields.Get("ACCEPT"), "a");
  EXPECT_EQ(fields.All("Accept"), (std::vector<std::string_view>{"a", "b"}));
  fields.Set("ACCEPT", "c");
  EXPECT_EQ(fields, (HeaderFields{{"Accept", "c"}, {"X-One", "1"}}));
  fields.Remove("x-one");
  EXPECT_FALSE(fields.Has("X-One"));
  EXPECT_EQ(fields.Get("X-One"), "");
}

TEST(Method, IsFoundByItsExactName) {
  for (const auto method :
       {Method::kGet, Method::kHead, Method::kPost, Method::kPut, Method::kDelete, Method::kPatch, Method::kOptions}) {
    EXPECT_EQ(ParseMethod(MethodName(method)), method);
  }
  EXPECT_EQ(ParseMethod("get"), std::nullopt);
  EXPECT_EQ(ParseMethod("CONNECT"), std::nullopt);
}

TEST(StatusPhrase, KnowsWhatWeSend) {
  EXPECT_EQ(StatusPhrase(100), "Continue");
  EXPECT_EQ(StatusPhrase(404), "Not Found");
  EXPECT_EQ(StatusPhrase(505), "HTTP Version Not Supported");
  EXPECT_EQ(StatusPhrase(299), "Unknown");
  EXPECT_EQ(StatusPhrase(999), "Unknown");
}

TEST(FormatHttpDate, WritesTheExampleOfTheStandard) {
  EXPECT_EQ(FormatHttpDate(std::chrono::sys_seconds(std::chrono::seconds(784111777))), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(FieldGrammar, RefusesControlCharactersAndOuterSpace) {
  EXPECT_TRUE(IsFieldValue("text/plain; q=0.5\tx"));
  EXPECT_TRUE(IsFieldValue(""));
  for (const std::string_view bad : {" a", "a ", "a\r\nX: y", "a\nb", "\x7f"}) EXPECT_FALSE(IsFieldValue(bad)) << bad;
  EXPECT_FALSE(IsFieldValue(std::string_view("a\0b", 3)));
  EXPECT_TRUE(IsToken("X-Prometheus-Scrape-Timeout-Seconds"));
  for (const std::string_view bad : {"", "a b", "a:", "a\n", "ä"}) EXPECT_FALSE(IsToken(bad)) << bad;
  EXPECT_FALSE(IsToken(std::string_view("\0", 1)));
}

TEST(MediaType, DropsParametersAndCase) {
  EXPECT_EQ(MediaType(" Text/HTML ; charset=utf-8"), "text/html");
  EXPECT_EQ(MediaType(""), "");
}

TEST(ParseUrl, TakesUrlsApart) {
  struct Row {
    std::string_view text, scheme, host;
    int port;
    std::string_view target, header;
  };
  constexpr Row kRows[] = {
      {"http://localhost", "http", "localhost", 80, "/", "localhost"},
      {"HTTP://LocalHost:9100/Metrics?a=b#c", "http", "localhost", 9100, "/Metrics?a=b", "localhost:9100"},
      {"https://example.org", "https", "example.org", 443, "/", "example.org"},
      {"https://example.org:443/", "https", "example.org", 443, "/", "example.org"},
      {"https://example.org:80/", "https", "example.org", 80, "/", "example.org:80"},
      {"http://[::1]:9090/x", "http", "::1", 9090, "/x", "[::1]:9090"},
      {"http://[fe80::1%eth0]/", "http", "fe80::1%eth0", 80, "/", "[fe80::1%eth0]"},
      {"http://u:p@host/", "http", "host", 80, "/", "host"},
      {"http://host?x=1", "http", "host", 80, "/?x=1", "host"},
      {"http://host/a b\xc3\xa4", "http", "host", 80, "/a%20b%C3%A4", "host"},
      {"http://my_host.svc/", "http", "my_host.svc", 80, "/", "my_host.svc"},
      {"http://host:/", "http", "host", 80, "/", "host"},
  };
  for (const auto& row : kRows) {
    const auto url = ParseUrl(row.text);
    ASSERT_TRUE(url) << row.text << ": " << url.error().message();
    EXPECT_EQ(url->scheme, row.scheme) << row.text;
    EXPECT_EQ(url->host, row.host) << row.text;
    EXPECT_EQ(url->port, row.port) << row.text;
    EXPECT_EQ(url->target, row.target) << row.text;
    EXPECT_EQ(url->HostHeader(), row.header) << row.text;
  }
  EXPECT_EQ(ParseUrl("http://u:p@host/")->userinfo, "u:p");
  EXPECT_EQ(ParseUrl("http://u:p@host/x")->ToString(), "http://host/x");
}

TEST(ParseUrl, RefusesWhatIsNoHttpUrlAndHidesPasswords) {
  const std::string long_url = "http://host/" + std::string(kUrlBytesMax, 'a');
  for (const std::string_view bad :
       {std::string_view(""), std::string_view("host:9090"), std::string_view("ftp://host/"),
        std::string_view("http://"), std::string_view("http:///x"), std::string_view("http://host:0/"),
        std::string_view("http://host:65536/"), std::string_view("http://host:9x/"), std::string_view("http://ho st/"),
        std::string_view("http://[::1/"), std::string_view("http://[zz]/"), std::string_view("http://host/\r\nX: y"),
        std::string_view("http://a\\b/"), std::string_view("http://[::1]x/"), std::string_view(long_url)}) {
    const auto url = ParseUrl(bad);
    ASSERT_FALSE(url) << bad.substr(0, 100);
    EXPECT_EQ(url.error().code(), base::Code::kInvalidArgument);
  }
  EXPECT_EQ(ParseUrl("http://user:hunter2@host:99999/").error().message().find("hunter2"), std::string::npos);
}

// The normal examples of RFC 3986 section 5.4.1, without fragments, and some of 5.4.2.
TEST(ResolveUrl, FollowsTheExamplesOfTheStandard) {
  const auto base = ParseUrl("http://a/b/c/d;p?q");
  ASSERT_TRUE(base);
  struct Row {
    std::string_view reference, want;
  };
  constexpr Row kRows[] = {
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g/"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {";x", "http://a/b/c/;x"},
      {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
      {"", "http://a/b/c/d;p?q"},
      {".", "http://a/b/c/"},
      {"./", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../g", "http://a/g"},
      {"../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"https://h/x", "https://h/x"},
      {"g?y/../x", "http://a/b/c/g?y/../x"},
      {"g#s", "http://a/b/c/g"},
  };
  for (const auto& row : kRows) {
    const auto url = ResolveUrl(*base, row.reference);
    ASSERT_TRUE(url) << row.reference << ": " << url.error().message();
    EXPECT_EQ(url->ToString(), row.want) << row.reference;
  }
  EXPECT_FALSE(ResolveUrl(*base, "javascript:alert(1)"));
}

TEST(ParseQuery, DecodesInOrderAndKeepsRepetitions) {
  const auto params = ParseQuery("match[]=up%7B%7D&match[]=a+b&empty=&flag&&x=1=2");
  ASSERT_TRUE(params);
  EXPECT_EQ(*params, (Params{{"match[]", "up{}"}, {"match[]", "a b"}, {"empty", ""}, {"flag", ""}, {"x", "1=2"}}));
  EXPECT_EQ(params->All("match[]"), (std::vector<std::string_view>{"up{}", "a b"}));
  EXPECT_EQ(params->Get("none"), "");
}

TEST(ParseQuery, SaysWhereAnEscapeIsWrong) {
  const auto params = ParseQuery("a=1&b=%zz");
  ASSERT_FALSE(params);
  EXPECT_EQ(params.error().message(), "invalid URL escape \"%zz\" at byte 6 of the parameters");
  EXPECT_FALSE(ParseQuery("a=%"));
  EXPECT_FALSE(ParseQuery("%4=x"));
}

TEST(ParseQuery, HasALimit) {
  std::string many;
  for (std::size_t i = 0; i < kParamsMax; ++i) many += "a&";
  EXPECT_TRUE(ParseQuery(many));
  EXPECT_EQ(ParseQuery(many + "a").error().code(), base::Code::kLimitExceeded);
}

TEST(EncodeQuery, IsUndoneByParseQueryForAnyBytes) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Params params;
    for (unsigned i = 0, count = random() % 4 + 1; i < count; ++i) {
      std::string name(random() % 5 + 1, '\0');
      std::string value(random() % 20, '\0');
      for (auto* text : {&name, &value}) {
        for (auto& c : *text) c = static_cast<char>(random());
      }
      params.Add(name, value);
    }
    const auto parsed = ParseQuery(EncodeQuery(params));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(*parsed, params);
  }
}

TEST(UrlDecode, LeavesPlusAloneAndRefusesBrokenEscapes) {
  EXPECT_EQ(UrlDecode("a+b%20c"), "a+b c");
  EXPECT_EQ(UrlDecode("%"), std::nullopt);
  EXPECT_EQ(UrlDecode("%1"), std::nullopt);
  EXPECT_EQ(UrlDecode("%g1"), std::nullopt);
  EXPECT_EQ(UrlEncodePath("/a b/c"), "/a%20b/c");
  EXPECT_EQ(UrlEncode("/a"), "%2Fa");
}

TEST(DecodeParams, PutsFormFieldsBeforeTheQueryString) {
  HttpRequest request;
  request.method = Method::kPost;
  request.target = "/api/v1/query?query=url&time=1";
  request.headers.Add("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
  request.body = "query=form";
  ASSERT_TRUE(DecodeParams(request));
  EXPECT_EQ(request.params, (Params{{"query", "form"}, {"query", "url"}, {"time", "1"}}));
  EXPECT_EQ(request.query, "query=url&time=1");
}

TEST(ChooseContentCoding, FollowsWeightsAndPrefersZstdAmongEquals) {
  struct Row {
    std::string_view header;
    ContentCoding want;
  };
  constexpr Row kRows[] = {
      {"", ContentCoding::kIdentity},
      {"gzip", ContentCoding::kGzip},
      {"GZip", ContentCoding::kGzip},
      {"x-gzip", ContentCoding::kGzip},
      {"gzip, deflate, br, zstd", ContentCoding::kZstd},
      {"gzip;q=1.0, zstd;q=0.5", ContentCoding::kGzip},
      {"gzip;q=0", ContentCoding::kIdentity},
      {"gzip ; q=0.001", ContentCoding::kGzip},
      {"deflate", ContentCoding::kDeflate},
      {"*", ContentCoding::kZstd},
      {"*;q=0.5, zstd;q=0", ContentCoding::kGzip},
      {"identity", ContentCoding::kIdentity},
      {"br", ContentCoding::kIdentity},
      {",,gzip,,", ContentCoding::kGzip},
      {"gzip;q=1.5", ContentCoding::kIdentity},
      {"gzip;q=", ContentCoding::kIdentity},
      {"gzip;level=9", ContentCoding::kIdentity},
  };
  for (const auto& row : kRows) EXPECT_EQ(ChooseContentCoding(row.header), row.want) << row.header;
}

}  // namespace
}  // namespace baro::net
