#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/duration_text.h"
#include "base/number_text.h"
#include "base/size_text.h"
#include "server/api/api.h"
#include "server/api/envelope.h"
#include "server/api/json.h"
#include "server/api/params.h"
#include "server/api/time_text.h"
#include "server/version.h"

namespace baro::server {
namespace {

constexpr std::size_t kTopDefault = 10;
constexpr std::size_t kTopMax = 10'000;

net::HttpResponse BuildInfo() {
  std::string data;
  JsonWriter json(data);
  // `version` is the Prometheus that we equal: clients compare it. Grafana takes a server with `application` or
  // `features` here for something else, so what is ours has names of its own.
  json.BeginObject();
  json.Key("version").String(kPrometheusVersion);
  json.Key("revision").String(Revision());
  json.Key("branch").String(Branch());
  json.Key("buildUser").String("");  // who compiles it makes no difference
  json.Key("buildDate").String(RevisionDate());
  json.Key("goVersion").String("");
  json.Key("barographVersion").String(kVersion);
  json.Key("compiler").String(__VERSION__);
  json.EndObject();
  return ApiSuccess(std::move(data));
}

net::HttpResponse Config(ApiState& state) {
  std::string data;
  JsonWriter(data).BeginObject().Key("yaml").String(state.config().config_yaml).EndObject();
  return ApiSuccess(std::move(data));
}

net::HttpResponse Flags(ApiState& state) {
  std::string data;
  JsonWriter json(data);
  json.BeginObject();
  for (const auto& [name, value] : state.flags()) json.Key(name).String(value);
  json.EndObject();
  return ApiSuccess(std::move(data));
}

/// "15d or 1GiB or 80%".
std::string RetentionText(const tsdb::RetentionLimits& limits) {
  std::vector<std::string> parts;
  if (limits.time.count() > 0) parts.push_back(base::FormatDuration(limits.time));
  if (limits.bytes > 0) parts.push_back(base::FormatSize(limits.bytes));
  if (limits.percent > 0) parts.push_back(base::FormatFloat(limits.percent) + "%");
  return fmt::format("{}", fmt::join(parts, " or "));
}

net::HttpResponse RuntimeInfo(ApiState& state) {
  const ActiveConfig config = state.config();
  char buffer[4096] = "";
  std::string data;
  JsonWriter json(data);
  json.BeginObject();
  json.Key("startTime").String(Rfc3339(state.start_time()));
  json.Key("CWD").String(getcwd(buffer, sizeof buffer) != nullptr ? buffer : "");
  json.Key("hostname").String(gethostname(buffer, sizeof buffer - 1) == 0 ? buffer : "");
  json.Key("serverTime").String(Rfc3339(state.clock().Now()));
  json.Key("reloadConfigSuccess").Bool(config.last_reload_ok);
  json.Key("lastConfigTime").String(Rfc3339(config.last_success));
  json.Key("corruptionCount").Uint(state.storage().log_status().corruptions);
  json.Key("goroutineCount").Uint(0);
  json.Key("GOMAXPROCS").Int(sysconf(_SC_NPROCESSORS_ONLN));
  json.Key("GOMEMLIMIT").Uint(0);
  json.Key("GOGC").String("");
  json.Key("GODEBUG").String("");
  json.Key("storageRetention").String(RetentionText(state.storage().retention()));
  json.EndObject();
  return ApiSuccess(std::move(data));
}

void AppendTop(JsonWriter& json, std::string_view key, const std::vector<tsdb::NamedCount>& entries) {
  json.Key(key).BeginArray();
  for (const tsdb::NamedCount& entry : entries) {
    json.BeginObject().Key("name").String(entry.name).Key("value").Uint(entry.count).EndObject();
  }
  json.EndArray();
}

net::HttpResponse TsdbStatus(ApiState& state, const net::HttpRequest& request) {
  auto limit = LimitParam(request);
  if (!limit) return ApiError(limit.error());
  if (*limit > kTopMax) {
    return ApiError({base::Code::kInvalidArgument, fmt::format("limit must not exceed {}", kTopMax)});
  }
  const tsdb::HeadStatus status = state.storage().Status(*limit == 0 ? kTopDefault : *limit);
  std::string data;
  JsonWriter json(data);
  json.BeginObject().Key("headStats").BeginObject();
  json.Key("numSeries").Uint(status.series_count);
  json.Key("numLabelPairs").Uint(status.label_pair_count);
  json.Key("chunkCount").Uint(status.chunk_count);
  json.Key("minTime").Int(status.min_time_ms);
  json.Key("maxTime").Int(status.max_time_ms);
  json.EndObject();
  AppendTop(json, "seriesCountByMetricName", status.series_count_by_metric_name);
  AppendTop(json, "labelValueCountByLabelName", status.label_value_count_by_label_name);
  AppendTop(json, "memoryInBytesByLabelName", status.memory_bytes_by_label_name);
  AppendTop(json, "seriesCountByLabelValuePair", status.series_count_by_label_pair);
  AppendTop(json, "memoryInBytesByPart", status.memory_bytes_by_part);
  std::vector<tsdb::NamedCount> per_series = status.memory_bytes_by_part;
  for (tsdb::NamedCount& part : per_series) part.count /= std::max<std::uint64_t>(1, status.series_count);
  AppendTop(json, "memoryInBytesPerSeriesByPart", per_series);
  json.EndObject();
  return ApiSuccess(std::move(data));
}

void AppendBlock(JsonWriter& json, const tsdb::BlockStatus& block) {
  const tsdb::BlockMeta& meta = block.meta;
  json.BeginObject();
  json.Key("ulid").String(meta.ulid.ToString());
  json.Key("minTime").Int(meta.min_time_ms);
  json.Key("maxTime").Int(meta.max_time_ms);
  json.Key("stats").BeginObject();
  json.Key("numSamples").Uint(meta.counts.samples());
  json.Key("numFloatSamples").Uint(meta.counts.float_samples);
  json.Key("numHistogramSamples").Uint(meta.counts.histogram_samples);
  json.Key("numSeries").Uint(meta.counts.series);
  json.Key("numChunks").Uint(meta.counts.float_chunks + meta.counts.histogram_chunks);
  json.EndObject();
  json.Key("compaction").BeginObject();
  json.Key("level").Int(meta.compaction_level);
  json.Key("sources").BeginArray();
  for (const tsdb::Ulid& source : meta.sources) json.String(source.ToString());
  json.EndArray();
  if (!meta.parents.empty()) {
    json.Key("parents").BeginArray();
    for (const tsdb::BlockParent& parent : meta.parents) {
      json.BeginObject().Key("ulid").String(parent.ulid.ToString());
      json.Key("minTime").Int(parent.min_time_ms).Key("maxTime").Int(parent.max_time_ms).EndObject();
    }
    json.EndArray();
  }
  if (!meta.hints.empty()) {
    json.Key("hints").BeginArray();
    for (const std::string& hint : meta.hints) json.String(hint);
    json.EndArray();
  }
  json.EndObject();
  json.Key("version").Int(meta.version);
  // What Prometheus does not tell.
  json.Key("format").String(block.is_prometheus ? "prometheus" : "barograph");
  json.Key("form").String(meta.form == tsdb::BlockForm::kCold ? "cold" : "hot");
  json.Key("sizeBytes").Uint(block.size_bytes);
  json.Key("seriesWithDeletes").Uint(block.deleted_series);
  json.Key("damage").BeginArray();
  for (const std::string& damage : block.damage) json.String(damage);
  json.EndArray().EndObject();
}

net::HttpResponse Blocks(ApiState& state) {
  std::string data;
  JsonWriter json(data);
  json.BeginObject().Key("blocks").BeginArray();
  const std::vector<tsdb::BlockStatus> blocks = state.storage().Blocks();
  for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) AppendBlock(json, *block);  // the oldest first
  json.EndArray().EndObject();
  return ApiSuccess(std::move(data), state.storage().Damage());
}

std::string_view NameOf(tsdb::StorageSummary::State state) {
  switch (state) {
    case tsdb::StorageSummary::State::kOk:
      return "ok";
    case tsdb::StorageSummary::State::kDiskLow:
      return "disk-low";
    case tsdb::StorageSummary::State::kReadOnly:
      return "read-only";
  }
  return "";
}

// Flat, so that people and scripts find each number at once.
net::HttpResponse StorageStatus(ApiState& state) {
  const tsdb::StorageSummary summary = state.storage().Summary();
  std::string data;
  JsonWriter json(data);
  json.BeginObject();
  json.Key("state").String(NameOf(summary.state));
  json.Key("reason").String(summary.log.reason);
  json.Key("retention").String(RetentionText(state.storage().retention()));
  if (summary.extent) json.Key("minTime").Int(summary.extent->min_ms).Key("maxTime").Int(summary.extent->max_ms);
  json.Key("headSeries").Uint(summary.head_series);
  json.Key("headMemoryBytes").Uint(summary.head_memory_bytes);
  json.Key("headBytesPerSeries").Uint(summary.head_series == 0 ? 0 : summary.head_memory_bytes / summary.head_series);
  json.Key("logBytes").Uint(summary.log.size_bytes);
  json.Key("logCorruptions").Uint(summary.log.corruptions);
  json.Key("blocks").Uint(summary.blocks);
  json.Key("blockBytes").Uint(summary.block_bytes);
  json.Key("blockSamples").Uint(summary.block_samples);
  json.Key("diskTotalBytes").Uint(summary.disk_total_bytes);
  json.Key("diskAvailableBytes").Uint(summary.disk_available_bytes);
  json.Key("damage").BeginArray();
  for (const std::string& damage : summary.damage) json.String(damage);
  json.EndArray().EndObject();
  return ApiSuccess(std::move(data), summary.damage);
}

net::HttpResponse WalReplay(ApiState& state) {
  const tsdb::ReplayProgress& replay = state.replay();
  std::string data;
  JsonWriter json(data);
  json.BeginObject();
  json.Key("min").Uint(replay.min.load(std::memory_order_relaxed));
  json.Key("max").Uint(replay.max.load(std::memory_order_relaxed));
  json.Key("current").Uint(replay.current.load(std::memory_order_relaxed));
  json.EndObject();
  return ApiSuccess(std::move(data));
}

}  // namespace

namespace {

net::HttpResponse RunningQueries(ApiState& state) {
  std::string data;
  JsonWriter json(data);
  const auto time = [&json](std::string_view key, std::int64_t ms) {
    std::string text;
    AppendJsonTime(text, ms);
    json.Key(key).Raw(text);
  };
  json.BeginObject().Key("queries").BeginArray();
  for (const RunningQuery& query : state.active_queries().Running()) {
    json.BeginObject().Key("query").String(query.text);
    json.Key("queryBytes").Uint(query.text_bytes);
    time("began", query.began_ms);
    time("start", query.start_ms);
    time("end", query.end_ms);
    time("step", query.step_ms);
    json.Key("client").String(query.client).EndObject();
  }
  json.EndArray().EndObject();
  return ApiSuccess(std::move(data));
}

}  // namespace

void AddStatusRoutes(ApiRoutes& routes, ApiState& state) {
  routes.AddRead("status/buildinfo", false, "Versions.", {}, [](const auto&, const auto&) { return BuildInfo(); });
  routes.AddRead("status/config", false, "The configuration that runs, secrets masked.", {},
                 [&state](const auto&, const auto&) { return Config(state); });
  routes.AddRead("status/flags", false, "Flags of the command line and their values.", {},
                 [&state](const auto&, const auto&) { return Flags(state); });
  routes.AddRead("status/runtimeinfo", false, "The process.", {},
                 [&state](const auto&, const auto&) { return RuntimeInfo(state); });
  routes.AddRead("status/tsdb", false, "What storage holds.", {{"limit", false, false, "entries per list; 10"}},
                 [&state](const auto& request, const auto&) { return TsdbStatus(state, request); });
  routes.AddRead("status/tsdb/blocks", false, "Blocks, the oldest first; what is damaged, as warnings.", {},
                 [&state](const auto&, const auto&) { return Blocks(state); });
  routes.AddRead("status/storage", false, "How storage is: state, sizes, what is damaged.", {},
                 [&state](const auto&, const auto&) { return StorageStatus(state); });
  routes.AddRead("status/running_queries", false, "Queries that have their turn, the oldest first.", {},
                 [&state](const auto&, const auto&) { return RunningQueries(state); });
  routes.AddAlways("status/walreplay", "How far the replay of the log is.",
                   [&state](const auto&, const auto&) { return WalReplay(state); });
}

}  // namespace baro::server
