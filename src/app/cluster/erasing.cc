#include "app/cluster/erasing.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "app/cluster/engines.h"
#include "app/cluster/erasures.h"
#include "base/failpoint.h"
#include "erase/order.h"
#include "erase/store_rows.h"
#include "log/kafka/topics.h"
#include "process/loaders.h"
#include "process/partition_hold.h"

namespace footfall::app::cluster {
namespace {

constexpr int kWaitMs = 60'000;
constexpr int kTriesMax = 5;
/// Collectors hear of a site that was removed within a second; what they take until then is to go too.
constexpr auto kHeardWithin = std::chrono::seconds(2);

/// Whether an order that was begun is about whom is asked for.
bool is_of(const erase::Subject& order, const erase::Subject& asked) {
    const auto has_all = [](const auto& all, const auto& some) {
        return std::ranges::all_of(some, [&](const auto& one) { return std::ranges::find(all, one) != all.end(); });
    };
    return order.website_id == asked.website_id && order.is_whole_site == asked.is_whole_site &&
           has_all(order.user_ids, asked.user_ids) && has_all(order.visitor_ids, asked.visitor_ids);
}

void append(std::vector<log::Position>& to, const std::vector<log::Position>& from) {
    to.insert(to.end(), from.begin(), from.end());
}

std::vector<std::uint64_t> offsets_of(const std::vector<log::Position>& places) {
    std::vector<std::uint64_t> out;
    for (const log::Position& place : places) out.push_back(place.offset);
    return out;
}

/// "events within 15 days", "events for ever".
std::string until_when(std::string_view topic, const Result<std::optional<std::int64_t>>& kept_ms) {
    if (!kept_ms) return fmt::format("{} by its retention.ms and segment.ms", topic);
    if (!*kept_ms) return fmt::format("{} never, since its retention is unlimited", topic);
    const std::int64_t hours = (**kept_ms + 3'599'999) / 3'600'000;
    if (hours < 48) return fmt::format("{} within {} hours", topic, hours);
    return fmt::format("{} within {} days", topic, (hours + 23) / 24);
}

}  // namespace

std::vector<const log::EventLog*> ClusterErasing::Logs::all() const {
    std::vector<const log::EventLog*> out;
    for (const TopicLogs* topic : {&events, &rejected})
        for (const auto& log : topic->logs) out.push_back(log.get());
    return out;
}

std::vector<log::Position> ClusterErasing::Logs::ends() const {
    std::vector<log::Position> out = events.ends;
    append(out, rejected.ends);
    return out;
}

Result<ClusterErasing::Logs> ClusterErasing::open_logs() const {
    const log::ErasuresOf erasures = erasures_asked(catalog_);
    Logs logs;
    TRY(logs.events, open_topic(settings_, "events", erasures));
    TRY(logs.rejected, open_topic(settings_, "rejected_events", erasures, process::kRejectedPartitions));
    return logs;
}

Result<ClusterErasing::Logs> ClusterErasing::open_loaded() const {
    TRY_STATUS(wait_deduplicated(settings_));
    TRY(Logs logs, open_logs());
    for (const log::Position& end : logs.events.ends) TRY_STATUS(process::wait_partition_loaded(store_, end, kWaitMs));
    return logs;
}

Status ClusterErasing::follow(erase::Subject& subject) const {
    for (;;) {
        const erase::Subject before = subject;
        TRY_STATUS(erase::follow_rows(store_, subject));
        if (subject == before) return {};
    }
}

Result<erase::Found> ClusterErasing::find_in(const Logs& logs, erase::Subject subject,
                                             std::span<const std::uint64_t> begins) const {
    const auto all = logs.all();
    const auto ends = logs.ends();
    for (;;) {
        TRY_STATUS(follow(subject));
        std::vector<erase::Stretch> stretches;
        for (std::size_t i = 0; i < all.size(); ++i)
            stretches.push_back({.log = all[i], .range = {.begin = begins[i], .end = ends[i].offset}});
        TRY(erase::Found found, erase::find(std::move(stretches), subject));
        // One that has grown was counted from the first entries on, of which the store has rows too.
        if (found.subject == subject) return found;
        subject = std::move(found.subject);
    }
}

Result<ClusterErasing::Looked> ClusterErasing::look(erase::Subject subject) const {
    TRY(const Logs logs, open_loaded());
    std::vector<std::uint64_t> begins = offsets_of(logs.events.ends);
    begins.resize(begins.size() + logs.rejected.ends.size());
    TRY(erase::Found found, find_in(logs, std::move(subject), begins));
    TRY(const erase::Rows rows, erase::count_rows(store_, found.subject));
    found.events = rows.events;
    found.visitors = rows.visitors;
    return Looked{.found = std::move(found), .rejected_ends = logs.rejected.ends};
}

Result<erase::Found> ClusterErasing::find(const erase::Subject& subject) const {
    TRY(Looked looked, look(subject));
    TRY(const auto orders, catalog_.erasures());
    for (const catalog::Erasure& order : orders) {
        if (order.done_ms != 0) continue;
        TRY(const erase::Subject begun, erase::subject_of(order));
        looked.found.is_begun = looked.found.is_begun || is_of(begun, subject);
    }
    return std::move(looked.found);
}

Result<std::vector<process::TablesHeld>> ClusterErasing::hold_all() const {
    std::vector<process::TablesHeld> held;
    // In one order, so that two who do this wait for each other and not both.
    for (const std::uint16_t first : {std::uint16_t{0}, process::kRejectedPartitions})
        for (std::int64_t partition = 0; partition < settings_.kafka_partitions; ++partition) {
            TRY(process::TablesHeld one,
                process::hold_partition(store_, static_cast<std::uint16_t>(first + partition), kWaitMs));
            held.push_back(std::move(one));
        }
    return held;
}

Result<erase::Found> ClusterErasing::find_held(const Logs& logs, const Looked& before,
                                               std::span<const process::TablesHeld> held) const {
    std::vector<std::uint64_t> begins;
    for (const process::TablesHeld& one : held.first(logs.events.ends.size())) begins.push_back(one.position.offset);
    for (const log::Position& end : before.rejected_ends) begins.push_back(end.offset);
    TRY(erase::Found found, find_in(logs, before.found.subject, begins));
    if (found.subject == before.found.subject) {
        found.rejected += before.found.rejected;
        append(found.rejected_places, before.found.rejected_places);
    } else {
        // Samples of before may name who was only found out now.
        std::fill(begins.begin() + static_cast<std::ptrdiff_t>(logs.events.ends.size()), begins.end(), 0);
        TRY(found, find_in(logs, std::move(found.subject), begins));
        append(found.rejected_places, before.found.rejected_places);
    }
    TRY(const erase::Rows rows, erase::count_rows(store_, found.subject));
    found.events += rows.events;
    found.visitors = std::max(found.visitors, rows.visitors);
    return found;
}

Result<erase::Report> ClusterErasing::erase(const erase::Subject& subject, log::ErasurePace) {
    if (subject.is_whole_site) std::this_thread::sleep_for(kHeardWithin);
    TRY(const auto orders, catalog_.erasures());
    std::optional<catalog::Erasure> same;
    for (const catalog::Erasure& order : orders) {
        if (order.done_ms != 0) continue;
        TRY(erase::Subject begun, erase::subject_of(order));
        if (!same && is_of(begun, subject)) {
            same = order;
            continue;
        }
        TRY([[maybe_unused]] const erase::Report of_before, carry_out(std::move(begun), order));
    }
    if (!same) return carry_out(subject, {});
    TRY(erase::Subject begun, erase::subject_of(*same));
    return carry_out(std::move(begun), *same);
}

Result<erase::Report> ClusterErasing::carry_out(erase::Subject subject, catalog::Erasure order) {
    TRY(Looked looked, look(std::move(subject)));
    erase::Report report;
    for (int attempt = 0;; ++attempt) {
        TRY(const auto held, hold_all());
        // Opened anew: they end behind everything that a loader has seen.
        TRY(const Logs logs, open_logs());
        TRY(looked.found, find_held(logs, looked, held));
        looked.rejected_ends = logs.rejected.ends;
        const erase::Found& found = looked.found;
        order.subject = found.subject.json();
        order.partitions.clear();
        for (const log::Position& end : logs.ends())
            order.partitions.push_back({.number = end.partition, .end = end.offset});
        TRY(order, catalog_.put_erasure(std::move(order)));
        (void)failpoint("erase.ordered");
        TRY(const std::uint64_t sessions, erase::delete_rows(store_, found.subject, found.rejected_places));
        TRY_STATUS(erase::delete_undo(store_));
        (void)failpoint("erase.rows");
        // What another try finds is what came back meanwhile.
        report.events = std::max(report.events, found.events);
        report.rejected = std::max(report.rejected, found.rejected);
        report.visitors = std::max(report.visitors, found.visitors);
        report.sessions = std::max(report.sessions, sessions);
        if (std::ranges::all_of(held, [](const process::TablesHeld& one) { return one.is_intact(); })) {
            TRY_STATUS(catalog_.set_erasure_done(order.id));
            break;
        }
        if (attempt + 1 == kTriesMax)
            return Error(Code::kUnavailable,
                         "load roles took partitions over from each other again and again during the erasure; run it "
                         "again when they are steady");
    }
    TRY(report.note, what_is_left(order));
    return report;
}

Result<std::string> ClusterErasing::what_is_left(const catalog::Erasure& order) const {
    TRY(const auto options, topics_options(settings_));
    std::string note = "Kafka gives up no single entries. Nothing reads these any more, and they go as others do: ";
    for (const std::string_view topic : {"raw_events", "events", "rejected_events"}) {
        const auto kept_ms = log::kafka::kept_ms(options, topic);
        note += fmt::format("{}{}", until_when(topic, kept_ms), topic == "rejected_events" ? "." : ", ");
    }
    if (const std::size_t archives = archives_left(settings_, order); archives > 0)
        note += fmt::format(
            "\nThe load roles now take it out of the archive of {} partitions; 'footfall doctor' says what is left.",
            archives);
    const auto parts = erase::detached_parts(store_);
    if (!parts) note += "\nParts that were taken out of the store's tables are not known: " + parts.error().message;
    else if (!parts->empty())
        note += fmt::format("\nParts that were taken out of the store's tables may have some of it; remove them: {}",
                            fmt::join(*parts, ", "));
    return note;
}

Result<erase::ExportPage> ClusterErasing::export_page(const erase::ExportRequest& request,
                                                      std::string_view from) const {
    const std::lock_guard lock(export_mutex_);
    erase::ExportRequest asked = request;
    if (from.empty()) {
        TRY(export_logs_, open_loaded());
        // The pages that follow say themselves who that is.
        TRY_STATUS(follow(asked.subject));
    } else if (!export_logs_) {
        TRY(export_logs_, open_logs());
    }
    TRY(erase::ExportPage page, erase::export_page(export_logs_->all(), store_, asked, from));
    if (!page.next && !export_logs_->events.has_its_first_entries())
        page.note =
            "Events of before are not in it: Kafka has given them up. The store has their rows, and the archive "
            "the events, where there is one.";
    return page;
}

}  // namespace footfall::app::cluster
