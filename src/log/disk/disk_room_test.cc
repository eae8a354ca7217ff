// The log where the file system has no more room, or the process no more descriptors.
#include <chrono>
#include <csignal>
#include <random>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "log/disk/disk_log_fixture.h"

namespace footfall::log {
namespace {

/// As on a full disk: no byte of a file is written at or behind this place.
class FileSizeLimit {
public:
    explicit FileSizeLimit(std::uint64_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        EXPECT_EQ(getrlimit(RLIMIT_FSIZE, &old_), 0);
        const rlimit limit{.rlim_cur = bytes, .rlim_max = old_.rlim_max};
        EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    }
    ~FileSizeLimit() {
        EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &old_), 0);
        std::signal(SIGXFSZ, handler_);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;

private:
    rlimit old_{};
    sighandler_t handler_;
};

/// No file or directory can be opened, not even in the place of one that was closed.
class NoDescriptors {
public:
    NoDescriptors() {
        EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &old_), 0);
        const rlimit limit{.rlim_cur = 0, .rlim_max = old_.rlim_max};
        EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    }
    ~NoDescriptors() { EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &old_), 0); }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;

private:
    rlimit old_{};
};

bool becomes_there(const std::string& path) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!path_exists(path) && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    return path_exists(path);
}

TEST(DiskRoomTest, WithoutDescriptorsTheSpareIsTakenAndThenAppendsAreRefusedForATime) {
    ManualClock clock(1);
    const DiskLogOptions options = small(fresh_directory("descriptors"));
    auto log = open(options, clock);
    ASSERT_TRUE(becomes_there(options.directory + "/spare"));
    std::mt19937 random(1);
    std::size_t kept = 0;
    const auto append_one = [&] {
        std::string payload(1'000, ' ');
        for (char& c : payload) c = static_cast<char>(random());
        auto appended = append(*log, {payload});
        if (appended) ++kept;
        return appended;
    };
    {
        const NoDescriptors none;
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        // The spare may be taken a moment after it is there, so a refusal before that says nothing yet.
        for (bool is_refused = false; !is_refused || !path_exists(options.directory + "/000000000002.segment");) {
            ASSERT_LT(std::chrono::steady_clock::now(), deadline);
            const auto appended = append_one();
            ASSERT_TRUE(appended || appended.error().code == Code::kOverloaded) << appended.error().message;
            is_refused = !appended;
        }
    }
    EXPECT_FALSE(log->stopped());
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(append_one());
    EXPECT_EQ(read_all(*log, 0).entries.size(), kept);
}

TEST(DiskRoomTest, TheReserveIsTakenWhereThereIsRoom) {
    ManualClock clock(1);
    DiskLogOptions options = small(fresh_directory("reserve"));
    options.reserve_bytes = 1u << 20;
    {
        auto log = open(options, clock);
        log->tend_reserve();
        EXPECT_TRUE(becomes_there(options.directory + "/reserve"));
    }
    EXPECT_EQ(fs::file_size(options.directory + "/reserve"), 1u << 20);
}

TEST(DiskRoomTest, AppendsAreRefusedAtTheHighWaterMarkAndReadsServed) {
    ManualClock clock(1);
    DiskLogOptions options = small(fresh_directory("water"));
    { ASSERT_TRUE(append(*open(options, clock), {"a"})); }
    options.free_bytes_min = 1ull << 60;
    auto log = open(options, clock);
    const auto refused = append(*log, {"b"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kOverloaded);
    EXPECT_FALSE(log->stopped());
    EXPECT_EQ(log->refusing(), refused.error().message);
    EXPECT_EQ(read_all(*log, 0).entries.size(), 1u);
}

TEST(DiskRoomTest, AFailedAppendIsToldUntilOneSucceedsOrFiveSecondsHavePassed) {
    ManualClock clock(1);
    auto log = open(small(fresh_directory("told")), clock);
    const auto fail = [&] {
        const FileSizeLimit limit(0);
        EXPECT_FALSE(append(*log, {"a"}));
    };
    EXPECT_FALSE(log->refusing());
    fail();
    EXPECT_THAT(log->refusing().value_or(""), testing::HasSubstr("File too large"));
    ASSERT_TRUE(append(*log, {"b"}));
    EXPECT_FALSE(log->refusing());
    fail();
    clock.advance_ms(4'999);
    EXPECT_TRUE(log->refusing());
    clock.advance_ms(1);
    EXPECT_FALSE(log->refusing()) << "without traffic nothing else would end it";
}

// The first three groups of each test stand; then a write fails in the middle of a frame, as on a full disk.
TEST(DiskRoomTest, R4AShortWriteIsUndoneAndTheLogGoesOn) {
    ManualClock clock(1);
    const DiskLogOptions options = small(fresh_directory("short"));
    auto log = open(options, clock);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(append(*log, {"kept " + std::to_string(i)}));
    const std::uint64_t used = frames_of(read_file(options.directory + "/000000000001.segment").value()).back().at + 48;

    {
        const FileSizeLimit limit(used + 20);
        const auto refused = append(*log, {std::string(100, 'x')});
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Code::kOverloaded);
        EXPECT_FALSE(append(*log, {std::string(100, 'y')}));
    }
    EXPECT_FALSE(log->stopped());

    ASSERT_TRUE(append(*log, {"kept 3"}));
    const std::map<std::uint64_t, std::string> expected = {{0, "kept 0"}, {1, "kept 1"}, {2, "kept 2"}, {3, "kept 3"}};
    EXPECT_EQ(read_all(*log, 0).entries, expected);
    const auto killed = open(small(copy_as_killed(options.directory, "short_killed")), clock);
    EXPECT_EQ(read_all(*killed, 0).entries, expected);
    EXPECT_EQ(killed->recovery().bytes_cut, 0u) << "nothing of the refused group was left behind";
    EXPECT_TRUE(killed->damage().empty());
}

}  // namespace
}  // namespace footfall::log
