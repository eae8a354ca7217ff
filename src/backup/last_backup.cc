#include <simdjson.h>

#include "backup/backup.h"
#include "base/file.h"
#include "base/json.h"

namespace footfall::backup {
namespace {

std::string path_in(const std::string& data_dir) { return data_dir + "/last-backup"; }

}  // namespace

Status note_backup(const std::string& data_dir, const LastBackup& last) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.member("directory", last.directory);
    writer.member("made_ms", last.made_ms);
    writer.member("end", last.end);
    writer.end_object();
    // Read by the server too, which may be another user than the one that makes backups. It holds no secret.
    return write_file_atomically(path_in(data_dir), out + "\n", 0644);
}

Result<std::optional<LastBackup>> last_backup(const std::string& data_dir) {
    const std::string path = path_in(data_dir);
    if (!path_exists(path)) return std::optional<LastBackup>();
    TRY(const std::string text, read_file(path));
    LastBackup last;
    simdjson::dom::parser parser;
    simdjson::dom::object root;
    std::string_view directory;
    if (parser.parse(text).get(root) != simdjson::SUCCESS || root["directory"].get(directory) != simdjson::SUCCESS ||
        root["made_ms"].get(last.made_ms) != simdjson::SUCCESS || root["end"].get(last.end) != simdjson::SUCCESS)
        return Error(Code::kCorrupt, path + " can't be read; the next backup writes it anew");
    last.directory = directory;
    return std::optional(std::move(last));
}

}  // namespace footfall::backup
