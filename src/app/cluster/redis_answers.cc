#include "app/cluster/redis_answers.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/metrics.h"

namespace footfall::app::cluster {
namespace {

constexpr int kTimeoutMs = 50;
constexpr std::int64_t kHoursOfDay = 24;
constexpr std::int64_t kDayMs = 86'400'000;
/// Of a longer time nobody asks for each day; such answers stay with the node that computed them.
constexpr std::int64_t kDaysMax = 800;
constexpr std::size_t kAnswerBytesMax = 256 * 1024;
constexpr const char* kAnswerSeconds = "300";
/// Days without rows are forgotten; so is then what was computed before they came.
constexpr const char* kTouchedSeconds = "3600";

struct Metrics {
    metrics::Counter& hits =
        metrics::counter("footfall_query_shared_total", "Questions to the answers in Redis.", "result=\"hit\"");
    metrics::Counter& misses =
        metrics::counter("footfall_query_shared_total", "Questions to the answers in Redis.", "result=\"miss\"");
    metrics::Counter& unavailable =
        metrics::counter("footfall_query_shared_total", "Questions to the answers in Redis.", "result=\"unavailable\"");
};
Metrics& counters() {
    static Metrics instance;
    return instance;
}

}  // namespace

std::optional<std::string> RedisAnswers::place_of(std::string_view key, std::string_view site_id, std::int64_t from_ms,
                                                  std::int64_t to_ms) {
    const auto state = state_();
    const std::int64_t first = from_ms / kDayMs;
    const std::int64_t last = std::max(first, (to_ms - 1) / kDayMs);
    if (!state || last - first >= kDaysMax) return std::nullopt;
    store::redis::Command asked = {"HMGET", days_of(site_id)};
    for (std::int64_t day = first; day <= last; ++day) asked.push_back(std::to_string(day));
    const auto reply = client_.run(asked, kTimeoutMs);
    if (!reply) {
        counters().unavailable.add();
        return std::nullopt;
    }
    std::string text(key);
    text += '\0';
    text += *state;
    for (const store::redis::Reply& day : reply->elements) text.append("\0", 1).append(day.text.value_or(""));
    const auto hash = sha256(text);
    return prefix_ + "answer:" + to_hex({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

std::optional<std::string> RedisAnswers::get(const std::string& place) {
    auto reply = client_.run({"GET", place}, kTimeoutMs);
    if (!reply) {
        counters().unavailable.add();
        return std::nullopt;
    }
    (reply->text ? counters().hits : counters().misses).add();
    return std::move(reply->text);
}

void RedisAnswers::put(const std::string& place, std::string_view answer) {
    if (answer.size() > kAnswerBytesMax) return;
    (void)client_.run({"SET", place, std::string(answer), "EX", kAnswerSeconds}, kTimeoutMs).has_value();
}

void RedisAnswers::touch(const std::map<std::string, std::set<std::int64_t>, std::less<>>& hours) {
    std::vector<store::redis::Command> commands;
    const std::string now = std::to_string(clock_.wall_ms());
    for (const auto& [site_id, touched] : hours) {
        store::redis::Command command = {"HSET", days_of(site_id)};
        std::int64_t day = -1;
        for (const std::int64_t hour : touched) {
            if (hour / kHoursOfDay == day) continue;
            day = hour / kHoursOfDay;
            command.push_back(std::to_string(day));
            command.push_back(now);
        }
        commands.push_back(std::move(command));
        commands.push_back({"EXPIRE", days_of(site_id), kTouchedSeconds});
    }
    // Where it is lost answers of before may be found for five minutes more.
    if (!commands.empty()) (void)client_.run_all(commands, 4 * kTimeoutMs).has_value();
}

}  // namespace footfall::app::cluster
