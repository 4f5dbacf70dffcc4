// The words of PromQL.
//
// Threads  A Lexer is confined to its caller.
// Cost     Tokens are made when asked for: a query that is wrong at its front is not read to its end.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "query/ast.h"

namespace baro::query {

enum class TokenKind : std::uint8_t {
  kEnd,
  kError,       ///< Lexer::error() says what is wrong
  kIdentifier,  ///< a word without colon; `keyword` tells which if it is one
  kMetricName,  ///< a word with a colon in it
  kNumber,      ///< `value`
  kDuration,    ///< `value` in seconds
  kString,      ///< still quoted
  kLeftParen,
  kRightParen,
  kLeftBrace,
  kRightBrace,
  kLeftBracket,
  kRightBracket,
  kComma,
  kColon,
  kAt,
  kAssign,    ///< =
  kRegex,     ///< =~
  kNotRegex,  ///< !~
  kOperator,  ///< a binary operator that is no word: `op`
};

enum class Keyword : std::uint8_t {
  kNone,
  kAggregate,  ///< `aggregate`
  kOperator,   ///< and, or, unless, atan2: `op`
  kBy,
  kWithout,
  kOn,
  kIgnoring,
  kGroupLeft,
  kGroupRight,
  kBool,
  kFill,  ///< a keyword only before `(`, like the next two
  kFillLeft,
  kFillRight,
  kOffset,
  kAnchored,
  kSmoothed,
  kStart,
  kEnd,
  kStep,
  kRange,
  kMinOf,
  kMaxOf,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  Keyword keyword = Keyword::kNone;
  BinaryOp op = BinaryOp::kAdd;
  AggregateOp aggregate = AggregateOp::kSum;
  TextSpan span;
  double value = 0;

  bool Is(TokenKind kind_) const { return kind == kind_; }
  bool Is(Keyword keyword_) const { return keyword == keyword_; }
  bool IsSign() const { return kind == TokenKind::kOperator && (op == BinaryOp::kAdd || op == BinaryOp::kSub); }
};

/// Cuts a query into tokens, with a view of the next two.
class Lexer {
 public:
  /// Borrows `text`, at most 4 GiB, which outlives the lexer.
  explicit Lexer(std::string_view text) : text_(text) {}

  /// The next token, or the one behind it. Valid until Take().
  const Token& Peek(std::size_t ahead = 0);
  /// Removes the next token.
  Token Take();

  std::string_view TextOf(TextSpan span) const { return text_.substr(span.start, span.end - span.start); }
  std::string_view TextOf(const Token& token) const { return TextOf(token.span); }

  /// About the first kError token.
  const std::string& error() const { return error_; }
  const std::string& error_hint() const { return error_hint_; }

 private:
  Token Read();
  Token ReadWord();
  Token ReadNumber();
  Token ReadString();
  Token ReadOperator();
  Token Make(TokenKind kind, std::size_t length);
  Token Fail(std::size_t length, std::string message, std::string hint = {});
  void SkipBlanks();
  char At(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  std::string_view text_;
  std::size_t at_ = 0;
  bool in_braces_ = false;    // words are label names: no colon in them, and Inf is one
  bool in_brackets_ = false;  // `:` stands alone
  std::array<Token, 2> ahead_;
  std::size_t ahead_count_ = 0;
  std::string error_;
  std::string error_hint_;
};

/// The keyword that a word is in any case; kNone if it is none. Fills `op` and `aggregate` of `token` where they apply.
void ClassifyWord(std::string_view word, Token& token);

/// True if this metric name cannot be printed bare because the parser would take it for a modifier or a number.
bool IsAmbiguousMetricName(std::string_view name);

}  // namespace baro::query
