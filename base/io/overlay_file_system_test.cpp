#include "base/overlay_file_system.h"

#include <gtest/gtest.h>

namespace baro::base {
namespace {

using OpenMode = FileSystem::OpenMode;

class OverlayTest : public ::testing::Test {
 protected:
  OverlayTest() {
    Write(below_, "d/log/1", "one");
    Write(below_, "d/log/2", "two");
    Write(below_, "d/lock", "");
    operations_ = below_.operation_count();
  }

  ~OverlayTest() override { EXPECT_EQ(below_.operation_count(), operations_) << "something was changed below"; }
  OverlayTest(const OverlayTest&) = delete;
  OverlayTest& operator=(const OverlayTest&) = delete;

  static void Write(FileSystem& files, const std::string& path, std::string_view text) {
    ASSERT_TRUE(files.CreateDirectories(ParentDirectory(path)));
    const auto file = files.OpenWritable(path, OpenMode::kAppend);
    ASSERT_TRUE(file) << file.error().message();
    ASSERT_TRUE((*file)->Append(AsBytes(text)));
  }
  std::string Read(const std::string& path) {
    const auto text = ReadFile(overlay_, path, 1000);
    return text ? *text : "error: " + text.error().message();
  }

  SimFileSystem below_;
  OverlayFileSystem overlay_{below_};
  std::uint64_t operations_ = 0;
};

TEST_F(OverlayTest, ReadsWhatIsBelow) {
  EXPECT_EQ(Read("d/log/1"), "one");
  EXPECT_EQ(*overlay_.ListDirectory("d/log"), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(*overlay_.FileSize("d/log/2"), 3U);
  EXPECT_EQ(AsText((*overlay_.Map("d/log/2"))->bytes()), "two");
}

TEST_F(OverlayTest, ContinuesACopy) {
  Write(overlay_, "d/log/2", "+more");
  EXPECT_EQ(Read("d/log/2"), "two+more");
  EXPECT_EQ(*overlay_.FileSize("d/log/2"), 8U);
  EXPECT_EQ(*ReadFile(below_, "d/log/2", 100), "two");
}

TEST_F(OverlayTest, HidesWhatIsRemovedUntilItIsMadeAnew) {
  ASSERT_TRUE(overlay_.Remove("d/log/1"));
  EXPECT_FALSE(*overlay_.Exists("d/log/1"));
  EXPECT_EQ(overlay_.Map("d/log/1").error().code(), Code::kNotFound);
  EXPECT_EQ(*overlay_.ListDirectory("d/log"), (std::vector<std::string>{"2"}));
  ASSERT_TRUE(overlay_.RemoveAll("d/log"));
  EXPECT_FALSE(*overlay_.Exists("d/log/2"));
  EXPECT_EQ(overlay_.ListDirectory("d/log").error().code(), Code::kNotFound);
  Write(overlay_, "d/log/2", "new");
  EXPECT_EQ(Read("d/log/2"), "new");
  EXPECT_EQ(*overlay_.ListDirectory("d/log"), (std::vector<std::string>{"2"}));
}

TEST_F(OverlayTest, RefusesToCreateWhatIsThereAndToRenameWhatIsOnlyLookedAt) {
  EXPECT_EQ(overlay_.OpenWritable("d/log/1", OpenMode::kCreate).error().code(), Code::kAlreadyExists);
  EXPECT_EQ(overlay_.Rename("d/log/1", "d/log/3").error().code(), Code::kPermissionDenied);
  EXPECT_EQ(overlay_.Rename("d/log", "d/gone").error().code(), Code::kPermissionDenied);
  EXPECT_EQ(overlay_.Link("d/log/1", "d/log/3").error().code(), Code::kPermissionDenied);
  EXPECT_EQ(overlay_.Rename("d/none", "d/log/3").error().code(), Code::kNotFound);
}

TEST_F(OverlayTest, RenamesWhatWasMadeHere) {
  Write(overlay_, "d/log/tmp-9", "nine");
  ASSERT_TRUE(overlay_.Rename("d/log/tmp-9", "d/log/2"));
  EXPECT_EQ(Read("d/log/2"), "nine");
  EXPECT_EQ(*overlay_.ListDirectory("d/log"), (std::vector<std::string>{"1", "2"}));
}

TEST_F(OverlayTest, LocksNothingBelow) {
  const auto theirs = below_.Lock("d/lock");
  ASSERT_TRUE(theirs);
  const auto ours = overlay_.Lock("d/lock");
  ASSERT_TRUE(ours) << ours.error().message();
}

}  // namespace
}  // namespace baro::base
