#include "app/segment_commands.h"

#include <fmt/format.h>

#include "api/segment_routes.h"
#include "app/table.h"
#include "base/json.h"

namespace footfall::app {
namespace {

/// By the words of the command line.
Error of_flags(Error error) {
    if (error.field.starts_with("filters")) error.message += fmt::format(" (--{})", error.field);
    return error;
}

}  // namespace

CommandResult segment_add_command(Installation& installation, const Args& args, const std::string&) {
    const auto added = api::save_checked_segment(
        installation.catalog(),
        {.site_id = args.get("--site"), .name = args.positional[0], .filters = args.get("--filters")});
    if (!added) return failed(of_flags(added.error()));
    if (args.has("--json")) {
        std::string out;
        json::Writer writer(out);
        api::write_segment(writer, *added);
        return {0, out + "\n", ""};
    }
    return {0,
            fmt::format("added segment {} with the id {}; it applies to what is stored too\n", added->name, added->id),
            ""};
}

CommandResult segment_list_command(Installation& installation, const Args& args, const std::string&) {
    const auto snapshot = installation.catalog().snapshot();
    const std::string site_id = args.get("--site");
    if (snapshot->site(site_id) == nullptr)
        return failed(Error(Code::kNotFound, "there is no site '" + site_id + "'; see 'footfall site list'", "--site"));
    const auto& segments = snapshot->segments_of(site_id);
    if (args.has("--json")) {
        std::string out;
        json::Writer writer(out);
        writer.begin_array();
        for (const catalog::Segment& segment : segments) api::write_segment(writer, segment);
        writer.end_array();
        return {0, out + "\n", ""};
    }
    Table table({"id", "name", "filters"});
    for (const catalog::Segment& segment : segments) table.row({segment.id, segment.name, segment.filters});
    return {0, table.render(args, "no segments yet; add one with 'footfall segment add NAME --site ID --filters JSON'"),
            ""};
}

CommandResult segment_remove_command(Installation& installation, const Args& args, const std::string&) {
    if (const Status done = installation.catalog().remove_segment(args.get("--site"), args.positional[0]); !done)
        return failed(done.error());
    return removed(
        args, fmt::format("removed segment {}; questions that name it are refused from now on\n", args.positional[0]));
}

}  // namespace footfall::app
