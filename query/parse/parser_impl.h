// The parser's state: operator precedence on explicit stacks, so that no input makes it recurse.
//
// An expression is read as operands and operators in turn. Operators, open parentheses, calls and aggregations wait on
// `pending_` until what follows says that their operands are complete; finished operands are on `operands_`. Selectors,
// modifiers and duration expressions are read by functions of their own, in selector.cpp and duration_parser.cpp; types
// are checked when a node is finished, in node_checks.cpp.
//
// Threads  Confined to its caller.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/ast.h"
#include "query/duration.h"
#include "query/parse/lexer.h"
#include "query/parser.h"

namespace baro::query {

class Parser {
 public:
  /// Borrows `query`, which outlives the parser.
  Parser(std::string_view query, const ParseOptions& options) : query_(query), options_(options), lexer_(query) {}

  std::expected<Ast, ParseError> ParseAll();
  /// A vector selector and nothing behind it.
  std::expected<std::vector<LabelMatcher>, ParseError> ParseSelectorOnly();
  /// Labels as in series notation: `name{a="b"}` with equalities only, possibly none, and nothing behind them.
  std::expected<std::vector<LabelMatcher>, ParseError> ParseLabelSet();

 private:
  enum class Wait : std::uint8_t { kUnary, kBinary, kParen, kCall, kAggregate };
  // What may come next in an expression.
  enum class Next : std::uint8_t { kOperand, kOperator, kNothing };

  // What waits for its operands.
  struct Pending {
    Wait wait = Wait::kParen;
    TextSpan span;                 // of the operator, or of everything up to the opening parenthesis
    std::size_t operands_before;   // operands_.size() when it began
    BinaryExpr* binary = nullptr;  // kBinary: with operator and modifiers
    CallExpr* call = nullptr;
    AggregateExpr* aggregate = nullptr;
    bool has_grouping = false;  // kAggregate: the clause stood in front
    bool negate = false;        // kUnary
  };

  // All functions that return bool or a pointer tell failure by false or null, with error_ set.

  // expression.cpp
  bool ParseExpression();
  bool ParseOperand(Next& next);
  bool ParseWordOperand(Next& next);
  bool ParseAfterOperand(Next& next);
  bool ParseWordAfterOperand(Next& next);
  bool ParseBinaryOperator();
  bool BeginCall(Next& next);
  bool BeginAggregate();
  bool BeginUnary();
  bool Push(Pending pending);
  bool Close();
  bool CloseCall(const Pending& pending, TextSpan span);
  bool CloseAggregate(const Pending& pending, TextSpan span);
  bool NextArgument();
  bool Finish();
  bool ReduceWhile(int precedence, bool right_associative);
  bool ReduceToOpener();
  bool ReduceTop();

  // binary_modifiers.cpp
  bool ParseBinaryModifiers(BinaryExpr& binary);
  bool ParseMatchingClause(BinaryExpr& binary);
  bool ParseGroupClause(BinaryExpr& binary);
  bool ParseFillClauses(BinaryExpr& binary);
  bool ParseFillValue(double& value);
  bool ParseLabelList(std::string_view clause, std::vector<std::string>& labels);
  bool ParseGroupingLabel(std::string_view clause, std::vector<std::string>& labels);
  bool ParseGroupingClause(AggregateExpr& aggregate);

  // selector.cpp
  bool ParseNumberOperand();
  bool ParseStringOperand();
  bool ParseSelectorOperand();
  bool ParseNameAndBraces(VectorSelector& selector, TextSpan& name_span);
  bool ParseBraces(VectorSelector& selector, TextSpan& name_span);
  bool ParseMatcher(VectorSelector& selector, TextSpan& name_span);
  bool ParseMatcherValue(LabelMatcher& matcher);
  bool CheckName(VectorSelector& selector, TextSpan name_span);
  bool CheckSelector(VectorSelector& selector, bool may_match_empty);
  bool ParseStringToken(const Token& token, std::string& value);
  bool ParseBrackets();
  bool FinishMatrixSelector(Expr& operand, Duration range, TextSpan brackets);
  bool FinishSubquery(Expr& operand, Duration range, Duration step, TextSpan brackets);
  bool ParseOffset();
  bool ParseAt();
  bool ParseAtTime(TimeModifiers& modifiers, TextSpan at_span, std::uint32_t& end);
  bool ParseExtension();
  TimeModifiers* ModifiersOf(Expr& operand, std::string_view what, TextSpan span);

  // duration_parser.cpp
  struct DurationPending {
    enum class Wait : std::uint8_t { kUnary, kBinary, kParen, kMinMax } wait;
    DurationExpr::Kind kind;
    TextSpan span;
    std::size_t operands_before;
  };
  /// A whole expression, or, for `offset`, a signed term only.
  bool ParseDuration(DurationUse use, Duration& duration, TextSpan& span);
  bool ParseDurationOperand(Next& next);
  bool ParseDurationCall(Next& next);
  bool ParseDurationOperator(bool single_term, Next& next);
  bool CloseDuration(TextSpan end);
  bool ReduceDurations(int precedence, bool right_associative);
  bool ReduceDurationTop();
  bool PushDuration(DurationPending pending);
  bool AddDuration(DurationExpr* expr);
  bool FinishDuration(DurationUse use, DurationExpr* root, Duration& duration);

  // node_checks.cpp
  bool CheckBinary(BinaryExpr& binary);
  bool CheckMatching(BinaryExpr& binary);
  bool CheckCall(const CallExpr& call);
  bool CheckInfoArguments(const CallExpr& call);
  bool CheckAggregate(const AggregateExpr& aggregate);
  bool CheckOptions(const CallExpr& call);
  std::string HintForArgument(ValueType want, const Expr& arg) const;
  std::string SuggestFunction(std::string_view name) const;
  std::string SuggestKeyword(std::string_view word) const;

  bool CheckFront();
  bool SetDepth(Expr& expr, std::size_t depth);
  bool Fail(TextSpan span, std::string message, std::string hint = {});
  bool FailUnexpected(const Token& token, std::string_view context, std::string_view wanted, std::string hint = {});
  bool CountOperator(TextSpan span);
  /// Takes the next token if it is of this kind; else fails.
  bool Expect(TokenKind kind, std::string_view context, std::string_view wanted, Token* taken = nullptr);
  std::string Describe(const Token& token) const;
  ParseError TakeError();

  std::string_view query_;
  const ParseOptions& options_;
  Lexer lexer_;
  Ast ast_;
  std::vector<Expr*> operands_;
  std::vector<Pending> pending_;
  std::vector<DurationExpr*> durations_;
  std::vector<DurationPending> duration_pending_;
  std::size_t nesting_ = 0;  // of pending_: everything but left-associative operators
  std::size_t operators_ = 0;
  std::optional<ParseError> error_;
};

}  // namespace baro::query
