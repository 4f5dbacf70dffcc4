#include "tsdb/promblock/meta_json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace baro::tsdb {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;

PrometheusBlockMeta FromJson(const json& root) {
  PrometheusBlockMeta meta;
  meta.ulid = root.at("ulid").get<std::string>();
  meta.min_time_ms = root.at("minTime").get<std::int64_t>();
  meta.max_time_ms = root.at("maxTime").get<std::int64_t>();
  if (const auto stats = root.find("stats"); stats != root.end()) {
    meta.samples = stats->value("numSamples", std::uint64_t{0});
    meta.float_samples = stats->value("numFloatSamples", std::uint64_t{0});
    meta.histogram_samples = stats->value("numHistogramSamples", std::uint64_t{0});
    meta.series = stats->value("numSeries", std::uint64_t{0});
    meta.chunks = stats->value("numChunks", std::uint64_t{0});
    meta.tombstones = stats->value("numTombstones", std::uint64_t{0});
  }
  if (const auto compaction = root.find("compaction"); compaction != root.end()) {
    meta.compaction_level = compaction->value("level", 0);
    meta.sources = compaction->value("sources", std::vector<std::string>());
    meta.hints = compaction->value("hints", std::vector<std::string>());
    meta.is_deletable = compaction->value("deletable", false);
    meta.has_failed = compaction->value("failed", false);
    if (const auto parents = compaction->find("parents"); parents != compaction->end()) {
      for (const json& parent : *parents) {
        meta.parents.push_back({.ulid = parent.at("ulid").get<std::string>(),
                                .min_time_ms = parent.at("minTime").get<std::int64_t>(),
                                .max_time_ms = parent.at("maxTime").get<std::int64_t>()});
      }
    }
  }
  return meta;
}

}  // namespace

base::Result<PrometheusBlockMeta> ParsePrometheusMeta(std::string_view text) {
  try {
    const json root = json::parse(text);
    const int version = root.at("version").get<int>();
    if (version != kVersion) {
      return base::Fail(base::Code::kUnsupported,
                        fmt::format("version {} of the block's format: want {}", version, kVersion));
    }
    PrometheusBlockMeta meta = FromJson(root);
    if (!IsPrometheusBlockName(meta.ulid)) {
      return base::Fail(base::Code::kCorruption, fmt::format("{:.40} is no ULID", meta.ulid));
    }
    if (meta.max_time_ms < meta.min_time_ms || meta.max_time_ms == model::kMinTimestampMs) {
      return base::Fail(base::Code::kCorruption,
                        fmt::format("maxTime {} lies before minTime {}", meta.max_time_ms, meta.min_time_ms));
    }
    return meta;
  } catch (const json::exception& error) {
    return base::Fail(base::Code::kCorruption, error.what());
  }
}

std::string FormatPrometheusMeta(const PrometheusBlockMeta& meta) {
  using nlohmann::ordered_json;
  ordered_json stats = ordered_json::object();
  const auto put = [&stats](const char* name, std::uint64_t value) {
    if (value != 0) stats[name] = value;
  };
  put("numSamples", meta.samples);
  put("numFloatSamples", meta.float_samples);
  put("numHistogramSamples", meta.histogram_samples);
  put("numSeries", meta.series);
  put("numChunks", meta.chunks);
  put("numTombstones", meta.tombstones);
  ordered_json compaction = {{"level", meta.compaction_level}};
  if (!meta.sources.empty()) compaction["sources"] = meta.sources;
  if (meta.is_deletable) compaction["deletable"] = true;
  for (const PrometheusBlockParent& parent : meta.parents) {
    compaction["parents"].push_back(
        {{"ulid", parent.ulid}, {"minTime", parent.min_time_ms}, {"maxTime", parent.max_time_ms}});
  }
  if (meta.has_failed) compaction["failed"] = true;
  if (!meta.hints.empty()) compaction["hints"] = meta.hints;
  const ordered_json root = {{"ulid", meta.ulid}, {"minTime", meta.min_time_ms}, {"maxTime", meta.max_time_ms},
                             {"stats", stats},    {"compaction", compaction},    {"version", kVersion}};
  return root.dump(1, '\t', false, ordered_json::error_handler_t::replace) + "\n";
}

bool IsPrometheusBlockName(std::string_view name) {
  constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  return name.size() == 26 && name.find_first_not_of(kAlphabet) == std::string_view::npos && name[0] <= '7';
}

}  // namespace baro::tsdb
