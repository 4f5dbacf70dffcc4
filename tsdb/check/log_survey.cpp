#include "tsdb/check/log_survey.h"

#include <algorithm>
#include <bit>

#include "base/log.h"
#include "base/overlay_file_system.h"
#include "tsdb/head_files/head_file.h"
#include "tsdb/wal/log_reader.h"

namespace baro::tsdb {
namespace {

class Survey : public ReplayVisitor {
 public:
  explicit Survey(DataCheck& check) : check_(check) {}

  void OnSeries(LogSeriesId /*series*/, model::Labels /*labels*/) override { ++check_.log_series; }
  void OnLayout(std::uint64_t /*group*/, std::span<const LogSeriesId> /*columns*/) override {}
  void OnRow(const LoggedRow& row) override {
    std::size_t present = row.presence.empty() ? row.values.size() : 0;
    for (const std::uint64_t word : row.presence) present += static_cast<std::size_t>(std::popcount(word));
    Note(row.timestamp_ms, present);
  }
  void OnSample(LogSeriesId /*series*/, model::Sample sample) override { Note(sample.timestamp_ms, 1); }
  void OnHistogram(LogSeriesId /*series*/, std::int64_t timestamp_ms,
                   std::shared_ptr<const model::FloatHistogram> /*histogram*/) override {
    Note(timestamp_ms, 1);
  }
  void OnLateSample(LogSeriesId /*series*/, model::Sample sample) override { Note(sample.timestamp_ms, 1); }
  void OnLateHistogram(LogSeriesId /*series*/, std::int64_t timestamp_ms,
                       std::shared_ptr<const model::FloatHistogram> /*histogram*/) override {
    Note(timestamp_ms, 1);
  }
  void OnExemplar(LogSeriesId /*series*/, std::int64_t /*timestamp_ms*/, model::Exemplar /*exemplar*/) override {}
  void OnNextSeries(LogSeriesId /*next*/) override {}
  std::int64_t TakeTimeMax() override { return model::kMinTimestampMs; }

  /// A line that the replay wrote: `... msg="log damaged ..." file=... from_byte=1 to_byte=2`.
  void OnLine(std::string_view line) {
    const std::size_t begin = line.find("msg=");
    DataFinding finding{.where = "log", .what = std::string(begin == line.npos ? line : line.substr(begin + 4))};
    while (finding.what.ends_with('\n')) finding.what.pop_back();
    finding.range = {.min_ms = last_ms_, .max_ms = model::kMaxTimestampMs};
    findings_.push_back(std::move(finding));
  }

  /// Of all samples.
  model::TimeRange range() const {
    return first_ms_ > last_ms_ ? model::TimeRange{.min_ms = 0, .max_ms = -1}
                                : model::TimeRange{.min_ms = first_ms_, .max_ms = last_ms_};
  }

  void Finish() {
    for (DataFinding& finding : findings_) {
      finding.series = check_.log_series;
      check_.findings.push_back(std::move(finding));
    }
  }

 private:
  void Note(std::int64_t timestamp_ms, std::size_t samples) {
    check_.log_samples += samples;
    first_ms_ = std::min(first_ms_, timestamp_ms);
    last_ms_ = std::max(last_ms_, timestamp_ms);
    for (; open_ < findings_.size(); ++open_) findings_[open_].range.max_ms = std::max(last_ms_, timestamp_ms);
  }

  DataCheck& check_;
  std::vector<DataFinding> findings_;
  std::size_t open_ = 0;  // of findings_, behind which no sample has come yet
  std::int64_t first_ms_ = model::kMaxTimestampMs;
  std::int64_t last_ms_ = model::kMinTimestampMs;
};

}  // namespace

base::Result<SurveyedLog> SurveyLog(base::FileSystem& files, const std::string& path, DataCheck& check) {
  const std::string directory = path + "/log";
  if (!BARO_TRY(files.Exists(directory))) return SurveyedLog();
  base::OverlayFileSystem overlay(files);  // a replay removes leftovers
  Survey survey(check);
  const base::Logger log(base::MakeFunctionSink(base::LogLevel::kWarn, base::LogFormat::kLogfmt,
                                                [&survey](std::string_view line) { survey.OnLine(line); }));
  const ReplayedLog replayed = BARO_TRY(ReplayLog(overlay, directory, log, nullptr, survey));
  check.log_segments = replayed.segments.size();
  survey.Finish();
  return SurveyedLog{.range = survey.range(), .next_segment = replayed.next_segment};
}

base::Result<> SurveyHeadChunks(base::FileSystem& files, const std::string& path, DataCheck& check) {
  const std::string directory = path + "/head_chunks";
  if (!BARO_TRY(files.Exists(directory))) return {};
  for (const std::string& name : BARO_TRY(files.ListDirectory(directory))) {
    const std::uint64_t number = ParseHeadFileName(name);
    if (number == 0) continue;
    auto map = files.Map(directory + "/" + name);
    if (!map && map.error().code() == base::Code::kNotFound) continue;  // a server has removed it
    const std::string damage = map ? ParseHeadFile(*std::move(map), number).damage : map.error().message();
    if (damage.empty()) continue;
    check.findings.push_back({.where = "head_chunks/" + name,
                              .what = damage + "; the log has what it had, but for what a power cut may have taken"});
  }
  return {};
}

}  // namespace baro::tsdb
