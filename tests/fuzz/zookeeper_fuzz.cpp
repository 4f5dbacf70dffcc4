// fuzz: scraper
// Whatever a server of ZooKeeper sends, a session and its tree stay within bounds or say what is wrong. The first byte
// chooses: raw bytes, or answers with the numbers that are awaited, so that bodies of all kinds are reached.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "scraper/zookeeper/session.h"

namespace {

using namespace baro::scraper;
using baro::base::ByteBuffer;
using baro::base::ByteSpan;

void AppendBigEndian(ByteBuffer& out, std::uint64_t value, int size) {
  for (int i = size - 1; i >= 0; --i) out.push_back(static_cast<std::byte>(value >> (8 * i)));
}

ByteBuffer Packet(ByteSpan body) {
  ByteBuffer packet;
  AppendBigEndian(packet, body.size(), 4);
  packet.insert(packet.end(), body.begin(), body.end());
  return packet;
}

/// As a server that takes us: a session of ten seconds.
ByteBuffer Hello() {
  ByteBuffer hello;
  AppendBigEndian(hello, 0, 4);
  AppendBigEndian(hello, 10'000, 4);
  AppendBigEndian(hello, 7, 8);
  AppendBigEndian(hello, 0, 4);
  return Packet(hello);
}

/// One answer or event: a byte for its kind, one for its length, and the body.
ByteBuffer Message(ByteSpan& input, std::uint32_t& number) {
  const auto kind = static_cast<std::uint8_t>(input[0]);
  const std::size_t size = std::min(static_cast<std::size_t>(input[1]), input.size() - 2);
  ByteBuffer message;
  AppendBigEndian(message, kind % 8 == 0 ? 0xffffffffU : ++number, 4);
  AppendBigEndian(message, kind, 8);
  AppendBigEndian(message, kind % 8 == 1 ? 0xffffff9bU : 0, 4);  // no such node
  const ByteSpan body = input.subspan(2, size);
  message.insert(message.end(), body.begin(), body.end());
  input = input.subspan(2 + size);
  return Packet(message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  constexpr ZookeeperLimits kLimits{.nodes = 100, .targets = 50, .bytes = 10'000};
  ZookeeperTree tree({"/a", "/a/b", "/"}, (data[0] & 2) == 0 ? ReadServersetMember : ReadNerveMember, kLimits);
  baro::base::MonotonicTime now{};
  ZookeeperSession session(tree, 0, std::chrono::seconds(10), now);
  ByteSpan input(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  std::uint32_t number = 0;
  if ((data[0] & 1) != 0) BARO_ASSERT(session.Take(Hello(), now));
  while (!input.empty()) {
    ByteBuffer bytes;
    if ((data[0] & 1) != 0 && input.size() >= 2) {
      bytes = Message(input, number);
    } else {
      const std::size_t piece = std::min<std::size_t>(input.size(), 7);
      bytes.assign(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(piece));
      input = input.subspan(piece);
    }
    if (const auto taken = session.Take(bytes, now); !taken) {
      BARO_ASSERT(!taken.error().message().empty());
      break;
    }
    (void)session.TakeOutput();
    BARO_ASSERT(tree.targets() <= kLimits.targets);
    std::size_t targets = 0;
    for (const TargetGroup& group : tree.Groups()) targets += group.targets.size();
    BARO_ASSERT(targets == tree.targets());
  }
  return 0;
}
