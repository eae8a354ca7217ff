#pragma once

#include <string>

#include "base/file.h"
#include "base/result.h"

/// The version of a data folder as a whole: the file `format` in it, one JSON object:
///
///     {"footfall_data":1,"written_by":"0.1.0","catalog":"0002-accounts.sql","store":"0017-sessions-codecs.sql"}
///
/// `footfall_data` is raised with every change of a file that an older release would misread (log, index, identity, the
/// folder's layout); the others are the newest migrations of catalog and store. It is written before a release first
/// changes anything, so an older one knows what it must not touch. A folder without the file is of before it came.
namespace footfall::app {

/// kUnsupported, naming the release, where a newer one has written to the folder; kConflict where a restore was cut
/// off. Looks only, at the parts too, and changes nothing, whatever comes of it.
Status check_data_dir(const std::string& data_dir);

/// Makes the folder where it is not there, takes its lock, waiting `wait_ms` for another process, and says in `format`
/// that this release writes here. Errors as check_data_dir(), and kConflict where the lock is held.
Result<LockFile> take_data_dir(const std::string& data_dir, int wait_ms);

}  // namespace footfall::app
