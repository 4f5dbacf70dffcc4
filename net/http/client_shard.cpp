#include "net/http/client_shard.h"

#include <fmt/format.h>

#include "net/http/body_receiver.h"
#include "net/http/client_call.h"

namespace baro::net::http {

std::string DurationText(std::chrono::milliseconds duration) {
  if (duration.count() % 1000 == 0) return fmt::format("{}s", duration.count() / 1000);
  return fmt::format("{}ms", duration.count());
}

std::string SizeText(std::size_t bytes) {
  if (bytes < 1024) return fmt::format("{} bytes", bytes);
  if (bytes < 1024 * 1024) return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / 1024);
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1024 * 1024));
}

void ClientCall::Abort(End reason) {
  if (end == End::kNone) end = reason;
  if (stream != nullptr) stream->Close();
  if (lookup != nullptr) lookup->Cancel();
  if (event != nullptr) event->Set();
}

ClientShard::ClientShard(boost::asio::io_context& context, asio::Resolver& resolver,
                         std::shared_ptr<const ClientShared> shared, Credentials credentials)
    : context_(context),
      resolver_(resolver),
      shared_(std::move(shared)),
      credentials_(std::move(credentials)),
      sweep_timer_(context) {}

void ClientShard::Start(HttpFetcher::CallId id, std::shared_ptr<ClientCall> call) {
  calls_.emplace(id, call);
  SpawnCall(shared_from_this(), id, std::move(call));
}

void ClientShard::Cancel(HttpFetcher::CallId id) {
  if (const auto call = calls_.find(id); call != calls_.end()) call->second->Abort(ClientCall::End::kCancelled);
}

void ClientShard::Finish(HttpFetcher::CallId id, base::Result<FetchResponse> answer, Completion completion) {
  const auto call = calls_.find(id);
  base::Task task = [callback = std::move(call->second->callback), answer = std::move(answer),
                     completion = std::move(completion)]() mutable {
    if (answer && completion) answer = completion(*std::move(answer));
    callback(std::move(answer));
  };
  // The coroutine lives on for a moment: what callbacks own shall not end with it, on this thread.
  if (auto receiver = std::move(call->second->receiver)) {
    task = [receiver = std::move(receiver), last = std::move(task)]() mutable { receiver->RunLast(std::move(last)); };
  }
  calls_.erase(call);
  shared_->settings.executor->Post(std::move(task));
  if (on_empty_ && calls_.empty()) std::exchange(on_empty_, nullptr)();
}

void ClientShard::Close(std::function<void()> on_empty) {
  sweep_timer_.cancel();
  idle_.clear();
  idle_count_ = 0;
  if (calls_.empty()) {
    on_empty();
    return;
  }
  on_empty_ = std::move(on_empty);
  for (const auto& [id, call] : calls_) call->Abort(ClientCall::End::kCancelled);
}

std::unique_ptr<ClientConnection> ClientShard::TakeIdle(const std::string& key) {
  const auto found = idle_.find(key);
  if (found == idle_.end()) return nullptr;
  auto& connections = found->second;
  // The latest first: it is the least likely to be closed by the other side in this moment.
  while (!connections.empty()) {
    auto connection = std::move(connections.back());
    connections.pop_back();
    --idle_count_;
    // Certificates that were renewed are for all requests that follow.
    if (connection->stream.is_tls() && connection->stream.tls_context() != shared_->tls->Get()) continue;
    // An idle connection has nothing to say; what there is to read is the other side's goodbye.
    if (connection->stream.PeekSocket() == asio::SocketStream::Peek::kNothing) {
      connection->is_reused = true;
      return connection;
    }
  }
  return nullptr;
}

void ClientShard::KeepIdle(const std::string& key, std::unique_ptr<ClientConnection> connection) {
  if (on_empty_ || idle_count_ >= shared_->settings.idle_connections_max) return;
  auto& connections = idle_[key];
  if (connections.size() >= shared_->settings.idle_connections_per_host_max) return;
  connection->idle_since = std::chrono::steady_clock::now();
  connections.push_back(std::move(connection));
  ++idle_count_;
  if (!is_sweeping_) ScheduleSweep();
}

void ClientShard::ScheduleSweep() {
  is_sweeping_ = true;
  sweep_timer_.expires_after(
      std::max<std::chrono::nanoseconds>(shared_->settings.idle_timeout / 4, std::chrono::milliseconds(100)));
  sweep_timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    if (const auto self = weak.lock(); self && !error) self->Sweep();
  });
}

void ClientShard::Sweep() {
  const auto oldest = std::chrono::steady_clock::now() - shared_->settings.idle_timeout;
  for (auto& [key, connections] : idle_) {
    idle_count_ -= std::erase_if(connections, [&](const auto& connection) { return connection->idle_since < oldest; });
  }
  std::erase_if(idle_, [](const auto& item) { return item.second.empty(); });
  is_sweeping_ = false;
  if (idle_count_ > 0) ScheduleSweep();
}

std::unique_ptr<char[]> ClientShard::TakeBuffer() {
  if (buffers_.empty()) return std::make_unique_for_overwrite<char[]>(kReadBytes);
  auto buffer = std::move(buffers_.back());
  buffers_.pop_back();
  return buffer;
}

void ClientShard::ReturnBuffer(std::unique_ptr<char[]> buffer) {
  constexpr std::size_t kKeptMax = 16;
  if (buffers_.size() < kKeptMax) buffers_.push_back(std::move(buffer));
}

}  // namespace baro::net::http
