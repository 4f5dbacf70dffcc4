// The command line, parsed and checked.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace baro::server {

/// Values of all flags, given or default.
///
/// Threads  Immutable.
class Flags {
 public:
  /// Parses the arguments without the program's name. `--flag value`, `--flag=value`, `--bool`, `--no-bool`,
  /// `--bool=false`, and `@file` for a file with one argument per line, as Prometheus takes them.
  /// Errors   kInvalidArgument: unknown flag (with the nearest known one), bad value, or a value that is refused
  /// because
  ///          the feature is not there yet. kCancelled: --help or --version was asked for; the message is the answer.
  static base::Result<Flags> Parse(std::span<const std::string> arguments);

  std::string Text(std::string_view name) const;
  const std::vector<std::string>& Texts(std::string_view name) const;
  bool Bool(std::string_view name) const;
  std::int64_t Integer(std::string_view name) const;
  std::uint64_t Size(std::string_view name) const;  ///< in bytes
  std::chrono::milliseconds Duration(std::string_view name) const;

  /// Whether the flag stood on the command line.
  bool IsGiven(std::string_view name) const;

  /// Every flag and its value as text, as /api/v1/status/flags shows them.
  std::map<std::string, std::string> All() const;

  /// Features of --enable-feature that exist in Prometheus but do nothing here yet, or that nobody knows.
  std::vector<std::string> unknown_features() const;
  bool HasFeature(std::string_view name) const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::map<std::string, bool, std::less<>> given_;
};

}  // namespace baro::server
