#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "store/client.h"
#include "store/embedded/supervisor.h"
#include "store/migrations.h"

namespace footfall::store {

/// The engine's library for tests: $FOOTFALL_LIBCHDB, or what scripts/install put into the source tree.
inline std::string engine_library() {
    const char* named = std::getenv("FOOTFALL_LIBCHDB");
    return named != nullptr ? named : FOOTFALL_SOURCE_DIR "/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so";
}

/// How the store of a test runs: as a process of its own, below `directory`, with the tables of this release.
inline embedded::SupervisorOptions store_options(const std::string& directory) {
    embedded::SupervisorOptions options;
    options.store.data_dir = directory + "/data";
    options.store.address = "unix:" + directory + "/store.sock";
    options.store.library = engine_library();
    options.store.log_level = "warn";
    options.program = FOOTFALL_STORE_CHILD;
    options.words = {"footfall-store-child"};
    options.prepare = [](Client& client) { return migrate(client); };
    return options;
}

/// A real embedded store in a directory of its own, for tests of any library. Where it does not start, the test fails
/// with the reason. Link footfall_store_testing.
class RunningStore {
public:
    /// `adjust` may change the options before the start.
    explicit RunningStore(const std::string& name, const std::function<void(embedded::SupervisorOptions&)>& adjust = {})
        : directory_(testing::TempDir() + "footfall_store_" + name + "_" + std::to_string(::getpid())) {
        std::filesystem::remove_all(directory_);
        std::filesystem::create_directories(directory_);
        embedded::SupervisorOptions options = store_options(directory_);
        if (adjust) adjust(options);
        client_ = std::make_unique<Client>(Endpoint{.address = options.store.address}, 64);
        supervisor_ = std::make_unique<embedded::Supervisor>(std::move(options));
        supervisor_->start();
        if (const Status ready = supervisor_->wait_ready(60'000); !ready)
            ADD_FAILURE() << ready.error().message << " (library: " << engine_library() << ")";
    }
    ~RunningStore() {
        supervisor_->stop();
        std::filesystem::remove_all(directory_);
    }

    Client& client() { return *client_; }
    embedded::Supervisor& supervisor() { return *supervisor_; }
    /// Holds the store's directory ("data") and its socket ("store.sock").
    const std::string& directory() const { return directory_; }

private:
    const std::string directory_;
    std::unique_ptr<Client> client_;
    std::unique_ptr<embedded::Supervisor> supervisor_;
};

}  // namespace footfall::store
