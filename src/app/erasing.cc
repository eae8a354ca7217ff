#include "app/erasing.h"

#include <utility>

namespace footfall::app {
namespace {

constexpr int kLoadedWaitMs = 60'000;

}  // namespace

EmbeddedErasing::EmbeddedErasing(log::DiskLog& log, store::Client& store, process::Loader& loader, Clock& clock,
                                 erase::EraserOptions options, std::mutex& one_at_a_time,
                                 std::function<void(const erase::Subject&)> forget,
                                 std::function<Status(const erase::Subject& subject)> forget_rollups,
                                 std::function<Status()> complete_others)
    : history_(options.history != nullptr ? *options.history : log),
      store_(store),
      loader_(loader),
      one_at_a_time_(one_at_a_time),
      forget_rollups_(std::move(forget_rollups)),
      complete_others_(std::move(complete_others)),
      eraser_(log, store, loader, clock, std::move(options), std::move(forget)),
      resumption_(loader, one_at_a_time,
                  {.name = "erase",
                   .called = "an erasure",
                   .is_pending = [this] { return eraser_.is_pending(); },
                   .resume = [this] { return eraser_.resume(); }}) {}

Status EmbeddedErasing::hold_loader() {
    TRY([[maybe_unused]] const bool is_pending, resumption_.hold_loader());
    return {};
}

Result<erase::Report> EmbeddedErasing::erase(const erase::Subject& subject, log::ErasurePace pace) {
    const std::lock_guard one_at_a_time(one_at_a_time_);
    TRY_STATUS(complete_others_());
    // They are made again of what is left. Before anything is pending: what a death leaves has none of the site.
    TRY_STATUS(forget_rollups_(subject));
    Result<erase::Report> report = eraser_.erase(subject, pace);
    if (!report) return resumption_.failed(report.error());
    resumption_.succeeded();
    return report;
}

Status EmbeddedErasing::complete() {
    if (const Status done = eraser_.resume(); !done)
        return done.error().context("an erasure has to be completed before");
    resumption_.succeeded();
    return {};
}

Result<erase::Found> EmbeddedErasing::find(const erase::Subject& subject) const {
    return erase::find(history_, subject, {.begin = 0, .end = history_.end().offset});
}

Result<erase::ExportPage> EmbeddedErasing::export_page(const erase::ExportRequest& request,
                                                       std::string_view from) const {
    if (from.empty()) TRY_STATUS(loader_.wait_loaded(history_.end(), kLoadedWaitMs));
    return erase::export_page(history_, store_, request, from);
}

}  // namespace footfall::app
