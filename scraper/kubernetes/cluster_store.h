// All tables of one discovery, by namespace, and what is watched to fill them.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "scraper/discovery_options.h"
#include "scraper/kubernetes/object_table.h"
#include "scraper/kubernetes/resource_sync.h"
#include "scraper/kubernetes/role_targets.h"

namespace baro::scraper {

/// Makes the tables that a role needs, and groups of what is in them.
///
/// Threads  Confined.
class ClusterStore {
 public:
  /// What one table is filled from.
  struct Source {
    std::string name;  ///< "pods", "pods of the namespace x"
    ResourceQuery query;
    ObjectTable* table = nullptr;  ///< owned by the store
    std::string_view role;         ///< for the counts of events
  };

  /// `namespaces`: empty, all of them. Their order does not matter, and none counts twice.
  ClusterStore(const DiscoveryRecord& record, const std::string& server_url, std::vector<std::string> namespaces);

  const std::vector<Source>& sources() const { return sources_; }

  /// Whether one namespace at least is known in all that it takes.
  bool has_known_scope() const;

  /// Groups of all namespaces that are known.
  /// Errors   kLimitExceeded: of GroupList.
  base::Result<std::vector<TargetGroup>> MakeGroups() const;

 private:
  struct Resource;
  struct Scope {
    ScopeTables tables;
    std::vector<const ObjectTable*> needed;  ///< all of its own, and those that it shares
  };

  template <typename Object>
  const TableOf<Object>* Watch(const Resource& resource, const std::string& name_space);
  void AddScope(const std::string& name_space, const ScopeTables& shared);
  std::string SelectorsOf(std::string_view role) const;
  bool IsKnown(const Scope& scope) const;

  const std::string role_;
  const std::vector<DiscoveryRecord> selectors_;
  const std::string server_url_;
  StoreBudget budget_;
  std::deque<std::unique_ptr<ObjectTable>> tables_;
  std::vector<Source> sources_;
  std::vector<Scope> scopes_;
};

}  // namespace baro::scraper
