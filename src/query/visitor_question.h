#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "query/answer.h"
#include "query/plan.h"
#include "query/query.h"
#include "query/shards.h"
#include "query/zone.h"
#include "store/client.h"

/// What is asked of what each visitor did, in its order: funnels, retention, paths.
///
///     parse_…() ─▶ VisitorRequest::plan() ─▶ VisitorQuestion::compose() ─▶ store ─▶ write()
namespace footfall::query {

/// A question that was understood. It borrows the zone of its context.
class VisitorQuestion {
public:
    virtual ~VisitorQuestion() = default;

    /// Its range and reasons; `condition` has all that is asked of any event, for what has to be read.
    virtual const Plan& plan() const = 0;
    /// Whether it is answered from everything before the range's end, not from the range alone.
    virtual bool is_of_all_before() const = 0;
    /// A statement that is asked beside that of compose(), as that one is. It borrows the question.
    struct Aside {
        std::function<store::Statement(const Shard& shard, int timeout_ms)> compose;
        std::vector<std::size_t> keys;
    };
    /// What has to be known of all visitors before compose(), where anything; its answer goes to learn().
    virtual std::optional<Aside> before() const { return std::nullopt; }
    virtual Status learn(const store::Answer&) { return {}; }
    /// What is told beside the answer, where anything is; its answer goes to learn_after().
    virtual std::optional<Aside> after() const { return std::nullopt; }
    virtual Status learn_after(store::Answer) { return {}; }
    /// Of these visitors.
    virtual store::Statement compose(const Shard& shard, int timeout_ms) const = 0;
    /// The columns of the statement that are no numbers; all others add up over visitors.
    virtual std::vector<std::size_t> keys() const = 0;
    /// Makes of the answers to several parts of the visitors what the statement over all says.
    virtual void arrange(store::Answer&) const {}
    virtual Result<std::string> write(const AnswerParts& parts) const = 0;
};

/// A question of the right shape; names and values are judged by plan().
struct VisitorRequest {
    Request of{};  ///< site, range, filters, include_bots, explain, and what else the question takes of it

    virtual ~VisitorRequest() = default;
    /// Of `context`, whose request is `of`. Errors as make_plan().
    virtual Result<std::unique_ptr<VisitorQuestion>> plan(const PlanContext& context) const = 0;

protected:
    VisitorRequest() = default;
    VisitorRequest(const VisitorRequest&) = default;
    VisitorRequest(VisitorRequest&&) = default;
    VisitorRequest& operator=(const VisitorRequest&) = default;
    VisitorRequest& operator=(VisitorRequest&&) = default;
};

/// What plans of visitors begin with: site, range and bots; `condition` has the filters alone. Errors as make_plan().
Result<Plan> begin_visitor_plan(const Request& request, const PlanContext& context);
/// After everything that asks for columns: the goals that these need. Errors as make_plan().
Status end_visitor_plan(const PlanContext& context, Plan& plan);

/// Which columns of a plan need another table.
struct TablesNeeded {
    std::string
        of_session;  ///< the last one that events do not have, and no set of sessions' keys stands for; empty: none
    std::string of_event;  ///< the last one that sessions do not have as each event has it; empty: none
};
TablesNeeded tables_needed(const Plan& plan);

}  // namespace footfall::query
