// Numbers and strings as PromQL writes them.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace baro::query {

/// What is wrong with a literal: `offset` is the byte within its text.
struct LiteralError {
  std::size_t offset = 0;
  std::string message;
};

/// Parses a number: decimal, fraction, exponent, `0x1F`, leading-zero octal, `_` between digits, Inf and NaN in any
/// case. No sign. Errors   not a number (empty message), or out of range.
std::expected<double, LiteralError> ParseNumber(std::string_view text);

/// The text of a string literal with its quotes ("…", '…' or `…`), unescaped. Go's escapes are understood.
/// Errors   an unknown or broken escape.
std::expected<std::string, LiteralError> Unquote(std::string_view literal);

/// The length of the UTF-8 sequence at the front of `bytes`, or 0 if it is malformed. `bytes` is not empty.
std::size_t Utf8SequenceLength(std::string_view bytes);

/// ASCII lower case.
std::string LowerCase(std::string_view text);

}  // namespace baro::query
