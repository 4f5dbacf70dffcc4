#include "net/http/socks5.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace baro::net::http {
namespace {

using namespace std::string_literals;
using base::Code;
using ::testing::HasSubstr;

/// The proxy's bytes in one piece; what our side sends, one message behind another separated by `|`.
std::string Sent(Socks5Handshake& handshake, std::string_view answers, base::Result<>& outcome) {
  std::string sent;
  outcome = {};
  while (outcome && handshake.wanted() != 0) {
    const std::string output = handshake.TakeOutput();
    if (!output.empty()) sent += (sent.empty() ? "" : "|") + output;
    if (answers.size() < handshake.wanted()) break;
    const std::size_t size = handshake.wanted();
    outcome = handshake.Put(answers.substr(0, size));
    answers.remove_prefix(size);
  }
  EXPECT_TRUE(!outcome || handshake.wanted() != 0 || answers.empty()) << "everything behind it is the target's";
  return sent;
}

constexpr std::string_view kBound = {"\5\0\0\1\0\0\0\0\0\0", 10};

TEST(Socks5, AsksForEachKindOfHost) {
  const struct Row {
    const char* host;
    std::string want;
  } rows[] = {{"target.test", "\5\1\0\3\13target.test\1\273"s},
              {"10.1.2.255", "\5\1\0\1\12\1\2\377\1\273"s},
              {"2001:db8::1", "\5\1\0\4\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\1\273"s}};
  for (const Row& row : rows) {
    auto handshake = Socks5Handshake::Start("", {.host = row.host, .port = 443});
    ASSERT_TRUE(handshake) << row.host;
    base::Result<> outcome;
    EXPECT_EQ(Sent(*handshake, "\5\0"s + std::string(kBound), outcome), "\5\1\0|"s + row.want) << row.host;
    EXPECT_TRUE(outcome);
    EXPECT_EQ(handshake->wanted(), 0U);
  }
}

TEST(Socks5, LogsInWhereTheProxyWantsIt) {
  auto handshake = Socks5Handshake::Start("us%65r:p%3Aw", {.host = "a", .port = 1});
  base::Result<> outcome;
  EXPECT_EQ(Sent(*handshake, "\5\2\1\0"s + std::string(kBound), outcome), "\5\2\0\2|\1\4user\3p:w|\5\1\0\3\1a\0\1"s);
  EXPECT_TRUE(outcome);
  handshake = Socks5Handshake::Start("user", {.host = "a", .port = 1});
  EXPECT_EQ(Sent(*handshake, "\5\0"s + std::string(kBound), outcome), "\5\2\0\2|\5\1\0\3\1a\0\1"s);
  EXPECT_TRUE(outcome);
  EXPECT_EQ(handshake->wanted(), 0U);
}

TEST(Socks5, TakesEveryBoundAddress) {
  for (const std::string& bound : {std::string(kBound), "\5\0\0\4"s + std::string(18, 'x'), "\5\0\0\3\0xx"s,
                                   "\5\0\0\3\377"s + std::string(257, 'x')}) {
    auto handshake = Socks5Handshake::Start("", {.host = "a", .port = 1});
    base::Result<> outcome;
    Sent(*handshake, "\5\0"s + bound, outcome);
    EXPECT_TRUE(outcome);
    EXPECT_EQ(handshake->wanted(), 0U);
  }
}

TEST(Socks5, NamesWhatTheProxyRefuses) {
  const struct Row {
    const char* userinfo;
    std::string answers;
    Code code;
    const char* want;
  } rows[] = {{"", "\5\377"s, Code::kPermissionDenied, "wants a user"},
              {"", "\5\2"s, Code::kPermissionDenied, "wants a user"},
              {"u:p", "\5\377"s, Code::kPermissionDenied, "takes no user"},
              {"u:p", "\5\2\1\1"s, Code::kPermissionDenied, "refuses the user"},
              {"", "\4\0"s, Code::kCorruption, "version 4"},
              {"", "HTTP/1.1 400 Bad Request"s, Code::kCorruption, "version 72"},
              {"", "\5\1"s, Code::kCorruption, "method of access 1"},
              {"", "\5\0\5\5\0\1"s, Code::kIo, "it answered 5 (connection refused)"},
              {"", "\5\0\5\x63\0\1"s, Code::kIo, "it answered 99 (a code that nobody knows)"},
              {"", "\5\0\5\0\0\2"s, Code::kCorruption, "kind of address 2"},
              {"", "\5\0\4\0\0\1"s, Code::kCorruption, "version 4"}};
  for (const Row& row : rows) {
    auto handshake = Socks5Handshake::Start(row.userinfo, {.host = "a", .port = 1});
    base::Result<> outcome;
    Sent(*handshake, row.answers, outcome);
    ASSERT_FALSE(outcome) << row.want;
    EXPECT_EQ(outcome.error().code(), row.code) << row.want;
    EXPECT_THAT(outcome.error().message(), HasSubstr(row.want));
  }
}

TEST(Socks5, RefusesWhatHasNoForm) {
  const std::string longest(255, 'x');
  EXPECT_TRUE(Socks5Handshake::Start(longest + ":" + longest, {.host = longest, .port = 1}));
  const struct Row {
    std::string userinfo;
    std::string host;
  } rows[] = {{longest + "x", "a"}, {"u:" + longest + "x", "a"}, {":p", "a"},
              {"%zz", "a"},         {"", longest + "x"},         {"", ""},
              {"", "fe80::1%lo"}};
  for (const Row& row : rows) {
    const auto handshake = Socks5Handshake::Start(row.userinfo, {.host = row.host, .port = 1});
    ASSERT_FALSE(handshake) << row.userinfo << row.host;
    EXPECT_EQ(handshake.error().code(), Code::kInvalidArgument);
    EXPECT_EQ(handshake.error().message().find("xxx:"), std::string::npos) << "no password in messages";
  }
}

}  // namespace
}  // namespace baro::net::http
