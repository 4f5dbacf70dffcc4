#include "scraper/exposition_reader.h"

#include <algorithm>

#include "scraper/expo/line_parser.h"

namespace baro::scraper {

class ExpositionReader::Impl {
 public:
  Impl(std::string_view body, ExpositionFormat format, Strictness strictness)
      : lines_(body, format, strictness), at_(lines_.begin()), counted_(lines_.begin()) {}

  base::Result<const ExpositionEvent*> Next() {
    while (!is_at_end_) {
      at_ = lines_.SkipBlankLines(at_);
      CountLines();
      bool has_event = true;
      if (!ParseLine(has_event)) {
        is_at_end_ = true;
        return lines_.TakeError();
      }
      if (has_event) return &event_;
    }
    event_ = {.kind = ExpositionEvent::Kind::kEnd, .line = event_.line};
    return &event_;
  }

 private:
  void CountLines() {
    line_ += static_cast<std::size_t>(std::count(counted_, at_, '\n'));
    counted_ = at_;
    event_ = {.line = line_};
  }

  bool ParseLine(bool& has_event) {
    has_event = false;
    if (at_ == lines_.end()) {
      is_at_end_ = true;
      return lines_.is_text() || lines_.FailMissingEof();
    }
    if (*at_ == '#') return ParseMetadata(has_event);
    has_event = true;
    expo::SampleTail tail;
    if (!lines_.ParseHead(at_) || !lines_.FinishHead(type_, event_.sample) || !lines_.ParseTail(at_, tail))
      return false;
    event_.kind = ExpositionEvent::Kind::kSample;
    event_.value = tail.value;
    event_.timestamp_ms = tail.timestamp_ms;
    if (tail.has_exemplar) event_.exemplar = lines_.exemplar();
    return true;
  }

  bool ParseMetadata(bool& has_event) {
    expo::MetadataLine line;
    if (!lines_.ParseMetadata(at_, line)) return false;
    event_.family = line.family;
    event_.text = line.text;
    has_event = true;
    switch (line.kind) {
      case expo::MetadataLine::Kind::kHelp:
        event_.kind = ExpositionEvent::Kind::kHelp;
        break;
      case expo::MetadataLine::Kind::kUnit:
        event_.kind = ExpositionEvent::Kind::kUnit;
        break;
      case expo::MetadataLine::Kind::kType:
        event_.kind = ExpositionEvent::Kind::kType;
        event_.type = type_ = line.type;
        break;
      case expo::MetadataLine::Kind::kComment:
        has_event = false;
        break;
      case expo::MetadataLine::Kind::kEof:
        is_at_end_ = true;
        has_event = false;
        break;
    }
    return true;
  }

  expo::LineParser lines_;
  const char* at_;
  const char* counted_;  // line ends up to here are in line_
  std::size_t line_ = 1;
  bool is_at_end_ = false;
  model::MetricType type_ = model::MetricType::kUnknown;
  ExpositionEvent event_;
};

ExpositionReader::ExpositionReader(std::string_view body, ExpositionFormat format, Strictness strictness)
    : impl_(std::make_unique<Impl>(body, format, strictness)) {}
ExpositionReader::~ExpositionReader() = default;

base::Result<const ExpositionEvent*> ExpositionReader::Next() { return impl_->Next(); }

}  // namespace baro::scraper
