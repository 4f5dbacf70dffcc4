// The metric families that a set of series may belong to.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace baro::tsdb {

/// Threads  Confined.
class FamiliesInUse {
 public:
  void Add(std::string_view metric_name);
  bool Has(std::string_view family) const { return families_.contains(family); }

 private:
  std::set<std::string, std::less<>> families_;
};

}  // namespace baro::tsdb
