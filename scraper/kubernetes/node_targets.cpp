#include <algorithm>

#include "scraper/kubernetes/role_targets.h"

namespace baro::scraper {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return lower;
}

/// The address under which the kubelet is asked: the first of the best type that there is.
std::optional<std::string> AddressOf(const NodeObject& node) {
  constexpr std::string_view kBestFirst[] = {"InternalIP",  "InternalDNS",  "ExternalIP",
                                             "ExternalDNS", "LegacyHostIP", "Hostname"};
  for (const std::string_view type : kBestFirst) {
    std::optional<std::string> first;
    node.addresses.ForEach([&](std::string_view own, std::string_view address) {
      if (own == type && !first) first = std::string(address);
    });
    if (first) return first;
  }
  return std::nullopt;
}

void AddGroup(const NodeObject& node, GroupList& groups) {
  const auto address = AddressOf(node);
  if (!address) return;
  LabelMap labels;
  SetMeta(labels, "node_provider_id", node.provider_id);
  node.conditions.ForEach([&](std::string_view type, std::string_view status) {
    SetMeta(labels, "node_condition_", Lower(type), Lower(status));
  });
  SetObjectMeta(labels, "node", node.meta);
  groups.Begin(fmt::format("node/{}", node.meta.name), std::move(labels));
  LabelMap target{{"__address__", JoinHostPort(*address, fmt::format("{}", node.kubelet_port))},
                  {"instance", node.meta.name}};
  node.addresses.ForEach([&](std::string_view type, std::string_view own) {
    target.emplace(fmt::format("__meta_kubernetes_node_address_{}", CleanLabelName(type)), own);
  });
  std::erase_if(target, [](const auto& label) { return label.second.empty(); });
  groups.AddTarget(std::move(target));
}

}  // namespace

void AddNodeGroups(const ScopeTables& tables, GroupList& groups) {
  tables.nodes->ForEach([&](const NodeObject& node) {
    if (!groups.failed()) AddGroup(node, groups);
  });
}

void AttachNode(const ScopeTables& tables, const std::string& name, LabelMap& labels) {
  if (!tables.attach.node || tables.nodes == nullptr) return;
  if (const NodeObject* const node = tables.nodes->Find(name)) SetObjectMeta(labels, "node", node->meta);
}

}  // namespace baro::scraper
