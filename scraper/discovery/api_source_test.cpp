#include "scraper/discovery/api_source.h"

#include <random>

#include "scraper/discovery/api_template.h"
#include "scraper/discovery/discovery_fixture.h"
#include "scraper/discovery/json_answer.h"
#include "scraper/discovery/xml_answer.h"
#include "scraper/target_file.h"

namespace baro::scraper {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr ApiCall kLinkCalls[] = {
    {.name = "things", .path = "/things", .items = "things", .paging = Paging::kLink, .next = "links.next"}};
constexpr ApiCall kCursorCalls[] = {{.name = "things",
                                     .path = "/things?a=b",
                                     .items = "things",
                                     .paging = Paging::kCursor,
                                     .next = "next",
                                     .parameter = "cursor"}};
constexpr ApiCall kPagesCalls[] = {{.name = "things",
                                    .path = "/things",
                                    .items = "things",
                                    .paging = Paging::kPages,
                                    .next = "pages",
                                    .parameter = "page"}};
constexpr ApiCall kFullCalls[] = {{.name = "things",
                                   .path = "/things",
                                   .items = "things",
                                   .paging = Paging::kFull,
                                   .parameter = "page",
                                   .page_items = 2}};
constexpr ApiParameter kParameters[] = {{"zone", "{zone}"}, {"by", "{token.value}/{zone}"}, {"empty", "{nothing}"}};
constexpr ApiCall kNestedCalls[] = {{.name = "token", .path = "/token"},
                                    {.name = "groups", .path = "/groups"},
                                    {.name = "things",
                                     .path = "/group/{item.name}",
                                     .parameters = kParameters,
                                     .items = "things",
                                     .for_each = "groups"}};
constexpr LabelRow kRows[] = {{"name", "name"}};

std::vector<Json> Pairs(const ApiScope& scope, TargetList& reader) {
  std::string names;
  for (const Json& thing : scope.answers.Of("things")) names += reader.Text(thing, "name");
  return {{{"name", names + "1"}}, {{"name", names + "2"}}};
}
base::Result<std::string> BaseOfRound(const ApiScope& scope) {
  return "http://" + (*scope.item)["name"].get<std::string>();
}
constexpr ApiCall kLoginCalls[] = {
    {.name = "login", .path = "/login", .method = net::Method::kPost, .is_secret = true}};
std::span<const ApiCall> Login() { return kLoginCalls; }
constexpr ApiCall kDerivedCalls[] = {{.name = "things", .path = "/things", .items = "things"},
                                     {.name = "pairs", .derive = Pairs},
                                     {.name = "parts",
                                      .path = "/part/{item.name}",
                                      .items = "parts",
                                      .for_each = "pairs",
                                      .paging = Paging::kLink,
                                      .next = "next",
                                      .may_be_missing = true,
                                      .tells_round = true,
                                      .base = BaseOfRound}};

ApiProvider Table(std::span<const ApiCall> calls) {
  return {.kind = "fake", .group = "Fake", .base = "http://api", .calls = calls, .labels = kRows, .host = "name"};
}

class ApiSourceTest : public DiscoveryTest {
 protected:
  void Say(const std::string& url, std::string body, int status = 200) {
    servers_->At(url) = {.body = std::move(body), .content_type = "application/json", .status = status};
  }

  /// Addresses, or what is wrong.
  std::string Ask(const ApiProvider& table, ApiLimits limits = {}) {
    DiscoveryOptions options{.kind = "fake"};
    options.record.values = {{"refresh_interval", std::chrono::milliseconds(60s)},
                             {"port", std::int64_t{7}},
                             {"zone", "a b/c"},
                             {"nothing", ""}};
    auto source = ApiSource::Make(table, options, Context(), limits);
    if (!source) return source.error().message();
    source_ = *std::move(source);
    std::string answer = "nothing";
    source_->Refresh([&](base::Result<std::vector<TargetGroup>> groups) {
      if (!groups) {
        answer = groups.error().message();
      } else {
        groups_ = *std::move(groups);
        answer = Addresses();
      }
    });
    executor_.RunFor(cancel_after_);
    if (cancel_after_ < 1s) source_->Cancel();
    executor_.RunFor(1h);
    return answer;
  }
  std::vector<std::string> Urls() const {
    std::vector<std::string> urls;
    for (const auto& [request, options] : servers_->requests) urls.push_back(request.url);
    return urls;
  }

  std::shared_ptr<TargetSource> source_;
  std::chrono::nanoseconds cancel_after_ = 1s;
};

TEST_F(ApiSourceTest, WhatTheOptionsSayToTheApiIsNotForOthers) {
  static constexpr ApiCall kCalls[] = {{.name = "machine", .path = "/machine", .route = Route::kMachine},
                                       {.name = "login", .path = "/login", .route = Route::kLogin},
                                       {.name = "things", .path = "/things", .items = "things"}};
  ApiProvider table = Table(kCalls);
  table.takes_environment_proxy = true;
  DiscoveryOptions options{.kind = "fake"};
  options.record.values = {{"refresh_interval", std::chrono::milliseconds(60s)}, {"port", std::int64_t{7}}};
  options.http.basic_auth = net::BasicAuthOptions{.username = "u"};
  options.http.headers["X-Tenant"] = {.values = {"t"}};
  options.http.tls.server_name = "n";
  options.http.proxy.url = "http://proxy";
  DiscoveryContext context = Context();
  std::vector<net::HttpClientOptions> made;
  std::vector<std::shared_ptr<FakeTargets>> fetchers;
  context.make_fetcher = [&](const net::HttpClientOptions& http) {
    made.push_back(http);
    return fetchers.emplace_back(std::make_shared<FakeTargets>(executor_));
  };
  const auto source = ApiSource::Make(table, options, context);
  ASSERT_TRUE(source);
  ASSERT_EQ(made.size(), 3U);
  fetchers[0]->At("http://api/things").body = R"({"things": []})";
  fetchers[1]->At("http://api/login").body = "{}";
  fetchers[2]->At("http://api/machine").body = "{}";
  bool is_good = false;
  (*source)->Refresh([&](const auto& groups) { is_good = groups.has_value(); });
  executor_.RunFor(1s);
  EXPECT_TRUE(is_good);
  EXPECT_TRUE(made[0].basic_auth.has_value());
  EXPECT_TRUE(made[0].proxy.from_environment);
  for (const std::size_t i : {1U, 2U}) {
    EXPECT_FALSE(made[i].basic_auth.has_value());
    EXPECT_TRUE(made[i].headers.empty());
    EXPECT_EQ(made[i].proxy.url, i == 1 ? "http://proxy" : "") << "a proxy would ask its own machine";
    EXPECT_EQ(made[i].tls.server_name, i == 1 ? "n" : "");
  }
}

TEST_F(ApiSourceTest, WhatIsMadeOfAnswersCountsAsThey) {
  Say("http://api/login", "{}");
  Say("http://api/things", R"({"things": [{"name": "a"}]})");
  ApiProvider table = Table(kDerivedCalls);
  EXPECT_EQ(Ask(table, {.values = 6}), "pairs: the answers have more than 6 values");
}

TEST_F(ApiSourceTest, CallsForWhatEarlierOnesLeadTo) {
  ApiProvider table = Table(kDerivedCalls);
  table.login = Login;
  table.targets = [](const ApiScope& scope, TargetList& list) {
    for (const Json& part : scope.answers.Of("parts")) {
      list.Add({}, list.Text(part, "round") + list.Text(part, "value"), scope.Port());
    }
  };
  Say("http://api/login", "{}");
  Say("http://api/things", R"({"things": [{"name": "a"}, {"name": "b"}]})");
  Say("http://ab1/part/ab1", R"({"parts": ["x", "y"], "next": "/more"})");
  Say("http://ab1/more", R"({"parts": ["z"]})");
  Say("http://ab2/part/ab2", R"({"parts": ["w"]})");
  EXPECT_EQ(Ask(table), "0x:7 0y:7 0z:7 1w:7 ");
  EXPECT_THAT(Urls(), ElementsAre("http://api/login", "http://api/things", "http://ab1/part/ab1", "http://ab1/more",
                                  "http://ab2/part/ab2"));
  EXPECT_EQ(servers_->requests[0].second.redirects_max, 0U) << "a secret goes nowhere else";
  EXPECT_GT(servers_->requests[1].second.redirects_max, 0U);

  Say("http://ab2/part/ab2", "gone", 404);
  EXPECT_EQ(Ask(table), "0x:7 0y:7 0z:7 ");
  Say("http://ab2/part/ab2", "no", 403);
  EXPECT_EQ(Ask(table), "parts: the server answered HTTP status 403");
  Say("http://ab1/part/ab1", R"({"parts": [], "next": "http://ab2/more"})");
  EXPECT_EQ(Ask(table), "parts: the next page is said to be at ab2, another server");
  Say("http://api/things", R"({"things": [{"name": {}}]})");
  EXPECT_EQ(Ask(table), "pairs: name: expected a text, number or truth value, found object");
  Say("http://api/things", R"({"things": [{"name": "a"}]})");
  EXPECT_EQ(Ask(table, {.values = 1}), "login: the answers have more than 1 values");
}

TEST_F(ApiSourceTest, FollowsLinksOfTheSameOriginOnly) {
  const ApiProvider table = Table(kLinkCalls);
  Say("http://api/things", R"({"things": [{"name": "a"}], "links": {"next": "http://api/things?page=2"}})");
  Say("http://api/things?page=2", R"({"things": [{"name": "b"}], "links": {"next": "/things?page=3"}})");
  Say("http://api/things?page=3", R"({"things": [{"name": "c"}], "links": {}})");
  EXPECT_EQ(Ask(table), "a:7 b:7 c:7 ");
  for (const char* link : {"http://evil/things", "https://api/things", "http://api:81/things"}) {
    Say("http://api/things?page=3", fmt::format(R"({{"things": [], "links": {{"next": "{}"}}}})", link));
    EXPECT_THAT(Ask(table), HasSubstr("another server")) << link;
  }
  Say("http://api/things?page=3", R"({"things": [], "links": {"next": "http://api/things"}})");
  servers_->requests.clear();
  EXPECT_EQ(Ask(table, {.calls = 100}), "things: more than 100 calls");
  EXPECT_EQ(servers_->requests.size(), 100U);
}

TEST_F(ApiSourceTest, FollowsCursorsAndPages) {
  Say("http://api/things?a=b", R"({"things": [{"name": "a"}], "next": "x/y="})");
  Say("http://api/things?a=b&cursor=x%2Fy%3D", R"({"things": [{"name": "b"}], "next": ""})");
  EXPECT_EQ(Ask(Table(kCursorCalls)), "a:7 b:7 ");
  Say("http://api/things?page=1", R"({"things": [{"name": "a"}, {"name": "b"}], "pages": 2})");
  Say("http://api/things?page=2", R"({"things": [{"name": "c"}], "pages": 2})");
  EXPECT_EQ(Ask(Table(kPagesCalls)), "a:7 b:7 c:7 ");
  EXPECT_EQ(Ask(Table(kFullCalls)), "a:7 b:7 c:7 ");
  Say("http://api/things?page=2", R"({"things": [{"name": "c"}, {"name": "d"}]})");
  Say("http://api/things?page=3", R"({"things": []})");
  EXPECT_EQ(Ask(Table(kFullCalls)), "a:7 b:7 c:7 d:7 ");
}

TEST_F(ApiSourceTest, CallsForEachItemOfAnother) {
  Say("http://api/token", R"({"value": "t"})");
  Say("http://api/groups", R"([{"name": "one two"}, {"name": "3"}])");
  Say("http://api/group/one%20two?zone=a%20b%2Fc&by=t%2Fa%20b%2Fc", R"({"things": [{"name": "a"}]})");
  Say("http://api/group/3?zone=a%20b%2Fc&by=t%2Fa%20b%2Fc", R"({"things": [{"name": "b"}]})");
  EXPECT_EQ(Ask(Table(kNestedCalls)), "a:7 b:7 ");
  Say("http://api/groups", "[]");
  EXPECT_EQ(Ask(Table(kNestedCalls)), "");
  Say("http://api/groups", R"([{"name": "one two"}, {"id": "3"}])");
  EXPECT_EQ(Ask(Table(kNestedCalls)), "things: the answer has no text at item.name");
  Say("http://api/token", "{}");
  EXPECT_EQ(Ask(Table(kNestedCalls)), "things: the answer has no text at token.value");
}

TEST_F(ApiSourceTest, HalfAnAnswerIsNone) {
  const ApiProvider table = Table(kLinkCalls);
  EXPECT_EQ(Ask(table), "things: connection refused");
  Say("http://api/things", R"({"things": [{"name": "a"}], "links": {"next": "/2"}})");
  Say("http://api/2", "{}", 403);
  EXPECT_EQ(Ask(table), "things: the server answered HTTP status 403");
  Say("http://api/2", R"({"things": [{"name": ["b"]}]})");
  EXPECT_EQ(Ask(table), "name: expected a text, number or truth value, found array");
  Say("http://api/2", "nonsense");
  EXPECT_EQ(Ask(table), "things: not valid JSON at line 1, column 2");
}

TEST_F(ApiSourceTest, BoundsHold) {
  std::string many = R"({"things": [)";
  for (std::size_t i = 0; i < kDiscoveredTargetsMax; ++i) many += R"({"name":"a"},)";
  Say("http://api/things", many + R"({"name":"a"}]})");
  EXPECT_EQ(Ask(Table(kLinkCalls)), "more than 100000 targets");
  Say("http://api/things", R"({"things": [], "links": {"next": "/things"}, "x": ")" + std::string(1000, 'x') + "\"}");
  EXPECT_EQ(Ask(Table(kLinkCalls), {.bytes = 5000}), "things: the answers have more than 5000 bytes");
  EXPECT_EQ(Ask(Table(kLinkCalls), {.values = 20}), "things: the answers have more than 20 values");
  EXPECT_EQ(Ask(Table(kLinkCalls), {.calls = 20}), "things: more than 20 calls");
  constexpr ApiCall kXmlCalls[] = {{.name = "things", .path = "/xml", .items = "thing", .form = AnswerForm::kXml}};
  Say("http://api/xml", R"(<a b="1" c="2"><thing><name>x</name></thing></a>)");
  EXPECT_EQ(Ask(Table(kXmlCalls), {.values = 8}), "x:7 ");
  EXPECT_EQ(Ask(Table(kXmlCalls), {.values = 7}), "things: the answers have more than 7 values");
}

TEST_F(ApiSourceTest, AnOptionalCallMayFail) {
  constexpr ApiCall kCalls[] = {{.name = "extra", .path = "/extra", .is_optional = true},
                                {.name = "things", .path = "/things", .items = "things"}};
  Say("http://api/things", R"({"things": [{"name": "a"}]})");
  EXPECT_EQ(Ask(Table(kCalls)), "a:7 ");
}

TEST_F(ApiSourceTest, CancelEndsACallAndThoseBehindIt) {
  const ApiProvider table = Table(kLinkCalls);
  servers_->At("http://api/things") = {.body = "{}", .delay = 30s};
  cancel_after_ = 1ms;
  EXPECT_EQ(Ask(table), "things: cancelled");
  EXPECT_EQ(servers_->requests.size(), 1U);
}

TEST_F(ApiSourceTest, ABadBaseIsToldBeforeAnythingStarts) {
  ApiProvider table = Table(kLinkCalls);
  table.base = "{zone}";
  EXPECT_THAT(Ask(table), HasSubstr("URL"));
}

TEST(TargetList, NamesAndLists) {
  EXPECT_EQ(CleanLabelName("com.example/Team-1"), "com_example_Team_1");
  EXPECT_EQ(CleanLabelName("gr\xc3\xb6\xc3\x9f"
                           "e"),
            "gr__e");
  EXPECT_EQ(JoinHostPort("::1", "80"), "[::1]:80");
  EXPECT_EQ(JoinHostPort("a", "80"), "a:80");
  EXPECT_EQ(JoinList({}), "");
  EXPECT_EQ(JoinList({"a", "b"}, ";"), ";a;b;");
}

TEST(TargetList, ShapesOfRows) {
  constexpr LabelRow kAll[] = {{"text", "a.b"},
                               {"missing", "a.c.d"},
                               {"number", "n", LabelShape::kNumber},
                               {"bool", "n", LabelShape::kBool},
                               {"list", "l", LabelShape::kList},
                               {"map_", "m", LabelShape::kMap},
                               {"present_", "m", LabelShape::kPresence}};
  const Json item = Json::parse(R"({"a": {"b": 1.5, "c": null}, "l": [1, "x", true], "m": {"k-1": "v"}})");
  TargetList list;
  LabelMap labels;
  list.Apply(kAll, item, labels, "|");
  list.Add(labels);
  const auto groups = list.Take("g");
  ASSERT_TRUE(groups);
  EXPECT_EQ(groups->at(0).targets[0], (LabelMap{{"text", "1.5"},
                                                {"number", "0"},
                                                {"bool", "false"},
                                                {"list", "|1|x|true|"},
                                                {"map_k_1", "v"},
                                                {"present_k_1", "true"}}));
  for (const char* bad : {R"({"a": {"b": []}})", R"({"l": {}})", R"({"m": []})", R"({"m": {"k": {}}})"}) {
    TargetList wrong;
    LabelMap unused;
    wrong.Apply(kAll, Json::parse(bad), unused);
    EXPECT_FALSE(wrong.Take("g")) << bad;
  }
}

TEST(TargetList, BytesOfLabelsAreBounded) {
  TargetList list;
  const std::string eighth(kDiscoveredBytesMax / 8 - 1, 'x');  // with the name: an eighth
  for (int i = 0; i < 8; ++i) list.Add({{"a", eighth}, {"left_out", ""}});
  EXPECT_FALSE(list.failed());
  list.Add({{"b", "1"}});
  EXPECT_TRUE(list.failed());
  const auto groups = list.Take("g");
  ASSERT_FALSE(groups);
  EXPECT_EQ(groups.error().code(), base::Code::kLimitExceeded);
  EXPECT_EQ(groups.error().message(), "labels of targets have more than 268435456 bytes");
  EXPECT_EQ(BytesOf(TargetGroup{.source = "s", .targets = {{{"a", "12"}}, {{"a", "1"}}}, .labels = {{"ab", "345"}}}),
            2U * 5 + 3 + 2);
}

// Rows of any paths and shapes over any document: what comes out is what a plain look-up by pointer gives.
TEST(TargetList, AgreesWithAPlainLookUp) {
  std::mt19937_64 random(3);
  const std::string kNames[] = {"a", "b", "c"};
  const std::function<Json(int)> make = [&](int depth) -> Json {
    switch (random() % (depth > 3 ? 4 : 6)) {
      case 0:
        return nullptr;
      case 1:
        return static_cast<int>(random() % 100);
      case 2:
        return random() % 2 == 0;
      case 3:
        return kNames[random() % 3];
      case 4: {
        Json list = Json::array();
        for (std::size_t i = random() % 3; i > 0; --i) list.push_back(make(depth + 1));
        return list;
      }
      default: {
        Json object = Json::object();
        for (const std::string& name : kNames) {
          if (random() % 2 == 0) object[name] = make(depth + 1);
        }
        return object;
      }
    }
  };
  for (int round = 0; round < 5000; ++round) {
    const Json document = make(0);
    std::string path;
    std::string pointer;
    for (std::size_t i = 1 + random() % 3; i > 0; --i) {
      const std::string& name = kNames[random() % 3];
      path += path.empty() ? name : "." + name;
      pointer += "/" + name;
    }
    Json want;  // null
    bool goes_through_list = false;
    Json at = document;
    for (std::size_t i = 1; i < pointer.size(); i += 2) {
      goes_through_list |= !at.is_object();
      at = at.is_object() && at.contains(pointer.substr(i, 1)) ? at[pointer.substr(i, 1)] : Json();
    }
    if (!goes_through_list) want = at;
    const Json* const found = FindJson(document, path);
    EXPECT_EQ(found == nullptr ? Json() : *found, want) << document << " " << path;
    TargetList list;
    const std::string text = list.Text(document, path);
    const bool is_bad = want.is_object() || want.is_array();
    EXPECT_EQ(list.Take("g").has_value(), !is_bad);
    const std::string plain = want.is_string() ? want.get<std::string>() : want.dump();
    EXPECT_EQ(text, is_bad || want.is_null() ? "" : plain);
  }
}

TEST(XmlAnswer, IsWhatTheJsonWouldBe) {
  const auto document = ParseXmlAnswer(
      "<?xml version=\"1.0\"?><ns:root xmlns:ns=\"u\"><a>1</a><list><i>x</i><i>y &amp; z</i></list>"
      "<port enabled=\"true\">80</port><empty/><!-- no --></ns:root>");
  ASSERT_TRUE(document) << document.error().message();
  EXPECT_EQ(*document, Json::parse(R"({"@ns": "u", "a": "1", "list": {"i": ["x", "y & z"]},
                                       "port": {"@enabled": "true", "#text": "80"}, "empty": ""})"));
  EXPECT_EQ(ItemsAt(*document, "list.i").size(), 2U);
  EXPECT_EQ(ItemsAt(*document, "a").size(), 1U) << "one element is a list of one";
  std::string deep;
  for (std::size_t i = 0; i <= kAnswerDepthMax; ++i) deep += "<a>";
  for (std::size_t i = 0; i <= kAnswerDepthMax; ++i) deep += "</a>";
  EXPECT_EQ(ParseXmlAnswer(deep).error().code(), base::Code::kLimitExceeded);
  std::string wide = "<a ";  // more attributes than there may be values
  for (std::size_t i = 0; i < kAnswerValuesMax; ++i) wide += "b=''";
  const auto refused = ParseXmlAnswer(wide + "/>");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), "the answer has more than 2000000 values");
  EXPECT_EQ(CountXmlValues("<a b='c' d='e'><f/></a>"), 5U) << "ends count too: no fewer than there are";
  for (const char* bad : {"", "<a>", "<a></b>", "text", "<!DOCTYPE x>"}) EXPECT_FALSE(ParseXmlAnswer(bad)) << bad;
}

}  // namespace
}  // namespace baro::scraper
