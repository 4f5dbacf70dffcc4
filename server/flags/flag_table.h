// The command line of `barograph` as a table: every flag of Prometheus 3.14, and what it does here.
#pragma once

#include <span>
#include <string_view>

namespace baro::server {

enum class FlagKind {
  kText,
  kBool,      ///< --flag, --no-flag
  kInteger,   ///< a whole number, not negative
  kNumber,    ///< a decimal number
  kDuration,  ///< a Prometheus duration
  kSize,      ///< bytes, with units that are powers of 1024
};

enum class FlagEffect {
  kWorks,
  kIgnored,      ///< accepted without effect: it tunes Go's runtime, or a part that works differently here
  kUnsupported,  ///< another value than the default is refused by name
};

struct FlagSpec {
  std::string_view name;  ///< without dashes
  FlagKind kind;
  std::string_view initial;  ///< the default as text, as /api/v1/status/flags prints it
  FlagEffect effect;
  bool is_repeatable;
  bool is_hidden;  ///< left out of --help, as in Prometheus
  std::string_view help;
};

/// All flags, sorted by name. Static data.
std::span<const FlagSpec> FlagTable();

}  // namespace baro::server
