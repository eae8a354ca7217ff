#include "query/answer_cache.h"

#include <atomic>
#include <functional>
#include <optional>
#include <random>
#include <stop_token>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/metrics.h"
#include "query/refusals.h"

namespace footfall::query {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;

/// Tables of which only the number of each site's events by hour is known, and a loader that fills them.
class Tables {
public:
    DataState state() const { return {.loaded = loaded, .changes = changes, .is_steady = is_steady}; }
    AnswerCache::Kept count(const AnswerCache::Scope& scope) {
        ++asked;
        std::uint64_t sum = 0;
        for (const auto& [place, count] : events)
            if (place.first == scope.site_id && place.second >= scope.from_ms / kHourMs &&
                place.second * kHourMs < scope.to_ms)
                sum += count;
        return {.answer = {.columns = {}, .rows = {{sum}}}, .source = "events"};
    }
    /// As the loader: it tells, it writes, and then it says how far it is.
    void add(AnswerCache& cache, const std::string& site, std::int64_t hour,
             const std::function<void()>& before_written = {}) {
        cache.touch({{site, {hour}}}, loaded + 1);
        if (before_written) before_written();
        ++events[{site, hour}];
        ++loaded;
    }

    std::atomic<std::uint64_t> loaded = 0;
    std::atomic<std::uint64_t> changes = 0;
    std::atomic<bool> is_steady = true;
    std::map<std::pair<std::string, std::int64_t>, std::uint64_t> events;
    std::uint64_t asked = 0;
};

class AnswerCacheTest : public testing::Test {
protected:
    static std::int64_t now_ns() {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
            .count();
    }
    static AnswerCache::Scope hours(const std::string& site, std::int64_t first, std::int64_t last) {
        return {.site_id = site, .from_ms = first * kHourMs, .to_ms = (last + 1) * kHourMs};
    }
    static std::string key(const AnswerCache::Scope& scope) {
        return scope.site_id + std::to_string(scope.from_ms) + "-" + std::to_string(scope.to_ms);
    }
    AnswerCache::Found ask(const AnswerCache::Scope& scope) {
        auto found =
            cache_.get(key(scope), scope, {.deadline_ns = now_ns() + 10'000'000'000},
                       [&](const std::stop_token&) -> Result<AnswerCache::Kept> { return tables_.count(scope); });
        EXPECT_TRUE(found.has_value());
        return *found;
    }
    static std::uint64_t count_of(const AnswerCache::Found& found) {
        return std::get<std::uint64_t>(found.kept->answer.rows.at(0).at(0));
    }

    Tables tables_;
    AnswerCache cache_{{.bytes_max = 1'000'000, .state = [this] { return tables_.state(); }}};
};

TEST_F(AnswerCacheTest, AnAnswerIsKeptUntilItsHoursAreTouched) {
    const auto scope = hours("a", 10, 20);
    tables_.add(cache_, "a", 12);
    EXPECT_FALSE(ask(scope).is_cached);
    EXPECT_TRUE(ask(scope).is_cached);
    for (const auto& [site, hour] : std::vector<std::pair<std::string, int>>{{"b", 12}, {"a", 9}, {"a", 21}})
        tables_.add(cache_, site, hour);
    EXPECT_TRUE(ask(scope).is_cached);
    tables_.add(cache_, "a", 20);
    const auto found = ask(scope);
    EXPECT_FALSE(found.is_cached);
    EXPECT_EQ(count_of(found), 2U);
}

TEST_F(AnswerCacheTest, WhatIsReadBesideABatchThatIsNotWrittenIsNotKept) {
    const auto scope = hours("a", 0, 5);
    tables_.add(cache_, "a", 3, [&] { EXPECT_EQ(count_of(ask(scope)), 0U); });
    const auto found = ask(scope);
    EXPECT_FALSE(found.is_cached);
    EXPECT_EQ(count_of(found), 1U);
    EXPECT_TRUE(ask(scope).is_cached);
}

TEST_F(AnswerCacheTest, WhatIsTouchedWhileItIsReadIsNotKept) {
    const auto scope = hours("a", 0, 5);
    const auto found = cache_.get(key(scope), scope, {.deadline_ns = now_ns() + 1'000'000'000},
                                  [&](const std::stop_token&) -> Result<AnswerCache::Kept> {
                                      auto read = tables_.count(scope);
                                      tables_.add(cache_, "a", 3);
                                      return read;
                                  });
    EXPECT_EQ(count_of(*found), 0U);
    EXPECT_EQ(count_of(ask(scope)), 1U);
}

TEST_F(AnswerCacheTest, NothingOutlivesAChangeOfRows) {
    const auto scope = hours("a", 0, 5);
    tables_.add(cache_, "a", 3);
    ask(scope);
    ++tables_.changes;
    tables_.is_steady = false;
    tables_.events.clear();
    EXPECT_EQ(count_of(ask(scope)), 0U);
    EXPECT_FALSE(ask(scope).is_cached) << "kept while rows are being changed";
    tables_.is_steady = true;
    EXPECT_FALSE(ask(scope).is_cached);
    EXPECT_TRUE(ask(scope).is_cached);
    cache_.clear();
    EXPECT_FALSE(ask(scope).is_cached);
}

TEST_F(AnswerCacheTest, WhatWasAskedForLeastLatelyGoesFirst) {
    AnswerCache small({.bytes_max = 8'000, .state = [this] { return tables_.state(); }});
    const auto ask_small = [&](int hour) {
        const auto scope = hours("a", hour, hour);
        return small
            .get(key(scope), scope, {.deadline_ns = now_ns() + 1'000'000'000},
                 [&](const std::stop_token&) -> Result<AnswerCache::Kept> { return tables_.count(scope); })
            ->is_cached;
    };
    for (int hour = 0; hour < 20; ++hour) {
        ask_small(hour);
        EXPECT_TRUE(ask_small(0)) << hour;
    }
    EXPECT_FALSE(ask_small(1));
    EXPECT_TRUE(ask_small(19));
}

TEST_F(AnswerCacheTest, AnAnswerThatIsTooLargeIsGivenAndNotKept) {
    AnswerCache small({.bytes_max = 8'000, .state = [this] { return tables_.state(); }});
    for (int i = 0; i < 2; ++i) {
        const auto found = small.get(
            "large", hours("a", 0, 1), {.deadline_ns = now_ns() + 1'000'000'000},
            [&](const std::stop_token&) -> Result<AnswerCache::Kept> {
                return AnswerCache::Kept{.answer = {.columns = {}, .rows = {{std::string(10'000, 'x')}}}, .source = {}};
            });
        EXPECT_FALSE(found->is_cached);
    }
}

TEST_F(AnswerCacheTest, EqualQuestionsAtOneTimeAreAskedOnce) {
    const auto scope = hours("a", 0, 5);
    std::atomic<int> computed = 0;
    std::atomic<bool> may_end = false;
    const auto ask_slowly = [&] {
        const auto found = cache_.get(key(scope), scope, {.deadline_ns = now_ns() + 10'000'000'000},
                                      [&](const std::stop_token&) -> Result<AnswerCache::Kept> {
                                          ++computed;
                                          may_end.wait(false);
                                          return AnswerCache::Kept{
                                              .answer = {.columns = {}, .rows = {{std::uint64_t{7}}}}, .source = {}};
                                      });
        ASSERT_TRUE(found.has_value());
        EXPECT_EQ(count_of(*found), 7U);
    };
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i) threads.emplace_back(ask_slowly);
    while (computed == 0) std::this_thread::yield();
    // Who waits gives up by its own deadline.
    const auto late = cache_.get(key(scope), scope, {.deadline_ns = now_ns() + 1'000'000},
                                 [&](const std::stop_token&) -> Result<AnswerCache::Kept> {
                                     ADD_FAILURE() << "computed beside the one under way";
                                     return Error(Code::kInternal, "");
                                 });
    ASSERT_FALSE(late.has_value());
    EXPECT_EQ(late.error().code, Code::kTimeout);
    may_end = true;
    may_end.notify_all();
    threads.clear();
    EXPECT_EQ(computed, 1);
}

TEST_F(AnswerCacheTest, AComputationGoesOnAsLongAsAnybodyWaitsForIt) {
    const auto scope = hours("a", 0, 5);
    const std::int64_t deadline_ns = now_ns() + 20'000'000'000;
    const auto eventually = [&](const std::function<bool()>& condition) {
        while (!condition() && now_ns() < deadline_ns) std::this_thread::yield();
        return condition();
    };
    const auto& waiting = metrics::gauge("footfall_query_cache_waiting", "");
    std::atomic<int> computed = 0;
    std::atomic<bool> may_end = false;
    std::stop_token of_all;
    const auto compute = [&](const std::stop_token& stop) -> Result<AnswerCache::Kept> {
        of_all = stop;
        ++computed;
        eventually([&] { return may_end || stop.stop_requested(); });
        if (stop.stop_requested()) return Error(Code::kUnavailable, "stopped");
        return AnswerCache::Kept{.answer = {.columns = {}, .rows = {{std::uint64_t{7}}}}, .source = {}};
    };
    struct Asker {
        std::stop_source stop;
        std::optional<Result<AnswerCache::Found>> found;
        std::jthread thread;
    };
    const auto ask = [&](Asker& asker) {
        asker.thread = std::jthread([&] {
            asker.found =
                cache_.get(key(scope), scope, {.deadline_ns = deadline_ns, .stop = asker.stop.get_token()}, compute);
        });
    };
    Asker first;
    Asker second;
    Asker third;
    ask(first);
    ASSERT_TRUE(eventually([&] { return computed == 1; }));
    ask(second);
    ask(third);
    ASSERT_TRUE(eventually([&] { return waiting.value() == 2; }));
    // Who computes goes, and one of those who wait: that one at once.
    first.stop.request_stop();
    third.stop.request_stop();
    third.thread.join();
    ASSERT_FALSE(third.found->has_value());
    EXPECT_EQ(third.found->error().name, kClientGone);
    EXPECT_FALSE(of_all.stop_requested()) << "one waits for it still";
    may_end = true;
    second.thread.join();
    first.thread.join();
    ASSERT_TRUE(second.found->has_value());
    EXPECT_EQ(count_of(**second.found), 7U);
    EXPECT_EQ(computed, 1);

    // With the last one it ends, and who asks afterwards has it made anew.
    cache_.clear();
    may_end = false;
    Asker fourth;
    Asker fifth;
    ask(fourth);
    ASSERT_TRUE(eventually([&] { return computed == 2; }));
    ask(fifth);
    ASSERT_TRUE(eventually([&] { return waiting.value() == 1; }));
    fifth.stop.request_stop();
    fifth.thread.join();
    EXPECT_FALSE(of_all.stop_requested());
    fourth.stop.request_stop();
    fourth.thread.join();
    EXPECT_TRUE(of_all.stop_requested());
    EXPECT_EQ(fourth.found->error().message, "stopped");
    may_end = true;
    Asker sixth;
    ask(sixth);
    sixth.thread.join();
    ASSERT_TRUE(sixth.found->has_value());
    EXPECT_FALSE((*sixth.found)->is_cached);
    EXPECT_EQ(computed, 3);
}

TEST_F(AnswerCacheTest, AFailureIsOfWhoComputedAloneAndIsNotKept) {
    const auto scope = hours("a", 0, 5);
    const auto failed = cache_.get(
        key(scope), scope, {.deadline_ns = now_ns() + 1'000'000'000},
        [&](const std::stop_token&) -> Result<AnswerCache::Kept> { return Error(Code::kUnavailable, "gone"); });
    ASSERT_FALSE(failed.has_value());
    EXPECT_EQ(failed.error().message, "gone");
    EXPECT_FALSE(ask(scope).is_cached);
    EXPECT_TRUE(ask(scope).is_cached);
}

/// Whatever order questions, batches and changes come in: an answer never lacks what was written before it was asked
/// for.
TEST_F(AnswerCacheTest, NoAnswerIsEverStale) {
    std::random_device device;
    const unsigned seed = device();
    SCOPED_TRACE(seed);
    std::mt19937 dice(seed);
    const auto roll = [&](int sides) { return std::uniform_int_distribution<int>(0, sides - 1)(dice); };
    const auto any_scope = [&] {
        const int first = roll(6);
        return hours(roll(2) == 0 ? "a" : "b", first, first + roll(3));
    };
    std::uint64_t cached = 0;
    const auto check = [&] {
        const auto scope = any_scope();
        const auto found = ask(scope);
        const std::uint64_t asked = tables_.asked;
        EXPECT_EQ(count_of(found), std::get<std::uint64_t>(tables_.count(scope).answer.rows[0][0]));
        tables_.asked = asked;
        cached += found.is_cached ? 1 : 0;
    };
    for (int i = 0; i < 20'000; ++i) {
        switch (roll(12)) {
            case 0:
                tables_.add(cache_, roll(2) == 0 ? "a" : "b", roll(8), [&] {
                    if (roll(2) == 0) check();
                });
                break;
            case 1:
                if (roll(20) != 0) break;
                ++tables_.changes;
                tables_.is_steady = false;
                if (!tables_.events.empty()) tables_.events.erase(tables_.events.begin());
                check();
                tables_.is_steady = true;
                break;
            default: check();
        }
    }
    EXPECT_GT(cached, 2'000U) << "hardly anything was kept: the test proves little";
}

}  // namespace
}  // namespace footfall::query
