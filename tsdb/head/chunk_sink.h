// Who wants to know of chunks that groups have sealed: they can leave memory.
//
// Threads  Implementations are safe to share.
#pragma once

#include "tsdb/head/counted_ptr.h"
#include "tsdb/head/group_chunk.h"

namespace baro::tsdb {

class Group;

class ChunkSink {
 public:
  virtual ~ChunkSink() = default;

  /// The group has this chunk from now on. Called without locks; may take those of groups, and may do file work.
  virtual void OnSealed(const CountedPtr<Group>& group, const GroupChunkPtr& chunk) = 0;
};

}  // namespace baro::tsdb
