#include "process/tally.h"

#include <simdjson.h>

namespace footfall::process {

Result<Tally> read_tally(std::string_view payload) {
    const Error broken(Code::kCorrupt, "a tally of the log is not one of ours");
    simdjson::dom::parser parser;
    simdjson::dom::object root;
    const simdjson::padded_string padded(payload);
    if (parser.parse(padded).get(root) != simdjson::SUCCESS) return broken;
    Tally tally;
    std::string_view website_id;
    simdjson::dom::object rejected;
    if (root["website_id"].get(website_id) != simdjson::SUCCESS ||
        root["duplicates"].get(tally.duplicates) != simdjson::SUCCESS ||
        root["rejected"].get(rejected) != simdjson::SUCCESS)
        return broken;
    tally.website_id = website_id;
    simdjson::dom::element received_at;
    if (root["received_at"].get(received_at) == simdjson::SUCCESS &&
        received_at.get(tally.received_at) != simdjson::SUCCESS)
        return broken;
    for (const auto [reason, value] : rejected) {
        std::uint64_t count = 0;
        if (value.get(count) != simdjson::SUCCESS) return broken;
        tally.rejected.emplace(reason, count);
    }
    return tally;
}

}  // namespace footfall::process
