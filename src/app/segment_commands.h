#pragma once

#include <string>

#include "app/args.h"
#include "app/commands.h"

namespace footfall::app {

/// `footfall segment add`, `list` and `remove`: their flags, and what carries them out.
inline constexpr Flag kSegmentAddFlags[] = {
    {"--site", "ID", "the site", true},
    {"--filters", "JSON", "as 'filters' of a query: [[\"country\", \"is\", [\"DE\"]]]", true}};
inline constexpr Flag kSegmentListFlags[] = {{"--site", "ID", "the site", true}};
inline constexpr Flag kSegmentRemoveFlags[] = {{"--site", "ID", "the site", true}};
CommandResult segment_add_command(Installation& installation, const Args& args, const std::string& input);
CommandResult segment_list_command(Installation& installation, const Args& args, const std::string& input);
CommandResult segment_remove_command(Installation& installation, const Args& args, const std::string& input);

}  // namespace footfall::app
