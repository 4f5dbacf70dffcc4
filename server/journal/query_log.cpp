#include "server/journal/query_log.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/rfc3339.h"
#include "server/api/json.h"
#include "server/api/result_json.h"

namespace baro::server {

std::string QueryLogLine(base::WallTime now, const query::QueryRequest& request, const query::QueryOrigin& origin,
                         const query::QueryStats& stats, const base::Error* error) {
  std::string line;
  JsonWriter json(line);
  json.BeginObject();
  json.Key("time").String(base::FormatRfc3339(base::ToMs(now)));
  json.Key("level").String("INFO");
  json.Key("msg").String("promql query logged");
  json.Key("params").BeginObject();
  json.Key("end").String(base::FormatRfc3339(request.range.end_ms));
  json.Key("query").String(request.text);
  json.Key("start").String(base::FormatRfc3339(request.range.start_ms));
  json.Key("step").Int(request.range.step_ms / 1000);  // whole seconds, as there
  json.EndObject();
  if (error != nullptr) json.Key("error").String(error->message());
  std::string costs;
  AppendStatsJson(costs, stats);
  json.Key("stats").Raw(costs);
  if (!origin.path.empty()) {
    json.Key("httpRequest").BeginObject();
    json.Key("clientIP").String(origin.client_ip);
    json.Key("method").String(origin.method);
    json.Key("path").String(origin.path);
    json.EndObject();
  }
  json.EndObject();
  line += '\n';
  return line;
}

QueryLog::QueryLog(base::FileSystem& files, const base::Clock& clock, base::Registry& registry, base::Logger log)
    : files_(files),
      clock_(clock),
      log_(std::move(log)),
      enabled_(registry.MakeGauge("prometheus_engine_query_log_enabled", "Whether there is a query log.")),
      failures_total_(registry.MakeCounter("prometheus_engine_query_log_failures_total",
                                           "Queries that could not be written to the query log.")) {}

base::Result<std::unique_ptr<base::WritableFile>> QueryLog::OpenFile(const std::string& path) {
  if (path.empty()) return nullptr;
  auto opened = files_.OpenWritable(path, base::FileSystem::OpenMode::kAppend);
  if (!opened) return std::unexpected(opened.error().WithContext("global.query_log_file"));
  return opened;
}

void QueryLog::Use(std::unique_ptr<base::WritableFile> file, const std::string& path) {
  const base::MutexLock lock(mutex_);
  file_ = std::move(file);
  path_ = path;
  is_failing_ = false;
  enabled_.Set(path.empty() ? 0 : 1);
}

void QueryLog::Write(const query::QueryRequest& request, const query::QueryOrigin& origin,
                     const query::QueryStats& stats, const base::Error* error) {
  {
    const base::MutexLock lock(mutex_);
    if (file_ == nullptr) return;
  }
  const std::string line = QueryLogLine(clock_.Now(), request, origin, stats, error);
  const base::MutexLock lock(mutex_);
  if (file_ == nullptr) return;
  const auto appended = file_->Append(base::AsBytes(line));
  if (!appended) {
    failures_total_.Add(1);
    if (!is_failing_) log_.Error("cannot write the query log", {{"file", path_}, {"err", appended.error().message()}});
  }
  is_failing_ = !appended.has_value();
}

}  // namespace baro::server
