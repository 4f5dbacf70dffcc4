// Literals, selectors, and what may stand behind them: brackets, offset, @, anchored and smoothed.

#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "model/matcher.h"
#include "model/names.h"
#include "model/quote.h"
#include "query/functions.h"
#include "query/parse/literals.h"
#include "query/parse/parser_impl.h"

namespace baro::query {
namespace {

constexpr std::string_view kMetricNameLabel = "__name__";
// Whether the matcher lets an absent label pass. Errors: the regular expression is wrong.
base::Result<bool> MatchesEmpty(const LabelMatcher& matcher) {
  static constexpr std::array<model::MatchType, 4> kTypes = {model::MatchType::kEqual, model::MatchType::kNotEqual,
                                                             model::MatchType::kRegex, model::MatchType::kNotRegex};
  const auto compiled =
      BARO_TRY(model::Matcher::Make(kTypes[static_cast<std::size_t>(matcher.op)], matcher.name, matcher.value));
  return compiled.MatchesEmpty();
}

TextSpan Join(TextSpan first, TextSpan last) { return {first.start, last.end}; }

}  // namespace

bool Parser::ParseNumberOperand() {
  const Token token = lexer_.Take();
  auto* number = ast_.New<NumberLiteral>();
  number->value = token.value;
  number->is_duration = token.Is(TokenKind::kDuration);
  number->span = token.span;
  operands_.push_back(number);
  return true;
}

bool Parser::ParseStringToken(const Token& token, std::string& value) {
  auto text = Unquote(lexer_.TextOf(token));
  if (!text) {
    const auto at = static_cast<std::uint32_t>(token.span.start + text.error().offset);
    return Fail({at, at + 1}, text.error().message,
                "a backslash itself is written \\\\, or use `…`, where it stands for itself");
  }
  value = *std::move(text);
  return true;
}

bool Parser::ParseStringOperand() {
  const Token token = lexer_.Take();
  auto* literal = ast_.New<StringLiteral>();
  literal->span = token.span;
  operands_.push_back(literal);
  return ParseStringToken(token, literal->value);
}

bool Parser::ParseSelectorOperand() {
  auto* selector = ast_.New<VectorSelector>();
  operands_.push_back(selector);
  TextSpan name_span;
  if (!ParseNameAndBraces(*selector, name_span)) return false;
  // The labels that info() adds are chosen by matchers that may all match the empty string.
  const bool is_info_argument = !pending_.empty() && pending_.back().wait == Wait::kCall &&
                                pending_.back().call->function->id == Function::kInfo &&
                                operands_.size() == pending_.back().operands_before + 2;
  return CheckName(*selector, name_span) && CheckSelector(*selector, is_info_argument);
}

bool Parser::ParseNameAndBraces(VectorSelector& selector, TextSpan& name_span) {
  const Token& first = lexer_.Peek();
  selector.span = first.span;
  if (!first.Is(TokenKind::kLeftBrace)) {
    name_span = lexer_.Take().span;
    selector.name = lexer_.TextOf(name_span);
  }
  return !lexer_.Peek().Is(TokenKind::kLeftBrace) || ParseBraces(selector, name_span);
}

bool Parser::ParseBraces(VectorSelector& selector, TextSpan& name_span) {
  lexer_.Take();
  while (!lexer_.Peek().Is(TokenKind::kRightBrace)) {
    if (!ParseMatcher(selector, name_span)) return false;
    if (!lexer_.Peek().Is(TokenKind::kComma)) break;
    lexer_.Take();
  }
  Token brace;
  if (!Expect(TokenKind::kRightBrace, "label matching", "\",\" or \"}\"", &brace)) return false;
  selector.span.end = brace.span.end;
  return true;
}

bool Parser::ParseMatcher(VectorSelector& selector, TextSpan& name_span) {
  const Token token = lexer_.Peek();
  LabelMatcher matcher;
  matcher.span = token.span;
  if (token.Is(TokenKind::kString)) {
    lexer_.Take();
    if (!ParseStringToken(token, matcher.name)) return false;
    const Token& behind = lexer_.Peek();
    const bool is_metric = behind.Is(TokenKind::kComma) || behind.Is(TokenKind::kRightBrace);
    if (matcher.name.empty() || !model::IsValidUtf8(matcher.name)) {
      return Fail(token.span,
                  fmt::format("invalid {} name {}", is_metric ? "metric" : "label", model::Quoted(matcher.name)));
    }
    if (is_metric) {
      if (!selector.name.empty()) {
        return Fail(token.span, fmt::format("metric name must not be set twice: {} or {}", model::Quoted(selector.name),
                                            model::Quoted(matcher.name)));
      }
      selector.name = std::move(matcher.name);
      name_span = token.span;
      return true;
    }
  } else if (token.Is(TokenKind::kIdentifier)) {
    lexer_.Take();
    matcher.name = lexer_.TextOf(token);
  } else {
    return FailUnexpected(token, "label matching", "a label name or \"}\"");
  }
  if (!ParseMatcherValue(matcher)) return false;
  selector.matchers.push_back(std::move(matcher));
  return true;
}

bool Parser::ParseMatcherValue(LabelMatcher& matcher) {
  const Token op = lexer_.Peek();
  if (op.Is(TokenKind::kAssign)) {
    matcher.op = MatchOp::kEqual;
  } else if (op.Is(TokenKind::kRegex)) {
    matcher.op = MatchOp::kRegex;
  } else if (op.Is(TokenKind::kNotRegex)) {
    matcher.op = MatchOp::kNotRegex;
  } else if (op.Is(TokenKind::kOperator) && op.op == BinaryOp::kNotEqual) {
    matcher.op = MatchOp::kNotEqual;
  } else {
    const bool is_double = op.Is(TokenKind::kOperator) && op.op == BinaryOp::kEqual;
    return FailUnexpected(op, "label matching", "one of = != =~ !~",
                          is_double ? "labels are compared with a single `=`" : "");
  }
  lexer_.Take();
  const Token value = lexer_.Peek();
  if (!value.Is(TokenKind::kString)) {
    const bool is_bare =
        value.Is(TokenKind::kIdentifier) || value.Is(TokenKind::kNumber) || value.Is(TokenKind::kDuration);
    return FailUnexpected(value, "label matching", "a quoted string",
                          is_bare ? fmt::format("label values are quoted: \"{}\"", lexer_.TextOf(value)) : "");
  }
  lexer_.Take();
  matcher.span.end = value.span.end;
  return ParseStringToken(value, matcher.value);
}

// The name, however it was written, becomes the last matcher.
bool Parser::CheckName(VectorSelector& selector, TextSpan name_span) {
  if (selector.name.empty()) return true;
  for (const LabelMatcher& matcher : selector.matchers) {
    if (matcher.name != kMetricNameLabel) continue;
    return Fail(matcher.span, fmt::format("metric name must not be set twice: {} or {}", model::Quoted(selector.name),
                                          model::Quoted(matcher.value)));
  }
  selector.matchers.push_back(
      {.op = MatchOp::kEqual, .name = std::string(kMetricNameLabel), .value = selector.name, .span = name_span});
  return true;
}

bool Parser::CheckSelector(VectorSelector& selector, bool may_match_empty) {
  bool is_selective = false;
  for (const LabelMatcher& matcher : selector.matchers) {
    const auto matches_empty = MatchesEmpty(matcher);
    if (!matches_empty) return Fail(matcher.span, matches_empty.error().message());
    is_selective = is_selective || !*matches_empty;
  }
  if (is_selective || may_match_empty) return true;
  return Fail(selector.span, "vector selector must contain at least one non-empty matcher",
              R"(one that does not match the empty string, such as {job=~".+"})");
}

bool Parser::ParseBrackets() {
  const Token bracket = lexer_.Take();
  Expr& operand = *operands_.back();
  Duration range;
  Duration step;
  TextSpan span;
  if (!ParseDuration(DurationUse::kRange, range, span)) return false;
  const bool is_subquery = lexer_.Peek().Is(TokenKind::kColon);
  if (is_subquery) {
    lexer_.Take();
    if (!lexer_.Peek().Is(TokenKind::kRightBracket) && !ParseDuration(DurationUse::kStep, step, span)) return false;
  }
  Token end;
  if (!Expect(TokenKind::kRightBracket, is_subquery ? "subquery" : "range selector",
              is_subquery ? "\"]\"" : "\":\" or \"]\"", &end)) {
    return false;
  }
  const TextSpan brackets = Join(bracket.span, end.span);
  return is_subquery ? FinishSubquery(operand, range, step, brackets) : FinishMatrixSelector(operand, range, brackets);
}

bool Parser::FinishMatrixSelector(Expr& operand, Duration range, TextSpan brackets) {
  auto* selector = As<VectorSelector>(&operand);
  if (selector == nullptr) {
    const bool is_vector = operand.type == ValueType::kVector;
    return Fail(Join(operand.span, brackets), "ranges only allowed for vector selectors",
                is_vector ? fmt::format("for a subquery write a colon: [{}:]",
                                        lexer_.TextOf({brackets.start + 1, brackets.end - 1}))
                          : "");
  }
  if (selector->modifiers.offset.is_set()) return Fail(brackets, "no offset modifiers allowed before range");
  if (selector->modifiers.at != TimeModifiers::At::kNone) return Fail(brackets, "no @ modifiers allowed before range");
  auto* matrix = ast_.New<MatrixSelector>();
  matrix->selector = selector;
  matrix->range = range;
  matrix->span = Join(operand.span, brackets);
  operands_.back() = matrix;
  return SetDepth(*matrix, operand.depth + 1U);
}

bool Parser::FinishSubquery(Expr& operand, Duration range, Duration step, TextSpan brackets) {
  if (operand.type != ValueType::kVector) {
    return Fail(operand.span, fmt::format("subquery is only allowed on instant vector, got {} instead",
                                          ValueTypeDescription(operand.type)));
  }
  auto* subquery = ast_.New<SubqueryExpr>();
  subquery->expr = &operand;
  subquery->range = range;
  subquery->step = step;
  subquery->span = Join(operand.span, brackets);
  operands_.back() = subquery;
  return SetDepth(*subquery, operand.depth + 1U);
}

TimeModifiers* Parser::ModifiersOf(Expr& operand, std::string_view what, TextSpan span) {
  if (auto* selector = As<VectorSelector>(&operand)) return &selector->modifiers;
  if (auto* matrix = As<MatrixSelector>(&operand)) return &matrix->selector->modifiers;
  if (auto* subquery = As<SubqueryExpr>(&operand)) return &subquery->modifiers;
  Fail(span,
       fmt::format("{} modifier must be preceded by an instant vector selector or range vector selector or a subquery",
                   what),
       fmt::format("write the {} directly behind each selector", what));
  return nullptr;
}

bool Parser::ParseOffset() {
  const Token word = lexer_.Take();
  Expr& operand = *operands_.back();
  TimeModifiers* modifiers = ModifiersOf(operand, "offset", word.span);
  if (modifiers == nullptr) return false;
  if (modifiers->offset.is_set()) return Fail(word.span, "offset may not be set multiple times");
  TextSpan span;
  if (!ParseDuration(DurationUse::kOffset, modifiers->offset, span)) return false;
  operand.span.end = span.end;
  return true;
}

bool Parser::ParseAt() {
  const Token at = lexer_.Take();
  Expr& operand = *operands_.back();
  TimeModifiers* modifiers = ModifiersOf(operand, "@", at.span);
  if (modifiers == nullptr) return false;
  if (modifiers->at != TimeModifiers::At::kNone) return Fail(at.span, "@ <timestamp> may not be set multiple times");
  const Token& next = lexer_.Peek();
  if (!next.Is(Keyword::kStart) && !next.Is(Keyword::kEnd)) return ParseAtTime(*modifiers, at.span, operand.span.end);
  modifiers->at = lexer_.Take().Is(Keyword::kStart) ? TimeModifiers::At::kStart : TimeModifiers::At::kEnd;
  Token paren;
  if (!Expect(TokenKind::kLeftParen, "@ modifier", "\"(\"")) return false;
  if (!Expect(TokenKind::kRightParen, "@ modifier", "\")\"", &paren)) return false;
  operand.span.end = paren.span.end;
  return true;
}

bool Parser::ParseAtTime(TimeModifiers& modifiers, TextSpan at_span, std::uint32_t& end) {
  bool negate = false;
  if (lexer_.Peek().IsSign()) negate = lexer_.Take().op == BinaryOp::kSub;
  const Token number = lexer_.Peek();
  if (!number.Is(TokenKind::kNumber) && !number.Is(TokenKind::kDuration)) {
    return FailUnexpected(number, "@ modifier", "a Unix timestamp in seconds, start() or end()");
  }
  lexer_.Take();
  const double ms = std::round((negate ? -number.value : number.value) * 1000);
  // NaN fails the comparison too.
  constexpr double kMsLimit = 9223372036854775808.0;  // 2^63
  if (!(std::abs(ms) < kMsLimit)) {
    return Fail(Join(at_span, number.span),
                fmt::format("timestamp out of bounds for @ modifier: {}", lexer_.TextOf(number)));
  }
  modifiers.at = TimeModifiers::At::kTime;
  modifiers.at_ms = static_cast<std::int64_t>(ms);
  end = number.span.end;
  return true;
}

bool Parser::ParseExtension() {
  const Token word = lexer_.Take();
  const bool is_anchored = word.Is(Keyword::kAnchored);
  const std::string_view name = is_anchored ? "anchored" : "smoothed";
  if (!options_.extended_range_selectors) {
    return Fail(word.span, fmt::format("{} modifier is experimental and not enabled", name),
                "start the server with --enable-feature=promql-extended-range-selectors");
  }
  Expr& operand = *operands_.back();
  auto* matrix = As<MatrixSelector>(&operand);
  VectorSelector* selector = matrix != nullptr ? matrix->selector : As<VectorSelector>(&operand);
  if (selector == nullptr) {
    if (operand.kind == NodeKind::kSubquery)
      return Fail(word.span, fmt::format("{} modifier is not supported for subqueries", name));
    return Fail(
        word.span,
        fmt::format("{} modifier must be preceded by an instant vector selector or range vector selector", name));
  }
  const Extension wanted = is_anchored ? Extension::kAnchored : Extension::kSmoothed;
  if (selector->extension == wanted)
    return Fail(word.span, fmt::format("{} modifier may not be set multiple times", name));
  if (selector->extension != Extension::kNone)
    return Fail(word.span, "anchored and smoothed modifiers cannot be used together");
  selector->extension = wanted;
  operand.span.end = word.span.end;
  return true;
}

}  // namespace baro::query
