#pragma once

#include <cstdint>
#include <string>

#include "backup/backup.h"
#include "backup/manifest.h"
#include "base/clock.h"
#include "base/result.h"

namespace footfall::backup {

/// Copies the first `bytes` bytes of a file, synced on return; the copy is the owner's alone. kCorrupt where the file
/// is shorter.
Result<FileSum> copy_file(const std::string& from, const std::string& to, std::uint64_t bytes, Pace pace, Clock& clock);
/// The same of what is in memory.
Result<FileSum> write_new_file(const std::string& to, std::string_view content);
/// Size and checksum of a file.
Result<FileSum> sum_file(const std::string& path);
/// kOverloaded where `bytes` more would not leave enough of the file system of `directory` to others.
Status check_room(const std::string& directory, std::uint64_t bytes);
/// Removes a folder of files, and nothing but that. No error where it is not there.
Status remove_folder(const std::string& path);

}  // namespace footfall::backup
