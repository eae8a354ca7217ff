#pragma once

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <cctz/time_zone.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "base/clock.h"
#include "base/json.h"
#include "query/query.h"
#include "store/client.h"
#include "store/embedded/store_main.h"
#include "store/migrations.h"

namespace footfall::query {

/// The store's child process on a folder of its own, with the product's tables, for the tests of this library. It is
/// forked from the test instead of being started anew, so it must be made before the test has threads.
class Engine {
public:
    Engine() {
        std::string folder = testing::TempDir() + "query_engine_XXXXXX";
        if (::mkdtemp(folder.data()) == nullptr) {
            ADD_FAILURE() << "cannot make " << folder;
            return;
        }
        folder_ = folder;
        child_ = ::fork();
        const std::string address = "unix:" + folder_ + "/store.sock";
        if (child_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::_exit(store::embedded::run_store(
                {.data_dir = folder_ + "/data",
                 .address = address,
                 .library = FOOTFALL_SOURCE_DIR "/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so",
                 .log_level = "warn"}));
        }
        client_ = std::make_unique<store::Client>(store::Endpoint{.address = address});
        wait_until_it_answers();
        if (const auto migrated = store::migrate(*client_); !migrated) ADD_FAILURE() << migrated.error().message;
    }
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    ~Engine() {
        client_.reset();
        if (child_ > 0) {
            ::kill(child_, SIGTERM);
            ::waitpid(child_, nullptr, 0);
        }
        if (!folder_.empty()) std::filesystem::remove_all(folder_);
    }

    store::Client& client() { return *client_; }
    std::string address() const { return "unix:" + folder_ + "/store.sock"; }

private:
    void wait_until_it_answers() {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (std::chrono::steady_clock::now() < deadline) {
            if (client_->ping()) return;
            if (int status = 0; ::waitpid(child_, &status, WNOHANG) == child_) {
                child_ = -1;
                ADD_FAILURE() << "the store ended with status " << status;
                return;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        ADD_FAILURE() << "the store does not answer";
    }

    std::string folder_;
    pid_t child_ = -1;
    std::unique_ptr<store::Client> client_;
};

inline constexpr std::int64_t kNow = 1'794'000'000'000;  // 2026-11-06T21:20:00Z

struct Visit {
    std::string site = "random";
    std::string type = "pageview";
    std::int64_t ms = 0;
    std::uint64_t visitor = 1;
    std::string user_id;
    std::string page = "/";
    std::string country;
    std::string browser_version;
    std::map<std::string, std::string> properties;
    bool is_bot = false;
    std::uint64_t session = 0;
    std::uint64_t event = 0;     ///< number that its event_id is made of; 0: none
    std::uint64_t of_event = 0;  ///< of a ping: that of its pageview
    double time_on_page = 0;
    double scroll_depth = 0;
    std::int64_t revenue = 0;  ///< ten-thousandths
    std::string currency{};
};

inline std::string event_id(std::uint64_t number) {
    return number == 0 ? "00000000-0000-0000-0000-000000000000"
                       : fmt::format("00000000-0000-4000-8000-{:012x}", number);
}

inline std::string utc(std::int64_t ms) {
    return cctz::format("%Y-%m-%d %H:%M:%E3S", std::chrono::system_clock::time_point(std::chrono::milliseconds(ms)),
                        cctz::utc_time_zone());
}

inline void insert(store::Client& store, const std::vector<Visit>& visits) {
    std::string block;
    std::uint64_t offset = 0;
    for (const Visit& visit : visits) {
        json::Writer json(block);
        json.begin_object();
        json.member("website_id", visit.site);
        json.member("event_type", visit.type);
        json.member("event_id", event_id(visit.event));
        json.member("pageview_id", event_id(visit.of_event));
        json.member("time_on_page", visit.time_on_page);
        json.member("scroll_depth", visit.scroll_depth);
        json.member("revenue", fmt::format("{}{}.{:04}", visit.revenue < 0 ? "-" : "", std::abs(visit.revenue) / 10'000,
                                           std::abs(visit.revenue) % 10'000));
        json.member("currency", visit.currency);
        json.member("log_offset", ++offset);
        json.member("timestamp", utc(visit.ms));
        json.member("visitor_id", visit.visitor);
        json.member("user_id", visit.user_id);
        json.member("page", visit.page);
        json.member("country", visit.country);
        json.member("browser_version", visit.browser_version);
        json.member("is_bot", visit.is_bot);
        json.member("session_key", visit.session);
        json.key("properties");
        json.begin_object();
        for (const auto& [name, value] : visit.properties) json.member(name, value);
        json.end_object();
        json.end_object();
        block += '\n';
    }
    const auto done = store.insert("INSERT INTO footfall.events FORMAT JSONEachRow", block);
    ASSERT_TRUE(done.has_value()) << done.error().message;
}

/// A row of footfall.sessions, as the session processor writes it.
struct SessionRow {
    std::string site = "random";
    std::uint64_t key = 0;
    std::uint64_t visitor = 0;
    std::int64_t started = 0;
    std::int64_t ended = 0;
    int pageviews = 0;
    int events = 0;
    int interactions = 0;
    double engaged = 0;
    std::string entry{}, exit{}, source{}, country{}, browser_version{};
    int sign = 1;
    std::uint64_t version = 1;
    bool is_bot = false;
    bool is_mixed = false;
    std::string channel{};
};

inline void insert_sessions(store::Client& store, const std::vector<SessionRow>& rows) {
    std::string block;
    for (const SessionRow& row : rows) {
        json::Writer json(block);
        json.begin_object();
        json.member("website_id", row.site);
        json.member("session_key", row.key);
        json.member("visitor_id", row.visitor);
        json.member("started_at", utc(row.started));
        json.member("ended_at", utc(row.ended));
        json.member("pageviews", std::int64_t{row.pageviews});
        json.member("events", std::int64_t{row.events});
        json.member("interactions", std::int64_t{row.interactions});
        json.member("engaged", row.engaged);
        json.member("entry_page", row.entry);
        json.member("exit_page", row.exit);
        json.member("source", row.source);
        json.member("channel", row.channel);
        json.member("country", row.country);
        json.member("browser_version", row.browser_version);
        json.member("sign", std::int64_t{row.sign});
        json.member("version", row.version);
        json.member("is_bot", row.is_bot);
        json.member("is_mixed", row.is_mixed);
        json.end_object();
        block += '\n';
    }
    const auto done = store.insert("INSERT INTO footfall.sessions FORMAT JSONEachRow", block);
    ASSERT_TRUE(done.has_value()) << done.error().message;
}

inline Visit at_now(std::string page) {
    Visit visit;
    visit.ms = kNow - 1000;
    visit.page = std::move(page);
    return visit;
}

// Copies of what simdjson returns by reference into a temporary.
inline simdjson::dom::array items(simdjson::simdjson_result<simdjson::dom::element> list) {
    simdjson::dom::array result;
    EXPECT_EQ(list.get(result), simdjson::SUCCESS);
    return result;
}

inline simdjson::dom::object members(simdjson::simdjson_result<simdjson::dom::element> object) {
    simdjson::dom::object result;
    EXPECT_EQ(object.get(result), simdjson::SUCCESS);
    return result;
}

// An answer, every cell as text.
struct Table {
    std::vector<std::string> columns;
    std::vector<std::vector<std::string>> rows;
    std::map<std::string, std::string> totals;
    std::uint64_t rows_read = 0;
};

inline std::string cell(simdjson::dom::element value) {
    return value.is_string() ? std::string(value.get_string().value()) : simdjson::minify(value);
}

inline Table table_of(simdjson::dom::element root) {
    Table table;
    for (const simdjson::dom::element row : items(root["rows"])) {
        table.rows.emplace_back();
        for (const auto value : items(simdjson::dom::element(row))) table.rows.back().push_back(cell(value));
    }
    if (root["totals"].is_null()) table.totals["none"] = "";
    else
        for (const auto field : members(root["totals"])) table.totals[std::string(field.key)] = cell(field.value);
    return table;
}

class QueryEngineTest : public testing::Test {
protected:
    static void SetUpTestSuite() { engine_ = std::make_unique<Engine>(); }
    static void TearDownTestSuite() { engine_.reset(); }

    void SetUp() override {
        for (const char* table : {"events", "sessions", "session_alias"}) {
            ASSERT_TRUE(
                engine_->client()
                    .execute({.sql = std::string("TRUNCATE TABLE footfall.") + table, .parameters = {}, .settings = {}})
                    .has_value());
        }
    }

    static store::Client& store() { return engine_->client(); }
    /// For a client of another thread.
    static std::string address() { return engine_->address(); }

    Result<std::string> answer(const std::string& request, const std::string& zone) {
        auto parsed = parse_request(request);
        if (!parsed) return parsed.error();
        Service service(store(), clock_, options_);
        return service.run(
            *parsed,
            {.id = parsed->website_id, .timezone = zone, .created_ms = 0, .currency = currency_, .goals = goals_},
            [] { return "2026-11-06T21:20:00.000Z"; });
    }

    Table ask(const std::string& request, const std::string& zone = "Europe/Berlin") {
        const auto text = answer(request, zone);
        EXPECT_TRUE(text.has_value()) << request << '\n' << (text ? "" : text.error().message);
        if (!text) return {};
        simdjson::dom::parser parser;
        simdjson::dom::element root;
        EXPECT_EQ(parser.parse(*text).get(root), simdjson::SUCCESS) << *text;
        Table table = table_of(root);
        EXPECT_EQ(root["meta"]["rows_read"].get(table.rows_read), simdjson::SUCCESS);
        for (const auto column : items(root["columns"]))
            table.columns.emplace_back(column["name"].get_string().value());
        return table;
    }

    // Today's events of the site "random" that a filter lets through.
    std::string count(const std::string& filter) {
        const Table table = ask(
            R"({"website_id": "random", "metrics": ["events"], "time_range": "today", "filters": [)" + filter + "]}");
        return table.rows.empty() ? std::string("no row") : table.rows[0][0];
    }

    ManualClock clock_{kNow};
    Service::Options options_;
    std::string currency_;                ///< of every site
    std::vector<GoalDeclaration> goals_;  ///< the same

private:
    static inline std::unique_ptr<Engine> engine_;
};

}  // namespace footfall::query
