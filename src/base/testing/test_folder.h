#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

namespace footfall {

/// A folder that is the test's own and is removed with it. The process of a death test, which runs the same test anew,
/// finds the folder of the one that started it, so that the two can work on the same files.
class TestFolder {
public:
    TestFolder() {
        if (const char* inherited = ::getenv(kVariable); inherited != nullptr) {
            path_ = inherited;
            return;
        }
        path_ = testing::TempDir() + "footfall_test_XXXXXX";
        if (::mkdtemp(path_.data()) == nullptr) {
            ADD_FAILURE() << "cannot make " << path_;
            return;
        }
        ::setenv(kVariable, path_.c_str(), 1);
        is_owner_ = true;
    }
    ~TestFolder() {
        if (!is_owner_) return;
        ::unsetenv(kVariable);
        std::error_code ignored;  // what is left over in a temporary folder harms nobody
        std::filesystem::remove_all(path_, ignored);
    }
    TestFolder(const TestFolder&) = delete;
    TestFolder& operator=(const TestFolder&) = delete;

    const std::string& path() const { return path_; }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

private:
    static constexpr const char* kVariable = "FOOTFALL_TEST_FOLDER";
    std::string path_;
    bool is_owner_ = false;
};

}  // namespace footfall
