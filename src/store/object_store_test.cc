#include "store/object_store.h"

#include <gtest/gtest.h>

#include "base/testing/test_folder.h"
#include "conformance/object_store_suite.h"
#include "store/local/object_folder.h"
#include "store/testing/s3_server.h"

/// Both implementations pass the one suite.
namespace footfall::store::conformance {

class FolderStage final : public ObjectStage {
public:
    FolderStage() { reopen(); }
    ObjectStore& objects() override { return *objects_; }
    void reopen() override {
        objects_.reset();
        auto opened = ObjectFolder::open(folder_ / "objects");
        ASSERT_TRUE(opened) << opened.error().message;
        objects_ = std::move(*opened);
    }

private:
    TestFolder folder_;
    std::unique_ptr<ObjectFolder> objects_;
};

INSTANTIATE_TEST_SUITE_P(Folder, ObjectStoreSuite,
                         testing::Values(ObjectImplementation{"folder",
                                                              [] { return std::make_unique<FolderStage>(); }}),
                         [](const auto& test) { return test.param.name; });

/// In a prefix of its own, in pages of two.
class S3Stage final : public ObjectStage {
public:
    S3Stage() { reopen(); }
    ObjectStore& objects() override { return *objects_; }
    void reopen() override {
        S3Options options = shared_s3_server().options();
        options.prefix = prefix_;
        options.page_objects = 2;
        auto opened = S3Objects::open(std::move(options));
        ASSERT_TRUE(opened) << opened.error().message;
        objects_ = std::move(*opened);
    }

private:
    inline static int stages = 0;
    const std::string prefix_ = "test=" + std::to_string(++stages);
    std::unique_ptr<S3Objects> objects_;
};

INSTANTIATE_TEST_SUITE_P(S3, ObjectStoreSuite,
                         testing::Values(ObjectImplementation{"s3", [] { return std::make_unique<S3Stage>(); }}),
                         [](const auto& test) { return test.param.name; });

}  // namespace footfall::store::conformance
