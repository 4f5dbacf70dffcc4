#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "model/metadata.h"
#include "model/names.h"
#include "model/quote.h"
#include "model/sample.h"
#include "model/text/unicode.h"

namespace baro::model {
namespace {

TEST(Names, AreCheckedByScheme) {
  struct Row {
    std::string_view name;
    bool metric, label, utf8;
  };
  constexpr Row kRows[] = {{"up", true, true, true},   {"a:b", true, false, true},   {"_1", true, true, true},
                           {"1a", false, false, true}, {"", false, false, false},    {"a.b", false, false, true},
                           {"é", false, false, true},  {"\xff", false, false, false}};
  for (const auto& [name, metric, label, utf8] : kRows) {
    EXPECT_EQ(IsValidMetricName(name, NameScheme::kLegacy), metric) << name;
    EXPECT_EQ(IsValidLabelName(name, NameScheme::kLegacy), label) << name;
    EXPECT_EQ(IsValidMetricName(name), utf8) << name;
    EXPECT_EQ(IsValidLabelName(name), utf8) << name;
  }
}

TEST(Utf8, IsJudgedAsGoDoes) {
  struct Row {
    std::string_view text;
    bool want;
  };
  constexpr Row kRows[] = {{"", true},
                           {"plain ascii text", true},
                           {"\xc3\xa9", true},
                           {"\xc3", false},
                           {"\xa9", false},
                           {"\xc0\x80", false},
                           {"\xc1\xbf", false},
                           {"\xe0\x80\x80", false},
                           {"\xe2\x82\xac", true},
                           {"\xed\xa0\x80", false},
                           {"\xef\xbf\xbd", true},
                           {"\xf0\x9f\x98\x80", true},
                           {"\xf0\x80\x80\x80", false},
                           {"\xf4\x90\x80\x80", false},
                           {"\xf5\x80\x80\x80", false},
                           {"0123456789abcde\xff", false},
                           {"\xe2\x82", false}};
  for (const auto& [text, want] : kRows) EXPECT_EQ(IsValidUtf8(text), want) << testing::PrintToString(text);
  std::string valid;
  AppendValidUtf8(valid, "a\xe2\x82z\xff");
  EXPECT_EQ(valid, "a\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd");
}

TEST(Utf8, EveryCodePointComesBack) {
  for (char32_t rune = 0; rune <= 0x10ffff; rune += 7) {
    if (rune >= 0xd800 && rune <= 0xdfff) continue;
    std::string text;
    AppendRune(text, rune);
    const DecodedRune decoded = DecodeRune(text);
    ASSERT_TRUE(decoded.is_valid && decoded.rune == rune && decoded.size_bytes == text.size())
        << static_cast<std::uint32_t>(rune);
  }
}

TEST(Quoted, EscapesAsGoDoes) {
  EXPECT_EQ(Quoted("a\"b\\c\n\t\r\a\b\f\v"), R"("a\"b\\c\n\t\r\a\b\f\v")");
  EXPECT_EQ(Quoted(std::string_view("\0\x1b\x7f", 3)), R"("\x00\x1b\x7f")");
  EXPECT_EQ(Quoted("é€😀"), "\"é€😀\"");
  EXPECT_EQ(Quoted("\xff\xc2\xad\xe2\x80\x8b\xf3\xa0\x80\x81"), R"("\xff\u00ad\u200b\U000e0001")");
}

TEST(Abridged, CutsLongTextsBetweenCodePoints) {
  EXPECT_EQ(Abridged(""), "");
  EXPECT_EQ(Abridged(std::string(200, 'a')), std::string(200, 'a'));
  EXPECT_EQ(Abridged(std::string(201, 'a')), std::string(200, 'a') + "...");
  EXPECT_EQ(Abridged("a😀b", 1), "a...");
  EXPECT_EQ(Abridged("a😀b", 4), "a...");
  EXPECT_EQ(Abridged("a😀b", 5), "a😀...");
  EXPECT_EQ(Abridged("éé", 3), "é...");
  EXPECT_EQ(Abridged("ab", 0), "...");
}

TEST(Unicode, ChangesCaseAsGoDoes) {
  EXPECT_EQ(ToLower("ÀÉΣДⅣABC123İ"), "àéσдⅳabc123i");
  EXPECT_EQ(ToUpper("àéσдⅳabc123ßÿ"), "ÀÉΣДⅣABC123ßŸ");
  EXPECT_EQ(ToUpper("a\xff"), "A\xef\xbf\xbd");
}

TEST(Escaping, FollowsTheSchemes) {
  struct Row {
    std::string_view name, underscores, dots, values;
  };
  constexpr Row kRows[] = {
      {"no:escaping_required", "no:escaping_required", "no:escaping__required", "no:escaping_required"},
      {"mysystem.prod.west.cpu.load", "mysystem_prod_west_cpu_load", "mysystem_dot_prod_dot_west_dot_cpu_dot_load",
       "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load"},
      {"http.status:sum", "http_status:sum", "http_dot_status:sum", "U__http_2e_status:sum"},
      {"label with 😱", "label_with__", "label__with____", "U__label_20_with_20__1f631_"},
      {"a_b.c", "a_b_c", "a__b_dot_c", "U__a__b_2e_c"},
      {"1a", "_a", "__a", "U___31_a"},
  };
  for (const auto& [name, underscores, dots, values] : kRows) {
    EXPECT_EQ(EscapeName(name, EscapingScheme::kUnderscores), underscores);
    EXPECT_EQ(EscapeName(name, EscapingScheme::kDots), dots);
    EXPECT_EQ(EscapeName(name, EscapingScheme::kValues), values);
    EXPECT_EQ(EscapeName(name, EscapingScheme::kAllowUtf8), name);
    EXPECT_EQ(UnescapeName(values, EscapingScheme::kValues), name);
  }
  EXPECT_EQ(UnescapeName("a__b_dot_c", EscapingScheme::kDots), "a_b.c");
  for (const char* damaged : {"U__a_", "U__a_zz_", "U__a_d800_", "U__a_1234567890_", "U__a_110000_"}) {
    EXPECT_EQ(UnescapeName(damaged, EscapingScheme::kValues), damaged);
  }
  EXPECT_EQ(ParseEscapingScheme("allow-utf-8"), EscapingScheme::kAllowUtf8);
  EXPECT_EQ(ParseEscapingScheme("other"), std::nullopt);
}

TEST(Sample, OnlyTheExactBitsAreStale) {
  EXPECT_TRUE(IsStaleNaN(StaleNaN()));
  EXPECT_FALSE(IsStaleNaN(CanonicalNaN()));
  EXPECT_FALSE(IsStaleNaN(std::nan("")));
  EXPECT_TRUE(std::isnan(StaleNaN()));
  EXPECT_TRUE((TimeRange{1, 2}.Overlaps({2, 3})));
  EXPECT_FALSE((TimeRange{1, 2}.Contains(3)));
  EXPECT_TRUE((TimeRange{2, 1}.empty()));
}

TEST(Metadata, NamesOfTypesComeBack) {
  for (int type = 0; type < 8; ++type) {
    EXPECT_EQ(ParseMetricType(MetricTypeName(static_cast<MetricType>(type))), static_cast<MetricType>(type));
  }
  EXPECT_EQ(ParseMetricType("untyped"), MetricType::kUnknown);
  EXPECT_EQ(ParseMetricType("Counter"), std::nullopt);
}

}  // namespace
}  // namespace baro::model
