// What is refused, with which words and where; and that hostile input is refused quickly.

#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "query/parser.h"
#include "query/printer.h"

namespace baro::query {
namespace {

std::string ErrorOf(std::string_view query, const ParseOptions& options = ParseOptions::Everything()) {
  const auto ast = ParseExpression(query, options);
  if (ast) return "accepted";
  return fmt::format("{}:{}: {}", ast.error().line, ast.error().column, ast.error().message);
}

std::string HintOf(std::string_view query) {
  const auto ast = ParseExpression(query, ParseOptions::Everything());
  return ast ? "accepted" : ast.error().hint;
}

struct Row {
  std::string_view query;
  std::string_view want;
};

TEST(ParseError, SaysWhatIsWrongAndWhere) {
  for (const auto& [query, want] : std::vector<Row>{
           {"", "1:1: no expression found in input"},
           {"# only\n", "2:1: no expression found in input"},
           {"a +", "1:4: unexpected end of input, expected an expression"},
           {"* a", "1:1: unexpected \"*\", expected an expression"},
           {"a b", "1:3: unexpected identifier \"b\", expected an operator"},
           {"a = 1", "1:3: unexpected \"=\", expected an operator"},
           {"(a", "1:1: unclosed left parenthesis"},
           {"sum(a", "1:4: unclosed left parenthesis"},
           {"a)", "1:2: unexpected right parenthesis ')'"},
           {"()", "1:2: unexpected \")\", expected an expression"},
           {"a, b", "1:2: unexpected \",\", expected an operator"},
           {"(a, b)", "1:3: unexpected \",\", expected an operator or \")\""},
           {"rate(a[5m],)", "1:12: trailing commas not allowed in function call args"},
           {"a ? b", "1:3: unexpected character: '?'"},
           {"a\n  & b", "2:3: unexpected character: '&'"},
           {"ü", "1:1: unexpected character: 'ü'"},
           {"a\xff", "1:2: invalid UTF-8"},
           {"a\x01", "1:2: unexpected character: 0x01"},
           {"1foo", "1:1: bad number or duration syntax: \"1foo\""},
           {"1_", "1:1: bad number or duration syntax: \"1_\""},
           {"0x", "1:1: bad number or duration syntax: \"0x\""},
           {"1..2", "1:1: bad number or duration syntax: \"1..2\""},
           {"1e400", "1:1: number out of range: 1e400"},
           {"5s1m", "1:1: bad number or duration syntax: \"5s1m\""},
           {"a[300y]", "1:3: bad number or duration syntax: \"300y\""},
           {"-up[5m:]",
            "1:1: unary expression only allowed on expressions of type scalar or instant vector, got range vector"},
           {"\"abc", "1:1: unterminated quoted string"},
           {"'a\nb'", "1:1: unterminated quoted string"},
           {"`abc", "1:1: unterminated raw string"},
           {R"("a\q")", "1:4: unknown escape sequence"},
           {R"("\x4")", "1:5: escape sequence needs 2 base-16 digits"},
           {R"("\ud800")", "1:3: escape sequence is not a Unicode code point"},
           {R"("\777")", "1:3: octal escape out of range: at most \\377"},
           {"{}", "1:1: vector selector must contain at least one non-empty matcher"},
           {R"({a=""})", "1:1: vector selector must contain at least one non-empty matcher"},
           {R"({a=~".*"})", "1:1: vector selector must contain at least one non-empty matcher"},
           {R"({a!="b"})", "1:1: vector selector must contain at least one non-empty matcher"},
           {R"({a!~"b"})", "1:1: vector selector must contain at least one non-empty matcher"},
           {R"({a=~"("})", "1:2: matcher of label \"a\": invalid regular expression \"(\": missing ): ("},
           {R"(up{__name__="x"})", "1:4: metric name must not be set twice: \"up\" or \"x\""},
           {R"(up{"x"})", "1:4: metric name must not be set twice: \"up\" or \"x\""},
           {R"({"a", "b"})", "1:7: metric name must not be set twice: \"a\" or \"b\""},
           {R"({""="b"})", "1:2: invalid label name \"\""},
           {R"({"\xff"})", "1:2: invalid metric name \"\\xff\""},
           {"up{a}", "1:5: unexpected \"}\" in label matching, expected one of = != =~ !~"},
           {"up{a=}", "1:6: unexpected \"}\" in label matching, expected a quoted string"},
           {"up{a=b}", "1:6: unexpected identifier \"b\" in label matching, expected a quoted string"},
           {"up{a==\"b\"}", "1:5: unexpected \"==\" in label matching, expected one of = != =~ !~"},
           {"up{a=\"b\"", "1:9: unexpected end of input in label matching, expected \",\" or \"}\""},
           {"up{,}", "1:4: unexpected \",\" in label matching, expected a label name or \"}\""},
           {"up{a:b=\"c\"}", "1:5: unexpected \":\" in label matching, expected one of = != =~ !~"},
           {"up[]",
            "1:4: unexpected \"]\" in duration, expected a number, a duration such as 5m, step(), range(), min_of() or "
            "max_of()"},
           {"up[5m", "1:6: unexpected end of input in range selector, expected \":\" or \"]\""},
           {"up[5m:1m", "1:9: unexpected end of input in subquery, expected \"]\""},
           {"up[0s]", "1:4: duration must be greater than 0, got 0s"},
           {"up[-5m]", "1:4: duration must be greater than 0, got -5m"},
           {"up[5m:0]", "1:7: duration must be greater than 0, got 0s"},
           {"up[5m-5m]", "1:4: duration must be greater than 0, got 0s"},
           {"up[5m/0]", "1:4: division by zero in duration expression"},
           {"up[5m%0]", "1:4: modulo by zero in duration expression"},
           {"up[inf]", "1:4: duration expression yields infinity"},
           {"up[nan]", "1:4: duration expression yields NaN"},
           {"up[1e15]", "1:4: duration out of range: more than 292 years"},
           {"up[(5m]", "1:7: unexpected \"]\" in duration, expected an operator or \")\""},
           {"up[min_of(5m)]", "1:4: min_of(5m) wants 2 durations, got 1"},
           {"up[min_of(1,2,3)]", "1:14: unexpected \",\" in duration, expected an operator or \")\""},
           {"up[rate(5m)]",
            "1:4: unexpected identifier \"rate\" in duration, expected a number, a duration such as 5m, step(), "
            "range(), min_of() or max_of()"},
           {"sum(up)[5m]", "1:1: ranges only allowed for vector selectors"},
           {"(up)[5m]", "1:1: ranges only allowed for vector selectors"},
           {"up offset 1m [5m]", "1:14: no offset modifiers allowed before range"},
           {"up @ 5 [5m]", "1:8: no @ modifiers allowed before range"},
           {"1[5m:]", "1:1: subquery is only allowed on instant vector, got scalar instead"},
           {"up[5m:][5m:]", "1:1: subquery is only allowed on instant vector, got range vector instead"},
           {"up offset 5m offset 5m", "1:14: offset may not be set multiple times"},
           {"up offset",
            "1:10: unexpected end of input in duration, expected a number, a duration such as 5m, step(), range(), "
            "min_of() or max_of()"},
           {"sum(up) offset 5m",
            "1:9: offset modifier must be preceded by an instant vector selector or range vector selector or a "
            "subquery"},
           {"up @ 5 @ 6", "1:8: @ <timestamp> may not be set multiple times"},
           {"up @ x",
            "1:6: unexpected identifier \"x\" in @ modifier, expected a Unix timestamp in seconds, start() or end()"},
           {"up @ inf", "1:4: timestamp out of bounds for @ modifier: inf"},
           {"up @ 1e16", "1:4: timestamp out of bounds for @ modifier: 1e16"},
           {"1 @ 5",
            "1:3: @ modifier must be preceded by an instant vector selector or range vector selector or a subquery"},
           {"up anchored smoothed", "1:13: anchored and smoothed modifiers cannot be used together"},
           {"up[5m:] anchored", "1:9: anchored modifier is not supported for subqueries"},
           {"up + up[5m]",
            "1:6: binary expression must contain only scalar and instant vector types, got range vector"},
           {"\"a\" + 1", "1:1: binary expression must contain only scalar and instant vector types, got string"},
           {"1 == 2", "1:1: comparisons between scalars must use BOOL modifier"},
           {"1 </ 2", "1:1: operator \"</\" not allowed between scalars"},
           {"a + bool b", "1:5: bool modifier can only be used on comparison operators"},
           {"a and 1", "1:3: set operator \"and\" not allowed in binary scalar expression"},
           {"a or on(x) group_left b", "1:12: no grouping allowed for \"or\" operation"},
           {"a and fill(0) b", "1:7: filling in missing series not allowed for set operator \"and\""},
           {"1 + on(x) a", "1:1: vector matching only allowed between instant vectors"},
           {"1 + fill(0) a", "1:1: filling in missing series only allowed between instant vectors"},
           {"a + fill(0) fill_left(1) b", "1:13: the same side cannot be filled twice"},
           {"a + fill(b) c", "1:10: unexpected identifier \"b\" in fill modifier, expected a number"},
           {"a * on(x) group_left(x) b", "1:3: label \"x\" must not occur in ON and GROUP clause at once"},
           {"a * group_left b", "1:5: unexpected keyword \"group_left\", expected an expression"},
           {"a * on(1) b", "1:8: unexpected number \"1\" in on, expected a label name"},
           {"-\"a\"", "1:1: unary expression only allowed on expressions of type scalar or instant vector, got string"},
           {"foo(a)", "1:1: unknown function with name \"foo\""},
           {"abs()", "1:1: expected 1 argument(s) in call to \"abs\", got 0"},
           {"abs(a, b)", "1:1: expected 1 argument(s) in call to \"abs\", got 2"},
           {"round()", "1:1: expected at least 1 argument(s) in call to \"round\", got 0"},
           {"round(a, 1, 2)", "1:1: expected at most 2 argument(s) in call to \"round\", got 3"},
           {"rate(a)", "1:6: expected type range vector in call to function \"rate\", got instant vector"},
           {"abs(a[5m])", "1:5: expected type instant vector in call to function \"abs\", got range vector"},
           {"vector(a)", "1:8: expected type scalar in call to function \"vector\", got instant vector"},
           {"label_join(a, \"b\", \"c\", 1)",
            "1:25: expected type string in call to function \"label_join\", got scalar"},
           {"info(a, b)", "1:9: expected label selectors only, got vector selector instead"},
           {"info(a, 1)", "1:9: expected label selectors as the second argument to \"info\" function"},
           {"sum()", "1:1: no arguments for aggregate expression provided"},
           {"sum(a, b)", "1:1: wrong number of arguments for aggregate expression provided, expected 1, got 2"},
           {"topk(a)", "1:1: wrong number of arguments for aggregate expression provided, expected 2, got 1"},
           {"sum(1)", "1:5: expected type instant vector in aggregation expression, got scalar"},
           {"topk(a, b)", "1:6: expected type scalar in aggregation parameter, got instant vector"},
           {"count_values(1, b)", "1:14: expected type string in aggregation parameter, got scalar"},
           {"sum by a (b)", "1:8: unexpected identifier \"a\" in by, expected \"(\""},
           {"sum by (a) (b) by (c)", "1:16: unexpected keyword \"by\", expected an operator"},
           {"sum by (a.b) (c)", "1:10: unexpected character: '.'"},
           {"sum by (\"\") (c)", "1:9: invalid label name for grouping: \"\""},
       }) {
    EXPECT_EQ(ErrorOf(query), want) << query;
  }
}

TEST(ParseError, HintsAtWhatWasProbablyMeant) {
  for (const auto& [query, want] : std::vector<Row>{
           {"rat(a[5m])", "did you mean rate?"},
           {"Rate(a[5m])", "did you mean rate?"},
           {"historgam_quantile(0.9, a)", "did you mean histogram_quantile?"},
           {"summ(a)", "did you mean sum?"},
           {"sum(a) bye (b)", "did you mean by?"},
           {"a adn b", "did you mean and?"},
           {"a[5m] ofset 5m", "did you mean offset?"},
           {"rate(a{b=\"c\"})", "add a range: a{b=\"c\"}[5m]"},
           {"rate(sum(a))", "make it a subquery: (…)[5m:]"},
           {"sum(a[5m])", "a range is reduced by a function such as rate() or avg_over_time()"},
           {"topk(a, b)", "scalar() turns a vector of one element into a scalar"},
           {"1 > 2", "write > bool"},
           {"a = 1", "equality is written `==`"},
           {"a && b", "the logical operator is written `and`"},
           {"a{b=c}", "label values are quoted: \"c\""},
           {"rate(a[$__interval])", "a dashboard variable seems not to have been replaced"},
           {"a.b", R"(names with dots are quoted, in braces: {"some.name"})"},
           {"sum(a)[5m]", "for a subquery write a colon: [5m:]"},
           {"a * group_left b", "group_left and group_right stand behind on(…) or ignoring(…)"},
       }) {
    EXPECT_EQ(HintOf(query), want) << query;
  }
}

TEST(ParseError, ShowsTheLineWithACaret) {
  const std::string_view query = "sum(\n\trate(ü{a=\"ö\"} ofset 5m)\n)";
  const auto ast = ParseExpression("sum(\n\trate(x{a=\"ö\"} ofset 5m)\n)");
  ASSERT_FALSE(ast);
  EXPECT_EQ(ast.error().Summary(),
            "2:17: parse error: unexpected identifier \"ofset\", expected an operator (did you mean offset?)");
  EXPECT_EQ(ast.error().Render("sum(\n\trate(x{a=\"ö\"} ofset 5m)\n)"),
            "2:17: parse error: unexpected identifier \"ofset\", expected an operator\n"
            "   rate(x{a=\"ö\"} ofset 5m)\n"
            "                 ^^^^^\n"
            "  hint: did you mean offset?");
  const auto other = ParseExpression(query);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().column, 7U);
  EXPECT_EQ(ParseExpression("a +").error().Render("a +"),
            "1:4: parse error: unexpected end of input, expected an expression\n  a +\n     ^");
  const std::string long_query = fmt::format("{:a>200} ? {:b>200}", "", "");
  const std::string shown = ParseExpression(long_query).error().Render(long_query);
  EXPECT_LT(shown.size(), 250U);
  EXPECT_NE(shown.find("? b"), std::string::npos);
}

TEST(ParseError, RefusesWhatIsExperimentalUnlessSwitchedOn) {
  const ParseOptions defaults;
  for (const auto& [query, want] : std::vector<Row>{
           {"info(a)", "1:1: function \"info\" is not enabled"},
           {"limitk(1, a)", "1:1: aggregation \"limitk\" is not enabled"},
           {"a[5m] anchored", "1:7: anchored modifier is experimental and not enabled"},
           {"a smoothed", "1:3: smoothed modifier is experimental and not enabled"},
           {"a + fill(0) b", "1:5: fill modifiers are experimental and not enabled"},
           {"a[2 * step()]", "accepted"},
       }) {
    EXPECT_EQ(ErrorOf(query, defaults), want) << query;
    EXPECT_EQ(ErrorOf(query), "accepted") << query;
  }
  ParseOptions plain;
  plain.duration_expressions = false;
  EXPECT_EQ(ErrorOf("a[5m:1m] offset -1h", plain), "accepted");
  EXPECT_EQ(ErrorOf("a[2*5m]", plain), "1:3: duration expressions are switched off: want a plain duration such as 5m");
}

TEST(ParseError, RefusesWhatIsTooLongTooDeepOrTooMuch) {
  EXPECT_EQ(ErrorOf(fmt::format("{:1048577}", 1)), "1:1: query too long: 1048577 bytes, at most 1048576 are allowed");
  EXPECT_EQ(ErrorOf(std::string(3'000'000, '(')), "1:1: query too long: 3000000 bytes, at most 1048576 are allowed");
  EXPECT_EQ(ErrorOf(std::string(1'000'000, '(')),
            "1:501: expression nested too deeply: at most 500 levels are allowed");
  EXPECT_EQ(ErrorOf(fmt::format("{:->100000}", 1)),
            "1:501: expression nested too deeply: at most 500 levels are allowed");
  EXPECT_EQ(ErrorOf(fmt::format("a[{:(>100000}", "")),
            "1:503: duration expression nested too deeply: at most 500 levels are allowed");
  const auto repeat = [](std::string_view text, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += text;
    return out;
  };
  EXPECT_EQ(ErrorOf(repeat("abs(", 1000)), "1:2001: expression nested too deeply: at most 500 levels are allowed");
  EXPECT_EQ(ErrorOf(repeat("2^", 1000) + "2"), "1:1002: expression nested too deeply: at most 500 levels are allowed");
  EXPECT_EQ(ErrorOf(repeat("1+", 50'001) + "1"), "1:100002: too many operators: at most 50000 are allowed in a query");
  EXPECT_EQ(ErrorOf(repeat("(", 499) + "a" + repeat(")", 499)), "accepted");
  EXPECT_EQ(ErrorOf(repeat("(", 500) + "a" + repeat(")", 500)),
            "1:1: expression nested too deeply: at most 500 levels are allowed");
}

TEST(ParseError, AcceptsLongChainsWhichVisitorsWalkWithoutRecursion) {
  std::string query = "a";
  for (int i = 0; i < 50'000; ++i) query += "+a";
  const auto ast = ParseExpression(query);
  ASSERT_TRUE(ast);
  EXPECT_LE(ast->root().depth, 3);
  EXPECT_EQ(PostOrder(ast->root()).size(), 100'001U);
  EXPECT_EQ(Selectors(ast->root()).size(), 50'001U);
  EXPECT_EQ(ToString(ast->root()).size(), 4 * 50'000 + 1U);
  EXPECT_TRUE(SameExpression(ast->root(), ast->root()));
  std::string range = "a[1";
  for (int i = 0; i < 49'000; ++i) range += "+1";
  const auto matrix = ParseExpression(range + "]");
  ASSERT_TRUE(matrix);
  EXPECT_EQ(As<MatrixSelector>(&matrix->root())->range.ms, 49'001'000);
}

}  // namespace
}  // namespace baro::query
