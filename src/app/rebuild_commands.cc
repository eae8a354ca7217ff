#include "app/rebuild_commands.h"

#include <charconv>

#include <fmt/format.h>

#include "app/rebuilding.h"
#include "base/json.h"

namespace footfall::app {
namespace {

constexpr int kPageMs = 1'000;

std::string as_json(const Rebuilding::Progress& progress) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.member("done", !progress.is_running);
    writer.member("entries", progress.done.entries);
    writer.member("entries_of", progress.done.entries_of);
    writer.member("events", progress.done.events);
    writer.member("seconds", static_cast<double>(progress.ms) / 1000.0);
    writer.member("events_per_second", progress.events_per_second());
    writer.end_object();
    return out + "\n";
}

std::string as_text(const Rebuilding::Progress& progress) {
    const std::string rate = fmt::format("{:.0f} events a second", progress.events_per_second());
    if (!progress.is_running)
        return fmt::format(
            "rebuilt: {} events and their sessions in {:.1f} s, {}; what days come to is made again in the "
            "background\n",
            progress.done.events, static_cast<double>(progress.ms) / 1000.0, rate);
    const double share = progress.done.entries_of == 0 ? 100.0
                                                       : 100.0 * static_cast<double>(progress.done.entries) /
                                                             static_cast<double>(progress.done.entries_of);
    return fmt::format("{:.0f} %: {} of {} entries of the log, {}\n", share, progress.done.entries,
                       progress.done.entries_of, rate);
}

}  // namespace

CommandResult rebuild_command(Installation& installation, const Args& args, const std::string&) {
    const auto rebuilding = installation.rebuilding();
    if (!rebuilding) return failed(rebuilding.error());
    const std::string page = args.get(kPageFlag);
    std::uint64_t number = 0;
    std::from_chars(page.data(), page.data() + page.size(), number);
    if (page.empty()) {
        const auto begun = (*rebuilding)->begin();
        if (!begun) return failed(begun.error());
        number = *begun;
    }
    const auto progress = (*rebuilding)->wait(number, kPageMs);
    if (!progress) return failed(progress.error());
    if (progress->error) return failed(*progress->error);
    return {0,
            (progress->is_running ? fmt::format("{}\n", number) : "\n") +
                (args.has("--json") ? as_json(*progress) : as_text(*progress)),
            ""};
}

}  // namespace footfall::app
