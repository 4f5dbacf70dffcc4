#include "cli/input.h"

#include <istream>

#include <fmt/format.h>

namespace baro::cli {

base::Result<std::string> ReadInput(std::istream& in) {
  constexpr std::size_t kInputBytesMax = 256 * 1024 * 1024;
  std::string text;
  char buffer[64 * 1024];
  while (in.read(buffer, sizeof buffer) || in.gcount() > 0) {
    text.append(buffer, static_cast<std::size_t>(in.gcount()));
    if (text.size() > kInputBytesMax) {
      return base::Fail(base::Code::kLimitExceeded, fmt::format("the input is larger than {} bytes", kInputBytesMax));
    }
  }
  return text;
}

}  // namespace baro::cli
