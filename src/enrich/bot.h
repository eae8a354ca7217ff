#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace footfall::enrich {

/// The reason of programs that send requests for somebody, as curl.
inline constexpr std::string_view kHttpLibrary = "ua:http-library";

/// Tells programs from people by their user agent. Order: our own list (schema/enrich/bots.json: headless browsers,
/// HTTP libraries), then crawler-user-agents, then uap-core's Spider family. Our list also names people whom the other
/// two lists mistake. Immutable, thread-safe.
class BotRules {
public:
    /// `crawlers_path`: crawler-user-agents.json; empty: our own list only. `own_list`: text of bots.json.
    static Result<BotRules> load(std::string_view own_list, const std::string& crawlers_path);
    ~BotRules();
    BotRules(BotRules&&) noexcept;
    BotRules& operator=(BotRules&&) noexcept;

    /// The reason, a text that lives as long as the rules: "ua:headless", kHttpLibrary, "ua:crawler-list",
    /// "ua:spider"; empty for people. An empty user agent is not judged here. `is_spider`: uap-core says so.
    std::string_view judge(std::string_view user_agent, bool is_spider) const;

    std::string_view own_version() const;
    /// Patterns of our own list, and of the other.
    std::size_t own() const;
    std::size_t crawlers() const;
    /// Patterns that RE2 does not know; they never match.
    std::size_t skipped() const;

private:
    struct State;
    explicit BotRules(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace footfall::enrich
