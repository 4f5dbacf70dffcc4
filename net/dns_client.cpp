#include "net/dns_client.h"

#include <csignal>
#include <deque>
#include <list>
#include <thread>

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/executor.h"
#include "base/mutex.h"
#include "net/dns/dns_lookup.h"

namespace baro::net {
namespace {

using base::MutexLock;
using dns::DnsLookup;

constexpr std::size_t kRunningMax = 64;  // each has sockets of its own; others wait for their turn
constexpr int kWaitMsMax = 60'000;

struct Question {
  std::string name;
  DnsType type = DnsType::kA;
  DnsCallback callback;
};

struct Running {
  std::unique_ptr<DnsLookup> lookup;
  DnsCallback callback;
};

/// One thread, which begins with the first lookup, waits for the sockets of all that run.
class CaresClient : public DnsClient {
 public:
  explicit CaresClient(DnsClientSettings settings) : settings_(std::move(settings)), wake_(eventfd(0, EFD_CLOEXEC)) {
    BARO_ASSERT(wake_ >= 0);
  }
  ~CaresClient() override {
    {
      const MutexLock lock(mutex_);
      is_stopping_ = true;
    }
    Wake();
    if (thread_.joinable()) thread_.join();
    close(wake_);
  }
  CaresClient(const CaresClient&) = delete;
  CaresClient& operator=(const CaresClient&) = delete;

  void Lookup(std::string name, DnsType type, DnsCallback callback) override {
    {
      const MutexLock lock(mutex_);
      waiting_.push_back({.name = std::move(name), .type = type, .callback = std::move(callback)});
      if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
    }
    Wake();
  }

 private:
  void Wake() const {
    constexpr std::uint64_t kOne = 1;
    [[maybe_unused]] const auto written = write(wake_, &kOne, sizeof kOne);  // fails only if it is awake already
  }

  void Run() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);  // signals are the main thread's
    pthread_setname_np(pthread_self(), "dns");
    while (TakeWaiting()) {
      std::vector<pollfd> waits{{.fd = wake_, .events = POLLIN, .revents = 0}};
      int timeout_ms = kWaitMsMax;
      for (const Running& running : running_) running.lookup->AddWaits(waits, timeout_ms);
      poll(waits.data(), waits.size(), running_.empty() ? -1 : timeout_ms);
      if (waits[0].revents != 0) {
        std::uint64_t count = 0;
        [[maybe_unused]] const auto got = read(wake_, &count, sizeof count);
      }
      for (const Running& running : running_) running.lookup->Process(waits);
    }
    running_.clear();
  }

  /// Tells what is done and begins what waits, as long as there is room. False: it is to stop.
  bool TakeWaiting() {
    for (;;) {
      TellDone();
      Question question;
      {
        const MutexLock lock(mutex_);
        if (is_stopping_) return false;
        if (waiting_.empty() || running_.size() >= kRunningMax) return true;
        question = std::move(waiting_.front());
        waiting_.pop_front();
      }
      running_.push_back({.lookup = std::make_unique<DnsLookup>(settings_, std::move(question.name), question.type),
                          .callback = std::move(question.callback)});
      running_.back().lookup->Start();
    }
  }

  void TellDone() {
    for (auto at = running_.begin(); at != running_.end();) {
      if (!at->lookup->result()) {
        ++at;
        continue;
      }
      settings_.executor->Post(
          [callback = std::move(at->callback), result = *at->lookup->result()] { callback(result); });
      at = running_.erase(at);
    }
  }

  const DnsClientSettings settings_;
  const int wake_;              // eventfd
  std::list<Running> running_;  // the thread's own

  base::Mutex mutex_;  // a leaf
  std::deque<Question> waiting_ BARO_GUARDED_BY(mutex_);
  std::thread thread_;  // made under the mutex, joined by the destructor
  bool is_stopping_ BARO_GUARDED_BY(mutex_) = false;
};

}  // namespace

std::unique_ptr<DnsClient> MakeDnsClient(DnsClientSettings settings) {
  return std::make_unique<CaresClient>(std::move(settings));
}

}  // namespace baro::net
