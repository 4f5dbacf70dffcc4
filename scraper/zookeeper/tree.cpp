#include "scraper/zookeeper/tree.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace baro::scraper {
namespace {

using base::Code;
using base::Fail;

constexpr std::size_t kShownPathBytes = 100;

/// What paths of nodes below another begin with.
std::string PrefixOf(const std::string& path) { return path == "/" ? path : path + "/"; }

}  // namespace

bool ZookeeperTree::InTreeOrder::operator()(std::string_view a, std::string_view b) const {
  const auto rank = [](char c) { return c == '/' ? 0 : static_cast<int>(static_cast<unsigned char>(c)) + 1; };
  return std::ranges::lexicographical_compare(a, b, {}, rank, rank);
}

ZookeeperTree::Nodes::iterator ZookeeperTree::EndOf(Nodes& nodes, const std::string& path) {
  // No name has a zero byte, whose rank is next to that of "/".
  return path == "/" ? nodes.end() : nodes.lower_bound(path + '\0');
}

ZookeeperTree::ZookeeperTree(const std::vector<std::string>& roots, ReadZookeeperMember read_member,
                             ZookeeperLimits limits)
    : read_member_(read_member), limits_(limits) {
  for (std::string path : roots) {
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    if (std::ranges::find(roots_, path, &Root::path) != roots_.end()) continue;
    roots_.emplace_back();
    roots_.back().path = path;
    roots_.back().kept.source = std::move(path);
  }
}

void ZookeeperTree::Restart() {
  queue_.clear();
  open_ = nodes_ = targets_ = bytes_ = 0;
  for (Root& root : roots_) {
    root.nodes.clear();
    root.is_missing = root.was_here = false;
    Node& node = root.nodes[root.path];
    node.id = ++last_id_;
    ++nodes_;
    Ask(root, root.path, node, ZookeeperOp::kGetData);
  }
  has_news_ = true;
}

void ZookeeperTree::Ask(Root& root, const std::string& path, Node& node, ZookeeperOp op) {
  Asking& asking = op == ZookeeperOp::kGetChildren ? node.children : node.data;
  if (asking == Asking::kSent) asking = Asking::kStale;
  if (asking != Asking::kNo) return;
  asking = Asking::kQueued;
  queue_.push_back({.op = op, .path = path, .root = IndexOf(root), .node = node.id});
}

std::optional<ZookeeperQuestion> ZookeeperTree::Next() {
  while (!queue_.empty()) {
    ZookeeperQuestion question = std::move(queue_.front());
    queue_.pop_front();
    Nodes& nodes = roots_[question.root].nodes;
    const auto found = nodes.find(question.path);
    if (found == nodes.end() || found->second.id != question.node) continue;
    (question.op == ZookeeperOp::kGetChildren ? found->second.children : found->second.data) = Asking::kSent;
    ++open_;
    return question;
  }
  return std::nullopt;
}

base::Result<> ZookeeperTree::TakeAnswer(const ZookeeperQuestion& question, const ZookeeperReply& reply) {
  --open_;
  Root& root = roots_[question.root];
  const auto found = root.nodes.find(question.path);
  if (found == root.nodes.end() || found->second.id != question.node) return {};  // it went meanwhile
  Node& node = found->second;
  Asking& asking = question.op == ZookeeperOp::kGetChildren ? node.children : node.data;
  const bool is_stale = std::exchange(asking, Asking::kNo) == Asking::kStale;
  const bool is_missing = reply.error == kZookeeperNoNode;
  if (reply.error != 0 && !is_missing) {
    return Fail(reply.error == kZookeeperNoPermission ? Code::kPermissionDenied : Code::kIo,
                fmt::format("{}: {}", question.path, ZookeeperErrorText(reply.error)));
  }
  if (is_stale || (question.op == ZookeeperOp::kExists && !is_missing)) {
    Ask(root, question.path, node,
        question.op == ZookeeperOp::kGetChildren ? ZookeeperOp::kGetChildren : ZookeeperOp::kGetData);
    return {};
  }
  if (is_missing) {
    if (question.op != ZookeeperOp::kExists) Vanish(root, question.path);  // else its watch tells when it comes
    return {};
  }
  return question.op == ZookeeperOp::kGetData ? TakeData(root, question.path, node, reply.body)
                                              : TakeChildren(root, question.path, node, reply.body);
}

void ZookeeperTree::TakeEvent(const ZookeeperEvent& event) {
  for (Root& root : roots_) {
    const auto found = root.nodes.find(event.path);
    if (found == root.nodes.end()) continue;
    switch (event.change) {
      case ZookeeperChange::kDeleted:
        Vanish(root, event.path);
        break;
      case ZookeeperChange::kChildren:
        Ask(root, event.path, found->second, ZookeeperOp::kGetChildren);
        break;
      case ZookeeperChange::kCreated:
      case ZookeeperChange::kData:
        Ask(root, event.path, found->second, ZookeeperOp::kGetData);
        break;
      case ZookeeperChange::kNone:
        break;
    }
  }
}

void ZookeeperTree::Vanish(Root& root, const std::string& path) {
  const auto found = root.nodes.find(path);
  const auto end = EndOf(root.nodes, path);
  if (path != root.path) return EraseRange(root, found, end);
  EraseRange(root, std::next(found), end);
  SetMember(found->second, std::nullopt);
  found->second.is_watched = false;
  has_news_ |= !root.is_missing;
  root.is_missing = true;
  Ask(root, path, found->second, ZookeeperOp::kExists);
}

base::Result<> ZookeeperTree::TakeData(Root& root, const std::string& path, Node& node, base::ByteSpan body) {
  const ZookeeperData data = BARO_TRY(ReadZookeeperData(body));
  if (path == root.path) {
    has_news_ |= root.is_missing || !root.was_here;
    root.is_missing = false;
    root.was_here = true;
  }
  SetMember(node, read_member_(data.data, path));
  if (!node.is_watched && !data.is_ephemeral) Ask(root, path, node, ZookeeperOp::kGetChildren);
  node.is_watched = true;
  return CheckLimits();
}

base::Result<> ZookeeperTree::TakeChildren(Root& root, const std::string& path, Node& node, base::ByteSpan body) {
  node.is_watched = true;
  std::vector<std::string> names = BARO_TRY(ReadZookeeperChildren(body));
  std::ranges::sort(names);
  const std::string prefix = PrefixOf(path);
  const auto end = EndOf(root.nodes, path);
  for (auto child = std::next(root.nodes.find(path)); child != end;) {  // of those that are known
    const auto next = EndOf(root.nodes, child->first);
    const auto name = std::string_view(child->first).substr(prefix.size());
    if (!std::ranges::binary_search(names, name)) EraseRange(root, child, next);
    child = next;
  }
  for (const std::string& name : names) BARO_TRY(AddNode(root, prefix + name));
  return {};
}

base::Result<> ZookeeperTree::AddNode(Root& root, const std::string& path) {
  if (path.size() > kZookeeperPathBytesMax) {
    return Fail(Code::kLimitExceeded, fmt::format("a path has more than {} bytes: {}...", kZookeeperPathBytesMax,
                                                  path.substr(0, kShownPathBytes)));
  }
  const auto [at, is_new] = root.nodes.try_emplace(path);
  if (!is_new) return {};
  at->second.id = ++last_id_;
  ++nodes_;
  bytes_ += path.size();
  Ask(root, path, at->second, ZookeeperOp::kGetData);
  return CheckLimits();
}

void ZookeeperTree::SetMember(Node& node, std::optional<LabelMap> member) {
  if (node.member == member) return;
  targets_ += static_cast<std::size_t>(member.has_value());
  targets_ -= static_cast<std::size_t>(node.member.has_value());
  bytes_ -= node.bytes;
  node.bytes = member ? BytesOf(*member) : 0;
  bytes_ += node.bytes;
  node.member = std::move(member);
  has_news_ = true;
}

void ZookeeperTree::EraseRange(Root& root, Nodes::iterator from, Nodes::iterator to) {
  for (auto at = from; at != to; ++at) {
    SetMember(at->second, std::nullopt);
    --nodes_;
    bytes_ -= at->first.size();
  }
  root.nodes.erase(from, to);
}

base::Result<> ZookeeperTree::CheckLimits() const {
  if (nodes_ > limits_.nodes) return Fail(Code::kLimitExceeded, fmt::format("more than {} nodes", limits_.nodes));
  if (targets_ > limits_.targets) {
    return Fail(Code::kLimitExceeded, fmt::format("more than {} targets", limits_.targets));
  }
  if (bytes_ > limits_.bytes) {
    return Fail(Code::kLimitExceeded, fmt::format("paths and labels have more than {} bytes", limits_.bytes));
  }
  return {};
}

std::vector<std::string> ZookeeperTree::Missing() const {
  std::vector<std::string> paths;
  for (const Root& root : roots_) {
    if (root.is_missing) paths.push_back(root.path);
  }
  return paths;
}

std::vector<TargetGroup> ZookeeperTree::Groups() {
  std::vector<TargetGroup> groups;
  for (Root& root : roots_) {
    if (root.was_here) {
      root.kept.targets.clear();
      for (const auto& [path, node] : root.nodes) {
        if (node.member) root.kept.targets.push_back(*node.member);
      }
    }
    groups.push_back(root.kept);
  }
  return groups;
}

}  // namespace baro::scraper
