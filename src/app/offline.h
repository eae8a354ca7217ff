#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "app/commands.h"
#include "app/settings.h"
#include "base/result.h"

namespace footfall::app {

/// Carries a command out on the installation that the settings name: by the server that runs on it, or in this process,
/// which then holds the installation's lock for that time. judge_command() has let it pass.
Result<CommandResult> run_anywhere(const Settings& settings, std::span<const std::string> argv,
                                   const std::string& input);

/// The pages of a command that gives_pages(), one after the other: `page_by` carries out the command line that asks for
/// one, or gives nothing where it can't, and nothing comes then. `print` gets each page; false from it ends the
/// command.
std::optional<Result<CommandResult>> print_pages(
    std::span<const std::string> argv,
    const std::function<std::optional<Result<CommandResult>>(std::span<const std::string> argv)>& page_by,
    const std::function<bool(std::string_view)>& print);

/// As run_anywhere(), of a command that gives_pages(), each of which `print` gets as it comes; false from it ends the
/// command. In memory is one page.
Result<CommandResult> run_pages(const Settings& settings, std::span<const std::string> argv,
                                const std::function<bool(std::string_view)>& print);

/// kNotFound where there is no installation in the folder.
Status require_installation(const std::string& data_dir);

}  // namespace footfall::app
