#pragma once

#include <string>

#include "app/args.h"
#include "app/commands.h"

namespace footfall::app {

/// `footfall annotation add`, `list` and `remove`: their flags, and what carries them out.
inline constexpr Flag kAnnotationAddFlags[] = {
    {"--site", "ID", "the site", true},
    {"--date", "D", "the day, by the site's calendar, as 2026-11-24", true},
    {"--time", "HH:MM", "the time by the site's clock; without it the note is of the whole day"}};
inline constexpr Flag kAnnotationListFlags[] = {{"--site", "ID", "the site", true},
                                                {"--from", "D", "of this day and later"},
                                                {"--to", "D", "of this day and before"}};
inline constexpr Flag kAnnotationRemoveFlags[] = {{"--site", "ID", "the site", true}};
CommandResult annotation_add_command(Installation& installation, const Args& args, const std::string& input);
CommandResult annotation_list_command(Installation& installation, const Args& args, const std::string& input);
CommandResult annotation_remove_command(Installation& installation, const Args& args, const std::string& input);

}  // namespace footfall::app
