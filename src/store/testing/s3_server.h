#pragma once

#include <arpa/inet.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include <curl/curl.h>
#include <gtest/gtest.h>

#include "store/s3/s3_objects.h"
#include "store/testing/free_port.h"

namespace footfall::store {

/// A real S3 server (tests/support/s3-server) with a bucket "archive", in a folder of its own; it ends with this.
class S3Server {
public:
    /// kFiles outlives kill() and start(); kMemory replaces objects whole while others read.
    enum class Kind : unsigned char { kFiles, kMemory };

    explicit S3Server(Kind kind)
        : kind_(kind),
          folder_(testing::TempDir() + "footfall_s3_" + std::to_string(::getpid()) + "_" + std::to_string(++servers_)),
          port_(free_port()) {
        std::filesystem::remove_all(folder_);
        std::filesystem::create_directories(folder_ + "/buckets/archive");
        start();
    }
    ~S3Server() {
        kill();
        std::error_code ignored;  // what is left over in a temporary folder harms nobody
        std::filesystem::remove_all(folder_, ignored);
    }
    S3Server(const S3Server&) = delete;
    S3Server& operator=(const S3Server&) = delete;

    void start() {
        const std::string program = FOOTFALL_SOURCE_DIR "/tests/support/s3-server";
        const std::string port = std::to_string(port_);
        // A test that is killed takes it with it.
        const char* const words[] = {"setpriv",
                                     "--pdeathsig",
                                     "KILL",
                                     program.c_str(),
                                     folder_.c_str(),
                                     port.c_str(),
                                     kind_ == Kind::kFiles ? "files" : "memory",
                                     nullptr};
        ASSERT_EQ(::posix_spawnp(&pid_, words[0], nullptr, nullptr, const_cast<char* const*>(words), environ), 0);
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (!answers()) {
            ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "the S3 server does not start";
            ASSERT_EQ(::waitpid(pid_, nullptr, WNOHANG), 0) << "the S3 server ended; run scripts/install test";
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
        if (kind_ == Kind::kMemory) make_bucket();
    }
    /// At once, as a loss of power would.
    void kill() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }

    /// What reaches it.
    S3Options options() const {
        return {.bucket = "archive", .endpoint = "http://127.0.0.1:" + std::to_string(port_), .credentials = [] {
                    return S3Credentials{"footfall", "a-secret-of-tests", ""};
                }};
    }

private:
    void make_bucket() const {
        const std::unique_ptr<CURL, void (*)(CURL*)> curl(::curl_easy_init(), ::curl_easy_cleanup);
        curl_slist* const headers = ::curl_slist_append(
            nullptr, "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        ::curl_easy_setopt(curl.get(), CURLOPT_URL, (options().endpoint + "/archive").c_str());
        ::curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, "PUT");
        ::curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers);
        ::curl_easy_setopt(curl.get(), CURLOPT_AWS_SIGV4, "aws:amz:us-east-1:s3");
        ::curl_easy_setopt(curl.get(), CURLOPT_USERPWD, "footfall:a-secret-of-tests");
        ::curl_easy_setopt(curl.get(), CURLOPT_FAILONERROR, 1L);
        EXPECT_EQ(::curl_easy_perform(curl.get()), CURLE_OK) << "the bucket can't be made";
        ::curl_slist_free_all(headers);
    }
    bool answers() const {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port_);
        const bool is_connected = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
        ::close(fd);
        return is_connected;
    }

    inline static int servers_ = 0;
    const Kind kind_;
    const std::string folder_;
    const std::uint16_t port_;
    pid_t pid_ = -1;
};

/// One for all tests of a process, since it takes seconds to start: each takes a prefix of its own.
inline S3Server& shared_s3_server() {
    static S3Server server(S3Server::Kind::kMemory);
    return server;
}

}  // namespace footfall::store
