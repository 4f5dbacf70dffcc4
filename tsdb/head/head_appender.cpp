#include "tsdb/head/head_appender.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "tsdb/head/transaction.h"
#include "tsdb/wal/histogram_record.h"

namespace baro::tsdb {
namespace {

std::uint64_t Bits(double value) { return std::bit_cast<std::uint64_t>(value); }

bool TestBit(const std::vector<std::uint64_t>& words, std::size_t bit) {
  return bit / 64 < words.size() && ((words[bit / 64] >> (bit % 64)) & 1) != 0;
}

// `by_ms` before that time. Differences of far-apart times saturate rather than wrap around.
std::int64_t Before(std::int64_t time_ms, std::int64_t by_ms) {
  std::int64_t bound = 0;
  return __builtin_sub_overflow(time_ms, by_ms, &bound) ? model::kMinTimestampMs + 1 : bound;
}

// The first `count` bits, all set.
void SetFirstBits(std::vector<std::uint64_t>& words, std::size_t count) {
  std::fill_n(words.begin(), count / 64, ~std::uint64_t{0});
  if (count % 64 != 0) words[count / 64] |= (1ULL << (count % 64)) - 1;
}

// Puts each value into its column. Shape    the order refuses none, so that no column comes twice.
void Scatter(const RowOrder& order, std::span<const double> values, Row& row) {
  double* const out = row.values.data();
  std::uint64_t* const presence = row.presence.data();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint32_t column = order.columns[i];
    out[column] = values[i];
    presence[column / 64] |= std::uint64_t{1} << (column % 64);
  }
}

}  // namespace

TimeRules HeadWriter::Rules() const {
  TimeRules rules;
  rules.in_order = {.min_ms = std::max(model::kMinTimestampMs + 1, head.floor_ms()),
                    .max_ms = base::ToMs(clock.Now()) + options.future_max.count()};
  if (!head.has_samples()) return rules;
  const std::int64_t newest_ms = head.max_time_ms();
  if (const std::int64_t lateness_ms = options.lateness_max.count(); lateness_ms > 0) {
    rules.in_order.min_ms = std::max(rules.in_order.min_ms, Before(newest_ms, lateness_ms));
  }
  const std::int64_t window_ms = out_of_order_window_ms.load(std::memory_order_relaxed);
  if (window_ms > 0) rules.late_from_ms = Before(newest_ms, window_ms);
  return rules;
}

HeadAppender::HeadAppender(HeadWriter& writer) : writer_(writer), rules_(writer.Rules()) {}

HeadAppender::~HeadAppender() { Clear(); }

base::Result<SeriesRef> HeadAppender::Resolve(const model::Labels& labels, bool* created) {
  SeriesPtr series = BARO_TRY(writer_.head.GetOrCreatePinned(labels, created));
  const SeriesRef ref = series->ref;
  pinned_.push_back(std::move(series));
  return ref;
}

HeadAppender::PendingRow& HeadAppender::RowFor(const GroupPtr& group, std::int64_t timestamp_ms) {
  for (PendingRow& pending : rows_) {
    if (pending.group == group && pending.row->timestamp_ms == timestamp_ms) return pending;
  }
  PendingRow& pending = rows_.emplace_back();
  pending.group = group;
  pending.row = std::make_shared<Row>();
  pending.row->timestamp_ms = timestamp_ms;
  return pending;
}

// `group` becomes another one if `ref` takes the place of a group of the run before.
RowOrderPtr HeadAppender::OrderOf(GroupRef ref, GroupPtr& group, std::span<const SeriesRef> series) {
  {
    const base::MutexLock lock(group->mutex);
    if (RowOrderPtr order = group->FindOrder(series)) return order;
  }
  const base::MutexLock moves(writer_.head.moves_mutex);
  group = writer_.head.AdoptOrphan(ref, group, series);
  return writer_.head.MakeOrder(group, series);
}

void HeadAppender::AppendRow(GroupRef group_ref, std::int64_t timestamp_ms, std::span<const SeriesRef> series,
                             std::span<const double> values, std::span<SampleStatus> statuses) {
  BARO_ASSERT(series.size() == values.size() && (statuses.empty() || statuses.size() == series.size()));
  if (series.empty()) return;
  BeginWindow(timestamp_ms);
  if (!rules_.in_order.Contains(timestamp_ms)) {
    const Verdict verdict = rules_.Decide(timestamp_ms, SampleStatus::kOutOfOrder);
    if (verdict.status != SampleStatus::kAccepted) {
      std::ranges::fill(statuses, verdict.status);
      Count(verdict.status, series.size());
      return;
    }
  }
  GroupPtr group = writer_.head.FindGroup(group_ref);
  if (group == nullptr) {  // dropped meanwhile: its series get their samples singly
    for (std::size_t i = 0; i < series.size(); ++i) {
      const SampleStatus status = Append(series[i], {.timestamp_ms = timestamp_ms, .value = values[i]});
      if (!statuses.empty()) statuses[i] = status;
    }
    return;
  }
  // Each turn but the last met a series that left at that very moment.
  for (;;) {
    const RowOrderPtr order = OrderOf(group_ref, group, series);
    if (Fill(RowFor(group, timestamp_ms), order, values, statuses)) return;
  }
}

// The window of a store that is still empty is counted from the first sample.
void HeadAppender::BeginWindow(std::int64_t timestamp_ms) {
  if (rules_.has_window() || writer_.head.has_samples() || timestamp_ms > rules_.in_order.max_ms) return;
  const std::int64_t window_ms = writer_.out_of_order_window_ms.load(std::memory_order_relaxed);
  if (window_ms > 0) rules_.late_from_ms = Before(timestamp_ms, window_ms);
}

// The check and the store that a sample costs when its target says the same series as ever.
// False if the order is older than what the group is: ask for it again.
bool HeadAppender::Fill(PendingRow& pending, const RowOrderPtr& order, std::span<const double> values,
                        std::span<SampleStatus> statuses) {
  Row& row = *pending.row;
  const base::MutexLock lock(pending.group->mutex);
  if (order->version != pending.group->leave_version()) return false;
  if (!std::exchange(pending.is_counted, true)) pending.group->AddPending();
  const std::size_t columns = pending.group->members().size();
  // If series left since the first list, the commit puts it right.
  if (pending.orders.empty()) pending.version = order->version;
  pending.orders.push_back(order);
  row.presence.resize((columns + 63) / 64);
  const bool is_clear =
      row.timestamp_ms > pending.group->clear_after_ms() && row.timestamp_ms >= rules_.in_order.min_ms;
  if (is_clear && order->is_identity() && pending.present == 0) {
    row.values.reserve(columns);
    row.values.assign(values.begin(), values.end());
    row.values.resize(columns);
    SetFirstBits(row.presence, values.size());
    pending.present = values.size();
    stats_.accepted += values.size();
    std::ranges::fill(statuses, SampleStatus::kAccepted);
    return true;
  }
  row.values.resize(columns);
  if (is_clear && order->refusals.empty() && pending.present == 0) {
    Scatter(*order, values, row);
    pending.present = values.size();
    stats_.accepted += values.size();
    std::ranges::fill(statuses, SampleStatus::kAccepted);
    return true;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint32_t column = order->ColumnOf(i);
    const SampleStatus status =
        column == RowOrder::kNoColumn ? order->refusals[i] : FillOne(pending, column, values[i], is_clear);
    Count(status);
    if (!statuses.empty()) statuses[i] = status;
  }
  return true;
}

// Shape  the group's mutex is held.
BARO_THREAD_ANNOTATION(no_thread_safety_analysis)
SampleStatus HeadAppender::FillOne(PendingRow& pending, std::uint32_t column, double value, bool is_clear) {
  Row& row = *pending.row;
  if (TestBit(row.presence, column)) {
    return Bits(row.values[column]) == Bits(value) ? SampleStatus::kRepeated : SampleStatus::kDuplicate;
  }
  Verdict verdict;
  if (!is_clear) {
    verdict = rules_.Decide(row.timestamp_ms, Judge(pending.group->Last(column), row.timestamp_ms, Bits(value)));
  }
  if (verdict.status != SampleStatus::kAccepted) return verdict.status;
  if (!verdict.is_late) {
    row.values[column] = value;
    row.presence[column / 64] |= 1ULL << (column % 64);
    ++pending.present;
    return SampleStatus::kAccepted;
  }
  return AddLate(pending, column, value) ? SampleStatus::kAccepted : SampleStatus::kRepeated;
}

// False if the row has a late sample of the column: the first one counts, silently.
bool HeadAppender::AddLate(PendingRow& pending, std::uint32_t column, double value) {
  if (pending.late == nullptr) {
    pending.late = std::make_shared<Row>();
    pending.late->timestamp_ms = pending.row->timestamp_ms;
  }
  Row& late = *pending.late;
  if (late.values.size() < pending.row->values.size()) {
    late.values.resize(pending.row->values.size());
    late.presence.resize(pending.row->presence.size());
  }
  if (TestBit(late.presence, column)) return false;
  late.values[column] = value;
  late.presence[column / 64] |= 1ULL << (column % 64);
  ++pending.late_present;
  return true;
}

void HeadAppender::Count(SampleStatus status, std::size_t count) {
  switch (status) {
    case SampleStatus::kAccepted:
      stats_.accepted += count;
      break;
    case SampleStatus::kOutOfOrder:
      stats_.out_of_order += count;
      break;
    case SampleStatus::kDuplicate:
      stats_.duplicate += count;
      break;
    case SampleStatus::kOutOfBounds:
      stats_.out_of_bounds += count;
      break;
    case SampleStatus::kTooOld:
      stats_.too_old += count;
      break;
    case SampleStatus::kRepeated:
    case SampleStatus::kUnknownSeries:
      break;
  }
}

void HeadAppender::NoteRefused(const Series& series, std::int64_t timestamp_ms, SampleStatus status) {
  Count(status);
  if (stats_.first_refused || status == SampleStatus::kAccepted || status == SampleStatus::kRepeated) return;
  stats_.first_refused = {.series = series.ref, .timestamp_ms = timestamp_ms, .status = status};
}

LastSample HeadAppender::LastInHead(const SeriesPtr& series) const {
  LastSample last;
  GroupPtr home;
  std::uint32_t column = 0;
  {
    const base::MutexLock lock(writer_.head.StripeMutex(*series));
    last = series->LastSingle();
    home = series->home;
    column = series->home_column;
  }
  if (home == nullptr) return last;
  const base::MutexLock lock(home->mutex);
  return Later(last, home->Last(column));
}

// The newest sample of the series in this appender, or else in the head.
LastSample HeadAppender::Newest(const SeriesPtr& series) const {
  const auto found = newest_.find(series.get());
  if (found == newest_.end()) return LastInHead(series);
  const PendingSample& pending = samples_[found->second];
  return {
      .timestamp_ms = pending.sample.timestamp_ms, .bits = Bits(pending.sample.value), .histogram = pending.histogram};
}

// Compares with the newest sample of the series. The commit looks again, and at
// the rest: what does not come in order may be late.
Verdict HeadAppender::CheckSingle(const SeriesPtr& series, std::int64_t timestamp_ms, const LastSample& candidate) {
  BeginWindow(timestamp_ms);
  if (!rules_.in_order.Contains(timestamp_ms)) {
    return rules_.Decide(timestamp_ms, SampleStatus::kOutOfOrder);
  }
  const LastSample last = Newest(series);
  const SampleStatus judged = candidate.histogram != nullptr ? Judge(last, timestamp_ms, *candidate.histogram)
                                                             : Judge(last, timestamp_ms, candidate.bits);
  return rules_.Decide(timestamp_ms, judged);
}

SampleStatus HeadAppender::Append(SeriesRef ref, model::Sample sample) {
  SeriesPtr series = writer_.head.FindPinned(ref);
  if (series == nullptr) return SampleStatus::kUnknownSeries;
  pinned_.push_back(series);
  // A series of histograms ends with a histogram, as in Prometheus: who ends it need not know what it has.
  if (model::IsStaleNaN(sample.value) && Newest(series).histogram != nullptr) {
    return AddHistogram(std::move(series), sample.timestamp_ms, {.sum = sample.value});
  }
  const Verdict verdict = CheckSingle(series, sample.timestamp_ms, {.bits = Bits(sample.value)});
  NoteRefused(*series, sample.timestamp_ms, verdict.status);
  if (verdict.status != SampleStatus::kAccepted) return verdict.status;
  if (!verdict.is_late) newest_[series.get()] = samples_.size();
  samples_.push_back({.series = std::move(series), .sample = sample, .is_late = verdict.is_late});
  return verdict.status;
}

base::Result<SampleStatus> HeadAppender::AppendHistogram(SeriesRef ref, std::int64_t timestamp_ms,
                                                         const model::FloatHistogram& histogram) {
  if (auto valid = histogram.Validate(); !valid) return valid.error();
  if (!FitsRecord(histogram)) {
    return base::Fail(base::Code::kInvalidArgument,
                      fmt::format("histogram has more spans or buckets than allowed: {}", kHistogramBucketsMax));
  }
  SeriesPtr series = writer_.head.FindPinned(ref);
  if (series == nullptr) return SampleStatus::kUnknownSeries;
  pinned_.push_back(series);
  return AddHistogram(std::move(series), timestamp_ms, histogram);
}

SampleStatus HeadAppender::AddHistogram(SeriesPtr series, std::int64_t timestamp_ms,
                                        const model::FloatHistogram& histogram) {
  auto copy = std::make_shared<const model::FloatHistogram>(histogram);
  const Verdict verdict = CheckSingle(series, timestamp_ms, {.histogram = copy});
  NoteRefused(*series, timestamp_ms, verdict.status);
  if (verdict.status != SampleStatus::kAccepted) return verdict.status;
  if (!verdict.is_late) newest_[series.get()] = samples_.size();
  samples_.push_back({.series = std::move(series),
                      .sample = {.timestamp_ms = timestamp_ms},
                      .histogram = copy,
                      .is_late = verdict.is_late});
  return verdict.status;
}

ExemplarStatus HeadAppender::AppendExemplar(SeriesRef ref, const model::Exemplar& exemplar) {
  SeriesPtr series = writer_.head.FindPinned(ref);
  if (series == nullptr) return ExemplarStatus::kUnknownSeries;
  pinned_.push_back(series);
  // Of several for one series in this appender the one before counts, as if it had been committed.
  const auto before = newest_exemplars_.find(series.get());
  const model::Exemplar* const pending =
      before == newest_exemplars_.end() ? nullptr : &exemplars_[before->second].exemplar;
  const ExemplarStatus status = writer_.exemplars.Judge(series, exemplar, pending);
  if (status != ExemplarStatus::kAccepted) return status;
  newest_exemplars_[series.get()] = exemplars_.size();
  exemplars_.push_back({.series = std::move(series), .exemplar = exemplar});
  return status;
}

void HeadAppender::AppendStart(SeriesRef ref, std::int64_t timestamp_ms, std::int64_t start_ms) {
  BeginWindow(timestamp_ms);
  const bool is_possible = rules_.in_order.Contains(timestamp_ms) ||
                           rules_.Decide(timestamp_ms, SampleStatus::kOutOfOrder).status == SampleStatus::kAccepted;
  if (!is_possible) return;  // its sample is refused
  SeriesPtr series = writer_.head.FindPinned(ref);
  if (series == nullptr) return;
  pinned_.push_back(series);
  const bool is_late = timestamp_ms < LastInHead(series).timestamp_ms;
  starts_.push_back(
      {.series = std::move(series), .run = {.from_ms = timestamp_ms, .start_ms = start_ms}, .is_late = is_late});
}

void HeadAppender::AppendMetadata(std::string_view family, const model::Metadata& metadata) {
  // Known to all at once: a commit that fails takes it back.
  const auto outcome = writer_.head.metadata().Put(family, metadata, base::ToMs(writer_.clock.Now()));
  if (outcome == MetadataTable::Outcome::kNew) {
    metadata_.push_back({.family = std::string(family), .metadata = metadata});
  }
}

base::Result<CommitStats> HeadAppender::Commit(Durability durability) {
  auto result = Transaction(*this).Run(durability);
  Clear();
  return result;
}

void HeadAppender::Rollback() { Clear(); }

void HeadAppender::Clear() {
  for (const PendingRow& pending : rows_) {
    if (!pending.is_counted) continue;
    const base::MutexLock lock(pending.group->mutex);
    pending.group->RemovePending();
  }
  rows_.clear();
  samples_.clear();
  newest_.clear();
  exemplars_.clear();
  newest_exemplars_.clear();
  starts_.clear();
  for (const PendingMetadata& pending : metadata_) writer_.head.metadata().Remove(pending.family, pending.metadata);
  metadata_.clear();
  for (const SeriesPtr& series : pinned_) Head::Unpin(series);
  pinned_.clear();
  stats_ = {};
  rules_ = writer_.Rules();
}

}  // namespace baro::tsdb
