// Being told when something in a directory has changed, as a seam. It is a hint: whoever is told looks, and whoever is
// not told looks from time to time, since network file systems and exhausted limits tell nothing.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace baro::base {

/// A watch of some directories; its end waits for a call that runs, and none comes after it.
///
/// Threads  Renew() by one thread at a time.
class DirectoryWatch {
 public:
  virtual ~DirectoryWatch() = default;

  /// Follows directories that have come, gone or been replaced since. To be called before looking into them: what
  /// happens after it is told.
  /// Errors   kLimitExceeded, kIo: some cannot be watched.
  virtual Result<> Renew() = 0;
};

/// Threads  Safe to share.
class DirectoryWatcher {
 public:
  virtual ~DirectoryWatcher() = default;

  /// Watches nothing before the first Renew(). A directory that does not exist is awaited.
  ///   changed  files in one of them may have been written (and closed), made, renamed or removed, or it is another
  ///            directory now. Called on a thread of the watcher's, once for several changes; it must not block, nor
  ///            end the watch.
  /// Errors   kLimitExceeded, kIo: nothing can be watched.
  virtual Result<std::unique_ptr<DirectoryWatch>> Watch(std::vector<std::string> directories,
                                                        std::function<void()> changed) = 0;
};

/// The operating system's: one thread, which begins with the first watch. It outlives its watches.
std::unique_ptr<DirectoryWatcher> MakeDirectoryWatcher();

}  // namespace baro::base
