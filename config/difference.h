// What is different between two configurations in normal form.
#pragma once

#include <string>
#include <vector>

namespace baro::config {

/// A field that both have differently, or one of them only.
struct FieldDifference {
  std::string path;    ///< "global.scrape_interval", "relabel_configs[2].regex"
  std::string before;  ///< YAML on one line; empty: it is not there
  std::string after;

  friend bool operator==(const FieldDifference&, const FieldDifference&) = default;
};

/// In the order of the fields, those that are gone last. Lists of mappings are compared item by item, by place; other
/// lists as one value. Shape  both are YAML mappings, as NormalForm writes them; secrets are the same in both.
std::vector<FieldDifference> DifferenceOf(const std::string& before, const std::string& after);

}  // namespace baro::config
