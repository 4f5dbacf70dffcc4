#include "net/router.h"

#include <stdexcept>

#include <gtest/gtest.h>

#include "base/cancel.h"

namespace baro::net {
namespace {

Route To(std::vector<Method> methods, std::string path, std::string answer) {
  return {.methods = std::move(methods),
          .path = std::move(path),
          .handler = [answer](const HttpRequest& request, const auto&) {
            std::string text = answer;
            for (const auto& [name, value] : request.path_params) text += " " + name + "=" + value;
            return HttpResponse::Text(200, text);
          }};
}

Router TestRouter(std::string_view prefix = "") {
  Router router(prefix);
  EXPECT_TRUE(router.Add(To({Method::kGet}, "/", "root")));
  EXPECT_TRUE(router.Add(To({Method::kGet}, "/api/v1/label/{name}/values", "values")));
  EXPECT_TRUE(router.Add(To({Method::kGet, Method::kPost}, "/api/v1/query", "query")));
  EXPECT_TRUE(router.Add(To({Method::kPost, Method::kPut}, "/-/reload", "reload")));
  EXPECT_TRUE(router.Add(To({Method::kGet}, "/assets/{path...}", "asset")));
  EXPECT_TRUE(router.Add(To({Method::kGet}, "/assets/index.html", "index")));
  EXPECT_TRUE(router.Add(To({Method::kDelete}, "/api/v1/{kind}", "delete")));
  return router;
}

HttpResponse Ask(const Router& router, Method method, std::string target) {
  HttpRequest request;
  request.method = method;
  request.target = std::move(target);
  return router.Handle(std::move(request), base::CancelToken());
}

TEST(Router, FindsTheMostSpecificRouteAndBindsItsParameters) {
  const Router router = TestRouter();
  struct Row {
    Method method;
    std::string_view target;
    int status;
    std::string_view body;
  };
  constexpr Row kRows[] = {
      {Method::kGet, "/", 200, "root"},
      {Method::kHead, "/", 200, "root"},
      {Method::kGet, "/api/v1/label/job/values", 200, "values name=job"},
      {Method::kGet, "/api/v1/label/a%2Fb%20c/values?x=1", 200, "values name=a/b c"},
      {Method::kGet, "/api/v1/label//values", 404, "not found\n"},
      {Method::kPost, "/api/v1/query", 200, "query"},
      {Method::kDelete, "/api/v1/query", 200, "delete kind=query"},
      {Method::kGet, "/assets/js/app.js", 200, "asset path=js/app.js"},
      {Method::kGet, "/assets/", 200, "asset path="},
      {Method::kGet, "/assets/index.html", 200, "index"},
      {Method::kGet, "/assets", 404, "not found\n"},
      {Method::kGet, "/api/v1/query/", 404, "not found\n"},
      {Method::kGet, "/assets/../secret", 400, "malformed path\n"},
      {Method::kGet, "/assets/%2e%2e/secret", 400, "malformed path\n"},
      {Method::kGet, "/assets/%zz", 400, "malformed path\n"},
      {Method::kGet, "/assets/%00", 400, "malformed path\n"},
      {Method::kGet, "/nowhere", 404, "not found\n"},
      {Method::kGet, "/-/reload", 405, "method not allowed, want POST, PUT, OPTIONS\n"},
      {Method::kOptions, "/api/v1/query", 204, ""},
  };
  for (const auto& row : kRows) {
    const auto response = Ask(router, row.method, std::string(row.target));
    EXPECT_EQ(response.status, row.status) << row.target;
    EXPECT_EQ(response.body, row.body) << row.target;
  }
}

TEST(Router, SaysWhatIsAllowed) {
  const Router router = TestRouter();
  EXPECT_EQ(Ask(router, Method::kPut, "/api/v1/query").headers.Get("Allow"), "GET, HEAD, POST, DELETE, OPTIONS");
  EXPECT_EQ(Ask(router, Method::kOptions, "/").headers.Get("Allow"), "GET, HEAD, OPTIONS");
}

TEST(Router, ServesUnderAPrefixAndSendsTheRootThere) {
  for (const std::string_view prefix : {"/mon/itor", "mon/itor/", "/mon/itor/"}) {
    const Router router = TestRouter(prefix);
    EXPECT_EQ(router.prefix(), "/mon/itor");
    EXPECT_EQ(Ask(router, Method::kGet, "/mon/itor/").body, "root");
    EXPECT_EQ(Ask(router, Method::kGet, "/mon/itor").body, "root");
    EXPECT_EQ(Ask(router, Method::kGet, "/mon/itor/api/v1/query").body, "query");
    EXPECT_EQ(Ask(router, Method::kGet, "/api/v1/query").status, 404);
    EXPECT_EQ(Ask(router, Method::kGet, "/mon/itorapi/v1/query").status, 404);
    const auto root = Ask(router, Method::kGet, "/");
    EXPECT_EQ(root.status, 302);
    EXPECT_EQ(root.headers.Get("Location"), "/mon/itor/");
  }
}

TEST(Router, RefusesBadAndDoubleEntries) {
  Router router = TestRouter();
  for (const auto* bad : {"", "x", "/{a}b", "/a{b}", "/{}", "/{...}", "/{a...}/b"}) {
    EXPECT_EQ(router.Add(To({Method::kGet}, bad, "")).error().code(), base::Code::kInvalidArgument) << bad;
  }
  EXPECT_EQ(router.Add(To({Method::kGet}, "/api/v1/query", "")).error().code(), base::Code::kAlreadyExists);
  EXPECT_FALSE(router.Add({.methods = {Method::kGet}, .path = "/no/handler"}));
  EXPECT_TRUE(router.Add(To({Method::kDelete}, "/api/v1/query", "")));
}

TEST(Router, ChecksParametersAndAccessBeforeTheHandler) {
  Router router;
  Route route = To({Method::kGet}, "/q", "ran");
  route.role = Role::kOperator;
  route.params = {{.name = "query", .is_required = true}, {.name = "match[]", .is_repeatable = true}};
  route.allows_other_params = false;
  ASSERT_TRUE(router.Add(std::move(route)));
  EXPECT_EQ(Ask(router, Method::kGet, "/q").body, "parameter \"query\" is required\n");
  EXPECT_EQ(Ask(router, Method::kGet, "/q?query=1&x=2").body, "unknown parameter \"x\"\n");
  EXPECT_EQ(Ask(router, Method::kGet, "/q?query=%").status, 400);
  EXPECT_EQ(Ask(router, Method::kGet, "/q?query=1&match[]=a&match[]=b").body, "ran");

  router.set_access_hook([](HttpRequest&, const Route& asked) -> std::optional<HttpResponse> {
    if (asked.role < Role::kOperator) return std::nullopt;
    return HttpResponse::Text(403, "no");
  });
  router.set_error_renderer(
      [](std::string_view, int status, std::string_view) { return HttpResponse::Json(status, "{}"); });
  EXPECT_EQ(Ask(router, Method::kGet, "/q").status, 403);
  EXPECT_EQ(Ask(router, Method::kGet, "/nowhere").body, "{}");
}

TEST(Router, TurnsAnExceptionIntoA500) {
  Router router;
  ASSERT_TRUE(router.Add(
      {.methods = {Method::kGet}, .path = "/throws", .handler = [](const auto&, const auto&) -> HttpResponse {
         throw std::runtime_error("ouch");
       }}));
  EXPECT_EQ(Ask(router, Method::kGet, "/throws").status, 500);
}

TEST(RouteMetricName, IsWrittenAsPrometheusDoes) {
  EXPECT_EQ(RouteMetricName("/api/v1/label/{name}/values"), "/api/v1/label/:name/values");
  EXPECT_EQ(RouteMetricName("/assets/{path...}"), "/assets/*path");
  EXPECT_EQ(RouteMetricName("/"), "/");
}

}  // namespace
}  // namespace baro::net
