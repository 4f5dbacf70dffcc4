#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/file_system.h"

namespace baro::base {
namespace {

Error SystemError(std::string_view what, const std::string& path, int number = errno) {
  const Code code = number == ENOENT                       ? Code::kNotFound
                    : number == EEXIST                     ? Code::kAlreadyExists
                    : number == ENOSPC || number == EDQUOT ? Code::kNoSpace
                    : number == EACCES || number == EPERM  ? Code::kPermissionDenied
                                                           : Code::kIo;
  return {code, fmt::format("cannot {} {}: {}", what, path, std::strerror(number))};  // NOLINT(concurrency-mt-unsafe)
}

/// An open file, closed at its end.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (value_ >= 0) close(value_);
  }
  int get() const { return value_; }
  int Release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

Result<Descriptor> Open(const std::string& path, int flags, std::string_view what) {
  int descriptor = -1;
  do {
    descriptor = open(path.c_str(), flags | O_CLOEXEC, 0666);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) return SystemError(what, path);
  return Descriptor(descriptor);
}

class PosixWritableFile : public WritableFile {
 public:
  PosixWritableFile(Descriptor descriptor, std::string path, std::uint64_t size)
      : descriptor_(std::move(descriptor)), path_(std::move(path)), size_(size) {}

  Result<> Append(ByteSpan bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = write(descriptor_.get(), bytes.data(), bytes.size());
      if (written < 0) {
        if (errno == EINTR) continue;
        return SystemError("write to", path_);
      }
      size_ += static_cast<std::uint64_t>(written);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return {};
  }

  Result<> Sync() override {
    if (fdatasync(descriptor_.get()) != 0) return SystemError("sync", path_);
    return {};
  }

  Result<> Truncate(std::uint64_t size) override {
    if (ftruncate(descriptor_.get(), static_cast<off_t>(size)) != 0) return SystemError("truncate", path_);
    size_ = size;
    return {};
  }

  std::uint64_t size() const override { return size_; }

  Result<> Close() override {
    if (close(descriptor_.Release()) != 0 && errno != EINTR) return SystemError("close", path_);
    return {};
  }

 private:
  Descriptor descriptor_;
  std::string path_;
  std::uint64_t size_;
};

class PosixReadableFile : public ReadableFile {
 public:
  PosixReadableFile(Descriptor descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    std::size_t done = 0;
    while (done < out.size()) {
      const ssize_t got =
          pread(descriptor_.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
      if (got < 0) {
        if (errno == EINTR) continue;
        return SystemError("read", path_);
      }
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  Result<std::uint64_t> Size() const override {
    struct stat info{};
    if (fstat(descriptor_.get(), &info) != 0) return SystemError("look at", path_);
    return static_cast<std::uint64_t>(info.st_size);
  }

 private:
  Descriptor descriptor_;
  std::string path_;
};

class PosixMappedFile : public MappedFile {
 public:
  PosixMappedFile(void* data, std::size_t size) : data_(data), size_(size) {}
  ~PosixMappedFile() override {
    if (size_ > 0) munmap(data_, size_);
  }
  PosixMappedFile(const PosixMappedFile&) = delete;
  PosixMappedFile& operator=(const PosixMappedFile&) = delete;
  ByteSpan bytes() const override { return {static_cast<const std::byte*>(data_), size_}; }

 private:
  void* data_;
  std::size_t size_;
};

class PosixFileLock : public FileLock {
 public:
  explicit PosixFileLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  Descriptor descriptor_;  // the lock goes with the descriptor
};

class PosixFileSystem : public FileSystem {
 public:
  Result<std::unique_ptr<WritableFile>> OpenWritable(const std::string& path, OpenMode mode) override {
    const int flags = mode == OpenMode::kCreate    ? O_CREAT | O_EXCL
                      : mode == OpenMode::kReplace ? O_CREAT | O_TRUNC
                                                   : O_CREAT;
    Descriptor descriptor = BARO_TRY(Open(path, O_WRONLY | O_APPEND | flags, "create"));
    struct stat info{};
    if (fstat(descriptor.get(), &info) != 0) return SystemError("look at", path);
    return std::make_unique<PosixWritableFile>(std::move(descriptor), path, static_cast<std::uint64_t>(info.st_size));
  }

  Result<std::unique_ptr<ReadableFile>> OpenReadable(const std::string& path) override {
    return std::make_unique<PosixReadableFile>(BARO_TRY(Open(path, O_RDONLY, "open")), path);
  }

  Result<std::unique_ptr<MappedFile>> Map(const std::string& path) override {
    const Descriptor descriptor = BARO_TRY(Open(path, O_RDONLY, "open"));
    struct stat info{};
    if (fstat(descriptor.get(), &info) != 0) return SystemError("look at", path);
    const auto size = static_cast<std::size_t>(info.st_size);
    if (size == 0) return std::make_unique<PosixMappedFile>(nullptr, 0);
    void* const data = mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor.get(), 0);
    if (data == MAP_FAILED) return SystemError("map", path);
    return std::make_unique<PosixMappedFile>(data, size);
  }

  Result<std::vector<std::string>> ListDirectory(const std::string& path) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path.c_str()), &closedir);
    if (!directory) return SystemError("list", path);
    std::vector<std::string> names;
    for (;;) {
      errno = 0;
      const dirent* const entry = readdir(directory.get());  // NOLINT(concurrency-mt-unsafe): one stream, one thread
      if (entry == nullptr) {
        if (errno != 0) return SystemError("list", path);
        break;
      }
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    std::ranges::sort(names);
    return names;
  }

  Result<> CreateDirectories(const std::string& path) override {
    if (BARO_TRY(Exists(path))) return {};
    const std::string parent = ParentDirectory(path);
    if (parent != path && parent != "." && parent != "/") BARO_TRY(CreateDirectories(parent));
    if (mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) return SystemError("make directory", path);
    return SyncDirectory(parent);
  }

  Result<> SyncDirectory(const std::string& path) override {
    const Descriptor descriptor = BARO_TRY(Open(path, O_RDONLY | O_DIRECTORY, "open directory"));
    if (fsync(descriptor.get()) != 0) return SystemError("sync directory", path);
    return {};
  }

  Result<> Rename(const std::string& from, const std::string& to) override {
    if (rename(from.c_str(), to.c_str()) != 0) return SystemError("rename", fmt::format("{} to {}", from, to));
    return {};
  }

  Result<> Link(const std::string& from, const std::string& to) override {
    if (link(from.c_str(), to.c_str()) != 0) return SystemError("link", fmt::format("{} to {}", from, to));
    return {};
  }

  Result<> Remove(const std::string& path) override {
    if (remove(path.c_str()) != 0) return SystemError("remove", path);
    return {};
  }

  Result<> RemoveAll(const std::string& path) override {
    struct stat info{};
    if (lstat(path.c_str(), &info) != 0) {
      if (errno == ENOENT) return {};
      return SystemError("look at", path);
    }
    if (S_ISDIR(info.st_mode)) {
      for (const std::string& name : BARO_TRY(ListDirectory(path))) BARO_TRY(RemoveAll(path + "/" + name));
    }
    return Remove(path);
  }

  Result<bool> Exists(const std::string& path) override {
    struct stat info{};
    if (stat(path.c_str(), &info) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return SystemError("look at", path);
  }

  Result<std::uint64_t> FileSize(const std::string& path) override {
    struct stat info{};
    if (stat(path.c_str(), &info) != 0) return SystemError("look at", path);
    return static_cast<std::uint64_t>(info.st_size);
  }

  Result<SpaceInfo> FreeSpace(const std::string& path) override {
    struct statvfs info{};
    if (statvfs(path.c_str(), &info) != 0) return SystemError("look at the file system of", path);
    return SpaceInfo{.total_bytes = std::uint64_t{info.f_blocks} * info.f_frsize,
                     .free_bytes = std::uint64_t{info.f_bfree} * info.f_frsize,
                     .available_bytes = std::uint64_t{info.f_bavail} * info.f_frsize,
                     .total_files = info.f_files,
                     .free_files = info.f_ffree};
  }

  Result<std::string> ReadLink(const std::string& path) override {
    char buffer[4096];  // PATH_MAX
    const ssize_t length = readlink(path.c_str(), buffer, sizeof buffer);
    if (length < 0) return SystemError("read link", path);
    return std::string(buffer, static_cast<std::size_t>(length));
  }

  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    Descriptor descriptor = BARO_TRY(Open(path, O_RDWR | O_CREAT, "open"));
    if (flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return Fail(Code::kUnavailable, fmt::format("{} is locked by another process", path));
      return SystemError("lock", path);
    }
    return std::make_unique<PosixFileLock>(std::move(descriptor));
  }
};

}  // namespace

FileSystem& RealFileSystem() {
  static PosixFileSystem files;
  return files;
}

}  // namespace baro::base
