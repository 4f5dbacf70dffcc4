// fuzz: query
// PromQL from anywhere: no crash, errors point into the text, and what was parsed prints as text that parses to the
// same tree and prints the same. Series notation too.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "query/ast_json.h"
#include "query/parser.h"
#include "query/printer.h"
#include "query/series_notation.h"

namespace query = baro::query;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(query::ParseNotationSeries(text));
  static_cast<void>(query::ParseMetricSelector(text));
  query::ParseOptions options = query::ParseOptions::Everything();
  const auto ast = query::ParseExpression(text, options);
  if (!ast) {
    const query::ParseError& error = ast.error();
    if (error.message.empty() || error.span.start > size || error.line == 0 || error.column == 0) std::abort();
    static_cast<void>(error.Render(text));
    return 0;
  }
  // Printing may lengthen: `1e300` has 301 digits.
  options.length_bytes_max = std::size_t{1} << 30;
  const std::string printed = query::ToString(ast->root());
  const auto again = query::ParseExpression(printed, options);
  if (!again || !query::SameExpression(ast->root(), again->root())) std::abort();
  if (query::ToString(again->root()) != printed) std::abort();
  const auto laid_out = query::ParseExpression(query::PrettyPrint(ast->root(), 20), options);
  if (!laid_out || !query::SameExpression(ast->root(), laid_out->root())) std::abort();
  if (query::AstToJson(ast->root()).empty()) std::abort();
  return 0;
}
