#include "base/machine.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/testing/test_folder.h"

namespace footfall {
namespace {

class MachineTest : public ::testing::Test {
protected:
    void write(const std::string& path, std::string_view text) {
        const std::filesystem::path whole = root() + path;
        std::filesystem::create_directories(whole.parent_path());
        std::ofstream(whole) << text;
    }
    std::string root() const { return folder_.path(); }

private:
    TestFolder folder_;
};

constexpr std::string_view kFourGiB = "MemTotal:        4194304 kB\nMemFree:          102400 kB\n";

TEST_F(MachineTest, MemoryIsTheMachinesWithoutALimit) {
    write("/proc/meminfo", kFourGiB);
    EXPECT_EQ(memory_bytes(root()), 4ull << 30);
    write("/proc/self/cgroup", "0::/user.slice/session-1.scope\n");
    write("/sys/fs/cgroup/user.slice/memory.max", "max\n");
    EXPECT_EQ(memory_bytes(root()), 4ull << 30);
}

TEST_F(MachineTest, TheLeastLimitOfAGroupAndItsParentsHolds) {
    write("/proc/meminfo", kFourGiB);
    write("/proc/self/cgroup", "0::/system.slice/footfall.service\n");
    write("/sys/fs/cgroup/system.slice/memory.max", "1073741824\n");
    write("/sys/fs/cgroup/system.slice/footfall.service/memory.max", "2147483648\n");
    EXPECT_EQ(memory_bytes(root()), 1ull << 30);
}

TEST_F(MachineTest, AContainersOwnGroupIsWhatItSeesMounted) {
    write("/proc/meminfo", kFourGiB);
    write("/proc/self/cgroup", "0::/\n");
    write("/sys/fs/cgroup/memory.max", "536870912\n");
    EXPECT_EQ(memory_bytes(root()), 512ull << 20);
    write("/proc/self/cgroup", "0::/docker/0123abcd\n");
    EXPECT_EQ(memory_bytes(root()), 512ull << 20);
}

TEST_F(MachineTest, TheFirstVersionOfGroupsIsHeeded) {
    write("/proc/meminfo", kFourGiB);
    write("/proc/self/cgroup", "12:cpu,cpuacct:/a\n9:memory:/docker/1\n");
    write("/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes", "805306368\n");
    write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    EXPECT_EQ(memory_bytes(root()), 768ull << 20);
}

TEST_F(MachineTest, OfThisMachineItIsKnown) {
    EXPECT_GT(memory_bytes(), 64ull << 20);
    EXPECT_EQ(memory_bytes(root()), 0u);
}

}  // namespace
}  // namespace footfall
