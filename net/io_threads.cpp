#include "net/io_threads.h"

#include <csignal>

#include <fmt/format.h>
#include <pthread.h>

#include "base/result.h"
#include "net/asio/io_threads_impl.h"

namespace baro::net {
namespace {

void RunLoop(boost::asio::io_context& context, std::size_t index) {
  pthread_setname_np(pthread_self(), fmt::format("io-{}", index).c_str());
  context.run();
}

}  // namespace

IoThreads::IoThreads(int thread_count) : impl_(std::make_unique<Impl>()) {
  BARO_ASSERT(thread_count >= 1 && thread_count <= 64);
  // Signals are the main thread's: a new thread inherits the mask of the one that starts it.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (int i = 0; i < thread_count; ++i) {
    auto loop = std::make_unique<Impl::Loop>();
    loop->thread = std::thread(RunLoop, std::ref(loop->context), static_cast<std::size_t>(i));
    impl_->loops.push_back(std::move(loop));
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

IoThreads::~IoThreads() {
  for (const auto& loop : impl_->loops) {
    loop->work.reset();
    loop->context.stop();
  }
  for (const auto& loop : impl_->loops) loop->thread.join();
  // What waits on one loop may own timers and sockets of others: all of it goes before the first loop does.
  for (const auto& loop : impl_->loops) loop->context.shutdown();
}

}  // namespace baro::net
