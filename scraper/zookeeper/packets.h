// Packets between a client and a server of ZooKeeper, as far as somebody needs them who reads a tree and watches it.
//
// Format   A packet is a length (4 bytes, big-endian) and as many bytes. In them: integers big-endian; a text or buffer
// is
//          its length (4 bytes, -1: none) and its bytes; a list is its count and its items. The first packet in each
//          direction is the handshake's; each later one from the server begins with a number, a zxid and an error code.
// Source   Apache ZooKeeper 3.8, zookeeper-jute/src/main/resources/zookeeper.jute.
// Threads  Pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace baro::scraper {

/// Servers take and send 1 MiB in one node by default; lists of children may be longer.
inline constexpr std::size_t kZookeeperPacketBytesMax = 8 * 1024 * 1024;
inline constexpr std::size_t kZookeeperPathBytesMax = 4096;

enum class ZookeeperOp : std::int32_t { kExists = 3, kGetData = 4, kPing = 11, kGetChildren = 12, kClose = -11 };

/// A question about a node; the server tells once when the answer is not true any more.
struct ZookeeperQuestion {
  ZookeeperOp op = ZookeeperOp::kGetData;  ///< kExists, kGetData or kGetChildren
  std::string path;
  std::size_t root = 0;  ///< these two are the asker's own: not sent, handed back with the answer
  std::uint64_t node = 0;
};

void AppendZookeeperHello(std::int64_t last_zxid, std::int32_t timeout_ms, base::ByteBuffer& out);
void AppendZookeeperQuestion(std::int32_t number, const ZookeeperQuestion& question, base::ByteBuffer& out);
void AppendZookeeperPing(base::ByteBuffer& out);
void AppendZookeeperClose(base::ByteBuffer& out);

/// The bytes of the first packet without its length, once they are there; nullopt: more are needed.
/// Errors   kInvalidArgument: a negative length. kLimitExceeded: beyond kZookeeperPacketBytesMax.
base::Result<std::optional<base::ByteSpan>> FirstZookeeperPacket(base::ByteSpan bytes);
inline constexpr std::size_t kZookeeperLengthBytes = 4;

/// How long the server lets the session live without a word, from its side of the handshake.
/// Errors   kInvalidArgument: malformed. kUnavailable: the server gives no session.
base::Result<std::chrono::milliseconds> ReadZookeeperHello(base::ByteSpan packet);

/// What is behind the handshake: a number of the server's (negative) or of the question that is answered.
struct ZookeeperReply {
  static constexpr std::int32_t kEvent = -1;
  static constexpr std::int32_t kPing = -2;

  std::int32_t number = 0;
  std::int64_t zxid = 0;   ///< of the last change that the server knew
  std::int32_t error = 0;  ///< 0: none; see ZookeeperErrorText()
  base::ByteSpan body;     ///< a loan of the packet
};
/// Errors   kInvalidArgument: cut short.
base::Result<ZookeeperReply> ReadZookeeperReply(base::ByteSpan packet);

inline constexpr std::int32_t kZookeeperNoNode = -101;
inline constexpr std::int32_t kZookeeperNoPermission = -102;
/// "the session has expired", ...
std::string ZookeeperErrorText(std::int32_t error);

enum class ZookeeperChange : std::int32_t { kNone = -1, kCreated = 1, kDeleted = 2, kData = 3, kChildren = 4 };

struct ZookeeperEvent {
  ZookeeperChange change = ZookeeperChange::kNone;  ///< or another number, of watches that nobody here sets
  std::int32_t state = 0;                           ///< of the session
  std::string path;
};

struct ZookeeperData {
  base::ByteSpan data;        ///< a loan of the packet
  bool is_ephemeral = false;  ///< true: it certainly is, so that it has no children
};

/// Errors   kInvalidArgument: malformed.
base::Result<ZookeeperEvent> ReadZookeeperEvent(base::ByteSpan body);
base::Result<ZookeeperData> ReadZookeeperData(base::ByteSpan body);
/// Names, each a valid part of a path. Errors   as above.
base::Result<std::vector<std::string>> ReadZookeeperChildren(base::ByteSpan body);

}  // namespace baro::scraper
