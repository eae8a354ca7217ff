#include "app/commands.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>

#include <fmt/format.h>

#include "app/annotation_commands.h"
#include "app/bots_commands.h"
#include "app/erase_commands.h"
#include "app/goal_commands.h"
#include "app/rebuild_commands.h"
#include "app/segment_commands.h"
#include "app/settings.h"
#include "app/table.h"
#include "base/json.h"
#include "base/nearest.h"
#include "event/rejection.h"
#include "http/address.h"

namespace footfall::app {
namespace {

enum Trait : unsigned {
    kReadsInput = 1,
    kNeedsInstallation = 2,  ///< is of something that is there already
    kTakesLong = 4,          ///< minutes, where there is much
    kOnlyLooks = 8,          ///< also where nothing is there
    kInOwnProcess = 16,      ///< has no `run`
    kGivesPages = 32,
};

struct Command {
    std::string_view words;  // "site add"
    std::string_view usage;
    std::string_view help;
    std::span<const Flag> flags;
    std::size_t positional;
    CommandResult (*run)(Installation&, const Args&, const std::string& input);
    std::size_t optional = 0;  // further positional ones
    unsigned traits = 0;
    std::string_view last_choices = {};  // what the last positional one may be, separated by '|'; empty: anything

    bool has(Trait trait) const { return (traits & trait) != 0; }
};

std::string json_object(std::initializer_list<std::pair<std::string_view, Cell>> members) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    for (const auto& [name, value] : members) write_member(writer, name, value);
    writer.end_object();
    return out + "\n";
}

std::string site_json(const catalog::Site& site) {
    return json_object({{"id", site.id},
                        {"name", site.name},
                        {"domain", site.domain},
                        {"timezone", site.timezone},
                        {"session_timeout_minutes", static_cast<std::uint64_t>(site.counting.session_timeout)},
                        {"currency", site.counting.currency},
                        {"retention_months", static_cast<std::uint64_t>(site.retention.months)},
                        {"cookieless", site.privacy.cookieless},
                        {"ip_policy", std::string(catalog::ip_policy_name(site.privacy.ip_policy))},
                        {"opt_out", std::string(catalog::opt_out_policy_name(site.privacy.opt_out))},
                        {"consent", std::string(catalog::consent_policy_name(site.privacy.consent))}});
}

constexpr const char* kSessionTimeout = "--session-timeout-minutes";

constexpr const char* kRetention = "--retention-months";

/// What the flag says; nothing where it is not there.
Result<std::optional<int>> number_of(const Args& args, const char* flag, int least, int most) {
    if (!args.has(flag)) return std::optional<int>();
    const std::string text = args.get(flag);
    int number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size() || number < least || number > most)
        return Error(Code::kInvalidArgument, fmt::format("{} must be a whole number from {} to {}", flag, least, most),
                     flag);
    return std::optional(number);
}
Result<std::optional<int>> session_timeout_of(const Args& args) {
    return number_of(args, kSessionTimeout, catalog::kSessionTimeoutMin, catalog::kSessionTimeoutMax);
}
Result<std::optional<int>> retention_of(const Args& args) {
    return number_of(args, kRetention, 0, catalog::kRetentionMonthsMax);
}

Result<catalog::SiteChange> site_change(const Args& args) {
    const auto text = [&](std::string_view flag) {
        return args.has(flag) ? std::optional(args.get(flag)) : std::nullopt;
    };
    catalog::SiteChange change;
    change.name = text("--name");
    change.domain = text("--domain");
    change.timezone = text("--timezone");
    if (args.has("--cookieless")) change.cookieless = args.get("--cookieless") == "on";
    if (args.has("--ip-policy")) change.ip_policy = catalog::parse_ip_policy(args.get("--ip-policy"));
    if (args.has("--opt-out")) change.opt_out = catalog::parse_opt_out_policy(args.get("--opt-out"));
    if (args.has("--consent")) change.consent = catalog::parse_consent_policy(args.get("--consent"));
    TRY(change.session_timeout, session_timeout_of(args));
    change.currency = text("--currency");
    TRY(change.retention_months, retention_of(args));
    return change;
}

CommandResult site_add(Installation& installation, const Args& args, const std::string&) {
    catalog::Privacy privacy{.cookieless = args.has("--cookieless")};
    if (args.has("--ip-policy")) privacy.ip_policy = *catalog::parse_ip_policy(args.get("--ip-policy"));
    if (args.has("--opt-out")) privacy.opt_out = *catalog::parse_opt_out_policy(args.get("--opt-out"));
    if (args.has("--consent")) privacy.consent = *catalog::parse_consent_policy(args.get("--consent"));
    const auto timeout = session_timeout_of(args);
    if (!timeout) return failed(timeout.error());
    const auto retention = retention_of(args);
    if (!retention) return failed(retention.error());
    const auto site = installation.catalog().add_site(
        args.positional[0], args.get("--domain"), args.get("--timezone", "UTC"), args.get("--id"), privacy,
        {.session_timeout = timeout->value_or(catalog::kSessionTimeoutDefault), .currency = args.get("--currency")},
        retention->value_or(catalog::kRetentionMonthsDefault));
    if (!site) return failed(site.error());
    if (args.has("--json")) return {0, site_json(*site), ""};
    return {0, fmt::format("added site {} ({}); its tracking_id is {}\n", site->name, site->domain, site->id), ""};
}

CommandResult site_set(Installation& installation, const Args& args, const std::string&) {
    const auto change = site_change(args);
    if (!change) return failed(change.error());
    const auto site = installation.catalog().change_site(args.positional[0], *change);
    if (!site) return failed(site.error());
    if (args.has("--json")) return {0, site_json(*site), ""};
    return {
        0,
        fmt::format("site {}: {}, {}, {}, sessions end after {} min, revenue in {}, events are kept {}, cookieless {}, "
                    "addresses are {}, opt-out {}, consent {}\n",
                    site->id, site->name, site->domain, site->timezone, site->counting.session_timeout,
                    site->counting.currency.empty() ? "the first event's currency" : site->counting.currency,
                    site->retention.months == 0 ? "for ever" : fmt::format("for {} months", site->retention.months),
                    cell_text(site->privacy.cookieless),
                    site->privacy.ip_policy == catalog::IpPolicy::kDrop ? "dropped" : "truncated",
                    catalog::opt_out_policy_name(site->privacy.opt_out),
                    catalog::consent_policy_name(site->privacy.consent)),
        ""};
}

CommandResult site_list(Installation& installation, const Args& args, const std::string&) {
    const auto sites = installation.catalog().sites();
    if (!sites) return failed(sites.error());
    Table table({"id", "name", "domain", "timezone", "session_timeout_minutes", "currency", "retention_months",
                 "cookieless", "ip_policy", "opt_out", "consent"});
    for (const auto& site : *sites)
        table.row({site.id, site.name, site.domain, site.timezone,
                   static_cast<std::uint64_t>(site.counting.session_timeout), site.counting.currency,
                   static_cast<std::uint64_t>(site.retention.months), site.privacy.cookieless,
                   std::string(catalog::ip_policy_name(site.privacy.ip_policy)),
                   std::string(catalog::opt_out_policy_name(site.privacy.opt_out)),
                   std::string(catalog::consent_policy_name(site.privacy.consent))});
    return {0, table.render(args, "no sites yet; add one with 'footfall site add NAME --domain example.org'"), ""};
}

CommandResult site_remove(Installation& installation, const Args& args, const std::string&) {
    if (const auto status = installation.catalog().remove_site(args.positional[0]); !status)
        return failed(status.error());
    if (args.has("--json")) return {0, json_object({{"id", args.positional[0]}}), ""};
    return {0, fmt::format("removed site {}; its events stay in the store\n", args.positional[0]), ""};
}

std::string first_line(const std::string& input) { return input.substr(0, input.find_first_of("\r\n")); }

Result<catalog::Role> role_of(const std::string& text, const std::string& field) {
    if (const auto role = catalog::parse_role(text)) return *role;
    return Error(Code::kInvalidArgument, "the role must be owner, admin, editor or viewer", field);
}

Error from_input(Error error) {
    if (error.field == "password") error.message += "; give it on standard input";
    return error;
}

CommandResult user_add(Installation& installation, const Args& args, const std::string& input) {
    const auto role = role_of(args.get("--role"), "--role");
    if (!role) return failed(role.error());
    if (const auto status = installation.catalog().accounts().add_user(args.positional[0], *role, first_line(input));
        !status)
        return failed(from_input(status.error()));
    if (args.has("--json")) return {0, json_object({{"email", args.positional[0]}, {"role", args.get("--role")}}), ""};
    return {0, fmt::format("added {} {}\n", args.get("--role"), args.positional[0]), ""};
}

CommandResult user_list(Installation& installation, const Args& args, const std::string&) {
    const auto users = installation.catalog().accounts().users();
    if (!users) return failed(users.error());
    Table table({"email", "role"});
    for (const auto& user : *users) table.row({user.email, std::string(catalog::role_name(user.role))});
    return {0, table.render(args, "no users yet; add one with 'footfall user add EMAIL --role owner'"), ""};
}

CommandResult user_remove(Installation& installation, const Args& args, const std::string&) {
    if (const auto status = installation.catalog().accounts().remove_user(args.positional[0]); !status)
        return failed(status.error());
    if (args.has("--json")) return {0, json_object({{"email", args.positional[0]}}), ""};
    return {
        0,
        fmt::format("removed {}; nobody is signed in as this user any more\n{}", args.positional[0],
                    installation.catalog().accounts().has_users()
                        ? ""
                        : "There is no user left; 'footfall user link' prints a link that makes the first owner.\n"),
        ""};
}

CommandResult user_role(Installation& installation, const Args& args, const std::string&) {
    const auto role = role_of(args.positional[1], "ROLE");
    if (!role) return failed(role.error());
    if (const auto status = installation.catalog().accounts().set_role(args.positional[0], *role); !status)
        return failed(status.error());
    if (args.has("--json")) return {0, json_object({{"email", args.positional[0]}, {"role", args.positional[1]}}), ""};
    return {0, fmt::format("{} is {} now and has to sign in again\n", args.positional[0], args.positional[1]), ""};
}

CommandResult user_password(Installation& installation, const Args& args, const std::string& input) {
    if (const auto status = installation.catalog().accounts().set_password(args.positional[0], first_line(input));
        !status)
        return failed(from_input(status.error()));
    if (args.has("--json")) return {0, json_object({{"email", args.positional[0]}}), ""};
    return {0, fmt::format("{} has a new password and has to sign in again\n", args.positional[0]), ""};
}

CommandResult user_link(Installation& installation, const Args& args, const std::string&) {
    catalog::Accounts& accounts = installation.catalog().accounts();
    const bool is_set_up = args.positional.empty();
    const auto token = is_set_up ? accounts.create_setup_link() : accounts.create_sign_in_link(args.positional[0]);
    if (!token) return failed(token.error());
    const std::string url =
        is_set_up ? set_up_url(installation.address(), *token) : sign_in_url(installation.address(), *token);
    if (args.has("--json")) return {0, json_object({{"url", url}, {"purpose", is_set_up ? "setup" : "sign_in"}}), ""};
    return {0, fmt::format("{}\nIt works once, within 24 hours.\n", url), ""};
}

CommandResult key_create(Installation& installation, const Args& args, const std::string&) {
    const auto scope = catalog::parse_scope(args.get("--scope"));
    if (!scope) return failed(Error(Code::kInvalidArgument, "--scope must be collect, read or admin", "--scope"));
    const auto made = installation.catalog().create_key(args.get("--site"), *scope);
    if (!made) return failed(made.error());
    if (args.has("--json"))
        return {0,
                json_object({{"id", made->key.id},
                             {"secret", made->secret},
                             {"site", made->key.site_id},
                             {"scope", std::string(catalog::scope_name(*scope))}}),
                ""};
    return {0,
            fmt::format("key {} ({}, site {})\nsecret {}\nThe secret is shown this once; only its hash is kept.\n",
                        made->key.id, catalog::scope_name(*scope), made->key.site_id, made->secret),
            ""};
}

CommandResult key_list(Installation& installation, const Args& args, const std::string&) {
    const auto keys = installation.catalog().keys();
    if (!keys) return failed(keys.error());
    Table table({"id", "site", "scope", "state"});
    for (const auto& key : *keys)
        table.row({key.id, key.site_id, std::string(catalog::scope_name(key.scope)),
                   key.revoked_ms == 0 ? "in force" : "revoked"});
    return {0, table.render(args, "no keys yet; make one with 'footfall key create --site ID --scope read'"), ""};
}

CommandResult key_revoke(Installation& installation, const Args& args, const std::string&) {
    if (const auto status = installation.catalog().revoke_key(args.positional[0]); !status)
        return failed(status.error());
    if (args.has("--json")) return {0, json_object({{"id", args.positional[0]}}), ""};
    return {0, fmt::format("revoked key {}\n", args.positional[0]), ""};
}

CommandResult audit(Installation& installation, const Args& args, const std::string&) {
    const auto report = installation.audit(args.get("--site"));
    if (!report) return failed(report.error());
    return {report->ok() ? 0 : 1, args.has("--json") ? report->json() + "\n" : report->text(),
            report->ok() ? "" : "audit: the log and the tables differ; see the differences above\n"};
}

CommandResult doctor(Installation& installation, const Args& args, const std::string&) {
    const auto findings = installation.doctor();
    const bool ok = std::all_of(findings.begin(), findings.end(), [](const Finding& finding) { return finding.ok; });
    if (args.has("--json")) {
        std::string out;
        json::Writer writer(out);
        writer.begin_object();
        writer.member("ok", ok);
        writer.key("findings");
        writer.begin_array();
        for (const Finding& finding : findings) {
            writer.begin_object();
            writer.member("part", finding.part);
            writer.member("ok", finding.ok);
            writer.member("what", finding.what);
            writer.member("mend", finding.mend);
            writer.end_object();
        }
        writer.end_array();
        writer.end_object();
        return {ok ? 0 : 1, out + "\n", ""};
    }
    std::string out;
    for (const Finding& finding : findings) {
        out += fmt::format("{} {}: {}\n", finding.ok ? "ok     " : "PROBLEM", finding.part, finding.what);
        if (!finding.ok) out += fmt::format("        mend: {}\n", finding.mend);
    }
    return {ok ? 0 : 1, out, ""};
}

CommandResult lists(Installation& installation, const Args& args, const std::string&) {
    const auto lists = installation.lists();
    if (!lists) return failed(lists.error());
    Table table({"name", "version", "date", "entries", "licence", "from", "path"});
    for (const enrich::ListInfo& list : *lists)
        table.row({list.name, list.version, list.date, list.entries, list.licence, list.from, list.path});
    return {0, table.render(args, "no lists"), ""};
}

/// Of the sites, also one that is not there any more, or not yet: that is why its events were rejected.
Result<process::RejectedFilter> rejected_filter(const Args& args) {
    process::RejectedFilter filter;
    if (args.has("--site")) {
        filter.of = process::RejectedFilter::Of::kNamed;
        filter.site = args.get("--site");
    }
    filter.reason = args.get("--reason");
    TRY(filter.since_ms, time_of("--since", args.get("--since", "30d")));
    return filter;
}

constexpr std::uint32_t kListMax = 1'000;

Result<std::uint32_t> limit_of(const Args& args) {
    const std::string text = args.get("--limit", "20");
    std::uint32_t limit = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), limit);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size() || limit == 0 || limit > kListMax)
        return Error(Code::kInvalidArgument, fmt::format("--limit must be a whole number from 1 to {}", kListMax),
                     "--limit");
    return limit;
}

CommandResult rejected_list(Installation& installation, const Args& args, const std::string&) {
    const auto filter = rejected_filter(args);
    if (!filter) return failed(filter.error());
    const auto limit = limit_of(args);
    if (!limit) return failed(limit.error());
    const auto list = installation.rejected(*filter, {.limit = *limit});
    if (!list) return failed(list.error());
    if (args.has("--json")) return {0, list->json() + "\n", ""};
    Table reasons({"reason", "events", "last"});
    for (const auto& sum : list->reasons())
        reasons.row({sum.reason, std::to_string(sum.events), iso_text(sum.last_at)});
    Table samples({"received", "sent for", "reason", "field", "event"});
    for (const auto& sample : list->samples)
        samples.row({iso_text(sample.received_at), sample.tracking_id, sample.reason, sample.field,
                     sample.event + (sample.is_cut ? "\u2026" : "")});
    std::string out = reasons.text("nothing was rejected");
    if (!list->samples.empty()) out += "\n" + samples.text("");
    return {0, out, ""};
}

CommandResult rejected_replay(Installation& installation, const Args& args, const std::string&) {
    const auto filter = rejected_filter(args);
    if (!filter) return failed(filter.error());
    const bool is_dry = args.has("--dry-run");
    const auto report =
        installation.replay_rejected(*filter, is_dry ? ingest::ReplayMode::kDryRun : ingest::ReplayMode::kTake);
    if (!report) return failed(report.error());
    std::string out;
    if (args.has("--json")) {
        json::Writer writer(out);
        writer.begin_object();
        writer.member("dry_run", is_dry);
        writer.member("taken", report->taken);
        writer.member("duplicates", report->duplicates);
        writer.key("rejected");
        writer.begin_object();
        for (const auto& [reason, events] : report->rejected) writer.member(reason, events);
        writer.end_object();
        writer.member("cut", report->cut);
        writer.end_object();
        return {0, out + "\n", ""};
    }
    out = fmt::format("{}: {}\nduplicates, counted already: {}\n", is_dry ? "would be taken" : "taken", report->taken,
                      report->duplicates);
    for (const auto& [reason, events] : report->rejected)
        out += fmt::format("still rejected, {}: {}\n", reason, events);
    if (report->cut > 0) out += fmt::format("left out, of which only the beginning was kept: {}\n", report->cut);
    return {0, out, ""};
}

constexpr Flag kIpPolicy = {"--ip-policy", "truncate|drop", "what is kept of visitors' addresses", false,
                            "truncate|drop"};
constexpr Flag kOptOut = {"--opt-out", "ignore|anonymous|drop",
                          "what becomes of events of browsers that ask not to be tracked (GPC, DNT)", false,
                          "ignore|anonymous|drop"};
constexpr Flag kConsent = {"--consent", "optional|required",
                           "required: events without context.consent \"granted\" are rejected", false,
                           "optional|required"};
constexpr Flag kSessionTimeoutFlag = {kSessionTimeout, "N",
                                      "minutes without an event that end a session, 1 to 1440 (default 30)"};
constexpr Flag kCurrency = {"--currency", "CODE",
                            "of the site's revenue, such as EUR (default: that of its first event that names one)"};
constexpr Flag kRetentionFlag = {kRetention, "N", "months for which events are kept, 0 for ever (default 14)"};
constexpr Flag kSiteAdd[] = {{"--domain", "D", "host name of the site, such as example.org", true},
                             {"--timezone", "TZ", "IANA zone in which the site's days are counted (default UTC)"},
                             {"--id", "ID", "the tracking id; made where not given"},
                             kSessionTimeoutFlag,
                             kCurrency,
                             kRetentionFlag,
                             {"--cookieless", "", "a sent user_id is not used"},
                             kIpPolicy,
                             kOptOut,
                             kConsent};
constexpr Flag kSiteSet[] = {{"--name", "NAME", "what people call it"},
                             {"--domain", "D", "host name of the site"},
                             {"--timezone", "TZ", "IANA zone in which the site's days are counted"},
                             kSessionTimeoutFlag,
                             kCurrency,
                             kRetentionFlag,
                             {"--cookieless", "on|off", "on: a sent user_id is not used", false, "on|off"},
                             kIpPolicy,
                             kOptOut,
                             kConsent};
constexpr std::string_view kRoles = "owner|admin|editor|viewer";
constexpr Flag kUserAdd[] = {{"--role", "ROLE", "owner, admin, editor or viewer", true, kRoles}};
constexpr Flag kKeyCreate[] = {{"--site", "ID", "the site that the key is for", true},
                               {"--scope", "SCOPE", "collect, read or admin", true, "collect|read|admin"}};
constexpr Flag kAudit[] = {{"--site", "ID", "one site only"}};

constexpr Flag kBackup[] = {
    {"--without-archive", "", "leave out what the archive alone has, which you copy by other means"}};
constexpr Flag kRestore[] = {
    {"--up-to-damage", "", "of a damaged backup restore what stands before the damage, and say what is missing"}};
constexpr Flag kOfSite = {"--site", "ID", "sent for this site, whether it was known then or not"};
constexpr Flag kOfReason = {"--reason", "R", "rejected for this reason", false, event::reason::kChoices};
constexpr Flag kSince = {"--since", "D", "received since then: 36h, 7d, or a day such as 2026-11-20 (default 30d)"};
constexpr Flag kRejectedList[] = {kOfSite, kOfReason, kSince, {"--limit", "N", "samples, newest first (default 20)"}};
constexpr Flag kRejectedReplay[] = {
    kOfSite, kOfReason, kSince, {"--dry-run", "", "say what would become of them, and take nothing"}};

constexpr Command kCommands[] = {
    {"site add",
     "NAME --domain D [--timezone TZ] [--id ID] [--session-timeout-minutes N] [--currency CODE] "
     "[--retention-months N] [--cookieless] "
     "[--ip-policy truncate|drop] "
     "[--opt-out ignore|anonymous|drop] [--consent optional|required]",
     "add a site", kSiteAdd, 1, site_add},
    {"site set",
     "ID [--name NAME] [--domain D] [--timezone TZ] [--session-timeout-minutes N] [--currency CODE] "
     "[--retention-months N] [--cookieless on|off] [--ip-policy truncate|drop] "
     "[--opt-out ignore|anonymous|drop] [--consent optional|required]",
     "change a site, for what is received from then on", kSiteSet, 1, site_set, 0, kNeedsInstallation},
    {"site list", "", "list the sites", {}, 0, site_list, 0, kOnlyLooks},
    {"site remove",
     "ID",
     "remove a site with its keys, goals, segments and annotations; its events stay in the store",
     {},
     1,
     site_remove,
     0,
     kNeedsInstallation},
    {"user add", "EMAIL --role owner|admin|editor|viewer", "add a user; the password is read from standard input",
     kUserAdd, 1, user_add, 0, kReadsInput},
    {"user list", "", "list the users", {}, 0, user_list, 0, kOnlyLooks},
    {"user remove", "EMAIL", "remove a user and end their sessions", {}, 1, user_remove, 0, kNeedsInstallation},
    {"user role",
     "EMAIL owner|admin|editor|viewer",
     "change a user's role and end their sessions",
     {},
     2,
     user_role,
     0,
     kNeedsInstallation,
     kRoles},
    {"user password",
     "EMAIL",
     "set a user's password, read from standard input, and end their sessions",
     {},
     1,
     user_password,
     0,
     kReadsInput | kNeedsInstallation},
    {"user link",
     "[EMAIL]",
     "print a link that signs a user in once, or without EMAIL one that makes the first owner; valid 24 hours",
     {},
     0,
     user_link,
     1},
    {"key create", "--site ID --scope collect|read|admin", "make a key and print its secret once", kKeyCreate, 0,
     key_create, 0, kNeedsInstallation},
    {"key list", "", "list the keys", {}, 0, key_list, 0, kOnlyLooks},
    {"key revoke", "ID", "end a key at once", {}, 1, key_revoke, 0, kNeedsInstallation},
    {"goal add", "NAME --site ID --page P|--event NAME [--match is|contains|matches|any] [--filters JSON]",
     "add a goal: sessions with such a pageview or custom event are conversions, those that are stored too",
     kGoalAddFlags, 1, goal_add_command, 0, kNeedsInstallation},
    {"goal set",
     "ID --site ID [--name NAME] [--page P|--event NAME] [--match is|contains|matches|any] [--filters JSON]",
     "change a goal in what is given; its id stays, and it applies to what is stored too", kGoalSetFlags, 1,
     goal_set_command, 0, kNeedsInstallation},
    {"goal list", "--site ID", "list the goals of a site", kGoalListFlags, 0, goal_list_command, 0, kNeedsInstallation},
    {"goal remove", "ID --site ID", "remove a goal; no event is touched", kGoalRemoveFlags, 1, goal_remove_command, 0,
     kNeedsInstallation},
    {"segment add", "NAME --site ID --filters JSON",
     "save filters under a name, which any question then takes as 'segment', of what is stored too", kSegmentAddFlags,
     1, segment_add_command, 0, kNeedsInstallation},
    {"segment list", "--site ID", "list the segments of a site", kSegmentListFlags, 0, segment_list_command, 0,
     kNeedsInstallation},
    {"segment remove", "ID --site ID", "remove a segment; questions that name it are refused from then on",
     kSegmentRemoveFlags, 1, segment_remove_command, 0, kNeedsInstallation},
    {"annotation add", "TEXT --site ID --date D [--time HH:MM]",
     "note what happened at a site on a day, for whoever looks at its numbers", kAnnotationAddFlags, 1,
     annotation_add_command, 0, kNeedsInstallation},
    {"annotation list", "--site ID [--from D] [--to D]", "list the annotations of a site", kAnnotationListFlags, 0,
     annotation_list_command, 0, kNeedsInstallation},
    {"annotation remove", "ID --site ID", "remove an annotation", kAnnotationRemoveFlags, 1, annotation_remove_command,
     0, kNeedsInstallation},
    {"rejected list", "[--site ID] [--reason R] [--since D] [--limit N]",
     "how many events were rejected, by reason, and samples of them: at most 20 a minute, site and reason are kept, "
     "for "
     "30 days",
     kRejectedList, 0, rejected_list, 0, kNeedsInstallation | kTakesLong},
    {"rejected replay", "[--site ID] [--reason R] [--since D] [--dry-run]",
     "send the samples of rejected events again, after a fix. Only samples are kept, so what is beyond them is not "
     "taken. However often it is run, no event counts twice",
     kRejectedReplay, 0, rejected_replay, 0, kNeedsInstallation | kTakesLong},
    {"bots rescore", "[--site ID] [--since D] [--until D] [--now] [--dry-run]",
     "judge stored events again by today's lists: says by day and reason which verdicts are others, with samples of "
     "user "
     "agents, and makes them so in the event log and the store, with all that follows, sessions too",
     kBotsRescoreFlags, 0, bots_rescore_command, 0, kNeedsInstallation | kTakesLong},
    {"export", "--site ID [--visitor V] [--format jsonl|csv] [--since D] [--until D]",
     "write what is kept of a site or a visitor to standard output, in the order in which it was received",
     kExportFlags, 0, export_command, 0, kNeedsInstallation | kTakesLong | kGivesPages},
    {"erase", "--site ID --visitor V|--all [--now] [--dry-run]",
     "erase a visitor's events and sessions, and the rejected events that name it, from everything that is kept, or "
     "those of a whole site; who was named by 'identify' is followed to the anonymous id of that day. Export before, "
     "for nothing brings them back",
     kEraseFlags, 0, erase_command, 0, kNeedsInstallation | kTakesLong},
    {"rebuild", "",
     "make the tables of events and sessions, and all that is derived of them, anew from the event log and its "
     "archive, "
     "while they are asked and loaded; says how far it is. It goes on where this command is ended, and begins again "
     "where an erasure comes in between",
     kRebuildFlags, 0, rebuild_command, 0, kNeedsInstallation | kTakesLong | kGivesPages},
    {"audit", "[--site ID]", "prove that every acknowledged event is counted once in every table", kAudit, 0, audit, 0,
     kNeedsInstallation | kTakesLong},
    {"lists",
     "",
     "show the lists and databases that enrichment stands on, with version, licence and origin",
     {},
     0,
     lists,
     0,
     kOnlyLooks},
    {"backup", "DIR [--without-archive]",
     "back up event log, archive and catalog to a folder that is new, empty or has an earlier backup of the same log",
     kBackup, 1, nullptr, 0, kInOwnProcess},
    {"restore", "DIR [--up-to-damage] --data NEW", "check a backup and make a new data folder of it", kRestore, 1,
     nullptr, 0, kInOwnProcess},
    {"doctor", "", "say what is wrong with this installation, and the mend", {}, 0, doctor, 0, kTakesLong | kOnlyLooks},
};

const Command* find(std::span<const std::string> argv, std::size_t& words) {
    for (const Command& command : kCommands) {
        const bool two = command.words.find(' ') != std::string_view::npos;
        if (two && argv.size() >= 2 && command.words == argv[0] + " " + argv[1]) {
            words = 2;
            return &command;
        }
        if (!two && !argv.empty() && command.words == argv[0]) {
            words = 1;
            return &command;
        }
    }
    return nullptr;
}

bool has_trait(std::span<const std::string> argv, Trait trait) {
    std::size_t words = 0;
    const Command* command = find(argv, words);
    return command != nullptr && command->has(trait);
}

/// What is no work on an installation: main() carries these out.
struct ProgramCommand {
    std::string_view words;
    std::string_view usage;
    std::string_view help;
    std::span<const Flag> flags = {};
};

constexpr Flag kServeFlags[] = {{"--demo", "", "make a demo site and send it visits through the real endpoint"},
                                {"--log-format", "text|json", "form of the log on standard error", false, "text|json"}};

constexpr Flag kRoleFlags[] = {{"--log-format", "text|json", "form of the log on standard error", false, "text|json"}};
constexpr std::string_view kRoleUsage = "[--config FILE] [--data DIR] [--listen HOST:PORT] [--log-format text|json]";

constexpr ProgramCommand kProgramCommands[] = {
    {"serve", "[--config FILE] [--data DIR] [--listen HOST:PORT] [--demo] [--log-format text|json]",
     "everything, in one command", kServeFlags},
    {"prepare", "--config FILE",
     "cluster form: make topics and tables that are missing, before the nodes of a release"},
    {"gateway", kRoleUsage, "cluster form: collect and query in one process, for small clusters", kRoleFlags},
    {"collect", kRoleUsage, "cluster form: take events and put them into Kafka", kRoleFlags},
    {"process", kRoleUsage, "cluster form: make each event one of what collectors took, and the live numbers",
     kRoleFlags},
    {"load", kRoleUsage, "cluster form: write events and sessions to ClickHouse", kRoleFlags},
    {"query", kRoleUsage, "cluster form: answer questions; the page and the live numbers", kRoleFlags},
    {"report", kRoleUsage, "cluster form: answer questions of programs, apart from those of people", kRoleFlags},
    {"settings", "[--json]", "the reference of all settings"},
    {"routes", "[--json]", "who may use which route of the HTTP interface"},
};

template <class Described>
std::string command_help(const Described& command) {
    std::string out = fmt::format("footfall {} {}\n  {}\n", command.words, command.usage, command.help);
    for (const Flag& flag : command.flags)
        out += fmt::format("    {:<22} {}\n", fmt::format("{} {}", flag.name, flag.value), flag.help);
    return out;
}

constexpr std::string_view kCommonHelp =
    "Every command: --data DIR or --config FILE names the installation, --json prints data as JSON, --section.key "
    "VALUE sets a setting.\n"
    "Exit codes: 0 done, 1 failed, 2 wrong usage.\n";

}  // namespace

CommandResult failed(const Error& error) {
    return {error.code == Code::kInvalidArgument ? 2 : 1, "", error_line(error)};
}

CommandResult removed(const Args& args, std::string text) {
    if (!args.has("--json")) return {0, std::move(text), ""};
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.member("id", args.positional[0]);
    writer.end_object();
    return {0, out + "\n", ""};
}

std::string error_line(const Error& error) { return "footfall: " + error.message + "\n"; }

bool is_data_command(std::string_view word) {
    return std::any_of(std::begin(kCommands), std::end(kCommands), [&](const Command& command) {
        return command.words.substr(0, command.words.find(' ')) == word;
    });
}

bool reads_input(std::span<const std::string> argv) {
    return has_trait(argv, kReadsInput) && std::find(argv.begin(), argv.end(), "--help") == argv.end() &&
           std::find(argv.begin(), argv.end(), "-h") == argv.end();
}

std::string set_up_url(const std::string& address, std::string_view token) {
    return fmt::format("{}/setup#token={}", http::url_of_address(address), token);
}

std::string sign_in_url(const std::string& address, std::string_view token) {
    return fmt::format("{}/sign-in#token={}", http::url_of_address(address), token);
}

std::string help_text(std::string_view word) {
    std::string out;
    for (const ProgramCommand& command : kProgramCommands)
        if (command.words == word) out += command_help(command);
    for (const Command& command : kCommands)
        if (command.words.substr(0, command.words.find(' ')) == word) out += command_help(command);
    if (!out.empty()) return out.append(kCommonHelp);
    out = "Footfall, self-hosted web analytics.\n\n";
    for (const ProgramCommand& command : kProgramCommands) out += command_help(command);
    out += "footfall --version\n  version, commit and engine\n";
    for (const Command& command : kCommands) out += command_help(command);
    return out.append(kCommonHelp);
}

std::span<const Flag> serve_flags() { return kServeFlags; }

std::span<const Flag> role_flags() { return kRoleFlags; }

bool needs_installation(std::span<const std::string> argv) { return has_trait(argv, kNeedsInstallation); }

bool only_looks(std::span<const std::string> argv) { return has_trait(argv, kOnlyLooks); }

bool runs_in_own_process(std::span<const std::string> argv) { return has_trait(argv, kInOwnProcess); }

bool gives_pages(std::span<const std::string> argv) { return has_trait(argv, kGivesPages); }

bool takes_long(std::span<const std::string> argv) { return has_trait(argv, kTakesLong); }

namespace {

/// The command of a command line and its arguments, or what is wrong with it.
struct Parsed {
    const Command* command = nullptr;
    Args args;
    std::optional<CommandResult> judgement;
};

Parsed parse_command(std::span<const std::string> argv) {
    std::size_t words = 0;
    const Command* command = find(argv, words);
    const auto judged = [](CommandResult result) { return Parsed{nullptr, {}, std::move(result)}; };
    const bool help = std::find(argv.begin(), argv.end(), "--help") != argv.end() ||
                      std::find(argv.begin(), argv.end(), "-h") != argv.end();
    if (help)
        return judged({0,
                       command != nullptr ? command_help(*command) + std::string(kCommonHelp)
                                          : help_text(argv.empty() ? "" : argv[0]),
                       ""});
    if (command == nullptr) {
        std::vector<std::string_view> verbs;
        for (const Command& known : kCommands)
            if (!argv.empty() && known.words.starts_with(argv[0] + " "))
                verbs.push_back(known.words.substr(argv[0].size() + 1));
        std::string list;
        for (const auto verb : verbs) list += (list.empty() ? "" : ", ") + std::string(verb);
        return judged({2, "", fmt::format("footfall: '{}' needs one of: {}\n", argv.empty() ? "" : argv[0], list)});
    }
    auto args = parse_args(argv.subspan(words), command->flags);
    if (!args) return judged(failed(args.error()));
    if (args->positional.size() < command->positional ||
        args->positional.size() > command->positional + command->optional)
        return judged({2, "", fmt::format("footfall: usage: footfall {} {}\n", command->words, command->usage)});
    if (!is_choice(args->positional.empty() ? "" : args->positional.back(), command->last_choices))
        return judged({2, "",
                       fmt::format("footfall: {} takes one of {}, not '{}'\n", command->words, command->last_choices,
                                   args->positional.back())});
    return {command, std::move(*args), std::nullopt};
}

}  // namespace

std::optional<CommandResult> judge_command(std::span<const std::string> argv) { return parse_command(argv).judgement; }

Args args_of_command(std::span<const std::string> argv) {
    Parsed parsed = parse_command(argv);
    FOOTFALL_CHECK(!parsed.judgement);
    return std::move(parsed.args);
}

CommandResult run_command(Installation& installation, std::span<const std::string> argv, const std::string& input) {
    const Parsed parsed = parse_command(argv);
    if (parsed.judgement) return *parsed.judgement;
    if (parsed.command->run == nullptr)
        return failed(Error(Code::kInvalidArgument, "a server does not carry out " + argv[0]));
    return parsed.command->run(installation, parsed.args, input);
}

}  // namespace footfall::app
