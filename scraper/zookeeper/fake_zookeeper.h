// A server of ZooKeeper for tests, on any network: a tree, watches, and the ways in which servers let clients down.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/stream.h"

namespace baro::scraper {

class FakeZookeeper;

/// What several servers may have in common.
struct FakeZookeeperTree {
  struct Node {
    std::string data;
    bool is_ephemeral = false;
  };
  std::map<std::string, Node> nodes{{"/", {}}};
  std::int64_t zxid = 1;
  std::vector<FakeZookeeper*> servers{};
};

/// Threads  Confined to the network's.
class FakeZookeeper {
 public:
  FakeZookeeper(base::Network& network, const base::Endpoint& at, FakeZookeeperTree& tree) : tree_(tree) {
    tree_.servers.push_back(this);
    listener_ = *network.Listen(at, [this](std::unique_ptr<base::Stream> stream) {
      if (!is_accepting) return;
      ++connections;
      const auto peer = std::make_shared<Peer>();
      peer->stream = std::move(stream);
      peers_.push_back(peer);
      Read(peer);
    });
  }
  ~FakeZookeeper() {
    Cut();
    std::erase(tree_.servers, this);
  }
  FakeZookeeper(const FakeZookeeper&) = delete;
  FakeZookeeper& operator=(const FakeZookeeper&) = delete;

  /// Of the tree: makes a node, and those above it, or changes its data.
  void Put(const std::string& path, std::string data, bool is_ephemeral = false) {
    if (path != "/" && !tree_.nodes.contains(ParentOf(path))) Put(ParentOf(path), "");
    const bool is_new = !tree_.nodes.contains(path);
    tree_.nodes[path] = {std::move(data), is_ephemeral};
    ++tree_.zxid;
    Fire(&Peer::data_watches, path, is_new ? kCreated : kChanged);
    if (is_new) Fire(&Peer::child_watches, ParentOf(path), kChildren);
  }

  /// With what is below it.
  void Erase(const std::string& path) {
    while (true) {
      const auto child = tree_.nodes.upper_bound(path + "/");
      if (child == tree_.nodes.end() || !child->first.starts_with(path + "/")) break;
      Erase(std::string(child->first));
    }
    tree_.nodes.erase(path);
    ++tree_.zxid;
    Fire(&Peer::data_watches, path, kDeleted);
    Fire(&Peer::child_watches, path, kDeleted);
    Fire(&Peer::child_watches, ParentOf(path), kChildren);
  }

  /// Ends all connections.
  void Cut() {
    for (const auto& peer : std::exchange(peers_, {})) peer->stream->Close();
  }
  /// Bytes to everybody who is connected.
  void SendRaw(const std::string& bytes) {
    for (const auto& peer : peers_) Send(peer, bytes);
  }
  /// The end of all sessions, as the server tells it.
  void Expire() {
    Out event;
    event.Int(-1).Long(-1).Int(0).Int(-1).Int(-112).Text("");
    SendRaw(event.Packet());
  }

  static std::string Packet(const std::string& bytes) {
    Out length;
    length.Int(static_cast<std::int32_t>(bytes.size()));
    return length.bytes + bytes;
  }

  bool is_accepting = true;          ///< false: connections are closed at once
  bool is_silent = false;            ///< takes everything and says nothing
  std::int32_t timeout_ms = 10'000;  ///< of sessions; 0: there are none
  std::set<std::string> forbidden;   ///< paths
  std::size_t connections = 0;
  std::size_t questions = 0;
  std::size_t pings = 0;
  std::size_t farewells = 0;

 private:
  static constexpr std::int32_t kCreated = 1;
  static constexpr std::int32_t kDeleted = 2;
  static constexpr std::int32_t kChanged = 3;
  static constexpr std::int32_t kChildren = 4;
  static constexpr std::int32_t kNoNode = -101;
  static constexpr std::int32_t kNoAuth = -102;

  struct Out {
    std::string bytes;

    Out& Number(std::uint64_t value, int size) {
      for (int i = size - 1; i >= 0; --i) bytes += static_cast<char>(value >> (8 * i));
      return *this;
    }
    Out& Int(std::int32_t value) { return Number(static_cast<std::uint32_t>(value), 4); }
    Out& Long(std::int64_t value) { return Number(static_cast<std::uint64_t>(value), 8); }
    Out& Text(const std::string& text) {
      Int(static_cast<std::int32_t>(text.size()));
      bytes += text;
      return *this;
    }
    Out& Stat(bool is_ephemeral) {
      Long(5).Long(6).Long(1000).Long(2000).Int(1).Int(2).Int(3);
      return Long(is_ephemeral ? 77 : 0).Int(9).Int(9).Long(8);
    }
    std::string Packet() const { return FakeZookeeper::Packet(bytes); }
  };

  struct In {
    std::string_view bytes;

    std::int64_t Number(std::size_t size) {
      std::uint64_t value = 0;
      for (std::size_t i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(bytes.at(i));
      bytes.remove_prefix(size);
      return static_cast<std::int64_t>(value);
    }
    std::int32_t Int() { return static_cast<std::int32_t>(Number(4)); }
    std::string Text() {
      const auto size = static_cast<std::size_t>(Int());
      std::string text(bytes.substr(0, size));
      bytes.remove_prefix(size);
      return text;
    }
  };

  struct Peer {
    std::unique_ptr<base::Stream> stream;
    std::string input;
    std::string output;   // waits
    std::string writing;  // is being written
    bool is_open = false;
    std::set<std::string> data_watches;
    std::set<std::string> child_watches;
    std::vector<std::byte> buffer = std::vector<std::byte>(4096);
  };
  using PeerPtr = std::shared_ptr<Peer>;

  static std::string ParentOf(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
  }

  void Fire(std::set<std::string> Peer::* watches, const std::string& path, std::int32_t change) {
    Out event;
    event.Int(-1).Long(-1).Int(0).Int(change).Int(3).Text(path);
    for (const FakeZookeeper* const server : tree_.servers) {
      for (const PeerPtr& peer : server->peers_) {
        if ((peer.get()->*watches).erase(path) > 0 && !server->is_silent) Send(peer, event.Packet());
      }
    }
  }

  void Read(const PeerPtr& peer) {
    peer->stream->AsyncRead(peer->buffer, [this, peer](const base::Result<std::size_t>& count) {
      if (!count) return;  // cut: this may be gone
      if (*count == 0) {
        peer->stream->Close();
        std::erase(peers_, peer);
        return;
      }
      peer->input += base::AsText(base::ByteSpan(peer->buffer).first(*count));
      while (peer->input.size() >= 4) {
        const auto size = static_cast<std::size_t>(In{peer->input}.Int());
        if (peer->input.size() < 4 + size) break;
        const std::string packet = peer->input.substr(4, size);
        peer->input.erase(0, 4 + size);
        if (!is_silent) Answer(peer, In{packet});
      }
      Read(peer);
    });
  }

  void Answer(const PeerPtr& peer, In in) {
    if (!std::exchange(peer->is_open, true)) {
      (void)in.Int();
      if (in.Number(8) > tree_.zxid) return peer->stream->CloseWrite();  // it knows more than this server
      Out hello;
      hello.Int(0).Int(timeout_ms).Long(77).Text(std::string(16, 'p'));
      hello.bytes += '\0';
      return Send(peer, hello.Packet());
    }
    const std::int32_t number = in.Int();
    const std::int32_t op = in.Int();
    if (op == 11) ++pings;
    if (op == -11) {
      ++farewells;
      return;
    }
    Out out;
    if (op == 11) return Send(peer, out.Int(number).Long(tree_.zxid).Int(0).Packet());
    ++questions;
    const std::string path = in.Text();
    const auto found = tree_.nodes.find(path);
    const bool is_there = found != tree_.nodes.end();
    out.Int(number).Long(tree_.zxid);
    if (forbidden.contains(path)) return Send(peer, out.Int(kNoAuth).Packet());
    if (is_there || op == 3) (op == 12 ? peer->child_watches : peer->data_watches).insert(path);
    if (!is_there) return Send(peer, out.Int(kNoNode).Packet());
    out.Int(0);
    if (op == 4) out.Text(found->second.data);
    if (op == 12) AppendChildren(path, out);
    Send(peer, out.Stat(found->second.is_ephemeral).Packet());
  }

  void AppendChildren(const std::string& path, Out& out) {
    std::vector<std::string> names;
    for (const auto& [other, node] : tree_.nodes) {
      if (other != "/" && ParentOf(other) == path) names.push_back(other.substr(other.rfind('/') + 1));
    }
    out.Int(static_cast<std::int32_t>(names.size()));
    for (auto at = names.rbegin(); at != names.rend(); ++at) out.Text(*at);  // servers have no order
  }

  static void Send(const PeerPtr& peer, const std::string& bytes) {
    peer->output += bytes;
    if (!peer->writing.empty() || peer->output.empty()) return;
    peer->writing = std::exchange(peer->output, "");
    peer->stream->AsyncWrite(base::AsBytes(peer->writing), [peer](const base::Result<>& written) {
      peer->writing.clear();
      if (written) Send(peer, "");
    });
  }

  FakeZookeeperTree& tree_;
  std::unique_ptr<base::Listener> listener_;
  std::vector<PeerPtr> peers_;
};

}  // namespace baro::scraper
