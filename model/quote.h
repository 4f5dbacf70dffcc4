// Text between double quotes, escaped as Go's strconv.Quote does: PromQL, label sets and error messages print so.
#pragma once

#include <string>
#include <string_view>

namespace baro::model {

/// Appends `text` in double quotes. `"` and `\` are escaped, so are control characters (\n, \t, \x1b), code points that
/// are not printable (\u00ad) and bytes that are not UTF-8 (\xff).
void AppendQuoted(std::string& out, std::string_view text);
std::string Quoted(std::string_view text);

/// Appends a label or metric name as it stands inside of braces: bare if it is a legacy name, else quoted.
void AppendLabelName(std::string& out, std::string_view name);

}  // namespace baro::model
