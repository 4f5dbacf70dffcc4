#include "server/machine_memory.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/sim_file_system.h"

namespace baro::server {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

class MachineMemory : public testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) {
    ASSERT_TRUE(files_.CreateDirectories(base::ParentDirectory(path)));
    auto file = files_.OpenWritable(path, base::FileSystem::OpenMode::kReplace);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->Append(base::AsBytes(text)));
  }

  base::SimFileSystem files_;
};

TEST_F(MachineMemory, IsNotKnownWithoutAnybodyToAsk) { EXPECT_EQ(UsableMemory(files_), 0U); }

TEST_F(MachineMemory, IsTheLeastOfMachineAndGroups) {
  Write("/proc/meminfo", "MemTotal:       16777216 kB\nMemFree:         1 kB\n");
  EXPECT_EQ(UsableMemory(files_), 16 * kGiB);
  Write("/proc/self/cgroup", "0::/system.slice/barograph.service\n");
  Write("/sys/fs/cgroup/system.slice/barograph.service/memory.max", "max\n");
  EXPECT_EQ(UsableMemory(files_), 16 * kGiB);
  Write("/sys/fs/cgroup/system.slice/memory.max", std::to_string(4 * kGiB) + "\n");
  EXPECT_EQ(UsableMemory(files_), 4 * kGiB);
  Write("/sys/fs/cgroup/system.slice/barograph.service/memory.max", std::to_string(2 * kGiB) + "\n");
  EXPECT_EQ(UsableMemory(files_), 2 * kGiB);
}

TEST_F(MachineMemory, KnowsTheOlderGroupsToo) {
  Write("/proc/meminfo", "MemTotal: 16777216 kB\n");
  Write("/proc/self/cgroup", "12:cpu,cpuacct:/x\n5:memory:/docker/abc\n");
  Write("/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", std::to_string(kGiB) + "\n");
  Write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(UsableMemory(files_), kGiB);
}

}  // namespace
}  // namespace baro::server
