#include "config/sections/url_text.h"

#include <gtest/gtest.h>

namespace baro::config {
namespace {

TEST(UrlText, TakesWhatGoTakes) {
  struct Row {
    const char* text;
    const char* scheme;
    const char* host;
  };
  constexpr Row kRows[] = {
      {"http://a", "http", "a"},
      {"HTTPS://u:p@h:1/x?y#z", "https", "h:1"},
      {"localhost:9090", "localhost", ""},
      {"foo", "", ""},
      {"", "", ""},
      {"/a/b", "", ""},
      {"//h/x", "", "h"},
      {"unix:///var/run/d.sock", "unix", ""},
      {"http://[::1]:80/", "http", "[::1]:80"},
      {"http://", "http", ""},
      {"mailto:a@b", "mailto", ""},
      {"http://h?x=%zz", "http", "h"},
  };
  for (const Row& row : kRows) {
    const auto parts = SplitUrl(row.text);
    ASSERT_TRUE(parts) << row.text << ": " << parts.error().message();
    EXPECT_EQ(parts->scheme, row.scheme) << row.text;
    EXPECT_EQ(parts->host, row.host) << row.text;
  }
}

TEST(UrlText, RefusesWhatGoRefuses) {
  for (const char* const text : {"://invalid", ":80", "1.2.3.4:9090", "http://h:port/", "http://a b/", "http://h/%zz",
                                 "http://[::1", "http://[::1]x", "a\nb", "http://u%z@h/"}) {
    EXPECT_FALSE(SplitUrl(text)) << text;
  }
}

TEST(UrlText, PasswordsAreMasked) {
  EXPECT_EQ(MaskUrlPassword("http://u:p@h:1/x"), "http://u:xxxxx@h:1/x");
  EXPECT_EQ(MaskUrlPassword("http://u:p@q@h/x@y"), "http://u:xxxxx@h/x@y");
  EXPECT_EQ(MaskUrlPassword("http://u@h"), "http://u@h");
  EXPECT_EQ(MaskUrlPassword("http://h/a:b@c"), "http://h/a:b@c");
}

}  // namespace
}  // namespace baro::config
