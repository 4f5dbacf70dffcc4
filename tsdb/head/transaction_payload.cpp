// What a commit writes into the log.
#include <algorithm>
#include <bit>
#include <unordered_set>

#include "tsdb/head/transaction.h"

namespace baro::tsdb {
namespace {

// Gives columns that the row does not have the values of the row before.
void TakeAbsent(const Row& before, Row& row) {
  const std::size_t columns = std::min(row.values.size(), before.values.size());
  for (std::size_t word = 0; word < row.presence.size() && word * 64 < columns; ++word) {
    for (std::uint64_t absent = ~row.presence[word]; absent != 0; absent &= absent - 1) {
      const std::size_t column = word * 64 + static_cast<std::size_t>(std::countr_zero(absent));
      if (column >= columns) break;
      row.values[column] = before.values[column];
    }
  }
}

}  // namespace

BARO_DYNAMIC_LOCKS void HeadAppender::Transaction::BuildRow(RecordWriter& records, const Group& group, Row& row,
                                                            const RowPtr& last, bool is_late) {
  const auto logged = [&] {
    return LoggedRow{.group = group.log_id,
                     .number = row.number,
                     .timestamp_ms = row.timestamp_ms,
                     .values = row.values,
                     .presence = row.presence,
                     .is_late = is_late};
  };
  if (last != nullptr) {
    // What is absent counts as unchanged: it costs nothing now, and little when it is there again.
    TakeAbsent(*last, row);
    const LoggedRow before{.group = group.log_id, .timestamp_ms = last->timestamp_ms, .values = last->values};
    records.Row(logged(), &before);
    return;
  }
  std::vector<LogSeriesId> columns;
  columns.reserve(group.members().size());
  for (const SeriesPtr& member : group.members()) {
    columns.push_back(member == nullptr ? LogSeriesId::kNone : member->log_id);
    if (member == nullptr || member->is_logged.load(std::memory_order_relaxed)) continue;
    records.Series(member->log_id, member->labels);
    newly_logged_.push_back(member.get());
  }
  records.Layout(group.log_id, columns);
  records.Row(logged(), nullptr);
}

BARO_DYNAMIC_LOCKS std::uint64_t HeadAppender::Transaction::NumberFor(const PendingRow& pending) const {
  std::uint64_t number = pending.group->next_row_number();
  for (const PendingRow& earlier : appender_.rows_) {
    if (&earlier == &pending) break;
    if (earlier.group == pending.group && earlier.present > 0) ++number;
  }
  return number;
}

// The row that a reader of the log has in hand when it comes to this one; null if this one must stand for itself. Late
// rows follow the one in order of the same time, and no row follows them.
BARO_DYNAMIC_LOCKS RowPtr HeadAppender::Transaction::RowBefore(const PendingRow& pending, bool is_late,
                                                               std::uint64_t segment) const {
  if (is_late && pending.present > 0) return pending.row;
  RowPtr before;
  for (const PendingRow& earlier : appender_.rows_) {
    if (&earlier == &pending) break;
    if (earlier.group == pending.group && earlier.present > 0) before = earlier.row;
  }
  if (before != nullptr) return before;
  return pending.group->NeedsWholeRow(segment) ? nullptr : pending.group->last_row();
}

BARO_DYNAMIC_LOCKS base::ByteBuffer HeadAppender::Transaction::BuildPayload(std::uint64_t segment) {
  base::ByteBuffer payload;
  RecordWriter records(payload);
  newly_logged_.clear();
  was_whole_.clear();
  const auto name = [&](Series& series) {
    if (series.is_logged.load(std::memory_order_relaxed)) return;
    records.Series(series.log_id, series.labels);
    series.is_logged.store(true, std::memory_order_relaxed);
    newly_logged_.push_back(&series);
  };
  for (PendingRow& pending : appender_.rows_) {
    bool is_whole = false;
    if (pending.present > 0) {
      pending.row->number = NumberFor(pending);
      const RowPtr last = RowBefore(pending, /*is_late=*/false, segment);
      is_whole = last == nullptr;
      BuildRow(records, *pending.group, *pending.row, last, /*is_late=*/false);
    }
    was_whole_.push_back(is_whole);
    if (pending.late_present > 0) {
      BuildRow(records, *pending.group, *pending.late, RowBefore(pending, /*is_late=*/true, segment), /*is_late=*/true);
    }
    for (Series* series : newly_logged_) series->is_logged.store(true, std::memory_order_relaxed);
  }
  histograms_here_.clear();
  for (PendingSample& pending : appender_.samples_) {
    if (!pending.is_accepted) continue;
    name(*pending.series);
    const LogSeriesId id = pending.series->log_id;
    if (pending.histogram == nullptr) {
      pending.is_late ? records.LateSample(id, pending.sample) : records.Sample(id, pending.sample);
    } else if (pending.is_late) {
      records.LateHistogram(id, pending.sample.timestamp_ms, *pending.histogram);
    } else {
      BuildHistogram(records, pending, segment);
    }
  }
  BuildExtras(records);
  return payload;
}

// As the difference to the one before, if a reader of the log has that in hand.
BARO_DYNAMIC_LOCKS void HeadAppender::Transaction::BuildHistogram(RecordWriter& records, PendingSample& pending,
                                                                  std::uint64_t segment) {
  constexpr std::uint32_t kDifferencesMax = 63;  // what damage costs at most
  const LogSeriesId series = pending.series->log_id;
  const LoggedHistogram logged{.timestamp_ms = pending.sample.timestamp_ms, .histogram = pending.histogram.get()};
  HistogramSample before;
  if (const auto found = histograms_here_.find(pending.series.get()); found != histograms_here_.end()) {
    before = found->second;
  } else if (const Singles* singles = pending.series->singles(); singles != nullptr) {
    const Singles::LastLogged& last = singles->last_logged;
    if (last.segment == segment && last.differences < kDifferencesMax) before = last.sample;
  }
  pending.is_difference =
      before.histogram != nullptr &&
      records.HistogramDifference(series, logged,
                                  {.timestamp_ms = before.timestamp_ms, .histogram = before.histogram.get()});
  if (!pending.is_difference) records.Histogram(series, logged.timestamp_ms, *logged.histogram);
  histograms_here_[pending.series.get()] = {.timestamp_ms = logged.timestamp_ms, .histogram = pending.histogram};
}

// What comes with samples and is not one.
BARO_DYNAMIC_LOCKS void HeadAppender::Transaction::BuildExtras(RecordWriter& records) {
  // Not under the lock of its series' home: if it is being named by a commit behind this one, it is named twice.
  const auto name_if_new = [&records](const Series& series) {
    if (!series.is_logged.load(std::memory_order_relaxed)) records.Series(series.log_id, series.labels);
  };
  for (const PendingExemplar& pending : appender_.exemplars_) {
    name_if_new(*pending.series);
    records.Exemplar(pending.series->log_id, *pending.exemplar.timestamp_ms, pending.exemplar);
  }
  std::unordered_set<const Series*> changed;
  for (PendingStart& pending : appender_.starts_) {
    const StartTimes* starts = pending.series->starts();
    const std::int64_t at_ms = pending.run.from_ms;
    const auto known = starts == nullptr ? std::span<const StartRun>() : starts->runs();
    const bool is_in_doubt = starts != nullptr && starts->is_in_doubt();
    pending.is_change =
        StartAt(known, at_ms) != pending.run.start_ms || is_in_doubt || changed.contains(pending.series.get());
    if (!pending.is_change) continue;
    changed.insert(pending.series.get());
    name_if_new(*pending.series);
    // As StartTimes::PutOnce() does: what follows first.
    if (pending.is_late) records.Start(pending.series->log_id, at_ms + 1, StartAt(known, at_ms + 1));
    records.Start(pending.series->log_id, at_ms, pending.run.start_ms);
  }
  const std::int64_t now_ms = base::ToMs(writer_.clock.Now());
  for (const PendingMetadata& pending : appender_.metadata_) {
    records.Metadata(now_ms, pending.family, pending.metadata);
  }
}

}  // namespace baro::tsdb
