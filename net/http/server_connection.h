// One connection of the server, from its acceptance to its end.
#pragma once

#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "net/asio/event.h"
#include "net/asio/socket_stream.h"
#include "net/http/handler_job.h"
#include "net/http/request_parser.h"
#include "net/http/response_head.h"
#include "net/http/server_core.h"

namespace baro::net::http {

/// Threads  Confined to its loop.
class ServerConnection {
 public:
  /// Serves `socket` in a coroutine of its own until it ends. `is_reserved`: only for routes that say so.
  static void Spawn(std::shared_ptr<ServerCore> core, std::shared_ptr<ServerLoop> loop,
                    boost::asio::ip::tcp::socket socket, bool is_reserved);

  ServerConnection(std::shared_ptr<ServerCore> core, std::shared_ptr<ServerLoop> loop,
                   boost::asio::ip::tcp::socket socket, bool is_reserved);
  ~ServerConnection();
  ServerConnection(const ServerConnection&) = delete;
  ServerConnection& operator=(const ServerConnection&) = delete;

  boost::asio::awaitable<void> Run();

  // Called by the loop:
  void OnTick(SteadyTime now);
  void CloseIfIdle();
  void Kill();

 private:
  // g++ 12 destroys temporaries that are arguments of an awaited call twice if they are braced aggregates or passed by
  // value: arguments of the coroutines below are references to named objects.
  enum class State : std::uint8_t { kHandshake, kIdle, kHeader, kBody, kHandler, kWriting, kLingering };

  boost::asio::awaitable<bool> StartTls();
  boost::asio::awaitable<bool> ServeOne();
  boost::asio::awaitable<bool> ReadHeader(std::size_t& header_size);
  boost::asio::awaitable<bool> ReadMore(std::size_t bytes);
  boost::asio::awaitable<bool> ReadBody(RequestParser& parser, const Route& route);
  boost::asio::awaitable<bool> RefuseRoute(RequestParser& parser, const RouteMatch& match);
  enum class PoolOutcome : std::uint8_t {
    kDone,
    kRefused,  // by a full queue; the job is as it was
    kLeft,     // the connection is over or the time is up; the job belongs to the task from here on
  };

  boost::asio::awaitable<bool> Handle(const std::shared_ptr<HandlerJob>& job);
  boost::asio::awaitable<PoolOutcome> RunOnPool(const std::shared_ptr<HandlerJob>& job, void (*work)(HandlerJob&));
  boost::asio::awaitable<bool> WriteAnswer(HandlerJob& job, bool keeps_alive, bool is_http10);
  boost::asio::awaitable<bool> WriteStream(const std::shared_ptr<HandlerJob>& job, bool is_http10);
  boost::asio::awaitable<void> WriteFault(const Fault& fault, std::string_view path);
  boost::asio::awaitable<bool> WriteRefusal(HttpResponse& response, bool keeps_alive, const HttpRequest& request);
  boost::asio::awaitable<bool> Write(std::string_view head, std::string_view body);
  boost::asio::awaitable<void> Linger();

  void Enter(State state, std::chrono::milliseconds limit);
  void LookAtPeer(SteadyTime now);
  bool IsOver() const { return is_killed_ || is_timed_out_; }

  std::shared_ptr<ServerCore> core_;
  std::shared_ptr<ServerLoop> loop_;
  asio::SocketStream stream_;
  boost::asio::ip::address peer_address_;
  std::string peer_;
  bool is_reserved_;

  State state_ = State::kHandshake;
  SteadyTime deadline_;
  bool is_killed_ = false;
  bool is_timed_out_ = false;
  bool has_served_ = false;

  std::string in_;  // bytes that were read and not used yet
  // While a handler runs:
  std::shared_ptr<HandlerJob> running_;
  asio::Event* running_done_ = nullptr;
  SteadyTime peer_ended_at_;
  bool has_peer_ended_ = false;
  std::size_t written_bytes_ = 0;  // of the current answer's body
};

}  // namespace baro::net::http
