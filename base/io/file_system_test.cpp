#include "base/file_system.h"

#include <unistd.h>

#include <cstdlib>

#include <gtest/gtest.h>

#include "base/sim_file_system.h"

namespace baro::base {
namespace {

/// The same promises for the real disk and the simulated one.
class FileSystemTest : public testing::TestWithParam<bool> {
 protected:
  FileSystemTest() {
    if (GetParam()) {
      folder_ = "sim";
    } else {
      char name[] = "/tmp/barograph-test-XXXXXX";
      folder_ = mkdtemp(name);
    }
    EXPECT_TRUE(files().CreateDirectories(folder_ + "/a/b"));
  }
  ~FileSystemTest() override { static_cast<void>(files().RemoveAll(folder_)); }

  FileSystem& files() { return GetParam() ? static_cast<FileSystem&>(sim_) : RealFileSystem(); }

  SimFileSystem sim_;
  std::string folder_;
};

TEST_P(FileSystemTest, ReadsBackWhatWasAppended) {
  const std::string path = folder_ + "/a/file";
  auto file = files().OpenWritable(path, FileSystem::OpenMode::kCreate);
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->Append(AsBytes("hello ")));
  ASSERT_TRUE((*file)->Append(AsBytes("world")));
  ASSERT_TRUE((*file)->Sync());
  EXPECT_EQ((*file)->size(), 11U);
  EXPECT_EQ(*ReadFile(files(), path, 100), "hello world");
  EXPECT_EQ(*files().FileSize(path), 11U);
  EXPECT_EQ(AsText((*files().Map(path))->bytes()), "hello world");
  ASSERT_TRUE((*file)->Truncate(5));
  EXPECT_EQ(*ReadFile(files(), path, 100), "hello");
  EXPECT_EQ(ReadFile(files(), path, 4).error().code(), Code::kLimitExceeded);
}

TEST_P(FileSystemTest, FailuresHaveTheCodeThatCallersActOn) {
  EXPECT_EQ(files().OpenReadable(folder_ + "/none").error().code(), Code::kNotFound);
  EXPECT_EQ(files().OpenWritable(folder_ + "/no/file", FileSystem::OpenMode::kAppend).error().code(), Code::kNotFound);
  ASSERT_TRUE(files().OpenWritable(folder_ + "/x", FileSystem::OpenMode::kCreate));
  EXPECT_EQ(files().OpenWritable(folder_ + "/x", FileSystem::OpenMode::kCreate).error().code(), Code::kAlreadyExists);
  EXPECT_EQ(files().Remove(folder_ + "/none").error().code(), Code::kNotFound);
  EXPECT_TRUE(files().RemoveAll(folder_ + "/none"));
}

TEST_P(FileSystemTest, ListsRenamesAndRemoves) {
  ASSERT_TRUE(files().OpenWritable(folder_ + "/z", FileSystem::OpenMode::kCreate));
  EXPECT_EQ(*files().ListDirectory(folder_), (std::vector<std::string>{"a", "z"}));
  ASSERT_TRUE(files().Rename(folder_ + "/z", folder_ + "/a/y"));
  EXPECT_EQ(*files().ListDirectory(folder_ + "/a"), (std::vector<std::string>{"b", "y"}));
  ASSERT_TRUE(files().RemoveAll(folder_ + "/a"));
  EXPECT_FALSE(*files().Exists(folder_ + "/a/y"));
}

TEST_P(FileSystemTest, OneHolderPerLock) {
  auto first = files().Lock(folder_ + "/lock");
  ASSERT_TRUE(first);
  EXPECT_EQ(files().Lock(folder_ + "/lock").error().code(), Code::kUnavailable);
  first->reset();
  EXPECT_TRUE(files().Lock(folder_ + "/lock"));
}

TEST_P(FileSystemTest, SmallFilesAreReplacedWholeAndDamageIsFound) {
  const std::string path = folder_ + "/small";
  ASSERT_TRUE(WriteSmallFile(files(), path, AsBytes("one")));
  ASSERT_TRUE(WriteSmallFile(files(), path, AsBytes("two")));
  EXPECT_EQ(*ReadSmallFile(files(), path), "two");
  EXPECT_FALSE(*files().Exists(path + ".tmp"));
  auto file = files().OpenWritable(path, FileSystem::OpenMode::kAppend);
  ASSERT_TRUE((*file)->Append(AsBytes("x")));
  EXPECT_EQ(ReadSmallFile(files(), path).error().code(), Code::kCorruption);
  ASSERT_TRUE((*file)->Truncate(2));
  EXPECT_EQ(ReadSmallFile(files(), path).error().code(), Code::kCorruption);
}

INSTANTIATE_TEST_SUITE_P(RealAndSimulated, FileSystemTest, testing::Bool(),
                         [](const auto& row) { return row.param ? "Simulated" : "Real"; });

TEST(SimFileSystem, ACrashKeepsWhatWasSyncedAndInventsNothing) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SimFileSystem files;
    SeededRandom random(seed);
    ASSERT_TRUE(files.CreateDirectories("d"));
    auto file = files.OpenWritable("d/f", FileSystem::OpenMode::kCreate);
    const std::string synced(1 + random.Below(2000), 's');
    const std::string lost(1 + random.Below(2000), 'l');
    ASSERT_TRUE((*file)->Append(AsBytes(synced)));
    ASSERT_TRUE((*file)->Sync());
    ASSERT_TRUE(files.SyncDirectory("d"));
    ASSERT_TRUE((*file)->Append(AsBytes(lost)));
    files.Crash(random);
    const auto content = ReadFile(files, "d/f", 10'000);
    ASSERT_TRUE(content) << "seed " << seed;
    EXPECT_EQ(content->substr(0, synced.size()), synced) << "seed " << seed;
    EXPECT_LE(content->size(), synced.size() + lost.size());
    EXPECT_EQ(content->substr(synced.size()).find_first_not_of(std::string_view("l\0", 2)), std::string::npos);
    EXPECT_FALSE((*file)->Append(AsBytes("x"))) << "a file of before the crash is dead";
  }
}

TEST(SimFileSystem, AFailedSyncLosesThePagesAndTheNextSucceeds) {
  SimFileSystem files;
  ASSERT_TRUE(files.CreateDirectories("d"));
  auto file = files.OpenWritable("d/f", FileSystem::OpenMode::kCreate);
  ASSERT_TRUE((*file)->Append(AsBytes("data")));
  files.FailAfter(1, Code::kIo);
  EXPECT_EQ((*file)->Sync().error().code(), Code::kIo);
  EXPECT_TRUE((*file)->Sync());
  EXPECT_EQ(*ReadFile(files, "d/f", 100), std::string(4, '\0'));
}

TEST(SimFileSystem, AFullDiskTakesWhatFits) {
  SimFileSystem files;
  ASSERT_TRUE(files.CreateDirectories("d"));
  files.SetQuota(6);
  auto file = files.OpenWritable("d/f", FileSystem::OpenMode::kCreate);
  EXPECT_EQ((*file)->Append(AsBytes("12345678")).error().code(), Code::kNoSpace);
  EXPECT_EQ(*ReadFile(files, "d/f", 100), "123456");
  EXPECT_EQ(files.FreeSpace("d")->available_bytes, 0U);
}

TEST(SmallFile, SurvivesACrashAtEveryOperation) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SimFileSystem files;
    SeededRandom random(seed);
    ASSERT_TRUE(files.CreateDirectories("d"));
    ASSERT_TRUE(WriteSmallFile(files, "d/f", AsBytes("old")));
    files.FailAfter(1 + random.Below(6), Code::kIo, 1000);
    static_cast<void>(WriteSmallFile(files, "d/f", AsBytes("new")));
    files.StopFailing();
    files.Crash(random);
    const auto content = ReadSmallFile(files, "d/f");
    ASSERT_TRUE(content) << "seed " << seed << ": " << content.error().message();
    EXPECT_TRUE(*content == "old" || *content == "new") << "seed " << seed;
  }
}

}  // namespace
}  // namespace baro::base
