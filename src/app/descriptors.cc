#include "app/descriptors.h"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>

#include "base/logging.h"
#include "base/result.h"

namespace footfall::app {
namespace {

// A server without traffic holds some thirty; the rest is for the index of event ids, the log's readers, SQLite's
// temporary files, and connections that are being turned away.
constexpr std::uint64_t kReserve = 256;

}  // namespace

void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
        logging::warn("serve.open_files_not_raised", {{"error", errno_error("setrlimit", errno).message}});
}

std::uint64_t connections_within_limit(std::uint64_t wanted, std::uint64_t others) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
    const std::uint64_t kept = kReserve + others;
    const std::uint64_t open_files = limit.rlim_cur;
    const std::uint64_t room = std::max<std::uint64_t>(1, open_files - std::min(open_files, kept));
    if (wanted <= room) return wanted;
    logging::warn("serve.connections_limited",
                  {{"connections", room},
                   {"wanted", wanted},
                   {"open_files", open_files},
                   {"mend", "raise the limit on open files (ulimit -n, LimitNOFILE= of a systemd unit) to " +
                                std::to_string(wanted + kept) + ", or lower http.connections_max"}});
    return room;
}

}  // namespace footfall::app
