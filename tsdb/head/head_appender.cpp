#include "tsdb/head/head_appender.h"

#include <algorithm>
#include <bit>

#include "tsdb/head/transaction.h"
#include "tsdb/wal/histogram_record.h"

namespace baro::tsdb {
namespace {

std::uint64_t Bits(double value) { return std::bit_cast<std::uint64_t>(value); }

bool TestBit(const std::vector<std::uint64_t>& words, std::size_t bit) {
  return bit / 64 < words.size() && ((words[bit / 64] >> (bit % 64)) & 1) != 0;
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

model::TimeRange HeadWriter::AllowedTimes() const {
  model::TimeRange allowed{.min_ms = model::kMinTimestampMs + 1,
                           .max_ms = base::ToMs(clock.Now()) + options.future_max.count()};
  allowed.min_ms = std::max(allowed.min_ms, head.floor_ms());
  if (!head.has_samples()) return allowed;
  const std::int64_t newest = head.max_time_ms();
  // Differences of far-apart times saturate rather than wrap around.
  const auto reach_back = [&allowed, newest](std::chrono::milliseconds by) {
    std::int64_t bound = 0;
    if (__builtin_sub_overflow(newest, by.count(), &bound)) return;
    allowed.min_ms = std::max(allowed.min_ms, bound);
  };
  if (options.lateness_max.count() > 0) reach_back(options.lateness_max);
  return allowed;
}

HeadAppender::HeadAppender(HeadWriter& writer) : writer_(writer), allowed_(writer.AllowedTimes()) {}

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
  if (!allowed_.Contains(timestamp_ms)) {
    std::ranges::fill(statuses, SampleStatus::kOutOfBounds);
    stats_.out_of_bounds += series.size();
    return;
  }
  GroupPtr group = writer_.head.FindGroup(group_ref);
  if (group == nullptr) {  // dropped meanwhile: its series get their samples singly
    for (std::size_t i = 0; i < series.size(); ++i) {
      const SampleStatus status = Append(series[i], {.timestamp_ms = timestamp_ms, .value = values[i]});
      if (!statuses.empty()) statuses[i] = status;
    }
    return;
  }
  const RowOrderPtr order = OrderOf(group_ref, group, series);
  Fill(RowFor(group, timestamp_ms), order, values, statuses);
}

// The check and the store that a sample costs when its target says the same series as ever.
void HeadAppender::Fill(PendingRow& pending, const RowOrderPtr& order, std::span<const double> values,
                        std::span<SampleStatus> statuses) {
  Row& row = *pending.row;
  const base::MutexLock lock(pending.group->mutex);
  const std::size_t columns = pending.group->members().size();
  // Made before a series left: the commit puts it right.
  if (pending.orders.empty() || order->version != pending.group->leave_version()) pending.version = order->version;
  pending.orders.push_back(order);
  row.presence.resize((columns + 63) / 64);
  const bool is_clear = row.timestamp_ms > pending.group->clear_after_ms();
  if (is_clear && order->is_identity() && pending.present == 0) {
    row.values.reserve(columns);
    row.values.assign(values.begin(), values.end());
    row.values.resize(columns);
    SetFirstBits(row.presence, values.size());
    pending.present = values.size();
    stats_.accepted += values.size();
    std::ranges::fill(statuses, SampleStatus::kAccepted);
    return;
  }
  row.values.resize(columns);
  if (is_clear && order->refusals.empty() && pending.present == 0) {
    Scatter(*order, values, row);
    pending.present = values.size();
    stats_.accepted += values.size();
    std::ranges::fill(statuses, SampleStatus::kAccepted);
    return;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    SampleStatus status = SampleStatus::kAccepted;
    const std::uint32_t column = order->ColumnOf(i);
    if (column == RowOrder::kNoColumn) {
      status = order->refusals[i];
    } else if (TestBit(row.presence, column)) {
      status = Bits(row.values[column]) == Bits(values[i]) ? SampleStatus::kRepeated : SampleStatus::kDuplicate;
    } else if (!is_clear) {
      status = Judge(pending.group->Last(column), row.timestamp_ms, Bits(values[i]));
    }
    if (status == SampleStatus::kAccepted) {
      row.values[column] = values[i];
      row.presence[column / 64] |= 1ULL << (column % 64);
      ++pending.present;
    }
    Count(status);
    if (!statuses.empty()) statuses[i] = status;
  }
}

void HeadAppender::Count(SampleStatus status) {
  switch (status) {
    case SampleStatus::kAccepted:
      ++stats_.accepted;
      break;
    case SampleStatus::kOutOfOrder:
      ++stats_.out_of_order;
      break;
    case SampleStatus::kDuplicate:
      ++stats_.duplicate;
      break;
    case SampleStatus::kOutOfBounds:
      ++stats_.out_of_bounds;
      break;
    case SampleStatus::kTooOld:
      ++stats_.too_old;
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

// Compares with the newest sample of the series in this appender, or else in the head. The commit looks again.
SampleStatus HeadAppender::CheckSingle(const SeriesPtr& series, std::int64_t timestamp_ms,
                                       const LastSample& candidate) {
  LastSample last;
  if (const auto found = newest_.find(series.get()); found != newest_.end()) {
    const PendingSample& pending = samples_[found->second];
    last = {.timestamp_ms = pending.sample.timestamp_ms,
            .bits = Bits(pending.sample.value),
            .histogram = pending.histogram};
  } else {
    GroupPtr home;
    std::uint32_t column = 0;
    {
      const base::MutexLock lock(writer_.head.StripeMutex(*series));
      last = series->LastSingle();
      home = series->home;
      column = series->home_column;
    }
    if (home != nullptr) {
      const base::MutexLock lock(home->mutex);
      last = Later(last, home->Last(column));
    }
  }
  return candidate.histogram != nullptr ? Judge(last, timestamp_ms, *candidate.histogram)
                                        : Judge(last, timestamp_ms, candidate.bits);
}

SampleStatus HeadAppender::Append(SeriesRef ref, model::Sample sample) {
  SeriesPtr series = writer_.head.FindPinned(ref);
  if (series == nullptr) return SampleStatus::kUnknownSeries;
  pinned_.push_back(series);
  const SampleStatus status = allowed_.Contains(sample.timestamp_ms)
                                  ? CheckSingle(series, sample.timestamp_ms, {.bits = Bits(sample.value)})
                                  : SampleStatus::kOutOfBounds;
  NoteRefused(*series, sample.timestamp_ms, status);
  if (status != SampleStatus::kAccepted) return status;
  newest_[series.get()] = samples_.size();
  samples_.push_back({.series = std::move(series), .sample = sample});
  return status;
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
  auto copy = std::make_shared<const model::FloatHistogram>(histogram);
  const SampleStatus status = allowed_.Contains(timestamp_ms) ? CheckSingle(series, timestamp_ms, {.histogram = copy})
                                                              : SampleStatus::kOutOfBounds;
  NoteRefused(*series, timestamp_ms, status);
  if (status != SampleStatus::kAccepted) return status;
  newest_[series.get()] = samples_.size();
  samples_.push_back({.series = std::move(series), .sample = {.timestamp_ms = timestamp_ms}, .histogram = copy});
  return status;
}

void HeadAppender::AppendExemplar(SeriesRef ref, const model::Exemplar& exemplar) {
  if (!exemplar.timestamp_ms || model::CountLabelRunes(exemplar.labels) > model::kExemplarLabelRunesMax) return;
  SeriesPtr series = writer_.head.FindPinned(ref);
  if (series == nullptr) return;
  pinned_.push_back(series);
  if (!writer_.exemplars.Accepts(series, exemplar)) return;
  exemplars_.push_back({.series = std::move(series), .exemplar = exemplar});
}

base::Result<CommitStats> HeadAppender::Commit(Durability durability) {
  auto result = Transaction(*this).Run(durability);
  Clear();
  return result;
}

void HeadAppender::Rollback() { Clear(); }

void HeadAppender::Clear() {
  rows_.clear();
  samples_.clear();
  newest_.clear();
  exemplars_.clear();
  for (const SeriesPtr& series : pinned_) Head::Unpin(series);
  pinned_.clear();
  stats_ = {};
  allowed_ = writer_.AllowedTimes();
}

}  // namespace baro::tsdb
