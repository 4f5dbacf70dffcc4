#include "query/parser.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "query/functions.h"
#include "query/printer.h"

namespace baro::query {
namespace {

std::string Canonical(std::string_view query, const ParseOptions& options = ParseOptions::Everything()) {
  const auto ast = ParseExpression(query, options);
  return ast ? ToString(ast->root()) : ast.error().Summary();
}

struct Row {
  std::string_view query;
  std::string_view want;  // empty: as written
};

void ExpectRows(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    const std::string text = Canonical(row.query);
    EXPECT_EQ(text, row.want.empty() ? row.query : row.want) << row.query;
    EXPECT_EQ(Canonical(text), text) << "printed text is canonical: " << row.query;
  }
}

TEST(Parser, ReadsNumbersInAllTheirForms) {
  ExpectRows({
      {"1", ""},
      {"1.5", ""},
      {".5", "0.5"},
      {"5.", "5"},
      {"1e3", "1000"},
      {"1E-3", "0.001"},
      {"12.34e+6", "12340000"},
      {"0x1F", "31"},
      {"0xff_ff", "65535"},
      {"0x_53_AB", "21419"},
      {"017", "15"},
      {"018", "18"},
      {"017.5", "17.5"},
      {"1_000_000", "1000000"},
      {".123_456", "0.123456"},
      {"inf", "+Inf"},
      {"+Inf", ""},
      {"-INF", "-Inf"},
      {"nan", "NaN"},
      {"-1", ""},
      {"- -1", "1"},
      {"1 - -1", ""},
      {"1e-400", "0"},
      {"5m", ""},
      {"-1h30m", ""},
      {"1y2w3d4h5m6s7ms", "382d4h5m6s7ms"},
      {"1w", ""},
      {"7d", "1w"},
      {"90s", "1m30s"},
      {"-0m", "0s"},
      {"-0", ""},
  });
}

TEST(Parser, ReadsStringsWithGoEscapes) {
  ExpectRows({
      {R"("Foo")", ""},
      {R"('single "double"')", R"("single \"double\"")"},
      {"`raw\\n`", R"("raw\\n")"},
      {"`two\nlines`", R"("two\nlines")"},
      {R"("\a\b\f\n\r\t\v\\\"\'")", R"("\a\b\f\n\r\t\v\\\"'")"},
      {R"("\101\x41\u0041\U00000041")", R"("AAAA")"},
      {R"("\u00fc")", R"("ü")"},
      {R"("\xff\x00")", ""},
      {R"("日本")", ""},
      {R"("")", ""},
  });
}

TEST(Parser, ReadsSelectors) {
  ExpectRows({
      {"up", ""},
      {":job:x:rate5m", ""},
      {"up{}", "up"},
      {R"(up { job = "a" , instance!="b",x=~"c.*",y!~"d" , })", R"(up{instance!="b",job="a",x=~"c.*",y!~"d"})"},
      {R"({job="a"})", ""},
      {R"({__name__="up"})", ""},
      {R"({"up"})", "up"},
      {R"({"http.requests", "label with blank"="x"})", R"({"http.requests","label with blank"="x"})"},
      {R"({a="1", "up", b="2"})", R"(up{a="1",b="2"})"},
      {R"({"inf"})", ""},
      {R"({'bool'})", R"({"bool"})"},
      {R"({inf="a", nan="b", by="c", sum="d"})", R"({by="c",inf="a",nan="b",sum="d"})"},
      {R"({a="", b="x", a!="y"})", R"({a!="y",a="",b="x"})"},
      {"up # comment\n{ # another\njob=\"x\" # and one\n}", R"(up{job="x"})"},
  });
}

TEST(Parser, TakesKeywordsForMetricAndLabelNamesWhereTheyCanBe) {
  for (const std::string_view word :
       {"sum",  "avg",       "topk",   "by",    "without", "on",     "ignoring", "offset",   "and",
        "or",   "unless",    "atan2",  "start", "end",     "step",   "range",    "anchored", "smoothed",
        "fill", "fill_left", "min_of", "rate",  "info",    "limitk", "SUM",      "On"}) {
    const std::string name(word);
    EXPECT_EQ(Canonical(name), name);
    EXPECT_EQ(Canonical(name + "{a=\"b\"}[5m]"), name + "{a=\"b\"}[5m]");
    EXPECT_EQ(Canonical("x + " + name), "x + " + name);
    EXPECT_EQ(Canonical(name + " offset 5m"), name + " offset 5m");
    EXPECT_EQ(Canonical("sum by (" + name + ") (x)"), "sum by (" + name + ") (x)");
    EXPECT_EQ(Canonical("x{" + name + "=\"y\"}"), "x{" + name + "=\"y\"}");
  }
  ExpectRows({{"bool", R"({"bool"})"}, {"a == bool", R"(a == {"bool"})"}, {"a == bool b", ""}, {"a + fill", ""}});
}

TEST(Parser, ReadsRangesSubqueriesAndModifiers) {
  ExpectRows({
      {"up[5m]", ""},
      {"up[300]", "up[5m]"},
      {"up[1.5]", "up[1s500ms]"},
      {"up[5m:]", ""},
      {"up[5m:1m]", ""},
      {"up[1h:step()]", ""},
      {"rate(up[5m])[1h:30s] offset 5m", ""},
      {"up offset 5m", ""},
      {"up offset -5m", ""},
      {"up OFFSET 300", "up offset 5m"},
      {"up offset +5", "up offset 5s"},
      {"up offset 0s", "up"},
      {"up @ 10", "up @ 10.000"},
      {"up @ -1.5", "up @ -1.500"},
      {"up @ -0.5", "up @ -0.500"},
      {"up @ 1m40s", "up @ 100.000"},
      {"up @ start()", ""},
      {"up @ END()", "up @ end()"},
      {"up offset 5m @ 10", "up @ 10.000 offset 5m"},
      {"up[5m] offset 1m @ start()", "up[5m] @ start() offset 1m"},
      {"up[5m] anchored", ""},
      {"up{a=\"b\"}[5m] @ start() offset 1m smoothed", "up{a=\"b\"}[5m] smoothed @ start() offset 1m"},
      {"up smoothed", ""},
      {"sum(up)[5m:10s] @ 5 offset 1m", "sum(up)[5m:10s] @ 5.000 offset 1m"},
  });
}

TEST(Parser, ReadsDurationExpressions) {
  ExpectRows({
      {"up[26m+4m]", "up[26m + 4m]"},
      {"up[-5m+35m]", "up[-5m + 35m]"},
      {"up[-0m+35m]", "up[0s + 35m]"},
      {"up[2m*(10+5)]", "up[2m * (10 + 5)]"},
      {"up[STep()+1ms]", "up[step() + 1ms]"},
      {"up[max_of(min_of(step()+1,1h),1ms)]", "up[max_of(min_of(step() + 1, 1h), 1ms)]"},
      {"up[range():step()*2]", "up[range():step() * 2]"},
      {"up[1h % 7m ^ 2 / 3]", ""},
      {"up offset (100 + 2)", ""},
      {"up offset 100 + 2", "up offset 1m40s + 2"},
      {"up offset -2 ^ 2", "up offset -2s ^ 2"},
      {"up offset (-2 ^ 2)", ""},
      {"up offset step()", ""},
      {"up offset -step()*2", "up offset -step() * 2"},
      {"up offset -(min_of(step(), 1s))+8000", "up offset -(min_of(step(), 1s)) + 8000"},
      {"up offset +min_of(step(), 1s)^0", "up offset min_of(step(), 1s) ^ 0"},
  });
}

TEST(Parser, BindsOperatorsByPrecedence) {
  // Parentheses added as the tree says.
  struct Precedence {
    std::string_view query, same;
  };
  for (const auto& [query, same] : std::vector<Precedence>{
           {"a or b and c", "a or (b and c)"},
           {"a unless b and c", "(a unless b) and c"},
           {"a == b + c", "a == (b + c)"},
           {"a </ 1 and b", "(a </ 1) and b"},
           {"a + b * c", "a + (b * c)"},
           {"a - b - c", "(a - b) - c"},
           {"a atan2 b * c", "(a atan2 b) * c"},
           {"a ^ b ^ c", "a ^ (b ^ c)"},
           {"-a ^ b", "-(a ^ b)"},
           {"-a * b", "(-a) * b"},
           {"a ^ -b * c", "(a ^ (-b)) * c"},
           {"a * -b + c", "(a * (-b)) + c"},
       }) {
    const auto strip = [](std::string text) {
      std::erase(text, '(');
      std::erase(text, ')');
      return text;
    };
    const auto plain = ParseExpression(query);
    const auto marked = ParseExpression(same);
    ASSERT_TRUE(plain && marked) << query;
    std::vector<NodeKind> kinds;
    std::vector<NodeKind> want;
    for (const Expr* expr : PostOrder(plain->root())) kinds.push_back(expr->kind);
    for (const Expr* expr : PostOrder(marked->root())) {
      if (expr->kind != NodeKind::kParen) want.push_back(expr->kind);
    }
    EXPECT_EQ(kinds, want) << query;
    EXPECT_EQ(ToString(plain->root()), strip(ToString(marked->root())));
  }
}

TEST(Parser, ReadsBinaryModifiers) {
  ExpectRows({
      {"a - on() c", "a - on () c"},
      {"a-on(b)c", "a - on (b) c"},
      {"a - ignoring() c", "a - c"},
      {"a - on(b,) group_left c", "a - on (b) group_left () c"},
      {"a - ignoring(b) group_right(x, \"y z\") c", "a - ignoring (b) group_right (x, \"y z\") c"},
      {"a - ignoring() group_left(__name__) c", "a - ignoring () group_left (__name__) c"},
      {"a == BOOL on(x) b", "a == bool on (x) b"},
      {"1 > bool 2", ""},
      {"a and on(x) b", "a and on (x) b"},
      {"a + fill(-23) b", "a + fill (-23) b"},
      {"a + fill_left(5) fill_right(NaN) b", "a + fill_left (5) fill_right (NaN) b"},
      {"a + fill_left(1) fill_right(1) b", "a + fill (1) b"},
      {"a * on(b) group_left fill(-Inf) c", "a * on (b) group_left () fill (-Inf) c"},
      {"a </ 1", ""},
      {"a >/1", "a >/ 1"},
      {"1 + on() a", "1 + a"},
  });
}

TEST(Parser, ReadsAggregationsAndCalls) {
  ExpectRows({
      {"sum(x)", ""},
      {"SUM BY() (x)", "sum(x)"},
      {"sum without() (x)", "sum without () (x)"},
      {"sum(x) by (a, \"b c\", on)", "sum by (a, \"b c\", on) (x)"},
      {"topk by (a,) (3, x)", "topk by (a) (3, x)"},
      {"quantile(0.9, sum(x) without(job)) by (instance)", "quantile by (instance) (0.9, sum without (job) (x))"},
      {"count_values(\"v\", x)", ""},
      {"limitk(2, x)", ""},
      {"limit_ratio(-0.5, x)", ""},
      {"time()", ""},
      {"pi( )", "pi()"},
      {"rate(x[5m])", ""},
      {"round(x)", ""},
      {"round(x, 5)", ""},
      {"hour()", ""},
      {"label_join(x, \"a\", \",\")", ""},
      {"label_join(x, \"a\", \",\", \"b\", \"c\", \"d\")", ""},
      {"histogram_quantiles(x, \"q\", 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)", ""},
      {"info(x)", ""},
      {"info(x, {a=~\".*\"})", ""},
      {"START() + step() + range() + end()", "start() + step() + range() + end()"},
      {"max_of(1, 2)", ""},
      {"sum(sum(sum(x)))", ""},
      {"(((x)))", ""},
      {"-x", ""},
      {"+x", ""},
      {"- - x", "--x"},
  });
}

TEST(Parser, KnowsTheTypeOfEachNode) {
  struct TypeRow {
    std::string_view query;
    ValueType want;
  };
  for (const auto& [query, want] : std::vector<TypeRow>{{"1", ValueType::kScalar},
                                                        {"(\"x\")", ValueType::kString},
                                                        {"x", ValueType::kVector},
                                                        {"x[5m]", ValueType::kMatrix},
                                                        {"(x[5m:])", ValueType::kMatrix},
                                                        {"1 + 1", ValueType::kScalar},
                                                        {"1 + x", ValueType::kVector},
                                                        {"-scalar(x)", ValueType::kScalar},
                                                        {"1 == bool 1", ValueType::kScalar},
                                                        {"time()", ValueType::kScalar},
                                                        {"vector(1)", ValueType::kVector}}) {
    const auto ast = ParseExpression(query);
    ASSERT_TRUE(ast) << query;
    EXPECT_EQ(ast->root().type, want) << query;
  }
}

TEST(Parser, KeepsPositions) {
  const std::string_view query = " sum by (a) (rate(x{b=\"c\"}[5m] offset 1m)) + -1";
  const auto ast = ParseExpression(query);
  ASSERT_TRUE(ast);
  const auto text = [&](const Expr& expr) { return query.substr(expr.span.start, expr.span.end - expr.span.start); };
  const auto& binary = *As<BinaryExpr>(&ast->root());
  EXPECT_EQ(text(binary), query.substr(1));
  EXPECT_EQ(text(*binary.lhs), "sum by (a) (rate(x{b=\"c\"}[5m] offset 1m))");
  EXPECT_EQ(text(*binary.rhs), "-1");
  const auto& call = *As<CallExpr>(As<AggregateExpr>(binary.lhs)->expr);
  EXPECT_EQ(text(call), "rate(x{b=\"c\"}[5m] offset 1m)");
  EXPECT_EQ(text(*call.args[0]), "x{b=\"c\"}[5m] offset 1m");
  EXPECT_EQ(text(*As<MatrixSelector>(call.args[0])->selector), "x{b=\"c\"}");
}

TEST(Parser, ParsesSelectorsOfTheApi) {
  const auto matchers = ParseMetricSelector(R"( up{job=~"a|b"} )");
  ASSERT_TRUE(matchers);
  ASSERT_EQ(matchers->size(), 2U);
  EXPECT_EQ(ToString(*matchers), R"({job=~"a|b", __name__="up"})");
  for (const std::string_view bad : {"", "{}", "up offset 5m", "up[5m]", "sum(up)", "1", "{a=\"\"}", "up up", "-up"}) {
    EXPECT_FALSE(ParseMetricSelector(bad)) << bad;
  }
}

TEST(Functions, AreFoundByName) {
  EXPECT_EQ(Functions().size(), 90U);
  for (const FunctionSignature& function : Functions()) {
    EXPECT_EQ(FindFunction(function.name), &function);
    EXPECT_EQ(&SignatureOf(function.id), &function);
    EXPECT_LE(function.args_min(), function.args_max());
  }
  EXPECT_EQ(FindFunction("no_such"), nullptr);
  EXPECT_EQ(FindFunction(""), nullptr);
  EXPECT_EQ(FindFunction("Rate"), nullptr);
}

}  // namespace
}  // namespace baro::query
