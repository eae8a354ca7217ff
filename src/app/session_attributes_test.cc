// What two libraries must say alike, which know nothing of each other.
#include <iterator>
#include <set>
#include <string_view>

#include <gtest/gtest.h>

#include "process/sessions/session.h"
#include "query/vocabulary.h"

namespace footfall::app {
namespace {

// The planner takes a session's own row for its events where that is not mixed.
TEST(SessionAttributesTest, WhatMakesASessionMixedIsWhatTheDimensionsSayVariesInIt) {
    const std::set<std::string_view> of_sessions(std::begin(process::kVaryingAttributes),
                                                 std::end(process::kVaryingAttributes));
    std::set<std::string_view> of_queries;
    for (const query::Dimension& dimension : query::vocabulary().dimensions())
        if (dimension.varies_in_session) of_queries.insert(dimension.name);
    EXPECT_EQ(of_sessions, of_queries);
    for (const query::Dimension& dimension : query::vocabulary().dimensions()) {
        const bool is_of_both = query::find_source(dimension.sources, "events") != nullptr &&
                                query::find_source(dimension.sources, "sessions") != nullptr;
        // A visitor has one user_id, and buckets are of the one's time or the other's.
        if (is_of_both && dimension.granularity.empty() && dimension.name != "user_id" && !dimension.is_internal) {
            EXPECT_TRUE(dimension.varies_in_session) << dimension.name;
        }
    }
}

}  // namespace
}  // namespace footfall::app
