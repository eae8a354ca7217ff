#include "base/machine.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "base/file.h"

namespace footfall {
namespace {

std::optional<std::uint64_t> number_at(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    std::uint64_t number = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc()) return std::nullopt;
    return number;
}

/// Calls `take` with each line of a file that can be read.
template <class Take>
void for_each_line(const std::string& path, Take take) {
    const auto text = read_file(path);
    if (!text) return;
    for (std::string_view rest = *text; !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        take(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
}

/// The least limit of a group and its parents; "max" is none.
std::uint64_t limit_of(const std::string& mount, std::string_view group, std::string_view file) {
    std::uint64_t least = UINT64_MAX;
    while (true) {
        for_each_line(mount + std::string(group) + '/' + std::string(file),
                      [&](std::string_view line) { least = std::min(least, number_at(line).value_or(UINT64_MAX)); });
        const std::size_t parent = group.rfind('/');
        if (parent == std::string_view::npos) return least;
        group = group.substr(0, parent);
    }
}

}  // namespace

std::uint64_t memory_bytes(const std::string& root) {
    std::uint64_t bytes = 0;
    for_each_line(root + "/proc/meminfo", [&](std::string_view line) {
        constexpr std::string_view kTotal = "MemTotal:";
        if (line.starts_with(kTotal)) bytes = number_at(line.substr(kTotal.size())).value_or(0) * 1024;
    });
    // Lines of "hierarchy:controllers:group"; v2 has no controllers. Within a container the group's path may be the
    // host's, which is not there: its own group is then what is mounted.
    for_each_line(root + "/proc/self/cgroup", [&](std::string_view line) {
        const std::size_t controllers = line.find(':') + 1;
        const std::size_t group = line.find(':', controllers) + 1;
        if (controllers == 0 || group == 0) return;
        const std::string_view of = line.substr(controllers, group - 1 - controllers);
        std::string_view path = line.substr(group);
        if (path == "/") path = {};
        if (of.empty()) bytes = std::min(bytes, limit_of(root + "/sys/fs/cgroup", path, "memory.max"));
        else if (of == "memory")
            bytes = std::min(bytes, limit_of(root + "/sys/fs/cgroup/memory", path, "memory.limit_in_bytes"));
    });
    return bytes;
}

}  // namespace footfall
