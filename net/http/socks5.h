// The client's side of SOCKS 5 up to the connection that it asks for, without a network.
//
// Format   RFC 1928 (CONNECT, addresses of all three kinds), RFC 1929 (user and password). Names are resolved by the
//          proxy, under `socks5://` as under `socks5h://`, as Go does it.
// Threads  Confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace baro::net::http {

/// Send TakeOutput(), read exactly wanted() bytes, Put() them, and so on until wanted() is 0: the connection then is
/// one to the target. No proxy can make it read more than some 270 bytes.
class Socks5Handshake {
 public:
  struct Target {
    std::string host;  ///< name or address
    std::uint16_t port = 0;
  };

  /// `userinfo`: undecoded "user:password" out of the proxy's URL; empty: the proxy is asked for access without one.
  /// Errors   kInvalidArgument: a broken escape; a user, password or host that is longer than 255 bytes, or an address
  ///          with a zone, which the protocol has no form for.
  static base::Result<Socks5Handshake> Start(std::string_view userinfo, const Target& target);

  /// What is to be sent; empty: nothing.
  std::string TakeOutput();

  /// How many bytes of the proxy's come next; 0: the connection stands.
  std::size_t wanted() const { return wanted_; }

  /// Shape    wanted() bytes.
  /// Errors   kPermissionDenied: the proxy wants a user, or another one. kIo: it could not, or would not, connect.
  ///          kCorruption: it does not speak SOCKS 5.
  base::Result<> Put(std::string_view bytes);

 private:
  enum class State : std::uint8_t { kMethod, kAccess, kReply, kNameLength, kBoundAddress };

  base::Result<> PutMethod(std::uint8_t version, std::uint8_t method);
  base::Result<> PutReply(std::string_view bytes);
  void Ask();

  State state_ = State::kMethod;
  std::size_t wanted_ = 2;
  std::string output_;
  std::string login_;    // the message of RFC 1929; empty: there is no user
  std::string request_;  // for the connection
};

}  // namespace baro::net::http
