#pragma once

#include <string>

#include "app/args.h"
#include "app/commands.h"

namespace footfall::app {

/// `footfall bots rescore`: its flags, and what carries it out.
inline constexpr Flag kBotsRescoreFlags[] = {
    {"--site", "ID", "one site (default every site)"},
    {"--all", "", "every site, as without --site"},
    {"--since", "D", "events since then: 36h, 7d, or a day of UTC such as 2026-11-20 (default all)"},
    {"--until", "D", "events before then"},
    {"--now", "", "as fast as the disk can, not giving way to the server"},
    {"--dry-run", "", "say what would change, and change nothing"}};
CommandResult bots_rescore_command(Installation& installation, const Args& args, const std::string& input);

}  // namespace footfall::app
