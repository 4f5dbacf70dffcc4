#include "base/open_files.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>

namespace baro::base {

// A lease for reading is refused with EAGAIN while somebody has the file open for writing. Source: fcntl(2).
bool IsOpenForWriting(FileSystem& files, const std::string& path) {
  if (&files != &RealFileSystem()) return false;
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool is_refused = fcntl(descriptor, F_SETLEASE, F_RDLCK) != 0;
  const bool has_writer = is_refused && errno == EAGAIN;
  if (!is_refused) fcntl(descriptor, F_SETLEASE, F_UNLCK);
  close(descriptor);
  return has_writer;
}

void RaiseOpenFilesLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace baro::base
