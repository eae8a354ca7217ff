#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/commands.h"
#include "app/settings.h"
#include "base/file.h"
#include "base/result.h"
#include "enrich/enrich.h"
#include "log/disk/disk_log.h"

/// What an installation stands on: the files that its settings name or that lie beside the program, and the machine.
namespace footfall::app {

/// libchdb.so: as set, or beside the program, or where npm put it.
Result<std::string> find_library(const std::string& setting);

/// The files of enrichment, and how bots are judged.
enrich::DataFiles data_files(const Settings& settings);
Result<enrich::BotOptions> bot_options(const Settings& settings);
Result<std::shared_ptr<const enrich::Tables>> load_tables(const Settings& settings);
/// The lists that enrichment would stand on. Makes nothing.
Result<std::vector<enrich::ListInfo>> installed_lists(const Settings& settings);

/// How the event log of a data folder is opened.
log::DiskLogOptions log_options(const Settings& settings, const std::string& data_dir);

/// What doctor says of these.
Finding check_processor();
void check_enrichment(const enrich::Tables& tables, std::vector<Finding>& findings);
std::string free_space_text(const DiskSpace& space, const std::string& path);
/// What doctor() says of the machine alone, for who has no installation yet: the processor, the engine, the disk, the
/// data of enrichment. Makes nothing.
std::vector<Finding> check_machine(const Settings& settings);

}  // namespace footfall::app
