// Where in a query's text something stands, for people.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "query/ast.h"

namespace baro::query::exec {

/// 1-based; columns count bytes.
struct TextPlace {
  std::size_t line = 1;
  std::size_t column = 1;
};

TextPlace PlaceOf(std::string_view query, TextSpan span);

/// What stands there, on one line, cut with "…" behind about `bytes_max` bytes.
std::string Excerpt(std::string_view query, TextSpan span, std::size_t bytes_max);

}  // namespace baro::query::exec
