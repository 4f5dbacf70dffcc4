// Duration expressions, as in `[2 * step()]` and `offset (1h + range())`: the same method as for expressions, in small.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "query/parse/parser_impl.h"

namespace baro::query {
namespace {

using Kind = DurationExpr::Kind;

constexpr int kUnaryPrecedence = 5;

Kind KindOf(BinaryOp op) {
  switch (op) {
    case BinaryOp::kSub:
      return Kind::kSub;
    case BinaryOp::kMul:
      return Kind::kMul;
    case BinaryOp::kDiv:
      return Kind::kDiv;
    case BinaryOp::kMod:
      return Kind::kMod;
    case BinaryOp::kPow:
      return Kind::kPow;
    default:
      return Kind::kAdd;
  }
}

int PrecedenceOf(Kind kind) {
  switch (kind) {
    case Kind::kAdd:
    case Kind::kSub:
      return 4;
    case Kind::kPow:
      return 6;
    default:
      return 5;
  }
}

}  // namespace

bool Parser::ParseDuration(DurationUse use, Duration& duration, TextSpan& span) {
  durations_.clear();
  duration_pending_.clear();
  // Behind `offset` an operator belongs to the expression around: `x offset 5m + 2` adds 2 to x.
  const bool single_term = use == DurationUse::kOffset;
  Next next = Next::kOperand;
  while (next != Next::kNothing) {
    const bool is_good = next == Next::kOperand ? ParseDurationOperand(next) : ParseDurationOperator(single_term, next);
    if (!is_good) return false;
  }
  if (!ReduceDurations(0, false)) return false;
  if (!duration_pending_.empty()) {
    const TextSpan open = duration_pending_.back().span;
    return Fail({open.end - 1, open.end}, "unclosed left parenthesis");
  }
  span = durations_.back()->span;
  return FinishDuration(use, durations_.back(), duration);
}

bool Parser::PushDuration(DurationPending pending) {
  if (nesting_ + duration_pending_.size() >= options_.depth_max) {
    return Fail(pending.span, fmt::format("duration expression nested too deeply: at most {} levels are allowed",
                                          options_.depth_max));
  }
  duration_pending_.push_back(pending);
  return true;
}

bool Parser::AddDuration(DurationExpr* expr) {
  for (const DurationExpr* operand : {expr->lhs, expr->rhs}) {
    expr->uses_query = expr->uses_query || (operand != nullptr && operand->uses_query);
  }
  durations_.push_back(expr);
  return true;
}

bool Parser::ParseDurationOperand(Next& next) {
  const Token token = lexer_.Peek();
  switch (token.kind) {
    case TokenKind::kNumber:
    case TokenKind::kDuration: {
      lexer_.Take();
      DurationExpr* literal = ast_.NewDuration();
      literal->value = token.value;
      literal->is_duration = token.Is(TokenKind::kDuration);
      literal->span = token.span;
      next = Next::kOperator;
      return AddDuration(literal);
    }
    case TokenKind::kLeftParen:
      lexer_.Take();
      return PushDuration({DurationPending::Wait::kParen, Kind::kParen, token.span, durations_.size()});
    case TokenKind::kOperator:
      if (!token.IsSign()) break;
      lexer_.Take();
      return CountOperator(token.span) &&
             PushDuration({DurationPending::Wait::kUnary, token.op == BinaryOp::kSub ? Kind::kNegate : Kind::kParen,
                           token.span, durations_.size()});
    case TokenKind::kIdentifier:
      return ParseDurationCall(next);
    default:
      break;
  }
  return FailUnexpected(token, "duration", "a number, a duration such as 5m, step(), range(), min_of() or max_of()");
}

bool Parser::ParseDurationCall(Next& next) {
  const Token word = lexer_.Peek();
  const bool is_step = word.Is(Keyword::kStep);
  const bool is_min = word.Is(Keyword::kMinOf);
  if (!is_step && !is_min && !word.Is(Keyword::kRange) && !word.Is(Keyword::kMaxOf)) {
    return FailUnexpected(word, "duration", "a number, a duration such as 5m, step(), range(), min_of() or max_of()");
  }
  lexer_.Take();
  Token paren;
  if (!Expect(TokenKind::kLeftParen, "duration", "\"(\"", &paren)) return false;
  const TextSpan span = {word.span.start, paren.span.end};
  if (is_min || word.Is(Keyword::kMaxOf)) {
    return PushDuration(
        {DurationPending::Wait::kMinMax, is_min ? Kind::kMinOf : Kind::kMaxOf, span, durations_.size()});
  }
  if (!Expect(TokenKind::kRightParen, "duration", "\")\"", &paren)) return false;
  DurationExpr* call = ast_.NewDuration();
  call->kind = is_step ? Kind::kStep : Kind::kRange;
  call->uses_query = true;
  call->span = {word.span.start, paren.span.end};
  next = Next::kOperator;
  return AddDuration(call);
}

bool Parser::ParseDurationOperator(bool single_term, Next& next) {
  const Token token = lexer_.Peek();
  // Between parentheses everything belongs to the duration.
  const bool is_open = std::ranges::any_of(duration_pending_, [](const DurationPending& pending) {
    return pending.wait == DurationPending::Wait::kParen || pending.wait == DurationPending::Wait::kMinMax;
  });
  next = Next::kNothing;
  if (token.Is(TokenKind::kRightParen) && is_open) {
    next = Next::kOperator;
    return CloseDuration(lexer_.Take().span);
  }
  if (token.Is(TokenKind::kComma) && is_open) {
    next = Next::kOperand;
    if (!ReduceDurations(0, false)) return false;
    const DurationPending& top = duration_pending_.back();
    if (top.wait != DurationPending::Wait::kMinMax || durations_.size() != top.operands_before + 1) {
      return FailUnexpected(token, "duration", "an operator or \")\"");
    }
    lexer_.Take();
    return true;
  }
  const bool is_arithmetic = token.Is(TokenKind::kOperator) && token.op <= BinaryOp::kPow;
  if (!is_arithmetic || (single_term && !is_open)) {
    return !is_open || FailUnexpected(token, "duration", "an operator or \")\"");
  }
  next = Next::kOperand;
  lexer_.Take();
  const Kind kind = KindOf(token.op);
  return CountOperator(token.span) && ReduceDurations(PrecedenceOf(kind), kind == Kind::kPow) &&
         PushDuration({DurationPending::Wait::kBinary, kind, token.span, durations_.size()});
}

bool Parser::CloseDuration(TextSpan end) {
  if (!ReduceDurations(0, false)) return false;
  const DurationPending top = duration_pending_.back();
  duration_pending_.pop_back();
  const std::size_t count = durations_.size() - top.operands_before;
  DurationExpr* expr = ast_.NewDuration();
  expr->kind = top.kind;
  expr->span = {top.span.start, end.end};
  if (top.wait == DurationPending::Wait::kMinMax) {
    if (count != 2)
      return Fail(expr->span, fmt::format("{} wants 2 durations, got {}", lexer_.TextOf(expr->span), count));
    expr->rhs = durations_.back();
    durations_.pop_back();
  }
  expr->lhs = durations_.back();
  durations_.pop_back();
  return AddDuration(expr);
}

bool Parser::ReduceDurations(int precedence, bool right_associative) {
  while (!duration_pending_.empty()) {
    const DurationPending& top = duration_pending_.back();
    int waiting = 0;
    if (top.wait == DurationPending::Wait::kUnary) {
      waiting = kUnaryPrecedence;
    } else if (top.wait == DurationPending::Wait::kBinary) {
      waiting = PrecedenceOf(top.kind);
    } else {
      break;
    }
    if (waiting < precedence || (waiting == precedence && right_associative)) break;
    if (!ReduceDurationTop()) return false;
  }
  return true;
}

bool Parser::ReduceDurationTop() {
  const DurationPending top = duration_pending_.back();
  duration_pending_.pop_back();
  DurationExpr* operand = durations_.back();
  durations_.pop_back();
  if (top.wait == DurationPending::Wait::kUnary) {
    if (top.kind != Kind::kNegate) {  // a plus sign changes nothing
      operand->span.start = top.span.start;
      return AddDuration(operand);
    }
    if (operand->kind == Kind::kLiteral) {
      // No minus zero among durations: it could not be printed.
      if (!operand->is_duration || operand->value != 0) operand->value = -operand->value;
      operand->span.start = top.span.start;
      return AddDuration(operand);
    }
  }
  DurationExpr* expr = ast_.NewDuration();
  expr->kind = top.kind;
  if (top.wait == DurationPending::Wait::kBinary) {
    expr->rhs = operand;
    expr->lhs = durations_.back();
    durations_.pop_back();
    expr->span = {expr->lhs->span.start, operand->span.end};
  } else {
    expr->lhs = operand;
    expr->span = {top.span.start, operand->span.end};
  }
  return AddDuration(expr);
}

bool Parser::FinishDuration(DurationUse use, DurationExpr* root, Duration& duration) {
  if (root->kind != Kind::kLiteral && !options_.duration_expressions) {
    return Fail(root->span, "duration expressions are switched off: want a plain duration such as 5m");
  }
  duration.expr = root;
  if (!root->uses_query) {
    const auto ms = ResolveDuration(duration, use, {});
    if (!ms) return Fail(root->span, ms.error().message());
    duration.ms = *ms;
  }
  if (root->kind == Kind::kLiteral) duration.expr = nullptr;
  return true;
}

}  // namespace baro::query
