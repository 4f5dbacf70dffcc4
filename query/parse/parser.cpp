// The parser's entry points, and how errors are told.

#include "query/parser.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "query/parse/literals.h"
#include "query/parse/parser_impl.h"

namespace baro::query {
namespace {

constexpr std::size_t kShownTextBytesMax = 60;

// At most kShownTextBytesMax bytes, cut between characters.
std::string Shorten(std::string_view text) {
  if (text.size() <= kShownTextBytesMax) return std::string(text);
  std::size_t end = kShownTextBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return std::string(text.substr(0, end)) + "…";
}

void Locate(std::string_view query, ParseError& error) {
  const std::string_view before = query.substr(0, error.span.start);
  error.line = 1 + static_cast<std::size_t>(std::ranges::count(before, '\n'));
  const std::size_t newline = before.rfind('\n');
  error.column = 1 + before.size() - (newline == std::string_view::npos ? 0 : newline + 1);
}

// Bytes that stand in one column each are needed under a line: characters beyond ASCII have several bytes but one
// place.
std::size_t CountCharacters(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

ParseOptions ParseOptions::Everything() {
  ParseOptions options;
  options.experimental_functions = true;
  options.extended_range_selectors = true;
  options.binop_fill_modifiers = true;
  return options;
}

std::string ParseError::Summary() const {
  std::string text = fmt::format("{}:{}: parse error: {}", line, column, message);
  if (!hint.empty()) text += fmt::format(" ({})", hint);
  return text;
}

std::string ParseError::Render(std::string_view query) const {
  std::string text = fmt::format("{}:{}: parse error: {}\n", line, column, message);
  const std::size_t at = std::min<std::size_t>(span.start, query.size());
  const std::size_t newline = at == 0 ? std::string_view::npos : query.rfind('\n', at - 1);
  const std::size_t line_start = newline == std::string_view::npos ? 0 : newline + 1;
  const std::size_t line_end = std::min(query.find('\n', at), query.size());
  // Of a long line a window around the fault is shown.
  constexpr std::size_t kContextBytes = 60;
  std::size_t from = at - line_start > kContextBytes ? at - kContextBytes : line_start;
  std::size_t to = std::min(line_end, at + kContextBytes);
  while (from > line_start && (static_cast<unsigned char>(query[from]) & 0xC0U) == 0x80U) --from;
  while (to < line_end && (static_cast<unsigned char>(query[to]) & 0xC0U) == 0x80U) ++to;
  const std::string_view shown = query.substr(from, to - from);
  const std::string_view indent = query.substr(from, at - from);
  const std::size_t marked_end = std::clamp<std::size_t>(span.end, at, to);
  text += "  ";
  for (const char c : shown) text += c == '\t' || c == '\r' ? ' ' : c;
  text += "\n  ";
  text.append(CountCharacters(indent), ' ');
  text.append(std::max<std::size_t>(1, CountCharacters(query.substr(at, marked_end - at))), '^');
  if (!hint.empty()) text += "\n  hint: " + hint;
  return text;
}

bool Parser::Fail(TextSpan span, std::string message, std::string hint) {
  if (!error_) error_ = ParseError{.span = span, .message = std::move(message), .hint = std::move(hint)};
  return false;
}

std::string Parser::Describe(const Token& token) const {
  const std::string text = Shorten(lexer_.TextOf(token));
  switch (token.kind) {
    case TokenKind::kEnd:
      return "end of input";
    case TokenKind::kNumber:
      return fmt::format("number \"{}\"", text);
    case TokenKind::kDuration:
      return fmt::format("duration \"{}\"", text);
    case TokenKind::kString:
      return fmt::format("string {}", text);
    case TokenKind::kIdentifier:
    case TokenKind::kMetricName:
      return fmt::format("{} \"{}\"", token.keyword == Keyword::kNone ? "identifier" : "keyword", text);
    default:
      return fmt::format("\"{}\"", text);
  }
}

bool Parser::FailUnexpected(const Token& token, std::string_view context, std::string_view wanted, std::string hint) {
  if (token.Is(TokenKind::kError)) return Fail(token.span, lexer_.error(), lexer_.error_hint());
  std::string message = "unexpected " + Describe(token);
  if (!context.empty()) message += fmt::format(" in {}", context);
  if (!wanted.empty()) message += fmt::format(", expected {}", wanted);
  return Fail(token.span, std::move(message), std::move(hint));
}

bool Parser::Expect(TokenKind kind, std::string_view context, std::string_view wanted, Token* taken) {
  if (!lexer_.Peek().Is(kind)) return FailUnexpected(lexer_.Peek(), context, wanted);
  const Token token = lexer_.Take();
  if (taken != nullptr) *taken = token;
  return true;
}

bool Parser::CountOperator(TextSpan span) {
  if (++operators_ <= options_.operators_max) return true;
  return Fail(span, fmt::format("too many operators: at most {} are allowed in a query", options_.operators_max));
}

ParseError Parser::TakeError() {
  ParseError error = *std::move(error_);
  Locate(query_, error);
  return error;
}

std::expected<Ast, ParseError> Parser::ParseAll() {
  if (query_.size() > options_.length_bytes_max) {
    Fail({}, fmt::format("query too long: {} bytes, at most {} are allowed", query_.size(), options_.length_bytes_max));
    return std::unexpected(TakeError());
  }
  if (!ParseExpression()) return std::unexpected(TakeError());
  return std::move(ast_);
}

std::expected<std::vector<LabelMatcher>, ParseError> Parser::ParseSelectorOnly() {
  const auto parse = [&] {
    return CheckFront() && ParseSelectorOperand() && Expect(TokenKind::kEnd, "selector", "nothing behind it");
  };
  if (!parse()) return std::unexpected(TakeError());
  return std::move(As<VectorSelector>(operands_.back())->matchers);
}

std::expected<std::vector<LabelMatcher>, ParseError> Parser::ParseLabelSet() {
  auto* selector = ast_.New<VectorSelector>();
  TextSpan name_span;
  const auto parse = [&] {
    if (!CheckFront() || !ParseNameAndBraces(*selector, name_span) || !CheckName(*selector, name_span)) return false;
    for (const LabelMatcher& matcher : selector->matchers) {
      if (matcher.op != MatchOp::kEqual) return Fail(matcher.span, "labels of a series are set with a single `=`");
    }
    return Expect(TokenKind::kEnd, "label set", "nothing behind it");
  };
  if (!parse()) return std::unexpected(TakeError());
  return std::move(selector->matchers);
}

// That the text has a length to be read, and begins like a selector.
bool Parser::CheckFront() {
  if (query_.size() > options_.length_bytes_max) {
    return Fail({}, fmt::format("selector too long: {} bytes, at most {} are allowed", query_.size(),
                                options_.length_bytes_max));
  }
  const Token& first = lexer_.Peek();
  return first.Is(TokenKind::kIdentifier) || first.Is(TokenKind::kMetricName) || first.Is(TokenKind::kLeftBrace) ||
         FailUnexpected(first, "", "a metric name or \"{\"");
}

std::expected<Ast, ParseError> ParseExpression(std::string_view query, const ParseOptions& options) {
  return Parser(query, options).ParseAll();
}

base::Result<Ast> ParseQuery(std::string_view query, const ParseOptions& options) {
  auto ast = ParseExpression(query, options);
  if (!ast) return base::Fail(base::Code::kInvalidArgument, ast.error().Summary());
  return *std::move(ast);
}

base::Result<std::vector<LabelMatcher>> ParseMetricSelector(std::string_view text) {
  const ParseOptions options;
  auto matchers = Parser(text, options).ParseSelectorOnly();
  if (!matchers) return base::Fail(base::Code::kInvalidArgument, matchers.error().Summary());
  return *std::move(matchers);
}

}  // namespace baro::query
