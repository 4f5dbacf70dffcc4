// What may stand between a binary operator and its right side, and the label lists of all clauses.

#include <optional>

#include <fmt/format.h>

#include "model/names.h"
#include "model/quote.h"
#include "query/parse/literals.h"
#include "query/parse/parser_impl.h"

namespace baro::query {
namespace {

// `bool` may be a metric's name too: behind an operator it is the modifier unless nothing that could be an operand
// follows.
bool BeginsOperand(const Token& token) {
  switch (token.kind) {
    case TokenKind::kIdentifier:
    case TokenKind::kMetricName:
    case TokenKind::kNumber:
    case TokenKind::kDuration:
    case TokenKind::kString:
    case TokenKind::kLeftParen:
    case TokenKind::kLeftBrace:
      return true;
    default:
      return token.IsSign();
  }
}

}  // namespace

bool Parser::ParseBinaryModifiers(BinaryExpr& binary) {
  if (lexer_.Peek().Is(Keyword::kBool) && BeginsOperand(lexer_.Peek(1))) {
    const Token word = lexer_.Take();
    if (!IsComparison(binary.op)) {
      return Fail(word.span, "bool modifier can only be used on comparison operators");
    }
    binary.return_bool = true;
  }
  return ParseMatchingClause(binary) && ParseFillClauses(binary);
}

bool Parser::ParseMatchingClause(BinaryExpr& binary) {
  const Token& word = lexer_.Peek();
  if ((word.Is(Keyword::kGroupLeft) || word.Is(Keyword::kGroupRight)) && BeginsOperand(lexer_.Peek(1))) {
    return FailUnexpected(word, "", "an expression", "group_left and group_right stand behind on(…) or ignoring(…)");
  }
  if (!word.Is(Keyword::kOn) && !word.Is(Keyword::kIgnoring)) return true;
  if (!lexer_.Peek(1).Is(TokenKind::kLeftParen)) return true;  // a metric of that name
  binary.matching.on = lexer_.Take().Is(Keyword::kOn);
  return ParseLabelList(binary.matching.on ? "on" : "ignoring", binary.matching.labels) && ParseGroupClause(binary);
}

bool Parser::ParseGroupClause(BinaryExpr& binary) {
  const Token word = lexer_.Peek();
  if (!word.Is(Keyword::kGroupLeft) && !word.Is(Keyword::kGroupRight)) return true;
  lexer_.Take();
  if (IsSetOperator(binary.op)) {
    return Fail(word.span, fmt::format("no grouping allowed for \"{}\" operation", BinaryOpText(binary.op)),
                "set operators always match many to many");
  }
  const bool left = word.Is(Keyword::kGroupLeft);
  binary.matching.cardinality = left ? Cardinality::kManyToOne : Cardinality::kOneToMany;
  if (!lexer_.Peek().Is(TokenKind::kLeftParen)) return true;
  return ParseLabelList(left ? "group_left" : "group_right", binary.matching.include);
}

bool Parser::ParseFillClauses(BinaryExpr& binary) {
  for (;;) {
    const Token word = lexer_.Peek();
    const bool both = word.Is(Keyword::kFill);
    const bool left = word.Is(Keyword::kFillLeft);
    if (!both && !left && !word.Is(Keyword::kFillRight)) return true;
    if (!lexer_.Peek(1).Is(TokenKind::kLeftParen)) return true;  // a metric of that name
    if (!options_.binop_fill_modifiers) {
      return Fail(word.span, "fill modifiers are experimental and not enabled",
                  "start the server with --enable-feature=promql-binop-fill-modifiers");
    }
    lexer_.Take();
    if (IsSetOperator(binary.op)) {
      return Fail(word.span, fmt::format("filling in missing series not allowed for set operator \"{}\"",
                                         BinaryOpText(binary.op)));
    }
    VectorMatching& matching = binary.matching;
    if (((both || left) && matching.fill_left) || (!left && matching.fill_right)) {
      return Fail(word.span, "the same side cannot be filled twice");
    }
    double value = 0;
    if (!ParseFillValue(value)) return false;
    if (both || left) matching.fill_left = value;
    if (!left) matching.fill_right = value;
  }
}

bool Parser::ParseFillValue(double& value) {
  if (!Expect(TokenKind::kLeftParen, "fill modifier", "\"(\"")) return false;
  bool negate = false;
  if (lexer_.Peek().IsSign()) negate = lexer_.Take().op == BinaryOp::kSub;
  const Token number = lexer_.Peek();
  if (!number.Is(TokenKind::kNumber) && !number.Is(TokenKind::kDuration)) {
    return FailUnexpected(number, "fill modifier", "a number");
  }
  lexer_.Take();
  value = negate ? -number.value : number.value;
  return Expect(TokenKind::kRightParen, "fill modifier", "\")\"");
}

// ( label, "quoted label", … [,] )
bool Parser::ParseLabelList(std::string_view clause, std::vector<std::string>& labels) {
  if (!Expect(TokenKind::kLeftParen, clause, "\"(\"")) return false;
  while (!lexer_.Peek().Is(TokenKind::kRightParen)) {
    if (!ParseGroupingLabel(clause, labels)) return false;
    if (!lexer_.Peek().Is(TokenKind::kComma)) break;
    lexer_.Take();
  }
  return Expect(TokenKind::kRightParen, clause, "\",\" or \")\"");
}

bool Parser::ParseGroupingLabel(std::string_view clause, std::vector<std::string>& labels) {
  const Token token = lexer_.Peek();
  if (token.Is(TokenKind::kString)) {
    lexer_.Take();
    std::string label;
    if (!ParseStringToken(token, label)) return false;
    if (label.empty() || !model::IsValidUtf8(label)) {
      return Fail(token.span, fmt::format("invalid label name for grouping: {}", model::Quoted(label)));
    }
    labels.push_back(std::move(label));
    return true;
  }
  // Words that are numbers elsewhere (Inf, NaN) are labels too.
  const bool is_word =
      token.Is(TokenKind::kIdentifier) ||
      (token.Is(TokenKind::kNumber) && model::IsValidLabelName(lexer_.TextOf(token), model::NameScheme::kLegacy));
  if (!is_word) return FailUnexpected(token, clause, "a label name");
  lexer_.Take();
  labels.emplace_back(lexer_.TextOf(token));
  return true;
}

bool Parser::ParseGroupingClause(AggregateExpr& aggregate) {
  const Token word = lexer_.Take();
  aggregate.without = word.Is(Keyword::kWithout);
  if (!ParseLabelList(aggregate.without ? "without" : "by", aggregate.grouping)) return false;
  return true;
}

}  // namespace baro::query
