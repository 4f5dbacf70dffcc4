#include "server/journal/active_queries.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>

#include <fmt/format.h>

#include "base/bytes.h"

namespace baro::server {
namespace {

using base::Code;

constexpr std::string_view kHeader = "barograph running queries 1\n";
// Beyond it the file is written anew with what runs alone.
constexpr std::uint64_t kFileBytes = 256 * 1024;
constexpr std::size_t kReadBytesMax = 64 << 20;

std::string BeginRecord(std::uint64_t number, const RunningQuery& query) {
  return fmt::format("+ {} {} {} {} {} {} {} {}\n{}\n", number, query.began_ms, query.start_ms, query.end_ms,
                     query.step_ms, query.client, query.text_bytes, query.text.size(), query.text);
}

std::string EndRecord(std::uint64_t number) { return fmt::format("- {}\n", number); }

/// The fields of one line, taken from the front.
class Fields {
 public:
  explicit Fields(std::string_view line) : rest_(line) {}

  std::string_view Next() {
    const std::size_t blank = std::min(rest_.find(' '), rest_.size());
    const std::string_view field = rest_.substr(0, blank);
    rest_.remove_prefix(std::min(blank + 1, rest_.size()));
    return field;
  }
  template <typename Number>
  bool Next(Number& value) {
    const std::string_view field = Next();
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    return error == std::errc() && end == field.data() + field.size();
  }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

/// Takes records from the front until one is not whole.
class Records {
 public:
  explicit Records(std::string_view bytes) : rest_(bytes) {}

  /// Applies the next one to `running`. False: there is none that can be understood.
  bool Next(std::map<std::uint64_t, RunningQuery>& running) {
    const auto line = TakeUntilNewline();
    if (!line) return false;
    Fields fields(*line);
    const std::string_view kind = fields.Next();
    std::uint64_t number = 0;
    if (!fields.Next(number)) return false;
    if (kind == "-") {
      running.erase(number);
      return fields.empty();
    }
    if (kind != "+") return false;
    auto query = TakeQuery(fields);
    if (!query) return false;
    running[number] = *std::move(query);
    return true;
  }

 private:
  std::optional<std::string_view> TakeUntilNewline() {
    const std::size_t end = rest_.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return line;
  }

  std::optional<RunningQuery> TakeQuery(Fields& fields) {
    RunningQuery query;
    std::size_t bytes = 0;
    const bool has_times = fields.Next(query.began_ms) && fields.Next(query.start_ms) && fields.Next(query.end_ms) &&
                           fields.Next(query.step_ms);
    if (!has_times) return std::nullopt;
    query.client = fields.Next();
    if (!fields.Next(query.text_bytes) || !fields.Next(bytes) || !fields.empty()) return std::nullopt;
    if (bytes >= rest_.size() || rest_[bytes] != '\n') return std::nullopt;
    query.text = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes + 1);
    return query;
  }

  std::string_view rest_;
};

std::string WithoutBlanks(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c == ' ' || c == '\n' || c == '\r'; }, '_');
  return text.empty() ? "-" : text;
}

}  // namespace

base::Result<std::vector<RunningQuery>> ReadRunningQueries(std::string_view bytes) {
  if (!bytes.starts_with(kHeader)) {
    return base::Fail(Code::kCorruption, fmt::format("not a list of running queries: want \"{}\" in front, got \"{}\"",
                                                     kHeader.substr(0, kHeader.size() - 1),
                                                     bytes.substr(0, std::min(bytes.find('\n'), kHeader.size() - 1))));
  }
  std::map<std::uint64_t, RunningQuery> running;
  Records records(bytes.substr(kHeader.size()));
  while (records.Next(running)) {
  }
  std::vector<RunningQuery> result;
  for (auto& [number, query] : running) result.push_back(std::move(query));
  return result;
}

ActiveQueries::ActiveQueries(base::FileSystem& files, std::string path, const base::Clock& clock, base::Logger log)
    : files_(files), path_(std::move(path)), clock_(clock), log_(std::move(log)) {
  ReadOld();
  const base::MutexLock lock(mutex_);
  Rewrite();
}

void ActiveQueries::ReadOld() {
  const auto bytes = base::ReadFile(files_, path_, kReadBytesMax);
  if (!bytes && bytes.error().code() == Code::kNotFound) return;
  auto queries = bytes ? ReadRunningQueries(*bytes) : base::Result<std::vector<RunningQuery>>(bytes.error());
  if (!queries) {
    log_.Warn("cannot tell which queries ran when the last process ended",
              {{"file", path_}, {"err", queries.error().message()}});
    return;
  }
  unfinished_ = *std::move(queries);
}

std::uint64_t ActiveQueries::Begin(RunningQuery query) {
  query.began_ms = base::ToMs(clock_.Now());
  query.client = WithoutBlanks(std::move(query.client));
  query.text_bytes = query.text.size();
  if (query.text.size() > kTextBytesMax) query.text.resize(kTextBytesMax);
  const base::MutexLock lock(mutex_);
  const std::uint64_t number = next_++;
  const auto at = running_.emplace(number, std::move(query)).first;
  if (file_ != nullptr) Append(BeginRecord(number, at->second));
  return number;
}

void ActiveQueries::End(std::uint64_t number) {
  const base::MutexLock lock(mutex_);
  running_.erase(number);
  if (file_ != nullptr) Append(EndRecord(number));
}

std::vector<RunningQuery> ActiveQueries::Running() const {
  const base::MutexLock lock(mutex_);
  std::vector<RunningQuery> result;
  for (const auto& [number, query] : running_) result.push_back(query);
  return result;
}

void ActiveQueries::Append(std::string_view record) {
  if (const auto appended = file_->Append(base::AsBytes(record)); !appended) return GiveUp(appended.error());
  if (file_->size() > rewrite_at_bytes_) Rewrite();
}

void ActiveQueries::Rewrite() {
  std::string content(kHeader);
  for (const auto& [number, query] : running_) content += BeginRecord(number, query);
  // A name of its own until it is whole: whoever starts after a crash in between sees the old one.
  const std::string temporary = path_ + ".tmp";
  auto file = files_.OpenWritable(temporary, base::FileSystem::OpenMode::kReplace);
  if (!file) return GiveUp(file.error());
  if (const auto appended = (*file)->Append(base::AsBytes(content)); !appended) return GiveUp(appended.error());
  if (const auto renamed = files_.Rename(temporary, path_); !renamed) return GiveUp(renamed.error());
  file_ = *std::move(file);
  rewrite_at_bytes_ = std::max<std::uint64_t>(kFileBytes, 2 * content.size());
}

void ActiveQueries::GiveUp(const base::Error& error) {
  file_.reset();
  // What it says would be wrong from here on; if even that fails, the next start names too many.
  static_cast<void>(files_.Remove(path_));
  log_.Warn("running queries are not written down any more: after a crash nobody will know them",
            {{"file", path_}, {"err", error.message()}});
}

}  // namespace baro::server
