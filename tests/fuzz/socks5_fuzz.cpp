// fuzz: net
// What a SOCKS proxy may answer: no crash, and it ends after few bytes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/http/socks5.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view answers(reinterpret_cast<const char*>(data), size);
  if (answers.empty()) return 0;
  const bool has_user = (answers[0] & 1) != 0;
  answers.remove_prefix(1);
  auto handshake = baro::net::http::Socks5Handshake::Start(has_user ? "user:password" : "", {.host = "a", .port = 1});
  std::size_t used = 0;
  while (handshake->wanted() != 0 && answers.size() >= handshake->wanted()) {
    handshake->TakeOutput();
    const std::size_t piece = handshake->wanted();
    if (!handshake->Put(answers.substr(0, piece))) return 0;
    answers.remove_prefix(piece);
    used += piece;
    if (used > 2 + 2 + 4 + 1 + 255 + 2) std::abort();
  }
  return 0;
}
