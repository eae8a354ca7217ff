#include "process/sessions/undo.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/logging.h"

namespace footfall::process {
namespace {

// The name, the position (partition u16, offset u64), the rows, and the CRC32C of all before it (u32), little-endian.
constexpr std::string_view kName = "footfall session undo 1\n";
constexpr std::size_t kHead = kName.size() + sizeof(std::uint16_t) + sizeof(std::uint64_t);

}  // namespace

Status UndoFile::write_undo(log::Position from, std::string_view rows) {
    std::string text(kName);
    text.reserve(kHead + rows.size() + sizeof(std::uint32_t));
    put(text, from.partition);
    put(text, from.offset);
    text += rows;
    put(text, crc32c(text));
    return write_file_atomically(path_, text);
}

Result<std::optional<std::string>> UndoFile::read_undo(log::Position from) {
    if (!path_exists(path_)) return std::optional<std::string>();
    auto text = read_file(path_);
    const std::size_t end =
        text && text->size() >= kHead + sizeof(std::uint32_t) ? text->size() - sizeof(std::uint32_t) : 0;
    if (end == 0 || !text->starts_with(kName) ||
        get<std::uint32_t>(text->data() + end) != crc32c(std::string_view(*text).substr(0, end))) {
        logging::warn("loader.undo_unusable",
                      {{"path", path_}, {"error", text ? "the file is damaged" : text.error().message}});
        return std::optional<std::string>();
    }
    const log::Position written{get<std::uint16_t>(text->data() + kName.size()),
                                get<std::uint64_t>(text->data() + kName.size() + sizeof(std::uint16_t))};
    if (written != from) return std::optional<std::string>();
    return std::optional(text->substr(kHead, end - kHead));
}

Status UndoFile::forget_undo() { return remove_file(path_); }

}  // namespace footfall::process
