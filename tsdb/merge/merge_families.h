// Metadata that several sources know, as one list.
#pragma once

#include <vector>

#include "tsdb/reader.h"

namespace baro::tsdb {

/// Sorts by family, what was said last first, and makes one of what is equal but for its time, which is the last.
void MergeFamilies(std::vector<FamilyMetadata>& families);

/// Makes one list of exemplars of two, of equal labels: by time, each once.
void MergeExemplars(std::vector<model::Exemplar>& exemplars, std::vector<model::Exemplar> others);

}  // namespace baro::tsdb
