#include "scraper/kubernetes/group_list.h"

#include <fmt/format.h>

#include "scraper/target_file.h"

namespace baro::scraper {
namespace {

constexpr std::string_view kMeta = "__meta_kubernetes_";

}  // namespace

void GroupList::Begin(std::string source, LabelMap labels) {
  if (!group_.targets.empty()) groups_.push_back(std::move(group_));
  shared_bytes_ = BytesOf(labels);
  group_ = {.source = std::move(source), .targets = {}, .labels = std::move(labels)};
}

void GroupList::AddTarget(LabelMap labels) {
  if (error_) return;
  bytes_ += shared_bytes_ + BytesOf(labels);
  if (++targets_ > kDiscoveredTargetsMax) {
    error_ =
        base::Error(base::Code::kLimitExceeded,
                    fmt::format("more than {} targets: narrow the namespaces or selectors", kDiscoveredTargetsMax));
  } else if (bytes_ > kDiscoveredBytesMax) {
    error_ = base::Error(base::Code::kLimitExceeded,
                         fmt::format("labels of targets have more than {} bytes: narrow the namespaces or selectors",
                                     kDiscoveredBytesMax));
  } else {
    group_.targets.push_back(std::move(labels));
  }
}

base::Result<std::vector<TargetGroup>> GroupList::Take() {
  if (error_) return *error_;
  Begin("", {});
  return std::move(groups_);
}

// Called some million times for each telling of a large cluster.
void SetMeta(LabelMap& labels, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  std::string label;
  label.reserve(kMeta.size() + name.size());
  label.append(kMeta).append(name);
  labels.insert_or_assign(std::move(label), std::string(value));
}

void SetMeta(LabelMap& labels, std::string_view prefix, std::string_view text, std::string_view value) {
  if (value.empty()) return;
  const std::string clean = CleanLabelName(text);
  std::string label;
  label.reserve(kMeta.size() + prefix.size() + clean.size());
  label.append(kMeta).append(prefix).append(clean);
  labels.insert_or_assign(std::move(label), std::string(value));
}

void SetLabelsAndAnnotations(LabelMap& labels, std::string_view kind, const ObjectMeta& meta) {
  const auto set = [&](std::string_view what, const TextPairs& pairs) {
    const std::string prefix = fmt::format("{}_{}_", kind, what);
    const std::string present = fmt::format("{}_{}present_", kind, what);
    pairs.ForEach([&](std::string_view name, std::string_view value) {
      SetMeta(labels, prefix, name, value);
      SetMeta(labels, present, name, "true");
    });
  };
  set("label", meta.labels);
  set("annotation", meta.annotations);
}

void SetObjectMeta(LabelMap& labels, std::string_view kind, const ObjectMeta& meta) {
  SetMeta(labels, fmt::format("{}_name", kind), meta.name);
  SetLabelsAndAnnotations(labels, kind, meta);
}

}  // namespace baro::scraper
