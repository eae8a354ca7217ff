#pragma once

#include <string>

#include "app/args.h"
#include "app/commands.h"

namespace footfall::app {

/// `footfall goal add`, `set`, `list` and `remove`: their flags, and what carries them out.
inline constexpr Flag kGoalAddFlags[] = {
    {"--site", "ID", "the site", true},
    {"--page", "P", "pageviews of this page"},
    {"--event", "NAME", "custom events of this name"},
    {"--match", "is|contains|matches|any",
     "how the page or name is compared; matches: by a pattern of RE2; any: of '' by --filters alone (default is)",
     false, "is|contains|matches|any"},
    {"--filters", "JSON",
     "further conditions on the event, as 'filters' of a query: [[\"country\", \"is\", [\"DE\"]]]"}};
inline constexpr Flag kGoalSetFlags[] = {
    {"--site", "ID", "the site", true},
    {"--name", "NAME", "what it is called"},
    {"--page", "P", "pageviews of this page, in place of what it was of"},
    {"--event", "NAME", "custom events of this name, in place of what it was of"},
    {"--match", "is|contains|matches|any",
     "how the page or name is compared; any: of '' by --filters alone, so give --page or --event '' too", false,
     "is|contains|matches|any"},
    {"--filters", "JSON", "further conditions on the event, in place of those of before; [] for none"}};
inline constexpr Flag kGoalListFlags[] = {{"--site", "ID", "the site", true}};
inline constexpr Flag kGoalRemoveFlags[] = {{"--site", "ID", "the site", true}};
CommandResult goal_add_command(Installation& installation, const Args& args, const std::string& input);
CommandResult goal_set_command(Installation& installation, const Args& args, const std::string& input);
CommandResult goal_list_command(Installation& installation, const Args& args, const std::string& input);
CommandResult goal_remove_command(Installation& installation, const Args& args, const std::string& input);

}  // namespace footfall::app
