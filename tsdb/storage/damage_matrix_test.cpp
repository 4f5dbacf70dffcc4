// Every kind of file in a data directory, damaged in every way: the store opens, returns no wrong value, says at the
// query what may be missing, and has all that does not depend on the file.
#include <map>

#include <gtest/gtest.h>

#include "base/idle_executor.h"
#include "base/random.h"
#include "base/sim_file_system.h"
#include "tsdb/storage/testing.h"

namespace baro::tsdb {
namespace {

using testing_support::Bits;
using testing_support::kStartMs;

constexpr std::int64_t kStepMs = 15'000;
constexpr std::int64_t kRangeMs = 600'000;
constexpr std::int64_t kFirstMs = (kStartMs / kRangeMs + 1) * kRangeMs;
constexpr std::int64_t kSteps = 5 * kRangeMs / kStepMs;
constexpr std::size_t kSeries = 12;
constexpr int kFlips = 64;
constexpr std::uint64_t kCuts = 16;

using Samples = std::map<std::pair<std::string, std::int64_t>, std::uint64_t>;  // series and time -> bits

struct Answer {
  Samples samples;
  std::vector<std::string> warnings;
  bool is_told_elsewhere = false;  // by the status, or the log
};

class DamageMatrix : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(files_.CreateDirectories("d"));
    const auto store = Open(files_);
    Fill(*store);
    ASSERT_TRUE(store->Maintain());
    Delete(*store);
    ASSERT_TRUE(store->Close());
    truth_ = Look(files_).samples;
    ASSERT_GT(truth_.size(), 2000U);
  }

  std::unique_ptr<Storage> Open(base::SimFileSystem& files) {
    told_ = 0;
    registry_ = std::make_unique<base::Registry>();
    auto opened =
        Storage::Open({.directory = "d",
                       .retention = {.time = {}},
                       .block_range = std::chrono::milliseconds(kRangeMs),
                       .block_range_max = std::chrono::milliseconds(kRangeMs),
                       .segment_bytes = 4000,
                       .head_file_bytes = 2000,
                       .lateness_max = std::chrono::milliseconds(kRangeMs / 2)},
                      {.files = files,
                       .clock = clock_,
                       .background = executor_,
                       .metrics = *registry_,
                       .log = base::Logger(base::MakeFunctionSink(base::LogLevel::kWarn, base::LogFormat::kLogfmt,
                                                                  [this](std::string_view) { ++told_; })),
                       .random = &random_});
    EXPECT_TRUE(opened) << opened.error().message();
    return opened ? *std::move(opened) : nullptr;
  }

  static model::Labels LabelsOf(std::size_t n) {
    return model::Labels::FromPairs({{"__name__", n == 0 ? "deleted" : "kept"}, {"n", fmt::format("{}", n)}});
  }

  // Rows, and in each range some series that are written singly; the oldest ranges become blocks.
  void Fill(Storage& store) {
    const GroupRef group = store.NewGroup();
    for (std::int64_t step = 0; step < kSteps; ++step) {
      const std::int64_t now_ms = kFirstMs + step * kStepMs;
      clock_.Advance(std::chrono::milliseconds(now_ms - base::ToMs(clock_.Now())));
      auto appender = store.NewAppender();
      std::vector<SeriesRef> row;
      std::vector<double> values;
      for (std::size_t n = 0; n < kSeries; ++n) {
        const SeriesRef ref = *appender->Resolve(LabelsOf(n), nullptr);
        const double value = static_cast<double>(step * 17 % 101) * static_cast<double>(n + 1);
        if (n % 6 == 5) {
          ASSERT_EQ(appender->Append(ref, {.timestamp_ms = now_ms, .value = value}), SampleStatus::kAccepted);
        } else if (n % 6 == 4) {
          model::FloatHistogram histogram{.count = value, .sum = value};
          histogram.positive_spans = {{.offset = 0, .length = 1}};
          histogram.positive_buckets = {value};
          ASSERT_TRUE(appender->AppendHistogram(ref, now_ms, histogram));
        } else {
          row.push_back(ref);
          values.push_back(value);
        }
      }
      appender->AppendRow(group, now_ms, row, values, {});
      ASSERT_TRUE(appender->Commit(Durability::kSynced));
      if (step % 40 == 0) {
        ASSERT_TRUE(store.Maintain());
      }
    }
  }

  static void Delete(Storage& store) {
    const std::vector matchers = {model::Matcher::Make(model::MatchType::kEqual, "__name__", "deleted").value()};
    ASSERT_TRUE(store.Delete(matchers, {.min_ms = kFirstMs, .max_ms = kFirstMs + kRangeMs - 1}, {}));
  }

  Answer Look(base::SimFileSystem& files) {
    const auto store = Open(files);
    if (store == nullptr) return {};
    Answer answer;
    const std::vector matchers = {model::Matcher::Make(model::MatchType::kNotEqual, "__name__", "").value()};
    const auto selection = store->OpenReader()->Select({.matchers = matchers, .range = {}}, {});
    if (!selection) {
      answer.warnings.push_back(selection.error().message());
    } else {
      Read(**selection, answer);
    }
    answer.is_told_elsewhere = told_ > 0 || !store->Damage().empty() || store->log_status().corruptions > 0;
    return answer;
  }

  static void Read(const SeriesSelection& selection, Answer& answer) {
    answer.warnings.assign(selection.warnings().begin(), selection.warnings().end());
    SampleColumns columns;
    for (std::size_t i = 0; i < selection.size(); ++i) {
      if (auto read = selection.Read(i, {}, columns); !read) answer.warnings.push_back(read.error().message());
      const std::string labels = selection.labels(i).ToString();
      for (std::size_t k = 0; k < columns.values().size(); ++k) {
        answer.samples[{labels, columns.timestamps_ms()[k]}] = Bits(columns.values()[k]);
      }
      for (const HistogramSample& sample : columns.histograms()) {
        answer.samples[{labels, sample.timestamp_ms}] = Bits(sample.histogram->sum);
      }
    }
  }

  std::map<std::string, model::TimeRange> BlockTimes() {
    const auto disk = files_.Copy();
    const auto store = Open(*disk);
    std::map<std::string, model::TimeRange> times;
    for (const BlockStatus& block : store->Blocks()) {
      times["d/blocks/" + block.meta.ulid.ToString()] = block.meta.range();
    }
    return times;
  }

  void Check(base::SimFileSystem& disk, const std::string& path, const std::string& damage) {
    const Answer answer = Look(disk);
    ++looks_;
    const std::string trace = path + ": " + damage;
    std::size_t missing = 0;
    std::size_t returned = 0;
    for (const auto& [key, bits] : answer.samples) {
      const auto known = truth_.find(key);
      if (known == truth_.end()) {
        ++returned;  // deleted
        EXPECT_NE(key.first.find("deleted"), std::string::npos) << trace << ": invented " << key.first;
      } else {
        ASSERT_EQ(known->second, bits) << trace << ": another value of " << key.first << " at " << key.second;
      }
    }
    const bool is_block = path.starts_with("d/blocks/") && path.find('/', 9) != std::string::npos;
    const model::TimeRange depends =
        is_block ? block_times_.at(path.substr(0, path.rfind('/'))) : model::TimeRange{.min_ms = in_memory_from_ms_};
    for (const auto& [key, bits] : truth_) {
      if (answer.samples.contains(key)) continue;
      ++missing;
      ASSERT_TRUE(depends.Contains(key.second))
          << trace << ": " << key.first << " at " << key.second << " is gone, and does not depend on it";
    }
    if (missing + returned == 0) return;
    ++harmful_;
    EXPECT_TRUE(answer.is_told_elsewhere)
        << trace << ": " << missing << " gone, " << returned << " back, nobody says so";
    EXPECT_FALSE(answer.warnings.empty())
        << trace << ": " << missing << " gone, " << returned << " back, queries do not say so";
  }

  static void Write(base::SimFileSystem& disk, const std::string& path, std::string_view content) {
    auto file = disk.OpenWritable(path, base::FileSystem::OpenMode::kReplace);
    ASSERT_TRUE(file && (*file)->Append(base::AsBytes(content)) && (*file)->Sync());
  }

  // Another file of the same name, or of a name of the same kind, in the same folder or in one beside it.
  std::optional<std::string> SiblingOf(const std::string& path) const {
    const std::string name = path.substr(path.rfind('/') + 1);
    const std::string folder = base::ParentDirectory(path);
    for (const std::string& other : files_.Files()) {
      if (other == path) continue;
      const bool is_beside = base::ParentDirectory(base::ParentDirectory(other)) == base::ParentDirectory(folder) &&
                             other.ends_with("/" + name);
      const bool is_number = name.find_first_not_of("0123456789") == std::string::npos;
      const std::string other_name = other.substr(other.rfind('/') + 1);
      const bool is_same_kind = base::ParentDirectory(other) == folder && is_number &&
                                other_name.find_first_not_of("0123456789") == std::string::npos;
      if (is_beside || is_same_kind) return other;
    }
    return std::nullopt;
  }

  base::SimFileSystem files_;
  base::SimClock clock_{base::FromMs(kStartMs)};
  base::SeededRandom random_{7};
  base::IdleExecutor executor_;
  std::unique_ptr<base::Registry> registry_;
  std::size_t told_ = 0;
  Samples truth_;
  std::map<std::string, model::TimeRange> block_times_;
  std::int64_t in_memory_from_ms_ = kFirstMs;
  std::size_t looks_ = 0;
  std::size_t harmful_ = 0;
};

TEST_F(DamageMatrix, OpensWithoutWrongValuesAndSaysWhatIsMissing) {
  block_times_ = BlockTimes();
  for (const auto& [directory, range] : block_times_)
    in_memory_from_ms_ = std::max(in_memory_from_ms_, range.max_ms + 1);
  const std::vector<std::string> paths = files_.Files();
  std::string last_segment;
  std::map<std::string, int> kinds;
  for (const std::string& path : paths) {
    if (path.starts_with("d/log/0")) last_segment = std::max(last_segment, path);
    ++kinds[path.substr(0, path.find('/', 2)) + "/" + path.substr(path.find_last_of("/0123456789") + 1)];
  }
  for (const std::string& path : paths) {
    SCOPED_TRACE(path);
    const std::string content = base::ReadFile(files_, path, 1 << 24).value();
    for (int flip = 0; flip < kFlips && !content.empty(); ++flip) {
      const auto disk = files_.Copy();
      const std::uint64_t offset = random_.Below(content.size());
      const auto bit = static_cast<unsigned>(random_.Below(8));
      disk->FlipBit(path, offset, bit);
      Check(*disk, path, fmt::format("bit {} of byte {} of {} flipped", bit, offset, content.size()));
    }
    for (std::uint64_t cut = 1; cut < kCuts && !content.empty(); ++cut) {
      const auto disk = files_.Copy();
      const std::uint64_t size = content.size() * cut / kCuts;
      Write(*disk, path, content.substr(0, size));
      Check(*disk, path, fmt::format("cut at {} of {}", size, content.size()));
    }
    const auto zeroes = files_.Copy();
    Write(*zeroes, path, std::string(content.size(), '\0'));
    Check(*zeroes, path, "zeroes");
    // The newest segment empty or missing is what a start may have left that never wrote: nothing tells of it.
    if (path != last_segment) {
      const auto empty = files_.Copy();
      Write(*empty, path, "");
      Check(*empty, path, "empty");
      const auto missing = files_.Copy();
      ASSERT_TRUE(missing->Remove(path));
      Check(*missing, path, "missing");
    }
    if (const auto sibling = SiblingOf(path)) {
      const auto swapped = files_.Copy();
      const std::string other = base::ReadFile(files_, *sibling, 1 << 24).value();
      Write(*swapped, path, other);
      Write(*swapped, *sibling, content);
      const auto both = swapped->Copy();
      const Answer answer = Look(*both);
      ++looks_;
      for (const auto& [key, bits] : answer.samples) {
        const auto known = truth_.find(key);
        if (known != truth_.end()) {
          ASSERT_EQ(known->second, bits) << "swapped with " << *sibling;
        }
      }
      EXPECT_TRUE(answer.samples == truth_ || !answer.warnings.empty()) << "swapped with " << *sibling;
    }
    if (HasFatalFailure()) return;
  }
  for (const auto& [kind, count] : kinds) fmt::print("  {} x {}\n", count, kind);
  fmt::print("  {} damages, {} of them took samples or brought some back\n", looks_, harmful_);
  EXPECT_GT(harmful_, 200U) << "or the test looks at nothing";
}

}  // namespace
}  // namespace baro::tsdb
