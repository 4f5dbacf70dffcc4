#include "net/content_decoder.h"

#include <random>

#include <gtest/gtest.h>
#include <zlib.h>

#include "net/http/content_encoder.h"

namespace baro::net {
namespace {

constexpr ContentCoding kCompressed[] = {ContentCoding::kGzip, ContentCoding::kZstd, ContentCoding::kDeflate};

std::string Exposition(std::size_t lines) {
  std::string text;
  for (std::size_t i = 0; i < lines; ++i) {
    text += "http_requests_total{handler=\"/api/v1/query\",instance=\"host-" + std::to_string(i % 97) + "\"} " +
            std::to_string(i * 7919) + "\n";
  }
  return text;
}

std::string Encoded(ContentCoding coding, std::string_view text) {
  std::string out;
  EXPECT_TRUE(http::EncodeContent(coding, text, out));
  return out;
}

std::string EncodedInPieces(ContentCoding coding, std::string_view text, std::size_t piece) {
  const auto encoder = http::ContentEncoder::Make(coding);
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += piece) encoder->Write(text.substr(at, piece), false, out);
  encoder->Write("", true, out);
  return out;
}

TEST(ContentDecoder, UndoesWhatTheEncoderDidWholeAndInPieces) {
  const std::string text = Exposition(20'000);
  for (const auto coding : kCompressed) {
    for (const auto& encoded : {Encoded(coding, text), EncodedInPieces(coding, text, 1000)}) {
      EXPECT_LT(encoded.size(), text.size() / 3);
      std::string whole = "what was there before";
      ASSERT_TRUE(DecodeContent(coding, encoded, {}, whole));
      EXPECT_EQ(whole, text) << ContentCodingName(coding);

      for (const std::size_t piece : {std::size_t{1}, std::size_t{77}, encoded.size()}) {
        const auto decoder = ContentDecoder::Make(coding, {});
        std::string out;
        for (std::size_t at = 0; at < encoded.size(); at += piece) {
          ASSERT_TRUE(decoder->Feed(std::string_view(encoded).substr(at, piece), out));
        }
        ASSERT_TRUE(decoder->Finish());
        EXPECT_EQ(out, text) << ContentCodingName(coding) << " by " << piece;
      }
    }
  }
}

TEST(ContentDecoder, TakesSeveralMembersAsOneBody) {
  const std::string text = Exposition(100);
  for (const auto coding : {ContentCoding::kGzip, ContentCoding::kZstd}) {
    std::string out;
    ASSERT_TRUE(DecodeContent(coding, Encoded(coding, text) + Encoded(coding, text), {}, out));
    EXPECT_EQ(out, text + text);
  }
}

TEST(ContentDecoder, TakesBareDeflateDataToo) {
  const std::string text = Exposition(100);
  const std::string zlib = Encoded(ContentCoding::kDeflate, text);
  std::string out;
  ASSERT_TRUE(DecodeContent(ContentCoding::kDeflate, zlib.substr(2, zlib.size() - 6), {}, out));
  EXPECT_EQ(out, text);
}

TEST(ContentDecoder, RefusesBodiesOfTheLimitOrMore) {
  const std::string text = Exposition(1000);
  for (const auto coding : kCompressed) {
    const std::string encoded = Encoded(coding, text);
    std::string out;
    EXPECT_TRUE(DecodeContent(coding, encoded, {.output_bytes_max = text.size() + 1}, out));
    const auto refused = DecodeContent(coding, encoded, {.output_bytes_max = text.size()}, out);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), base::Code::kLimitExceeded);
  }
  std::string out;
  EXPECT_TRUE(DecodeContent(ContentCoding::kIdentity, text, {.output_bytes_max = text.size() + 1}, out));
  EXPECT_EQ(out, text);
  EXPECT_FALSE(DecodeContent(ContentCoding::kIdentity, text, {.output_bytes_max = text.size()}, out));
}

TEST(ContentDecoder, StopsABombBeforeItsBytesAreInMemory) {
  const std::string zeros(std::size_t{64} << 20, '\0');
  for (const auto coding : kCompressed) {
    const std::string bomb = EncodedInPieces(coding, zeros, zeros.size());
    ASSERT_LT(bomb.size(), zeros.size() / 200);
    std::string out;
    const auto refused = DecodeContent(coding, bomb, {}, out);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), base::Code::kLimitExceeded) << refused.error().message();
    EXPECT_LT(out.capacity(), std::size_t{16} << 20) << ContentCodingName(coding);
  }
}

TEST(ContentDecoder, NamesDamageAndCutBodies) {
  const std::string text = Exposition(200);
  for (const auto coding : kCompressed) {
    const std::string encoded = Encoded(coding, text);
    for (std::size_t size = 0; size < encoded.size(); size += 1 + size / 5) {
      std::string out;
      const auto cut = DecodeContent(coding, std::string_view(encoded).substr(0, size), {}, out);
      ASSERT_FALSE(cut) << ContentCodingName(coding) << " cut at " << size;
      EXPECT_EQ(cut.error().code(), base::Code::kCorruption);
    }
    std::string out;
    EXPECT_FALSE(DecodeContent(coding, encoded + "garbage", {}, out)) << ContentCodingName(coding);
    EXPECT_FALSE(DecodeContent(coding, "# HELP up no compression at all", {}, out));
  }
}

TEST(ContentDecoder, IsNotFooledByAGzipTrailerThatLies) {
  const std::string text = Exposition(200);
  std::string encoded = Encoded(ContentCoding::kGzip, text);
  for (const char byte : {'\x01', '\x7f', '\xff'}) {
    encoded[encoded.size() - 1] = byte;
    std::string out;
    const auto lied = DecodeContent(ContentCoding::kGzip, encoded, {}, out);
    ASSERT_FALSE(lied);
    EXPECT_EQ(lied.error().code(), base::Code::kCorruption);
    EXPECT_LT(out.capacity(), std::size_t{8} << 20);
  }
}

TEST(ContentEncoder, LeavesIncompressibleBodiesAlone) {
  std::mt19937_64 random(1);
  std::string noise(10'000, '\0');
  for (auto& c : noise) c = static_cast<char>(random());
  std::string out;
  for (const auto coding : kCompressed) EXPECT_FALSE(http::EncodeContent(coding, noise, out));
  EXPECT_FALSE(http::EncodeContent(ContentCoding::kGzip, "", out));
}

}  // namespace
}  // namespace baro::net
