// A cursor over one line of series notation.
//
// Threads  Confined to its caller.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/histogram.h"

namespace baro::query {

/// A histogram as written.
struct NotationHistogram {
  std::shared_ptr<const model::FloatHistogram> histogram;
  bool has_reset_hint = false;
};

class NotationReader {
 public:
  /// Borrows `text`, which outlives the reader.
  explicit NotationReader(std::string_view text) : text_(text) {}

  void SkipBlanks();
  bool AtEnd() const { return at_ >= text_.size(); }
  /// True at the end and before a blank.
  bool AtValueEnd() const { return AtEnd() || IsBlank(text_[at_]); }
  char Peek() const { return AtEnd() ? '\0' : text_[at_]; }
  /// Takes that text if it is next.
  bool Take(std::string_view expected);

  /// A number with an optional sign: decimal, Inf or NaN. No hexadecimal: `0x3` is 0 three more times.
  base::Result<double> ReadNumber();
  /// A duration or plain seconds, with an optional sign.
  base::Result<std::int64_t> ReadDurationMs();
  /// `x<count>` if it is next; else 0, and `found` is false.
  base::Result<std::size_t> ReadRepeats(bool& found);
  /// `{{…}}`.
  base::Result<NotationHistogram> ReadHistogram();

  /// kInvalidArgument with the place.
  base::Error Unexpected(std::string_view wanted) const;

 private:
  static bool IsBlank(char c) { return c == ' ' || c == '\t'; }
  base::Result<std::vector<double>> ReadList();
  base::Result<std::int32_t> ReadInteger();
  base::Result<model::CounterResetHint> ReadResetHint();
  std::string_view ReadWord();

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace baro::query
