// Open files: what other processes do with them, and how many this one may have.
#pragma once

#include <string>

#include "base/file_system.h"

namespace baro::base {

/// Whether a process has the file open for writing. False also where that cannot be told: a file that is not there or
/// belongs to somebody else, a file system that knows no leases, or one that is not the operating system's.
bool IsOpenForWriting(FileSystem& files, const std::string& path);

/// Lets this process open as many files and connections as the system allows it, in place of the lower number (often
/// 1,024) that shells and service managers start programs with. Best effort: what is refused stays as it was.
/// Source   Go programs do the same at their start, Prometheus among them.
void RaiseOpenFilesLimit();

}  // namespace baro::base
