#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
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

/// A real embedded store in a directory of its own, for tests of any library: the child, supervised, with the tables of this release. Where it does
/// not start, the test fails with the reason. Link footfall_store_testing.
class RunningStore {
public:
    explicit RunningStore(const std::string& name, embedded::SupervisorOptions options = {})
        : directory_(testing::TempDir() + "footfall_store_" + name + "_" + std::to_string(::getpid())),
          supervisor_(filled(std::move(options))),
          client_({.address = address()}) {
        std::filesystem::remove_all(directory_);
        std::filesystem::create_directories(directory_);
        supervisor_.start();
        if (const Status ready = supervisor_.wait_ready(60'000); !ready) ADD_FAILURE() << ready.error().message << " (library: " << engine_library() << ")";
    }
    ~RunningStore() {
        supervisor_.stop();
        std::filesystem::remove_all(directory_);
    }

    Client& client() { return client_; }
    embedded::Supervisor& supervisor() { return supervisor_; }
    /// Holds the store's directory ("data") and its socket.
    const std::string& directory() const { return directory_; }
    std::string data_directory() const { return directory_ + "/data"; }
    std::string address() const { return "unix:" + directory_ + "/store.sock"; }

private:
    embedded::SupervisorOptions filled(embedded::SupervisorOptions options) const {
        options.store.data_dir = data_directory();
        options.store.address = address();
        options.store.library = engine_library();
        options.store.log_level = "warn";
        options.program = FOOTFALL_STORE_CHILD;
        options.words = {"footfall-store-child"};
        if (!options.prepare) options.prepare = [](Client& client) { return migrate(client); };
        return options;
    }

    const std::string directory_;
    embedded::Supervisor supervisor_;
    Client client_;
};

}  // namespace footfall::store
