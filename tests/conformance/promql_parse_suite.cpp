// promql-parse: every query of the PromQL test scripts parses, for they all do in Prometheus, where failures that the
// scripts expect happen while evaluating; and what is printed of it parses to the same tree.
#include <fmt/format.h>

#include "query/parser.h"
#include "query/printer.h"
#include "tests/conformance/suite.h"
#include "tests/promql_script/promql_script.h"

namespace baro::conformance {
namespace {

// Empty if all is well.
std::string Judge(const EvalCommand& eval) {
  const query::ParseOptions options = query::ParseOptions::Everything();
  const auto ast = query::ParseExpression(eval.query, options);
  if (!ast) return ast.error().Summary();
  const std::string printed = query::ToString(ast->root());
  const auto again = query::ParseExpression(printed, options);
  if (!again) return fmt::format("printed as {}, which does not parse: {}", printed, again.error().Summary());
  if (!query::SameExpression(ast->root(), again->root()))
    return fmt::format("printed as {}, which is another tree", printed);
  return "";
}

}  // namespace

void RunPromqlParse(const std::filesystem::path& data, Report& report) {
  for (const std::filesystem::path& path : SortedEntries(data / "promql")) {
    if (path.extension() != ".test") continue;
    const std::string file = path.filename().string();
    const auto script = ParseScript(file, ReadFile(path));
    if (!script) {
      report.Fail(file, script.error().message());
      continue;
    }
    for (const ScriptCommand& command : *script) {
      const auto* eval = std::get_if<EvalCommand>(&command);
      if (eval == nullptr) continue;
      const std::string name = fmt::format("{}:{}", file, eval->line);
      const std::string problem = Judge(*eval);
      if (problem.empty()) {
        report.Pass(name);
      } else {
        report.Fail(name, fmt::format("{}: {}", eval->query, problem));
      }
    }
  }
}

}  // namespace baro::conformance
