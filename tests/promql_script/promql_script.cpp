#include "tests/promql_script/promql_script.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "base/duration_text.h"
#include "base/number_text.h"
#include "query/parser.h"

namespace baro::conformance {
namespace {

using Kind = Expectation::Kind;

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// Takes the first word off the front of `text`.
std::string_view TakeWord(std::string_view& text) {
  text = Trim(text);
  const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
  const std::string_view word = text.substr(0, end);
  text = Trim(text.substr(end));
  return word;
}

base::Error Malformed(std::string message) { return {base::Code::kInvalidArgument, std::move(message)}; }

// A duration such as 5m, or seconds, with an optional sign.
base::Result<std::int64_t> ParseTime(std::string_view text) {
  std::string_view digits = text;
  const bool is_negative = digits.starts_with('-');
  if (is_negative) digits.remove_prefix(1);
  std::int64_t ms = 0;
  if (const auto duration = base::ParseDuration(digits)) {
    ms = duration->count();
  } else {
    const auto seconds = base::ParseFloat(digits);
    // The bound keeps the conversion defined; scripts' times are small.
    if (!seconds || !(std::abs(*seconds) < 1e15)) return Malformed(fmt::format("\"{}\" is no time", text));
    ms = std::llround(*seconds * 1000);
  }
  return is_negative ? -ms : ms;
}

base::Result<> ExpectWord(std::string_view wanted, std::string_view& rest) {
  const std::string_view word = TakeWord(rest);
  if (word == wanted) return {};
  return Malformed(fmt::format("expected \"{}\", found \"{}\"", wanted, word));
}

// from <time> to <time> step <duration>
base::Result<RangeVectorTimes> ParseTimes(std::string_view& rest) {
  RangeVectorTimes times;
  BARO_TRY(ExpectWord("from", rest));
  times.from_ms = BARO_TRY(ParseTime(TakeWord(rest)));
  BARO_TRY(ExpectWord("to", rest));
  times.to_ms = BARO_TRY(ParseTime(TakeWord(rest)));
  BARO_TRY(ExpectWord("step", rest));
  times.step_ms = BARO_TRY(ParseTime(TakeWord(rest)));
  if (times.step_ms <= 0 || times.to_ms < times.from_ms) return Malformed("the times are not in order");
  return times;
}

base::Result<std::string> ParseStringLiteral(std::string_view text) {
  const auto ast = BARO_TRY(query::ParseQuery(text));
  const auto* literal = query::As<query::StringLiteral>(&ast.root());
  if (literal == nullptr) return Malformed("expected a quoted string");
  return literal->value;
}

class ScriptParser {
 public:
  explicit ScriptParser(std::string_view text) : text_(text) {}

  base::Result<std::vector<ScriptCommand>> Run() {
    std::vector<ScriptCommand> commands;
    while (NextLine()) {
      if (current_.empty()) continue;
      commands.push_back(BARO_TRY(ReadCommand()));
    }
    return commands;
  }

  int line() const { return line_; }

 private:
  // Comments are left out as if they were not there: unlike blank lines they end no command.
  bool NextLine() {
    do {
      if (at_ >= text_.size()) return false;
      const std::size_t end = std::min(text_.find('\n', at_), text_.size());
      raw_ = text_.substr(at_, end - at_);
      current_ = Trim(raw_);
      at_ = end + 1;
      ++line_;
    } while (current_.starts_with('#'));
    return true;
  }

  // The next line of the command's block; false at a blank line, at the end, or where the next command begins.
  bool NextBlockLine() {
    const std::size_t at = at_;
    const int line = line_;
    if (!NextLine()) return false;
    if (!current_.empty() && !IsCommand(raw_)) return true;
    if (!current_.empty()) {  // leave the command to Run()
      at_ = at;
      line_ = line;
    }
    return false;
  }

  static bool IsCommand(std::string_view raw) {
    std::string_view rest = raw;
    const std::string_view word = TakeWord(rest);
    return !raw.starts_with(' ') && !raw.starts_with('\t') &&
           (word == "clear" || word.starts_with("load") || word == "eval" || word.starts_with("eval_"));
  }

  base::Result<ScriptCommand> ReadCommand() {
    std::string_view rest = current_;
    const std::string_view word = TakeWord(rest);
    if (word == "clear" && rest.empty()) return ScriptCommand(ClearCommand{.line = line_});
    if (word == "load" || word == "load_with_nhcb") return ReadLoad(rest, word != "load");
    if (word == "eval" || word.starts_with("eval_")) return ReadEval(word, rest);
    return Malformed(fmt::format("expected a command (load, clear or eval), found \"{}\"", word));
  }

  base::Result<ScriptCommand> ReadLoad(std::string_view rest, bool with_nhcb) {
    LoadCommand load = {.line = line_, .with_nhcb = with_nhcb};
    load.step_ms = BARO_TRY(ParseTime(rest));
    if (load.step_ms <= 0) return Malformed("the step must be greater than 0");
    while (NextBlockLine()) load.series.push_back(BARO_TRY(query::ParseNotationSeries(current_)));
    return ScriptCommand(std::move(load));
  }

  base::Result<ScriptCommand> ReadEval(std::string_view word, std::string_view rest) {
    EvalCommand eval = {.line = line_};
    const std::string_view kind = TakeWord(rest);
    eval.is_range = kind == "range";
    if (eval.is_range) {
      const RangeVectorTimes times = BARO_TRY(ParseTimes(rest));
      eval.start_ms = times.from_ms;
      eval.end_ms = times.to_ms;
      eval.step_ms = times.step_ms;
    } else if (kind == "instant") {
      BARO_TRY(ExpectWord("at", rest));
      eval.start_ms = eval.end_ms = BARO_TRY(ParseTime(TakeWord(rest)));
    } else {
      return Malformed(fmt::format("expected \"instant\" or \"range\", found \"{}\"", kind));
    }
    eval.query = rest;
    BARO_TRY(AddOldExpectation(word, eval));
    while (NextBlockLine()) BARO_TRY(ReadExpected(eval));
    return ScriptCommand(std::move(eval));
  }

  // The old forms eval_fail, eval_warn, eval_info, eval_ordered.
  static base::Result<> AddOldExpectation(std::string_view word, EvalCommand& eval) {
    if (word == "eval") return {};
    for (const Kind kind : {Kind::kFail, Kind::kWarn, Kind::kInfo, Kind::kOrdered}) {
      if (word.substr(5) != Expectation::KindText(kind)) continue;
      eval.expectations.push_back({.kind = kind});
      return {};
    }
    return Malformed(fmt::format("unknown command \"{}\"", word));
  }

  base::Result<> ReadExpected(EvalCommand& eval) const {
    std::string_view rest = current_;
    const std::string_view word = TakeWord(rest);
    if (word == "expect") return ReadExpectation(rest, eval);
    if (word == "expected_fail_message" || word == "expected_fail_regexp") {
      const bool is_regex = word == "expected_fail_regexp";
      eval.expectations.push_back({.kind = Kind::kFail,
                                   .match = is_regex ? Expectation::Match::kRegex : Expectation::Match::kMessage,
                                   .text = std::string(rest)});
      return {};
    }
    if (const auto scalar = base::ParseFloat(current_)) {
      eval.expected_scalar = scalar;
      return {};
    }
    eval.expected.push_back(BARO_TRY(query::ParseNotationSeries(current_)));
    return {};
  }

  static base::Result<> ReadExpectation(std::string_view rest, EvalCommand& eval) {
    const std::string_view type = TakeWord(rest);
    if (type == "string") {
      eval.expected_string = BARO_TRY(ParseStringLiteral(rest));
      return {};
    }
    if (type == "range") {
      BARO_TRY(ExpectWord("vector", rest));
      eval.range_vector = BARO_TRY(ParseTimes(rest));
      return {};
    }
    for (const Kind kind : {Kind::kFail, Kind::kWarn, Kind::kInfo, Kind::kNoWarn, Kind::kNoInfo, Kind::kOrdered}) {
      if (type != Expectation::KindText(kind)) continue;
      Expectation expectation = {.kind = kind};
      if (rest.starts_with("msg:")) {
        expectation.match = Expectation::Match::kMessage;
        expectation.text = Trim(rest.substr(4));
      } else if (rest.starts_with("regex:")) {
        expectation.match = Expectation::Match::kRegex;
        expectation.text = Trim(rest.substr(6));
      } else if (!rest.empty()) {
        return Malformed(fmt::format("expected \"msg:\" or \"regex:\", found \"{}\"", rest));
      }
      eval.expectations.push_back(std::move(expectation));
      return {};
    }
    return Malformed(fmt::format("unknown expectation \"{}\"", type));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 0;
  std::string_view raw_;
  std::string_view current_;
};

}  // namespace

std::string_view Expectation::KindText(Kind kind) {
  static constexpr std::array<std::string_view, 6> kNames = {"fail", "warn", "info", "no_warn", "no_info", "ordered"};
  return kNames[static_cast<std::size_t>(kind)];
}

bool EvalCommand::Expects(Expectation::Kind kind) const {
  return std::ranges::find(expectations, kind, &Expectation::kind) != expectations.end();
}

base::Result<std::vector<ScriptCommand>> ParseScript(std::string_view name, std::string_view text) {
  ScriptParser parser(text);
  auto commands = parser.Run();
  if (!commands) return commands.error().WithContext(fmt::format("{}:{}", name, parser.line()));
  return commands;
}

}  // namespace baro::conformance
