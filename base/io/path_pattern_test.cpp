#include "base/path_pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/sim_file_system.h"

namespace baro::base {
namespace {

using testing::ElementsAre;

TEST(MatchesPattern, FollowsGosRules) {
  struct Row {
    const char* name;
    const char* pattern;
    bool want;
  };
  constexpr Row kRows[] = {
      {"a.json", "*.json", true},
      {".json", "*.json", true},  // no special case for hidden files
      {"a.yml", "*.json", false},
      {"abc", "a*c", true},
      {"aXbXc", "a*b*c", true},
      {"aXbX", "a*b*c", false},
      {"anything", "*", true},
      {"", "*", true},
      {"", "?", false},
      {"é", "?", true},  // a character, not a byte
      {"é", "[à-ö]", true},
      {"a", "[à-ö]", false},
      {"node-7.yml", "node-[0-9].yml", true},
      {"node-x.yml", "node-[0-9].yml", false},
      {"node-x.yml", "node-[^0-9].yml", true},
      {"]", "[\\]]", true},
      {"a*b", "a\\*b", true},
      {"axb", "a\\*b", false},
      {"a", "[", false},
      {"a", "[a", false},
      {"-", "[-]", false},  // incomplete for Go
      {"a", "[]a]", false},
      {"a", "[a-]", false},
      {"a", "a\\", false},
  };
  for (const auto& [name, pattern, want] : kRows) EXPECT_EQ(MatchesPattern(name, pattern), want) << name << pattern;
}

// What the rules say, one way after the other; for patterns of stars, question marks and letters.
bool MatchesNaively(std::string_view name, std::string_view pattern) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*') {
    return MatchesNaively(name, pattern.substr(1)) || (!name.empty() && MatchesNaively(name.substr(1), pattern));
  }
  return !name.empty() && (pattern[0] == '?' || pattern[0] == name[0]) &&
         MatchesNaively(name.substr(1), pattern.substr(1));
}

TEST(MatchesPattern, AgreesWithTryingEverything) {
  SeededRandom random(7);
  const auto text = [&random](std::string_view letters) {
    std::string out;
    for (std::uint64_t length = random.Below(9); length > 0; --length) out += letters[random.Below(letters.size())];
    return out;
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::string name = text("ab");
    const std::string pattern = text("ab*?");
    ASSERT_EQ(MatchesPattern(name, pattern), MatchesNaively(name, pattern)) << name << " " << pattern;
  }
}

TEST(MatchesPattern, EndsSoonWhateverThePattern) {
  std::string pattern;
  for (int i = 0; i < 2000; ++i) pattern += "*a";
  EXPECT_FALSE(MatchesPattern(std::string(4000, 'a') + "b", pattern));
}

TEST(CheckPattern, NamesWhatIsWrong) {
  for (const char* const path : {"a.yml", "/etc/*.yml", "*", "a/b*c*.yml", "a/[0-9]?.yml", "a/\\[.yml", ""}) {
    EXPECT_TRUE(CheckPattern(path)) << path;
  }
  for (const char* const path : {"*/a.yml", "a/*/b*.yml"}) {
    EXPECT_THAT(CheckPattern(path).error().message(), testing::HasSubstr("last part")) << path;
  }
  for (const char* const path : {"a/[.yml", "a/[0-]", "a\\", "[]"}) {
    EXPECT_THAT(CheckPattern(path).error().message(), testing::HasSubstr("not complete")) << path;
  }
}

TEST(ExpandPattern, FindsFilesByTheirNames) {
  SimFileSystem files;
  ASSERT_TRUE(files.CreateDirectories("sd/sub"));
  ASSERT_TRUE(files.CreateDirectories("/abs"));
  for (const char* const name : {"sd/a.json", "sd/b.json", "sd/a.yml", "sd/.json", "/abs/x.yml"}) {
    ASSERT_TRUE(files.OpenWritable(name, FileSystem::OpenMode::kCreate));
  }
  EXPECT_THAT(ExpandPattern(files, "sd/*.json"), ElementsAre("sd/.json", "sd/a.json", "sd/b.json"));
  EXPECT_THAT(ExpandPattern(files, "sd/a*"), ElementsAre("sd/a.json", "sd/a.yml"));
  EXPECT_THAT(ExpandPattern(files, "sd/[b-z].json"), ElementsAre("sd/b.json"));
  EXPECT_THAT(ExpandPattern(files, "/abs/?.yml"), ElementsAre("/abs/x.yml"));
  EXPECT_THAT(ExpandPattern(files, "sd/none.json"), ElementsAre("sd/none.json"));
  EXPECT_THAT(ExpandPattern(files, "none/*.json"), ElementsAre());
}

}  // namespace
}  // namespace baro::base
