#include "enrich/bot.h"

#include <simdjson.h>

#include <vector>

#include "enrich/pattern_list.h"

namespace footfall::enrich {

struct BotRules::State {
    std::string own_version;
    std::vector<std::string> reasons;  // by pattern of `own`; empty: a person
    PatternList own{{}};
    PatternList listed{{}};
    std::size_t listed_count = 0;
};

namespace {

void read_own_list(std::string_view text, std::string& version, std::vector<Pattern>& patterns,
                   std::vector<std::string>& reasons) {
    simdjson::dom::parser parser;
    const simdjson::dom::element list = parser.parse(text.data(), text.size());
    version = std::string_view(list["version"]);
    for (const simdjson::dom::element rule : list["rules"]) {
        const std::string_view reason = rule["reason"];
        for (const std::string_view pattern : rule["patterns"]) {
            patterns.push_back({std::string(pattern)});
            reasons.emplace_back(reason);
        }
    }
}

std::vector<Pattern> read_crawlers(const std::string& path) {
    simdjson::dom::parser parser;
    std::vector<Pattern> patterns;
    for (const simdjson::dom::element crawler : simdjson::dom::array(parser.load(path))) {
        const std::string_view pattern = crawler["pattern"];
        patterns.push_back({std::string(pattern)});
    }
    return patterns;
}

}  // namespace

BotRules::BotRules(std::unique_ptr<State> state) : state_(std::move(state)) {}
BotRules::~BotRules() = default;
BotRules::BotRules(BotRules&&) noexcept = default;
BotRules& BotRules::operator=(BotRules&&) noexcept = default;

Result<BotRules> BotRules::load(std::string_view own_list, const std::string& crawlers_path) {
    auto state = std::make_unique<State>();
    try {
        std::vector<Pattern> patterns;
        read_own_list(own_list, state->own_version, patterns, state->reasons);
        state->own = PatternList(patterns);
    } catch (const simdjson::simdjson_error& e) {
        return Error(Code::kCorrupt, std::string("bots.json: ") + e.what());
    }
    if (!crawlers_path.empty()) {
        try {
            const std::vector<Pattern> patterns = read_crawlers(crawlers_path);
            state->listed_count = patterns.size();
            state->listed = PatternList(patterns);
        } catch (const simdjson::simdjson_error& e) {
            return Error(e.error() == simdjson::IO_ERROR ? Code::kIo : Code::kCorrupt, crawlers_path + ": " + e.what());
        }
    }
    return BotRules(std::move(state));
}

std::string_view BotRules::judge(std::string_view user_agent, bool is_spider) const {
    if (const auto match = state_->own.first(user_agent)) return state_->reasons[match->index];
    if (state_->listed.first(user_agent)) return "ua:crawler-list";
    return is_spider ? "ua:spider" : std::string_view();
}

std::string_view BotRules::own_version() const { return state_->own_version; }
std::size_t BotRules::own() const { return state_->reasons.size(); }
std::size_t BotRules::crawlers() const { return state_->listed_count; }
std::size_t BotRules::skipped() const { return state_->own.skipped() + state_->listed.skipped(); }

}  // namespace footfall::enrich
