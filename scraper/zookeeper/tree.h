// The nodes below some paths of ZooKeeper, as far as they are known: which questions to ask next, and which targets the
// answers make.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "scraper/options.h"
#include "scraper/target_file.h"
#include "scraper/zookeeper/member.h"
#include "scraper/zookeeper/packets.h"

namespace baro::scraper {

struct ZookeeperLimits {
  std::size_t nodes = 200'000;
  std::size_t targets = kDiscoveredTargetsMax;
  std::size_t bytes = kDiscoveredBytesMax;  ///< of paths and labels
};

/// Each node is asked for its data, and for its children unless it can have none; both with a watch. An event asks
/// again for what it is about, so that a tree costs one question for each change.
///
/// Threads  Confined.
class ZookeeperTree {
 public:
  ZookeeperTree(const std::vector<std::string>& roots, ReadZookeeperMember read_member, ZookeeperLimits limits = {});

  /// All watches are gone: everything is to be asked again.
  void Restart();
  /// What to ask next; nothing: there is no more to ask now.
  std::optional<ZookeeperQuestion> Next();
  /// The answer to a question that Next() gave since the last Restart(); in that order.
  /// Errors   kInvalidArgument: malformed. kLimitExceeded. kPermissionDenied, kIo: the server says no.
  base::Result<> TakeAnswer(const ZookeeperQuestion& question, const ZookeeperReply& reply);
  void TakeEvent(const ZookeeperEvent& event);

  /// Every question is answered. Call it when Next() has nothing.
  bool IsComplete() const { return open_ == 0 && queue_.empty(); }
  /// Whether targets have changed since this was asked last.
  bool TakeNews() { return std::exchange(has_news_, false); }
  /// Paths that do not exist.
  std::vector<std::string> Missing() const;
  /// One for each path. A path that was not found since Restart() keeps its targets from before: a server that lost its
  /// data, or another one, has not said that they are gone.
  std::vector<TargetGroup> Groups();
  std::size_t targets() const { return targets_; }

 private:
  enum class Asking : std::uint8_t { kNo, kQueued, kSent, kStale };

  struct Node {
    std::uint64_t id = 0;
    Asking data = Asking::kNo;  ///< kStale: the answer that comes is old already
    Asking children = Asking::kNo;
    bool is_watched = false;  ///< for children, or cannot have any
    std::optional<LabelMap> member;
    std::size_t bytes = 0;
  };
  /// "/" comes before all other characters, so that what is below a node follows it at once.
  struct InTreeOrder {
    bool operator()(std::string_view a, std::string_view b) const;
  };
  using Nodes = std::map<std::string, Node, InTreeOrder>;

  struct Root {
    std::string path;
    Nodes nodes;  ///< by path
    bool is_missing = false;
    bool was_here = false;  ///< since Restart()
    TargetGroup kept;       ///< as told last
  };

  std::size_t IndexOf(const Root& root) const { return static_cast<std::size_t>(&root - roots_.data()); }
  base::Result<> AddNode(Root& root, const std::string& path);
  /// Where the nodes below one end.
  static Nodes::iterator EndOf(Nodes& nodes, const std::string& path);
  void EraseRange(Root& root, Nodes::iterator from, Nodes::iterator to);
  void SetMember(Node& node, std::optional<LabelMap> member);
  void Ask(Root& root, const std::string& path, Node& node, ZookeeperOp op);
  /// The node does not exist any more.
  void Vanish(Root& root, const std::string& path);
  base::Result<> TakeData(Root& root, const std::string& path, Node& node, base::ByteSpan body);
  base::Result<> TakeChildren(Root& root, const std::string& path, Node& node, base::ByteSpan body);
  base::Result<> CheckLimits() const;

  const ReadZookeeperMember read_member_;
  const ZookeeperLimits limits_;
  std::vector<Root> roots_;
  std::deque<ZookeeperQuestion> queue_;  // some may be of nodes that are gone
  std::size_t open_ = 0;                 // questions without an answer yet
  std::uint64_t last_id_ = 0;
  std::size_t nodes_ = 0;
  std::size_t targets_ = 0;
  std::size_t bytes_ = 0;
  bool has_news_ = false;
};

}  // namespace baro::scraper
