// Logging: a message, fields behind it, one line each, as logfmt or JSON.
//
//     log.Warn("scrape failed", {{"target", url}, {"err", error.message()}});
//     ts=2026-11-23T06:00:00.123Z level=warn msg="scrape failed" target=http://… err="connection refused"
#pragma once

#include <concepts>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace baro::base {

enum class LogLevel { kDebug, kInfo, kWarn, kError };
enum class LogFormat { kLogfmt, kJson };

/// "debug", "info", "warn", "error".
std::string_view LogLevelName(LogLevel level);
std::optional<LogLevel> ParseLogLevel(std::string_view name);

/// A name and the text of a value. Texts are borrowed for the call; numbers are printed.
class LogField {
 public:
  LogField(std::string_view name, std::string_view value) : name_(name), text_(value) {}
  LogField(std::string_view name, const std::string& value) : name_(name), text_(value) {}
  LogField(std::string_view name, const char* value) : name_(name), text_(value) {}
  template <typename T>
    requires std::integral<T> || std::floating_point<T>
  LogField(std::string_view name, T value) : name_(name), number_(fmt::format("{}", value)), is_number_(true) {}

  std::string_view name() const { return name_; }
  std::string_view text() const { return is_number_ ? std::string_view(number_) : text_; }

 private:
  std::string_view name_;
  std::string_view text_;
  std::string number_;
  bool is_number_ = false;
};

/// Where lines go. One per process, made by the wiring.
class LogSink;

/// A handle: cheap to copy, with fields that stand on each of its lines.
///
/// Threads  Safe to share. Never blocks for long: when the output does not take lines, they are dropped and counted.
class Logger {
 public:
  /// Writes nothing.
  Logger() = default;
  explicit Logger(std::shared_ptr<LogSink> sink) : sink_(std::move(sink)) {}

  /// The same with one more field on each line.
  Logger With(std::string_view name, std::string_view value) const;

  bool IsOn(LogLevel level) const;
  void Write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {}) const;

  void Debug(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    if (IsOn(LogLevel::kDebug)) Write(LogLevel::kDebug, message, fields);
  }
  void Info(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    Write(LogLevel::kInfo, message, fields);
  }
  void Warn(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    Write(LogLevel::kWarn, message, fields);
  }
  void Error(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    Write(LogLevel::kError, message, fields);
  }

 private:
  std::shared_ptr<LogSink> sink_;
  std::string bound_;  // fields of With(), rendered
};

/// To stderr, through a bounded queue and a thread of its own.
std::shared_ptr<LogSink> MakeStderrSink(LogLevel level, LogFormat format);
/// To a function, at once; for tests. `write` is called under a lock, with the line without its end.
std::shared_ptr<LogSink> MakeFunctionSink(LogLevel level, LogFormat format,
                                          std::function<void(std::string_view)> write);

void SetLogLevel(LogSink& sink, LogLevel level);

/// Lines that were dropped because the output did not take them.
std::uint64_t DroppedLines(const LogSink& sink);

}  // namespace baro::base
