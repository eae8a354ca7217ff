#include "store/embedded/supervisor.h"

#include <signal.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "store/testing/running_store.h"

namespace footfall::store::embedded {
namespace {

using testing::HasSubstr;

class SupervisorTest : public testing::Test {
protected:
    SupervisorTest() : directory_(testing::TempDir() + "footfall_supervisor_" + std::to_string(::getpid())) {
        std::filesystem::remove_all(directory_);
        std::filesystem::create_directories(directory_);
        options_ = store_options(directory_);
        options_.backoff_first_ms = 1;
        options_.backoff_max_ms = 50;
    }
    ~SupervisorTest() override { std::filesystem::remove_all(directory_); }

    // A program in the store's place that does just this.
    void use_script(const std::string& script) {
        options_.program = "/bin/sh";
        options_.words = {"sh", "-c", script};
    }
    void make_data_directory() const { std::filesystem::create_directories(options_.store.data_dir); }
    std::vector<std::string> moved_aside() const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(directory_))
            if (entry.path().filename().string().starts_with("data.broken-")) names.push_back(entry.path());
        return names;
    }
    static bool eventually(const std::function<bool()>& condition) {
        for (int i = 0; i < 3'000; ++i) {
            if (condition()) return true;
            ::usleep(10'000);
        }
        return false;
    }
    static std::uint64_t rows(Client& client) {
        const auto answer = client.query({.sql = "SELECT count() FROM footfall.events"});
        EXPECT_TRUE(answer) << answer.error().message;
        return answer ? std::get<std::uint64_t>(answer->rows[0][0]) : 0;
    }
    static Status insert_row(Client& client) {
        return client.execute(
            {.sql = "INSERT INTO footfall.events (website_id, timestamp, log_offset) VALUES ('a', 0, 1)"});
    }

    std::string directory_;
    SupervisorOptions options_;
};

TEST_F(SupervisorTest, AKilledStoreIsStartedAgainWithWhatItHad) {
    Supervisor supervisor(options_);
    EXPECT_FALSE(supervisor.state().ready);
    supervisor.start();
    ASSERT_TRUE(supervisor.wait_ready(60'000)) << supervisor.state().problem;
    Client client({.address = options_.store.address});
    for (std::uint64_t round = 1; round <= 3; ++round) {
        ASSERT_TRUE(insert_row(client));
        const SupervisorState before = supervisor.state();
        ASSERT_EQ(::kill(before.pid, SIGKILL), 0);
        ASSERT_TRUE(eventually([&] { return supervisor.state().starts == round + 1 && supervisor.state().ready; }))
            << supervisor.state().problem;
        EXPECT_NE(supervisor.state().pid, before.pid);
        EXPECT_EQ(rows(client), round);
    }
    EXPECT_EQ(supervisor.state().replaced, 0u);
}

TEST_F(SupervisorTest, AStoreIsStartedAgainWhereThatIsAskedFor) {
    Supervisor supervisor(options_);
    supervisor.start();
    ASSERT_TRUE(supervisor.wait_ready(60'000)) << supervisor.state().problem;
    Client client({.address = options_.store.address});
    ASSERT_TRUE(insert_row(client));
    const SupervisorState before = supervisor.state();
    supervisor.restart("a test wants it");
    ASSERT_TRUE(eventually([&] { return supervisor.state().starts >= 2 && supervisor.state().ready; }))
        << supervisor.state().problem;
    EXPECT_NE(supervisor.state().pid, before.pid);
    EXPECT_EQ(rows(client), 1u);
    EXPECT_EQ(supervisor.state().starts, 2u);
    EXPECT_EQ(supervisor.state().replaced, 0u);
}

TEST_F(SupervisorTest, AStoreThatStaysSilentIsKilledAndStartedAgain) {
    options_.silent_max_ms = 100;
    Supervisor supervisor(options_);
    supervisor.start();
    ASSERT_TRUE(supervisor.wait_ready(60'000)) << supervisor.state().problem;
    Client client({.address = options_.store.address});
    ASSERT_TRUE(insert_row(client));
    const SupervisorState before = supervisor.state();
    ASSERT_EQ(::kill(before.pid, SIGSTOP), 0);
    ASSERT_TRUE(eventually([&] { return supervisor.state().starts >= 2 && supervisor.state().ready; }))
        << supervisor.state().problem;
    EXPECT_NE(supervisor.state().pid, before.pid);
    EXPECT_EQ(rows(client), 1u);
    EXPECT_EQ(supervisor.state().replaced, 0u);
}

TEST_F(SupervisorTest, AStoppedStoreEndsByItselfAndOpensAgain) {
    for (std::uint64_t round = 0; round < 2; ++round) {
        Supervisor supervisor(options_);
        supervisor.start();
        ASSERT_TRUE(supervisor.wait_ready(60'000)) << supervisor.state().problem;
        Client client({.address = options_.store.address});
        EXPECT_EQ(rows(client), round);
        ASSERT_TRUE(insert_row(client));
        const int pid = supervisor.state().pid;
        supervisor.stop();
        EXPECT_NE(::kill(pid, 0), 0);
        EXPECT_FALSE(supervisor.state().ready);
        EXPECT_EQ(supervisor.state().starts, 1u);
        EXPECT_FALSE(client.ping());
    }
}

TEST_F(SupervisorTest, AQueryThatRunsDoesNotHoldTheStopUp) {
    Supervisor supervisor(options_);
    supervisor.start();
    ASSERT_TRUE(supervisor.wait_ready(60'000)) << supervisor.state().problem;
    Client client({.address = options_.store.address});
    std::thread asking([&] {
        EXPECT_FALSE(client.query({.sql = "SELECT sleepEachRow(0.1) FROM numbers(600)",
                                   .settings = {{"max_block_size", "1"}},
                                   .timeout_ms = 60'000}));
    });
    Client beside({.address = options_.store.address});
    ASSERT_TRUE(eventually([&] {
        const auto answer =
            beside.query({.sql = "SELECT count() FROM system.processes WHERE query LIKE 'SELECT sleepEachRow%'",
                          .settings = {{"priority", "1"}}});
        return answer && answer->rows[0][0] == Value(std::uint64_t{1});
    }));
    const std::int64_t before_ns = system_clock().steady_ns();
    supervisor.stop(30'000);
    EXPECT_LT(system_clock().steady_ns() - before_ns, 15'000'000'000) << "of the 60 s that the query had left";
    asking.join();
}

TEST_F(SupervisorTest, ADirectoryThatWillNotOpenIsMovedAsideAndANewOneIsMade) {
    {
        Supervisor supervisor(options_);
        supervisor.start();
        ASSERT_TRUE(supervisor.wait_ready(60'000)) << supervisor.state().problem;
        Client client({.address = options_.store.address});
        ASSERT_TRUE(insert_row(client));
    }
    ASSERT_TRUE(write_file_atomically(options_.store.data_dir + "/metadata/footfall.sql", "junk"));
    Supervisor supervisor(options_);
    supervisor.start();
    ASSERT_TRUE(supervisor.wait_ready(60'000)) << supervisor.state().problem;
    EXPECT_EQ(supervisor.state().replaced, 1u);
    EXPECT_EQ(supervisor.state().starts, 3u) << "it was tried twice";
    Client client({.address = options_.store.address});
    EXPECT_EQ(rows(client), 0u);
    ASSERT_EQ(moved_aside().size(), 1u);
    EXPECT_EQ(*read_file(moved_aside()[0] + "/metadata/footfall.sql"), "junk");
}

TEST_F(SupervisorTest, AStoreThatCrashesAtEachOpeningIsMovedAsideOnceAndANewOneNever) {
    use_script("kill -SEGV $$");
    make_data_directory();
    Supervisor supervisor(options_);
    supervisor.start();
    ASSERT_TRUE(eventually([&] { return supervisor.state().replaced == 1; }));
    EXPECT_EQ(supervisor.state().starts, 5u);
    ASSERT_TRUE(eventually([&] { return supervisor.state().starts >= 20; })) << "it is tried on and on";
    EXPECT_EQ(supervisor.state().replaced, 1u);
    EXPECT_EQ(moved_aside().size(), 1u);
    EXPECT_THAT(supervisor.state().problem, HasSubstr("signal 11"));
}

TEST_F(SupervisorTest, AFailureThatIsNotTheDirectorysLeavesItInPlace) {
    struct Case {
        const char* script;
        const char* problem;
    };
    for (const Case& one : {Case{"exit 69", "library"}, Case{"exit 70", "see the log"},
                            Case{"exit 75", "another process"}, Case{"kill -KILL $$", "signal 9"}}) {
        use_script(one.script);
        make_data_directory();
        Supervisor supervisor(options_);
        supervisor.start();
        ASSERT_TRUE(eventually([&] { return supervisor.state().starts >= 8; }));
        EXPECT_EQ(supervisor.state().replaced, 0u) << one.script;
        EXPECT_THAT(supervisor.state().problem, HasSubstr(one.problem)) << one.script;
        EXPECT_FALSE(supervisor.wait_ready(0));
    }
    EXPECT_TRUE(moved_aside().empty());
}

TEST_F(SupervisorTest, AMissingLibraryAndAMissingProgramAreNamed) {
    options_.store.library = directory_ + "/no_such_library.so";
    {
        Supervisor supervisor(options_);
        supervisor.start();
        ASSERT_TRUE(eventually([&] { return supervisor.state().starts >= 2; }));
        EXPECT_THAT(supervisor.state().problem, HasSubstr("library"));
    }
    options_.program = directory_ + "/no_such_program";
    Supervisor supervisor(options_);
    supervisor.start();
    EXPECT_TRUE(eventually([&] { return supervisor.state().problem.find("No such file") != std::string::npos; }))
        << supervisor.state().problem;
}

TEST_F(SupervisorTest, AnOrphansLockIsWaitedFor) {
    make_data_directory();
    auto lock = std::make_unique<LockFile>(*LockFile::acquire(options_.store.data_dir + "/footfall.lock", 0));
    Supervisor supervisor(options_);
    supervisor.start();
    ASSERT_TRUE(eventually([&] { return supervisor.state().pid != 0; }));
    EXPECT_FALSE(supervisor.wait_ready(0));
    lock.reset();
    ASSERT_TRUE(supervisor.wait_ready(60'000)) << supervisor.state().problem;
    EXPECT_EQ(supervisor.state().starts, 1u);
}

TEST_F(SupervisorTest, AStoreOfANewerEngineIsLeftUntouched) {
    make_data_directory();
    ASSERT_TRUE(write_file_atomically(options_.store.data_dir + "/engine-version", "99.1.0"));
    Supervisor supervisor(options_);
    supervisor.start();
    ASSERT_TRUE(eventually([&] { return supervisor.state().starts >= 4; }));
    EXPECT_EQ(supervisor.state().replaced, 0u);
    EXPECT_FALSE(path_exists(options_.store.data_dir + "/metadata")) << "the engine never saw it";
    EXPECT_EQ(*read_file(options_.store.data_dir + "/engine-version"), "99.1.0");
}

TEST_F(SupervisorTest, ItIsNotReadyBeforeItIsPrepared) {
    std::atomic<int> calls{0};
    options_.prepare = [&](Client& client) -> Status {
        if (++calls < 3) return Error(Code::kConflict, "not yet");
        return migrate(client);
    };
    Supervisor supervisor(options_);
    supervisor.start();
    EXPECT_TRUE(eventually([&] { return supervisor.state().problem == "not yet"; }));
    ASSERT_TRUE(supervisor.wait_ready(60'000)) << supervisor.state().problem;
    EXPECT_EQ(calls, 3);
    EXPECT_EQ(supervisor.state().starts, 1u);
}

TEST(StoreOptionsTest, ArgumentsReadBackAsTheyWereWritten) {
    StoreOptions options;
    options.data_dir = "/a path/with=signs";
    options.address = "unix:/a path/store.sock";
    options.library = "/lib/x.so";
    options.memory_max = 123'456'789;
    options.threads = 3;
    options.log_format = "json";
    options.parent_pid = 42;
    const auto read = parse_store_options(to_arguments(options));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(to_arguments(*read), to_arguments(options));
}

TEST(StoreOptionsTest, AWrongArgumentIsNamed) {
    for (const char* word : {"--nothing=1", "--threads=many", "--memory-max=", "data"}) {
        std::vector<std::string> words = to_arguments({.data_dir = "/a", .address = "unix:/b", .library = "/c"});
        words.push_back(word);
        const auto read = parse_store_options(words);
        ASSERT_FALSE(read) << word;
        EXPECT_EQ(read.error().code, Code::kInvalidArgument);
    }
    EXPECT_FALSE(parse_store_options({}));
}

}  // namespace
}  // namespace footfall::store::embedded
