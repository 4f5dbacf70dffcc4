#include "query/series_notation.h"

#include <utility>

#include <fmt/format.h>

#include "model/sample.h"
#include "query/parse/notation_reader.h"
#include "query/parse/parser_impl.h"

namespace baro::query {
namespace {

// The end of the labels at the front of a line: a name, braces, or both. `{{` begins a histogram, not labels.
std::size_t LabelsEnd(std::string_view line) {
  std::size_t at = 0;
  while (at < line.size() && line[at] != '{' && line[at] != ' ' && line[at] != '\t' && line[at] != '@') ++at;
  if (at >= line.size() || line[at] != '{' || line.substr(at).starts_with("{{")) return at;
  char quote = '\0';
  for (; at < line.size(); ++at) {
    const char c = line[at];
    if (quote != '\0') {
      if (c == '\\' && quote != '`') ++at;
      if (c == quote) quote = '\0';
    } else if (c == '"' || c == '\'' || c == '`') {
      quote = c;
    } else if (c == '}') {
      return at + 1;
    }
  }
  return line.size();
}

class ValuesParser {
 public:
  ValuesParser(std::string_view text, bool is_start_times) : reader_(text), is_start_times_(is_start_times) {}

  base::Result<std::vector<NotationValue>> Run() {
    for (reader_.SkipBlanks(); !reader_.AtEnd(); reader_.SkipBlanks()) {
      BARO_TRY(ReadItem());
      if (!reader_.AtValueEnd()) return reader_.Unexpected("a blank between values");
    }
    return std::move(values_);
  }

 private:
  base::Result<> ReadItem() {
    if (reader_.Take("_")) return ReadOmitted();
    if (is_start_times_) return ReadOffsets();
    if (reader_.Peek() == '{') return ReadHistograms();
    if (reader_.Take("stale")) return AddFloats(model::StaleNaN(), 0);
    const double value = BARO_TRY(reader_.ReadNumber());
    const bool has_increment = reader_.Peek() == '+' || reader_.Peek() == '-';
    return AddFloats(value, has_increment ? BARO_TRY(reader_.ReadNumber()) : 0);
  }

  base::Result<> ReadOmitted() {
    bool repeats = false;
    const std::size_t count = BARO_TRY(reader_.ReadRepeats(repeats));
    return Add(repeats ? count : 1, [](NotationValue&) {});
  }

  // Also reads how many more there are. Increments add up one by one, as Prometheus does it, with its rounding.
  base::Result<> AddFloats(double value, double increment) {
    bool repeats = false;
    const std::size_t more = BARO_TRY(reader_.ReadRepeats(repeats));
    return Add(more, 1, [&](NotationValue& next) {
      next.kind = NotationValue::Kind::kFloat;
      next.value = value;
      if (increment != 0) value += increment;  // adding 0 would quiet a staleness marker
    });
  }

  base::Result<> ReadOffsets() {
    std::int64_t offset_ms = BARO_TRY(reader_.ReadDurationMs());
    std::int64_t increment_ms = 0;
    if (reader_.Peek() == '+' || reader_.Peek() == '-') increment_ms = BARO_TRY(reader_.ReadDurationMs());
    bool repeats = false;
    const std::size_t more = BARO_TRY(reader_.ReadRepeats(repeats));
    return Add(more, 1, [&](NotationValue& next) {
      next.kind = NotationValue::Kind::kStartOffset;
      next.offset_ms = offset_ms;
      offset_ms += increment_ms;
    });
  }

  base::Result<> ReadHistograms() {
    NotationHistogram first = BARO_TRY(reader_.ReadHistogram());
    const bool subtracts = reader_.Peek() == '-';
    std::shared_ptr<const model::FloatHistogram> increment;
    bool has_reset_hint = first.has_reset_hint;
    if (reader_.Take("+") || reader_.Take("-")) {
      const NotationHistogram second = BARO_TRY(reader_.ReadHistogram());
      increment = second.histogram;
      has_reset_hint = has_reset_hint || second.has_reset_hint;
      if (increment->schema < first.histogram->schema) {
        return base::Fail(base::Code::kInvalidArgument,
                          fmt::format("series notation: cannot add a histogram of schema {} to one of finer schema {}",
                                      increment->schema, first.histogram->schema));
      }
    }
    bool repeats = false;
    const std::size_t more = BARO_TRY(reader_.ReadRepeats(repeats));
    BARO_TRY(Add(1, [&](NotationValue& next) { SetHistogram(first.histogram, has_reset_hint, next); }));
    std::shared_ptr<const model::FloatHistogram> current = first.histogram;
    for (std::size_t i = 0; i < more; ++i) {
      if (increment != nullptr) {
        auto sum = std::make_shared<model::FloatHistogram>(*current);
        BARO_TRY(subtracts ? sum->Sub(*increment) : sum->Add(*increment));
        current = std::move(sum);
      }
      BARO_TRY(Add(1, [&](NotationValue& next) { SetHistogram(current, has_reset_hint, next); }));
    }
    return {};
  }

  static void SetHistogram(const std::shared_ptr<const model::FloatHistogram>& histogram, bool has_reset_hint,
                           NotationValue& value) {
    value.kind = NotationValue::Kind::kHistogram;
    value.histogram = histogram;
    value.has_reset_hint = has_reset_hint;
  }

  template <typename Fill>
  base::Result<> Add(std::size_t count, Fill fill) {
    return Add(count, 0, fill);
  }
  // count + extra values; the sum is not formed before the limit was checked.
  template <typename Fill>
  base::Result<> Add(std::size_t count, std::size_t extra, Fill fill) {
    if (count > kNotationValuesMax || values_.size() + count + extra > kNotationValuesMax) {
      return base::Fail(base::Code::kLimitExceeded,
                        fmt::format("series notation: more than {} values in a line", kNotationValuesMax));
    }
    for (std::size_t i = 0; i < count + extra; ++i) fill(values_.emplace_back());
    return {};
  }

  NotationReader reader_;
  bool is_start_times_;
  std::vector<NotationValue> values_;
};

}  // namespace

base::Result<model::Labels> ParseNotationLabels(std::string_view text) {
  const ParseOptions options;
  auto matchers = Parser(text, options).ParseLabelSet();
  if (!matchers) return base::Fail(base::Code::kInvalidArgument, matchers.error().Summary());
  std::vector<model::LabelView> labels;
  for (const LabelMatcher& matcher : *matchers) labels.push_back({.name = matcher.name, .value = matcher.value});
  return model::Labels::Make(labels);
}

base::Result<std::vector<NotationValue>> ParseNotationValues(std::string_view text) {
  return ValuesParser(text, false).Run();
}

base::Result<NotationSeries> ParseNotationSeries(std::string_view line) {
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  const std::size_t end = LabelsEnd(line);
  NotationSeries series;
  series.labels = BARO_TRY(ParseNotationLabels(line.substr(0, end)));
  std::string_view rest = line.substr(end);
  series.is_start_times = rest.starts_with("@st");
  if (series.is_start_times) rest.remove_prefix(3);
  series.values = BARO_TRY(ValuesParser(rest, series.is_start_times).Run());
  return series;
}

}  // namespace baro::query
