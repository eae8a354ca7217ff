#pragma once

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "store/redis/client.h"
#include "store/testing/free_port.h"

namespace footfall::store::redis {

/// A real Redis of a test's own, in a folder of its own; it ends with this.
class RunningRedis {
public:
    explicit RunningRedis(std::string password = {})
        : folder_(testing::TempDir() + "footfall_redis_" + std::to_string(::getpid()) + "_" +
                  std::to_string(next_number())),
          port_(free_port()),
          password_(std::move(password)) {
        std::filesystem::remove_all(folder_);
        std::filesystem::create_directories(folder_);
        start();
    }
    ~RunningRedis() {
        kill();
        std::filesystem::remove_all(folder_);
    }
    RunningRedis(const RunningRedis&) = delete;
    RunningRedis& operator=(const RunningRedis&) = delete;

    Endpoint endpoint() const { return {.host = "127.0.0.1", .port = port_, .user = {}, .password = password_}; }
    void start() {
        const std::string port = std::to_string(port_);
        const char* const words[] = {
            "setpriv",    "--pdeathsig", "KILL",          "redis-server",    "--bind", "127.0.0.1",    "--port",
            port.c_str(), "--dir",       folder_.c_str(), "--save",          "",       "--appendonly", "yes",
            "--loglevel", "warning",     "--requirepass", password_.c_str(), nullptr};
        ASSERT_EQ(::posix_spawnp(&pid_, words[0], nullptr, nullptr, const_cast<char* const*>(words), environ), 0);
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        for (;;) {
            Client client(endpoint());
            if (client.run(Command{"PING"}, 1'000)) return;
            ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "Redis does not start";
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
    }
    /// At once, as a loss of power would.
    void kill() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
    void stop() { ::kill(pid_, SIGSTOP); }
    void go_on() { ::kill(pid_, SIGCONT); }

private:
    static int next_number() {
        static int number = 0;
        return ++number;
    }

    const std::string folder_;
    const std::uint16_t port_;
    const std::string password_;
    pid_t pid_ = -1;
};

}  // namespace footfall::store::redis
