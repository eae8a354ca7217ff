#include "app/goal_commands.h"

#include <fmt/format.h>

#include "api/goal_routes.h"
#include "app/table.h"
#include "base/json.h"

namespace footfall::app {
namespace {

/// By the words of the command line.
Error of_flags(Error error) {
    if (error.field == "page" || error.field == "event" || error.field.starts_with("filters"))
        error.message += fmt::format(" (--{})", error.field);
    return error;
}

std::string goal_json(const catalog::Goal& goal) {
    std::string out;
    json::Writer writer(out);
    api::write_goal(writer, goal);
    return out + "\n";
}

}  // namespace

CommandResult goal_add_command(Installation& installation, const Args& args, const std::string&) {
    if (args.has("--page") == args.has("--event"))
        return failed(Error(Code::kInvalidArgument, "give either --page or --event", "--page"));
    catalog::Goal goal{.site_id = args.get("--site"), .name = args.positional[0]};
    goal.kind = args.has("--page") ? catalog::Goal::Kind::kPage : catalog::Goal::Kind::kEvent;
    goal.value = args.get(args.has("--page") ? "--page" : "--event");
    if (args.has("--match")) goal.match = *catalog::parse_goal_match(args.get("--match"));
    if (args.has("--filters")) goal.filters = args.get("--filters");
    const auto added = api::add_checked_goal(installation.catalog(), std::move(goal));
    if (!added) return failed(of_flags(added.error()));
    if (args.has("--json")) return {0, goal_json(*added), ""};
    return {0, fmt::format("added goal {} with the id {}; it applies to what is stored too\n", added->name, added->id),
            ""};
}

CommandResult goal_list_command(Installation& installation, const Args& args, const std::string&) {
    const auto snapshot = installation.catalog().snapshot();
    const std::string site_id = args.get("--site");
    if (snapshot->site(site_id) == nullptr)
        return failed(Error(Code::kNotFound, "there is no site '" + site_id + "'; see 'footfall site list'", "--site"));
    const auto& goals = snapshot->goals_of(site_id);
    if (args.has("--json")) {
        std::string out;
        json::Writer writer(out);
        writer.begin_array();
        for (const catalog::Goal& goal : goals) api::write_goal(writer, goal);
        writer.end_array();
        return {0, out + "\n", ""};
    }
    Table table({"id", "name", "of", "match", "value", "filters"});
    for (const catalog::Goal& goal : goals)
        table.row({goal.id, goal.name, std::string(catalog::goal_kind_name(goal.kind)),
                   std::string(catalog::goal_match_name(goal.match)), goal.value,
                   goal.filters == "[]" ? std::string() : goal.filters});
    return {0, table.render(args, "no goals yet; add one with 'footfall goal add NAME --site ID --page /thanks'"), ""};
}

CommandResult goal_remove_command(Installation& installation, const Args& args, const std::string&) {
    if (const Status done = installation.catalog().remove_goal(args.get("--site"), args.positional[0]); !done)
        return failed(done.error());
    return removed(args, fmt::format("removed goal {}\n", args.positional[0]));
}

}  // namespace footfall::app
