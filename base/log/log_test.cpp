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

}  // namespace
}  // namespace baro::base
