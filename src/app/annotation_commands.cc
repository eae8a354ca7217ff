#include "app/annotation_commands.h"

#include <fmt/format.h>

#include "api/annotation_routes.h"
#include "app/table.h"
#include "base/clock.h"
#include "base/json.h"

namespace footfall::app {

CommandResult annotation_add_command(Installation& installation, const Args& args, const std::string&) {
    catalog::Annotation annotation;
    annotation.site_id = args.get("--site");
    annotation.day = args.get("--date");
    annotation.time = args.get("--time");
    annotation.note = args.positional[0];
    const auto added = installation.catalog().annotations().add(std::move(annotation));
    if (!added) return failed(added.error());
    if (args.has("--json")) {
        std::string out;
        json::Writer writer(out);
        api::write_annotation(writer, *added, api::Authors::kShown);
        return {0, out + "\n", ""};
    }
    return {0, fmt::format("added an annotation of {} with the id {}\n", added->day, added->id), ""};
}

CommandResult annotation_list_command(Installation& installation, const Args& args, const std::string&) {
    for (const char* flag : {"--from", "--to"})
        if (args.has(flag))
            if (const Status day = catalog::check_annotation_day(args.get(flag), flag); !day)
                return failed(day.error());
    const auto annotations =
        installation.catalog().annotations().of_site(args.get("--site"), args.get("--from"), args.get("--to"));
    if (!annotations) return failed(annotations.error());
    if (args.has("--json")) {
        std::string out;
        json::Writer writer(out);
        writer.begin_array();
        for (const catalog::Annotation& one : *annotations) api::write_annotation(writer, one, api::Authors::kShown);
        writer.end_array();
        return {0, out + "\n", ""};
    }
    Table table({"id", "date", "time", "created_by", "created_at", "text"});
    for (const catalog::Annotation& one : *annotations)
        table.row({one.id, one.day, one.time, one.created_by, iso_text(one.created_ms), one.note});
    const bool is_cut = args.has("--from") || args.has("--to");
    return {0,
            table.render(args, is_cut ? "no annotations of these days"
                                      : "no annotations yet; add one with 'footfall annotation add TEXT --site ID "
                                        "--date 2026-11-24'"),
            ""};
}

CommandResult annotation_remove_command(Installation& installation, const Args& args, const std::string&) {
    if (const Status done = installation.catalog().annotations().remove(args.get("--site"), args.positional[0]); !done)
        return failed(done.error());
    return removed(args, fmt::format("removed annotation {}\n", args.positional[0]));
}

}  // namespace footfall::app
