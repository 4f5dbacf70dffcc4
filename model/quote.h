// Text between double quotes, escaped as Go's strconv.Quote does: PromQL, label sets and error messages print so.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace baro::model {

/// Appends `text` in double quotes. `"` and `\` are escaped, so are control characters (\n, \t, \x1b), code points that
/// are not printable (\u00ad) and bytes that are not UTF-8 (\xff).
void AppendQuoted(std::string& out, std::string_view text);
std::string Quoted(std::string_view text);

/// The text for a message: whole, or its first 200 bytes (cut between code points) and `...` if it is longer. Names
/// from outside may be as long as what they came in.
std::string Abridged(std::string_view text, std::size_t bytes_max = 200);

/// Appends a label or metric name as it stands inside of braces: bare if it is a legacy name, else quoted.
void AppendLabelName(std::string& out, std::string_view name);

}  // namespace baro::model
