#include "base/directory_watcher.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/mutex.h"

namespace baro::base {
namespace {

namespace fs = std::filesystem;

/// Counts calls, and waits for one. The time after which it gives up decides nothing: it lets a failure be told.
class Bell {
 public:
  void Ring() {
    const MutexLock lock(mutex_);
    ++rings_;
    changed_.NotifyAll();
  }
  /// Whether it rang since this was asked last; waits for it.
  bool HasRung() {
    const MutexLock lock(mutex_);
    for (int i = 0; i < 200 && rings_ == 0; ++i) changed_.WaitFor(mutex_, std::chrono::milliseconds(100));
    return std::exchange(rings_, 0) > 0;
  }
  int rings() {
    const MutexLock lock(mutex_);
    return rings_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int rings_ BARO_GUARDED_BY(mutex_) = 0;
};

class DirectoryWatcherTest : public testing::Test {
 protected:
  DirectoryWatcherTest() {
    std::string pattern = testing::TempDir() + "watchXXXXXX";
    root_ = mkdtemp(pattern.data());
  }
  ~DirectoryWatcherTest() override {
    watch_.reset();
    fs::remove_all(root_);
  }

  void Watch(const std::vector<std::string>& directories) {
    std::vector<std::string> paths;
    for (const std::string& directory : directories) paths.push_back(root_ / directory);
    auto watch = watcher_->Watch(std::move(paths), [this] { bell_.Ring(); });
    ASSERT_TRUE(watch) << watch.error().message();
    watch_ = *std::move(watch);
    ASSERT_TRUE(watch_->Renew());
  }
  void Write(const std::string& path, const std::string& text) { std::ofstream(root_ / path) << text; }
  bool TellsAndRenews() { return bell_.HasRung() && watch_->Renew().has_value(); }

  fs::path root_;
  Bell bell_;
  std::unique_ptr<DirectoryWatcher> watcher_ = MakeDirectoryWatcher();
  std::unique_ptr<DirectoryWatch> watch_;
};

TEST_F(DirectoryWatcherTest, FilesThatAreWrittenRenamedAndRemoved) {
  fs::create_directory(root_ / "sd");
  Watch({"sd"});
  Write("sd/a.json", "1");
  EXPECT_TRUE(TellsAndRenews());
  Write("sd/a.json", "2");
  EXPECT_TRUE(TellsAndRenews());
  Write("new", "3");
  fs::rename(root_ / "new", root_ / "sd/a.json");
  EXPECT_TRUE(TellsAndRenews());
  fs::create_symlink("../elsewhere", root_ / "sd/link");
  EXPECT_TRUE(TellsAndRenews());
  fs::remove(root_ / "sd/a.json");
  EXPECT_TRUE(TellsAndRenews());
}

TEST_F(DirectoryWatcherTest, DirectoriesThatComeGoAndAreReplaced) {
  Watch({"a/b/c"});
  Write("other", "1");  // nobody asked for it
  fs::create_directories(root_ / "a/b/c");
  while (bell_.HasRung()) {  // a call for each directory, or one for all
    ASSERT_TRUE(watch_->Renew());
    Write("a/b/c/file", "1");
    if (fs::exists(root_ / "a/b/c/file")) break;
  }
  EXPECT_TRUE(TellsAndRenews());
  fs::remove_all(root_ / "a/b");
  EXPECT_TRUE(TellsAndRenews());
  fs::create_directories(root_ / "made/c");
  Write("made/c/file", "2");
  fs::rename(root_ / "made", root_ / "a/b");
  EXPECT_TRUE(TellsAndRenews());
  Write("a/b/c/file", "3");
  EXPECT_TRUE(TellsAndRenews());
}

TEST_F(DirectoryWatcherTest, ALinkThatLeadsElsewhere) {
  fs::create_directory(root_ / "v1");
  fs::create_directory(root_ / "v2");
  fs::create_directory_symlink("v1", root_ / "sd");
  Watch({"sd"});
  fs::create_directory_symlink("v2", root_ / "next");
  fs::rename(root_ / "next", root_ / "sd");
  EXPECT_TRUE(TellsAndRenews());
  Write("v2/file", "1");
  EXPECT_TRUE(TellsAndRenews());
}

TEST_F(DirectoryWatcherTest, EachIsToldOfItsOwn) {
  fs::create_directory(root_ / "x");
  fs::create_directory(root_ / "y");
  Watch({"x"});
  Bell other;
  {
    auto both = watcher_->Watch({root_ / "x", root_ / "y"}, [&] { other.Ring(); });
    ASSERT_TRUE(both);
    ASSERT_TRUE((*both)->Renew());
    Write("y/file", "1");
    EXPECT_TRUE(other.HasRung());
    EXPECT_EQ(bell_.rings(), 0);
    Write("x/file", "1");
    EXPECT_TRUE(other.HasRung());
    EXPECT_TRUE(bell_.HasRung());
  }
  Write("x/file", "2");
  EXPECT_TRUE(TellsAndRenews()) << "the end of another's watch of the same directory is not the end of this";
}

}  // namespace
}  // namespace baro::base
