#include <fmt/format.h>

#include "base/json.h"
#include "query/cells.h"
#include "query/funnel/funnel_plan.h"

namespace footfall::query {
namespace {

std::uint64_t count_at(const std::vector<store::Value>& row, std::size_t place) {
    const auto* count = std::get_if<std::uint64_t>(&row.at(place));
    FOOTFALL_CHECK(count != nullptr);  // the statement counts
    return *count;
}

class FunnelWriter {
public:
    FunnelWriter(const FunnelPlan& funnel, const Zone& zone, const store::Answer& dropped)
        : funnel_(funnel), zone_(zone), dropped_(dropped), first_(funnel.plan.dimensions.size()), json_(out_) {}

    std::string write(const AnswerParts& parts) && {
        const auto& rows = parts.current.rows;
        json_.begin_object();
        write_steps(rows.empty() ? nullptr : &rows.front(), funnel_.dropped_limit > 0);
        json_.key("breakdown");
        if (first_ == 0) {
            json_.null();
        } else {
            json_.begin_array();
            for (std::size_t i = 1; i < rows.size(); ++i) {
                json_.begin_object();
                json_.member("value", std::get<std::string>(rows[i].front()));
                write_steps(&rows[i], false);
                json_.end_object();
            }
            json_.end_array();
        }
        write_meta(json_, funnel_.plan, zone_, parts);
        json_.end_object();
        return std::move(out_);
    }

private:
    /// Null: of nobody.
    void write_steps(const std::vector<store::Value>* row, bool names_dropped) {
        const std::size_t steps = funnel_.steps.size();
        const auto counted = [&](std::size_t place) { return row == nullptr ? 0 : count_at(*row, first_ + place); };
        json_.key("steps");
        json_.begin_array();
        for (std::size_t i = 0; i < steps; ++i) {
            const std::uint64_t visitors = counted(i);
            const std::uint64_t before = i == 0 ? visitors : counted(i - 1);
            json_.begin_object();
            json_.member("name", funnel_.steps[i].name);
            json_.member("visitors", visitors);
            write_share("rate", visitors, counted(0));
            write_share("step_rate", visitors, before);
            json_.member("drop_off", before - visitors);
            if (names_dropped) write_dropped(i);
            if (funnel_.by == FunnelBy::kSession) {
                json_.member("sessions", counted(steps + i));
                write_share("session_rate", counted(steps + i), counted(steps));
            }
            json_.end_object();
        }
        json_.end_array();
    }
    /// Who reached the step before and not this one.
    void write_dropped(std::size_t before) {
        json_.key("dropped");
        json_.begin_array();
        for (const auto& row : dropped_.rows) {
            if (natural_of(row.at(0)) != before) continue;
            json_.begin_object();
            json_.member("user_id", text_of(row.at(1)));
            json_.member("at", zone_.instant_text(static_cast<std::int64_t>(natural_of(row.at(2)))));
            json_.end_object();
        }
        json_.end_array();
    }
    /// In percent; null of nobody.
    void write_share(const char* name, std::uint64_t part, std::uint64_t whole) {
        json_.key(name);
        if (whole == 0) json_.null();
        else json_.number(100.0 * static_cast<double>(part) / static_cast<double>(whole));
    }

    const FunnelPlan& funnel_;
    const Zone& zone_;
    const store::Answer& dropped_;
    const std::size_t first_;  ///< column of the first step
    std::string out_;
    json::Writer json_;
};

}  // namespace

Result<std::string> write_funnel(const FunnelPlan& funnel, const Zone& zone, const AnswerParts& parts,
                                 const store::Answer& dropped) {
    const std::size_t width = funnel.counts() + (funnel.has_breakdown() ? 2 : 0);
    if (parts.current.columns.size() != width)
        return Error(Code::kInternal, fmt::format("the store answered {} columns where the funnel has {}",
                                                  parts.current.columns.size(), width));
    return FunnelWriter(funnel, zone, dropped).write(parts);
}

}  // namespace footfall::query
