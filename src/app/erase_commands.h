#pragma once

#include <string>
#include <string_view>

#include "app/args.h"
#include "app/commands.h"

namespace footfall::app {

/// `footfall export`: its flags, and what carries out a page of it. The first line of the output is what kPageFlag is
/// to have for the next page, empty after the last one.
inline constexpr std::string_view kPageFlag = "--page";
inline constexpr Flag kExportFlags[] = {
    {"--site", "ID", "the site", true},
    {"--visitor", "V", "one visitor: the user_id that the site sent, or the 16 digits by which answers name a visitor"},
    {"--format", "jsonl|csv",
     "jsonl (default): events as they can be sent again, rejected events, and a visitor's sessions; "
     "csv: events alone",
     false, "jsonl|csv"},
    {"--since", "D", "events since then: 36h, 7d, or a day of UTC such as 2026-11-20 (default all)"},
    {"--until", "D", "events before then"},
    {kPageFlag, "P", "given by the command itself"}};
CommandResult export_command(Installation& installation, const Args& args, const std::string& input);

/// `footfall erase`: its flags, and what carries it out.
inline constexpr Flag kEraseFlags[] = {
    {"--site", "ID", "the site", true},
    {"--visitor", "V", "the user_id that the site sent, or the 16 digits by which answers name a visitor"},
    {"--all", "", "everything of the site, and the site itself with its keys, goals, segments and annotations"},
    {"--now", "", "as fast as the disk can, not giving way to the server"},
    {"--dry-run", "", "say what would be erased, and change nothing"}};
CommandResult erase_command(Installation& installation, const Args& args, const std::string& input);

}  // namespace footfall::app
