// The committer and its index against a model that is a list and a map: random bodies whose ids repeat, in one body,
// while the first is pending, and days later; refused appends; restarts, orderly and by death.
#include <cstdlib>
#include <iostream>
#include <random>

#include <gtest/gtest.h>

#include "ingest/committer_fixture.h"

namespace footfall::ingest {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kDay = 86'400'000;

/// What the log must hold, in order, and which ids are taken.
class Model {
public:
    /// Events of `body` that are new, in order; they are taken at once.
    std::uint64_t take(const std::vector<Sent>& body, std::int64_t receive_ms) {
        std::uint64_t duplicates = 0;
        for (const Sent& sent : body) {
            if (sent.has_client_id) {
                const auto [first, added] = first_ms_.try_emplace({sent.site, sent.id.bytes}, receive_ms);
                if (!added && receive_ms - first->second <= 7 * kDay) {
                    ++duplicates;
                    continue;
                }
                again_ += added ? 0 : 1;
                first->second = receive_ms;
            }
            pages_.push_back(sent.page);
        }
        return duplicates;
    }
    const std::vector<std::string>& pages() const { return pages_; }
    std::size_t again() const { return again_; }

private:
    std::map<std::pair<std::string, std::array<unsigned char, 16>>, std::int64_t> first_ms_;
    std::vector<std::string> pages_;
    std::size_t again_ = 0;  ///< ids whose seven days had passed
};

class RandomBodies {
public:
    explicit RandomBodies(std::mt19937_64& random) : random_(random) {}

    std::vector<Sent> make(std::int64_t now_ms) {
        std::vector<Sent> body(1 + random_() % 6);
        for (Sent& sent : body) {
            sent = {.site = random_() % 3 == 0 ? "b" : "a", .id = {}, .page = std::to_string(number_++)};
            const auto kind = random_() % 10;
            if (kind < 5 && !ids_.empty()) {
                const std::size_t back = random_() % (kind < 4 ? std::min<std::size_t>(ids_.size(), 12) : ids_.size());
                sent.id = ids_[ids_.size() - 1 - back];
                continue;
            }
            sent.id = id_of(static_cast<unsigned>(random_()));
            if (kind < 8) {  // version 7, of now
                for (int i = 0; i < 6; ++i) sent.id.bytes[i] = static_cast<unsigned char>(now_ms >> (8 * (5 - i)));
                sent.id.bytes[6] = 0x70;
            }
            sent.has_client_id = kind != 9;
            if (sent.has_client_id) ids_.push_back(sent.id);
        }
        return body;
    }

private:
    std::mt19937_64& random_;
    std::vector<Uuid> ids_;
    unsigned number_ = 0;
};

/// What a killed process would leave: the files as they are, not as an orderly end would make them. The committer is
/// idle and the index has settled; only the log's preparation of its next segment may still be on its way.
void copy_as_death_leaves_it(const std::string& from, const std::string& to) {
    fs::create_directories(to);
    for (const auto& entry : fs::recursive_directory_iterator(from)) {
        const fs::path target = to / fs::relative(entry.path(), from);
        std::error_code gone;
        if (entry.is_directory()) fs::create_directories(target);
        else if (entry.path().filename().string().find("lock") == std::string::npos)
            fs::copy_file(entry.path(), target, gone);
    }
}

TEST(CommitterPropertyTest, R11AgreesWithAModelOverRandomBodiesFailuresAndRestarts) {
    const char* given = std::getenv("FAULT_SEED");
    const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    std::cout << "FAULT_SEED=" << seed << "\n";
    std::mt19937_64 random(seed);
    const TestFolder folder;
    int life = 0;
    const auto path = [&] { return folder / ("life" + std::to_string(life)); };
    // Small runs, few of them resident: ids come from the table, from runs in memory and from the disk.
    const DedupOptions small{.directory = {}, .memory_max = 4096, .flush_ids = 64};
    auto ingestion = std::make_unique<Ingestion>(path(), CommitterOptions{.group_bytes_max = 4'000}, small);
    ASSERT_TRUE(ingestion->open());

    struct Waiting {
        std::vector<Sent> body;
        std::int64_t receive_ms;
        Answer answer;
    };
    std::vector<Waiting> waiting;
    Model model;
    RandomBodies bodies(random);
    std::size_t duplicates = 0, refused = 0, restarts = 0;
    const auto settle = [&] {
        for (Waiting& one : waiting) {
            const auto told = wait(one.answer);
            if (!told) {
                // Nothing of it is in the log, so its ids are as free as before.
                EXPECT_EQ(told.error().code, Code::kOverloaded) << told.error().message;
                ++refused;
                continue;
            }
            EXPECT_EQ(*told, model.take(one.body, one.receive_ms));
            duplicates += *told;
        }
        waiting.clear();
    };

    for (int step = 0; step < 1500 && !HasFailure(); ++step) {
        SCOPED_TRACE("step " + std::to_string(step));
        // No two instants are seven days and less than a second apart, where the index may answer either.
        if (random() % 4 == 0) ingestion->clock.advance_ms(421'000 * static_cast<std::int64_t>(random() % 40));
        waiting.push_back({bodies.make(ingestion->clock.wall_ms()), ingestion->clock.wall_ms(), {}});
        waiting.back().answer = ingestion->submit(waiting.back().body);
        if (random() % 40 == 0) ingestion->log->refuse_next(Error(Code::kOverloaded, "no space left"));
        if (random() % 5 == 0 || waiting.size() > 30) settle();
        if (random() % 50 != 0) continue;
        settle();
        ingestion->committer->stop();
        ++restarts;
        const std::int64_t now_ms = ingestion->clock.wall_ms();
        if (restarts % 2 == 0) {
            ASSERT_TRUE(ingestion->dedup->settle(30'000));
            const std::string before = path();
            ++life;
            copy_as_death_leaves_it(before, path());
            ingestion.reset();
            fs::remove_all(before);
            ingestion = std::make_unique<Ingestion>(path(), CommitterOptions{.group_bytes_max = 4'000}, small);
        } else {
            ingestion->close();
        }
        ingestion->clock.set_wall_ms(now_ms);
        ASSERT_TRUE(ingestion->open());
        ASSERT_EQ(ingestion->stored().pages, model.pages());
    }
    settle();
    ingestion->committer->stop();
    EXPECT_EQ(ingestion->stored().pages, model.pages());
    EXPECT_GT(duplicates, 1000u) << "the test did too little";
    EXPECT_GT(refused, 10u);
    EXPECT_GT(restarts, 10u);
    EXPECT_GT(model.again(), 20u);
}

}  // namespace
}  // namespace footfall::ingest
