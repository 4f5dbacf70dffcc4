// How failures travel: a value or an error with a code and a message.
//
// Rules and examples: CONTRIBUTING.md, "Errors". No exception leaves a .cpp file of this project.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace baro::base {

/// What a caller can do about a failure. A new code is added only when some caller acts differently on it.
enum class Code {
  kInvalidArgument,   ///< the input is wrong; the message has the position and what was expected
  kNotFound,          ///< the thing named does not exist
  kAlreadyExists,     ///< the thing named exists
  kCorruption,        ///< bytes are not what was written; the message has file and offset
  kIo,                ///< disk or network said no
  kNoSpace,           ///< the disk or a quota is full; may pass
  kUnavailable,       ///< not now: starting, stopping, overloaded; try again later
  kTimeout,           ///< the deadline passed
  kCancelled,         ///< the one who asked went away
  kLimitExceeded,     ///< a limit was reached; the message names it and its value
  kPermissionDenied,  ///< authentication or authorisation failed
  kUnsupported,       ///< valid, but not offered here; the message names it
  kUnprocessable,     ///< well-formed, but this data does not allow it (a query's match is ambiguous, say)
};

/// The code's name in lower snake case, e.g. "invalid_argument". Never empty.
std::string_view CodeName(Code code);

/// A failure. Immutable value; cheap to move.
class Error {
 public:
  Error(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  Code code() const { return code_; }
  const std::string& message() const { return message_; }

  /// The same failure with what only the caller knows put in front: "<context>: <message>".
  Error WithContext(std::string_view context) const;

  friend bool operator==(const Error&, const Error&) = default;

 private:
  Code code_;
  std::string message_;
};

/// A value, or the error that kept it from being made. `Result<>` carries success or failure only.
template <typename T = void>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
  // NOLINTNEXTLINE(google-explicit-constructor): `return Error(...)` is how failures are made.
  Result(Error error) : std::expected<T, Error>(std::unexpected(std::move(error))) {}
};

/// `return base::Fail(Code::kIo, "...")` in any function that returns a Result.
inline std::unexpected<Error> Fail(Code code, std::string message) {
  return std::unexpected(Error(code, std::move(message)));
}

namespace internal {
[[noreturn]] void AssertFailed(const char* condition, const char* file, int line);
}  // namespace internal

}  // namespace baro::base

/// `auto page = BARO_TRY(ReadPage(ref));` — the value, or an early return with the error. A statement expression, on
/// which g++ 12 crashes inside coroutines: write it out there.
#define BARO_TRY(expression)                                    \
  ({                                                            \
    auto baro_result_ = (expression);                           \
    if (!baro_result_) [[unlikely]]                             \
      return std::unexpected(std::move(baro_result_).error());  \
    ::baro::base::internal::TakeValue(std::move(baro_result_)); \
  })

namespace baro::base::internal {
template <typename T>
T TakeValue(Result<T>&& result) {
  return *std::move(result);
}
inline void TakeValue(Result<void>&&) {}
}  // namespace baro::base::internal

/// A broken contract between callers of ours ends the process, in releases too. Never reachable by input.
#define BARO_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::baro::base::internal::AssertFailed(#condition, __FILE__, __LINE__))
