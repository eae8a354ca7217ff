#pragma once

#include <string>

#include "app/args.h"
#include "app/commands.h"
#include "app/erase_commands.h"

namespace footfall::app {

inline constexpr Flag kRebuildFlags[] = {{kPageFlag, "P", "given by the command itself"}};
/// `footfall rebuild`: one page a second says how far it is, see run_pages().
CommandResult rebuild_command(Installation& installation, const Args& args, const std::string& input);

}  // namespace footfall::app
