#include "base/file_system.h"

#include <unistd.h>

#include <cstdlib>
#include <set>

#include <gtest/gtest.h>

#include "base/open_files.h"
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

TEST_P(FileSystemTest, ALinkKeepsTheFileWhenTheOtherNameGoes) {
  ASSERT_TRUE(WriteSmallFile(files(), folder_ + "/one", AsBytes("text")));
  ASSERT_TRUE(files().Link(folder_ + "/one", folder_ + "/two"));
  EXPECT_EQ(files().Link(folder_ + "/one", folder_ + "/two").error().code(), Code::kAlreadyExists);
  EXPECT_EQ(files().Link(folder_ + "/none", folder_ + "/three").error().code(), Code::kNotFound);
  ASSERT_TRUE(files().Remove(folder_ + "/one"));
  EXPECT_EQ(*ReadSmallFile(files(), folder_ + "/two", 100), "text");
}

TEST_P(FileSystemTest, ReplacesAppendsAndMakesDirectories) {
  const std::string path = folder_ + "/a/file";
  const auto write = [&](FileSystem::OpenMode mode, std::string_view text) {
    auto file = files().OpenWritable(path, mode);
    ASSERT_TRUE(file) << file.error().message();
    ASSERT_TRUE((*file)->Append(AsBytes(text)));
    ASSERT_TRUE((*file)->Close());
  };
  write(FileSystem::OpenMode::kAppend, "one");
  write(FileSystem::OpenMode::kAppend, "two");
  EXPECT_EQ(*ReadFile(files(), path, 100), "onetwo");
  write(FileSystem::OpenMode::kReplace, "x");
  EXPECT_EQ(*ReadFile(files(), path, 100), "x");
  write(FileSystem::OpenMode::kReplace, "");
  EXPECT_TRUE((*files().Map(path))->bytes().empty());
  ASSERT_TRUE(files().CreateDirectories(folder_ + "/p/q/r"));
  ASSERT_TRUE(files().CreateDirectories(folder_ + "/p/q/r"));
  EXPECT_TRUE(*files().Exists(folder_ + "/p/q"));
  EXPECT_FALSE(files().Remove(folder_ + "/p")) << "it is not empty";
  ASSERT_TRUE(files().SyncDirectory(folder_));
  EXPECT_GT(files().FreeSpace(folder_)->total_bytes, 0U);
}

TEST_P(FileSystemTest, RenamesFoldersWithAllThatIsInThem) {
  ASSERT_TRUE(files().CreateDirectories(folder_ + "/from/sub"));
  ASSERT_TRUE(files().OpenWritable(folder_ + "/from/sub/file", FileSystem::OpenMode::kCreate));
  ASSERT_TRUE(files().Rename(folder_ + "/from", folder_ + "/to"));
  EXPECT_TRUE(*files().Exists(folder_ + "/to/sub/file"));
  EXPECT_FALSE(*files().Exists(folder_ + "/from"));
  EXPECT_EQ(*files().ListDirectory(folder_ + "/to"), (std::vector<std::string>{"sub"}));
  EXPECT_EQ(files().Rename(folder_ + "/none", folder_ + "/x").error().code(), Code::kNotFound);
}

TEST_P(FileSystemTest, AFolderIsNotRenamedOntoOneThatIsNotEmpty) {
  ASSERT_TRUE(files().CreateDirectories(folder_ + "/c/d"));
  EXPECT_EQ(files().Rename(folder_ + "/c", folder_ + "/a").error().code(), Code::kIo);
  EXPECT_TRUE(*files().Exists(folder_ + "/c/d"));
  EXPECT_TRUE(files().Rename(folder_ + "/c", folder_ + "/a/b"));
  EXPECT_TRUE(*files().Exists(folder_ + "/a/b/d"));
}

TEST_P(FileSystemTest, ReadsFromAnyPlaceUpToTheEnd) {
  const std::string path = folder_ + "/file";
  ASSERT_TRUE(WriteFileAtomically(files(), path, AsBytes("0123456789")));
  const auto file = files().OpenReadable(path);
  ASSERT_TRUE(file);
  std::byte buffer[4];
  EXPECT_EQ(*(*file)->ReadAt(4, buffer), 4U);
  EXPECT_EQ(AsText(buffer), "4567");
  EXPECT_EQ(*(*file)->ReadAt(8, buffer), 2U);
  EXPECT_EQ(*(*file)->ReadAt(10, buffer), 0U);
  EXPECT_EQ(*(*file)->ReadAt(1'000'000, buffer), 0U);
  EXPECT_EQ(*(*file)->Size(), 10U);
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

TEST(PosixFileSystem, TellsAFullDiskAndOddPathsByTheirCodes) {
  FileSystem& files = RealFileSystem();
  const auto full = files.OpenWritable("/dev/full", FileSystem::OpenMode::kAppend);
  ASSERT_TRUE(full) << full.error().message();
  const auto appended = (*full)->Append(AsBytes("x"));
  EXPECT_EQ(appended.error().code(), Code::kNoSpace);
  EXPECT_NE(appended.error().message().find("/dev/full"), std::string::npos);
  EXPECT_EQ(files.OpenReadable("/dev/null/x").error().code(), Code::kIo);
  EXPECT_FALSE(*files.Exists("/dev/null/x"));
  EXPECT_EQ(files.OpenReadable(std::string(5000, 'x')).error().code(), Code::kIo);
  EXPECT_EQ(files.ListDirectory("/no/such").error().code(), Code::kNotFound);
  EXPECT_EQ(files.SyncDirectory("/no/such").error().code(), Code::kNotFound);
  EXPECT_EQ(files.FreeSpace("/no/such").error().code(), Code::kNotFound);
  EXPECT_EQ(files.Map("/no/such").error().code(), Code::kNotFound);
  EXPECT_EQ(files.FileSize("/no/such").error().code(), Code::kNotFound);
  EXPECT_FALSE(ReadFile(files, "/proc/self/status", 1 << 20)->empty()) << "a file without a size";
  EXPECT_TRUE(files.ReadLink("/proc/self/exe"));
}

TEST(SimFileSystem, ACrashUndoesNamesUnlessTheirFolderWasSynced) {
  int kept = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SimFileSystem files;
    SeededRandom random(seed);
    ASSERT_TRUE(files.CreateDirectories("d/tmp"));
    const bool is_synced = random.OneIn(2);
    ASSERT_TRUE(WriteFileAtomically(files, "d/tmp/f", AsBytes("block")));
    ASSERT_TRUE(files.Rename("d/tmp", "d/final"));
    if (is_synced) {
      ASSERT_TRUE(files.SyncDirectory("d"));
    }
    files.Crash(random);
    const bool is_final = *files.Exists("d/final");
    EXPECT_NE(is_final, *files.Exists("d/tmp"));
    EXPECT_EQ(*ReadFile(files, is_final ? "d/final/f" : "d/tmp/f", 100), "block") << "its content goes with it";
    if (is_synced) {
      EXPECT_TRUE(is_final) << "seed " << seed;
    } else {
      kept += is_final ? 1 : 0;
    }
  }
  EXPECT_GT(kept, 10);
  EXPECT_LT(kept, 90);
}

TEST(SimFileSystem, ReadsFailAndBitsFlipAsToldAlsoOverACrash) {
  SimFileSystem files;
  SeededRandom random(1);
  ASSERT_TRUE(files.CreateDirectories("d"));
  ASSERT_TRUE(WriteSmallFile(files, "d/f", AsBytes("content")));
  files.FailReads("d/f", Code::kIo);
  EXPECT_EQ(ReadSmallFile(files, "d/f").error().code(), Code::kIo);
  EXPECT_EQ(files.Map("d/f").error().code(), Code::kIo);
  files.FailReads("d/f", std::nullopt);
  EXPECT_EQ(*ReadSmallFile(files, "d/f"), "content");
  files.FlipBit("d/f", 3, 5);
  EXPECT_EQ(ReadSmallFile(files, "d/f").error().code(), Code::kCorruption);
  files.Crash(random);
  EXPECT_EQ(ReadSmallFile(files, "d/f").error().code(), Code::kCorruption);
}

TEST(SimFileSystem, AKilledProcessLosesItsFilesAndNothingElse) {
  SimFileSystem files;
  ASSERT_TRUE(files.CreateDirectories("d"));
  const auto lock = files.Lock("d/lock");
  auto file = files.OpenWritable("d/f", FileSystem::OpenMode::kCreate);
  ASSERT_TRUE((*file)->Append(AsBytes("not synced")));
  files.Kill();
  EXPECT_FALSE((*file)->Append(AsBytes("x")));
  EXPECT_EQ(*ReadFile(files, "d/f", 100), "not synced");
  EXPECT_TRUE(files.Lock("d/lock")) << "locks go with the process";
}

TEST(SimFileSystem, AProcessThatStoppedChangesNothingUntilItIsGone) {
  SimFileSystem files;
  ASSERT_TRUE(files.CreateDirectories("d"));
  auto file = files.OpenWritable("d/f", FileSystem::OpenMode::kCreate);
  files.HaltAfter(2);
  EXPECT_TRUE((*file)->Append(AsBytes("first")));
  EXPECT_FALSE(files.is_halted());
  EXPECT_FALSE((*file)->Append(AsBytes("second")));
  EXPECT_TRUE(files.is_halted());
  EXPECT_FALSE((*file)->Sync());
  EXPECT_FALSE(files.Remove("d/f"));
  files.Kill();
  EXPECT_EQ(*ReadFile(files, "d/f", 100), "first") << "neither written, nor lost by a sync that failed";
  EXPECT_TRUE(files.Remove("d/f"));
}

TEST(SimFileSystem, ManyCrashesCanBeLookedAtFromOneMoment) {
  SimFileSystem files;
  SeededRandom random(1);
  ASSERT_TRUE(files.CreateDirectories("d"));
  auto file = files.OpenWritable("d/f", FileSystem::OpenMode::kCreate);
  ASSERT_TRUE((*file)->Append(AsBytes("durable")));
  ASSERT_TRUE((*file)->Sync());
  ASSERT_TRUE(files.SyncDirectory("d"));
  ASSERT_TRUE((*file)->Append(AsBytes(" or not")));
  std::set<std::string> contents;
  for (int i = 0; i < 50; ++i) {
    const auto other = files.AfterCrash(random);
    const std::string content = *ReadFile(*other, "d/f", 100);
    EXPECT_TRUE(content.starts_with("durable")) << content;
    contents.insert(content);
    ASSERT_TRUE(other->Remove("d/f"));
  }
  EXPECT_GT(contents.size(), 2U);
  EXPECT_EQ(*ReadFile(files, "d/f", 100), "durable or not") << "the disk itself did not crash";
  EXPECT_EQ(*ReadFile(*files.Copy(), "d/f", 100), "durable or not");
}

TEST(SimFileSystem, AnAppendThatFailsMayBeHalfDone) {
  SimFileSystem files;
  ASSERT_TRUE(files.CreateDirectories("d"));
  auto file = files.OpenWritable("d/f", FileSystem::OpenMode::kCreate);
  files.FailAfter(1, Code::kIo);
  EXPECT_FALSE((*file)->Append(AsBytes("abcd")));
  EXPECT_EQ(*ReadFile(files, "d/f", 100), "ab");
  EXPECT_EQ(files.failed_operation_count(), 1U);
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

TEST(OpenFiles, TellsWhetherSomebodyWrites) {
  char name[] = "/tmp/barograph-test-XXXXXX";
  const std::string path = std::string(mkdtemp(name)) + "/file";
  FileSystem& files = RealFileSystem();
  EXPECT_FALSE(IsOpenForWriting(files, path));
  {
    const auto file = files.OpenWritable(path, FileSystem::OpenMode::kCreate);
    ASSERT_TRUE(file);
    EXPECT_TRUE(IsOpenForWriting(files, path));
  }
  EXPECT_FALSE(IsOpenForWriting(files, path));
  EXPECT_TRUE(files.RemoveAll(ParentDirectory(path)));
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
