// What other processes do with files.
#pragma once

#include <string>

#include "base/file_system.h"

namespace baro::base {

/// Whether a process has the file open for writing. False also where that cannot be told: a file that is not there or
/// belongs to somebody else, a file system that knows no leases, or one that is not the operating system's.
bool IsOpenForWriting(FileSystem& files, const std::string& path);

}  // namespace baro::base
