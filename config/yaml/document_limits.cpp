#include "config/yaml/document_limits.h"

#include <sstream>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

namespace baro::config {
namespace {

/// Stops the parser at the first limit; yaml-cpp passes exceptions of handlers through.
struct LimitReached {
  YamlExcess excess;
};

/// Counts nodes as a reader of the tree will meet them: an alias counts as much as what it stands for.
class NodeCounter : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { Leaf(mark, anchor, 1); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, const std::string&) override {
    Leaf(mark, anchor, 1);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = size_of_.find(anchor);
    if (found == size_of_.end()) Stop(mark, "the alias stands inside the very value that it repeats");
    Leaf(mark, YAML::NullAnchor, found->second);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, anchor);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Level {
    YAML::anchor_t anchor;
    std::size_t nodes_before;
  };

  [[noreturn]] static void Stop(const YAML::Mark& mark, std::string message) {
    throw LimitReached{{.line = static_cast<std::size_t>(mark.line) + 1,
                        .column = static_cast<std::size_t>(mark.column) + 1,
                        .message = std::move(message)}};
  }

  void Leaf(const YAML::Mark& mark, YAML::anchor_t anchor, std::size_t nodes) {
    nodes_ += nodes;
    if (nodes_ > kYamlNodesMax) Stop(mark, fmt::format("more than {} values (aliases count in full)", kYamlNodesMax));
    if (anchor != YAML::NullAnchor) size_of_[anchor] = nodes;
  }

  void Open(const YAML::Mark& mark, YAML::anchor_t anchor) {
    levels_.push_back({.anchor = anchor, .nodes_before = nodes_});
    if (levels_.size() > kYamlDepthMax) Stop(mark, fmt::format("nested deeper than {} levels", kYamlDepthMax));
    Leaf(mark, YAML::NullAnchor, 1);
  }

  void Close() {
    const Level level = levels_.back();
    levels_.pop_back();
    if (level.anchor != YAML::NullAnchor) size_of_[level.anchor] = nodes_ - level.nodes_before;
  }

  std::size_t nodes_ = 0;
  std::vector<Level> levels_;
  std::unordered_map<YAML::anchor_t, std::size_t> size_of_;
};

}  // namespace

std::optional<YamlExcess> FindExcess(const std::string& text) {
  if (text.size() > kYamlBytesMax) {
    return YamlExcess{.message = fmt::format("{} bytes, the limit is {}", text.size(), kYamlBytesMax)};
  }
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    NodeCounter counter;
    parser.HandleNextDocument(counter);
  } catch (const LimitReached& reached) {
    return reached.excess;
  } catch (const YAML::Exception&) {
    return std::nullopt;  // the loader finds it too, and tells
  }
  return std::nullopt;
}

}  // namespace baro::config
