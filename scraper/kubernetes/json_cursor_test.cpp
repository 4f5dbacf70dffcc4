#include "scraper/kubernetes/json_cursor.h"

#include <functional>
#include <random>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "model/names.h"

namespace baro::scraper {
namespace {

using testing::HasSubstr;

/// Reads everything, as a document of the library that has one.
nlohmann::json ReadAll(JsonCursor& json, const std::string& kind) {
  nlohmann::json out;
  if (kind == "object") {
    out = nlohmann::json::object();
    json.Object([&](std::string_view name) { out[std::string(name)] = std::string(json.Skip()); });
  } else {
    out = nlohmann::json::array();
    json.Array([&] { out.push_back(std::string(json.Skip())); });
  }
  return out;
}

std::string ErrorOf(std::string_view text) {
  JsonCursor json(text);
  json.Skip();
  const auto end = json.Finish();
  return end ? "" : end.error().message();
}

TEST(JsonCursor, ReadsWhatIsAskedForAndPassesOverTheRest) {
  JsonCursor json(
      R"( {"a": {"x": [1, {"y": null}]}, "n": -12, "t": "\u00e9\ud83d\ude00\n\"", "b": true, "l": ["p", "q"],
                       "none": null} )");
  std::int64_t number = 0;
  std::string text;
  bool flag = false;
  std::vector<std::string> list;
  std::optional<std::string> none = "x";
  json.Object([&](std::string_view name) {
    if (name == "n") number = json.Integer();
    if (name == "t") text = json.Text();
    if (name == "b") flag = json.Bool();
    if (name == "l") json.Array([&] { list.push_back(json.Text()); });
    if (name == "none") none = json.OptionalText();
  });
  ASSERT_TRUE(json.Finish());
  EXPECT_EQ(number, -12);
  EXPECT_EQ(text, "é😀\n\"");
  EXPECT_TRUE(flag);
  EXPECT_THAT(list, testing::ElementsAre("p", "q"));
  EXPECT_FALSE(none);
}

TEST(JsonCursor, NullIsAnEmptyValueOfAnyType) {
  JsonCursor json(R"([null, null, null, null, null])");
  int calls = 0;
  int at = 0;
  json.Array([&] {
    switch (at++) {
      case 0:
        EXPECT_EQ(json.Text(), "");
        break;
      case 1:
        EXPECT_EQ(json.Integer(), 0);
        break;
      case 2:
        EXPECT_FALSE(json.Bool());
        break;
      case 3:
        json.Array([&] { ++calls; });
        break;
      default:
        json.Object([&](std::string_view) { ++calls; });
    }
  });
  EXPECT_TRUE(json.Finish());
  EXPECT_EQ(calls, 0);
}

TEST(JsonCursor, SaysWhereSomethingElseStands) {
  struct Row {
    const char* text;
    const char* error;
  };
  constexpr Row kRows[] = {{"", "at byte 0: want a value"},
                           {"{\"a\" 1}", "at byte 5: want ':'"},
                           {"{\"a\":1 \"b\":2}", "want ',' or '}'"},
                           {"{\"a\":1,}", "want a text"},
                           {"[1,]", "want a value"},
                           {"[1 2]", "want ',' or ']'"},
                           {"{1:2}", "want a text"},
                           {"01", "begins with 0"},
                           {"1.", "behind the point"},
                           {"1e+", "in the exponent"},
                           {"\"a", "without an end"},
                           {"\"\\x\"", "unknown escape"},
                           {"\"\\u12g4\"", "unknown escape"},
                           {"\"\n\"", "control character"},
                           {"nul", "want a value"},
                           {"1 1", "behind the end"},
                           {"{}\x01", "behind the end"}};
  for (const auto& [text, error] : kRows) EXPECT_THAT(ErrorOf(text), HasSubstr(error)) << text;
  EXPECT_THAT(ErrorOf(std::string_view("1\0", 2)), HasSubstr("behind the end"));
  EXPECT_THAT(ErrorOf(std::string(65, '[')), HasSubstr("deeper than 64 levels"));
  EXPECT_EQ(ErrorOf(std::string(64, '[') + std::string(64, ']')), "");
}

TEST(JsonCursor, AValueOfAnotherTypeIsAnError) {
  using Read = std::function<void(JsonCursor&)>;
  struct Row {
    const char* text;
    Read read;
    const char* error;
  };
  const Row rows[] = {{"7", [](JsonCursor& json) { json.Text(); }, "want a text"},
                      {"\"7\"", [](JsonCursor& json) { json.Integer(); }, "want a value"},
                      {"7.5", [](JsonCursor& json) { json.Integer(); }, "want a whole number"},
                      {"99999999999999999999", [](JsonCursor& json) { json.Integer(); }, "want a whole number"},
                      {"1", [](JsonCursor& json) { json.Bool(); }, "want true or false"},
                      {"[]", [](JsonCursor& json) { json.Object([](std::string_view) {}); }, "want an object"},
                      {"{}", [](JsonCursor& json) { json.Array([] {}); }, "want a list"},
                      {"\"\xff\"", [](JsonCursor& json) { json.Text(); }, "not valid UTF-8"}};
  for (const Row& row : rows) {
    JsonCursor json(row.text);
    row.read(json);
    const auto end = json.Finish();
    ASSERT_FALSE(end) << row.text;
    EXPECT_THAT(end.error().message(), HasSubstr(row.error)) << row.text;
  }
}

TEST(JsonCursor, HalvesOfSurrogatesAreReplaced) {
  for (const auto& [text, want] : std::vector<std::pair<const char*, const char*>>{{R"("\ud83d")", "\uFFFD"},
                                                                                   {R"("\ude00x")", "\uFFFDx"},
                                                                                   {R"("\ud83d\u0041")", "\uFFFDA"},
                                                                                   {R"("\ud83dA")", "\uFFFDA"}}) {
    JsonCursor json(text);
    EXPECT_EQ(json.Text(), want);
    EXPECT_TRUE(json.Finish());
  }
}

/// A random document.
nlohmann::json Random(std::mt19937& random, int depth) {
  const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  switch (pick(depth == 0 ? 5 : 7)) {
    case 0:
      return nullptr;
    case 1:
      return pick(2) == 0;
    case 2:
      return pick(2000) - 1000;
    case 3:
      return pick(1000) / 8.0;
    case 4:
      return std::vector<std::string>{
          "", "a\"b", "é", "\n\t", "😀", "\\", "long text without escapes"}[static_cast<std::size_t>(pick(7))];
    case 5: {
      nlohmann::json list = nlohmann::json::array();
      for (int i = pick(4); i > 0; --i) list.push_back(Random(random, depth - 1));
      return list;
    }
    default: {
      nlohmann::json object = nlohmann::json::object();
      for (int i = pick(4); i > 0; --i) object[fmt::format("k{}\"", i)] = Random(random, depth - 1);
      return object;
    }
  }
}

/// Takes a document apart with the cursor only, level by level.
nlohmann::json Rebuild(std::string_view text) {
  JsonCursor json(text);
  nlohmann::json value;
  if (text.starts_with('{')) {
    value = nlohmann::json::object();
    const auto fields = ReadAll(json, "object");
    for (const auto& [name, inner] : fields.items()) value[name] = Rebuild(inner.get<std::string>());
  } else if (text.starts_with('[')) {
    value = nlohmann::json::array();
    for (const auto& inner : ReadAll(json, "array")) value.push_back(Rebuild(inner.get<std::string>()));
  } else if (text.starts_with('"')) {
    value = json.Text();
  } else {
    value = nlohmann::json::parse(json.Skip());
  }
  EXPECT_TRUE(json.Finish()) << text;
  return value;
}

TEST(JsonCursor, ReadsWhatALibraryWrites) {
  std::mt19937 random(7);
  for (int i = 0; i < 2000; ++i) {
    const nlohmann::json document = Random(random, 4);
    const std::string text = document.dump(i % 3 - 1, ' ', i % 2 == 0);
    ASSERT_EQ(Rebuild(text), document) << text;
  }
}

TEST(JsonCursor, TakesWhatALibraryTakes) {
  std::mt19937 random(8);
  constexpr std::string_view kBytes = "{}[]\",:\\0-1.+ tfn\nu\x80";
  int taken = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text = Random(random, 3).dump();
    for (int flips = static_cast<int>(random() % 3); flips > 0; --flips) {
      text[random() % text.size()] = kBytes[random() % kBytes.size()];
    }
    if (!model::IsValidUtf8(text)) continue;  // of what is passed over nobody checks the encoding
    const bool is_valid = nlohmann::json::accept(text);
    taken += is_valid ? 1 : 0;
    ASSERT_EQ(ErrorOf(text).empty(), is_valid) << text;
  }
  EXPECT_GT(taken, 1000);
}

}  // namespace
}  // namespace baro::scraper
