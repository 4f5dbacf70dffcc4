#include "config/difference.h"

#include <algorithm>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

namespace baro::config {
namespace {

std::string OneLine(const YAML::Node& node) {
  if (!node.IsDefined()) return "";
  YAML::Emitter emitter;
  emitter.SetSeqFormat(YAML::Flow);
  emitter.SetMapFormat(YAML::Flow);
  emitter << node;
  std::string text = emitter.c_str();
  std::erase(text, '\n');  // the emitter breaks long flows
  return text;
}

bool IsListOfMappings(const YAML::Node& node) {
  return node.IsDefined() && node.IsSequence() && node.size() > 0 && node[0].IsMap();
}

/// Walks both at once.
///
/// Threads  Confined.
class Comparison {
 public:
  std::vector<FieldDifference> Run(const YAML::Node& before, const YAML::Node& after) {
    Compare("", before, after);
    return std::move(found_);
  }

 private:
  void Compare(const std::string& path, const YAML::Node& before, const YAML::Node& after) {
    if (before.IsDefined() && after.IsDefined() && before.IsMap() && after.IsMap()) {
      CompareFields(path, before, after);
    } else if (IsListOfMappings(before) && IsListOfMappings(after)) {
      CompareItems(path, before, after);
    } else if (std::string old = OneLine(before), now = OneLine(after); old != now) {
      found_.push_back({path, std::move(old), std::move(now)});
    }
  }

  void CompareFields(const std::string& path, const YAML::Node& before, const YAML::Node& after) {
    const auto below = [&](const std::string& name) { return path.empty() ? name : path + "." + name; };
    for (const auto& entry : after) {
      const auto name = entry.first.as<std::string>();
      Compare(below(name), before[name], entry.second);
    }
    for (const auto& entry : before) {
      const auto name = entry.first.as<std::string>();
      if (!after[name].IsDefined()) Compare(below(name), entry.second, after[name]);
    }
  }

  void CompareItems(const std::string& path, const YAML::Node& before, const YAML::Node& after) {
    for (std::size_t i = 0; i < std::max(before.size(), after.size()); ++i) {
      Compare(fmt::format("{}[{}]", path, i), before[i], after[i]);
    }
  }

  std::vector<FieldDifference> found_;
};

}  // namespace

std::vector<FieldDifference> DifferenceOf(const std::string& before, const std::string& after) {
  const YAML::Node old = YAML::Load(before);
  const YAML::Node now = YAML::Load(after);
  return Comparison().Run(old, now);
}

}  // namespace baro::config
