#include "base/log.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>

#include <fmt/chrono.h>
#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "base/clock.h"
#include "base/mutex.h"

namespace baro::base {
namespace {

void AppendHexEscape(std::string& out, unsigned char byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += "\\u00";
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

/// The length of the UTF-8 sequence at the front of `text`; 0 if there is none. Source: RFC 3629, section 4.
std::size_t Utf8Length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool is_overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool is_surrogate = first == 0xed && byte(1) > 0x9f;
  const bool is_beyond = first == 0xf4 && byte(1) > 0x8f;
  return is_overlong || is_surrogate || is_beyond ? 0 : length;
}

/// A JSON string; good for logfmt's quoted values too. What is not UTF-8, which neither may hold, becomes U+FFFD.
void AppendQuoted(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (static_cast<unsigned char>(c) >= 0x80) {
      const std::size_t length = Utf8Length(text.substr(i));
      out += length > 0 ? text.substr(i, length) : std::string_view("\xef\xbf\xbd");
      i += std::max<std::size_t>(length, 1) - 1;
      continue;
    }
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          AppendHexEscape(out, static_cast<unsigned char>(c));
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

bool NeedsQuotes(std::string_view text) {
  if (text.empty()) return true;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || c == '"' || c == '=' || c == '\\') return true;
  }
  return false;
}

void AppendField(std::string& out, LogFormat format, std::string_view name, std::string_view value) {
  if (format == LogFormat::kJson) {
    if (out.back() != '{') out += ',';
    AppendQuoted(out, name);
    out += ':';
    AppendQuoted(out, value);
    return;
  }
  if (!out.empty()) out += ' ';
  out += name;
  out += '=';
  if (NeedsQuotes(value)) {
    AppendQuoted(out, value);
  } else {
    out += value;
  }
}

std::string Timestamp() {
  const std::int64_t now_ms = ToMs(RealClock().Now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(now_ms / 1000)),
                     now_ms % 1000);
}

}  // namespace

class LogSink {
 public:
  LogSink(LogLevel level, LogFormat log_format) : format(log_format), level_(level) {}
  virtual ~LogSink() = default;
  virtual void Write(std::string_view line) = 0;
  virtual std::uint64_t dropped() const { return 0; }

  const LogFormat format;
  // Relaxed: a line more or less around a change of level does not matter.
  LogLevel level() const { return level_.load(std::memory_order_relaxed); }
  void set_level(LogLevel level) { level_.store(level, std::memory_order_relaxed); }

 private:
  std::atomic<LogLevel> level_;
};

namespace {

class StderrSink : public LogSink {
 public:
  StderrSink(LogLevel level, LogFormat log_format)
      : LogSink(level, log_format), pool_(std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1)) {
    logger_ = std::make_shared<spdlog::async_logger>("barograph", std::make_shared<spdlog::sinks::stderr_sink_mt>(),
                                                     pool_, spdlog::async_overflow_policy::overrun_oldest);
    logger_->set_pattern("%v");
    logger_->flush_on(spdlog::level::info);
  }
  ~StderrSink() override { logger_->flush(); }

  void Write(std::string_view line) override {
    logger_->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
  }
  std::uint64_t dropped() const override { return pool_->overrun_counter(); }

 private:
  static constexpr std::size_t kQueueLines = 8192;
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::shared_ptr<spdlog::async_logger> logger_;
};

class FunctionSink : public LogSink {
 public:
  FunctionSink(LogLevel level, LogFormat log_format, std::function<void(std::string_view)> write)
      : LogSink(level, log_format), write_(std::move(write)) {}
  void Write(std::string_view line) override {
    const MutexLock lock(mutex_);
    write_(line);
  }

 private:
  Mutex mutex_;
  std::function<void(std::string_view)> write_ BARO_GUARDED_BY(mutex_);
};

}  // namespace

std::string_view LogLevelName(LogLevel level) {
  constexpr std::string_view kNames[] = {"debug", "info", "warn", "error"};
  return kNames[static_cast<std::size_t>(level)];
}

std::optional<LogLevel> ParseLogLevel(std::string_view name) {
  for (const LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError}) {
    if (LogLevelName(level) == name) return level;
  }
  return std::nullopt;
}

Logger Logger::With(std::string_view name, std::string_view value) const {
  Logger bound = *this;
  if (!sink_) return bound;
  std::string field = sink_->format == LogFormat::kJson ? "{" : "";
  AppendField(field, sink_->format, name, value);
  bound.bound_ += sink_->format == LogFormat::kJson ? "," + field.substr(1) : " " + field;
  return bound;
}

bool Logger::IsOn(LogLevel level) const { return sink_ && level >= sink_->level(); }

void Logger::Write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) const {
  if (!IsOn(level)) return;
  const LogFormat format = sink_->format;
  std::string line = format == LogFormat::kJson ? "{" : "";
  AppendField(line, format, "ts", Timestamp());
  AppendField(line, format, "level", LogLevelName(level));
  AppendField(line, format, "msg", message);
  line += bound_;
  for (const LogField& field : fields) AppendField(line, format, field.name(), field.text());
  if (format == LogFormat::kJson) line += '}';
  sink_->Write(line);
}

std::shared_ptr<LogSink> MakeStderrSink(LogLevel level, LogFormat format) {
  return std::make_shared<StderrSink>(level, format);
}
std::shared_ptr<LogSink> MakeFunctionSink(LogLevel level, LogFormat format,
                                          std::function<void(std::string_view)> write) {
  return std::make_shared<FunctionSink>(level, format, std::move(write));
}
void SetLogLevel(LogSink& sink, LogLevel level) { sink.set_level(level); }
std::uint64_t DroppedLines(const LogSink& sink) { return sink.dropped(); }

}  // namespace baro::base
