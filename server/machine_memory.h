// How much memory this process may use.
#pragma once

#include <cstdint>

#include "base/file_system.h"

namespace baro::server {

/// The machine's memory or, if it is less, the limit of the control group or of one around it. 0: not known.
/// Source   proc(5): /proc/meminfo; cgroups(7): memory.max of version 2, memory.limit_in_bytes of version 1.
/// Unit     bytes
std::uint64_t UsableMemory(base::FileSystem& files);

}  // namespace baro::server
