#include "app/rescoring.h"

#include <utility>

namespace footfall::app {

Rescoring::Rescoring(log::DiskLog& log, store::Client& store, process::Loader& loader, Clock& clock,
                     rescore::RescorerOptions options, std::mutex& one_at_a_time,
                     std::function<rescore::Judge()> make_judge, std::function<void()> remade,
                     std::function<Status(const std::string& site_id)> forget_rollups,
                     std::function<Status()> complete_others)
    : one_at_a_time_(one_at_a_time),
      forget_rollups_(std::move(forget_rollups)),
      complete_others_(std::move(complete_others)),
      rescorer_(log, store, loader, clock, std::move(options), std::move(make_judge), std::move(remade)),
      resumption_(loader, one_at_a_time,
                  {.name = "rescore",
                   .called = "a re-scoring of bots",
                   .is_pending = [this] { return rescorer_.is_pending(); },
                   .resume = [this] { return rescorer_.resume(); }}) {}

Rescoring::~Rescoring() {
    rescorer_.stop();
    const std::lock_guard nothing_under_way(one_at_a_time_);
}

Status Rescoring::hold_loader() {
    TRY(const bool is_pending, resumption_.hold_loader());
    if (is_pending) rescorer_.expect_resume();
    return {};
}

Result<rescore::Report> Rescoring::rescore(rescore::Request request, log::ErasurePace pace) {
    const std::lock_guard one_at_a_time(one_at_a_time_);
    TRY_STATUS(complete_others_());
    // They are made again of what the events say then. Before anything is pending.
    for (const std::string& site : request.sites) TRY_STATUS(forget_rollups_(site));
    Result<rescore::Report> report = rescorer_.rescore(std::move(request), pace);
    if (!report) return resumption_.failed(report.error());
    resumption_.succeeded();
    return report;
}

Status Rescoring::complete() {
    if (const Status done = rescorer_.resume(); !done)
        return done.error().context("a re-scoring of bots has to be completed before");
    resumption_.succeeded();
    return {};
}

std::string Rescoring::why_not_answering() const {
    if (!rescorer_.is_remaking()) return {};
    std::string why = problem();
    if (!why.empty()) return why;
    return "stored verdicts on bots are becoming those of today's lists; ask again in a moment";
}

}  // namespace footfall::app
