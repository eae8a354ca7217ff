#pragma GCC diagnostic ignored "-Wdangling-pointer"
#pragma once
// scratch version
#include <gtest/gtest.h>
#include <simdjson.h>
#include <fstream>
#include <memory>
#include <sstream>
#include "store/client.h"
namespace footfall::query {
class EngineFixture {
public:
    EngineFixture()
        : client_(store::Endpoint{.address = testing::TempDir() + "query_engine_" + std::to_string(::getpid()),
                                  .user = {},
                                  .password = {}}) {
        std::ifstream f(FOOTFALL_SOURCE_DIR "/schema/event.schema.json");
        std::ostringstream o;
        o << f.rdbuf();
        simdjson::dom::parser p;
        std::string cols;
        std::string text = o.str();
        simdjson::dom::object props;
        if (p.parse(text).value()["properties"].get(props) != simdjson::SUCCESS) return;
        for (auto field : props)
            if (field.key != "v") {
                cols += std::string(field.key) + " " +
                        std::string(field.value["x-column"]["type"].get_string().value()) + ", ";
            }
        (void)client_.execute({.sql = "CREATE DATABASE IF NOT EXISTS footfall", .parameters = {}, .settings = {}});
        auto r = client_.execute(
            {.sql = "CREATE TABLE footfall.events (" + cols +
                    "log_partition UInt16, log_offset UInt64) ENGINE = MergeTree PARTITION BY toYYYYMM(timestamp) "
                    "ORDER BY (website_id, toDate(timestamp), visitor_id, timestamp) SAMPLE BY visitor_id",
             .parameters = {},
             .settings = {}});
        if (!r) ADD_FAILURE() << r.error().message;
    }
    store::Client& client() { return client_; }

private:
    store::Client client_;
};
}  // namespace footfall::query
