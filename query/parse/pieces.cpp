#include "query/parse/pieces.h"

#include <algorithm>
#include "base/duration_text.h"
#include "base/number_text.h"
#include "model/names.h"
#include "model/quote.h"

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "query/functions.h"
#include "query/parse/lexer.h"
#include "query/parse/literals.h"
#include "query/printer.h"

namespace baro::query {
namespace {

std::string LabelText(const std::string& name) {
  return model::IsValidLabelName(name, model::NameScheme::kLegacy) ? name : model::Quoted(name);
}

void AppendLabels(const std::vector<std::string>& labels, std::string& out) {
  out += '(';
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (i > 0) out += ", ";
    out += LabelText(labels[i]);
  }
  out += ')';
}

std::string NumberText(double value, bool is_duration) {
  std::string text;
  if (is_duration) {
    text = base::FormatDuration(std::chrono::milliseconds(std::llround(value * 1000)));
  } else {
    base::AppendFloatF(text, value);
  }
  return text;
}

// Behind the brackets: `anchored`, then `@`, then `offset`.
std::string ModifiersText(const TimeModifiers& modifiers, Extension extension) {
  std::string text;
  if (extension == Extension::kAnchored) text += " anchored";
  if (extension == Extension::kSmoothed) text += " smoothed";
  switch (modifiers.at) {
    case TimeModifiers::At::kNone:
      break;
    case TimeModifiers::At::kStart:
      text += " @ start()";
      break;
    case TimeModifiers::At::kEnd:
      text += " @ end()";
      break;
    case TimeModifiers::At::kTime: {
      // In two integers: a double has no room for the milliseconds of far times.
      const std::int64_t seconds = modifiers.at_ms / 1000;
      const std::string_view sign = modifiers.at_ms < 0 ? "-" : "";
      text += fmt::format(" @ {}{}.{:03}", sign, std::abs(seconds), std::abs(modifiers.at_ms % 1000));
      break;
    }
  }
  if (modifiers.offset.is_set()) text += " offset " + ToString(modifiers.offset);
  return text;
}

// Without modifiers.
std::string SelectorText(const VectorSelector& selector) {
  const bool is_bare =
      model::IsValidMetricName(selector.name, model::NameScheme::kLegacy) && !IsAmbiguousMetricName(selector.name);
  std::string text = is_bare ? selector.name : "";
  std::string inside = is_bare || selector.name.empty() ? "" : model::Quoted(selector.name);
  // The matcher for the name is the last one if the name is set.
  const std::size_t count = selector.matchers.size() - (selector.name.empty() ? 0 : 1);
  std::vector<std::string> matchers;
  matchers.reserve(count);
  for (std::size_t i = 0; i < count; ++i) matchers.push_back(ToString(selector.matchers[i]));
  std::ranges::sort(matchers);  // as Prometheus prints them
  for (const std::string& matcher : matchers) {
    if (!inside.empty()) inside += ',';
    inside += matcher;
  }
  if (!inside.empty() || selector.name.empty()) text += '{' + inside + '}';
  return text;
}

std::vector<Piece> CallPieces(std::string head, const std::vector<const Expr*>& args) {
  std::vector<Piece> pieces = {{std::move(head) + "("}};
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (i > 0) pieces.push_back({", "});
    pieces.push_back({"", args[i]});
  }
  pieces.push_back({")"});
  return pieces;
}

}  // namespace

std::string OperatorText(const BinaryExpr& binary) {
  std::string text(BinaryOpText(binary.op));
  if (binary.return_bool) text += " bool";
  const VectorMatching& matching = binary.matching;
  const bool is_grouped =
      matching.cardinality == Cardinality::kManyToOne || matching.cardinality == Cardinality::kOneToMany;
  if (matching.on || is_grouped || !matching.labels.empty()) {
    text += matching.on ? " on " : " ignoring ";
    AppendLabels(matching.labels, text);
  }
  if (is_grouped) {
    text += matching.cardinality == Cardinality::kManyToOne ? " group_left " : " group_right ";
    AppendLabels(matching.include, text);
  }
  const auto fill = [&](std::string_view word, double value) {
    text += fmt::format(" {} (", word);
    base::AppendFloatF(text, value);
    text += ')';
  };
  const auto& left = matching.fill_left;
  const auto& right = matching.fill_right;
  if (left && right && NumberText(*left, false) == NumberText(*right, false)) {
    fill("fill", *left);
  } else {
    if (left) fill("fill_left", *left);
    if (right) fill("fill_right", *right);
  }
  return text;
}

std::string AggregateHead(const AggregateExpr& aggregate) {
  std::string text(AggregateOpText(aggregate.op));
  if (!aggregate.without && aggregate.grouping.empty()) return text;
  text += aggregate.without ? " without " : " by ";
  AppendLabels(aggregate.grouping, text);
  return text + " ";
}

std::string SubqueryTail(const SubqueryExpr& subquery) {
  std::string text = "[" + ToString(subquery.range) + ":";
  if (subquery.step.is_set()) text += ToString(subquery.step);
  return text + "]" + ModifiersText(subquery.modifiers, Extension::kNone);
}

std::vector<Piece> PiecesOf(const Expr& expr) {
  switch (expr.kind) {
    case NodeKind::kNumber:
      return {{NumberText(As<NumberLiteral>(&expr)->value, As<NumberLiteral>(&expr)->is_duration)}};
    case NodeKind::kString:
      return {{model::Quoted(As<StringLiteral>(&expr)->value)}};
    case NodeKind::kVectorSelector: {
      const auto& selector = *As<VectorSelector>(&expr);
      return {{SelectorText(selector) + ModifiersText(selector.modifiers, selector.extension)}};
    }
    case NodeKind::kMatrixSelector: {
      const auto& matrix = *As<MatrixSelector>(&expr);
      return {{SelectorText(*matrix.selector) + "[" + ToString(matrix.range) + "]" +
               ModifiersText(matrix.selector->modifiers, matrix.selector->extension)}};
    }
    case NodeKind::kSubquery:
      return {{"", As<SubqueryExpr>(&expr)->expr}, {SubqueryTail(*As<SubqueryExpr>(&expr))}};
    case NodeKind::kCall: {
      const auto& call = *As<CallExpr>(&expr);
      return CallPieces(std::string(call.function->name), {call.args.begin(), call.args.end()});
    }
    case NodeKind::kAggregation: {
      std::vector<const Expr*> args;
      AppendChildren(expr, args);
      return CallPieces(AggregateHead(*As<AggregateExpr>(&expr)), args);
    }
    case NodeKind::kUnary:
      return {{As<UnaryExpr>(&expr)->negate ? "-" : "+"}, {"", As<UnaryExpr>(&expr)->expr}};
    case NodeKind::kBinary: {
      const auto& binary = *As<BinaryExpr>(&expr);
      return {{"", binary.lhs}, {" " + OperatorText(binary) + " "}, {"", binary.rhs}};
    }
    case NodeKind::kParen:
      return {{"("}, {"", As<ParenExpr>(&expr)->expr}, {")"}};
  }
  return {};
}

}  // namespace baro::query
