#include "erase/pending.h"

#include <fcntl.h>

#include "base/file.h"

namespace footfall::erase {

Status PendingErasure::write(const Subject& subject) const { return write_file_atomically(path_, subject.json()); }

Result<std::optional<Subject>> PendingErasure::read() const {
    if (!path_exists(path_)) return std::optional<Subject>();
    TRY(const std::string text, read_file(path_));
    // Zeros: it was being removed.
    if (text.find_first_not_of('\0') == text.npos) return std::optional<Subject>();
    auto subject = Subject::of_json(text);
    if (!subject)
        return Error(Code::kCorrupt, path_ +
                                         " is damaged: an erasure is not complete; remove that file and give the "
                                         "command again");
    return subject;
}

Status PendingErasure::remove() const {
    // Of a writing that a death cut off.
    TRY_STATUS(remove_file(path_ + ".tmp"));
    if (!path_exists(path_)) return {};
    {
        TRY(const File file, File::open(path_, O_WRONLY));
        TRY(const std::uint64_t size, file.size());
        TRY_STATUS(file.write_at(std::string(static_cast<std::size_t>(size), '\0'), 0));
        // A death from here on leaves zeros, of which the next start knows that all was done.
        TRY_STATUS(file.sync());
    }
    TRY_STATUS(remove_file(path_));
    return sync_directory(path_.substr(0, path_.rfind('/')));
}

}  // namespace footfall::erase
