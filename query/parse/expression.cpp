// Expressions: operands, operators, parentheses, calls and aggregations on explicit stacks.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "model/quote.h"
#include "query/functions.h"
#include "query/parse/literals.h"
#include "query/parse/parser_impl.h"

namespace baro::query {
namespace {

constexpr int kUnaryPrecedence = 5;  // as `*`: -2^2 is -4

bool IsRightAssociative(BinaryOp op) { return op == BinaryOp::kPow; }

}  // namespace

bool Parser::ParseExpression() {
  Next next = Next::kOperand;
  while (next != Next::kNothing) {
    const bool is_good = next == Next::kOperand ? ParseOperand(next) : ParseAfterOperand(next);
    if (!is_good) return false;
  }
  return true;
}

bool Parser::ParseOperand(Next& next) {
  const Token& token = lexer_.Peek();
  next = Next::kOperator;
  switch (token.kind) {
    case TokenKind::kNumber:
    case TokenKind::kDuration:
      return ParseNumberOperand();
    case TokenKind::kString:
      return ParseStringOperand();
    case TokenKind::kMetricName:
    case TokenKind::kLeftBrace:
      return ParseSelectorOperand();
    case TokenKind::kIdentifier:
      return ParseWordOperand(next);
    case TokenKind::kLeftParen: {
      next = Next::kOperand;
      const Token paren = lexer_.Take();
      return Push({.wait = Wait::kParen, .span = paren.span, .operands_before = operands_.size()});
    }
    case TokenKind::kOperator:
      next = Next::kOperand;
      if (token.IsSign()) return BeginUnary();
      break;
    case TokenKind::kEnd:
      if (operands_.empty() && pending_.empty()) return Fail(token.span, "no expression found in input");
      break;
    case TokenKind::kRightParen:
      if (!pending_.empty() && pending_.back().wait == Wait::kCall && !operands_.empty()) {
        return Fail(token.span, "trailing commas not allowed in function call args");
      }
      break;
    default:
      break;
  }
  return FailUnexpected(token, "", "an expression");
}

bool Parser::ParseWordOperand(Next& next) {
  const Token word = lexer_.Peek();
  const Token& behind = lexer_.Peek(1);
  if (word.Is(Keyword::kAggregate) &&
      (behind.Is(TokenKind::kLeftParen) || behind.Is(Keyword::kBy) || behind.Is(Keyword::kWithout))) {
    next = Next::kOperand;
    return BeginAggregate();
  }
  if (behind.Is(TokenKind::kLeftParen)) return BeginCall(next);
  return ParseSelectorOperand();
}

bool Parser::BeginUnary() {
  const Token sign = lexer_.Take();
  return CountOperator(sign.span) && Push({.wait = Wait::kUnary,
                                           .span = sign.span,
                                           .operands_before = operands_.size(),
                                           .negate = sign.op == BinaryOp::kSub});
}

bool Parser::BeginCall(Next& next) {
  const Token word = lexer_.Take();
  const Token paren = lexer_.Take();
  // start, end, step, range, min_of and max_of are keywords, and keywords have no case.
  const std::string name =
      word.keyword == Keyword::kNone ? std::string(lexer_.TextOf(word)) : LowerCase(lexer_.TextOf(word));
  const FunctionSignature* function = FindFunction(name);
  if (function == nullptr) {
    return Fail(word.span, fmt::format("unknown function with name {}", model::Quoted(name)), SuggestFunction(name));
  }
  auto* call = ast_.New<CallExpr>();
  call->function = function;
  call->type = function->return_type;
  const Pending pending = {.wait = Wait::kCall,
                           .span = {word.span.start, paren.span.end},
                           .operands_before = operands_.size(),
                           .call = call};
  if (lexer_.Peek().Is(TokenKind::kRightParen)) {
    next = Next::kOperator;
    return CloseCall(pending, {word.span.start, lexer_.Take().span.end});
  }
  next = Next::kOperand;
  return Push(pending);
}

bool Parser::BeginAggregate() {
  const Token word = lexer_.Take();
  auto* aggregate = ast_.New<AggregateExpr>();
  aggregate->op = word.aggregate;
  const bool has_grouping = !lexer_.Peek().Is(TokenKind::kLeftParen);
  if (has_grouping && !ParseGroupingClause(*aggregate)) return false;
  Token paren;
  if (!Expect(TokenKind::kLeftParen, "aggregation", "\"(\"", &paren)) return false;
  if (lexer_.Peek().Is(TokenKind::kRightParen)) {
    return Fail({word.span.start, lexer_.Peek().span.end}, "no arguments for aggregate expression provided");
  }
  return Push({.wait = Wait::kAggregate,
               .span = {word.span.start, paren.span.end},
               .operands_before = operands_.size(),
               .aggregate = aggregate,
               .has_grouping = has_grouping});
}

bool Parser::Push(Pending pending) {
  const bool nests = pending.wait != Wait::kBinary || IsRightAssociative(pending.binary->op);
  if (nests && ++nesting_ > options_.depth_max) {
    return Fail(pending.span,
                fmt::format("expression nested too deeply: at most {} levels are allowed", options_.depth_max));
  }
  pending_.push_back(pending);
  return true;
}

bool Parser::ParseAfterOperand(Next& next) {
  const Token& token = lexer_.Peek();
  next = Next::kOperator;
  switch (token.kind) {
    case TokenKind::kLeftBracket:
      return ParseBrackets();
    case TokenKind::kAt:
      return ParseAt();
    case TokenKind::kOperator:
      next = Next::kOperand;
      return ParseBinaryOperator();
    case TokenKind::kComma:
      next = Next::kOperand;
      return NextArgument();
    case TokenKind::kRightParen:
      return Close();
    case TokenKind::kEnd:
      next = Next::kNothing;
      return Finish();
    case TokenKind::kIdentifier:
      return ParseWordAfterOperand(next);
    case TokenKind::kAssign:
      return FailUnexpected(token, "", "an operator", "equality is written `==`");
    default:
      return FailUnexpected(token, "", pending_.empty() ? "an operator" : "an operator or \")\"");
  }
}

bool Parser::ParseWordAfterOperand(Next& next) {
  const Token& token = lexer_.Peek();
  switch (token.keyword) {
    case Keyword::kOperator:
      next = Next::kOperand;
      return ParseBinaryOperator();
    case Keyword::kOffset:
      return ParseOffset();
    case Keyword::kAnchored:
    case Keyword::kSmoothed:
      return ParseExtension();
    case Keyword::kBy:
    case Keyword::kWithout:
      return FailUnexpected(token, "", "an operator", "by and without belong to aggregations: sum by (job) (x)");
    default:
      return FailUnexpected(token, "", "an operator", SuggestKeyword(lexer_.TextOf(token)));
  }
}

bool Parser::ParseBinaryOperator() {
  const Token token = lexer_.Take();
  if (!CountOperator(token.span)) return false;
  if (!ReduceWhile(BinaryOpPrecedence(token.op), IsRightAssociative(token.op))) return false;
  auto* binary = ast_.New<BinaryExpr>();
  binary->op = token.op;
  binary->op_span = token.span;
  if (IsSetOperator(token.op)) binary->matching.cardinality = Cardinality::kManyToMany;
  return ParseBinaryModifiers(*binary) &&
         Push({.wait = Wait::kBinary, .span = token.span, .operands_before = operands_.size(), .binary = binary});
}

// Finishes what waits and binds tighter than an operator that comes now.
bool Parser::ReduceWhile(int precedence, bool right_associative) {
  while (!pending_.empty()) {
    const Pending& top = pending_.back();
    if (top.wait != Wait::kBinary && top.wait != Wait::kUnary) break;
    const int waiting = top.wait == Wait::kUnary ? kUnaryPrecedence : BinaryOpPrecedence(top.binary->op);
    if (waiting < precedence || (waiting == precedence && right_associative)) break;
    if (!ReduceTop()) return false;
  }
  return true;
}

bool Parser::ReduceToOpener() { return ReduceWhile(0, false); }

bool Parser::ReduceTop() {
  const Pending top = pending_.back();
  pending_.pop_back();
  if (top.wait != Wait::kBinary || IsRightAssociative(top.binary->op)) --nesting_;
  Expr* rhs = operands_.back();
  if (top.wait == Wait::kBinary) {
    operands_.pop_back();
    BinaryExpr* binary = top.binary;
    binary->lhs = operands_.back();
    binary->rhs = rhs;
    binary->span = {binary->lhs->span.start, rhs->span.end};
    operands_.back() = binary;
    // The left side may be a chain: visitors walk it in a loop, so it does not nest.
    return CheckBinary(*binary) && SetDepth(*binary, std::max<std::size_t>(binary->lhs->depth, rhs->depth + 1U));
  }
  const TextSpan span = {top.span.start, rhs->span.end};
  if (auto* number = As<NumberLiteral>(rhs)) {
    // No minus zero among durations: it could not be printed.
    const bool is_zero_duration = number->is_duration && number->value == 0;
    if (top.negate && !is_zero_duration) number->value = -number->value;
    number->span = span;
    return true;
  }
  if (rhs->type != ValueType::kScalar && rhs->type != ValueType::kVector) {
    return Fail(span,
                fmt::format("unary expression only allowed on expressions of type scalar or instant vector, got {}",
                            ValueTypeDescription(rhs->type)));
  }
  auto* unary = ast_.New<UnaryExpr>();
  unary->negate = top.negate;
  unary->expr = rhs;
  unary->type = rhs->type;
  unary->span = span;
  operands_.back() = unary;
  return SetDepth(*unary, rhs->depth + 1U);
}

bool Parser::NextArgument() {
  if (!ReduceToOpener()) return false;
  if (pending_.empty() || pending_.back().wait == Wait::kParen) {
    return FailUnexpected(lexer_.Peek(), "", pending_.empty() ? "an operator" : "an operator or \")\"");
  }
  lexer_.Take();
  return true;
}

bool Parser::Close() {
  if (!ReduceToOpener()) return false;
  if (pending_.empty()) return Fail(lexer_.Peek().span, "unexpected right parenthesis ')'");
  const Pending pending = pending_.back();
  pending_.pop_back();
  --nesting_;
  const TextSpan span = {pending.span.start, lexer_.Take().span.end};
  if (pending.wait == Wait::kCall) return CloseCall(pending, span);
  if (pending.wait == Wait::kAggregate) return CloseAggregate(pending, span);
  auto* paren = ast_.New<ParenExpr>();
  paren->expr = operands_.back();
  paren->type = paren->expr->type;
  paren->span = span;
  operands_.back() = paren;
  return SetDepth(*paren, paren->expr->depth + 1U);
}

bool Parser::CloseCall(const Pending& pending, TextSpan span) {
  CallExpr* call = pending.call;
  call->span = span;
  std::size_t depth = 0;
  for (std::size_t i = pending.operands_before; i < operands_.size(); ++i) {
    call->args.push_back(operands_[i]);
    depth = std::max<std::size_t>(depth, operands_[i]->depth);
  }
  operands_.resize(pending.operands_before);
  operands_.push_back(call);
  return CheckOptions(*call) && CheckCall(*call) && SetDepth(*call, depth + 1);
}

bool Parser::CloseAggregate(const Pending& pending, TextSpan span) {
  AggregateExpr* aggregate = pending.aggregate;
  aggregate->span = span;
  const std::size_t count = operands_.size() - pending.operands_before;
  const std::size_t wanted = AggregateOpTakesParameter(aggregate->op) ? 2 : 1;
  if (count != wanted) {
    return Fail(
        span,
        fmt::format("wrong number of arguments for aggregate expression provided, expected {}, got {}", wanted, count),
        wanted == 2 ? fmt::format("{}(<parameter>, <vector>)", AggregateOpText(aggregate->op)) : "");
  }
  aggregate->expr = operands_.back();
  std::size_t depth = aggregate->expr->depth;
  if (wanted == 2) {
    aggregate->param = operands_[pending.operands_before];
    depth = std::max<std::size_t>(depth, aggregate->param->depth);
  }
  operands_.resize(pending.operands_before);
  operands_.push_back(aggregate);
  const Token& behind = lexer_.Peek();
  if (!pending.has_grouping && (behind.Is(Keyword::kBy) || behind.Is(Keyword::kWithout))) {
    if (!ParseGroupingClause(*aggregate)) return false;
  }
  return CheckAggregate(*aggregate) && SetDepth(*aggregate, depth + 1);
}

bool Parser::Finish() {
  if (!ReduceToOpener()) return false;
  if (!pending_.empty()) {
    return Fail({pending_.back().span.end - 1, pending_.back().span.end}, "unclosed left parenthesis");
  }
  ast_.set_root(operands_.back());
  return true;
}

}  // namespace baro::query
