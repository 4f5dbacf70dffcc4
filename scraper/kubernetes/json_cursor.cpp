#include "scraper/kubernetes/json_cursor.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "model/names.h"

namespace baro::scraper {
namespace {

using base::Code;

constexpr char32_t kReplacement = 0xFFFD;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsHighSurrogate(char32_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool IsLowSurrogate(char32_t unit) { return unit >= 0xDC00 && unit < 0xE000; }

void AppendUtf8(std::string& out, char32_t rune) {
  const auto byte = [](char32_t bits) { return static_cast<char>(static_cast<unsigned char>(bits)); };
  if (rune < 0x80) {
    out += byte(rune);
  } else if (rune < 0x800) {
    out += byte(0xC0 | (rune >> 6));
    out += byte(0x80 | (rune & 0x3F));
  } else if (rune < 0x10000) {
    out += byte(0xE0 | (rune >> 12));
    out += byte(0x80 | ((rune >> 6) & 0x3F));
    out += byte(0x80 | (rune & 0x3F));
  } else {
    out += byte(0xF0 | (rune >> 18));
    out += byte(0x80 | ((rune >> 12) & 0x3F));
    out += byte(0x80 | ((rune >> 6) & 0x3F));
    out += byte(0x80 | (rune & 0x3F));
  }
}

}  // namespace

void JsonCursor::Fail(std::string_view what, Code code) {
  if (error_) return;
  error_ = base::Error(code, fmt::format("not as expected at byte {}: {}", at_, what));
  at_ = text_.size();
}

void JsonCursor::SkipBlanks() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return;
    ++at_;
  }
}

char JsonCursor::Peek() {
  SkipBlanks();
  return at_ < text_.size() ? text_[at_] : '\0';
}

void JsonCursor::Expect(char c) {
  if (failed()) return;
  if (Peek() != c) return Fail(fmt::format("want '{}'", c));
  ++at_;
  SkipBlanks();
}

bool JsonCursor::TakeWord(std::string_view word) {
  SkipBlanks();
  if (!text_.substr(at_).starts_with(word)) return false;
  at_ += word.size();
  return true;
}

bool JsonCursor::TakeNull() { return failed() || TakeWord("null"); }

bool JsonCursor::Enter(char open) {
  if (TakeNull()) return false;
  if (Peek() != open) {
    Fail(open == '{' ? "want an object" : "want a list");
    return false;
  }
  if (depth_ == kJsonDepthMax) {
    Fail(fmt::format("nested deeper than {} levels", kJsonDepthMax), Code::kLimitExceeded);
    return false;
  }
  ++depth_;
  ++at_;
  return true;
}

bool JsonCursor::NextElement(char close, bool is_first) {
  if (failed()) return false;
  const char c = Peek();
  if (c == close) {
    ++at_;
    --depth_;
    return false;
  }
  if (is_first) return true;
  if (c != ',') {
    Fail(fmt::format("want ',' or '{}'", close));
    return false;
  }
  ++at_;
  SkipBlanks();
  return true;
}

std::string_view JsonCursor::String(std::string& scratch) {
  if (failed()) return {};
  const std::size_t quote = at_;
  SkipString();
  if (failed()) return {};
  const std::string_view content = text_.substr(quote + 1, at_ - quote - 2);
  const auto is_plain = [](char c) { return c != '\\' && static_cast<unsigned char>(c) < 0x80; };
  if (std::ranges::all_of(content, is_plain)) return content;
  const std::size_t end = at_;
  scratch.clear();
  for (at_ = quote + 1; at_ < end - 1 && !failed();) {
    if (text_[at_] == '\\') {
      Unescape(scratch);
    } else {
      scratch += text_[at_++];
    }
  }
  if (failed()) return {};
  at_ = end;
  if (!model::IsValidUtf8(scratch)) Fail("a text is not valid UTF-8");
  return scratch;
}

/// Appends what the escape here stands for.
void JsonCursor::Unescape(std::string& out) {
  constexpr std::string_view kNames = "\"\\/bfnrt";
  constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
  ++at_;
  const char c = text_[at_++];  // SkipString() saw it
  if (c != 'u') {
    out += kValues[kNames.find(c)];
    return;
  }
  const char32_t unit = HexUnit();
  if (!IsHighSurrogate(unit)) return AppendUtf8(out, IsLowSurrogate(unit) ? kReplacement : unit);
  if (!text_.substr(at_).starts_with("\\u")) return AppendUtf8(out, kReplacement);
  const std::size_t before = at_;
  at_ += 2;
  const char32_t low = HexUnit();
  if (!IsLowSurrogate(low)) {
    at_ = before;  // it is a character of its own
    return AppendUtf8(out, kReplacement);
  }
  AppendUtf8(out, 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
}

/// Four digits, which SkipString() saw.
char32_t JsonCursor::HexUnit() {
  std::uint32_t unit = 0;
  std::from_chars(text_.data() + at_, text_.data() + at_ + 4, unit, 16);
  at_ += 4;
  return unit;
}

/// Checks the string as it goes.
void JsonCursor::SkipString() {
  if (at_ >= text_.size() || text_[at_] != '"') return Fail("want a text");
  ++at_;
  for (; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (c == '"') {
      ++at_;
      return;
    }
    if (static_cast<unsigned char>(c) < 0x20) return Fail("a control character in a text");
    if (c != '\\') continue;
    ++at_;
    if (at_ == text_.size() || std::string_view("\"\\/bfnrtu").find(text_[at_]) == std::string_view::npos) {
      return Fail("an unknown escape in a text");
    }
    if (text_[at_] != 'u') continue;
    const std::string_view digits = text_.substr(at_ + 1, 4);
    if (digits.size() < 4 || digits.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos) {
      return Fail("an unknown escape in a text");
    }
    at_ += 4;
  }
  Fail("a text without an end");
}

bool JsonCursor::TakeDigits() {
  const std::size_t before = at_;
  while (at_ < text_.size() && IsDigit(text_[at_])) ++at_;
  return at_ > before;
}

void JsonCursor::SkipNumber() {
  if (at_ < text_.size() && text_[at_] == '-') ++at_;
  const std::size_t digits = at_;
  if (!TakeDigits()) return Fail("want a value");
  if (text_[digits] == '0' && at_ > digits + 1) return Fail("a number that begins with 0");
  if (at_ < text_.size() && text_[at_] == '.') {
    ++at_;
    if (!TakeDigits()) return Fail("want a digit behind the point");
  }
  if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
    ++at_;
    if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
    if (!TakeDigits()) return Fail("want a digit in the exponent");
  }
}

std::string_view JsonCursor::Skip() {
  if (failed()) return {};
  const char c = Peek();
  const std::size_t from = at_;
  if (c == '{') {
    Object([](std::string_view) {});
  } else if (c == '[') {
    Array([] {});
  } else if (c == '"') {
    SkipString();
  } else if (!TakeWord("null") && !TakeWord("true") && !TakeWord("false")) {
    SkipNumber();
  }
  return failed() ? std::string_view() : text_.substr(from, at_ - from);
}

std::optional<std::string> JsonCursor::OptionalText() {
  if (TakeNull()) return std::nullopt;
  std::string scratch;
  const std::string_view text = String(scratch);
  if (failed()) return std::nullopt;
  return text.data() == scratch.data() ? std::move(scratch) : std::string(text);
}

std::optional<std::int64_t> JsonCursor::OptionalInteger() {
  if (TakeNull()) return std::nullopt;
  const std::size_t from = at_;
  SkipNumber();
  if (failed()) return std::nullopt;
  std::int64_t value = 0;
  const char* const end = text_.data() + at_;
  const auto parsed = std::from_chars(text_.data() + from, end, value);
  if (parsed.ec == std::errc() && parsed.ptr == end) return value;
  at_ = from;
  Fail("want a whole number of 64 bits");
  return std::nullopt;
}

std::optional<bool> JsonCursor::OptionalBool() {
  if (TakeNull()) return std::nullopt;
  if (TakeWord("true")) return true;
  if (TakeWord("false")) return false;
  Fail("want true or false");
  return std::nullopt;
}

std::string JsonCursor::Text() { return OptionalText().value_or(""); }
std::int64_t JsonCursor::Integer() { return OptionalInteger().value_or(0); }
bool JsonCursor::Bool() { return OptionalBool().value_or(false); }

base::Result<> JsonCursor::Finish() {
  if (!failed() && Peek() != '\0') Fail("something behind the end");
  if (!failed() && at_ < text_.size()) Fail("something behind the end");
  if (error_) return *error_;
  return {};
}

}  // namespace baro::scraper
