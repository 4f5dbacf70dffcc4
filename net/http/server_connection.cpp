#include "net/http/server_connection.h"

#include <fmt/format.h>
#include <poll.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace baro::net::http {

using boost::asio::awaitable;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t kFirstReadBytes = 4 * 1024;
constexpr std::size_t kBodyReadBytes = 64 * 1024;
constexpr milliseconds kLingerTime{1'000};
constexpr std::size_t kLingerBytesMax = 256 * 1024;
// A client that has ended its sending side may still read the answer (`printf ... | nc`); one that is gone looks the
// same at first. Quick answers are sent in any case, long work is not done for nobody.
constexpr milliseconds kHalfClosedGrace{500};

awaitable<void> RunConnection(std::shared_ptr<ServerCore> core, std::shared_ptr<ServerLoop> loop,
                              boost::asio::ip::tcp::socket socket, bool is_reserved) {
  ServerConnection connection(std::move(core), std::move(loop), std::move(socket), is_reserved);
  co_await connection.Run();
}

// Gives back what a task on the pool holds, also when the pool drops it without running it.
class HandlerSlot {
 public:
  explicit HandlerSlot(std::shared_ptr<HandlerCount> count) : count_(std::move(count)) { count_->Add(); }
  HandlerSlot(HandlerSlot&& other) noexcept = default;
  HandlerSlot& operator=(HandlerSlot&&) = delete;
  ~HandlerSlot() {
    if (count_) count_->Remove();
  }

 private:
  std::shared_ptr<HandlerCount> count_;
};

}  // namespace

void ServerConnection::Spawn(std::shared_ptr<ServerCore> core, std::shared_ptr<ServerLoop> loop,
                             boost::asio::ip::tcp::socket socket, bool is_reserved) {
  auto& context = loop->context();
  boost::asio::co_spawn(context, RunConnection(std::move(core), std::move(loop), std::move(socket), is_reserved),
                        boost::asio::detached);
}

ServerConnection::ServerConnection(std::shared_ptr<ServerCore> core, std::shared_ptr<ServerLoop> loop,
                                   boost::asio::ip::tcp::socket socket, bool is_reserved)
    : core_(std::move(core)), loop_(std::move(loop)), stream_(std::move(socket)), is_reserved_(is_reserved) {
  boost::system::error_code error;
  const auto endpoint = asio::TcpEndpoint(stream_.socket().remote_endpoint(error));
  peer_address_ = endpoint ? endpoint->address() : boost::asio::ip::address();
  peer_ = error || !endpoint ? "" : asio::ToString(*endpoint);
  stream_.socket().set_option(boost::asio::ip::tcp::no_delay(true), error);
  loop_->Add(*this);
  core_->metrics.CountAccepted();
}

ServerConnection::~ServerConnection() {
  loop_->Remove(*this);
  stream_.Close();
  core_->metrics.CountClosed();
  core_->admission.Leave(peer_address_);  // last: the server's end waits for this, and for nothing behind it
}

void ServerConnection::Enter(State state, milliseconds limit) {
  state_ = state;
  deadline_ = steady_clock::now() + limit;
}

void ServerConnection::OnTick(SteadyTime now) {
  if (state_ == State::kHandler && running_) LookAtPeer(now);
  if (now < deadline_ || is_killed_) return;
  is_timed_out_ = true;
  if (state_ == State::kHandler) {
    if (!running_) return;
    running_->cancel.Cancel();
    running_done_->Set();
  } else if (state_ == State::kHeader || state_ == State::kBody) {
    boost::system::error_code ignored;
    stream_.socket().cancel(ignored);  // what was read is answered with 408
  } else {
    stream_.Close();
  }
}

void ServerConnection::LookAtPeer(SteadyTime now) {
  // Without reading: what a client sends behind its request waits its turn. POLLRDHUP needs no `events` bit to be read
  // together with the ones that are always reported.
  pollfd descriptor{.fd = stream_.socket().native_handle(), .events = POLLRDHUP, .revents = 0};
  if (::poll(&descriptor, 1, 0) <= 0) return;
  if ((descriptor.revents & (POLLERR | POLLHUP)) != 0) running_->cancel.Cancel();
  if (!has_peer_ended_) {
    has_peer_ended_ = true;
    peer_ended_at_ = now;
  } else if (now - peer_ended_at_ >= kHalfClosedGrace) {
    running_->cancel.Cancel();
  }
}

void ServerConnection::CloseIfIdle() {
  if (state_ == State::kIdle || state_ == State::kHandshake || state_ == State::kLingering) Kill();
}

void ServerConnection::Kill() {
  is_killed_ = true;
  if (running_) running_->cancel.Cancel();
  if (running_done_ != nullptr) running_done_->Set();
  stream_.Close();
}

awaitable<void> ServerConnection::Run() {
  bool goes_on = true;
  if (core_->tls) goes_on = co_await StartTls();
  while (goes_on && !loop_->is_draining()) {
    goes_on = co_await ServeOne();
    has_served_ = true;
  }
  if (!is_killed_) co_await Linger();
}

awaitable<bool> ServerConnection::StartTls() {
  Enter(State::kHandshake, core_->options.header_timeout);
  boost::system::error_code error;
  co_await stream_.WaitReadable(error);
  char first = 0;
  const auto size = error ? -1 : ::recv(stream_.socket().native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
  if (size <= 0) co_return false;
  constexpr char kTlsHandshake = 0x16;  // RFC 8446 section 5.1: the record type of a ClientHello
  if (first != kTlsHandshake) {
    const Fault fault{.status = 400, .message = "this is an HTTPS server, and the request was sent over plain HTTP"};
    co_await WriteFault(fault, "/");
    co_return false;
  }
  stream_.StartTls(core_->tls->Get());
  co_await stream_.Handshake(boost::asio::ssl::stream_base::server, error);
  if (error) core_->parts.log.Debug("TLS handshake failed", {{"peer", peer_}, {"err", asio::Describe(error)}});
  if (error) Kill();
  co_return !error;
}

awaitable<bool> ServerConnection::ReadMore(std::size_t bytes) {
  const std::size_t before = in_.size();
  in_.resize(before + bytes);
  boost::system::error_code error;
  const std::size_t size = co_await stream_.ReadSome(boost::asio::buffer(in_.data() + before, bytes), error);
  in_.resize(before + size);
  co_return !error;
}

// False: the connection is over, and what there was to say has been said.
awaitable<bool> ServerConnection::ReadHeader(std::size_t& header_size) {
  if (in_.empty()) {
    // The first request must come as quickly as any header; only then is the client known to mean it.
    Enter(State::kIdle, has_served_ ? core_->options.idle_timeout : core_->options.header_timeout);
    std::string().swap(in_);  // an idle connection holds no memory
    boost::system::error_code error;
    co_await stream_.WaitReadable(error);
    if (error || IsOver()) co_return false;
    if (stream_.is_tls()) {
      const bool has_read = co_await ReadMore(kFirstReadBytes);
      if (!has_read) co_return false;
    }
  }
  Enter(State::kHeader, core_->options.header_timeout);
  std::size_t searched = 0;
  while (true) {
    if (searched == 0 && in_.starts_with("\r\n")) in_.erase(0, 2);  // RFC 9112 section 2.2: some send one too many
    header_size = FindHeaderEnd(in_, searched);
    if (std::min(header_size, in_.size()) > core_->options.header_bytes_max) {
      const Fault fault{
          .status = 431,
          .message = fmt::format("the header exceeds the limit of {} bytes", core_->options.header_bytes_max)};
      co_await WriteFault(fault, "/");
      co_return false;
    }
    if (header_size != std::string::npos) co_return true;
    searched = in_.size();
    const bool has_read = co_await ReadMore(kFirstReadBytes);
    if (is_killed_) co_return false;
    if (is_timed_out_ && !in_.empty()) {
      is_timed_out_ = false;
      const Fault fault{
          .status = 408,
          .message = fmt::format("the header did not arrive within {} ms", core_->options.header_timeout.count())};
      co_await WriteFault(fault, "/");
      co_return false;
    }
    if (!has_read) co_return false;
  }
}

awaitable<bool> ServerConnection::ServeOne() {
  std::size_t header_size = 0;
  const bool has_header = co_await ReadHeader(header_size);
  if (!has_header) co_return false;
  const auto started = steady_clock::now();
  RequestParser parser;
  auto fault = parser.ParseHeader(std::string_view(in_).substr(0, header_size));
  if (fault) {
    co_await WriteFault(*fault, "/");
    co_return false;
  }
  in_.erase(0, header_size);

  HttpRequest& head = parser.request();
  auto match = core_->parts.router->Match(head.method, std::string_view(head.target).substr(0, head.target.find('?')));
  if (match.route == nullptr) co_return co_await RefuseRoute(parser, match);
  const Route& route = *match.route;
  head.path = std::move(match.path);
  head.path_params = std::move(match.path_params);
  head.peer = peer_;
  head.is_tls = stream_.is_tls();
  if (is_reserved_ && !route.is_reserved) {
    core_->metrics.CountRefused("connections");
    fault = Fault{.status = 503, .message = "too many connections"};
    co_await WriteFault(*fault, head.path);
    co_return false;
  }

  Enter(State::kBody, std::min(core_->options.request_timeout, route.time_max));
  const bool has_body = co_await ReadBody(parser, route);
  if (!has_body) co_return false;

  auto job = std::make_shared<HandlerJob>();
  job->router = core_->parts.router;
  job->route = &route;
  job->request = std::move(head);
  job->accept_encoding = job->request.headers.Get("Accept-Encoding");
  job->compress_bytes_min = core_->options.compress_bytes_min;
  job->wants_body = job->request.method != Method::kHead;
  state_ = State::kHandler;
  const bool has_answer = co_await Handle(job);
  if (!has_answer) co_return false;

  const bool keeps_alive = parser.keeps_alive() && !loop_->is_draining() && !is_reserved_;
  bool goes_on = false;
  if (job->response.producer && !job->is_whole) {
    goes_on = co_await WriteStream(job, parser.is_http10());
    goes_on = goes_on && keeps_alive && !parser.is_http10();
  } else {
    goes_on = co_await WriteAnswer(*job, keeps_alive, parser.is_http10());
    goes_on = goes_on && keeps_alive;
  }
  core_->metrics.CountRequest(route, job->response.status, steady_clock::now() - started, written_bytes_);
  co_return goes_on;
}

awaitable<bool> ServerConnection::RefuseRoute(RequestParser& parser, const RouteMatch& match) {
  // Without a body the connection can go on: a typo in a path is no reason to connect again.
  const bool keeps_alive = parser.is_done() && parser.keeps_alive() && !is_reserved_ && !loop_->is_draining();
  HttpResponse refusal = core_->parts.router->Refuse(match);
  co_return co_await WriteRefusal(refusal, keeps_alive, parser.request());
}

awaitable<bool> ServerConnection::ReadBody(RequestParser& parser, const Route& route) {
  auto fault = parser.LimitBody(route.body_bytes_max);
  const std::string& path = parser.request().path;
  if (!fault && !parser.is_done() && parser.expects_continue() && in_.empty()) {
    const bool is_written = co_await Write("HTTP/1.1 100 Continue\r\n\r\n", "");
    if (!is_written) co_return false;
    state_ = State::kBody;
  }
  while (!fault && !parser.is_done()) {
    if (!in_.empty()) {
      const auto used = parser.PutBody(in_);
      if (!used) {
        fault = used.error();
        break;
      }
      in_.erase(0, *used);
      if (parser.is_done()) break;
    }
    const bool has_read = co_await ReadMore(kBodyReadBytes);
    if (is_killed_) co_return false;
    if (is_timed_out_) {
      is_timed_out_ = false;
      fault = Fault{.status = 408, .message = "the body did not arrive in time"};
    } else if (!has_read) {
      co_return false;
    }
  }
  if (!fault) {
    if (const auto decoded = DecodeParams(parser.request()); !decoded) {
      fault = Fault{.status = decoded.error().code() == base::Code::kLimitExceeded ? 413 : 400,
                    .message = decoded.error().message()};
    }
  }
  if (fault) co_await WriteFault(*fault, path);
  co_return !fault;
}

// False: the connection is over, and the job must not be looked at any more.
awaitable<bool> ServerConnection::Handle(const std::shared_ptr<HandlerJob>& job) {
  const Route& route = *job->route;
  const std::string path = job->request.path;
  PoolOutcome outcome = PoolOutcome::kDone;
  if (route.run == Run::kInline) {
    job->response = core_->parts.router->Dispatch(route, job->request, job->cancel);
    if (IsLongWork(*job)) {
      outcome = co_await RunOnPool(job, BeginBody);
    } else {
      BeginBody(*job);
    }
  } else {
    outcome = co_await RunOnPool(job, RunHandler);
  }
  if (outcome == PoolOutcome::kDone) co_return true;
  if (is_killed_) co_return false;
  if (outcome == PoolOutcome::kLeft) {
    is_timed_out_ = false;
    core_->metrics.CountRefused("timeout");
    core_->metrics.CountRequest(route, 503, route.time_max, 0);
    const Fault fault{.status = 503, .message = "the request took too long"};
    co_await WriteFault(fault, path);
    co_return false;
  }
  core_->metrics.CountRefused("queue");
  job->response = core_->parts.router->RenderError(path, 503, "overloaded: too many requests wait already");
  job->response.headers.Set("Retry-After", "1");
  BeginBody(*job);
  co_return true;
}

awaitable<ServerConnection::PoolOutcome> ServerConnection::RunOnPool(const std::shared_ptr<HandlerJob>& job,
                                                                     void (*work)(HandlerJob&)) {
  auto done = std::make_shared<asio::RemoteEvent>(loop_->context());
  const asio::Attachment attachment(done);
  base::Task task = [job, done, work, slot = HandlerSlot(core_->handlers)]() {
    work(*job);
    done->Set();
  };
  const auto& parts = core_->parts;
  const bool may_block = job->route->run == Run::kBlocking && parts.blocking_pool != nullptr;
  const auto posted = (may_block ? parts.blocking_pool : parts.pool)->Post(base::Priority::kQueries, std::move(task));
  if (!posted) co_return PoolOutcome::kRefused;
  running_ = job;
  running_done_ = &done->local();
  has_peer_ended_ = false;
  co_await done->local().Wait();
  running_done_ = nullptr;
  running_.reset();
  co_return IsOver() ? PoolOutcome::kLeft : PoolOutcome::kDone;
}

awaitable<bool> ServerConnection::Write(std::string_view head, std::string_view body) {
  boost::system::error_code error;
  co_await stream_.Write(boost::asio::buffer(head), boost::asio::buffer(body), error);
  co_return !error;
}

awaitable<bool> ServerConnection::WriteAnswer(HandlerJob& job, bool keeps_alive, bool is_http10) {
  state_ = State::kWriting;
  deadline_ = std::max(deadline_, steady_clock::now() + core_->options.header_timeout);
  const bool is_known = !job.response.producer || job.wants_body;
  const std::string head = RenderHead(
      job.response, {.keeps_alive = keeps_alive,
                     .is_http10 = is_http10,
                     .content_length = is_known ? std::optional<std::uint64_t>(job.out.size()) : std::nullopt,
                     .coding = job.coding,
                     .date = loop_->date(),
                     .defaults = &core_->options.headers});
  const bool sends_body = job.wants_body && HasBody(job.response.status);
  written_bytes_ = sends_body ? job.out.size() : 0;
  co_return co_await Write(head, sends_body ? std::string_view(job.out) : std::string_view());
}

awaitable<bool> ServerConnection::WriteStream(const std::shared_ptr<HandlerJob>& job, bool is_http10) {
  std::string head = RenderHead(job->response, {.keeps_alive = !is_http10,
                                                .is_chunked = !is_http10,
                                                .coding = job->coding,
                                                .date = loop_->date(),
                                                .defaults = &core_->options.headers});
  written_bytes_ = 0;
  while (true) {
    if (!job->failure) {
      core_->parts.log.Warn("an answer was cut short",
                            {{"path", job->request.path}, {"err", job->failure.error().message()}});
      Kill();
      co_return false;
    }
    state_ = State::kWriting;
    written_bytes_ += job->out.size();
    const bool has_chunk = !job->out.empty() && !is_http10;
    if (has_chunk) head += fmt::format("{:x}\r\n", job->out.size());
    if (has_chunk) job->out += "\r\n";
    if (job->is_whole && !is_http10) job->out += "0\r\n\r\n";
    const bool is_written = co_await Write(head, job->out);
    if (!is_written || job->is_whole) co_return is_written;
    head.clear();
    state_ = State::kHandler;
    const PoolOutcome outcome = co_await RunOnPool(job, ContinueBody);
    if (outcome != PoolOutcome::kDone) {
      Kill();  // timed out, or the pool is full: half an answer is not to be taken for a whole one
      co_return false;
    }
  }
}

awaitable<bool> ServerConnection::WriteRefusal(HttpResponse& response, bool keeps_alive, const HttpRequest& request) {
  HandlerJob job;
  job.response = std::move(response);
  job.wants_body = request.method != Method::kHead;
  job.compress_bytes_min = core_->options.compress_bytes_min;
  BeginBody(job);
  Enter(State::kWriting, core_->options.header_timeout);
  const bool is_written = co_await WriteAnswer(job, keeps_alive, /*is_http10=*/false);
  co_return is_written&& keeps_alive;
}

awaitable<void> ServerConnection::WriteFault(const Fault& fault, std::string_view path) {
  HttpResponse response = core_->parts.router->RenderError(path, fault.status, fault.message);
  if (fault.status == 503) response.headers.Set("Retry-After", "1");
  const HttpRequest any;
  co_await WriteRefusal(response, /*keeps_alive=*/false, any);
}

// Closing with unread bytes in the socket makes the kernel send a reset, which can overtake the answer. So the sending
// side is ended first, and what still comes is read away for a while.
awaitable<void> ServerConnection::Linger() {
  Enter(State::kLingering, kLingerTime);
  is_timed_out_ = false;
  co_await stream_.Shutdown();
  char sink[4096];
  std::size_t total = 0;
  boost::system::error_code error;
  while (!error && total < kLingerBytesMax && !IsOver()) {
    // Below TLS: the bytes mean nothing any more.
    co_await stream_.WaitReadable(error);
    if (error || IsOver()) break;
    const auto size = ::recv(stream_.socket().native_handle(), sink, sizeof sink, MSG_DONTWAIT);
    if (size <= 0) break;
    total += static_cast<std::size_t>(size);
  }
}

}  // namespace baro::net::http
