#include "net/http/body_framing.h"

#include <optional>
#include <random>

#include <gtest/gtest.h>

namespace baro::net::http {
namespace {

struct Outcome {
  std::string body;
  std::optional<FramingError> error;
  bool is_done = false;
  std::size_t used = 0;
};

Outcome Read(BodyFraming framing, std::string_view bytes, std::size_t piece) {
  Outcome outcome;
  for (std::size_t at = 0; at < bytes.size() && !framing.is_done(); at += piece) {
    const auto used = framing.Put(bytes.substr(at, piece), outcome.body);
    if (!used) {
      outcome.error = used.error();
      return outcome;
    }
    outcome.used += *used;
  }
  outcome.is_done = framing.is_done();
  return outcome;
}

TEST(BodyFraming, ReadsChunksHoweverTheyAreCut) {
  struct Row {
    std::string_view bytes, body;
    std::size_t rest;
  };
  constexpr Row kRows[] = {
      {"0\r\n\r\n", "", 0},
      {"3\r\nabc\r\n0\r\n\r\n", "abc", 0},
      {"00003\r\nabc\r\n000\r\n\r\nGET", "abc", 3},
      {"a;name=value\r\n0123456789\r\n1 \r\n!\r\n0;x\r\nTrailer: 1\r\nOther: 2\r\n\r\n", "0123456789!", 0},
      {"9\r\n\r\n0\r\n\r\n..\r\n0\r\n\r\n", "\r\n0\r\n\r\n..", 0},
      // Beast's parser asserted on this one when it came in pieces.
      {"0\r\nabc: d\r\n\r\n", "", 0},
  };
  for (const auto& row : kRows) {
    for (std::size_t piece = 1; piece <= row.bytes.size(); ++piece) {
      const auto outcome = Read(BodyFraming::Chunked(), row.bytes, piece);
      EXPECT_EQ(outcome.body, row.body) << row.bytes << " by " << piece;
      EXPECT_TRUE(outcome.is_done) << row.bytes << " by " << piece;
      EXPECT_EQ(outcome.used, row.bytes.size() - row.rest) << row.bytes << " by " << piece;
    }
  }
}

TEST(BodyFraming, RefusesChunksThatOthersMayReadOtherwise) {
  for (const std::string_view bad : {"\r\n", "g\r\n", "-1\r\n", "+1\r\n", "0x1\r\na\r\n", " 1\r\n", "1\na\r\n",
                                     "1\r\r\na", "1;x\na\r\n", "1\r\nab\r\n", "1\r\na\n0\r\n\r\n", "0\r\n\n",
                                     "0\r\nX: 1\n\r\n", "0\r\n\rX", "1000000000000000\r\n", "1\r\na\r\n\r\n"}) {
    for (const std::size_t piece : {std::size_t{1}, bad.size()}) {
      const auto outcome = Read(BodyFraming::Chunked(), bad, piece);
      EXPECT_EQ(outcome.error, FramingError::kBadChunk) << bad;
    }
  }
  const std::string endless = "1;" + std::string(100'000, 'x');
  EXPECT_EQ(Read(BodyFraming::Chunked(), endless, 100).error, FramingError::kLongHeader);
  const std::string trailer = "0\r\nX: " + std::string(100'000, 'x');
  EXPECT_EQ(Read(BodyFraming::Chunked(), trailer, 100).error, FramingError::kLongHeader);
}

TEST(BodyFraming, StopsAtItsLengthAndAtTheLimit) {
  EXPECT_TRUE(BodyFraming::None().is_done());
  const auto exact = Read(BodyFraming::Length(3), "abcdef", 2);
  EXPECT_EQ(exact.body, "abc");
  EXPECT_EQ(exact.used, 3U);
  for (auto framing : {BodyFraming::Length(6), BodyFraming::UntilEnd()}) {
    framing.set_body_bytes_max(5);
    EXPECT_EQ(Read(framing, "abcdef", 1).error, FramingError::kTooLarge);
    EXPECT_EQ(Read(framing, "abcde", 1).error, std::nullopt);
  }
  auto until_end = BodyFraming::UntilEnd();
  EXPECT_FALSE(Read(until_end, "abc", 3).is_done);
  until_end.End();
  EXPECT_TRUE(until_end.is_done());
  auto cut = BodyFraming::Length(3);
  cut.End();
  EXPECT_FALSE(cut.is_done());
}

}  // namespace
}  // namespace baro::net::http
