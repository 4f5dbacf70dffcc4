// What happens to the store in a life: samples of all kinds, maintenance, looks, deletes, snapshots.
#include <algorithm>

#include <fmt/format.h>

#include "tests/sim/world.h"

namespace baro::sim {
namespace {

using tsdb::Durability;
using tsdb::SampleStatus;

constexpr std::size_t kNames = 4;  // of metrics

bool IsTaken(SampleStatus status) { return status == SampleStatus::kAccepted; }

base::Error Violation(std::string what) { return {base::Code::kCorruption, std::move(what)}; }

}  // namespace

model::Labels World::LabelsOf(std::size_t series) const {
  const std::string name = fmt::format("m{}", series % kNames);
  const std::string instance = fmt::format("{}", series);
  return model::Labels::FromPairs({{"__name__", name}, {"instance", instance}, {"job", "sim"}});
}

double World::RandomValue(std::size_t series) {
  if (last_values_.size() <= series) last_values_.resize(series + 1);
  double& last = last_values_[series];
  switch (random_.Below(12)) {
    case 0:
      return std::bit_cast<double>(random_.NextU64());  // any pattern: NaN with payloads, denormals, infinities
    case 1:
      return model::StaleNaN();
    case 2:
      last = 0;
      return last;
    case 3:
      return -0.0;
    case 4:
    case 5:
      return static_cast<double>(random_.Below(100'000)) / 100;
    case 6:
      return last;
    default:
      last += static_cast<double>(random_.Below(50));
      return last;
  }
}

std::shared_ptr<const model::FloatHistogram> World::RandomHistogram() {
  auto histogram = std::make_shared<model::FloatHistogram>();
  histogram->schema = static_cast<std::int32_t>(random_.Below(4));
  histogram->zero_threshold = 0.001;
  histogram->zero_count = static_cast<double>(random_.Below(10));
  histogram->count = histogram->zero_count;
  const auto buckets = static_cast<std::uint32_t>(1 + random_.Below(6));
  histogram->positive_spans = {{.offset = static_cast<std::int32_t>(random_.Below(5)), .length = buckets}};
  for (std::uint32_t i = 0; i < buckets; ++i) {
    histogram->positive_buckets.push_back(static_cast<double>(1 + random_.Below(100)));
    histogram->count += histogram->positive_buckets.back();
  }
  histogram->sum = random_.OneIn(12) ? model::StaleNaN() : histogram->count * 1.5;
  return histogram;
}

void World::Advance(std::chrono::milliseconds by) {
  const std::uint64_t failed = files_.failed_operation_count();
  const base::MonotonicTime before = clock_.Monotonic();
  store_.executor->RunFor(by);
  // The promise for what is acknowledged without a sync: the next interval's sync has it.
  const bool was_quiet = failed == files_.failed_operation_count() && !files_.is_halted();
  if (was_quiet && by >= plan_.options.sync_interval && store_.storage->log_status().is_writable) {
    model_.MakeDurable(before + by - plan_.options.sync_interval);
  }
  NoteBlocks();
}

// Blocks that went for their size allow that their time is missing. Those that are there begin with the oldest.
void World::NoteBlocks() {
  const auto blocks = store_.storage->Blocks();
  std::int64_t oldest_ms = model::kMaxTimestampMs;
  for (const tsdb::BlockStatus& block : blocks) {
    oldest_ms = std::min(oldest_ms, block.meta.min_time_ms);
    in_blocks_until_ms_ = std::max(in_blocks_until_ms_, block.meta.max_time_ms);
  }
  if (model_.limits().bytes == 0 || !was_too_large_) return;
  if (blocks.empty()) {
    // The last to go may have come and gone between two looks.
    in_blocks_until_ms_ =
        std::max(in_blocks_until_ms_, store_.storage->Status(1).max_time_ms - plan_.options.lateness_max.count());
  }
  model_.AllowLossBefore(blocks.empty() ? in_blocks_until_ms_ : oldest_ms);
}

// What is old enough is in blocks, whoever looked at it meanwhile: else memory and log grow for ever.
base::Result<> World::CheckBlocksFollow() const {
  const auto kept = 2 * plan_.options.block_range + plan_.options.lateness_max;
  const std::int64_t due_ms = store_.storage->Status(1).max_time_ms - kept.count();
  const auto newest_ms = model_.NewestBefore(due_ms);
  if (!newest_ms || *newest_ms < in_blocks_until_ms_) return {};
  return Violation(fmt::format("memory keeps what is old: samples up to {}, blocks up to {}, the newest sample at {}",
                               *newest_ms, in_blocks_until_ms_, model_.newest_ms()));
}

// Later than all before, and often right at or beside a border of blocks.
std::int64_t World::NextTime() {
  const std::int64_t range_ms = plan_.options.block_range.count();
  Advance(std::chrono::milliseconds(1 + random_.Below(2 * static_cast<std::uint64_t>(plan_.interval.count()))));
  std::int64_t time_ms = base::ToMs(clock_.Now());
  const std::int64_t border_ms = (time_ms / range_ms + 1) * range_ms;
  if (border_ms - time_ms < 3 * plan_.interval.count() && random_.OneIn(2)) {
    time_ms = border_ms - 1 + static_cast<std::int64_t>(random_.Below(3));
    Advance(std::chrono::milliseconds(time_ms - base::ToMs(clock_.Now())));
  }
  last_time_ms_ = std::max(time_ms, last_time_ms_ + 1);
  return last_time_ms_;
}

base::Result<> World::Commit(tsdb::Appender& appender, std::vector<Written> written, bool synced) {
  const auto result = appender.Commit(synced ? Durability::kSynced : Durability::kInterval);
  ++coverage_.commits;
  Note(!result ? "refused" : synced ? "synced" : "commit", written.size());
  // A process that stopped acknowledges nothing.
  const bool is_acknowledged = result && !files_.is_halted() && result->accepted == written.size();
  if (!result) ++coverage_.commits_failed;
  for (const Written& sample : written) {
    (sample.value.histogram != nullptr ? coverage_.histograms : coverage_.samples) += 1;
    model_.Write(sample, is_acknowledged ? Fate::kWritten : Fate::kUncertain, clock_.Monotonic());
  }
  if (is_acknowledged && synced && !written.empty()) model_.MakeDurable();
  return {};
}

// A target's scrape: a row of its group, with what does not fit into rows beside it.
base::Result<> World::Scrape() {
  const std::int64_t time_ms = NextTime();
  if (files_.is_halted()) return {};
  const auto appender = store_.storage->NewAppender();
  std::vector<Written> written;
  std::vector<Written> row;
  std::vector<tsdb::SeriesRef> refs;
  std::vector<double> values;
  const std::size_t group = random_.Below(groups_.size());
  for (const std::size_t series : active_) {
    if (random_.OneIn(6)) continue;
    const model::Labels labels = LabelsOf(series);
    const auto ref = appender->Resolve(labels, nullptr);
    if (!ref) return ref.error().WithContext("resolving");
    if (plan_.has_histograms && series % 5 == 0) {
      auto histogram = RandomHistogram();
      const auto status = appender->AppendHistogram(*ref, time_ms, *histogram);
      if (!status) return status.error().WithContext("appending a histogram");
      if (IsTaken(*status)) written.push_back({labels, time_ms, {.histogram = std::move(histogram)}});
      continue;
    }
    const double value = RandomValue(series);
    row.push_back({labels, time_ms, Value::Of(value)});
    refs.push_back(*ref);
    values.push_back(value);
    if (plan_.has_exemplars && random_.OneIn(4)) {
      appender->AppendExemplar(
          *ref, {.labels = model::Labels::FromPairs({{"trace_id", "a1"}}), .value = value, .timestamp_ms = time_ms});
    }
  }
  std::vector<SampleStatus> statuses(refs.size());
  appender->AppendRow(groups_[group], time_ms, refs, values, statuses);
  for (std::size_t i = 0; i < statuses.size(); ++i) {
    if (IsTaken(statuses[i])) {
      written.push_back(std::move(row[i]));
    } else {
      ++coverage_.refused;
    }
  }
  if (random_.OneIn(30)) {  // a scrape that is given up
    appender->Rollback();
    return {};
  }
  return Commit(*appender, std::move(written), random_.OneIn(8));
}

// What a sender pushes: single samples of some series, several of each, acknowledged behind the sync.
base::Result<> World::Push() {
  const auto appender = store_.storage->NewAppender();
  std::vector<Written> written;
  for (std::size_t count = 1 + random_.Below(3); count > 0; --count) {
    const std::int64_t time_ms = NextTime();
    if (files_.is_halted()) return {};
    for (const std::size_t series : active_) {
      if (!random_.OneIn(3)) continue;
      const model::Labels labels = LabelsOf(series);
      const auto ref = appender->Resolve(labels, nullptr);
      if (!ref) return ref.error().WithContext("resolving");
      // Now and then something that comes late, at a time that the series has no sample at.
      std::int64_t at_ms = time_ms;
      if (random_.OneIn(10)) at_ms -= static_cast<std::int64_t>(random_.Below(3 * plan_.interval.count() + 1));
      if (model_.Has(labels, at_ms)) continue;
      const auto is_same = [&](const Written& other) { return other.timestamp_ms == at_ms && other.labels == labels; };
      if (std::ranges::any_of(written, is_same)) continue;
      const double value = RandomValue(series);
      if (IsTaken(appender->Append(*ref, {.timestamp_ms = at_ms, .value = value}))) {
        written.push_back({labels, at_ms, Value::Of(value)});
      } else {
        ++coverage_.refused;
      }
    }
  }
  return Commit(*appender, std::move(written), !random_.OneIn(5));
}

base::Result<> World::LookSomewhere() {
  Look look;
  const std::int64_t range_ms = plan_.options.block_range.count();
  const auto near_border = [&] {
    const std::int64_t some_ms = last_time_ms_ - static_cast<std::int64_t>(random_.Below(20 * range_ms));
    return random_.OneIn(3) ? some_ms : some_ms / range_ms * range_ms - 1 + static_cast<std::int64_t>(random_.Below(3));
  };
  look.range.min_ms = near_border();
  look.range.max_ms = random_.OneIn(3) ? last_time_ms_ : near_border();
  if (random_.OneIn(3)) look.range.max_ms = look.range.min_ms + static_cast<std::int64_t>(random_.Below(range_ms));
  if (look.range.empty()) std::swap(look.range.min_ms, look.range.max_ms);
  if (random_.OneIn(2)) look.name = fmt::format("m{}", random_.Below(kNames));
  const Seen seen = BARO_TRY(Observe(*store_.storage->OpenReader(), look));
  // Windows of aggregates are one row: a range sees all of it or nothing.
  const bool is_thinned = model_.limits().rules != nullptr && !model_.limits().rules->downsampling.empty();
  if (is_thinned) return {};
  return model_.Check(seen, look, {.may_miss = is_damaged_});
}

base::Result<> World::Delete() {
  const std::string name = fmt::format("m{}", random_.Below(kNames));
  const std::int64_t range_ms = plan_.options.block_range.count();
  model::TimeRange range{.min_ms = last_time_ms_ - static_cast<std::int64_t>(random_.Below(12 * range_ms))};
  range.max_ms = range.min_ms + static_cast<std::int64_t>(random_.Below(3 * range_ms));
  if (range.max_ms >= last_time_ms_) range.max_ms = last_time_ms_ - 1;
  if (range.empty()) return {};
  const std::vector matchers = {model::Matcher::Make(model::MatchType::kEqual, "__name__", name).value()};
  const auto deleted = store_.storage->Delete(matchers, range, {});
  Note(deleted ? "delete" : "delete refused", deleted ? *deleted : 0);
  // Refused as a whole: nothing is deleted.
  if (!deleted && deleted.error().code() == base::Code::kUnsupported) return {};
  ++coverage_.deletes;
  model_.Delete(name, range, deleted && !files_.is_halted());
  if (random_.OneIn(3)) {
    const auto cleaned = store_.storage->CleanTombstones();
    Note("clean", cleaned ? 0 : 1);
  }
  return {};
}

base::Result<> World::Snapshot() {
  const bool with_head = random_.OneIn(2);
  const auto name = store_.storage->Snapshot(with_head);
  Note("snapshot", name ? 0 : 1);
  if (!name || files_.is_halted()) return {};
  ++coverage_.snapshots;
  if (!with_head || is_damaged_) return {};
  // A snapshot is a store of its own, from the moment that it is acknowledged.
  const auto disk = random_.OneIn(2) ? files_.AfterCrash(random_) : files_.Copy();
  const std::string directory = plan_.options.directory + "/snapshots/" + *name;
  const OpenStore store = BARO_TRY(Open(*disk, directory));
  const Seen seen = BARO_TRY(Observe(*store.storage->OpenReader(), {}));
  auto checked = model_.Check(seen, {}, {.fate = Fate::kWritten});
  return checked ? checked : checked.error().WithContext("snapshot");
}

base::Result<> World::HoldReader() {
  if (held_.size() >= 3) return {};
  HeldReader held{.reader = store_.storage->OpenReader()};
  held.seen = BARO_TRY(Observe(*held.reader, held.look));
  held_.push_back(std::move(held));
  Note("reader held", held_.size());
  return {};
}

// Whatever was appended, cut, joined, deleted or dropped meanwhile: the answer is the same.
base::Result<> World::CheckHeldReader(std::size_t index) {
  const HeldReader& held = held_[index];
  const Seen seen = BARO_TRY(Observe(*held.reader, held.look));
  const auto same = [](const tsdb::LiteralSeries& a, const tsdb::LiteralSeries& b) {
    return a.labels == b.labels && a.samples == b.samples && a.histograms.size() == b.histograms.size() &&
           std::ranges::equal(a.histograms, b.histograms, [](const auto& x, const auto& y) {
             return x.timestamp_ms == y.timestamp_ms &&
                    Value{.histogram = x.histogram} == Value{.histogram = y.histogram};
           });
  };
  if (std::ranges::equal(held.seen.series, seen.series, same)) return {};
  return Violation("a held reader's answer changed");
}

void World::Maintain() {
  const auto maintained = store_.storage->Maintain();
  Note("maintain", maintained ? 0 : 1);
  NoteBlocks();
}

void World::ChangeRetention() {
  tsdb::RetentionLimits limits = model_.limits();
  limits.time = plan_.options.block_range * static_cast<std::int64_t>(2 + random_.Below(30));
  if (random_.OneIn(3)) limits.time = std::chrono::milliseconds(0);
  model_.SetRetention(limits);
  store_.storage->SetRetention(limits);
  Note("retention", static_cast<std::uint64_t>(limits.time.count()));
}

// Series end and others begin; targets come and go.
void World::Churn() {
  active_[random_.Below(active_.size())] = next_series_++;
  if (random_.OneIn(3)) {
    const std::size_t group = random_.Below(groups_.size());
    store_.storage->DropGroup(groups_[group]);
    groups_[group] = store_.storage->NewGroup();
  }
  Note("churn", next_series_);
}

base::Result<> World::Step() {
  if (plan_.fills_up && random_.OneIn(25)) {
    std::uint64_t used = 0;
    for (const std::string& path : files_.Files()) used += files_.FileSize(path).value();
    files_.SetQuota(random_.OneIn(2) ? 0 : used + random_.Below(4000));
    Note("quota");
  }
  switch (random_.Below(24)) {
    case 0:
      Maintain();
      return {};
    case 1:
      if (auto synced = store_.storage->Sync(); synced && !files_.is_halted()) model_.MakeDurable();
      Note("sync");
      return {};
    case 2:
      Advance(plan_.options.block_range / static_cast<std::int64_t>(1 + random_.Below(4)));
      Note("pause");
      return {};
    case 3:
      return plan_.has_deletes ? Delete() : base::Result<>();
    case 4:
      return plan_.has_snapshots && random_.OneIn(3) ? Snapshot() : base::Result<>();
    case 5:
      return HoldReader();
    case 6:
      if (held_.empty()) return {};
      BARO_TRY(CheckHeldReader(0));
      held_.erase(held_.begin());
      return {};
    case 7:
      if (plan_.has_churn) Churn();
      return {};
    case 8:
      if (random_.OneIn(8)) ChangeRetention();
      return {};
    case 9:
    case 10:
      return LookSomewhere();
    case 11:
    case 12:
    case 13:
      return Push();
    default:
      return Scrape();
  }
}

}  // namespace baro::sim
