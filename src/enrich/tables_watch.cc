#include "enrich/tables_watch.h"

#include <sys/stat.h>

#include <utility>

#include <fmt/format.h>

#include "base/metrics.h"

namespace footfall::enrich {
namespace {

metrics::Counter& reloads(std::string_view result) {
    return metrics::counter("footfall_enrich_reloads_total",
                            "Times that files of enrichment had changed and were loaded, or could not be.",
                            fmt::format("result=\"{}\"", result));
}

}  // namespace

TablesWatch::TablesWatch(DataFiles files, BotOptions bots, std::shared_ptr<const Tables> loaded)
    : files_(std::move(files)), bots_(bots), in_use_(std::move(loaded)), tried_(signature()), seen_(tried_) {
    reloads("ok");
    reloads("failed");
}

std::string TablesWatch::signature() const {
    std::string out;
    for (const std::string& path : Tables::paths(files_)) {
        struct stat about {};
        if (::stat(path.c_str(), &about) != 0) about = {};
        out += fmt::format("{} {} {} {} {}.{}\n", path, about.st_dev, about.st_ino, about.st_size, about.st_mtim.tv_sec,
                           about.st_mtim.tv_nsec);
    }
    return out;
}

Result<std::shared_ptr<const Tables>> TablesWatch::look(When when) {
    std::string now = signature();
    const bool is_settled = now == seen_;
    seen_ = now;
    if (when == When::kSettled && (now == tried_ || !is_settled)) return nullptr;
    tried_ = std::move(now);
    auto loaded = load();
    reloads(loaded ? "ok" : "failed").add();
    if (loaded) in_use_ = *loaded;
    return loaded;
}

Result<std::shared_ptr<const Tables>> TablesWatch::load() const {
    TRY(std::shared_ptr<const Tables> loaded, Tables::load(files_, bots_));
    // A file that is missing or broken disables its step at a start; here it would take away what works.
    for (const StepStatus& before : in_use_->status()) {
        for (const StepStatus& after : loaded->status()) {
            if (after.step != before.step || after.problem.empty()) continue;
            if ((before.enabled && !after.enabled) || before.problem.empty())
                return Error(Code::kUnavailable, after.problem);
        }
    }
    return loaded;
}

}  // namespace footfall::enrich
