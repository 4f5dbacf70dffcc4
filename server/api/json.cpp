#include "server/api/json.h"

#include <cmath>

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

/// How the API numbers the inclusion of a bucket's ends: 0 (lower, upper], 1 [lower, upper), 2 open, 3 closed.
int BucketRule(const model::Bucket& bucket) {
  if (bucket.is_lower_inclusive) return bucket.is_upper_inclusive ? 3 : 1;
  return bucket.is_upper_inclusive ? 0 : 2;
}

}  // namespace

void AppendJsonString(std::string& out, std::string_view text) {
  out += '"';
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
  out += fmt::format_int(magnitude / 1000).c_str();
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
