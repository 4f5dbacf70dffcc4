#include "tests/sim/world.h"

#include <cstdio>

#include <fmt/format.h>

namespace baro::sim {
namespace {

base::Error Violation(std::string what) { return {base::Code::kCorruption, std::move(what)}; }

std::vector<model::Matcher> MatchersOf(const Look& look) {
  if (look.name.empty()) return {model::Matcher::Make(model::MatchType::kNotEqual, "__name__", "").value()};
  return {model::Matcher::Make(model::MatchType::kEqual, "__name__", look.name).value()};
}

}  // namespace

void Coverage::Add(const Coverage& other) {
  commits += other.commits;
  commits_failed += other.commits_failed;
  samples += other.samples;
  histograms += other.histograms;
  refused += other.refused;
  blocks += other.blocks;
  deletes += other.deletes;
  snapshots += other.snapshots;
  halts += other.halts;
  operations_failed += other.operations_failed;
  damages += other.damages;
  crash_states += other.crash_states;
  looks += other.looks;
  simulated_ms += other.simulated_ms;
}

World::World(std::uint64_t seed, bool is_loud)
    : random_(seed), is_loud_(is_loud), plan_(MakePlan(random_)), model_(plan_.options.retention) {
  last_time_ms_ = base::ToMs(clock_.Now());
  for (std::size_t i = 0; i < plan_.series; ++i) active_.push_back(next_series_++);
}

World::~World() {
  held_.clear();
  store_.storage.reset();
}

// FNV-1a.
void World::Note(std::string_view what, std::uint64_t number) {
  for (const char c : what) trace_ = (trace_ ^ static_cast<unsigned char>(c)) * 1099511628211U;
  trace_ = (trace_ ^ number) * 1099511628211U;
  trace_ = (trace_ ^ files_.operation_count()) * 1099511628211U;
  if (is_loud_)
    fmt::print(stderr, "{:>6} {} {} {}\n", files_.operation_count(), base::ToMs(clock_.Now()), what, number);
}

// Some things the store tells in its log only.
base::Logger World::MakeLog(bool is_main) {
  return base::Logger(
      base::MakeFunctionSink(base::LogLevel::kInfo, base::LogFormat::kLogfmt, [this, is_main](std::string_view line) {
        if (line.find("larger than the retention allows") != std::string_view::npos) was_too_large_ = true;
        if (is_loud_) fmt::print(stderr, "         {}{}\n", is_main ? "" : "(copy) ", line);
      }));
}

base::Result<OpenStore> World::Open(base::SimFileSystem& files, const std::string& directory) {
  OpenStore store;
  store.registry = std::make_unique<base::Registry>();
  store.executor = std::make_unique<base::SimExecutor>(clock_, random_.NextU64());
  tsdb::StorageOptions options = plan_.options;
  options.directory = directory;
  options.retention = model_.limits();
  auto opened = tsdb::Storage::Open(std::move(options), {.files = files,
                                                         .clock = clock_,
                                                         .background = *store.executor,
                                                         .metrics = *store.registry,
                                                         .log = MakeLog(&files == &files_),
                                                         .random = &random_});
  if (!opened) return opened.error().WithContext("the store does not open");
  store.storage = *std::move(opened);
  return store;
}

base::Result<Seen> World::Observe(const tsdb::Reader& reader, const Look& look) const {
  ++coverage_.looks;
  Seen seen;
  const auto matchers = MatchersOf(look);
  const auto selection =
      reader.Select({.matchers = matchers, .range = look.range, .view = tsdb::DownsampledView::kLast}, {});
  if (!selection) {
    if (selection.error().code() != base::Code::kCorruption) return selection.error().WithContext("selecting");
    seen.warnings.push_back(selection.error().message());
    return seen;
  }
  seen.warnings.assign((*selection)->warnings().begin(), (*selection)->warnings().end());
  tsdb::SampleColumns columns;
  for (std::size_t i = 0; i < (*selection)->size(); ++i) {
    if (auto read = (*selection)->Read(i, look.range, columns); !read) {
      if (read.error().code() != base::Code::kCorruption) return read.error().WithContext("reading");
      seen.warnings.push_back(read.error().message());
    }
    tsdb::LiteralSeries series{.labels = (*selection)->labels(i)};
    const auto timestamps = columns.timestamps_ms();
    if (timestamps.size() != columns.values().size()) return Violation("columns of two lengths");
    for (std::size_t k = 0; k < timestamps.size(); ++k) {
      if (k > 0 && timestamps[k - 1] >= timestamps[k]) return Violation("timestamps that do not increase");
      series.samples.push_back({.timestamp_ms = timestamps[k], .value = columns.values()[k]});
    }
    series.histograms.assign(columns.histograms().begin(), columns.histograms().end());
    if (!columns.empty()) seen.series.push_back(std::move(series));
  }
  return seen;
}

// Nobody is frightened without a reason. A power cut is one for the log's end alone.
base::Result<> World::CheckIsSound(const OpenStore& store, const Seen& seen, const Must& must) {
  const auto damage = store.storage->Damage();
  if (!damage.empty()) return Violation("damage on a sound disk: " + damage.front());
  if (must.fate == Fate::kDurable && !seen.warnings.empty()) has_log_holes_ = true;
  if (has_log_holes_) return {};
  if (store.storage->log_status().corruptions > 0) return Violation("damage on a sound disk: in the log");
  if (!seen.warnings.empty()) return Violation("damage on a sound disk: " + seen.warnings.front());
  return {};
}

base::Result<> World::CheckStore(const OpenStore& store, const Must& must, bool settles) {
  const Look everything;
  const Seen seen = BARO_TRY(Observe(*store.storage->OpenReader(), everything));
  if (is_damaged_) {
    // Either all is there, or it is told that something is not.
    auto whole = model_.Check(seen, everything, must);
    if (!whole && seen.warnings.empty()) return whole.error().WithContext("damage is not told");
    if (!whole) BARO_TRY(model_.Check(seen, everything, {.fate = must.fate, .may_miss = true}));
  } else {
    BARO_TRY(CheckIsSound(store, seen, must));
    BARO_TRY(model_.Check(seen, everything, must));
  }
  if (settles) model_.Settle(seen);
  std::uint64_t samples = 0;
  for (const tsdb::LiteralSeries& series : seen.series) samples += series.samples.size() + series.histograms.size();
  Note("seen", samples);
  return {};
}

// The same moment has many ends: each is opened and looked at, on a disk of its own.
base::Result<> World::CheckCrashStates(bool power_cut, const Must& must) {
  for (std::uint64_t state = 1; state < (power_cut ? plan_.states : 2); ++state) {
    const auto disk = power_cut ? files_.AfterCrash(random_) : files_.Copy();
    const OpenStore store = BARO_TRY(Open(*disk, plan_.options.directory));
    ++coverage_.crash_states;
    const bool had_log_holes = has_log_holes_;
    auto checked = CheckStore(store, must, /*settles=*/false);
    has_log_holes_ = had_log_holes;
    if (!checked) return checked.error().WithContext(fmt::format("crash state {}", state));
  }
  return {};
}

base::Result<> World::Restart(bool power_cut) {
  const Must must{.fate = !power_cut && is_log_whole_ ? Fate::kWritten : Fate::kDurable};
  files_.HaltAfter(1);  // what the dying process does as it is taken down reaches no disk
  held_.clear();
  store_.storage.reset();
  BARO_TRY(CheckCrashStates(power_cut, must));
  if (power_cut) {
    files_.Crash(random_);
  } else {
    files_.Kill();
  }
  EndFaults();
  store_ = BARO_TRY(Open(files_, plan_.options.directory));
  ++coverage_.crash_states;
  groups_ = {store_.storage->NewGroup(), store_.storage->NewGroup()};
  is_log_whole_ = true;
  BARO_TRY(CheckStore(store_, must, /*settles=*/true));
  return {};
}

void World::PlanFaults() {
  if (plan_.halts && random_.OneIn(2)) files_.HaltAfter(1 + random_.Below(1 + random_.Below(600)));
  if (plan_.fails && random_.OneIn(2)) {
    files_.FailAfter(1 + random_.Below(1 + random_.Below(400)),
                     random_.OneIn(2) ? base::Code::kIo : base::Code::kNoSpace, 1 + random_.Below(4));
  }
}

void World::EndFaults() {
  files_.StopFailing();
  files_.SetQuota(0);
}

// When the faults are over everything goes on by itself, and nothing is held back.
base::Result<> World::CheckLiveness() {
  EndFaults();
  held_.clear();
  // The log tries again once a second, at the ticks of its interval.
  Advance(std::chrono::seconds(2) + 2 * plan_.options.sync_interval);
  const auto status = store_.storage->log_status();
  if (!status.is_writable) return Violation("the log takes nothing after the faults: " + status.reason);
  for (int i = 0; i < 3; ++i) {
    if (auto maintained = store_.storage->Maintain(); !maintained && !is_damaged_) {
      return maintained.error().WithContext("maintenance fails after the faults");
    }
  }
  NoteBlocks();
  BARO_TRY(CheckBlocksFollow());
  return CheckStore(store_, {.fate = Fate::kWritten}, /*settles=*/false);
}

base::Result<> World::Life(std::uint64_t number) {
  Note("life", number);
  PlanFaults();
  const std::uint64_t failed_before = files_.failed_operation_count();
  for (std::uint64_t step = random_.Below(plan_.steps_max); step > 0 && !files_.is_halted(); --step) {
    const std::uint64_t failed = files_.failed_operation_count();
    BARO_TRY(Step());
    // Told step by step, it is looked at step by step.
    if (is_loud_ && !files_.is_halted()) BARO_TRY(CheckStore(store_, {.fate = Fate::kWritten}, /*settles=*/false));
    // A log that can neither be synced nor begun anew has its end in memory only: a kill takes that.
    if (!files_.is_halted()) {
      is_log_whole_ = store_.storage->log_status().is_writable;
    } else if (failed != files_.failed_operation_count()) {
      is_log_whole_ = false;
    }
  }
  coverage_.operations_failed += files_.failed_operation_count() - failed_before;
  coverage_.blocks += store_.storage->Blocks().size();
  if (files_.is_halted()) {
    ++coverage_.halts;
  } else {
    for (std::size_t i = 0; i < held_.size(); ++i) BARO_TRY(CheckHeldReader(i));
    BARO_TRY(CheckStore(store_, {.fate = Fate::kWritten}, /*settles=*/false));
    if (random_.OneIn(2)) BARO_TRY(CheckLiveness());
    if (random_.OneIn(4) && store_.storage->Close()) model_.MakeDurable();
  }
  return Restart(/*power_cut=*/!random_.OneIn(3));
}

base::Result<> World::DamageAndRestart() {
  store_.storage.reset();
  held_.clear();
  is_damaged_ = true;
  ++coverage_.damages;
  const std::vector<std::string> paths = files_.Files();
  std::vector<std::string> unreadable;
  for (std::uint64_t count = 1 + random_.Below(3); count > 0; --count) {
    const std::string& path = paths[random_.Below(paths.size())];
    const std::uint64_t size = files_.FileSize(path).value();
    if (random_.OneIn(4)) {
      files_.FailReads(path, base::Code::kIo);
      unreadable.push_back(path);
      Note("cannot be read: " + path);
    } else if (size > 0) {
      const std::uint64_t offset = random_.Below(size);
      files_.FlipBit(path, offset, static_cast<unsigned>(random_.Below(8)));
      Note("damaged: " + path, offset);
    }
  }
  store_ = BARO_TRY(Open(files_, plan_.options.directory));
  groups_ = {store_.storage->NewGroup(), store_.storage->NewGroup()};
  BARO_TRY(CheckStore(store_, {.fate = Fate::kWritten}, /*settles=*/true));
  for (std::uint64_t step = random_.Below(30); step > 0; --step) BARO_TRY(Step());
  return CheckStore(store_, {.fate = Fate::kWritten}, /*settles=*/false);
}

base::Result<> World::Run() {
  const base::WallTime begin = clock_.Now();
  store_ = BARO_TRY(Open(files_, plan_.options.directory));
  groups_ = {store_.storage->NewGroup(), store_.storage->NewGroup()};
  for (std::uint64_t life = 1; life <= plan_.lives; ++life) BARO_TRY(Life(life));
  if (plan_.is_damaged && !files_.Files().empty()) BARO_TRY(DamageAndRestart());
  coverage_.simulated_ms += static_cast<std::uint64_t>(base::ToMs(clock_.Now()) - base::ToMs(begin));
  return {};
}

}  // namespace baro::sim
