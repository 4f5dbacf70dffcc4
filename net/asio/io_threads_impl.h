// The loops behind net/io_threads.h.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "net/asio/resolver.h"
#include "net/io_threads.h"

namespace baro::net {

/// One loop per thread, so that whatever lives on a loop needs neither locks nor strands.
struct IoThreads::Impl {
  struct Context : boost::asio::io_context {
    using execution_context::shutdown;
    using io_context::io_context;
  };
  struct Loop {
    Context context{1};  // one thread runs it, others may post to it
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
    std::thread thread;
  };

  std::size_t size() const { return loops.size(); }
  boost::asio::io_context& context(std::size_t index) { return loops[index % loops.size()]->context; }
  /// The loops in turn. relaxed: only the spread matters.
  boost::asio::io_context& next() { return context(turn.fetch_add(1, std::memory_order_relaxed)); }

  std::vector<std::unique_ptr<Loop>> loops;
  std::atomic<std::size_t> turn{0};
  asio::Resolver resolver;
};

}  // namespace baro::net
