// Groups of targets in the making, within the bounds of a discovery.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "scraper/discovery/target_list.h"
#include "scraper/kubernetes/objects.h"
#include "scraper/options.h"

namespace baro::scraper {

/// Threads  Confined.
class GroupList {
 public:
  /// The targets that come from now on are of this group. One without targets is left out.
  void Begin(std::string source, LabelMap labels);
  void AddTarget(LabelMap labels);
  /// Whether there are too many: none is taken any more, and whoever makes them should stop.
  bool failed() const { return error_.has_value(); }
  std::size_t target_count() const { return targets_; }

  /// Errors   kLimitExceeded: too many targets, too many bytes of labels.
  base::Result<std::vector<TargetGroup>> Take();

 private:
  std::vector<TargetGroup> groups_;
  TargetGroup group_;
  std::size_t shared_bytes_ = 0;  // of the group's labels
  std::size_t targets_ = 0;
  std::size_t bytes_ = 0;
  std::optional<base::Error> error_;
};

/// Sets `__meta_kubernetes_<name>`. An empty value is no label.
void SetMeta(LabelMap& labels, std::string_view name, std::string_view value);
/// The same for a name that begins with `prefix` and ends with text of a user, which is cleaned.
void SetMeta(LabelMap& labels, std::string_view prefix, std::string_view text, std::string_view value);
/// Labels and annotations of an object, each with its twin that says it is there. `kind`: "pod", "node", …
void SetLabelsAndAnnotations(LabelMap& labels, std::string_view kind, const ObjectMeta& meta);
/// These and the object's name.
void SetObjectMeta(LabelMap& labels, std::string_view kind, const ObjectMeta& meta);

}  // namespace baro::scraper
