// From a URL to a connection that is ready for a request: name, TCP, proxy tunnel, TLS.
#pragma once

#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "net/http/client_shard.h"

namespace baro::net::http {

/// Arms the call's timer: `reason` at `deadline`, unless it is armed anew or cancelled before.
void ArmTimer(const std::shared_ptr<ClientCall>& call, SteadyTime deadline, ClientCall::End reason);

/// What a call says when it was ended from outside, while it was `doing` something.
base::Error EndError(const ClientCall& call, std::string_view doing);

/// Opens one connection. The pieces borrow each other for the time of Open().
/// Threads  Confined to the shard's loop.
class Connector {
 public:
  Connector(ClientShard& shard, std::shared_ptr<ClientCall> call, const Url& url, const Url* proxy,
            FetchTimings& timings)
      : shard_(shard), call_(std::move(call)), url_(url), proxy_(proxy), timings_(timings) {}

  /// Errors   kIo, kTimeout, kCancelled, kCorruption (a proxy that speaks something else), kPermissionDenied (proxy).
  boost::asio::awaitable<base::Result<std::unique_ptr<ClientConnection>>> Open();

 private:
  boost::asio::awaitable<base::Result<asio::Endpoints>> LookUp(const std::string& host, std::uint16_t port);
  boost::asio::awaitable<base::Result<>> ConnectToAny(const asio::Endpoints& endpoints);
  boost::asio::awaitable<base::Result<>> ConnectToUnixSocket(const std::string& path);
  boost::asio::awaitable<base::Result<>> ConnectToHost();
  boost::asio::awaitable<base::Result<>> OpenTunnel();
  boost::asio::awaitable<base::Result<>> OpenSocksTunnel();
  base::Result<std::string> TunnelRequest(const std::string& origin) const;
  /// With the server that `url` names, as `name`.
  boost::asio::awaitable<base::Result<>> StartTls(const Url& url, const std::string& name);
  base::Result<> PrepareTls(const std::string& name);
  SteadyTime Deadline() const { return std::min(connect_deadline_, call_->started + call_->options.timeout); }
  ClientCall::End Reason() const;

  ClientShard& shard_;
  std::shared_ptr<ClientCall> call_;
  const Url& url_;
  const Url* proxy_;
  FetchTimings& timings_;
  SteadyTime connect_deadline_;
  std::unique_ptr<ClientConnection> connection_;
};

}  // namespace baro::net::http
