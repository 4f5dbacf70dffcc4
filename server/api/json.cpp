#include "server/api/json.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "base/number_text.h"

namespace baro::server {
namespace {

void AppendEscaped(std::string& out, char c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  const auto byte = static_cast<unsigned char>(c);
  out += "\\u00";
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

constexpr std::uint64_t kOnes = 0x0101010101010101;
constexpr std::uint64_t kHighs = 0x8080808080808080;

/// Not zero if a byte of the word is a control character, a quote, a backslash or not ASCII.
std::uint64_t NotPlain(std::uint64_t word) {
  // A high bit where a byte of `word` is zero; bytes above a zero one may show one too, which is no harm here.
  const auto zeros = [](std::uint64_t each) { return (each - kOnes) & ~each & kHighs; };
  const std::uint64_t below_space = (word - kOnes * 0x20) & ~word & kHighs;
  return (word & kHighs) | below_space | zeros(word ^ kOnes * '"') | zeros(word ^ kOnes * '\\');
}

template <typename Word>
std::uint64_t CopyWord(char* out, const char* in) {
  Word word = 0;
  std::memcpy(&word, in, sizeof(word));
  std::memcpy(out, &word, sizeof(word));
  if constexpr (sizeof(Word) == sizeof(std::uint64_t)) return word;
  return word | (kOnes * ' ' << (8 * sizeof(word) % 64));  // blanks are plain
}

/// Copies the text, and remembers in `bad` whether it needs escapes or repair. Returns the end of the copy.
/// Words overlap at the end, so that there is no loop over single bytes.
char* CopyPlain(std::string_view text, char* out, std::uint64_t& bad) {
  const std::size_t size = text.size();
  const char* const in = text.data();
  if (size >= 8) {
    for (std::size_t at = 0; at + 8 < size; at += 8) bad |= NotPlain(CopyWord<std::uint64_t>(out + at, in + at));
    bad |= NotPlain(CopyWord<std::uint64_t>(out + size - 8, in + size - 8));
  } else if (size >= 4) {
    bad |=
        NotPlain(CopyWord<std::uint32_t>(out, in)) | NotPlain(CopyWord<std::uint32_t>(out + size - 4, in + size - 4));
  } else {
    for (std::size_t at = 0; at < size; ++at) bad |= NotPlain(CopyWord<std::uint8_t>(out + at, in + at));
  }
  return out + size;
}

/// The labels as JSON, if none of them needs escapes or repair; null otherwise.
char* CopyPlainLabels(const model::Labels& labels, char* at) {
  std::uint64_t bad = 0;
  char separator = '{';
  for (const model::LabelView label : labels) {
    *at++ = separator;
    separator = ',';
    *at++ = '"';
    at = CopyPlain(label.name, at, bad);
    at = std::ranges::copy(std::string_view("\":\""), at).out;
    at = CopyPlain(label.value, at, bad);
    *at++ = '"';
  }
  *at++ = '}';
  return bad == 0 ? at : nullptr;
}

/// How the API numbers the inclusion of a bucket's ends: 0 (lower, upper], 1 [lower, upper), 2 open, 3 closed.
int BucketRule(const model::Bucket& bucket) {
  if (bucket.is_lower_inclusive) return bucket.is_upper_inclusive ? 3 : 1;
  return bucket.is_upper_inclusive ? 0 : 2;
}

}  // namespace

void AppendJsonString(std::string& out, std::string_view text) {
  const std::size_t begin = out.size();
  std::uint64_t bad = 0;
  out.resize_and_overwrite(begin + text.size() + 2, [&](char* bytes, std::size_t) {
    bytes[begin] = '"';
    char* const end = CopyPlain(text, bytes + begin + 1, bad);
    *end = '"';
    return bad == 0 ? begin + text.size() + 2 : begin + 1;
  });
  if (bad == 0) return;
  std::string repaired;
  if (!model::IsValidUtf8(text)) {
    model::AppendValidUtf8(repaired, text);
    text = repaired;
  }
  std::size_t clean = 0;  // start of what needs no escape
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\') continue;
    out += text.substr(clean, i - clean);
    AppendEscaped(out, c);
    clean = i + 1;
  }
  out += text.substr(clean);
  out += '"';
}

void AppendJsonTime(std::string& out, std::int64_t time_ms) {
  const std::uint64_t magnitude =
      time_ms < 0 ? 0 - static_cast<std::uint64_t>(time_ms) : static_cast<std::uint64_t>(time_ms);
  if (time_ms < 0) out += '-';
  const fmt::format_int seconds(magnitude / 1000);
  out.append(seconds.data(), seconds.size());
  if (const unsigned fraction = magnitude % 1000; fraction != 0) {
    out += '.';
    out += static_cast<char>('0' + fraction / 100);
    out += static_cast<char>('0' + fraction / 10 % 10);
    out += static_cast<char>('0' + fraction % 10);
  }
}

void AppendJsonValue(std::string& out, double value) {
  out += '"';
  base::AppendFloat(out, value);
  out += '"';
}

void AppendJsonLabels(std::string& out, const model::Labels& labels) {
  if (labels.empty()) {
    out += "{}";
    return;
  }
  // Packed, a label takes two bytes beside its texts, and four at least; here it takes six, and the braces one more.
  const std::size_t begin = out.size();
  bool is_plain = false;
  out.resize_and_overwrite(begin + 2 * labels.packed().size() + 1, [&](char* bytes, std::size_t) {
    const char* const end = CopyPlainLabels(labels, bytes + begin);
    is_plain = end != nullptr;
    return is_plain ? static_cast<std::size_t>(end - bytes) : begin;
  });
  if (is_plain) return;
  char separator = '{';
  for (const model::LabelView label : labels) {
    out += separator;
    separator = ',';
    AppendJsonString(out, label.name);
    out += ':';
    AppendJsonString(out, label.value);
  }
  out += '}';
}

void AppendJsonHistogram(std::string& out, const model::FloatHistogram& histogram) {
  out += "{\"count\":";
  AppendJsonValue(out, histogram.count);
  out += ",\"sum\":";
  AppendJsonValue(out, histogram.sum);
  std::string_view separator = ",\"buckets\":[";
  auto buckets = model::AllBuckets(histogram);
  while (buckets.Next()) {
    const model::Bucket& bucket = buckets.bucket();
    if (bucket.count == 0) continue;
    out += separator;
    separator = ",";
    out += '[';
    out += static_cast<char>('0' + BucketRule(bucket));
    for (const double number : {bucket.lower, bucket.upper, bucket.count}) {
      out += ',';
      AppendJsonValue(out, number);
    }
    out += ']';
  }
  if (separator == ",") out += ']';
  out += '}';
}

JsonWriter& JsonWriter::Number(double value) {
  if (!std::isfinite(value)) return Raw("null");  // JSON has no other number
  return Raw(base::FormatFloat(value));
}

}  // namespace baro::server
