#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "app/commands.h"
#include "app/settings.h"
#include "backup/backup.h"
#include "base/clock.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "log/disk/disk_log.h"

namespace footfall::app {

/// What a backup made now has to hold. Thread-safe as its parts are.
Result<backup::Cut> cut_of(const log::DiskLog& log, const catalog::Catalog& catalog, const std::string& data_dir,
                           Clock& clock);

/// What doctor says of backups: none is no fault, since the folder may be copied by other means.
Finding check_backup(const std::string& data_dir, std::int64_t now_ms);

/// Carries `backup` or `restore` out, in this process also beside a server: it may write where the server may not, take
/// hours, and be ended without harm to the server, which says only what a backup has to hold. judge_command() has let
/// the command line pass.
Result<CommandResult> run_in_own_process(const Settings& settings, std::span<const std::string> argv);

}  // namespace footfall::app
