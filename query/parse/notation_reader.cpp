#include "query/parse/notation_reader.h"
#include "base/duration_text.h"
#include "model/quote.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "query/parse/literals.h"

namespace baro::query {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

// The length of the unsigned number at the front; 0 if there is none.
std::size_t NumberLength(std::string_view text) {
  if (text.size() >= 3 && IsLetter(text[0])) {
    const std::string word = LowerCase(text.substr(0, 3));
    return word == "inf" || word == "nan" ? 3 : 0;
  }
  std::size_t length = 0;
  const auto digits = [&] {
    while (length < text.size() && IsDigit(text[length])) ++length;
  };
  digits();
  if (length < text.size() && text[length] == '.') ++length;
  digits();
  if (length < text.size() && (text[length] == 'e' || text[length] == 'E')) {
    std::size_t exponent = length + 1;
    if (exponent < text.size() && (text[exponent] == '+' || text[exponent] == '-')) ++exponent;
    if (exponent < text.size() && IsDigit(text[exponent])) {
      length = exponent;
      digits();
    }
  }
  return length;
}

// One run of buckets without gaps.
void SetBuckets(std::vector<double> counts, std::int32_t offset, std::vector<model::Span>& spans,
                std::vector<double>& buckets) {
  if (counts.empty()) return;
  spans = {{.offset = offset, .length = static_cast<std::uint32_t>(counts.size())}};
  buckets = std::move(counts);
}

}  // namespace

void NotationReader::SkipBlanks() {
  while (!AtEnd() && IsBlank(text_[at_])) ++at_;
}

bool NotationReader::Take(std::string_view expected) {
  if (!text_.substr(at_).starts_with(expected)) return false;
  at_ += expected.size();
  return true;
}

base::Error NotationReader::Unexpected(std::string_view wanted) const {
  const std::string_view rest = text_.substr(at_, 20);
  return {base::Code::kInvalidArgument, fmt::format("series notation, byte {}: expected {}, found {}", at_ + 1, wanted,
                                                    rest.empty() ? "the end" : model::Quoted(rest))};
}

base::Result<double> NotationReader::ReadNumber() {
  const bool is_negative = Peek() == '-';
  std::size_t sign = is_negative || Peek() == '+' ? 1 : 0;
  const std::size_t length = NumberLength(text_.substr(at_ + sign));
  if (length == 0) return Unexpected("a number");
  std::string_view digits = text_.substr(at_ + sign, length);
  // Leading zeros do not make an octal number here.
  while (digits.size() > 1 && digits[0] == '0' && IsDigit(digits[1])) digits.remove_prefix(1);
  const auto value = ParseNumber(digits);
  if (!value) return Unexpected("a number");
  at_ += sign + length;
  return is_negative ? -*value : *value;
}

base::Result<std::int64_t> NotationReader::ReadDurationMs() {
  const bool is_negative = Peek() == '-';
  std::size_t end = at_ + (is_negative || Peek() == '+' ? 1 : 0);
  const std::size_t begin = end;
  // `x` ends it: the repetition.
  while (end < text_.size() && (IsDigit(text_[end]) || (IsLetter(text_[end]) && text_[end] != 'x'))) ++end;
  const auto duration = base::ParseDuration(text_.substr(begin, end - begin));
  if (!duration) return Unexpected("a duration");
  at_ = end;
  return is_negative ? -duration->count() : duration->count();
}

base::Result<std::size_t> NotationReader::ReadRepeats(bool& found) {
  found = Take("x");
  if (!found) return 0;
  std::size_t count = 0;
  const auto end = std::from_chars(text_.data() + at_, text_.data() + text_.size(), count);
  if (end.ec != std::errc()) return Unexpected("how many more times");
  at_ = static_cast<std::size_t>(end.ptr - text_.data());
  return count;
}

std::string_view NotationReader::ReadWord() {
  const std::size_t begin = at_;
  while (!AtEnd() && IsLetter(text_[at_])) ++at_;
  return text_.substr(begin, at_ - begin);
}

base::Result<std::vector<double>> NotationReader::ReadList() {
  if (!Take("[")) return Unexpected("\"[\"");
  std::vector<double> values;
  for (SkipBlanks(); !Take("]"); SkipBlanks()) values.push_back(BARO_TRY(ReadNumber()));
  return values;
}

base::Result<std::int32_t> NotationReader::ReadInteger() {
  const std::size_t begin = at_;
  const double value = BARO_TRY(ReadNumber());
  if (std::trunc(value) == value && std::abs(value) <= std::numeric_limits<std::int32_t>::max()) {
    return static_cast<std::int32_t>(value);
  }
  at_ = begin;
  return Unexpected("a whole number of 32 bits");
}

base::Result<model::CounterResetHint> NotationReader::ReadResetHint() {
  const std::size_t begin = at_;
  const std::string_view word = ReadWord();
  if (word == "unknown") return model::CounterResetHint::kUnknown;
  if (word == "reset") return model::CounterResetHint::kReset;
  if (word == "not_reset") return model::CounterResetHint::kNotReset;
  if (word == "gauge") return model::CounterResetHint::kGauge;
  at_ = begin;
  return Unexpected("unknown, reset, not_reset or gauge");
}

base::Result<NotationHistogram> NotationReader::ReadHistogram() {
  if (!Take("{{")) return Unexpected("\"{{\"");
  auto histogram = std::make_shared<model::FloatHistogram>();
  bool has_reset_hint = false;
  std::vector<double> positive;
  std::vector<double> negative;
  std::int32_t positive_offset = 0;
  std::int32_t negative_offset = 0;
  for (SkipBlanks(); !Take("}}"); SkipBlanks()) {
    const std::size_t begin = at_;
    const std::string_view key = ReadWord();
    if (!Take(":")) return Unexpected("\"<field>:\" or \"}}\"");
    if (key == "schema") {
      histogram->schema = BARO_TRY(ReadInteger());
    } else if (key == "sum") {
      histogram->sum = BARO_TRY(ReadNumber());
    } else if (key == "count") {
      histogram->count = BARO_TRY(ReadNumber());
    } else if (key == "z_bucket") {
      histogram->zero_count = BARO_TRY(ReadNumber());
    } else if (key == "z_bucket_w") {
      histogram->zero_threshold = BARO_TRY(ReadNumber());
    } else if (key == "custom_values") {
      histogram->custom_values = BARO_TRY(ReadList());
    } else if (key == "buckets") {
      positive = BARO_TRY(ReadList());
    } else if (key == "n_buckets") {
      negative = BARO_TRY(ReadList());
    } else if (key == "offset") {
      positive_offset = BARO_TRY(ReadInteger());
    } else if (key == "n_offset") {
      negative_offset = BARO_TRY(ReadInteger());
    } else if (key == "counter_reset_hint") {
      histogram->counter_reset_hint = BARO_TRY(ReadResetHint());
      has_reset_hint = true;
    } else {
      at_ = begin;
      return Unexpected("a field of a histogram");
    }
  }
  SetBuckets(std::move(positive), positive_offset, histogram->positive_spans, histogram->positive_buckets);
  SetBuckets(std::move(negative), negative_offset, histogram->negative_spans, histogram->negative_buckets);
  return NotationHistogram{.histogram = std::move(histogram), .has_reset_hint = has_reset_hint};
}

}  // namespace baro::query
