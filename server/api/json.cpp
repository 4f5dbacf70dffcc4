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

/// Whether a text needs neither escapes nor repair: printable ASCII without quotes and backslashes.
bool IsPlain(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighs = 0x8080808080808080;
  // A high bit where a byte of `word` is zero; bytes above a zero one may show one too, which is no harm here.
  const auto zeros = [](std::uint64_t word) { return (word - kOnes) & ~word & kHighs; };
  std::size_t at = 0;
  std::uint64_t bad = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    const std::uint64_t below_space = (word - kOnes * 0x20) & ~word & kHighs;
    bad |= (word & kHighs) | below_space | zeros(word ^ kOnes * '"') | zeros(word ^ kOnes * '\\');
  }
  for (; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    bad |= c < 0x20 || c >= 0x80 || c == '"' || c == '\\' ? 1 : 0;
  }
  return bad == 0;
}

/// How the API numbers the inclusion of a bucket's ends: 0 (lower, upper], 1 [lower, upper), 2 open, 3 closed.
int BucketRule(const model::Bucket& bucket) {
  if (bucket.is_lower_inclusive) return bucket.is_upper_inclusive ? 3 : 1;
  return bucket.is_upper_inclusive ? 0 : 2;
}

}  // namespace

void AppendJsonString(std::string& out, std::string_view text) {
  out += '"';
  if (IsPlain(text)) {
    out += text;
    out += '"';
    return;
  }
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
  char separator = '{';
  for (const model::LabelView label : labels) {
    const std::size_t size = label.name.size() + label.value.size();
    if (IsPlain(label.name) && IsPlain(label.value)) {  // in one piece: answers can be nothing but labels
      const std::size_t begin = out.size();
      out.resize(begin + size + 6);
      char* at = out.data() + begin;
      *at++ = separator;
      *at++ = '"';
      at = std::ranges::copy(label.name, at).out;
      *at++ = '"';
      *at++ = ':';
      *at++ = '"';
      at = std::ranges::copy(label.value, at).out;
      *at = '"';
      separator = ',';
      continue;
    }
    out += separator;
    separator = ',';
    AppendJsonString(out, label.name);
    out += ':';
    AppendJsonString(out, label.value);
  }
  if (separator == '{') out += '{';
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
