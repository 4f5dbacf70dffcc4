#include "scraper/loop/failure_log.h"

#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/rfc3339.h"

namespace baro::scraper {

base::Result<FailureLog::Files> FailureLog::Open(const std::set<std::string>& paths) const {
  Files opened;
  for (const std::string& path : paths) {
    auto file = files_.OpenWritable(path, base::FileSystem::OpenMode::kAppend);
    if (!file) return std::unexpected(file.error().WithContext("scrape_failure_log_file"));
    opened.emplace(path, *std::move(file));
  }
  return opened;
}

void FailureLog::Use(Files files) {
  const base::MutexLock lock(mutex_);
  open_ = std::move(files);
  is_failing_ = false;
}

void FailureLog::Write(const std::string& path, const Failure& failure) {
  const base::MutexLock lock(mutex_);
  const auto found = open_.find(path);
  if (found == open_.end()) return;
  nlohmann::ordered_json fields;
  fields["time"] = base::FormatRfc3339(base::ToMs(clock_.Now()));
  fields["level"] = "ERROR";
  fields["msg"] = failure.error;
  fields["job_name"] = failure.job_name;
  fields["target"] = failure.target;
  const std::string line = fields.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  const auto written = found->second->Append(base::AsBytes(line));
  if (!written && !is_failing_) {
    log_.Error("cannot write scrape_failure_log_file", {{"file", path}, {"err", written.error().message()}});
  }
  is_failing_ = !written.has_value();
}

}  // namespace baro::scraper
