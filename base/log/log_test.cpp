#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace baro::base {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

std::vector<std::string> Lines(LogLevel level, LogFormat format, const std::function<void(const Logger&)>& write) {
  std::vector<std::string> lines;
  const Logger log(MakeFunctionSink(level, format, [&](std::string_view line) { lines.emplace_back(line); }));
  write(log);
  return lines;
}

TEST(Log, LogfmtQuotesWhatNeedsIt) {
  const auto lines = Lines(LogLevel::kInfo, LogFormat::kLogfmt, [](const Logger& log) {
    log.With("component", "x y").Warn("it \"broke\"", {{"count", 3}, {"path", "/a/b"}, {"text", "a\nb"}, {"none", ""}});
  });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0],
              EndsWith(R"(level=warn msg="it \"broke\"" component="x y" count=3 path=/a/b text="a\nb" none="")"));
  EXPECT_THAT(lines[0], testing::StartsWith("ts=20"));
}

TEST(Log, JsonIsOneObjectPerLine) {
  const auto lines = Lines(LogLevel::kInfo, LogFormat::kJson,
                           [](const Logger& log) { log.With("component", "c").Error("bad\x01", {{"n", 1.5}}); });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], HasSubstr(R"("level":"error","msg":"bad\u0001","component":"c","n":"1.5"})"));
  EXPECT_EQ(lines[0].front(), '{');
}

TEST(Log, LevelsBelowTheSinksAreNotWritten) {
  const auto lines = Lines(LogLevel::kWarn, LogFormat::kLogfmt, [](const Logger& log) {
    log.Debug("a");
    log.Info("b");
    log.Warn("c");
    Logger().Error("nobody hears");
  });
  EXPECT_EQ(lines.size(), 1U);
}

TEST(Log, BytesThatAreNotUtf8AreReplaced) {
  struct Row {
    const char* text;
    const char* want;
  };
  const Row kRows[] = {{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
                       {"\xf0\x9f\x8c\xa1", "\xf0\x9f\x8c\xa1"},
                       {"a\xff", "a\xef\xbf\xbd"},
                       {"\xc3", "\xef\xbf\xbd"},
                       {"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
                       {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
                       {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}};
  for (const Row& row : kRows) {
    for (const LogFormat format : {LogFormat::kJson, LogFormat::kLogfmt}) {
      const auto lines = Lines(LogLevel::kInfo, format, [&](const Logger& log) { log.Info("m", {{"v", row.text}}); });
      EXPECT_THAT(lines[0], HasSubstr(fmt::format("\"{}\"", row.want))) << row.text;
    }
  }
}

TEST(Log, LevelsHaveNamesAndChangeWhileRunning) {
  for (const char* name : {"debug", "info", "warn", "error"}) EXPECT_EQ(LogLevelName(*ParseLogLevel(name)), name);
  EXPECT_FALSE(ParseLogLevel("loud"));
  int lines = 0;
  const auto sink = MakeFunctionSink(LogLevel::kError, LogFormat::kLogfmt, [&](std::string_view) { ++lines; });
  const Logger log = Logger(sink).With("a", "1").With("b", "2");
  log.Debug("x");
  SetLogLevel(*sink, LogLevel::kDebug);
  EXPECT_TRUE(log.IsOn(LogLevel::kDebug));
  log.Debug("x");
  EXPECT_EQ(lines, 1);
  EXPECT_EQ(DroppedLines(*sink), 0U);
}

}  // namespace
}  // namespace baro::base
