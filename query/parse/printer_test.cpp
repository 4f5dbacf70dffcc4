#include "query/printer.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "query/ast_json.h"
#include "query/duration.h"
#include "query/parser.h"

namespace baro::query {
namespace {

std::string Pretty(std::string_view query) {
  const auto ast = ParseExpression(query, ParseOptions::Everything());
  return ast ? PrettyPrint(ast->root()) : ast.error().Summary();
}

std::string Json(std::string_view query) {
  const auto ast = ParseExpression(query, ParseOptions::Everything());
  return ast ? AstToJson(ast->root()) : ast.error().Summary();
}

TEST(PrettyPrint, LeavesOnOneLineWhatFits) {
  EXPECT_EQ(Pretty("sum(rate(x[5m]))by(job)/2"), "sum by (job) (rate(x[5m])) / 2");
}

TEST(PrettyPrint, BreaksAtOperatorsArgumentsAndParentheses) {
  struct Row {
    std::string_view query;
    std::string_view want;
  };
  const std::vector<Row> rows = {
      {R"(sum by (job, instance) (rate(http_requests_total{code=~"5..",job="api"}[5m])) / ignoring(code) )"
       R"(group_left sum by (job) (rate(http_requests_total[5m])))",
       R"(  sum by (job, instance) (rate(http_requests_total{code=~"5..",job="api"}[5m]))
/ ignoring (code) group_left ()
  sum by (job) (rate(http_requests_total[5m])))"},
      {R"(label_replace(up{job="api-server",service="a:c",environment="production"}, "foo", "$1", )"
       R"("service", "(.*):.*"))",
       R"(label_replace(
  up{environment="production",job="api-server",service="a:c"},
  "foo",
  "$1",
  "service",
  "(.*):.*"
))"},
      {R"(histogram_quantile(0.99, sum by (le, job) )"
       R"((rate(request_duration_seconds_bucket{environment="production"}[5m]))) > 1)",
       R"(  histogram_quantile(
    0.99,
    sum by (le, job) (rate(request_duration_seconds_bucket{environment="production"}[5m]))
  )
>
  1)"},
      {R"(-(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa + )"
       R"(bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb))",
       R"(-(
    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
  +
    bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
))"},
      {R"(max_over_time((aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa + )"
       R"(bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb)[1h:5m] offset 1d))",
       R"(max_over_time(
  (
      aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    +
      bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
  )[1h:5m] offset 1d
))"},
  };
  for (const auto& [query, want] : rows) {
    EXPECT_EQ(Pretty(query), want) << query;
    EXPECT_EQ(Pretty(Pretty(query)), want) << "what was laid out stays so: " << query;
  }
}

TEST(PrettyPrint, DoesNotFillTheMemoryWithIndentation) {
  std::string query = "a";
  for (int i = 0; i < 20'000; ++i) query += "+a";
  const std::string text = Pretty(query);
  EXPECT_LT(text.size(), 20'000U * 150);
  const auto again = ParseExpression(text.substr(0, 1 << 20));
  const auto ast = ParseExpression(query);
  ParseOptions options;
  options.length_bytes_max = 1 << 24;
  const auto whole = ParseExpression(text, options);
  ASSERT_TRUE(whole && ast);
  EXPECT_TRUE(SameExpression(ast->root(), whole->root()));
}

TEST(AstToJson, HasTheShapeOfParseQuery) {
  struct Row {
    std::string_view query;
    std::string_view want;
  };
  for (const auto& [query, want] : std::vector<Row>{
           {"1.5", R"({"type":"numberLiteral","val":"1.5"})"},
           {"\"a\\\"\\n\\xff\"", "{\"type\":\"stringLiteral\",\"val\":\"a\\\"\\u000a\xEF\xBF\xBD\"}"},
           {"-x", R"({"type":"unaryExpr","op":"-","expr":{"type":"vectorSelector","name":"x","offset":0,)"
                  R"("offsetExpr":null,"matchers":[{"name":"__name__","type":"=","value":"x"}],"timestamp":null,)"
                  R"("startOrEnd":null,"anchored":false,"smoothed":false}})"},
           {"{a=~\"b\"}[5m] offset -1m @ end()",
            R"({"type":"matrixSelector","name":"","range":300000,"rangeExpr":null,"offset":-60000,)"
            R"("offsetExpr":null,"matchers":[{"name":"a","type":"=~","value":"b"}],"timestamp":null,)"
            R"("startOrEnd":"end","anchored":false,"smoothed":false})"},
           {"(1)", R"({"type":"parenExpr","expr":{"type":"numberLiteral","val":"1"}})"},
           {"1 + 2", R"({"type":"binaryExpr","op":"+","bool":false,"matching":null,"lhs":{"type":"numberLiteral",)"
                     R"("val":"1"},"rhs":{"type":"numberLiteral","val":"2"}})"},
           {"round(vector(1))",
            R"({"type":"call","func":{"name":"round","argTypes":["vector","scalar"],"variadic":1,)"
            R"("returnType":"vector"},"args":[{"type":"call","func":{"name":"vector","argTypes":["scalar"],)"
            R"("variadic":0,"returnType":"vector"},"args":[{"type":"numberLiteral","val":"1"}]}]})"},
           {"topk by (a) (1, vector(1))",
            R"({"type":"aggregation","op":"topk","grouping":["a"],"without":false,)"
            R"("param":{"type":"numberLiteral","val":"1"},"expr":{"type":"call","func":{"name":"vector",)"
            R"("argTypes":["scalar"],"variadic":0,"returnType":"vector"},"args":[{"type":"numberLiteral",)"
            R"("val":"1"}]}})"},
           {"vector(1)[1h:-(step())+5m] @ 1.5",
            R"({"type":"subquery","expr":{"type":"call","func":{"name":"vector","argTypes":["scalar"],)"
            R"("variadic":0,"returnType":"vector"},"args":[{"type":"numberLiteral","val":"1"}]},)"
            R"("range":3600000,"rangeExpr":null,"step":0,"stepExpr":{"type":"durationExpr","op":"+",)"
            R"("wrapped":false,"lhs":{"type":"durationExpr","op":"-","wrapped":false,"lhs":null,)"
            R"("rhs":{"type":"durationExpr","op":"step","wrapped":true,"lhs":null,"rhs":null}},)"
            R"("rhs":{"type":"numberLiteral","val":"300","duration":true}},"offset":0,"offsetExpr":null,)"
            R"("timestamp":1500,"startOrEnd":null})"},
       }) {
    EXPECT_EQ(Json(query), want) << query;
  }
  const std::string matching = Json("a * on(x) group_left(y) fill_right(NaN) b");
  EXPECT_NE(matching.find(R"("matching":{"card":"many-to-one","labels":["x"],"on":true,"include":["y"],)"
                          R"("fillValues":{"lhs":null,"rhs":"NaN"}})"),
            std::string::npos)
      << matching;
}

TEST(Duration, FollowsTheQueryWhereItAsksForStepOrRange) {
  struct Row {
    std::string_view query;
    std::int64_t step_ms, range_ms, want_ms;
  };
  for (const auto& [query, step_ms, range_ms, want_ms] :
       std::vector<Row>{{"x[step()]", 15'000, 0, 15'000},
                        {"x[step() + 1ms]", 10'000, 0, 10'001},
                        {"x[max_of(range() / 7, 1s)]", 0, 10'000, 1'428},
                        {"x[2 ^ 3 ^ 0 * step()]", 5'000, 0, 10'000},
                        {"x[min_of(-step(), -1) + 1m % 7]", 1'000, 0, 3'000}}) {
    const auto ast = ParseExpression(query);
    ASSERT_TRUE(ast) << query;
    const Duration& range = As<MatrixSelector>(&ast->root())->range;
    ASSERT_TRUE(range.uses_query()) << query;
    const auto ms = ResolveDuration(range, DurationUse::kRange, {.step_ms = step_ms, .range_ms = range_ms});
    ASSERT_TRUE(ms) << query << ": " << ms.error().message();
    EXPECT_EQ(*ms, want_ms) << query;
  }
  const auto ast = ParseExpression("x[step() - 5s] offset (1 / range())");
  ASSERT_TRUE(ast);
  const auto& matrix = *As<MatrixSelector>(&ast->root());
  EXPECT_FALSE(ResolveDuration(matrix.range, DurationUse::kRange, {.step_ms = 5'000}));
  EXPECT_TRUE(ResolveDuration(matrix.range, DurationUse::kOffset, {.step_ms = 5'000}));
  EXPECT_FALSE(ResolveDuration(matrix.selector->modifiers.offset, DurationUse::kOffset, {}));
}

}  // namespace
}  // namespace baro::query
