#include "app/erase_commands.h"

#include <fmt/format.h>

#include "app/erasing.h"
#include "app/rescoring.h"
#include "base/json.h"

namespace footfall::app {
namespace {

/// Whom the command line is about.
Result<erase::Subject> subject_of(const Args& args) {
    if (args.has("--all") == args.has("--visitor"))
        return Error(Code::kInvalidArgument, "give either --visitor V or --all, which is the whole site");
    const std::string site = args.get("--site");
    if (args.has("--all")) return erase::Subject::of_site(site);
    if (args.get("--visitor").empty())
        return Error(Code::kInvalidArgument, "--visitor needs a user_id or a visitor id", "--visitor");
    return erase::Subject::of_visitor(site, args.get("--visitor"));
}

Result<erase::ExportRequest> export_request(const Args& args) {
    erase::ExportRequest request{.subject = args.has("--visitor")
                                                ? erase::Subject::of_visitor(args.get("--site"), args.get("--visitor"))
                                                : erase::Subject::of_site(args.get("--site"))};
    if (args.get("--format") == "csv") request.format = erase::ExportRequest::Format::kCsv;
    if (args.has("--since")) {
        TRY(request.since_ms, time_of("--since", args.get("--since")));
    }
    if (args.has("--until")) {
        TRY(request.until_ms, time_of("--until", args.get("--until")));
    }
    return request;
}

std::string as_json(const erase::Report& report, bool is_dry) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.member("dry_run", is_dry);
    writer.member("events", report.events);
    writer.member("visitors", report.visitors);
    if (!is_dry) writer.member("sessions", report.sessions);
    writer.member("rejected", report.rejected);
    writer.end_object();
    return out + "\n";
}

std::string as_line(const std::string& note) { return note.empty() ? "" : note + "\n"; }

}  // namespace

CommandResult export_command(Installation& installation, const Args& args, const std::string&) {
    const auto request = export_request(args);
    if (!request) return failed(request.error());
    const auto erasing = installation.erasing();
    if (!erasing) return failed(erasing.error());
    const auto rescoring = installation.rescoring();
    // In the cluster form nothing is judged again.
    if (!rescoring && rescoring.error().code != Code::kUnsupported) return failed(rescoring.error());
    // Sessions are of the store.
    if (const std::string why = rescoring ? (*rescoring)->why_not_answering() : ""; !why.empty())
        return failed(Error(Code::kUnavailable, why));
    const auto page = (*erasing)->export_page(*request, args.get(kPageFlag));
    if (!page) return failed(page.error());
    const bool is_known = installation.catalog().snapshot()->site(request->subject.website_id) != nullptr;
    if (!is_known && page->text.empty())
        return failed(Error(Code::kNotFound,
                            "there is no site '" + request->subject.website_id + "'; see 'footfall site list'",
                            "--site"));
    return {0, page->next.value_or("") + "\n" + page->text, as_line(page->note)};
}

CommandResult erase_command(Installation& installation, const Args& args, const std::string&) {
    const auto subject = subject_of(args);
    if (!subject) return failed(subject.error());
    const bool is_known = installation.catalog().snapshot()->site(subject->website_id) != nullptr;
    const auto erasing = installation.erasing();
    if (!erasing) return failed(erasing.error());
    const auto found = (*erasing)->find(*subject);
    if (!found) return failed(found.error());
    const bool is_there = found->events + found->rejected > 0 || found->is_begun;
    // Of a site that was removed the events are there still.
    if (!is_known && !is_there)
        return failed(Error(Code::kNotFound,
                            "there is no site '" + subject->website_id +
                                "', and there are no events of one; see "
                                "'footfall site list'",
                            "--site"));
    erase::Report report{.events = found->events, .rejected = found->rejected, .visitors = found->visitors};
    const bool is_dry = args.has("--dry-run");
    if (!is_dry) {
        // First, so that nothing more comes for it.
        if (subject->is_whole_site && is_known) {
            if (const Status removed = installation.catalog().remove_site(subject->website_id); !removed)
                return failed(removed.error());
        }
        const auto done = (*erasing)->erase(
            *subject, args.has("--now") ? log::ErasurePace::kAtOnce : log::ErasurePace::kBesideOthers);
        if (!done) return failed(done.error());
        report = *done;
    }
    if (args.has("--json")) return {0, as_json(report, is_dry), as_line(report.note)};
    if (is_dry)
        return {0,
                fmt::format("would be erased: {} events of {} visitor ids, {} rejected events\n", report.events,
                            report.visitors, report.rejected),
                ""};
    return {0,
            fmt::format("erased: {} events of {} visitor ids, {} sessions, {} rejected events{}\n"
                        "Backups of before still have them: make a new one, and remove the old ones.\n",
                        report.events, report.visitors, report.sessions, report.rejected,
                        subject->is_whole_site ? "; the site and its keys are removed" : ""),
            as_line(report.note)};
}

}  // namespace footfall::app
