#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "app/commands.h"
#include "app/settings.h"
#include "base/result.h"

namespace footfall::app::cluster {

/// Whether commands are of the cluster form: `catalog.url` is set.
bool is_cluster(const Settings& settings);

/// Carries a command out by the engines that the settings name; no node is needed for it.
Result<CommandResult> run_in_cluster(const Settings& settings, std::span<const std::string> argv,
                                     const std::string& input);

/// The same of a command that gives_pages(), each of which `print` gets as it comes; false from it ends the command.
Result<CommandResult> run_pages_in_cluster(const Settings& settings, std::span<const std::string> argv,
                                           const std::function<bool(std::string_view)>& print);

/// Makes what the cluster form stands on, where it is missing: the topics, the store's tables, the catalog's. May be
/// called again, and has to be with each release before its nodes start. What it did, a line each.
Result<std::string> prepare(const Settings& settings);

}  // namespace footfall::app::cluster
