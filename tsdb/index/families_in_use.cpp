#include "tsdb/index/families_in_use.h"

#include "model/metadata.h"

namespace baro::tsdb {

void FamiliesInUse::Add(std::string_view metric_name) {
  const model::FamilyNames names = model::FamiliesOf(metric_name);
  families_.emplace(names.whole);
  if (!names.stem.empty()) families_.emplace(names.stem);
}

}  // namespace baro::tsdb
