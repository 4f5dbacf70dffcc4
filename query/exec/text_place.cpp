#include "query/exec/text_place.h"

#include <algorithm>

namespace baro::query::exec {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

}  // namespace

TextPlace PlaceOf(std::string_view query, TextSpan span) {
  const std::string_view before = query.substr(0, std::min<std::size_t>(span.start, query.size()));
  const std::size_t newline = before.rfind('\n');
  const std::size_t line_start = newline == std::string_view::npos ? 0 : newline + 1;
  return {.line = static_cast<std::size_t>(std::ranges::count(before, '\n')) + 1,
          .column = before.size() - line_start + 1};
}

std::string Excerpt(std::string_view query, TextSpan span, std::size_t bytes_max) {
  const std::size_t start = std::min<std::size_t>(span.start, query.size());
  const std::string_view text = query.substr(start, std::max(span.end, span.start) - span.start);
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (result.size() >= bytes_max && !IsContinuation(text[i])) return result + "…";
    if (!IsSpace(text[i])) {
      result += text[i];
    } else if (!result.empty() && result.back() != ' ') {
      result += ' ';
    }
  }
  return result;
}

}  // namespace baro::query::exec
