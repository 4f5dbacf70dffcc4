#include "base/directory_watcher.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <map>
#include <set>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/file_system.h"
#include "base/mutex.h"

namespace baro::base {
namespace {

// Not IN_MODIFY: a file that is being written is read when it is closed.
constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |
                                  IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr std::size_t kBufferBytes = 16 * 1024;

std::string LastPart(const std::string& path) { return path.substr(path.rfind('/') + 1); }

Error InotifyError(const std::string& what, int number) {
  const Code code = number == ENOSPC || number == EMFILE ? Code::kLimitExceeded : Code::kIo;
  const char* const hint = number == ENOSPC   ? " (fs.inotify.max_user_watches)"
                           : number == EMFILE ? " (fs.inotify.max_user_instances)"
                                              : "";
  return {code, fmt::format("{}: {}{}", what, std::generic_category().message(number), hint)};
}

/// Who wants to know.
class Subscriber {
 public:
  explicit Subscriber(std::function<void()> changed) : changed_(std::move(changed)) {}
  void Tell() const { changed_(); }

 private:
  const std::function<void()> changed_;
};

/// One inotify instance for all.
///
/// Source   inotify(7).
class Inotify : public DirectoryWatcher {
 public:
  Inotify() = default;
  ~Inotify() override {
    if (thread_.joinable()) {
      const std::uint64_t one = 1;
      (void)!write(wake_, &one, sizeof one);
      thread_.join();
    }
    for (const int descriptor : {inotify_, wake_}) {
      if (descriptor >= 0) close(descriptor);
    }
  }
  Inotify(const Inotify&) = delete;
  Inotify& operator=(const Inotify&) = delete;

  Result<std::unique_ptr<DirectoryWatch>> Watch(std::vector<std::string> directories,
                                                std::function<void()> changed) override;

  /// Makes these the only interests of a subscriber.
  Result<> Follow(const Subscriber& subscriber, const std::vector<std::string>& directories) {
    const MutexLock lock(mutex_);
    std::set<Interest> wanted;
    Result<> result;
    for (const std::string& directory : directories) {
      if (const auto followed = FollowOne(directory, wanted); !followed) result = followed;
    }
    for (const auto& [watch, name] : wanted) watches_[watch].insert({&subscriber, name});
    Drop(subscriber, wanted);
    return result;
  }

  void Forget(const Subscriber& subscriber) {
    const MutexLock lock(mutex_);
    Drop(subscriber, {});
  }

 private:
  using Interest = std::pair<int, std::string>;  // a watch, and a name or ""

  Result<> Begin() BARO_REQUIRES(mutex_) {
    if (inotify_ >= 0) return {};
    inotify_ = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (inotify_ < 0) return InotifyError("watch directories", errno);
    wake_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake_ < 0) {
      close(std::exchange(inotify_, -1));
      return InotifyError("watch directories", errno);
    }
    thread_ = std::thread([this, inotify = inotify_, wake = wake_] { Run(inotify, wake); });
    return {};
  }

  /// A part that is made between looking for it and watching above it is told by nobody: it is looked for again.
  Result<> FollowOne(const std::string& directory, std::set<Interest>& wanted) BARO_REQUIRES(mutex_) {
    constexpr int kTriesMax = 8;  // whoever makes and removes it all the time does not hold us up
    for (int i = 0; i < kTriesMax; ++i) {
      const std::string missing = BARO_TRY(FollowUpward(directory, wanted));
      if (missing.empty() || access(missing.c_str(), F_OK) != 0) break;
    }
    return {};
  }

  /// Watches the directory, and its name in the one above it. If it is not there: the name that is missing in the
  /// nearest one, and returns that path.
  Result<std::string> FollowUpward(const std::string& directory, std::set<Interest>& wanted) BARO_REQUIRES(mutex_) {
    std::string at = directory;
    std::string below;
    std::string name;
    bool is_there = false;
    for (;;) {
      const int watch = inotify_add_watch(inotify_, at.c_str(), kEvents);
      if (watch < 0 && errno != ENOENT && errno != ENOTDIR && errno != EACCES) {
        return InotifyError("watch " + at, errno);
      }
      if (watch >= 0) wanted.insert({watch, name});
      if (at == directory) is_there = watch >= 0;
      const bool was_last = watch >= 0 && at != directory;
      const std::string above = ParentDirectory(at);
      if (was_last || above == at) return is_there ? "" : below;
      name = LastPart(at);
      below = std::exchange(at, above);
    }
  }

  /// Takes away what a subscriber wants no more, and watches that nobody wants.
  void Drop(const Subscriber& subscriber, const std::set<Interest>& wanted) BARO_REQUIRES(mutex_) {
    for (auto at = watches_.begin(); at != watches_.end();) {
      std::erase_if(at->second, [&](const auto& interest) {
        return interest.first == &subscriber && !wanted.contains({at->first, interest.second});
      });
      if (!at->second.empty()) {
        ++at;
        continue;
      }
      inotify_rm_watch(inotify_, at->first);
      at = watches_.erase(at);
    }
  }

  void Run(int inotify, int wake) {
    std::array<pollfd, 2> waiting{
        {{.fd = inotify, .events = POLLIN, .revents = 0}, {.fd = wake, .events = POLLIN, .revents = 0}}};
    for (;;) {
      if (poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) return;
      if (waiting[1].revents != 0) return;
      if (waiting[0].revents != 0) ReadEvents(inotify);
    }
  }

  void ReadEvents(int inotify) {
    alignas(inotify_event) std::array<char, kBufferBytes> buffer;
    const MutexLock lock(mutex_);
    std::set<const Subscriber*> told;
    for (;;) {
      const ssize_t size = read(inotify, buffer.data(), buffer.size());
      if (size <= 0) break;
      for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
        inotify_event event{};
        std::memcpy(&event, buffer.data() + at, sizeof event);
        const char* const name = buffer.data() + at + sizeof event;
        Collect(event, std::string_view(name, strnlen(name, event.len)), told);
        at += sizeof event + event.len;
      }
    }
    for (const Subscriber* const subscriber : told) subscriber->Tell();
  }

  void Collect(const inotify_event& event, std::string_view name, std::set<const Subscriber*>& told)
      BARO_REQUIRES(mutex_) {
    if ((event.mask & IN_Q_OVERFLOW) != 0) {  // some events are lost
      for (const auto& [watch, interests] : watches_) {
        for (const auto& [subscriber, wanted] : interests) told.insert(subscriber);
      }
      return;
    }
    const auto found = watches_.find(event.wd);
    if (found == watches_.end()) return;
    const bool is_of_itself = name.empty();
    for (const auto& [subscriber, wanted] : found->second) {
      if (is_of_itself || wanted.empty() || wanted == name) told.insert(subscriber);
    }
    if ((event.mask & IN_IGNORED) != 0) watches_.erase(found);  // the directory is gone, and the watch with it
  }

  Mutex mutex_;  // held while subscribers are told
  std::map<int, std::set<std::pair<const Subscriber*, std::string>>> watches_ BARO_GUARDED_BY(mutex_);
  // Changed by the first watch alone; the thread has copies.
  int inotify_ = -1;
  int wake_ = -1;
  std::thread thread_;
};

class InotifyWatch : public DirectoryWatch {
 public:
  InotifyWatch(Inotify& inotify, std::vector<std::string> directories, std::function<void()> changed)
      : inotify_(inotify), directories_(std::move(directories)), subscriber_(std::move(changed)) {}
  ~InotifyWatch() override { inotify_.Forget(subscriber_); }
  InotifyWatch(const InotifyWatch&) = delete;
  InotifyWatch& operator=(const InotifyWatch&) = delete;

  Result<> Renew() override { return inotify_.Follow(subscriber_, directories_); }

 private:
  Inotify& inotify_;
  const std::vector<std::string> directories_;
  const Subscriber subscriber_;
};

Result<std::unique_ptr<DirectoryWatch>> Inotify::Watch(std::vector<std::string> directories,
                                                       std::function<void()> changed) {
  const MutexLock lock(mutex_);
  BARO_TRY(Begin());
  return std::make_unique<InotifyWatch>(*this, std::move(directories), std::move(changed));
}

}  // namespace

std::unique_ptr<DirectoryWatcher> MakeDirectoryWatcher() { return std::make_unique<Inotify>(); }

}  // namespace baro::base
