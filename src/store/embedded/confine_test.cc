// What SQL could reach from the child, if the child were not confined.
#include "store/embedded/confine.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "store/testing/running_store.h"

namespace footfall::store::embedded {
namespace {

class ConfinementTest : public testing::Test {
protected:
    static void SetUpTestSuite() {
        ::setenv("FOOTFALL_TEST_SECRET", "do-not-pass-on", 1);
        store_ = new RunningStore("confine");
    }
    static void TearDownTestSuite() {
        delete store_;
        store_ = nullptr;
    }
    static std::string outside(const std::string& name) { return store_->directory() + "/" + name; }
    static std::string inside(const std::string& name) { return store_->directory() + "/data/user_files/" + name; }

    static RunningStore* store_;
};

RunningStore* ConfinementTest::store_ = nullptr;

TEST_F(ConfinementTest, FilesInsideAreReachedSoTheStatementsBelowWouldWork) {
    Client& client = store_->client();
    std::filesystem::create_directories(inside(""));
    const Status written =
        client.execute({.sql = "INSERT INTO FUNCTION file('" + inside("a.csv") + "', 'CSV', 'a UInt8') SELECT 7"});
    EXPECT_TRUE(written) << written.error().message;
    const auto read = client.query({.sql = "SELECT a FROM file('" + inside("a.csv") + "', 'CSV', 'a UInt8')"});
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->rows[0][0], Value(std::uint64_t{7}));
}

TEST_F(ConfinementTest, FilesOutsideAreNotRead) {
    std::ofstream(outside("secret.csv")) << "42\n";
    for (const std::string& path :
         {std::string("/etc/passwd"), std::string("/etc/hostname"), std::string("/proc/1/environ"),
          outside("secret.csv"), inside("../../secret.csv"), std::string(FOOTFALL_SOURCE_DIR "/README.md")}) {
        const auto answer =
            store_->client().query({.sql = "SELECT * FROM file('" + path + "', 'LineAsString', 'line String')"});
        EXPECT_FALSE(answer) << path << " was read";
    }
    std::error_code ignored;
    std::filesystem::create_symlink(outside("secret.csv"), inside("link.csv"), ignored);
    EXPECT_FALSE(store_->client().query({.sql = "SELECT * FROM file('" + inside("link.csv") + "', 'CSV', 'a UInt8')"}))
        << "through a link";
}

TEST_F(ConfinementTest, NothingOutsideIsWritten) {
    const std::string statements[] = {
        "INSERT INTO FUNCTION file('" + outside("a.csv") + "', 'CSV', 'a UInt8') SELECT 1",
        "SELECT 1 INTO OUTFILE '" + outside("b.csv") + "' FORMAT CSV",
        "BACKUP TABLE footfall.events TO File('" + outside("c") + "')",
        "CREATE TABLE footfall.outside (a UInt8) ENGINE = File(CSV, '" + outside("d.csv") + "')"};
    for (const std::string& sql : statements) {
        const Status done = store_->client().execute({.sql = sql});
        // Creating the table alone touches no file.
        if (sql.starts_with("CREATE"))
            EXPECT_FALSE(store_->client().execute({.sql = "INSERT INTO footfall.outside VALUES (1)"}));
        else EXPECT_FALSE(done) << sql;
    }
    for (const char* name : {"a.csv", "b.csv", "c", "d.csv"})
        EXPECT_FALSE(std::filesystem::exists(outside(name))) << name;
}

TEST_F(ConfinementTest, NoConnectionIsMade) {
    const File listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(listener.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener.fd(), 8), 0);
    socklen_t size = sizeof address;
    ::getsockname(listener.fd(), reinterpret_cast<sockaddr*>(&address), &size);
    const std::string where = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    const std::string statements[] = {"SELECT * FROM url('http://" + where + "/x', 'LineAsString', 'line String')",
                                      "SELECT * FROM s3('http://" + where + "/bucket/x', 'k', 's', 'CSV', 'a UInt8')",
                                      "SELECT * FROM remote('" + where + "', 'system', 'one')",
                                      "INSERT INTO FUNCTION url('http://" + where + "/x', 'CSV', 'a UInt8') SELECT 1"};
    for (const std::string& sql : statements) {
        const Status done =
            store_->client().execute({.sql = sql, .settings = {{"http_max_tries", "1"}, {"s3_retry_attempts", "0"}}});
        EXPECT_FALSE(done) << sql;
        EXPECT_FALSE(!done && done.error().code == Code::kTimeout) << sql;
    }
    pollfd waiting{listener.fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&waiting, 1, 0), 0) << "somebody connected";
    const auto answer = store_->client().query({.sql = "SELECT 1"});
    EXPECT_TRUE(answer) << "the store is still well";
}

TEST_F(ConfinementTest, NoProgramIsRun) {
    // In the place where the engine looks for it, and it would leave a trace there.
    const std::string scripts = store_->directory() + "/data/user_scripts";
    std::filesystem::create_directories(scripts);
    std::ofstream(scripts + "/run.sh") << "#!/bin/sh\necho 1 | tee " << scripts << "/trace\n";
    std::filesystem::permissions(scripts + "/run.sh", std::filesystem::perms::owner_all);
    ASSERT_EQ(std::system((scripts + "/run.sh").c_str()), 0);
    ASSERT_TRUE(std::filesystem::remove(scripts + "/trace")) << "the program works";
    const auto answer = store_->client().query({.sql = "SELECT * FROM executable('run.sh', 'CSV', 'a UInt8')"});
    EXPECT_TRUE(!answer || answer->rows.empty());
    EXPECT_FALSE(std::filesystem::exists(scripts + "/trace"));
}

TEST_F(ConfinementTest, TheEnvironmentOfTheServerIsNotPassedOn) {
    std::ifstream file("/proc/" + std::to_string(store_->supervisor().state().pid) + "/environ");
    const std::string environment((std::istreambuf_iterator<char>(file)), {});
    EXPECT_THAT(environment, testing::HasSubstr("TZ=UTC"));
    EXPECT_THAT(environment, testing::Not(testing::HasSubstr("do-not-pass-on")));
}

// Runs `work` in a process of its own and returns its exit code.
int in_process(const std::function<int()>& work) {
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(work());
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(ConfineTest, EachPartHoldsByItself) {
    const std::string directory = testing::TempDir() + "footfall_confine_" + std::to_string(::getpid());
    std::filesystem::create_directories(directory + "/own");
    std::ofstream(directory + "/secret") << "x";
    const auto confined = [&](const std::function<bool()>& forbidden) {
        return in_process([&] {
            if (!confine({.writable = {directory + "/own"}, .readable = {}})) return 9;
            return forbidden() ? 1 : 0;
        });
    };
    const auto opens = [](const std::string& path, int flags) {
        return ::open(path.c_str(), flags | O_CLOEXEC, 0600) >= 0;
    };
    EXPECT_EQ(confined([&] { return !opens(directory + "/own/a", O_RDWR | O_CREAT); }), 0)
        << "its own directory stays its own";
    EXPECT_EQ(confined([&] { return !opens("/dev/urandom", O_RDONLY) || !opens("/dev/null", O_RDWR); }), 0);
    EXPECT_EQ(confined([&] { return opens(directory + "/secret", O_RDONLY); }), 0);
    EXPECT_EQ(confined([&] { return opens(directory + "/new", O_WRONLY | O_CREAT); }), 0);
    EXPECT_EQ(confined([&] { return ::truncate((directory + "/secret").c_str(), 0) == 0; }), 0);
    EXPECT_EQ(confined([&] { return ::rename((directory + "/own/a").c_str(), (directory + "/a").c_str()) == 0; }), 0);
    EXPECT_EQ(confined([&] { return ::unlink((directory + "/secret").c_str()) == 0; }), 0);
    EXPECT_EQ(confined([] { return ::socket(AF_INET, SOCK_STREAM, 0) >= 0 || ::socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }),
              0);
    EXPECT_EQ(confined([] { return ::kill(::getppid(), 0) == 0; }), 0) << "signals stay inside";
    EXPECT_EQ(confined([] {
                  char program[] = "/bin/true";
                  char* arguments[] = {program, nullptr};
                  ::execv(program, arguments);
                  return false;
              }),
              0);
    std::filesystem::remove_all(directory);
}

TEST(ConfineTest, AChildEndsWithItsParent) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const File watched(ends[0]);
    const pid_t parent = ::fork();
    if (parent == 0) {
        const pid_t self = ::getpid();
        if (::fork() == 0) {
            if (!die_with_parent(self)) ::_exit(1);
            if (::write(ends[1], "x", 1) != 1) ::_exit(1);
            for (;;) ::pause();
        }
        for (;;) ::pause();
    }
    ::close(ends[1]);
    char byte = 0;
    ASSERT_EQ(::read(watched.fd(), &byte, 1), 1) << "the child is bound";
    ::kill(parent, SIGKILL);
    ::waitpid(parent, nullptr, 0);
    pollfd waiting{watched.fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&waiting, 1, 10'000), 1);
    EXPECT_EQ(::read(watched.fd(), &byte, 1), 0) << "the last writer is gone";
    EXPECT_FALSE(die_with_parent(parent)) << "whose parent is gone already must not stay";
    ::prctl(PR_SET_PDEATHSIG, 0);
}

}  // namespace
}  // namespace footfall::store::embedded
