#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace footfall::store::embedded {

/// What a confined process may still reach.
struct Confinement {
    std::vector<std::string> writable;  ///< directories, with all that is below
    std::vector<std::string>
        readable;  ///< files and directories beside the few of the system that the C library and the engine read
};

/// Confines this process for good: the engine executes SQL, and SQL can read files, open connections and write files.
/// From here on nothing outside of `writable` can be written, nothing but `readable` and a few files of the system can
/// be read, no socket can be made, bound or connected (what listens already goes on accepting), no program executed, no
/// other process traced, nothing mounted; no core file is written. By Landlock and a seccomp filter, as far as the
/// kernel has them: what is missing is returned, one sentence each. Call before any other thread exists; kInternal
/// where a step fails that the kernel should know.
Result<std::vector<std::string>> confine(const Confinement& confinement);

/// Makes this process end with its parent: SIGKILL when the thread that started it ends. kUnavailable where the parent
/// is gone already.
Status die_with_parent(int parent_pid);

}  // namespace footfall::store::embedded
