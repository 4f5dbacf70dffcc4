#include "net/http/client_connect.h"

#include <fmt/format.h>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/http/response_parser.h"
#include "net/http/socks5.h"

namespace baro::net::http {

using base::Code;
using base::Fail;
using base::Result;
using boost::asio::awaitable;
using boost::asio::redirect_error;
using boost::asio::use_awaitable;
using std::chrono::steady_clock;

void ArmTimer(const std::shared_ptr<ClientCall>& call, SteadyTime deadline, ClientCall::End reason) {
  call->timer.expires_at(deadline);
  call->timer.async_wait([weak = std::weak_ptr(call), reason](const boost::system::error_code& error) {
    const auto armed = weak.lock();
    // An expiry that was queued already when the timer was armed anew is not told apart by `error`.
    if (armed && !error && armed->timer.expiry() <= steady_clock::now()) armed->Abort(reason);
  });
}

base::Error EndError(const ClientCall& call, std::string_view doing) {
  if (call.end == ClientCall::End::kCancelled) return {Code::kCancelled, fmt::format("cancelled while {}", doing)};
  if (call.end == ClientCall::End::kIdleTimeout) {
    return {Code::kTimeout,
            fmt::format("nothing came for {} while {}", DurationText(call.options.idle_timeout), doing)};
  }
  const bool is_connect = call.end == ClientCall::End::kConnectTimeout;
  const auto limit = is_connect ? call.options.connect_timeout : call.options.timeout;
  return {Code::kTimeout, fmt::format("{} of {} exceeded while {}", is_connect ? "connect timeout" : "timeout",
                                      DurationText(limit), doing)};
}

ClientCall::End Connector::Reason() const {
  const bool is_whole_call = call_->started + call_->options.timeout <= connect_deadline_;
  return is_whole_call ? ClientCall::End::kTimeout : ClientCall::End::kConnectTimeout;
}

awaitable<Result<std::unique_ptr<ClientConnection>>> Connector::Open() {
  if (call_->end != ClientCall::End::kNone) co_return EndError(*call_, "starting");
  connect_deadline_ = steady_clock::now() + call_->options.connect_timeout;
  const std::string& unix_socket = call_->request.unix_socket;
  Result<> step;
  if (unix_socket.empty()) {
    step = co_await ConnectToHost();
  } else {
    step = co_await ConnectToUnixSocket(unix_socket);
  }
  if (step && url_.scheme == "https") {
    const std::string& configured = shard_.shared().options.tls.server_name;
    const std::string name = configured.empty() ? url_.host : configured;
    step = co_await StartTls(url_, name);
  }
  call_->stream = nullptr;
  if (!step) co_return std::unexpected(std::move(step).error());
  co_return std::move(connection_);
}

awaitable<Result<>> Connector::ConnectToHost() {
  const std::string& host = proxy_ != nullptr ? proxy_->host : url_.host;
  const std::uint16_t port = proxy_ != nullptr ? proxy_->port : url_.port;
  const auto endpoints = co_await LookUp(host, port);
  if (!endpoints) co_return std::unexpected(endpoints.error());
  Result<> step = co_await ConnectToAny(*endpoints);
  if (step && proxy_ != nullptr && IsSocks(*proxy_)) co_return co_await OpenSocksTunnel();
  if (step && proxy_ != nullptr && proxy_->scheme == "https") step = co_await StartTls(*proxy_, proxy_->host);
  if (step && proxy_ != nullptr && url_.scheme == "https") step = co_await OpenTunnel();
  co_return step;
}

awaitable<Result<>> Connector::ConnectToUnixSocket(const std::string& path) {
  constexpr std::size_t kPathBytesMax = sizeof(sockaddr_un::sun_path) - 1;
  if (path.size() > kPathBytesMax || path.find('\0') != std::string::npos) {
    co_return Fail(Code::kInvalidArgument, fmt::format("a unix socket's path has at most {} bytes, none of them zero: "
                                                       "{:?}",
                                                       kPathBytesMax, path.substr(0, 200)));
  }
  const auto start = steady_clock::now();
  ArmTimer(call_, Deadline(), Reason());
  connection_ = std::make_unique<ClientConnection>(asio::Socket(shard_.context()));
  call_->stream = &connection_->stream;
  boost::system::error_code error;
  const asio::Socket::endpoint_type endpoint{boost::asio::local::stream_protocol::endpoint(path)};
  co_await connection_->stream.socket().async_connect(endpoint, redirect_error(use_awaitable, error));
  timings_.connect = steady_clock::now() - start;
  if (call_->end != ClientCall::End::kNone) co_return EndError(*call_, fmt::format("connecting to {}", path));
  if (error) co_return Fail(Code::kIo, fmt::format("connect to {}: {}", path, asio::Describe(error)));
  co_return Result<>();
}

awaitable<Result<asio::Endpoints>> Connector::LookUp(const std::string& host, std::uint16_t port) {
  if (const auto literal = asio::Resolver::Literal(host, port)) co_return asio::Endpoints{*literal};
  const auto start = steady_clock::now();
  ArmTimer(call_, Deadline(), Reason());
  const auto lookup = shard_.resolver().Start(shard_.context(), host, port);
  call_->lookup = lookup.get();
  auto endpoints = co_await lookup->Wait();
  call_->lookup = nullptr;
  timings_.resolve = steady_clock::now() - start;
  if (call_->end != ClientCall::End::kNone) co_return EndError(*call_, fmt::format("looking up {}", host));
  co_return endpoints;
}

awaitable<Result<>> Connector::ConnectToAny(const asio::Endpoints& endpoints) {
  const auto start = steady_clock::now();
  base::Error last(Code::kIo, "no address to connect to");
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    // Each address gets its share of the time that is left, so that one black hole does not use up all of it.
    const auto now = steady_clock::now();
    const auto left = static_cast<std::int64_t>(endpoints.size() - i);
    ArmTimer(call_, now + (Deadline() - now) / left, Reason());
    connection_ = std::make_unique<ClientConnection>(asio::Socket(shard_.context()));
    call_->stream = &connection_->stream;
    boost::system::error_code error;
    auto& socket = connection_->stream.socket();
    const asio::Socket::endpoint_type endpoint{endpoints[i]};
    co_await socket.async_connect(endpoint, redirect_error(use_awaitable, error));
    const std::string doing = fmt::format("connecting to {}", asio::ToString(endpoints[i]));
    if (call_->end != ClientCall::End::kNone) {
      last = EndError(*call_, doing);
      if (call_->end == ClientCall::End::kCancelled || steady_clock::now() >= Deadline()) break;
      call_->end = ClientCall::End::kNone;  // only this address's share is used up
    } else if (error) {
      last =
          base::Error(Code::kIo, fmt::format("connect to {}: {}", asio::ToString(endpoints[i]), asio::Describe(error)));
    } else {
      boost::system::error_code ignored;
      socket.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
      timings_.connect = steady_clock::now() - start;
      co_return Result<>();
    }
  }
  call_->stream = nullptr;
  connection_.reset();
  co_return last;
}

Result<std::string> Connector::TunnelRequest(const std::string& origin) const {
  std::string request = fmt::format("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\nUser-Agent: {1}\r\n", origin,
                                    shard_.shared().settings.user_agent);
  const auto& headers = shard_.shared().options.proxy.connect_headers;
  bool has_authorization = false;
  for (const auto& [name, values] : headers) {
    has_authorization = has_authorization || EqualsIgnoringCase(name, "Proxy-Authorization");
    for (const base::Secret& value : values) request += fmt::format("{}: {}\r\n", name, value.Reveal());
  }
  if (!proxy_->userinfo.empty() && !has_authorization) {
    const auto user = UrlDecode(proxy_->userinfo);
    if (!user) return Fail(Code::kInvalidArgument, "user or password of the proxy's URL has a broken escape");
    request += fmt::format("Proxy-Authorization: Basic {}\r\n", Base64Encode(*user));
  }
  request += "\r\n";
  return request;
}

awaitable<Result<>> Connector::OpenTunnel() {
  const Url& proxy = *proxy_;
  ArmTimer(call_, Deadline(), Reason());
  const std::string origin = fmt::format(
      "{}:{}", url_.host.find(':') == std::string::npos ? url_.host : fmt::format("[{}]", url_.host), url_.port);
  const auto request = TunnelRequest(origin);
  if (!request) co_return std::unexpected(request.error());
  const std::string doing = fmt::format("asking the proxy {} for {}", proxy.HostHeader(), origin);

  boost::system::error_code error;
  co_await connection_->stream.Write(boost::asio::buffer(*request), {}, error);
  std::string no_body;
  ResponseParser parser({.header_bytes_max = 16 * 1024}, /*is_head=*/true, no_body, no_body);
  std::string received;
  while (!error && !parser.is_done()) {
    char piece[2048];
    const std::size_t size = co_await connection_->stream.ReadSome(boost::asio::buffer(piece), error);
    received.append(piece, size);
    const auto used = parser.Put(received);
    if (!used) co_return used.error().WithContext(doing);
    received.erase(0, *used);
  }
  if (call_->end != ClientCall::End::kNone) co_return EndError(*call_, doing);
  if (error) co_return Fail(Code::kIo, fmt::format("{}: {}", doing, asio::Describe(error)));
  if (parser.status() / 100 != 2 || !received.empty()) {
    co_return Fail(parser.status() == 407 ? Code::kPermissionDenied : Code::kIo,
                   fmt::format("{}: status {} {}", doing, parser.status(), StatusPhrase(parser.status())));
  }
  co_return Result<>();
}

awaitable<Result<>> Connector::OpenSocksTunnel() {
  ArmTimer(call_, Deadline(), Reason());
  const std::string doing =
      fmt::format("asking the SOCKS proxy {} for {}:{}", proxy_->HostHeader(), url_.host, url_.port);
  auto handshake = Socks5Handshake::Start(proxy_->userinfo, {.host = url_.host, .port = url_.port});
  if (!handshake) co_return handshake.error().WithContext(doing);
  std::string bytes;
  while (handshake->wanted() != 0) {
    boost::system::error_code error;
    const std::string output = handshake->TakeOutput();
    if (!output.empty()) co_await connection_->stream.Write(boost::asio::buffer(output), {}, error);
    bytes.resize(handshake->wanted());
    // No more than that: what comes behind the last byte is the target's.
    for (std::size_t got = 0; !error && got < bytes.size();) {
      got += co_await connection_->stream.ReadSome(boost::asio::buffer(bytes.data() + got, bytes.size() - got), error);
    }
    if (call_->end != ClientCall::End::kNone) co_return EndError(*call_, doing);
    if (error) co_return Fail(Code::kIo, fmt::format("{}: {}", doing, asio::Describe(error)));
    if (const auto put = handshake->Put(bytes); !put) co_return put.error().WithContext(doing);
  }
  co_return Result<>();
}

Result<> Connector::PrepareTls(const std::string& name) {
  const auto& options = shard_.shared().options.tls;
  connection_->stream.StartTls(shard_.shared().tls->Get());
  SSL* ssl = connection_->stream.ssl();
  boost::system::error_code is_no_address;
  boost::asio::ip::make_address(name, is_no_address);
  // RFC 6066 section 3: names only, no addresses.
  if (is_no_address && SSL_set_tlsext_host_name(ssl, name.c_str()) != 1) {
    return Fail(Code::kInvalidArgument, fmt::format("{:?} cannot be a TLS server name", name));
  }
  if (options.insecure_skip_verify) return {};
  X509_VERIFY_PARAM* verify = SSL_get0_param(ssl);
  const int is_set = is_no_address ? X509_VERIFY_PARAM_set1_host(verify, name.c_str(), name.size())
                                   : X509_VERIFY_PARAM_set1_ip_asc(verify, name.c_str());
  X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (is_set != 1) return Fail(Code::kInvalidArgument, fmt::format("{:?} cannot be a TLS server name", name));
  return {};
}

awaitable<Result<>> Connector::StartTls(const Url& url, const std::string& name) {
  const auto start = steady_clock::now();
  if (auto prepared = PrepareTls(name); !prepared) co_return prepared;
  ArmTimer(call_, Deadline(), Reason());
  boost::system::error_code error;
  co_await connection_->stream.Handshake(boost::asio::ssl::stream_base::client, error);
  timings_.tls += steady_clock::now() - start;
  const std::string doing = fmt::format("TLS handshake with {}:{}", url.host, url.port);
  if (call_->end != ClientCall::End::kNone) co_return EndError(*call_, fmt::format("in the {}", doing));
  if (!error) co_return Result<>();
  std::string why = asio::Describe(error);
  const long verified = SSL_get_verify_result(connection_->stream.ssl());
  if (verified != X509_V_OK) why += fmt::format(" ({})", X509_verify_cert_error_string(verified));
  co_return Fail(Code::kIo, fmt::format("{}: {}", doing, why));
}

}  // namespace baro::net::http
