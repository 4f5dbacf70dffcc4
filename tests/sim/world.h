// One store on one simulated disk, with the model of what it must hold.
//
// Threads  Confined: one thread runs everything, and the seed chooses what comes next.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/random.h"
#include "base/sim_clock.h"
#include "base/sim_executor.h"
#include "base/sim_file_system.h"
#include "tests/sim/model.h"
#include "tests/sim/plan.h"
#include "tsdb/storage.h"

namespace baro::sim {

/// A store that is open, and what it borrows.
struct OpenStore {
  std::unique_ptr<base::Registry> registry;
  std::unique_ptr<base::SimExecutor> executor;
  std::unique_ptr<tsdb::Storage> storage;
};

/// What a run has done, over all its seeds: so that a simulation that looks at nothing is noticed.
struct Coverage {
  std::uint64_t commits = 0;
  std::uint64_t commits_failed = 0;
  std::uint64_t samples = 0;
  std::uint64_t histograms = 0;
  std::uint64_t refused = 0;
  std::uint64_t blocks = 0;  ///< at the ends of lives
  std::uint64_t deletes = 0;
  std::uint64_t snapshots = 0;
  std::uint64_t halts = 0;
  std::uint64_t operations_failed = 0;
  std::uint64_t damages = 0;
  std::uint64_t crash_states = 0;
  std::uint64_t looks = 0;
  std::uint64_t simulated_ms = 0;

  void Add(const Coverage& other);
};

class World {
 public:
  /// `trace`: a line for each step, to `trace` if it is not null.
  World(std::uint64_t seed, bool is_loud);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// All of a seed's lives. Errors   what was wrong.
  base::Result<> Run();

  const Coverage& coverage() const { return coverage_; }
  /// Over all that was decided and seen: the same seed gives the same.
  std::uint64_t trace_hash() const { return trace_; }

 private:
  // world.cpp
  base::Result<OpenStore> Open(base::SimFileSystem& files, const std::string& directory);
  base::Logger MakeLog(bool is_main);
  base::Result<Seen> Observe(const tsdb::Reader& reader, const Look& look) const;
  base::Result<> CheckStore(const OpenStore& store, const Must& must, bool settles);
  base::Result<> CheckCrashStates(bool power_cut, const Must& must);
  base::Result<> CheckLiveness();
  base::Result<> Restart(bool power_cut);
  base::Result<> Life(std::uint64_t number);
  base::Result<> DamageAndRestart();
  void PlanFaults();
  void EndFaults();
  void Note(std::string_view what, std::uint64_t number = 0);
  base::Result<> CheckIsSound(const OpenStore& store, const Seen& seen, const Must& must);

  // load.cpp
  base::Result<> Step();
  void Advance(std::chrono::milliseconds by);
  base::Result<> Scrape();
  base::Result<> Push();
  base::Result<> Commit(tsdb::Appender& appender, std::vector<Written> written, bool synced);
  base::Result<> LookSomewhere();
  base::Result<> Delete();
  base::Result<> Snapshot();
  base::Result<> HoldReader();
  base::Result<> CheckHeldReader(std::size_t index);
  void Maintain();
  void ChangeRetention();
  void Churn();
  void NoteBlocks();
  base::Result<> CheckBlocksFollow() const;
  std::int64_t NextTime();
  double RandomValue(std::size_t series);
  std::shared_ptr<const model::FloatHistogram> RandomHistogram();
  model::Labels LabelsOf(std::size_t series) const;

  struct HeldReader {
    std::unique_ptr<tsdb::Reader> reader;
    Look look;
    Seen seen;
  };

  base::SeededRandom random_;
  const bool is_loud_;
  const Plan plan_;
  base::SimClock clock_;
  base::SimFileSystem files_;
  Model model_;
  OpenStore store_;
  std::vector<tsdb::GroupRef> groups_;
  std::vector<HeldReader> held_;
  std::vector<std::size_t> active_;  // series that are written now
  std::size_t next_series_ = 0;
  std::int64_t last_time_ms_ = 0;
  std::vector<double> last_values_;
  bool is_damaged_ = false;
  bool has_log_holes_ = false;  // a power cut left some in what was not synced: indistinguishable from damage
  bool is_log_whole_ = true;    // all that was acknowledged is in the log's files
  bool was_too_large_ = false;  // blocks went for their size
  std::int64_t in_blocks_until_ms_ = model::kMinTimestampMs;
  std::uint64_t trace_ = 14695981039346656037U;
  mutable Coverage coverage_;
};

}  // namespace baro::sim
