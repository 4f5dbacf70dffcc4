#include <algorithm>

#include "scraper/kubernetes/role_targets.h"

namespace baro::scraper {
namespace {

/// Whether a certificate's name is that of the host: the same, or "*." and all but the host's first part.
bool IsNameOf(std::string_view pattern, std::string_view host) {
  if (pattern == host) return true;
  if (pattern != "*" && !pattern.starts_with("*.")) return false;
  const auto behind_first = [](std::string_view name) {
    const std::size_t dot = name.find('.');
    return dot == std::string_view::npos ? std::string_view() : name.substr(dot);
  };
  return behind_first(pattern) == behind_first(host);
}

void AddGroup(const ScopeTables& tables, const IngressObject& ingress, GroupList& groups) {
  LabelMap shared;
  SetMeta(shared, "namespace", ingress.meta.name_space);
  SetMeta(shared, "ingress_class_name", ingress.class_name.value_or(""));
  SetObjectMeta(shared, "ingress", ingress.meta);
  AttachNamespace(tables, ingress.meta.name_space, shared);
  groups.Begin(fmt::format("ingress/{}", KeyOf(ingress.meta.name_space, ingress.meta.name)), std::move(shared));
  for (const IngressRule& rule : ingress.rules) {
    const bool is_secure = std::ranges::any_of(
        ingress.tls_hosts, [&](const std::string& pattern) { return IsNameOf(pattern, rule.host); });
    for (const std::string& path : rule.paths) {
      LabelMap labels{{"__address__", rule.host}};
      SetMeta(labels, "ingress_scheme", is_secure ? "https" : "http");
      SetMeta(labels, "ingress_host", rule.host);
      SetMeta(labels, "ingress_path", path);
      groups.AddTarget(std::move(labels));
    }
  }
}

}  // namespace

void AddIngressGroups(const ScopeTables& tables, GroupList& groups) {
  tables.ingresses->ForEach([&](const IngressObject& ingress) {
    if (!groups.failed()) AddGroup(tables, ingress, groups);
  });
}

}  // namespace baro::scraper
