#include "enrich/line_list.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "enrich/text.h"

namespace footfall::enrich {
namespace {

constexpr std::string_view kVersion = "# version:";
constexpr std::size_t kVersionMax = 40;

}  // namespace

Result<std::string> read_lines(std::string_view text, std::string_view name,
                               const std::function<bool(std::string_view)>& take) {
    const auto digest = sha256(text);
    std::string version = "sha256:" + to_hex({reinterpret_cast<const char*>(digest.data()), 8});
    std::size_t entries = 0;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.ends_with('\r')) line.remove_suffix(1);
        line = trim(line);
        if (line.starts_with(kVersion)) {
            const std::string given = printable(cut_text(trim(line.substr(kVersion.size())), kVersionMax));
            if (!given.empty()) version = given;
        }
        if (line.empty() || line.starts_with('#')) continue;
        if (!take(line))
            return Error(Code::kCorrupt, fmt::format("{} line {}: '{}' is no entry of such a list", name, number,
                                                     printable(cut_text(line, kVersionMax))));
        ++entries;
    }
    if (entries == 0) return Error(Code::kCorrupt, fmt::format("{}: has no entries", name));
    return version;
}

}  // namespace footfall::enrich
