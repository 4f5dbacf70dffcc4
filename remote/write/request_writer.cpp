#include "remote/write/request_writer.h"

#include <algorithm>
#include <bit>
#include <utility>

#include <fmt/format.h>

#include "remote/write/histogram_message.h"
#include "remote/write/wire.h"

namespace baro::remote {
namespace {

using tsdb::SampleStatus;
using tsdb::SeriesRef;

/// Prometheus' words for why a sample is refused; senders' operators search for them.
std::string_view RefusalText(SampleStatus status) {
  switch (status) {
    case SampleStatus::kOutOfOrder:
      return "out of order sample";
    case SampleStatus::kDuplicate:
      return "duplicate sample for timestamp";
    case SampleStatus::kOutOfBounds:
      return "out of bounds";
    case SampleStatus::kTooOld:
      return "too old sample";
    case SampleStatus::kAccepted:
    case SampleStatus::kRepeated:
    case SampleStatus::kUnknownSeries:
      break;
  }
  return "sample refused";
}

}  // namespace

base::Result<WriteOutcome> RequestWriter::Write(const WriteRequest& request) {
  const std::unique_ptr<tsdb::Appender> appender = storage_.NewAppender();
  request_ = &request;
  appender_ = appender.get();
  outcome_ = {};
  first_refused_.reset();
  BARO_TRY(FindSeries());
  for (const WriteMetadata& metadata : request.metadata) {
    appender->AppendMetadata(
        metadata.family,
        {.type = metadata.type, .help = std::string(metadata.help), .unit = std::string(metadata.unit)});
  }
  FindParts();
  std::size_t begin = 0;
  for (const std::size_t end : part_ends_) {
    BARO_TRY(AppendPart(begin, end));
    // What comes before the last part need not wait for the disk: the last one's sync is theirs too.
    const bool is_last = end == part_ends_.back();
    AddUp(BARO_TRY(appender->Commit(is_last ? tsdb::Durability::kSynced : tsdb::Durability::kInterval)));
    begin = end;
  }
  if (!learned_keys_.empty()) {
    for (const tsdb::GroupRef group : cache_.Insert(learned_keys_, learned_)) storage_.DropGroup(group);
  }
  NoteRefusal();
  return std::move(outcome_);
}

// A sender that catches up says a series again for each of its samples. One commit takes samples of a series as rows or
// singly, in order of time; so what comes again begins a new part, with a commit of its own.
void RequestWriter::FindParts() {
  part_ends_.clear();
  const std::size_t slots = std::bit_ceil(2 * known_.size() + 1);
  places_.assign(slots, 0);
  before_.assign(known_.size(), 0);
  std::size_t part_begin = 0;
  for (std::size_t i = 0; i < known_.size(); ++i) {
    if (known_[i].ref == SeriesRef::kNone) continue;
    const auto number = static_cast<std::uint64_t>(known_[i].ref);
    std::size_t at = (number * 0x9e3779b97f4a7c15) >> 32 & (slots - 1);
    while (places_[at] != 0 && known_[places_[at] - 1].ref != known_[i].ref) at = (at + 1) & (slots - 1);
    before_[i] = places_[at];
    if (places_[at] > part_begin) {
      part_ends_.push_back(i);
      part_begin = i;
    }
    places_[at] = static_cast<std::uint32_t>(i + 1);
  }
  part_ends_.push_back(known_.size());
}

base::Result<> RequestWriter::AppendPart(std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < end; ++i) {
    if (before_[i] != 0) known_[i] = known_[before_[i] - 1];  // with the group that it has by now
  }
  BARO_TRY(AppendSamples(begin, end));
  return AppendExtras(begin, end);
}

void RequestWriter::AddUp(const tsdb::CommitStats& stats) {
  tsdb::CommitStats& sum = outcome_.commit;
  sum.accepted += stats.accepted;
  sum.late += stats.late;
  sum.out_of_order += stats.out_of_order;
  sum.duplicate += stats.duplicate;
  sum.out_of_bounds += stats.out_of_bounds;
  sum.too_old += stats.too_old;
  sum.unknown += stats.unknown;
  if (!sum.first_refused) sum.first_refused = stats.first_refused;
}

base::Result<> RequestWriter::FindSeries() {
  keys_.clear();
  for (const WriteSeries& series : request_->series) keys_.push_back({.labels = series.labels, .hash = series.hash});
  known_.resize(keys_.size());
  learned_keys_.clear();
  learned_.clear();
  const bool any_old = cache_.Find(keys_, known_, is_old_);
  for (std::size_t i = 0; i < known_.size(); ++i) {
    if (known_[i].ref == SeriesRef::kNone) {
      BARO_TRY(Resolve(i));
      continue;
    }
    ++outcome_.known_series;
    if (any_old && is_old_[i]) Learn(i);
  }
  return {};
}

void RequestWriter::Learn(std::size_t index) {
  learned_keys_.push_back(keys_[index]);
  learned_.push_back(known_[index]);
}

base::Result<> RequestWriter::Resolve(std::size_t index) {
  known_[index] = {};
  switch (labels_.Parse(request_->series[index].labels, /*needs_name=*/true)) {
    case LabelsVerdict::kMalformed:
      return base::Fail(base::Code::kInvalidArgument,
                        fmt::format("malformed protobuf message: the labels of series {}", index));
    case LabelsVerdict::kInvalid: {
      const WriteSeries& series = request_->series[index];
      outcome_.invalid_labels += series.sample_count + series.histogram_count;
      return {};
    }
    case LabelsVerdict::kOverLimit:
      LeaveOut(index);
      Note(labels_.problem());
      return {};
    case LabelsVerdict::kGood:
      break;
  }
  auto ref = appender_->Resolve(labels_.labels(), nullptr);
  if (!ref && ref.error().code() == base::Code::kLimitExceeded) {
    LeaveOut(index);
    Note(ref.error().message());
    return {};
  }
  known_[index].ref = BARO_TRY(std::move(ref));
  ++outcome_.new_series;
  Learn(index);
  return {};
}

void RequestWriter::LeaveOut(std::size_t index) {
  const WriteSeries& series = request_->series[index];
  outcome_.over_limit += series.sample_count + series.histogram_count;
}

base::Result<> RequestWriter::AppendSamples(std::size_t begin, std::size_t end) {
  FindRowRuns(*request_, known_, begin, end, runs_);
  singles_.clear();
  gone_.clear();
  for (RowRun& run : runs_) {
    if (run.use == RowRun::Use::kNewGroup) {
      const tsdb::GroupRef group = storage_.NewGroup();
      for (std::size_t i = run.first; i < run.first + run.count; ++i) {
        known_[i].group = group;
        known_[i].group_size = static_cast<std::uint32_t>(run.count);
        Learn(i);
      }
    }
    if (run.use == RowRun::Use::kSingly) {
      for (std::size_t i = run.first; i < run.first + run.count; ++i) singles_.push_back(i);
    } else {
      AppendRows(run);
    }
    if (!run.leaves_group) continue;
    for (std::size_t i = run.first; i < run.first + run.count; ++i) {
      known_[i].group = tsdb::GroupRef::kNone;
      Learn(i);
    }
  }
  AppendSingles(singles_);
  return gone_.empty() ? base::Result<>() : AppendAgain();
}

void RequestWriter::AppendRows(const RowRun& run) {
  row_refs_.clear();
  for (std::size_t i = run.first; i < run.first + run.count; ++i) row_refs_.push_back(known_[i].ref);
  row_values_.resize(run.count);
  statuses_.resize(run.count);
  const WriteSeries& first = request_->series[run.first];
  bool any_gone = false;
  for (std::uint32_t k = 0; k < first.sample_count; ++k) {
    const std::int64_t timestamp_ms = request_->samples[first.first_sample + k].timestamp_ms;
    for (std::size_t i = 0; i < run.count; ++i) {
      row_values_[i] = request_->samples[request_->series[run.first + i].first_sample + k].value;
    }
    appender_->AppendRow(known_[run.first].group, timestamp_ms, row_refs_, row_values_, statuses_);
    for (std::size_t i = 0; i < run.count; ++i) {
      if (statuses_[i] == SampleStatus::kAccepted || statuses_[i] == SampleStatus::kRepeated) continue;
      if (statuses_[i] == SampleStatus::kUnknownSeries) {
        any_gone = true;
      } else if (!first_refused_) {
        first_refused_ = {.series = row_refs_[i], .timestamp_ms = timestamp_ms, .status = statuses_[i]};
      }
    }
  }
  if (!any_gone) return;
  for (std::size_t i = 0; i < run.count; ++i) {  // a series that is gone is so in each row
    if (statuses_[i] == SampleStatus::kUnknownSeries) gone_.push_back(run.first + i);
  }
}

void RequestWriter::AppendSingles(std::span<const std::size_t> series) {
  samples_.clear();
  for (const std::size_t i : series) {
    const WriteSeries& entry = request_->series[i];
    for (std::uint32_t k = 0; k < entry.sample_count; ++k) {
      samples_.push_back({.series = known_[i].ref, .sample = request_->samples[entry.first_sample + k]});
    }
  }
  statuses_.resize(samples_.size());
  appender_->AppendSamples(samples_, statuses_);
  if (std::ranges::find(statuses_, SampleStatus::kUnknownSeries) == statuses_.end()) return;
  std::size_t at = 0;
  for (const std::size_t i : series) {
    if (statuses_[at] == SampleStatus::kUnknownSeries) gone_.push_back(i);
    at += request_->series[i].sample_count;
  }
}

// With new series for those that have left the head.
base::Result<> RequestWriter::AppendAgain() {
  std::vector<std::size_t> found;
  for (const std::size_t i : gone_) {
    --outcome_.known_series;
    BARO_TRY(Resolve(i));  // the appender keeps it from leaving again
    if (known_[i].ref != SeriesRef::kNone) found.push_back(i);
  }
  gone_.clear();
  AppendSingles(found);
  return {};
}

base::Result<> RequestWriter::AppendExtras(std::size_t begin, std::size_t end) {
  if (request_->histogram_count == 0 && request_->exemplar_count == 0) return {};
  outcome_.histograms = request_->histogram_count;
  outcome_.exemplars = request_->exemplar_count;
  for (std::size_t i = begin; i < end; ++i) {
    const WriteSeries& series = request_->series[i];
    if (series.histogram_count == 0 && series.exemplar_count == 0) continue;
    WireReader reader(series.rest);
    while (!reader.AtEnd()) {
      const std::uint32_t tag = reader.Tag();
      if (tag == WireTag(3, WireType::kBytes)) {
        const auto exemplar = BARO_TRY(ReadExemplar(reader.Bytes()));
        if (exemplar && known_[i].ref != SeriesRef::kNone) appender_->AppendExemplar(known_[i].ref, *exemplar);
      } else if (tag == WireTag(4, WireType::kBytes)) {
        BARO_TRY(AppendHistogram(i, reader.Bytes()));
      } else {
        reader.Skip(tag);
      }
    }
  }
  return {};
}

base::Result<> RequestWriter::AppendHistogram(std::size_t index, std::string_view message) {
  auto read = ReadHistogram(message);
  if (!read && read.error().code() != base::Code::kLimitExceeded) return read.error();
  if (known_[index].ref == SeriesRef::kNone) return {};  // counted with the series
  if (!read) {
    ++outcome_.over_limit;
    Note(read.error().message());
    return {};
  }
  const std::int64_t timestamp_ms = read->timestamp_ms;
  const auto histogram = CheckHistogram(*std::move(read));
  if (!histogram) {
    ++outcome_.invalid_histograms;
    Note(histogram.error().message());
    return {};
  }
  auto status = appender_->AppendHistogram(known_[index].ref, timestamp_ms, *histogram);
  if (status && *status == SampleStatus::kUnknownSeries) {
    BARO_TRY(Resolve(index));
    if (known_[index].ref == SeriesRef::kNone) return {};
    status = appender_->AppendHistogram(known_[index].ref, timestamp_ms, *histogram);
  }
  if (!status) {
    ++outcome_.invalid_histograms;
    Note(status.error().message());
  }
  return {};
}

// The first one is told.
void RequestWriter::Note(std::string_view problem) {
  if (outcome_.problem.empty()) outcome_.problem = problem;
}

void RequestWriter::NoteRefusal() {
  const std::size_t refused = outcome_.refused();
  if (refused == 0) return;
  const std::size_t received = request_->samples.size() + request_->histogram_count;
  if (outcome_.commit.first_refused) first_refused_ = outcome_.commit.first_refused;
  if (const auto& first = first_refused_) {
    outcome_.problem =
        fmt::format("{}: {} at {} ms; {} of {} samples are refused, the others are stored", RefusalText(first->status),
                    DescribeSeries(first->series), first->timestamp_ms, refused, received);
    return;
  }
  if (outcome_.problem.empty() && outcome_.commit.unknown > 0) {
    outcome_.problem = "series left memory while their samples were on the way, and the limit of series keeps them out";
  }
  if (outcome_.problem.empty()) outcome_.problem = "samples that others were faster with";
  outcome_.problem += fmt::format("; {} of {} samples are refused, the others are stored", refused, received);
}

std::string RequestWriter::DescribeSeries(SeriesRef ref) {
  constexpr std::size_t kTextBytesMax = 512;
  const auto found = std::ranges::find(known_, ref, &KnownSeries::ref);
  if (found == known_.end()) return "a series";
  const std::string_view fields = request_->series[static_cast<std::size_t>(found - known_.begin())].labels;
  if (labels_.Parse(fields, /*needs_name=*/true) != LabelsVerdict::kGood) return "a series";
  std::string text = labels_.labels().ToMetricString();
  if (text.size() <= kTextBytesMax) return text;
  std::size_t end = kTextBytesMax;
  while ((static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // not in the middle of a character
  return text.replace(end, std::string::npos, "…");
}

}  // namespace baro::remote
