#include "tsdb/block/block_meta.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/crc32c.h"

namespace baro::tsdb {
namespace {

using nlohmann::ordered_json;

// The checksum is the last member, so that all it covers stands before it.
constexpr std::string_view kCrcMember = "\"crc\": \"";

base::Error Damaged(std::string_view what) { return {base::Code::kCorruption, fmt::format("block meta: {}", what)}; }

std::string CrcText(std::string_view covered) { return fmt::format("{:08x}", base::Crc32c(base::AsBytes(covered))); }

base::Result<Ulid> ReadUlid(const ordered_json& value) {
  auto ulid = Ulid::Parse(value.get<std::string>());
  if (!ulid) return Damaged(ulid.error().message());
  return *ulid;
}

base::Result<> ReadCompaction(const ordered_json& document, BlockMeta& meta) {
  meta.compaction_level = document.at("level").get<int>();
  for (const ordered_json& source : document.at("sources")) meta.sources.push_back(BARO_TRY(ReadUlid(source)));
  for (const ordered_json& parent : document.at("parents")) {
    meta.parents.push_back({.ulid = BARO_TRY(ReadUlid(parent.at("ulid"))),
                            .min_time_ms = parent.at("minTime").get<std::int64_t>(),
                            .max_time_ms = parent.at("maxTime").get<std::int64_t>()});
  }
  meta.hints = document.at("hints").get<std::vector<std::string>>();
  return {};
}

base::Result<BlockMeta> ReadDocument(const ordered_json& document) {
  BlockMeta meta;
  meta.version = document.at("version").get<int>();
  if (meta.version != kBlockVersion) {
    return base::Fail(base::Code::kUnsupported, fmt::format("block meta: version {} is not known, only {} is; a newer "
                                                            "Barograph may have written it",
                                                            meta.version, kBlockVersion));
  }
  meta.ulid = BARO_TRY(ReadUlid(document.at("ulid")));
  meta.min_time_ms = document.at("minTime").get<std::int64_t>();
  meta.max_time_ms = document.at("maxTime").get<std::int64_t>();
  if (meta.max_time_ms <= meta.min_time_ms) return Damaged("maxTime is not behind minTime");
  const auto form = document.at("form").get<std::string>();
  if (form != "hot" && form != "cold") return Damaged("form is neither hot nor cold");
  meta.form = form == "hot" ? BlockForm::kHot : BlockForm::kCold;
  const ordered_json& stats = document.at("stats");
  meta.counts = {.series = stats.at("numSeries").get<std::uint64_t>(),
                 .float_samples = stats.at("numFloatSamples").get<std::uint64_t>(),
                 .histogram_samples = stats.at("numHistogramSamples").get<std::uint64_t>(),
                 .float_chunks = stats.at("numFloatChunks").get<std::uint64_t>(),
                 .histogram_chunks = stats.at("numHistogramChunks").get<std::uint64_t>(),
                 .columns = stats.at("numColumns").get<std::uint64_t>(),
                 .families = stats.value("numFamilies", std::uint64_t{0}),
                 .series_with_exemplars = stats.value("numSeriesWithExemplars", std::uint64_t{0}),
                 .series_with_starts = stats.value("numSeriesWithStarts", std::uint64_t{0})};
  BARO_TRY(ReadCompaction(document.at("compaction"), meta));
  return meta;
}

}  // namespace

std::string FormatBlockMeta(const BlockMeta& meta) {
  ordered_json document;
  document["ulid"] = meta.ulid.ToString();
  document["version"] = meta.version;
  document["minTime"] = meta.min_time_ms;
  document["maxTime"] = meta.max_time_ms;
  document["form"] = meta.form == BlockForm::kHot ? "hot" : "cold";
  document["stats"] = {{"numSamples", meta.counts.samples()},
                       {"numFloatSamples", meta.counts.float_samples},
                       {"numHistogramSamples", meta.counts.histogram_samples},
                       {"numSeries", meta.counts.series},
                       {"numFloatChunks", meta.counts.float_chunks},
                       {"numHistogramChunks", meta.counts.histogram_chunks},
                       {"numColumns", meta.counts.columns}};
  const auto add_if_any = [&document](const char* name, std::uint64_t count) {
    if (count > 0) document["stats"][name] = count;
  };
  add_if_any("numFamilies", meta.counts.families);
  add_if_any("numSeriesWithExemplars", meta.counts.series_with_exemplars);
  add_if_any("numSeriesWithStarts", meta.counts.series_with_starts);
  ordered_json sources = ordered_json::array();
  for (const Ulid& source : meta.sources) sources.push_back(source.ToString());
  ordered_json parents = ordered_json::array();
  for (const BlockParent& parent : meta.parents) {
    parents.push_back(
        {{"ulid", parent.ulid.ToString()}, {"minTime", parent.min_time_ms}, {"maxTime", parent.max_time_ms}});
  }
  document["compaction"] = {
      {"level", meta.compaction_level}, {"sources", sources}, {"parents", parents}, {"hints", meta.hints}};
  // Hints may come from anywhere: bytes that are no UTF-8 are replaced, for the alternative is an exception.
  std::string text = document.dump(2, ' ', /*ensure_ascii=*/false, ordered_json::error_handler_t::replace);
  text.erase(text.rfind('\n'));
  text += ",\n  ";
  return fmt::format("{}{}{}\"\n}}\n", text, kCrcMember, CrcText(text));
}

base::Result<BlockMeta> ParseBlockMeta(std::string_view text) {
  const std::size_t crc = text.rfind(kCrcMember);
  if (crc == std::string_view::npos) return Damaged("no checksum");
  if (text.substr(crc + kCrcMember.size()) != CrcText(text.substr(0, crc)) + "\"\n}\n") {
    return Damaged("it does not match its checksum");
  }
  try {
    return ReadDocument(ordered_json::parse(text));
  } catch (const ordered_json::exception& error) {
    return Damaged(error.what());
  }
}

}  // namespace baro::tsdb
