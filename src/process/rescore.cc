#include "process/rescore.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "process/sql.h"

namespace footfall::process {
namespace {

constexpr int kTimeoutMs = 300'000;
constexpr std::size_t kSamplesOfChange = 5;
/// User agents of one change that are counted for its samples. Whoever makes up more is seen in those.
constexpr std::size_t kAgentsOfChange = 10'000;

using Parameters = std::vector<std::pair<std::string, std::string>>;
/// A site's visitor. Numbers of two sites are those of two people, also where they are equal.
using Visitor = std::pair<std::size_t, std::uint64_t>;

/// Counts events, and visitors that come one behind the other.
struct Counter {
    VerdictCount count;
    std::optional<Visitor> last;

    void add(const Visitor& visitor, std::uint64_t events) {
        count.events += events;
        if (last != visitor) ++count.visitors;
        last = visitor;
    }
};

struct Row {
    Visitor visitor;
    std::string day;
    std::string user_agent;
    std::string referrer;
    std::string ip;
    std::string reason;
    std::string lists;
    std::uint64_t events = 0;
};

Row read_row(std::size_t site, std::vector<store::Value>& cells) {
    const auto text = [&cells](std::size_t i) { return std::move(std::get<std::string>(cells.at(i))); };
    return {.visitor = {site, std::get<std::uint64_t>(cells.at(0))},
            .day = text(1),
            .user_agent = text(2),
            .referrer = text(3),
            .ip = text(4),
            .reason = text(5),
            .lists = text(6),
            .events = std::get<std::uint64_t>(cells.at(7))};
}

class Preview {
public:
    Preview(const RescoreFilter& filter, const Judge& judge) : filter_(filter), judge_(judge) {}

    void add(const Row& row) {
        report_.events += row.events;
        report_.lists_then[row.lists] += row.events;
        if (row.user_agent.empty()) report_.events_without_user_agent += row.events;
        event::Event stored;
        stored.user_agent = row.user_agent;
        stored.referrer = row.referrer;
        stored.ip = event::parse_ip(row.ip).value_or(event::kind::ip{});
        stored.bot_reason = row.reason;
        const std::string_view reason = judge_(stored);
        if (reason == row.reason) return;
        Counter& sum = row.reason.empty() ? become_bots_ : reason.empty() ? become_people_ : other_reason_;
        sum.add(row.visitor, row.events);
        changes_[{filter_.sites[row.visitor.first].id, row.day, row.reason, std::string(reason)}].add(row.visitor,
                                                                                                      row.events);
        auto& agents = agents_[{row.reason, std::string(reason)}];
        const auto known = agents.find(row.user_agent);
        if (known != agents.end()) known->second += row.events;
        else if (agents.size() < kAgentsOfChange) agents.emplace(row.user_agent, row.events);
    }

    RescoreReport report() {
        report_.become_bots = become_bots_.count;
        report_.become_people = become_people_.count;
        report_.other_reason = other_reason_.count;
        for (const auto& [change, counter] : changes_) report_.changes.emplace(change, counter.count);
        for (const auto& [change, agents] : agents_) {
            const std::size_t begin = report_.samples.size();
            for (const auto& [agent, events] : agents)
                report_.samples.push_back({change.first, change.second, agent, events});
            const auto of_change = report_.samples.begin() + static_cast<std::ptrdiff_t>(begin);
            std::stable_sort(of_change, report_.samples.end(),
                             [](const auto& a, const auto& b) { return a.events > b.events; });
            report_.samples.resize(std::min(report_.samples.size(), begin + kSamplesOfChange));
        }
        return std::move(report_);
    }

private:
    const RescoreFilter& filter_;
    const Judge& judge_;
    RescoreReport report_;
    Counter become_bots_;
    Counter become_people_;
    Counter other_reason_;
    std::map<VerdictChange, Counter> changes_;
    std::map<std::pair<std::string, std::string>, std::map<std::string, std::uint64_t>> agents_;
};

void write_count(json::Writer& writer, const VerdictCount& count) {
    writer.member("events", count.events);
    writer.member("visitors", count.visitors);
}

}  // namespace

Result<RescoreReport> preview_rescore(store::Client& store, const RescoreFilter& filter, const Judge& judge,
                                      std::uint64_t rows_per_pass) {
    Preview preview(filter, judge);
    for (std::size_t site = 0; site < filter.sites.size(); ++site) {
        Parameters of_site = {{"site", filter.sites[site].id},
                              {"zone", filter.sites[site].timezone},
                              {"since", std::to_string(std::max<std::int64_t>(0, filter.since_ms))},
                              {"until", std::to_string(std::max<std::int64_t>(0, filter.until_ms))}};
        TRY(const store::Answer counted,
            store.query(
                {.sql = std::string(sql::text("rescore-count.sql")), .parameters = of_site, .timeout_ms = kTimeoutMs}));
        const std::uint64_t passes = 1 + std::get<std::uint64_t>(counted.rows.at(0).at(0)) / rows_per_pass;
        for (std::uint64_t pass = 0; pass < passes; ++pass) {
            Parameters of_pass = of_site;
            of_pass.emplace_back("passes", std::to_string(passes));
            of_pass.emplace_back("pass", std::to_string(pass));
            TRY(store::Answer answer, store.query({.sql = std::string(sql::text("rescore-evidence.sql")),
                                                   .parameters = of_pass,
                                                   .timeout_ms = kTimeoutMs}));
            for (auto& cells : answer.rows) preview.add(read_row(site, cells));
        }
    }
    return preview.report();
}

void RescoreReport::write_members(json::Writer& writer) const {
    const auto totals = [&writer](std::string_view name, const VerdictCount& count) {
        writer.key(name);
        writer.begin_object();
        write_count(writer, count);
        writer.end_object();
    };
    writer.member("events", events);
    writer.member("events_without_user_agent", events_without_user_agent);
    writer.member("lists", lists);
    writer.key("lists_then");
    writer.begin_object();
    for (const auto& [then, count] : lists_then) writer.member(then, count);
    writer.end_object();
    totals("become_bots", become_bots);
    totals("become_people", become_people);
    totals("other_reason", other_reason);
    writer.key("changes");
    writer.begin_array();
    for (const auto& [change, count] : changes) {
        writer.begin_object();
        writer.member("site", change.site_id);
        writer.member("day", change.day);
        writer.member("from", change.from);
        writer.member("to", change.to);
        write_count(writer, count);
        writer.end_object();
    }
    writer.end_array();
    writer.key("samples");
    writer.begin_array();
    for (const Sample& sample : samples) {
        writer.begin_object();
        writer.member("from", sample.from);
        writer.member("to", sample.to);
        writer.member("user_agent", sample.user_agent);
        writer.member("events", sample.events);
        writer.end_object();
    }
    writer.end_array();
}

}  // namespace footfall::process
