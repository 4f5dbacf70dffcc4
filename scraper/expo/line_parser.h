// The grammar of one line of an exposition: metadata, the head of a sample (all up to its value), its tail (the rest).
//
// Both the plain reader and the predicting cache are made of these pieces, so that they cannot disagree about a line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/metadata.h"
#include "scraper/exposition_reader.h"

namespace baro::scraper::expo {

/// What a `#` line is about.
struct MetadataLine {
  enum class Kind : std::uint8_t { kComment, kHelp, kType, kUnit, kEof };
  Kind kind = Kind::kComment;
  std::string_view family;
  std::string_view text;
  model::MetricType type = model::MetricType::kUnknown;
};

/// What stands behind the head of a sample.
struct SampleTail {
  double value = 0;
  std::optional<std::int64_t> timestamp_ms;
  bool has_exemplar = false;  ///< then the parser's exemplar() is this sample's
};

/// Parses lines of one body. Each Parse function starts at `at`, moves it behind what it took, and on false leaves the
/// reason in error().
///
/// Threads  Confined. Borrows the body.
/// Owns     the unescaped texts that its results view: until the next call of the same function.
class LineParser {
 public:
  LineParser(std::string_view body, ExpositionFormat format, Strictness strictness)
      : begin_(body.data()), end_(body.data() + body.size()), format_(format), strictness_(strictness) {}

  const char* begin() const { return begin_; }
  const char* end() const { return end_; }
  bool is_text() const { return format_ == ExpositionFormat::kText; }

  /// Moves over blanks and blank lines, which only the text format has.
  const char* SkipBlankLines(const char* at) const;

  /// A line that starts with `#`, with its line end. In OpenMetrics nothing may follow `# EOF`.
  bool ParseMetadata(const char*& at, MetadataLine& line);

  /// The name and labels of a sample and the blanks behind: all up to the first byte of the value.
  bool ParseHead(const char*& at);

  /// The series of the head parsed last: unescaped, checked for doubled names and UTF-8, bounds normalised.
  bool FinishHead(model::MetricType type, SampleLine& line);

  /// Value, timestamp, exemplar and line end.
  bool ParseTail(const char*& at, SampleTail& tail);

  /// The exemplar of the tail parsed last.
  const ExpositionExemplar& exemplar() const { return exemplar_; }

  /// OpenMetrics: the body ended before `# EOF`.
  bool FailMissingEof();

  base::Error TakeError() { return *std::move(error_); }

 private:
  struct RawLabel {
    std::string_view name;   // between the quotes, if it has any
    std::string_view value;  // between the quotes
    bool name_is_quoted = false;
    bool name_has_escapes = false;
    bool value_has_escapes = false;
  };
  struct Quoted {
    std::string_view text;
    bool has_escapes = false;
  };

  const char* SkipBlanks(const char* at) const;
  bool ParseLabels(const char*& at, std::vector<RawLabel>& labels, bool takes_metric_name);
  bool ParseLabel(const char*& at, std::vector<RawLabel>& labels, bool takes_metric_name);
  bool ParseQuoted(const char*& at, bool takes_line_ends, Quoted& quoted);
  bool ParseMetadataOfFamily(const char*& at, const char* line_end, MetadataLine& line);
  bool ParseMetadataText(const char*& at, const char* line_end, MetadataLine& line);
  bool CheckUnit(const char* at, const MetadataLine& line);
  bool ParseTextTail(const char*& at, SampleTail& tail);
  bool ParseOpenMetricsTail(const char*& at, SampleTail& tail);
  bool ParseExemplar(const char*& at);
  bool ParseValue(const char*& at, double& value);
  bool ParseSeconds(const char*& at, std::int64_t& timestamp_ms);
  bool CookLabels(const std::vector<RawLabel>& raw, model::MetricType type, std::string& scratch,
                  std::vector<ExpositionLabel>& cooked);
  bool CheckLabels(const std::vector<ExpositionLabel>& labels);
  std::string_view TokenAt(const char* at) const;
  bool Fail(const char* at, std::string_view expected);
  bool FailWith(const char* at, std::string message, base::Code code = base::Code::kInvalidArgument);

  const char* begin_;
  const char* end_;
  ExpositionFormat format_;
  Strictness strictness_;

  const char* head_begin_ = nullptr;
  Quoted name_;
  std::vector<RawLabel> raw_labels_;
  std::vector<ExpositionLabel> labels_;
  std::string scratch_;  // unescaped names and values; reserved before it is viewed
  std::string name_scratch_;
  std::string text_scratch_;
  std::vector<RawLabel> raw_exemplar_labels_;
  std::vector<ExpositionLabel> exemplar_labels_;
  std::string exemplar_scratch_;
  ExpositionExemplar exemplar_;
  std::optional<base::Error> error_;
};

}  // namespace baro::scraper::expo
