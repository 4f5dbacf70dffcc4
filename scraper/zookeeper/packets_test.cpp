#include "scraper/zookeeper/packets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace baro::scraper {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string Hex(const base::ByteBuffer& bytes) {
  std::string text;
  for (const std::byte byte : bytes) text += fmt::format("{:02x}", static_cast<int>(byte));
  return text;
}

base::ByteBuffer FromHex(std::string_view text) {
  base::ByteBuffer bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

TEST(ZookeeperPackets, WhatIsSent) {
  base::ByteBuffer bytes;
  AppendZookeeperHello(0x0102, 10'000, bytes);
  EXPECT_EQ(Hex(bytes),
            "0000002d"
            "00000000"
            "0000000000000102"
            "00002710"
            "0000000000000000"
            "00000010"
            "00000000000000000000000000000000"
            "00");
  bytes.clear();
  AppendZookeeperQuestion(7, {.op = ZookeeperOp::kGetChildren, .path = "/a"}, bytes);
  EXPECT_EQ(Hex(bytes),
            "0000000f"
            "00000007"
            "0000000c"
            "00000002"
            "2f61"
            "01");
  bytes.clear();
  AppendZookeeperPing(bytes);
  AppendZookeeperClose(bytes);
  EXPECT_EQ(Hex(bytes),
            "00000008"
            "fffffffe"
            "0000000b"
            "00000008"
            "00000000"
            "fffffff5");
}

TEST(ZookeeperPackets, PacketsAreCutOutOfTheStream) {
  const auto bytes = FromHex("00000002aabb000000");
  const auto first = FirstZookeeperPacket(bytes);
  ASSERT_TRUE(first && *first);
  EXPECT_EQ(Hex(base::ByteBuffer((*first)->begin(), (*first)->end())), "aabb");
  for (std::size_t size = 0; size < 6; ++size) {
    const auto cut = FirstZookeeperPacket(base::ByteSpan(bytes).first(size));
    ASSERT_TRUE(cut) << size;
    EXPECT_FALSE(*cut) << size;
  }
  EXPECT_THAT(FirstZookeeperPacket(FromHex("ffffffff")).error().message(), HasSubstr("malformed length"));
  const auto error = FirstZookeeperPacket(FromHex("00800001")).error();
  EXPECT_EQ(error.code(), base::Code::kLimitExceeded);
  EXPECT_EQ(error.message(), "the server sends a packet of 8388609 bytes, the limit is 8388608");
}

constexpr const char* kStat =
    "0000000000000005"
    "0000000000000006"
    "0000000000000007"
    "0000000000000008"
    "00000001"
    "00000002"
    "00000003";
constexpr const char* kStatEnd =
    "00000004"
    "00000005"
    "0000000000000009";

TEST(ZookeeperPackets, WhatServersSay) {
  EXPECT_EQ(*ReadZookeeperHello(FromHex("00000000"
                                        "00001388"
                                        "0000000000000001"
                                        "00000002"
                                        "abcd")),
            std::chrono::milliseconds(5000))
      << "servers before 3.4 end here";
  EXPECT_EQ(ReadZookeeperHello(FromHex("00000000"
                                       "00000000"
                                       "0000000000000000"
                                       "00000000"))
                .error()
                .code(),
            base::Code::kUnavailable);

  const auto packet = FromHex(
      "00000007"
      "0000000000000009"
      "ffffff9b"
      "aa");
  const auto reply = ReadZookeeperReply(packet);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->number, 7);
  EXPECT_EQ(reply->zxid, 9);
  EXPECT_EQ(reply->error, kZookeeperNoNode);
  EXPECT_EQ(reply->body.size(), 1U);

  const auto event =
      ReadZookeeperEvent(FromHex("00000004"
                                 "00000003"
                                 "00000002"
                                 "2f61"));
  ASSERT_TRUE(event);
  EXPECT_EQ(event->change, ZookeeperChange::kChildren);
  EXPECT_EQ(event->state, 3);
  EXPECT_EQ(event->path, "/a");

  for (const auto& [owner, is_ephemeral] : {std::pair("0000000000000000", false), std::pair("0123456789abcdef", true),
                                            std::pair("8000000000000000", false),     // a container
                                            std::pair("ff00000000000001", false)}) {  // one with a time to live
    const auto bytes =
        FromHex(fmt::format("00000002"
                            "4142"
                            "{}{}{}",
                            kStat, owner, kStatEnd));
    const auto data = ReadZookeeperData(bytes);
    ASSERT_TRUE(data);
    EXPECT_EQ(base::AsText(data->data), "AB");
    EXPECT_EQ(data->is_ephemeral, is_ephemeral) << owner;
  }

  EXPECT_THAT(*ReadZookeeperChildren(FromHex("00000002"
                                             "00000001"
                                             "61"
                                             "00000002"
                                             "6263")),
              ElementsAre("a", "bc"));
  EXPECT_THAT(*ReadZookeeperChildren(FromHex("ffffffff")), ElementsAre());
}

TEST(ZookeeperPackets, NamesThatAreNoneAreRefused) {
  for (const char* name : {"", "2e", "2e2e", "612f62", "6100", "ff"}) {
    const auto bytes = FromHex(fmt::format("00000001{:08x}{}", std::string_view(name).size() / 2, name));
    EXPECT_FALSE(ReadZookeeperChildren(bytes)) << name;
  }
  EXPECT_THAT(ReadZookeeperChildren(FromHex("7fffffff00000001"
                                            "61"))
                  .error()
                  .message(),
              HasSubstr("malformed list of children"));
}

TEST(ZookeeperPackets, WhatIsCutShortIsAnError) {
  const auto node =
      FromHex(fmt::format("00000002"
                          "4142"
                          "{}{}{}",
                          kStat, "0000000000000000", kStatEnd));
  for (std::size_t size = 0; size < node.size(); ++size) {
    EXPECT_FALSE(ReadZookeeperData(base::ByteSpan(node).first(size))) << size;
  }
  const auto children = FromHex(
      "00000002"
      "00000001"
      "61"
      "00000002"
      "6263");
  for (std::size_t size = 0; size < children.size(); ++size) {
    EXPECT_FALSE(ReadZookeeperChildren(base::ByteSpan(children).first(size))) << size;
  }
}

TEST(ZookeeperPackets, AnyBytesEndInAValueOrAnError) {
  base::SeededRandom random(1);
  for (int i = 0; i < 20'000; ++i) {
    base::ByteBuffer bytes(random.Below(64));
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.OneIn(2) ? random.Below(4) : random.Below(256));
    (void)FirstZookeeperPacket(bytes);
    (void)ReadZookeeperHello(bytes);
    (void)ReadZookeeperReply(bytes);
    (void)ReadZookeeperEvent(bytes);
    (void)ReadZookeeperData(bytes);
    if (const auto names = ReadZookeeperChildren(bytes)) {
      for (const std::string& name : *names) EXPECT_EQ(name.find('/'), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace baro::scraper
