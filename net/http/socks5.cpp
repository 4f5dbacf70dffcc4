#include "net/http/socks5.h"

#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/ip/address.hpp>

#include "net/http_message.h"

namespace baro::net::http {
namespace {

using base::Code;
using base::Fail;
using base::Result;

constexpr std::uint8_t kVersion = 5;
constexpr std::uint8_t kLoginVersion = 1;
constexpr std::uint8_t kConnect = 1;
constexpr std::size_t kTextBytesMax = 255;  // lengths are a byte

enum Method : std::uint8_t { kNoLogin = 0, kLogin = 2, kNoneOfThese = 0xff };
enum AddressType : std::uint8_t { kIpv4 = 1, kName = 3, kIpv6 = 4 };

// Of RFC 1928, section 6, in their order from 1.
constexpr std::array kReplies = {
    "general failure",    "not allowed by its rules", "network unreachable", "host unreachable",
    "connection refused", "time to live expired",     "it does not connect", "it does not know such addresses"};

void AppendText(std::string& out, std::string_view text) {
  out += static_cast<char>(text.size());
  out += text;
}

template <typename Bytes>
void AppendAddress(std::string& out, AddressType type, const Bytes& bytes) {
  out += static_cast<char>(type);
  for (const unsigned char byte : bytes) out += static_cast<char>(byte);
}

Result<std::string> LoginMessage(std::string_view userinfo) {
  if (userinfo.empty()) return std::string();
  const std::size_t colon = std::min(userinfo.find(':'), userinfo.size());
  const auto user = UrlDecode(userinfo.substr(0, colon));
  const auto password = UrlDecode(userinfo.substr(std::min(colon + 1, userinfo.size())));
  if (!user || !password) {
    return Fail(Code::kInvalidArgument, "user or password of the proxy's URL has a broken escape");
  }
  if (user->empty() || user->size() > kTextBytesMax || password->size() > kTextBytesMax) {
    return Fail(
        Code::kInvalidArgument,
        fmt::format("user and password of a SOCKS proxy have at most {} bytes, the user at least one", kTextBytesMax));
  }
  std::string message(1, static_cast<char>(kLoginVersion));
  AppendText(message, *user);
  AppendText(message, *password);
  return message;
}

Result<std::string> RequestMessage(const Socks5Handshake::Target& target) {
  std::string message = {static_cast<char>(kVersion), static_cast<char>(kConnect), 0};
  boost::system::error_code is_name;
  const auto address = boost::asio::ip::make_address(target.host, is_name);
  if (is_name) {
    if (target.host.empty() || target.host.size() > kTextBytesMax || target.host.find('%') != std::string::npos) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("a SOCKS proxy cannot be asked for the host {:?}", target.host.substr(0, 300)));
    }
    message += static_cast<char>(kName);
    AppendText(message, target.host);
  } else if (address.is_v4()) {
    AppendAddress(message, kIpv4, address.to_v4().to_bytes());
  } else if (address.to_v6().scope_id() != 0) {
    return Fail(Code::kInvalidArgument,
                fmt::format("a SOCKS proxy cannot be asked for an address with a zone: {}", target.host));
  } else {
    AppendAddress(message, kIpv6, address.to_v6().to_bytes());
  }
  message += static_cast<char>(target.port >> 8);
  message += static_cast<char>(target.port & 0xff);
  return message;
}

std::uint8_t ByteAt(std::string_view bytes, std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); }

std::unexpected<base::Error> NotSocks(std::string_view what, unsigned found) {
  return Fail(Code::kCorruption, fmt::format("no answer of SOCKS 5: {} {}", what, found));
}

}  // namespace

Result<Socks5Handshake> Socks5Handshake::Start(std::string_view userinfo, const Target& target) {
  Socks5Handshake handshake;
  handshake.login_ = BARO_TRY(LoginMessage(userinfo));
  handshake.request_ = BARO_TRY(RequestMessage(target));
  if (handshake.login_.empty()) {
    handshake.output_ = {static_cast<char>(kVersion), 1, static_cast<char>(kNoLogin)};
  } else {
    handshake.output_ = {static_cast<char>(kVersion), 2, static_cast<char>(kNoLogin), static_cast<char>(kLogin)};
  }
  return handshake;
}

std::string Socks5Handshake::TakeOutput() { return std::exchange(output_, ""); }

void Socks5Handshake::Ask() {
  output_ = std::move(request_);
  state_ = State::kReply;
  wanted_ = 4;
}

Result<> Socks5Handshake::PutMethod(std::uint8_t version, std::uint8_t method) {
  if (version != kVersion) return NotSocks("version", version);
  if (method == kNoLogin) {
    Ask();
    return {};
  }
  if (method == kLogin && !login_.empty()) {
    output_ = std::move(login_);
    state_ = State::kAccess;
    wanted_ = 2;
    return {};
  }
  if (method == kNoneOfThese || method == kLogin) {
    return Fail(Code::kPermissionDenied,
                login_.empty() ? "it wants a user and a password, or another proof" : "it takes no user and password");
  }
  return NotSocks("method of access", method);
}

Result<> Socks5Handshake::PutReply(std::string_view bytes) {
  if (ByteAt(bytes, 0) != kVersion) return NotSocks("version", ByteAt(bytes, 0));
  if (const std::uint8_t code = ByteAt(bytes, 1); code != 0) {
    const std::string_view why = code <= kReplies.size() ? kReplies[code - 1U] : "a code that nobody knows";
    return Fail(Code::kIo, fmt::format("it answered {} ({})", code, why));
  }
  state_ = State::kBoundAddress;
  switch (ByteAt(bytes, 3)) {
    case kIpv4:
      wanted_ = 4 + 2;
      return {};
    case kIpv6:
      wanted_ = 16 + 2;
      return {};
    case kName:
      state_ = State::kNameLength;
      wanted_ = 1;
      return {};
    default:
      return NotSocks("kind of address", ByteAt(bytes, 3));
  }
}

Result<> Socks5Handshake::Put(std::string_view bytes) {
  BARO_ASSERT(bytes.size() == wanted_ && wanted_ != 0);
  switch (state_) {
    case State::kMethod:
      return PutMethod(ByteAt(bytes, 0), ByteAt(bytes, 1));
    case State::kAccess:
      if (ByteAt(bytes, 1) != 0) return Fail(Code::kPermissionDenied, "it refuses the user and password");
      Ask();
      return {};
    case State::kReply:
      return PutReply(bytes);
    case State::kNameLength:
      state_ = State::kBoundAddress;
      wanted_ = ByteAt(bytes, 0) + 2U;
      return {};
    case State::kBoundAddress:  // of the proxy's own end, which is nothing to us
      wanted_ = 0;
      return {};
  }
  return {};
}

}  // namespace baro::net::http
