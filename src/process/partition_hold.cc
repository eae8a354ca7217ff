#include "process/partition_hold.h"

#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/logging.h"
#include "base/repeating_thread.h"
#include "process/sql.h"

namespace footfall::process {
namespace {

constexpr int kTimeoutMs = 10'000;
constexpr int kAskEveryMs = 50;
/// Of the half minute that progress-hold.sql asks for.
constexpr int kRenewEveryMs = 5'000;

struct Held {
    std::string token;
    std::uint64_t offset = 0;
    std::uint64_t claim = 0;
    std::uint64_t step = 0;  ///< another one where it has written since, if only that it stands still again
};

Result<Held> ask(store::Client& store, std::uint16_t partition) {
    TRY(const store::Answer answer, store.query({.sql = std::string(sql::text("progress-held.sql")),
                                                 .parameters = {{"partition", std::to_string(partition)}},
                                                 .settings = {{"priority", "1"}},
                                                 .timeout_ms = kTimeoutMs}));
    if (answer.rows.empty()) return Held{};
    const auto& row = answer.rows.front();
    return Held{.token = std::get<std::string>(row.at(0)),
                .offset = std::get<std::uint64_t>(row.at(1)),
                .claim = std::get<std::uint64_t>(row.at(2)),
                .step = std::get<std::uint64_t>(row.at(3))};
}

Status say(store::Client& store, std::uint16_t partition, const std::string& token, const char* statement) {
    return store.execute({.sql = std::string(sql::text(statement)),
                          .parameters = {{"partition", std::to_string(partition)}, {"token", token}},
                          .settings = {{"priority", "1"}},
                          .timeout_ms = kTimeoutMs});
}

/// Keeps up what was asked for, and ends it.
struct Release {
    store::Client& store;
    const std::uint16_t partition;
    const std::string token;
    RepeatingThread renewing{};

    void renew() {
        renewing.start("hold", kRenewEveryMs, [this] {
            // Where it goes on failing the loader goes on, which is_intact tells.
            if (const Status renewed = say(store, partition, token, "progress-hold.sql"); !renewed)
                logging::warn("loader.hold_not_renewed",
                              {{"partition", partition}, {"error", renewed.error().message}});
            return std::int64_t{kRenewEveryMs};
        });
    }
    ~Release() {
        renewing.stop();
        if (const Status released = say(store, partition, token, "progress-release.sql"); !released)
            logging::warn("loader.not_released", {{"partition", partition}, {"error", released.error().message}});
    }
};

}  // namespace

Result<TablesHeld> hold_partition(store::Client& store, std::uint16_t partition, int timeout_ms) {
    const std::string token = random_token(16);
    TRY_STATUS(say(store, partition, token, "progress-hold.sql"));
    auto release = std::make_shared<Release>(store, partition, token);
    release->renew();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    for (;;) {
        TRY(const Held held, ask(store, partition));
        if (held.token == token)
            return TablesHeld{.position = {.partition = partition, .offset = held.offset},
                              .is_intact =
                                  [&store, partition, held] {
                                      const auto now = ask(store, partition);
                                      return now && now->token == held.token && now->claim == held.claim &&
                                             now->step == held.step;
                                  },
                              .hold = std::move(release)};
        if (std::chrono::steady_clock::now() >= deadline)
            return Error(Code::kTimeout,
                         fmt::format("the loader of partition {} does not come to stand still; is there "
                                     "one? 'footfall doctor' says what runs",
                                     partition));
        std::this_thread::sleep_for(std::chrono::milliseconds(kAskEveryMs));
    }
}

Status wait_partition_loaded(store::Client& store, log::Position position, int timeout_ms) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    for (;;) {
        TRY(const Held held, ask(store, position.partition));
        if (held.offset >= position.offset) return {};
        if (std::chrono::steady_clock::now() >= deadline)
            return Error(Code::kTimeout,
                         fmt::format("the store holds partition {} up to {} of {}: is there a load role?",
                                     position.partition, held.offset, position.offset));
        std::this_thread::sleep_for(std::chrono::milliseconds(kAskEveryMs));
    }
}

}  // namespace footfall::process
