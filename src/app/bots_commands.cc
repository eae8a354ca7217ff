#include "app/bots_commands.h"

#include <optional>

#include <fmt/format.h>

#include "app/rescoring.h"
#include "app/table.h"
#include "base/json.h"

namespace footfall::app {
namespace {

Result<process::RescoreFilter> rescore_filter(Installation& installation, const Args& args) {
    if (args.has("--site") && args.has("--all"))
        return Error(Code::kInvalidArgument, "bots rescore takes --site ID for one site, or --all", "--site");
    process::RescoreFilter filter{.until_ms = process::RescoreFilter::kNoEndMs};
    if (args.has("--since")) {
        TRY(filter.since_ms, time_of("--since", args.get("--since")));
    }
    if (args.has("--until")) {
        TRY(filter.until_ms, time_of("--until", args.get("--until")));
    }
    TRY(const auto sites, installation.catalog().sites());
    for (const catalog::Site& site : sites)
        if (!args.has("--site") || site.id == args.get("--site")) filter.sites.push_back({site.id, site.timezone});
    if (args.has("--site") && filter.sites.empty())
        return Error(Code::kNotFound,
                     fmt::format("there is no site '{}'; see 'footfall site list'", args.get("--site")), "--site");
    return filter;
}

rescore::Request request_of(const process::RescoreFilter& filter) {
    rescore::Request request{.sites = {}, .since_ms = filter.since_ms, .until_ms = filter.until_ms, .end = 0};
    for (const process::RescoreSite& site : filter.sites) request.sites.push_back(site.id);
    return request;
}

/// `done` is absent of a dry run.
std::string json_of(const process::RescoreReport& report, const std::optional<rescore::Report>& done) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.member("dry_run", !done.has_value());
    report.write_members(writer);
    if (done) {
        writer.key("done");
        writer.begin_object();
        writer.member("events", done->events);
        writer.member("visitors", done->visitors);
        writer.member("rows", done->rows);
        writer.member("sessions_before", done->sessions_before);
        writer.member("sessions", done->sessions);
        writer.end_object();
    }
    writer.end_object();
    return out + "\n";
}

std::string reason_text(const std::string& reason) { return reason.empty() ? "person" : reason; }

std::string text_of(const process::RescoreReport& report, const std::optional<rescore::Report>& done) {
    std::string out = fmt::format("judged again: {} events, by {}\n", report.events, report.lists);
    for (const auto& [lists, events] : report.lists_then)
        out += fmt::format("  {} were judged by {}\n", events, lists.empty() ? "lists that were not noted" : lists);
    out += fmt::format("without a user agent, so that only the referrer could be judged: {} events\n",
                       report.events_without_user_agent);
    const auto total = [&](std::string_view becomes, std::string_view became, const process::VerdictCount& count) {
        out += fmt::format("{}: {} events of {} visitors\n", done ? became : becomes, count.events, count.visitors);
    };
    total("would become bots", "became bots", report.become_bots);
    total("would become people", "became people", report.become_people);
    total("would be bots for another reason", "are bots for another reason", report.other_reason);
    Table changes({"site", "day", "from", "to", "events", "visitors"});
    for (const auto& [change, count] : report.changes)
        changes.row({change.site_id, change.day, reason_text(change.from), reason_text(change.to), count.events,
                     count.visitors});
    Table samples({"from", "to", "events", "user_agent"});
    for (const auto& sample : report.samples)
        samples.row({reason_text(sample.from), reason_text(sample.to), sample.events, sample.user_agent});
    out += "\n" + changes.text(done ? "every verdict stays as it is" : "every verdict would stay as it is");
    if (!report.samples.empty()) out += "\n" + samples.text("");
    if (!done || done->events == 0) return out + "\nnothing was changed\n";
    return out + fmt::format(
                     "\nchanged: {} events; the {} events of their {} visitors are in {} sessions, which were "
                     "{}\n",
                     done->events, done->rows, done->visitors, done->sessions, done->sessions_before);
}

}  // namespace

CommandResult bots_rescore_command(Installation& installation, const Args& args, const std::string&) {
    const auto filter = rescore_filter(installation, args);
    if (!filter) return failed(filter.error());
    // In this order: afterwards nothing would be another.
    const auto report = installation.preview_rescore(*filter);
    if (!report) return failed(report.error());
    std::optional<rescore::Report> done;
    if (!args.has("--dry-run")) {
        const auto rescoring = installation.rescoring();
        if (!rescoring) return failed(rescoring.error());
        const auto rescored = (*rescoring)
                                  ->rescore(request_of(*filter), args.has("--now") ? log::ErasurePace::kAtOnce
                                                                                   : log::ErasurePace::kBesideOthers);
        if (!rescored) return failed(rescored.error());
        done = *rescored;
    }
    return {0, args.has("--json") ? json_of(*report, done) : text_of(*report, done), ""};
}

}  // namespace footfall::app
