#include "server/api/json.h"

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace baro::server {
namespace {

// Byte by byte, for ASCII.
std::string Naive(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string String(std::string_view text) {
  std::string out = "x";  // nothing may be written over what stands there
  AppendJsonString(out, text);
  return out.substr(1);
}

TEST(Json, StringsOfAllLengthsWithASpecialCharacterAtEachPlace) {
  for (std::size_t size = 0; size < 40; ++size) {
    const std::string plain(size, '~');
    EXPECT_EQ(String(plain), Naive(plain));
    for (std::size_t at = 0; at < size; ++at) {
      for (const char special : {'"', '\\', '\n', '\x01', '\x1f', ' ', '!', '#', '[', ']'}) {
        std::string text = plain;
        text[at] = special;
        EXPECT_EQ(String(text), Naive(text)) << size << " " << at;
      }
    }
  }
}

TEST(Json, WhatIsNoAsciiIsKeptAndWhatIsNoUtf8Repaired) {
  for (std::size_t size = 0; size < 20; ++size) {
    const std::string before(size, 'a');
    EXPECT_EQ(String(before + "\u00e9b"), "\"" + before + "\u00e9b\"");
    EXPECT_EQ(String(before + "\xff" + "b"), "\"" + before + "\ufffdb\"");
  }
}

TEST(Json, LabelsPlainAndNot) {
  const auto text = [](std::initializer_list<model::LabelView> labels) {
    std::string out = "x";
    AppendJsonLabels(out, model::Labels::FromPairs(labels));
    return out.substr(1);
  };
  EXPECT_EQ(text({}), "{}");
  EXPECT_EQ(text({{.name = "a", .value = "b"}}), R"({"a":"b"})");
  EXPECT_EQ(text({{.name = "a", .value = "b"}, {.name = "c", .value = "d"}}), R"({"a":"b","c":"d"})");
  EXPECT_EQ(text({{.name = "a", .value = "b"}, {.name = "path", .value = "C:\\x \"y\""}}),
            R"({"a":"b","path":"C:\\x \"y\""})");
  for (std::size_t size = 1; size < 20; ++size) {
    const std::string value(size, 'v');
    EXPECT_EQ(text({{.name = "n", .value = value}, {.name = "o", .value = value + "\n"}}),
              "{\"n\":\"" + value + "\",\"o\":\"" + value + "\\n\"}");
  }
}

}  // namespace
}  // namespace baro::server
