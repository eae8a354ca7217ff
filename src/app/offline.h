#pragma once

#include <span>
#include <string>

#include "app/commands.h"
#include "app/settings.h"
#include "base/result.h"

namespace footfall::app {

/// Carries a command out on the installation that the settings name: by the server that runs on it, or in this process,
/// which then holds the installation's lock for that time. judge_command() has let it pass.
Result<CommandResult> run_anywhere(const Settings& settings, std::span<const std::string> argv,
                                   const std::string& input);

/// kNotFound where there is no installation in the folder.
Status require_installation(const std::string& data_dir);

}  // namespace footfall::app
