#include "scraper/target_file.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "model/names.h"
#include "scraper/discovery/json_answer.h"
#include "scraper/discovery/target_list.h"

namespace baro::scraper {
namespace {

using base::Code;
using base::Fail;

/// Where a document comes from.
struct Origin {
  const std::string& name;  ///< of the groups: a path, a URL
  std::string_view label;   ///< that each group has, with the name as its value
  std::string_view shown;   ///< in messages; empty: they do not name it
};

/// Fills groups from a document of either kind, and knows which group it is at.
class GroupBuilder {
 public:
  explicit GroupBuilder(const Origin& origin) : origin_(origin) {}

  void BeginGroup() {
    TargetGroup group;
    group.source = fmt::format("{}:{}", origin_.name, groups_.size());
    groups_.push_back(std::move(group));
  }

  base::Result<> AddTarget(std::string address) {
    if (++targets_ > kDiscoveredTargetsMax) {
      return Fail(Code::kLimitExceeded, Told(fmt::format("more than {} targets", kDiscoveredTargetsMax)));
    }
    BARO_TRY(Count(model::kAddressLabel.size() + address.size()));
    groups_.back().targets.push_back({{std::string(model::kAddressLabel), std::move(address)}});
    return {};
  }

  base::Result<> AddLabel(const std::string& name, std::string value) {
    if (!model::IsValidLabelName(name)) return Wrong(fmt::format("\"{}\" is not a valid label name", name));
    BARO_TRY(Count(name.size() + value.size()));  // YAML may repeat a label in a few bytes
    groups_.back().labels[name] = std::move(value);
    return {};
  }

  base::Error Wrong(std::string_view what) const {
    return {Code::kInvalidArgument,
            Told(groups_.empty() ? std::string(what) : fmt::format("group {}: {}", groups_.size(), what))};
  }
  std::string Told(std::string_view what) const {
    return origin_.shown.empty() ? std::string(what) : fmt::format("{}: {}", origin_.shown, what);
  }

  base::Result<std::vector<TargetGroup>> Take() {
    bytes_ = 0;
    for (TargetGroup& group : groups_) {
      group.labels[std::string(origin_.label)] = origin_.name;
      BARO_TRY(Count(BytesOf(group)));
    }
    return std::move(groups_);
  }

 private:
  base::Result<> Count(std::size_t bytes) {
    bytes_ += bytes;
    if (bytes_ <= kDiscoveredBytesMax) return {};
    return Fail(Code::kLimitExceeded,
                Told(fmt::format("labels of targets have more than {} bytes", kDiscoveredBytesMax)));
  }

  const Origin origin_;
  std::vector<TargetGroup> groups_;
  std::size_t targets_ = 0;
  std::size_t bytes_ = 0;  // that were read; in the end: that are made of them
};

base::Result<> ReadJsonTargets(const nlohmann::json& list, GroupBuilder& builder) {
  if (list.is_null()) return {};
  if (!list.is_array()) return builder.Wrong("targets: expected a list of strings");
  for (const auto& target : list) {
    if (!target.is_string()) return builder.Wrong("targets: expected a list of strings");
    BARO_TRY(builder.AddTarget(target.get<std::string>()));
  }
  return {};
}

base::Result<> ReadJsonLabels(const nlohmann::json& labels, GroupBuilder& builder) {
  if (labels.is_null()) return {};
  if (!labels.is_object()) return builder.Wrong("labels: expected an object of strings");
  for (const auto& [name, text] : labels.items()) {
    if (!text.is_string()) return builder.Wrong(fmt::format("label {}: expected a string", name));
    BARO_TRY(builder.AddLabel(name, text.get<std::string>()));
  }
  return {};
}

base::Result<> ReadJsonGroup(const nlohmann::json& item, GroupBuilder& builder) {
  if (!item.is_object()) return builder.Wrong("expected an object with targets and labels");
  for (const auto& [key, value] : item.items()) {
    if (key == "targets") {
      BARO_TRY(ReadJsonTargets(value, builder));
    } else if (key == "labels") {
      BARO_TRY(ReadJsonLabels(value, builder));
    } else {
      return builder.Wrong(fmt::format("unknown field {}; there are targets and labels", key));
    }
  }
  return {};
}

base::Result<> ReadJson(std::string_view text, GroupBuilder& builder) {
  const auto document = ParseJsonAnswer(text);
  if (!document) return base::Error(document.error().code(), builder.Told(document.error().message()));
  if (!document->is_array()) return builder.Wrong("expected a list of groups");
  for (const auto& item : *document) {
    builder.BeginGroup();
    BARO_TRY(ReadJsonGroup(item, builder));
  }
  return {};
}

base::Result<> ReadYamlGroup(const YAML::Node& item, GroupBuilder& builder) {
  const auto wrong = [&](const YAML::Node& at, std::string_view what) {
    return builder.Wrong(fmt::format("line {}, column {}: {}", at.Mark().line + 1, at.Mark().column + 1, what));
  };
  if (!item.IsMap()) return wrong(item, "expected a mapping with targets and labels");
  for (const auto& entry : item) {
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
    const YAML::Node& value = entry.second;
    if (key == "targets" && (value.IsSequence() || value.IsNull())) {
      for (const auto& target : value) {
        if (!target.IsScalar()) return wrong(target, "targets: expected a list of strings");
        BARO_TRY(builder.AddTarget(target.Scalar()));
      }
    } else if (key == "labels" && (value.IsMap() || value.IsNull())) {
      for (const auto& label : value) {
        if (!label.first.IsScalar() || !label.second.IsScalar()) return wrong(label.first, "expected a string");
        BARO_TRY(builder.AddLabel(label.first.Scalar(), label.second.Scalar()));
      }
    } else {
      return wrong(entry.first, fmt::format("{}: expected targets (a list) or labels (a mapping)", key));
    }
  }
  return {};
}

base::Result<> ReadYaml(std::string_view text, GroupBuilder& builder) {
  try {
    const YAML::Node document = YAML::Load(std::string(text));
    if (document.IsNull()) return {};
    if (!document.IsSequence()) return builder.Wrong("expected a list of groups");
    for (const auto& item : document) {
      builder.BeginGroup();
      BARO_TRY(ReadYamlGroup(item, builder));
    }
  } catch (const YAML::Exception& error) {
    return builder.Wrong(
        fmt::format("not valid YAML: line {}, column {}: {}", error.mark.line + 1, error.mark.column + 1, error.msg));
  }
  return {};
}

}  // namespace

base::Result<std::vector<TargetGroup>> ParseTargetFile(std::string_view text, const std::string& path) {
  if (text.size() > kTargetFileBytesMax) {
    return Fail(Code::kLimitExceeded,
                fmt::format("{}: {} bytes, the limit is {}", path, text.size(), kTargetFileBytesMax));
  }
  GroupBuilder builder({.name = path, .label = "__meta_filepath", .shown = path});
  BARO_TRY(path.ends_with(".json") ? ReadJson(text, builder) : ReadYaml(text, builder));
  return builder.Take();
}

base::Result<std::vector<TargetGroup>> ParseHttpTargets(std::string_view text, const std::string& url) {
  GroupBuilder builder({.name = url, .label = "__meta_url", .shown = ""});
  BARO_TRY(ReadJson(text, builder));
  return builder.Take();
}

}  // namespace baro::scraper
