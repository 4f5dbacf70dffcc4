// What stands in the side files of a block: metadata of families, exemplars and start times of series.
//
// Format   docs/formats/block.md, sections 13 to 15.
// Threads  Pure functions.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/exemplar.h"
#include "tsdb/reader.h"
#include "tsdb/starts/start_times.h"

namespace baro::tsdb {

void EncodeFamily(const FamilyMetadata& family, base::ByteBuffer& out);
/// Errors   kCorruption.
base::Result<FamilyMetadata> DecodeFamily(base::ByteSpan bytes);

/// Shape    each has a timestamp; by time.
void EncodeExemplars(std::span<const model::Exemplar> exemplars, base::ByteBuffer& out);
/// Appends them. Errors   kCorruption.
base::Result<> DecodeExemplars(base::ByteSpan bytes, std::vector<model::Exemplar>& exemplars);

/// Shape    runs ascend.
void EncodeStarts(std::span<const StartRun> runs, base::ByteBuffer& out);
/// Appends them. Errors   kCorruption.
base::Result<> DecodeStarts(base::ByteSpan bytes, std::vector<StartRun>& runs);

}  // namespace baro::tsdb
