#include "app/goal_commands.h"

#include <algorithm>

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

/// What the flags say that `goal add` and `goal set` share.
void take_flags(const Args& args, catalog::Goal& goal) {
    for (const auto kind : {catalog::Goal::Kind::kPage, catalog::Goal::Kind::kEvent}) {
        const std::string flag = fmt::format("--{}", catalog::goal_kind_name(kind));
        if (!args.has(flag)) continue;
        goal.kind = kind;
        goal.value = args.get(flag);
    }
    if (args.has("--match")) goal.match = *catalog::parse_goal_match(args.get("--match"));
    if (args.has("--filters")) goal.filters = args.get("--filters");
}

Error no_site(const std::string& id) {
    return {Code::kNotFound, "there is no site '" + id + "'; see 'footfall site list'", "--site"};
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
    take_flags(args, goal);
    const auto added = api::save_checked_goal(installation.catalog(), std::move(goal));
    if (!added) return failed(of_flags(added.error()));
    if (args.has("--json")) return {0, goal_json(*added), ""};
    return {0, fmt::format("added goal {} with the id {}; it applies to what is stored too\n", added->name, added->id),
            ""};
}

CommandResult goal_set_command(Installation& installation, const Args& args, const std::string&) {
    if (args.has("--page") && args.has("--event"))
        return failed(Error(Code::kInvalidArgument, "give either --page or --event", "--page"));
    const auto snapshot = installation.catalog().snapshot();
    const std::string site_id = args.get("--site");
    if (snapshot->site(site_id) == nullptr) return failed(no_site(site_id));
    const std::string& id = args.positional[0];
    const auto& goals = snapshot->goals_of(site_id);
    const auto former = std::find_if(goals.begin(), goals.end(), [&](const auto& goal) { return goal.id == id; });
    if (former == goals.end()) return failed(catalog::no_goal(id));
    catalog::Goal goal = *former;
    if (args.has("--name")) goal.name = args.get("--name");
    take_flags(args, goal);
    const auto changed = api::save_checked_goal(installation.catalog(), std::move(goal));
    if (!changed) return failed(of_flags(changed.error()));
    if (args.has("--json")) return {0, goal_json(*changed), ""};
    return {0, fmt::format("goal {} is {} now; that applies to what is stored too\n", changed->id, changed->name), ""};
}

CommandResult goal_list_command(Installation& installation, const Args& args, const std::string&) {
    const auto snapshot = installation.catalog().snapshot();
    const std::string site_id = args.get("--site");
    if (snapshot->site(site_id) == nullptr) return failed(no_site(site_id));
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
