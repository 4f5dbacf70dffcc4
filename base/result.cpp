#include "base/result.h"

#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

namespace baro::base {

std::string_view CodeName(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
      return "invalid_argument";
    case Code::kNotFound:
      return "not_found";
    case Code::kAlreadyExists:
      return "already_exists";
    case Code::kCorruption:
      return "corruption";
    case Code::kIo:
      return "io";
    case Code::kNoSpace:
      return "no_space";
    case Code::kUnavailable:
      return "unavailable";
    case Code::kTimeout:
      return "timeout";
    case Code::kCancelled:
      return "cancelled";
    case Code::kLimitExceeded:
      return "limit_exceeded";
    case Code::kPermissionDenied:
      return "permission_denied";
    case Code::kUnsupported:
      return "unsupported";
    case Code::kUnprocessable:
      return "unprocessable";
  }
  return "unknown";
}

Error Error::WithContext(std::string_view context) const { return {code_, fmt::format("{}: {}", context, message_)}; }

namespace internal {
void AssertFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "assertion failed: %s (%s:%d)\n", condition, file, line);
  std::abort();
}
}  // namespace internal

}  // namespace baro::base
