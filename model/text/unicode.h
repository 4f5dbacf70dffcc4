// What Unicode says of code points, as far as Go's standard library asks it: printable, lower case, upper case.
#pragma once

#include <string>
#include <string_view>

namespace baro::model {

/// Go's strconv.IsPrint: letters, marks, numbers, punctuation, symbols and the ASCII space.
bool IsPrintable(char32_t rune);

/// The simple case mappings, as Go's strings.ToLower and ToUpper use them; bytes that are not UTF-8 become U+FFFD.
std::string ToLower(std::string_view text);
std::string ToUpper(std::string_view text);

}  // namespace baro::model
