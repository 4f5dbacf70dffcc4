#include "model/matcher.h"

#include <gtest/gtest.h>

#include <random>

#include <fmt/format.h>
#include <re2/re2.h>

#include "model/matcher/regex_shape.h"

namespace baro::model {
namespace {

Matcher Must(MatchType type, std::string_view name, std::string_view value) {
  auto made = Matcher::Make(type, name, value);
  EXPECT_TRUE(made.has_value()) << made.error().message();
  return *std::move(made);
}

TEST(Matcher, ComparesAndNegates) {
  struct Row {
    MatchType type;
    std::string_view value, text;
    bool want;
  };
  constexpr Row kRows[] = {
      {MatchType::kEqual, "a", "a", true},         {MatchType::kEqual, "a", "b", false},
      {MatchType::kEqual, "", "", true},           {MatchType::kNotEqual, "a", "", true},
      {MatchType::kNotEqual, "a", "a", false},     {MatchType::kRegex, "a|b", "b", true},
      {MatchType::kRegex, "a", "aa", false},       {MatchType::kRegex, "a.", "a\n", true},
      {MatchType::kRegex, "(?i)ab", "aB", true},   {MatchType::kNotRegex, "a.*", "abc", false},
      {MatchType::kNotRegex, "a.*", "", true},     {MatchType::kRegex, ".+", "\xff", true},
      {MatchType::kRegex, "[^a]", "\xff", true},   {MatchType::kRegex, "a|^b$|c", "b", true},
      {MatchType::kRegex, "5..", "503", true},     {MatchType::kRegex, "", "", true},
      {MatchType::kRegex, "https?", "http", true}, {MatchType::kRegex, ".*a.*b", "xaxb", true},
  };
  for (const auto& [type, value, text, want] : kRows) {
    EXPECT_EQ(Must(type, "l", value).Matches(text), want) << MatchTypeText(type) << value << " on " << text;
    EXPECT_EQ(Must(type, "l", value).MatchesEmpty(), Must(type, "l", value).Matches(""));
  }
}

TEST(Matcher, TellsWhatIsWrongWithAnExpression) {
  EXPECT_EQ(Matcher::Make(MatchType::kRegex, "job", "a(b").error().message(),
            R"(matcher of label "job": invalid regular expression "a(b": missing ): a(b)");
  EXPECT_EQ(Matcher::Make(MatchType::kRegex, "job", "a\xff").error().code(), base::Code::kInvalidArgument);
  EXPECT_EQ(Matcher::Make(MatchType::kRegex, "job", "(((a{100}){100}){100})").error().code(),
            base::Code::kInvalidArgument);
  EXPECT_EQ(Matcher::Make(MatchType::kRegex, "job", R"(((\pL{50}){10}\PL{50}){2})").error().code(),
            base::Code::kLimitExceeded);
  EXPECT_EQ(Matcher::Make(MatchType::kRegex, "job", std::string(kRegexBytesMax + 1, 'a')).error().code(),
            base::Code::kLimitExceeded);
}

TEST(Matcher, PrintsAsPromQl) {
  EXPECT_EQ(Must(MatchType::kNotRegex, "job", "a\"b").ToString(), R"(job!~"a\"b")");
  EXPECT_EQ(Must(MatchType::kEqual, "a.b", "c").ToString(), R"("a.b"="c")");
}

TEST(Matcher, KnowsTheValuesOfAnAlternation) {
  struct Row {
    std::string_view pattern;
    std::vector<std::string> want;
  };
  const Row rows[] = {
      {"foo|bar|baz", {"bar", "baz", "foo"}},
      {"foo(1|2)", {"foo1", "foo2"}},
      {"host-[1-3]\\.net", {"host-1.net", "host-2.net", "host-3.net"}},
      {"^(?:a|b)$", {"a", "b"}},
      {"https?", {"http", "https"}},
      {"a||b", {"", "a", "b"}},
      {"x", {"x"}},
      {"", {""}},
      {"a.*", {}},
      {"(?i)a", {}},
      {"[^a]", {}},
      {"a{2}", {}},
      {"a+", {}},
      {"[a-z][a-z]", {}},  // 676: more than an automaton costs
  };
  for (const auto& [pattern, want] : rows) {
    const Matcher matcher = Must(MatchType::kRegex, "l", pattern);
    EXPECT_EQ(std::vector<std::string>(matcher.SetMatches().begin(), matcher.SetMatches().end()), want) << pattern;
  }
  EXPECT_EQ(Must(MatchType::kEqual, "l", "v").SetMatches().size(), 1u);
}

TEST(Matcher, ALongAlternationNeedsNoAutomaton) {
  std::string pattern;
  for (int i = 0; i < 20'000; ++i) pattern += fmt::format("{}pod-{}", i == 0 ? "" : "|", i);
  const Matcher matcher = Must(MatchType::kRegex, "pod", pattern);
  EXPECT_EQ(matcher.SetMatches().size(), 20'000u);
  EXPECT_EQ(matcher.RequiredPrefix(), "pod-");
  EXPECT_TRUE(matcher.Matches("pod-19999"));
  EXPECT_FALSE(matcher.Matches("pod-20000"));
}

TEST(Regex, CommonFormsHaveAFastPath) {
  for (const char* pattern :
       {".*", ".+", "foo.*", "foo.+", ".*foo", ".*foo.*", "foo.*|bar.*", "a.*b.*c", "foo|bar.+", ".*?x"}) {
    EXPECT_TRUE(AnchoredRegex::Make(pattern)->has_fast_path()) << pattern;
  }
  EXPECT_EQ(AnchoredRegex::Make("foo.*|foobar")->RequiredPrefix(), "foo");
}

// The convention of model/regex.h, without any fast path.
bool Reference(const re2::RE2& regex, std::string_view text) {
  std::string valid;
  AppendValidUtf8(valid, text);
  return re2::RE2::FullMatch(valid, regex);
}

std::string RandomFrom(std::mt19937& random, std::span<const std::string_view> pieces, std::size_t count_max) {
  std::string out;
  for (std::size_t i = random() % (count_max + 1); i > 0; --i) out += pieces[random() % pieces.size()];
  return out;
}

TEST(Regex, FastPathsMatchWhatRe2Matches) {
  constexpr std::string_view kPatternPieces[] = {"a",      "b",     "ab",   "é",   "\n", "|", "|",    ".*",
                                                 ".*",     ".+",    ".+?",  ".*?", "(",  ")", "(?:",  "[ab]",
                                                 "[a-c1]", "\\.",   "\\\\", "\\-", ".",  "?", "a?",   "^",
                                                 "$",      "*",     "{",    "}",   "]",  "[", "\xff", "\xef\xbf\xbd",
                                                 "(a|b)",  "(|a)?", "\\_",  "\\/", "+"};
  constexpr std::string_view kTextPieces[] = {"a",  "b", "ab", "é", "\xc3", "\xa9",         "\n",      ".",
                                              "\\", "c", "1",  "-", "\xff", "\xef\xbf\xbd", "\xf0\x9f"};
  re2::RE2::Options options;
  options.set_dot_nl(true);
  options.set_log_errors(false);
  std::mt19937 random(11);
  int simple = 0;
  for (int round = 0; round < 30'000; ++round) {
    const std::string pattern = RandomFrom(random, kPatternPieces, 7);
    const auto shape = RegexShape::Analyze(pattern);
    if (!shape.has_value()) continue;
    ++simple;
    const re2::RE2 regex(pattern, options);
    ASSERT_TRUE(regex.ok()) << testing::PrintToString(pattern);
    for (int i = 0; i < 30; ++i) {
      std::string text = RandomFrom(random, kTextPieces, 6);
      if (i < 3 && !shape->literals().empty()) text = shape->literals()[random() % shape->literals().size()];
      ASSERT_EQ(shape->Matches(text), Reference(regex, text))
          << testing::PrintToString(pattern) << " on " << testing::PrintToString(text);
      if (shape->Matches(text)) {
        ASSERT_TRUE(text.starts_with(shape->RequiredPrefix())) << pattern;
      }
    }
  }
  EXPECT_GT(simple, 5000);
}

TEST(Regex, EveryAsciiEscapeThatIsTakenIsRe2s) {
  for (int byte = 1; byte < 128; ++byte) {
    const std::string pattern{'\\', static_cast<char>(byte)};
    if (!RegexShape::Analyze(pattern).has_value()) continue;
    EXPECT_TRUE(re2::RE2::FullMatch(std::string(1, static_cast<char>(byte)), pattern)) << pattern;
  }
}

TEST(Regex, ExpandsGroupsAsGoDoes) {
  struct Row {
    std::string_view pattern, text, replacement, want;
  };
  constexpr Row kRows[] = {
      {"(.*)", "value", "$1", "value"},
      {"(a)(b)?", "a", "$1-$2-$3", "a--"},
      {"(?P<word>.+)", "w", "${word}x $word", "wx w"},
      {"(.)(.)", "ab", "$2$1", "ba"},
      {"(.)(.)", "ab", "${2}1$$1", "b1$1"},
      {"(.)", "a", "$1x|${1}x", "|ax"},  // `$1x` is a group of that name
      {"(.)", "a", "$ ${ ${1 $-", "$ ${ ${1 $-"},
      {"(.)", "a", "$01", ""},
      {"a.*", "ab", "<$0>", "<ab>"},
      {"x|y", "y", "$0$1", "y"},
  };
  for (const auto& [pattern, text, replacement, want] : kRows) {
    std::string expanded;
    ASSERT_TRUE(AnchoredRegex::Make(pattern)->MatchAndExpand(text, ReplacementTemplate(replacement), expanded));
    EXPECT_EQ(expanded, want) << pattern << " " << replacement;
  }
  std::string kept = "kept";
  EXPECT_FALSE(AnchoredRegex::Make("a")->MatchAndExpand("b", ReplacementTemplate("x"), kept));
  EXPECT_EQ(kept, "kept");
}

}  // namespace
}  // namespace baro::model
