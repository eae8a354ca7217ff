#pragma once

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "catalog/database.h"

namespace footfall::catalog {

inline std::string file_in(const std::string& folder) { return folder + "/catalog.db"; }

/// Where a test's catalog is: a file in the folder, or, where FOOTFALL_POSTGRES names a server
/// (postgresql://USER:PASSWORD@HOST:PORT/DATABASE), a schema of its own there, which is new.
inline std::string make_place(const std::string& folder) {
    const char* server = std::getenv("FOOTFALL_POSTGRES");
    if (server == nullptr) return file_in(folder);
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    std::string schema = std::string("t_") + test->test_suite_name() + "_" + test->name();
    for (char& c : schema) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    schema.resize(std::min<std::size_t>(schema.size(), 60));
    auto database = Database::open_postgres(server);
    EXPECT_TRUE(database) << database.error().message;
    if (database) {
        const Status made = database->execute("DROP SCHEMA IF EXISTS " + schema + " CASCADE; CREATE SCHEMA " + schema);
        EXPECT_TRUE(made) << made.error().message;
    }
    return std::string(server) + "?options=-csearch_path%3D" + schema;
}

}  // namespace footfall::catalog
