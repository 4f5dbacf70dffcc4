// What the tests of storage share: a store in a folder of its own, with a clock that stands still.
//
// Threads  Confined to one test.
#pragma once

#include <bit>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/file_system.h"
#include "base/idle_executor.h"
#include "base/sim_clock.h"
#include "tsdb/memory_reader.h"
#include "tsdb/storage.h"

namespace baro::tsdb::testing_support {

inline constexpr std::int64_t kStartMs = 1'700'000'000'000;

inline std::uint64_t Bits(double value) { return std::bit_cast<std::uint64_t>(value); }

/// All that a reader sees, in label order.
inline std::vector<LiteralSeries> ReadAllOf(const Reader& reader) {
  std::vector<LiteralSeries> all;
  const std::vector<model::Matcher> matchers = {
      model::Matcher::Make(model::MatchType::kNotEqual, "__name__", "").value()};
  const auto selection = reader.Select({.matchers = matchers, .range = {}}, {});
  EXPECT_TRUE(selection) << selection.error().message();
  if (!selection) return all;
  SampleColumns columns;
  for (std::size_t i = 0; i < (*selection)->size(); ++i) {
    const auto read = (*selection)->Read(i, {}, columns);
    EXPECT_TRUE(read) << read.error().message();
    LiteralSeries series{.labels = (*selection)->labels(i)};
    EXPECT_EQ(columns.timestamps_ms().size(), columns.values().size());
    for (std::size_t k = 0; k < columns.values().size(); ++k) {
      series.samples.push_back({.timestamp_ms = columns.timestamps_ms()[k], .value = columns.values()[k]});
    }
    series.start_timestamps_ms.assign(columns.start_timestamps_ms().begin(), columns.start_timestamps_ms().end());
    series.histograms.assign(columns.histograms().begin(), columns.histograms().end());
    if (!series.samples.empty() || !series.histograms.empty()) all.push_back(std::move(series));
  }
  return all;
}
inline std::vector<LiteralSeries> ReadAll(const Storage& storage) { return ReadAllOf(*storage.OpenReader()); }

class StorageFixture {
 public:
  StorageFixture() : clock_(base::FromMs(kStartMs)) {
    std::string pattern = ::testing::TempDir() + "baro-tsdb-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    options_.directory = pattern;
    options_.retention = {.time = {}};
  }
  ~StorageFixture() {
    storage_.reset();
    EXPECT_TRUE(base::RealFileSystem().RemoveAll(options_.directory));
  }

  StorageDependencies Dependencies(base::Registry& registry) {
    return {.files = *files_,
            .clock = clock_,
            .background = executor_,
            .metrics = registry,
            .log = base::Logger(base::MakeFunctionSink(base::LogLevel::kInfo, base::LogFormat::kLogfmt,
                                                       [this](std::string_view line) { lines_.emplace_back(line); }))};
  }
  void Open() {
    registry_ = std::make_unique<base::Registry>();
    auto opened = Storage::Open(options_, Dependencies(*registry_));
    ASSERT_TRUE(opened) << opened.error().message();
    storage_ = *std::move(opened);
  }
  void Reopen() {
    storage_.reset();
    Open();
  }

  Storage& storage() { return *storage_; }
  const base::Registry& registry() const { return *registry_; }
  StorageOptions& options() { return options_; }
  base::SimClock& clock() { return clock_; }
  /// Another disk than the real one. Shape    outlives the store, see Drop().
  void UseFiles(base::FileSystem& files) { files_ = &files; }
  const std::vector<std::string>& lines() const { return lines_; }
  std::string LogPath(std::string_view name) const { return options_.directory + "/log/" + std::string(name); }
  void Drop() { storage_.reset(); }

 private:
  base::FileSystem* files_ = &base::RealFileSystem();
  StorageOptions options_;
  base::SimClock clock_;
  base::IdleExecutor executor_;
  std::vector<std::string> lines_;
  std::unique_ptr<base::Registry> registry_;
  std::unique_ptr<Storage> storage_;
};

}  // namespace baro::tsdb::testing_support
