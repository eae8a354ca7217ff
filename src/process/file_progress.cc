#include "process/file_progress.h"

#include <charconv>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/logging.h"

namespace footfall::process {
namespace {

// "footfall loader 1\n<partition> <offset> <store identity> <rejected identity>\n<crc of what is before, hex>\n".
// Before 0.1.0 was released the second identity and the blank before it were not there.
std::string write_checkpoint_text(const Checkpoint& checkpoint) {
    const std::string body = fmt::format("footfall loader 1\n{} {} {}{}{}\n", checkpoint.position.partition,
                                         checkpoint.position.offset, checkpoint.store_identity,
                                         checkpoint.rejected_identity.empty() ? "" : " ", checkpoint.rejected_identity);
    return body + fmt::format("{:08x}\n", crc32c(body));
}

std::optional<Checkpoint> read_checkpoint_text(const std::string& text) {
    const std::size_t crc_at = text.size() < 9 ? std::string::npos : text.size() - 9;
    if (crc_at == std::string::npos ||
        text.substr(crc_at) != fmt::format("{:08x}\n", crc32c(std::string_view(text).substr(0, crc_at))))
        return std::nullopt;
    Checkpoint checkpoint;
    const std::size_t line = text.find('\n') + 1;
    const char* end = text.data() + text.size();
    const auto partition = std::from_chars(text.data() + line, end, checkpoint.position.partition);
    if (partition.ec != std::errc() || *partition.ptr != ' ') return std::nullopt;
    const auto offset = std::from_chars(partition.ptr + 1, end, checkpoint.position.offset);
    if (offset.ec != std::errc() || *offset.ptr != ' ') return std::nullopt;
    const auto identity_at = static_cast<std::size_t>(offset.ptr + 1 - text.data());
    const std::string identities = text.substr(identity_at, text.find('\n', identity_at) - identity_at);
    const std::size_t blank = identities.find(' ');
    checkpoint.store_identity = identities.substr(0, blank);
    if (blank != std::string::npos) checkpoint.rejected_identity = identities.substr(blank + 1);
    return checkpoint;
}

}  // namespace

Status FileProgress::set_back(const std::string& checkpoint_path, log::Position position) {
    const auto text = read_file(checkpoint_path);
    auto checkpoint = text ? read_checkpoint_text(*text) : std::nullopt;
    if (!checkpoint || checkpoint->position <= position) return {};
    checkpoint->position = position;
    return write_file_atomically(checkpoint_path, write_checkpoint_text(*checkpoint));
}

std::optional<Checkpoint> FileProgress::found() {
    const auto text = read_file(checkpoint_path_);
    auto checkpoint = text ? read_checkpoint_text(*text) : std::nullopt;
    if (text && !checkpoint) logging::warn("loader.checkpoint_unusable", {{"path", checkpoint_path_}});
    return checkpoint;
}

Status FileProgress::write(const Checkpoint& checkpoint) {
    return write_file_atomically(checkpoint_path_, write_checkpoint_text(checkpoint));
}

}  // namespace footfall::process
