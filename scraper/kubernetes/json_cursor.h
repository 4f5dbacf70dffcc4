// Reads what is wanted of a JSON document and passes over the rest, without building a document.
//
// An object of Kubernetes is mostly text that nobody asks for (who manages which of its fields, volumes, probes): what
// is passed over is checked and costs no memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace baro::scraper {

inline constexpr std::size_t kJsonDepthMax = 64;

/// Goes through a document once, from the front. The first thing that is wrong ends it: all that is read from then on
/// is empty, and Finish() says what it was. `null` reads as an empty value of any type.
///
/// Format   RFC 8259. Names that stand twice are both told.
/// Threads  Confined. Borrows the text.
class JsonCursor {
 public:
  explicit JsonCursor(std::string_view text) : text_(text) {}

  /// Calls `field(name)` for each field of the object here; a value that it leaves unread is passed over. The name is a
  /// loan until it returns.
  template <typename Field>
  void Object(Field&& field) {
    if (!Enter('{')) return;
    std::string scratch;
    for (bool is_first = true; NextElement('}', is_first); is_first = false) {
      const std::string_view name = String(scratch);
      Expect(':');
      const std::size_t before = at_;
      if (!failed()) field(name);
      if (!failed() && at_ == before) Skip();
    }
  }

  /// Calls `element()` for each element of the list here; one that it leaves unread is passed over.
  template <typename Element>
  void Array(Element&& element) {
    if (!Enter('[')) return;
    for (bool is_first = true; NextElement(']', is_first); is_first = false) {
      const std::size_t before = at_;
      element();
      if (!failed() && at_ == before) Skip();
    }
  }

  /// Valid UTF-8.
  std::string Text();
  std::int64_t Integer();
  bool Bool();
  /// The same for fields that may be missing: `null` is nothing.
  std::optional<std::string> OptionalText();
  std::optional<std::int64_t> OptionalInteger();
  std::optional<bool> OptionalBool();

  /// Passes over the value here and returns its text, a loan from the document.
  std::string_view Skip();

  bool failed() const { return error_.has_value(); }
  /// Errors   kInvalidArgument: the first thing that was wrong, or something behind the document's value.
  ///          kLimitExceeded: nested too deep.
  base::Result<> Finish();

 private:
  void Fail(std::string_view what, base::Code code = base::Code::kInvalidArgument);
  void SkipBlanks();
  /// The next character that is no blank, which stays; 0 at the end.
  char Peek();
  void Expect(char c);
  bool TakeNull();
  bool TakeWord(std::string_view word);
  /// Goes into an object or list; false at `null` and after an error.
  bool Enter(char open);
  /// Goes to the next element; false behind the last.
  bool NextElement(char close, bool is_first);
  /// A string's content: a part of the document, or made in `scratch` if it has escapes.
  std::string_view String(std::string& scratch);
  void SkipString();
  void SkipNumber();
  bool TakeDigits();
  void Unescape(std::string& out);
  char32_t HexUnit();

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::optional<base::Error> error_;
};

}  // namespace baro::scraper
