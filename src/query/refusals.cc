#include "query/refusals.h"

#include "store/client.h"

namespace footfall::query {

Error site_waits_enough() {
    return Error(
        Code::kLimited,
        "too many queries of this site wait for their turn (query.site_waiting_max); ask for fewer at once, or "
        "again in a moment");
}

Error too_many_wait() {
    return Error(Code::kOverloaded, "too many queries wait for their turn (query.waiting_max); try again in a moment");
}

Error waited_too_long() {
    return Error(Code::kOverloaded,
                 "the query waited for others as long as it may take in all (query.timeout); try again in a moment");
}

Error took_too_long() {
    return Error(Code::kTimeout,
                 "the query took longer than it may, its wait for others included (query.timeout): ask for a shorter "
                 "time range, fewer dimensions or a stricter filter, or raise the limit");
}

Error nobody_waits() {
    Error error(Code::kUnavailable, "the client has gone before the answer; the query was stopped");
    error.name = kClientGone;
    return error;
}

Error stopping() { return Error(Code::kUnavailable, "the server is stopping; try again in a moment"); }

Error as_told(const Error& error) {
    if (error.code != Code::kTooLarge) return error;
    if (error.name == store::kStoreMemory)
        return Error(Code::kOverloaded,
                     "the event store has no memory left for the query beside what else runs: try again in a moment, "
                     "ask for a shorter time range, fewer dimensions or a stricter filter, or raise store.memory_max");
    if (error.name != store::kStatementMemory) return error;
    Error told(Code::kInvalidArgument,
               "the query needs more memory than one may have (query.memory_max): ask for a shorter time range, fewer "
               "dimensions or a stricter filter, or raise the limit");
    told.name = kMemoryExceeded;
    return told;
}

}  // namespace footfall::query
