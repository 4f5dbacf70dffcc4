#include "config/sections/kubernetes_selector.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace baro::config {
namespace {

using base::Code;
using base::Fail;

bool IsAlnum(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

/// Up to 63 letters, digits and any of -_. that begin and end with a letter or digit.
bool IsName(std::string_view text) {
  constexpr std::size_t kBytesMax = 63;
  return !text.empty() && text.size() <= kBytesMax && IsAlnum(text.front()) && IsAlnum(text.back()) &&
         std::ranges::all_of(text, [](char c) { return IsAlnum(c) || c == '-' || c == '_' || c == '.'; });
}

/// A DNS name in lower case.
bool IsPrefix(std::string_view text) {
  constexpr std::size_t kBytesMax = 253;
  return text.size() <= kBytesMax && !text.empty() && IsAlnum(text.front()) && IsAlnum(text.back()) &&
         std::ranges::all_of(text, [](char c) {
           return (IsAlnum(c) && std::isupper(static_cast<unsigned char>(c)) == 0) || c == '-' || c == '.';
         });
}

bool IsKey(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return IsName(text);
  return IsPrefix(text.substr(0, slash)) && IsName(text.substr(slash + 1));
}

/// Reads requirements off the front of a label selector.
///
/// Threads  Confined.
class LabelSelectorReader {
 public:
  explicit LabelSelectorReader(std::string_view text) : text_(text) {}

  base::Result<> Read() {
    SkipBlanks();
    if (IsAtEnd()) return {};
    for (;;) {
      BARO_TRY(ReadRequirement());
      SkipBlanks();
      if (IsAtEnd()) return {};
      if (!Take(",")) return Error("expected \",\" or the end");
    }
  }

 private:
  bool IsAtEnd() const { return at_ == text_.size(); }

  void SkipBlanks() {
    while (!IsAtEnd() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
  }

  bool Take(std::string_view token) {
    SkipBlanks();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }

  /// Up to a blank or an operator.
  std::string_view TakeWord() {
    SkipBlanks();
    const std::size_t end = std::min(text_.find_first_of(" \t\r\n=!(),<>", at_), text_.size());
    const std::string_view word = text_.substr(at_, end - at_);
    at_ = end;
    return word;
  }

  std::unexpected<base::Error> Error(std::string_view what) const {
    return Fail(Code::kInvalidArgument, fmt::format("at character {}: {}", at_ + 1, what));
  }

  base::Result<> ReadRequirement() {
    const bool is_negated = Take("!");
    const std::string_view key = TakeWord();
    if (!IsKey(key)) return Error(fmt::format("\"{}\" is not a valid label key", key));
    SkipBlanks();
    if (is_negated || IsAtEnd() || text_[at_] == ',') return {};
    if (Take("==") || Take("=") || Take("!=")) return ReadValue();
    if (Take(">") || Take("<")) return ReadNumber();
    const std::string_view word = TakeWord();
    if (word != "in" && word != "notin") return Error("expected one of =, ==, !=, in, notin, <, >");
    return ReadSet();
  }

  base::Result<> ReadValue() {
    const std::string_view value = TakeWord();
    if (!value.empty() && !IsName(value)) return Error(fmt::format("\"{}\" is not a valid label value", value));
    return {};
  }

  base::Result<> ReadNumber() {
    const std::string_view value = TakeWord();
    const std::string_view digits = value.substr(value.starts_with('-') ? 1 : 0);
    if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) {
      return Error("expected a whole number");
    }
    return {};
  }

  base::Result<> ReadSet() {
    if (!Take("(")) return Error("expected \"(\"");
    do {
      BARO_TRY(ReadValue());
    } while (Take(","));
    if (!Take(")")) return Error("expected \",\" or \")\"");
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

base::Result<> CheckLabelSelector(std::string_view text) { return LabelSelectorReader(text).Read(); }

base::Result<> CheckFieldSelector(std::string_view text) {
  while (!text.empty()) {
    std::size_t end = 0;  // of the term; a backslash takes the meaning from the comma behind it
    while (end < text.size() && text[end] != ',') end += text[end] == '\\' && end + 1 < text.size() ? 2 : 1;
    const std::string_view term = text.substr(0, end);
    if (!term.empty() && term.find('=') == std::string_view::npos) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("expected terms such as metadata.name=x or status.phase!=y, found \"{}\"", term));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

}  // namespace baro::config
