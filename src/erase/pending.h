#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "erase/subject.h"

namespace footfall::erase {

/// The erasure under way, in a small file: it is there from before the first byte is erased until the last one is, so
/// that a start knows what a death left half done. It names the subject, as nothing else can once the log is rewritten;
/// afterwards it is overwritten and removed.
class PendingErasure {
public:
    explicit PendingErasure(std::string path) : path_(std::move(path)) {}

    /// Durable on return. kIo.
    Status write(const Subject& subject) const;
    /// kCorrupt where the file is damaged, with what to do.
    Result<std::optional<Subject>> read() const;
    /// Durable on return, also where there is none.
    Status remove() const;

private:
    std::string path_;
};

}  // namespace footfall::erase
