#pragma once

#include <string>
#include <utility>
#include <vector>

#include "query/plan.h"

namespace footfall::query {

/// References to the parameters of the request, and the conditions of the sessions that it may count.
struct TouchScope {
    std::string site;
    std::string from;
    std::string to;
    std::vector<std::string> touching;
};

/// footfall.sessions, and where the plan asks for them joined to it what each session's visitor came by at first
/// (first_COLUMN) and at last (last_COLUMN, of the session that started at `last_at`), whenever that was: of all
/// sessions of the visitor up to the range's end, not only of those that the request counts. Bots' are apart. A text
/// for FROM.
std::string sessions_with_touches(const Plan& plan, const TouchScope& of);

/// Whether a plan asks for any of that.
bool asks_for_touches(const Plan& plan);

/// What the engine has to be told for a statement with such joins: a setting a pair.
std::vector<std::pair<std::string, std::string>> touch_settings(const Plan& plan);

}  // namespace footfall::query
