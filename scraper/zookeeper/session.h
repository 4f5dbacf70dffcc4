// One connection to a server of ZooKeeper, without its socket: bytes in, bytes out, and what is due by time.
//
// Source   ZooKeeper Programmer's Guide, "ZooKeeper Sessions" and "ZooKeeper Watches": answers come in the order of the
//          questions, and an event before the state that it is about.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <utility>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "scraper/zookeeper/packets.h"
#include "scraper/zookeeper/tree.h"

namespace baro::scraper {

inline constexpr std::size_t kZookeeperQuestionsMax = 64;  ///< without an answer yet, on one connection

/// Threads  Confined. Borrows the tree.
class ZookeeperSession {
 public:
  /// Begins with the handshake; the tree begins anew.
  ///   last_zxid  a server that knows less does not take us
  ZookeeperSession(ZookeeperTree& tree, std::int64_t last_zxid, std::chrono::milliseconds timeout,
                   base::MonotonicTime now);

  /// Takes bytes that came, and asks what the tree wants to know next.
  /// Errors   kInvalidArgument: not what a server says. kUnavailable: the session is over. Those of the tree. After an
  ///          error nothing more is taken.
  base::Result<> Take(base::ByteSpan bytes, base::MonotonicTime now);

  /// To be called at due() or later: pings when there was silence.
  /// Errors   kTimeout: there was too much of it.
  base::Result<> Tick(base::MonotonicTime now);
  base::MonotonicTime due() const;

  /// Bytes to send; may be none.
  base::ByteBuffer TakeOutput() { return std::exchange(output_, {}); }
  /// What is to be sent last.
  static base::ByteBuffer Farewell();

  /// Of the last change that the server has told of.
  std::int64_t last_zxid() const { return last_zxid_; }

 private:
  base::Result<> TakePacket(base::ByteSpan packet);
  base::Result<> TakeReply(const ZookeeperReply& reply);
  base::Result<> TakeEvent(base::ByteSpan body);
  void AskMore(base::MonotonicTime now);

  ZookeeperTree& tree_;
  std::int64_t last_zxid_;
  std::chrono::nanoseconds timeout_;  // the server's, once it has told
  base::MonotonicTime last_heard_;
  base::MonotonicTime last_asked_;  // something that it answers; or looked whether to
  bool is_open_ = false;
  std::int32_t last_number_ = 0;
  std::deque<std::pair<std::int32_t, ZookeeperQuestion>> asked_;  // by number, in the order of their answers
  base::ByteBuffer input_;                                        // the beginning of a packet
  base::ByteBuffer output_;
};

}  // namespace baro::scraper
