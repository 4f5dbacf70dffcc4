#include "query/parse/lexer.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/duration_text.h"
#include "query/parse/literals.h"

namespace baro::query {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

struct KeywordRow {
  std::string_view word;
  Keyword keyword;
};
constexpr auto kKeywords = std::to_array<KeywordRow>({
    {"anchored", Keyword::kAnchored},
    {"bool", Keyword::kBool},
    {"by", Keyword::kBy},
    {"end", Keyword::kEnd},
    {"fill", Keyword::kFill},
    {"fill_left", Keyword::kFillLeft},
    {"fill_right", Keyword::kFillRight},
    {"group_left", Keyword::kGroupLeft},
    {"group_right", Keyword::kGroupRight},
    {"ignoring", Keyword::kIgnoring},
    {"max_of", Keyword::kMaxOf},
    {"min_of", Keyword::kMinOf},
    {"offset", Keyword::kOffset},
    {"on", Keyword::kOn},
    {"range", Keyword::kRange},
    {"smoothed", Keyword::kSmoothed},
    {"start", Keyword::kStart},
    {"step", Keyword::kStep},
    {"without", Keyword::kWithout},
});
static_assert(std::ranges::is_sorted(kKeywords, {}, &KeywordRow::word));
constexpr std::size_t kKeywordLengthMax = 12;  // count_values

// What the user probably wanted where a character has no meaning.
std::string HintFor(char c) {
  switch (c) {
    case '&':
      return "the logical operator is written `and`";
    case '|':
      return "the logical operator is written `or`";
    case '!':
      return "negation is written `unless`, `!=` or `!~`";
    case '$':
      return "a dashboard variable seems not to have been replaced";
    case '.':
      return R"(names with dots are quoted, in braces: {"some.name"})";
    case ';':
      return "one expression only, without `;`";
    default:
      return static_cast<unsigned char>(c) >= 0x80 ? R"(names beyond ASCII are quoted, in braces: {"name"})" : "";
  }
}

}  // namespace

void ClassifyWord(std::string_view word, Token& token) {
  if (word.size() > kKeywordLengthMax || word.size() < 2) return;
  std::array<char, kKeywordLengthMax> buffer;
  std::ranges::transform(word, buffer.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c; });
  const std::string_view lower(buffer.data(), word.size());
  if (const auto at = std::ranges::lower_bound(kKeywords, lower, {}, &KeywordRow::word);
      at != kKeywords.end() && at->word == lower) {
    token.keyword = at->keyword;
    return;
  }
  for (const BinaryOp op : {BinaryOp::kAnd, BinaryOp::kOr, BinaryOp::kUnless, BinaryOp::kAtan2}) {
    if (BinaryOpText(op) == lower) {
      token.keyword = Keyword::kOperator;
      token.op = op;
      return;
    }
  }
  for (std::size_t i = 0; i < kAggregateOpCount; ++i) {
    if (AggregateOpText(static_cast<AggregateOp>(i)) == lower) {
      token.keyword = Keyword::kAggregate;
      token.aggregate = static_cast<AggregateOp>(i);
      return;
    }
  }
}

bool IsAmbiguousMetricName(std::string_view name) {
  Token token;
  ClassifyWord(name, token);
  switch (token.keyword) {
    case Keyword::kBool:
    case Keyword::kGroupLeft:
    case Keyword::kGroupRight:
      return true;
    default:
      return ParseNumber(name).has_value();
  }
}

const Token& Lexer::Peek(std::size_t ahead) {
  while (ahead_count_ <= ahead) ahead_[ahead_count_++] = Read();
  return ahead_[ahead];
}

Token Lexer::Take() {
  const Token token = Peek();
  ahead_[0] = ahead_[1];
  --ahead_count_;
  return token;
}

Token Lexer::Make(TokenKind kind, std::size_t length) {
  Token token;
  token.kind = kind;
  token.span = {static_cast<std::uint32_t>(at_), static_cast<std::uint32_t>(at_ + length)};
  at_ += length;
  return token;
}

Token Lexer::Fail(std::size_t length, std::string message, std::string hint) {
  error_ = std::move(message);
  error_hint_ = std::move(hint);
  const Token token = Make(TokenKind::kError, length);
  at_ = text_.size();  // nothing behind an error is looked at
  return token;
}

void Lexer::SkipBlanks() {
  while (at_ < text_.size()) {
    if (IsBlank(text_[at_])) {
      ++at_;
    } else if (text_[at_] == '#') {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else {
      return;
    }
  }
}

Token Lexer::Read() {
  if (!error_.empty()) return Make(TokenKind::kError, 0);
  SkipBlanks();
  if (at_ >= text_.size()) return Make(TokenKind::kEnd, 0);
  const char c = text_[at_];
  if (IsDigit(c) || (c == '.' && IsDigit(At(1)))) return ReadNumber();
  if (IsLetter(c) || (c == ':' && !in_braces_ && !in_brackets_)) return ReadWord();
  switch (c) {
    case '"':
    case '\'':
    case '`':
      return ReadString();
    case '(':
      return Make(TokenKind::kLeftParen, 1);
    case ')':
      return Make(TokenKind::kRightParen, 1);
    case '{':
      in_braces_ = true;
      return Make(TokenKind::kLeftBrace, 1);
    case '}':
      in_braces_ = false;
      return Make(TokenKind::kRightBrace, 1);
    case '[':
      in_brackets_ = true;
      return Make(TokenKind::kLeftBracket, 1);
    case ']':
      in_brackets_ = false;
      return Make(TokenKind::kRightBracket, 1);
    case ',':
      return Make(TokenKind::kComma, 1);
    case ':':
      return Make(TokenKind::kColon, 1);
    case '@':
      return Make(TokenKind::kAt, 1);
    default:
      return ReadOperator();
  }
}

Token Lexer::ReadOperator() {
  struct Row {
    std::string_view text;
    TokenKind kind;
    BinaryOp op;
  };
  // Longer ones first.
  static constexpr auto kRows = std::to_array<Row>({
      {"=~", TokenKind::kRegex, {}},
      {"!~", TokenKind::kNotRegex, {}},
      {"==", TokenKind::kOperator, BinaryOp::kEqual},
      {"!=", TokenKind::kOperator, BinaryOp::kNotEqual},
      {"<=", TokenKind::kOperator, BinaryOp::kLessEqual},
      {">=", TokenKind::kOperator, BinaryOp::kGreaterEqual},
      {"</", TokenKind::kOperator, BinaryOp::kTrimUpper},
      {">/", TokenKind::kOperator, BinaryOp::kTrimLower},
      {"=", TokenKind::kAssign, {}},
      {"<", TokenKind::kOperator, BinaryOp::kLess},
      {">", TokenKind::kOperator, BinaryOp::kGreater},
      {"+", TokenKind::kOperator, BinaryOp::kAdd},
      {"-", TokenKind::kOperator, BinaryOp::kSub},
      {"*", TokenKind::kOperator, BinaryOp::kMul},
      {"/", TokenKind::kOperator, BinaryOp::kDiv},
      {"%", TokenKind::kOperator, BinaryOp::kMod},
      {"^", TokenKind::kOperator, BinaryOp::kPow},
  });
  const std::string_view rest = text_.substr(at_);
  for (const Row& row : kRows) {
    if (!rest.starts_with(row.text)) continue;
    Token token = Make(row.kind, row.text.size());
    token.op = row.op;
    return token;
  }
  const std::size_t length = Utf8SequenceLength(rest);
  if (length == 0) return Fail(1, "invalid UTF-8");
  if (length == 1 && (rest[0] < 0x20 || rest[0] == 0x7F)) {
    return Fail(1, fmt::format("unexpected character: 0x{:02x}", static_cast<unsigned char>(rest[0])));
  }
  return Fail(length, fmt::format("unexpected character: '{}'", rest.substr(0, length)), HintFor(rest[0]));
}

Token Lexer::ReadWord() {
  std::size_t length = 0;
  bool has_colon = false;
  for (;; ++length) {
    const char c = At(length);
    if (c == ':' && !in_braces_ && !in_brackets_) {
      has_colon = true;
    } else if (!IsLetter(c) && !IsDigit(c)) {
      break;
    }
  }
  const std::string_view word = text_.substr(at_, length);
  if (has_colon) return Make(TokenKind::kMetricName, length);
  if (length == 3 && !in_braces_) {
    if (const auto number = ParseNumber(word)) {
      Token token = Make(TokenKind::kNumber, length);
      token.value = *number;
      return token;
    }
  }
  Token token = Make(TokenKind::kIdentifier, length);
  ClassifyWord(word, token);
  return token;
}

Token Lexer::ReadNumber() {
  const bool is_hex = At() == '0' && (At(1) == 'x' || At(1) == 'X');
  std::size_t length = 0;
  for (;; ++length) {
    const char c = At(length);
    if (IsDigit(c) || IsLetter(c) || c == '.') continue;
    const char before = length > 0 ? At(length - 1) : '\0';
    const bool is_exponent_sign =
        (c == '+' || c == '-') && (before == 'e' || before == 'E') && !is_hex && IsDigit(At(length + 1));
    if (!is_exponent_sign) break;
  }
  const std::string_view text = text_.substr(at_, length);
  const auto number = ParseNumber(text);
  if (number) {
    Token token = Make(TokenKind::kNumber, length);
    token.value = *number;
    return token;
  }
  if (!number.error().message.empty())
    return Fail(length, fmt::format("{}: {}", number.error().message, text.substr(0, 40)));
  const auto duration = base::ParseDuration(text);
  if (!duration) {
    return Fail(length, fmt::format("bad number or duration syntax: \"{}\"", text.substr(0, 40)),
                "durations are whole numbers with the units y w d h m s ms in this order: 1h30m");
  }
  Token token = Make(TokenKind::kDuration, length);
  token.value = static_cast<double>(duration->count()) / 1000;
  return token;
}

Token Lexer::ReadString() {
  const char quote = text_[at_];
  std::size_t length = 1;
  while (at_ + length < text_.size()) {
    const char c = At(length);
    if (c == quote) return Make(TokenKind::kString, length + 1);
    if (c == '\n' && quote != '`') break;
    if (c == '\\' && quote != '`' && at_ + length + 1 < text_.size() && At(length + 1) != '\n') ++length;
    const std::size_t sequence = Utf8SequenceLength(text_.substr(at_ + length));
    if (sequence == 0) {
      at_ += length;
      return Fail(1, "invalid UTF-8 in string", R"(other bytes are written as escapes: "\xff")");
    }
    length += sequence;
  }
  return Fail(length, quote == '`' ? "unterminated raw string" : "unterminated quoted string");
}

}  // namespace baro::query
