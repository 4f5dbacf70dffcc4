#include "scraper/expo/line_parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "base/number_text.h"
#include "model/names.h"
#include "model/quote.h"
#include "scraper/expo/number.h"

namespace baro::scraper::expo {
namespace {

enum : std::uint8_t { kNameStart = 1, kNameRest = 2, kLabelStart = 4, kLabelRest = 8 };

constexpr std::array<std::uint8_t, 256> kCharClasses = [] {
  std::array<std::uint8_t, 256> classes{};
  for (int c = 0; c < 256; ++c) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    const bool is_digit = c >= '0' && c <= '9';
    if (is_letter) classes[static_cast<std::size_t>(c)] = kNameStart | kNameRest | kLabelStart | kLabelRest;
    if (is_digit) classes[static_cast<std::size_t>(c)] = kNameRest | kLabelRest;
    if (c == ':') classes[static_cast<std::size_t>(c)] = kNameStart | kNameRest;
  }
  return classes;
}();

bool Is(char c, std::uint8_t char_class) { return (kCharClasses[static_cast<unsigned char>(c)] & char_class) != 0; }
bool IsBlank(char c) { return c == ' ' || c == '\t'; }

std::string_view View(const char* begin, const char* end) { return {begin, static_cast<std::size_t>(end - begin)}; }

const char* LineEnd(const char* at, const char* end) {
  const auto* found = at == end ? nullptr : std::memchr(at, '\n', static_cast<std::size_t>(end - at));
  return found != nullptr ? static_cast<const char*>(found) : end;
}

// Takes `\\`, `\n` and, where `takes_quotes`, `\"`; any other backslash stays, as in Prometheus.
void AppendUnescaped(std::string_view text, bool takes_quotes, std::string& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = text[i] == '\\' && i + 1 < text.size() ? text[i + 1] : '\0';
    if (next == '\\' || next == 'n' || (next == '"' && takes_quotes)) {
      out += next == 'n' ? '\n' : next;
      ++i;
    } else {
      out += text[i];
    }
  }
}

bool IsBoundLabel(std::string_view name, model::MetricType type) {
  return (type == model::MetricType::kHistogram && name == model::kBucketLabel) ||
         (type == model::MetricType::kSummary && name == model::kQuantileLabel);
}

std::optional<model::MetricType> TypeOfText(std::string_view name, bool is_text_format) {
  const std::optional<model::MetricType> type = model::ParseMetricType(name);
  if (!is_text_format) return name == "untyped" ? std::nullopt : type;
  if (name == "unknown") return {};
  if (type == model::MetricType::kGaugeHistogram || type == model::MetricType::kInfo ||
      type == model::MetricType::kStateSet) {
    return {};
  }
  return type;
}

}  // namespace

const char* LineParser::SkipBlanks(const char* at) const {
  while (at != end_ && IsBlank(*at)) ++at;
  return at;
}

const char* LineParser::SkipBlankLines(const char* at) const {
  if (!is_text()) return at;
  while (at != end_ && (IsBlank(*at) || *at == '\n')) ++at;
  return at;
}

bool LineParser::ParseMetadata(const char*& at, MetadataLine& line) {
  const char* const line_end = LineEnd(at, end_);
  const char* const keyword = is_text() ? SkipBlanks(at + 1) : at + 1 + (at + 1 != end_ && at[1] == ' ');
  const std::string_view rest = keyword == at + 1 || keyword > line_end ? std::string_view{} : View(keyword, line_end);
  line.kind = MetadataLine::Kind::kComment;
  if (!is_text() && rest.starts_with("EOF")) {
    line.kind = MetadataLine::Kind::kEof;
    at = keyword + 3;
    if (at != end_ && *at == '\n') ++at;
    return at == end_ || Fail(at, "nothing behind # EOF");
  }
  if (rest.size() >= 5 && (rest[4] == ' ' || (is_text() && rest[4] == '\t'))) {
    if (rest.starts_with("HELP")) line.kind = MetadataLine::Kind::kHelp;
    if (rest.starts_with("TYPE")) line.kind = MetadataLine::Kind::kType;
    if (rest.starts_with("UNIT") && !is_text()) line.kind = MetadataLine::Kind::kUnit;
  }
  if (line.kind == MetadataLine::Kind::kComment) {
    if (!is_text()) return Fail(at, "a sample, # HELP, # TYPE, # UNIT or # EOF, with single blanks");
    at = line_end == end_ ? end_ : line_end + 1;
    return true;
  }
  at = keyword + 5;
  return ParseMetadataOfFamily(at, line_end, line);
}

bool LineParser::ParseMetadataOfFamily(const char*& at, const char* line_end, MetadataLine& line) {
  if (is_text()) at = SkipBlanks(at);
  const char* const name = at;
  text_scratch_.clear();
  if (at != end_ && *at == '"') {
    Quoted quoted;
    if (!ParseQuoted(at, is_text(), quoted)) return false;
    if (quoted.text.empty() || !model::IsValidUtf8(quoted.text)) return Fail(name, "a metric name in UTF-8");
    line.family = quoted.text;
    if (quoted.has_escapes) {
      name_scratch_.clear();
      AppendUnescaped(quoted.text, true, name_scratch_);
      line.family = name_scratch_;
    }
    return ParseMetadataText(at, LineEnd(at, end_), line);  // in the text format, names may have line ends
  }
  if (at == end_ || !Is(*at, kNameStart)) return Fail(at, "a metric name");
  while (at != end_ && Is(*at, kNameRest)) ++at;
  line.family = View(name, at);
  return ParseMetadataText(at, line_end, line);
}

bool LineParser::ParseMetadataText(const char*& at, const char* line_end, MetadataLine& line) {
  if (is_text()) {
    if (at != line_end && IsBlank(*at)) ++at;
  } else if (at == line_end || *at != ' ') {
    return Fail(at, "one blank behind the metric name");
  } else if (++at; line_end == end_) {
    return Fail(line_end, "a line end");
  }
  const char* const text = at;
  line.text = View(text, line_end);
  at = line_end == end_ ? end_ : line_end + 1;
  switch (line.kind) {
    case MetadataLine::Kind::kHelp:
      if (line.text.find('\\') != std::string_view::npos) {
        AppendUnescaped(line.text, !is_text(), text_scratch_);
        line.text = text_scratch_;
      }
      return true;
    case MetadataLine::Kind::kType: {
      if (is_text()) {
        while (!line.text.empty() && IsBlank(line.text.front())) line.text.remove_prefix(1);
        while (!line.text.empty() && IsBlank(line.text.back())) line.text.remove_suffix(1);
      }
      const auto type = TypeOfText(line.text, is_text());
      if (!type) {
        return Fail(text, is_text() ? "a type: counter, gauge, histogram, summary or untyped"
                                    : "a type: counter, gauge, histogram, gaugehistogram, stateset, info, summary or "
                                      "unknown");
      }
      line.type = *type;
      return true;
    }
    default:
      return CheckUnit(text, line);
  }
}

bool LineParser::CheckUnit(const char* at, const MetadataLine& line) {
  if (line.text.empty()) return true;
  const std::string_view family = line.family;
  if (family.ends_with(line.text) && family.size() > line.text.size() &&
      family[family.size() - line.text.size() - 1] == '_') {
    return true;
  }
  return FailWith(at, fmt::format("unit {} is not the suffix of the metric name {}",
                                  model::Quoted(model::Abridged(line.text)), model::Quoted(model::Abridged(family))));
}

// The first byte is a quote. Takes the text up to the closing one.
bool LineParser::ParseQuoted(const char*& at, bool takes_line_ends, Quoted& quoted) {
  const char* const open = at++;
  quoted.has_escapes = false;
  while (at != end_ && *at != '"') {
    if (*at == '\\') {
      quoted.has_escapes = true;
      if (++at == end_ || *at == '\n') break;
    } else if (*at == '\n' && !takes_line_ends) {
      break;
    }
    ++at;
  }
  if (at == end_ || *at != '"') {
    return FailWith(open, "text in quotes is not closed on its line");
  }
  quoted.text = View(open + 1, at++);
  return true;
}

bool LineParser::ParseHead(const char*& at) {
  head_begin_ = at;
  name_ = {};
  raw_labels_.clear();
  if (at != end_ && Is(*at, kNameStart)) {
    while (at != end_ && Is(*at, kNameRest)) ++at;
    name_.text = View(head_begin_, at);
    if (is_text()) at = SkipBlanks(at);
  } else if (at == end_ || *at != '{') {
    return Fail(at, is_text() ? "a metric name, { or #" : "a metric name, { or #, without blanks before");
  }
  if (at != end_ && *at == '{') {
    if (!ParseLabels(at, raw_labels_, true)) return false;
    if (name_.text.empty()) return FailWith(head_begin_, "no metric name, neither before the braces nor within");
    if (is_text()) at = SkipBlanks(at);
  }
  if (is_text()) return true;
  if (at == end_ || *at != ' ') return Fail(at, "one blank and a value");
  ++at;
  return true;
}

bool LineParser::ParseLabels(const char*& at, std::vector<RawLabel>& labels, bool takes_metric_name) {
  const bool takes_blanks = is_text();
  const bool takes_last_comma = strictness_ == Strictness::kLikePrometheus || is_text();
  ++at;  // the brace
  if (takes_blanks) at = SkipBlanks(at);
  bool may_end = true;
  while (true) {
    if (at != end_ && *at == '}') {
      if (!may_end) return Fail(at, "a label behind the comma");
      ++at;
      return true;
    }
    if (!ParseLabel(at, labels, takes_metric_name)) return false;
    if (takes_metric_name && labels.size() > kScrapedLabelsMax) {
      FailWith(at, fmt::format("a series has more labels than are read: {}", kScrapedLabelsMax),
               base::Code::kLimitExceeded);
      return false;
    }
    if (takes_blanks) at = SkipBlanks(at);
    may_end = true;
    if (at != end_ && *at == ',') {
      ++at;
      may_end = takes_last_comma;
      if (takes_blanks) at = SkipBlanks(at);
    } else if (!is_text() && (at == end_ || *at != '}')) {
      return Fail(at, ", or }");
    }
  }
}

bool LineParser::ParseLabel(const char*& at, std::vector<RawLabel>& labels, bool takes_metric_name) {
  const bool takes_blanks = is_text();
  const char* const begin = at;
  RawLabel label;
  if (at != end_ && *at == '"') {
    Quoted name;
    if (!ParseQuoted(at, is_text(), name)) return false;
    label = {.name = name.text, .name_is_quoted = true, .name_has_escapes = name.has_escapes};
  } else {
    if (at == end_ || !Is(*at, kLabelStart)) return Fail(at, "a label name or }");
    while (at != end_ && Is(*at, kLabelRest)) ++at;
    label.name = View(begin, at);
  }
  if (takes_blanks) at = SkipBlanks(at);
  if (label.name_is_quoted && takes_metric_name && at != end_ && (*at == ',' || *at == '}')) {
    if (!name_.text.empty()) return FailWith(begin, "a second metric name");
    if (label.name.empty()) return FailWith(begin, "the metric name is empty");
    name_ = {.text = label.name, .has_escapes = label.name_has_escapes};
    return true;
  }
  if (label.name.empty()) return FailWith(begin, "the label name is empty");
  if (at == end_ || *at != '=') return Fail(at, "= behind the label name");
  ++at;
  if (takes_blanks) at = SkipBlanks(at);
  if (at == end_ || *at != '"') return Fail(at, "a label value in double quotes");
  Quoted value;
  if (!ParseQuoted(at, is_text(), value)) return false;
  label.value = value.text;
  label.value_has_escapes = value.has_escapes;
  labels.push_back(label);
  return true;
}

bool LineParser::FinishHead(model::MetricType type, SampleLine& line) {
  name_scratch_.clear();
  line.name = name_.text;
  if (name_.has_escapes) {
    AppendUnescaped(name_.text, true, name_scratch_);
    line.name = name_scratch_;
  }
  if (!model::IsValidUtf8(line.name)) return FailWith(head_begin_, "the metric name is not valid UTF-8");
  if (!CookLabels(raw_labels_, type, scratch_, labels_)) return false;
  line.labels = labels_;
  line.type = type;
  return true;
}

bool LineParser::CookLabels(const std::vector<RawLabel>& raw, model::MetricType type, std::string& scratch,
                            std::vector<ExpositionLabel>& cooked) {
  // Views into `scratch` are kept, so its room is made before: unescaping only shortens, a bound has a longest form.
  std::size_t size_bytes = 0;
  for (const RawLabel& label : raw) size_bytes += label.name.size() + label.value.size() + kNumberBytesMax;
  scratch.clear();
  scratch.reserve(size_bytes);
  cooked.clear();
  const auto unescape = [&scratch](std::string_view text) {
    const std::size_t begin = scratch.size();
    AppendUnescaped(text, true, scratch);
    return std::string_view(scratch).substr(begin);
  };
  for (const RawLabel& label : raw) {
    ExpositionLabel out = {.name = label.name_has_escapes ? unescape(label.name) : label.name,
                           .value = label.value_has_escapes ? unescape(label.value) : label.value};
    if (strictness_ == Strictness::kLikePrometheus && IsBoundLabel(out.name, type)) {
      if (const std::optional<double> bound = base::ParseFloat(out.value)) {
        const std::size_t begin = scratch.size();
        AppendOpenMetricsNumber(*bound, scratch);
        out.value = std::string_view(scratch).substr(begin);
      }
    }
    if (!model::IsValidUtf8(out.value)) {
      return FailWith(label.value.data(), fmt::format("the value of label {} is not valid UTF-8",
                                                      model::Quoted(model::Abridged(out.name))));
    }
    if (label.name_is_quoted && !model::IsValidUtf8(out.name)) {
      return FailWith(label.name.data(), "the label name is not valid UTF-8");
    }
    cooked.push_back(out);
  }
  return CheckLabels(cooked);
}

bool LineParser::CheckLabels(const std::vector<ExpositionLabel>& labels) {
  const auto twice = [&](std::string_view name) {
    return FailWith(head_begin_, fmt::format("label {} stands twice", model::Quoted(model::Abridged(name))));
  };
  // Comparing all pairs is quickest for what real targets send, and hostile for what others could.
  constexpr std::size_t kPairsMax = 24;
  if (labels.size() <= kPairsMax) {
    for (std::size_t i = 1; i < labels.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (labels[i].name == labels[j].name) return twice(labels[i].name);
      }
    }
    return true;
  }
  std::vector<std::string_view> names;
  names.reserve(labels.size());
  for (const ExpositionLabel& label : labels) names.push_back(label.name);
  std::sort(names.begin(), names.end());
  const auto found = std::adjacent_find(names.begin(), names.end());
  return found == names.end() || twice(*found);
}

bool LineParser::ParseTail(const char*& at, SampleTail& tail) {
  tail = {};
  return is_text() ? ParseTextTail(at, tail) : ParseOpenMetricsTail(at, tail);
}

bool LineParser::ParseTextTail(const char*& at, SampleTail& tail) {
  if (!ParseValue(at, tail.value)) return false;
  at = SkipBlanks(at);
  if (at != end_ && internal::IsDigit(*at)) {
    std::int64_t timestamp_ms = 0;
    const auto [behind, error] = std::from_chars(at, end_, timestamp_ms);
    if (error != std::errc()) return Fail(at, "a timestamp in milliseconds that fits in 64 bits");
    tail.timestamp_ms = timestamp_ms;
    at = SkipBlanks(behind);
  }
  if (at == end_) return true;
  if (*at != '\n') return Fail(at, tail.timestamp_ms ? "a line end behind the timestamp" : "a timestamp or a line end");
  ++at;
  return true;
}

bool LineParser::ParseOpenMetricsTail(const char*& at, SampleTail& tail) {
  if (!ParseValue(at, tail.value)) return false;
  const auto begins_exemplar = [&] { return View(at, end_).starts_with(" # {"); };
  if (at != end_ && *at == ' ' && !begins_exemplar()) {
    ++at;
    std::int64_t timestamp_ms = 0;
    if (!ParseSeconds(at, timestamp_ms)) return false;
    tail.timestamp_ms = timestamp_ms;
  }
  if (begins_exemplar()) {
    at += 3;
    if (!ParseExemplar(at)) return false;
    tail.has_exemplar = true;
  }
  if (at == end_ || *at != '\n') {
    return Fail(at, tail.has_exemplar ? "a line end behind the exemplar" : "an exemplar or a line end");
  }
  ++at;
  return true;
}

bool LineParser::ParseExemplar(const char*& at) {
  raw_exemplar_labels_.clear();
  if (!ParseLabels(at, raw_exemplar_labels_, false)) return false;
  if (!CookLabels(raw_exemplar_labels_, model::MetricType::kUnknown, exemplar_scratch_, exemplar_labels_)) return false;
  exemplar_.labels = exemplar_labels_;
  exemplar_.timestamp_ms.reset();
  if (at == end_ || *at != ' ') return Fail(at, "one blank and the exemplar's value");
  ++at;
  if (!ParseValue(at, exemplar_.value)) return false;
  if (at != end_ && *at == ' ') {
    ++at;
    std::int64_t timestamp_ms = 0;
    if (!ParseSeconds(at, timestamp_ms)) return false;
    exemplar_.timestamp_ms = timestamp_ms;
  }
  return true;
}

// The bytes up to the next blank, line end or (where it would begin labels) brace.
std::string_view LineParser::TokenAt(const char* at) const {
  const char* const begin = at;
  while (at != end_ && *at != ' ' && *at != '\n' && !(is_text() && (*at == '\t' || *at == '{'))) ++at;
  return View(begin, at);
}

bool LineParser::ParseValue(const char*& at, double& value) {
  const std::string_view token = TokenAt(at);
  const std::optional<double> number = base::ParseFloat(token);
  if (!number) return Fail(at, "a number that fits in a double");
  value = *number;
  at += token.size();
  return true;
}

bool LineParser::ParseSeconds(const char*& at, std::int64_t& timestamp_ms) {
  const std::string_view token = TokenAt(at);
  const std::optional<double> seconds = base::ParseFloat(token);
  if (!seconds || !std::isfinite(*seconds)) return Fail(at, "a timestamp in seconds");
  constexpr double kLimit = 9.2e18;  // below 2^63; beyond it every timestamp is equally out of bounds
  const double ms = *seconds * 1000;
  timestamp_ms = ms >= kLimit    ? std::numeric_limits<std::int64_t>::max()
                 : ms <= -kLimit ? std::numeric_limits<std::int64_t>::min()
                                 : static_cast<std::int64_t>(ms);
  at += token.size();
  return true;
}

bool LineParser::FailMissingEof() { return Fail(end_, "# EOF as the last line"); }

bool LineParser::Fail(const char* at, std::string_view expected) {
  constexpr std::size_t kFoundBytesMax = 24;
  std::string found = "the end of the exposition";
  if (at != end_) {
    std::size_t size = 0;
    while (at + size != end_ && at[size] != ' ' && at[size] != '\n' && size < kFoundBytesMax) ++size;
    found = *at == '\n' ? "the end of the line" : model::Quoted(View(at, at + std::max<std::size_t>(size, 1)));
  }
  return FailWith(at, fmt::format("found {}, expected {}", found, expected));
}

bool LineParser::FailWith(const char* at, std::string message, base::Code code) {
  const std::string_view before = View(begin_, at);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t last_end = before.rfind('\n');
  const std::size_t column = before.size() - (last_end == std::string_view::npos ? 0 : last_end + 1) + 1;
  error_.emplace(code, fmt::format("line {}, column {}: {}", line, column, message));
  return false;
}

}  // namespace baro::scraper::expo
