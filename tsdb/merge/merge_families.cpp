#include "tsdb/merge/merge_families.h"

#include <algorithm>
#include <tuple>

namespace baro::tsdb {

void MergeFamilies(std::vector<FamilyMetadata>& families) {
  const auto content = [](const FamilyMetadata& each) {
    return std::tie(each.family, each.metadata.type, each.metadata.help, each.metadata.unit);
  };
  std::ranges::sort(families, [&content](const FamilyMetadata& a, const FamilyMetadata& b) {
    return content(a) != content(b) ? content(a) < content(b) : a.seen_ms > b.seen_ms;
  });
  const auto repeated = std::ranges::unique(families, {}, content);
  families.erase(repeated.begin(), repeated.end());
  std::ranges::stable_sort(families, [](const FamilyMetadata& a, const FamilyMetadata& b) {
    return a.family != b.family ? a.family < b.family : a.seen_ms > b.seen_ms;
  });
}

void MergeExemplars(std::vector<model::Exemplar>& exemplars, std::vector<model::Exemplar> others) {
  std::ranges::move(others, std::back_inserter(exemplars));
  const auto order = [](const model::Exemplar& each) {
    return std::tuple(each.timestamp_ms.value_or(0), std::bit_cast<std::uint64_t>(each.value));
  };
  std::ranges::stable_sort(exemplars, [&order](const model::Exemplar& a, const model::Exemplar& b) {
    return order(a) != order(b) ? order(a) < order(b) : a.labels < b.labels;
  });
  const auto repeated = std::ranges::unique(exemplars);
  exemplars.erase(repeated.begin(), repeated.end());
}

}  // namespace baro::tsdb
