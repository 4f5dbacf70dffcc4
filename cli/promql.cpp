// `promql`: works on the text of queries.
#include <algorithm>
#include <iostream>
#include <optional>

#include <fmt/format.h>

#include "cli/commands.h"
#include "model/labels.h"
#include "model/names.h"
#include "model/regex.h"
#include "query/ast_json.h"
#include "query/parser.h"
#include "query/printer.h"

namespace baro::cli {
namespace {

/// Parses with all features on; on failure tells where, with a caret.
std::optional<query::Ast> Parse(const std::string& text, Terminal terminal) {
  auto ast = query::ParseExpression(text, query::ParseOptions::Everything());
  if (ast) return *std::move(ast);
  terminal.err << ast.error().Render(text) << "\n";
  return std::nullopt;
}

std::optional<query::MatchOp> ParseOp(std::string_view text) {
  using enum query::MatchOp;
  for (const query::MatchOp op : {kEqual, kNotEqual, kRegex, kNotRegex}) {
    if (query::MatchOpText(op) == text) return op;
  }
  return std::nullopt;
}

/// All vector selectors of the tree, to be changed.
std::vector<query::VectorSelector*> SelectorsOf(query::Ast& ast) {
  std::vector<query::VectorSelector*> result;
  for (const query::VectorSelector* selector : query::Selectors(ast.root())) {
    result.push_back(const_cast<query::VectorSelector*>(selector));  // NOLINT: the tree is ours to change
  }
  return result;
}

void SetMatcher(query::VectorSelector& selector, const query::LabelMatcher& matcher) {
  bool is_found = false;
  for (query::LabelMatcher& present : selector.matchers) {
    if (present.name != matcher.name) continue;
    present = matcher;
    is_found = true;
  }
  // The matcher that a name in front of the braces stands for is the last one.
  if (!is_found) selector.matchers.insert(selector.matchers.end() - (selector.name.empty() ? 0 : 1), matcher);
  // The name in front of the braces is a matcher as well, and it is printed from `name`.
  if (matcher.name == model::kMetricName) selector.name.clear();
}

void DeleteMatcher(query::VectorSelector& selector, std::string_view name) {
  std::erase_if(selector.matchers, [name](const query::LabelMatcher& matcher) { return matcher.name == name; });
  if (name == model::kMetricName) selector.name.clear();
}

/// Prints the changed query, if it is one still.
int PrintChanged(const query::Ast& ast, Terminal terminal) {
  const std::string text = query::PrettyPrint(ast.root());
  if (const auto again = query::ParseExpression(text, query::ParseOptions::Everything()); !again) {
    terminal.err << "the change leaves no valid query:\n" << again.error().Render(text) << "\n";
    return kExitFailed;
  }
  terminal.out << text << "\n";
  return kExitGood;
}

bool IsNameGood(const std::string& name, Terminal terminal) {
  if (model::IsValidLabelName(name)) return true;
  terminal.err << fmt::format("\"{}\" is no name of a label\n", name);
  return false;
}

}  // namespace

int FormatQuery(const std::string& query, Terminal terminal) {
  const auto ast = Parse(query, terminal);
  if (!ast) return kExitFailed;
  terminal.out << query::PrettyPrint(ast->root()) << "\n";
  return kExitGood;
}

int ParseQuery(const std::string& query, Terminal terminal) {
  const auto ast = Parse(query, terminal);
  if (!ast) return kExitFailed;
  terminal.out << query::AstToJson(ast->root()) << "\n";
  return kExitGood;
}

int SetLabelMatcher(const MatcherEdit& edit, Terminal terminal) {
  const auto op = ParseOp(edit.op);
  if (!op) {
    terminal.err << fmt::format("--type: want =, !=, =~ or !~, got \"{}\"\n", edit.op);
    return kExitFailed;
  }
  if (!IsNameGood(edit.name, terminal)) return kExitFailed;
  const bool is_regex = *op == query::MatchOp::kRegex || *op == query::MatchOp::kNotRegex;
  if (is_regex && !model::AnchoredRegex::Make(edit.value)) {
    terminal.err << fmt::format("\"{}\" is no regular expression\n", edit.value);
    return kExitFailed;
  }
  auto ast = Parse(edit.query, terminal);
  if (!ast) return kExitFailed;
  for (query::VectorSelector* selector : SelectorsOf(*ast)) {
    SetMatcher(*selector, {.op = *op, .name = edit.name, .value = edit.value, .span = {}});
  }
  return PrintChanged(*ast, terminal);
}

int DeleteLabelMatcher(const MatcherEdit& edit, Terminal terminal) {
  if (!IsNameGood(edit.name, terminal)) return kExitFailed;
  auto ast = Parse(edit.query, terminal);
  if (!ast) return kExitFailed;
  for (query::VectorSelector* selector : SelectorsOf(*ast)) DeleteMatcher(*selector, edit.name);
  return PrintChanged(*ast, terminal);
}

}  // namespace baro::cli
