// JSON as the HTTP API writes it: appended to a text piece by piece, never a tree.
//
// Threads  Pure functions; JsonWriter is confined.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/histogram.h"
#include "model/labels.h"

namespace baro::server {

/// A quoted string. Bytes that are not UTF-8 become U+FFFD, as in Go; `<`, `>`, `&` stay as they are.
void AppendJsonString(std::string& out, std::string_view text);

/// Seconds with exactly three digits behind the point if there is a fraction, none otherwise: 1.500, 2, -0.001.
void AppendJsonTime(std::string& out, std::int64_t time_ms);

/// A sample value: a quoted number such as "1e+21", "NaN", "+Inf".
void AppendJsonValue(std::string& out, double value);

/// {"name":"value",…}
void AppendJsonLabels(std::string& out, const model::Labels& labels);

/// {"count":"…","sum":"…","buckets":[[rule,"lower","upper","count"],…]}: populated buckets only, ascending.
void AppendJsonHistogram(std::string& out, const model::FloatHistogram& histogram);

/// Commas and nesting, kept in order: `json.Key("a").String("b")`.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& BeginObject() { return Open('{'); }
  JsonWriter& EndObject() { return Close('}'); }
  JsonWriter& BeginArray() { return Open('['); }
  JsonWriter& EndArray() { return Close(']'); }
  JsonWriter& Key(std::string_view name) {
    Separate();
    AppendJsonString(out_, name);
    out_ += ':';
    needs_comma_ = false;
    return *this;
  }
  JsonWriter& String(std::string_view text) {
    Separate();
    AppendJsonString(out_, text);
    return *this;
  }
  JsonWriter& Int(std::int64_t value) { return Raw(std::to_string(value)); }
  JsonWriter& Uint(std::uint64_t value) { return Raw(std::to_string(value)); }
  JsonWriter& Number(double value);
  JsonWriter& Bool(bool value) { return Raw(value ? "true" : "false"); }
  JsonWriter& Labels(const model::Labels& labels) {
    Separate();
    AppendJsonLabels(out_, labels);
    return *this;
  }
  /// JSON that was made elsewhere.
  JsonWriter& Raw(std::string_view json) {
    Separate();
    out_ += json;
    return *this;
  }

 private:
  JsonWriter& Open(char bracket) {
    Separate();
    out_ += bracket;
    needs_comma_ = false;
    return *this;
  }
  JsonWriter& Close(char bracket) {
    out_ += bracket;
    needs_comma_ = true;
    return *this;
  }
  void Separate() {
    if (needs_comma_) out_ += ',';
    needs_comma_ = true;
  }

  std::string& out_;
  bool needs_comma_ = false;
};

}  // namespace baro::server
