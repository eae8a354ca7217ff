#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/worker_pool.h"
#include "store/object_store.h"

/// What every ObjectStore must do, whatever holds it. An implementation's test instantiates ObjectStoreSuite with its
/// own stage.
namespace footfall::store::conformance {

/// One object store for one test: empty at first.
class ObjectStage {
public:
    virtual ~ObjectStage() = default;
    virtual ObjectStore& objects() = 0;
    /// Closes it and opens it again, as a restart of the process does.
    virtual void reopen() = 0;
};

struct ObjectImplementation {
    std::string name;
    std::function<std::unique_ptr<ObjectStage>()> make;
};

class ObjectStoreSuite : public testing::TestWithParam<ObjectImplementation> {
protected:
    void SetUp() override { stage_ = GetParam().make(); }
    ObjectStore& objects() { return stage_->objects(); }
    void reopen() { stage_->reopen(); }

    void put(const std::string& key, const std::string& content) {
        const Status done = objects().put(key, content);
        ASSERT_TRUE(done) << done.error().message;
    }
    std::string get(const std::string& key) {
        auto content = objects().get(key);
        EXPECT_TRUE(content) << content.error().message;
        return content.value_or("?");
    }
    std::vector<std::string> keys(const std::string& prefix) {
        const auto listed = objects().list(prefix);
        EXPECT_TRUE(listed) << listed.error().message;
        std::vector<std::string> names;
        if (listed)
            for (const ObjectInfo& object : *listed) names.push_back(object.key);
        return names;
    }

private:
    std::unique_ptr<ObjectStage> stage_;
};

TEST_P(ObjectStoreSuite, WhatIsPutIsThereAfterAReopenByteForByte) {
    std::string content(300'000, '\0');
    for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 31 + i / 256);
    put("a/b=1/c.bin", content);
    put("empty", "");
    reopen();
    EXPECT_EQ(get("a/b=1/c.bin"), content);
    EXPECT_EQ(get("empty"), "");
}

TEST_P(ObjectStoreSuite, APutReplacesWhatIsThere) {
    put("manifest/one.json", std::string(10'000, 'x'));
    put("manifest/one.json", "short");
    EXPECT_EQ(get("manifest/one.json"), "short");
    EXPECT_EQ(objects().list("").value(), (std::vector<ObjectInfo>{{.key = "manifest/one.json", .bytes = 5}}));
}

TEST_P(ObjectStoreSuite, WhatIsNotThereIsNotFound) {
    EXPECT_EQ(objects().get("nothing/here").error().code, Code::kNotFound);
    put("a", "1");
    EXPECT_EQ(objects().get("a/b").error().code, Code::kNotFound);
    EXPECT_EQ(objects().get("b").error().code, Code::kNotFound);
}

TEST_P(ObjectStoreSuite, AListHasTheKeysOfItsPrefixInTheirOrder) {
    for (const char* key : {"events/d=2/b", "events/d=2/a", "events/d=10/a", "events/d=2-x", "manifest/a", "events-x"})
        put(key, "1");
    EXPECT_EQ(keys(""), (std::vector<std::string>{"events-x", "events/d=10/a", "events/d=2-x", "events/d=2/a",
                                                  "events/d=2/b", "manifest/a"}));
    EXPECT_EQ(keys("events/d=2/"), (std::vector<std::string>{"events/d=2/a", "events/d=2/b"}));
    EXPECT_EQ(keys("events/d=2"), (std::vector<std::string>{"events/d=2-x", "events/d=2/a", "events/d=2/b"}));
    EXPECT_EQ(keys("events/d=3/"), std::vector<std::string>{});
    EXPECT_EQ(keys("man"), std::vector<std::string>{"manifest/a"});
}

TEST_P(ObjectStoreSuite, WhatIsRemovedStaysRemovedAndTheRestStays) {
    put("a/1", "1");
    put("a/2", "2");
    ASSERT_TRUE(objects().remove("a/1"));
    ASSERT_TRUE(objects().remove("a/1")) << "also where there is none";
    ASSERT_TRUE(objects().remove("b/1"));
    reopen();
    EXPECT_EQ(objects().get("a/1").error().code, Code::kNotFound);
    EXPECT_EQ(keys(""), std::vector<std::string>{"a/2"});
}

TEST_P(ObjectStoreSuite, KeysThatAreNoneAreRefused) {
    for (const std::string& key :
         {std::string(), std::string("/a"), std::string("a/"), std::string("a//b"), std::string("../a"),
          std::string("a/../b"), std::string("a/.hidden"), std::string("a b"), std::string("a\0b", 3),
          std::string("\xc3\xa4"), std::string("a%2fb"), std::string(513, 'a')}) {
        EXPECT_EQ(objects().put(key, "x").error().code, Code::kInvalidArgument) << key;
        EXPECT_EQ(objects().get(key).error().code, Code::kInvalidArgument) << key;
        EXPECT_EQ(objects().remove(key).error().code, Code::kInvalidArgument) << key;
    }
    EXPECT_EQ(keys(""), std::vector<std::string>{});
}

TEST_P(ObjectStoreSuite, ReadersBesideAWriterSeeEachObjectWhole) {
    const auto content = [](char c) { return std::string(50'000 + static_cast<std::size_t>(c) * 100, c); };
    put("x/y", content('a'));
    WorkerPool pool("readers", 2, 2);
    std::atomic<bool> is_done{false};
    std::atomic<int> torn{0};
    std::atomic<int> read{0};
    for (int reader = 0; reader < 2; ++reader)
        ASSERT_TRUE(pool.submit([&] {
            while (!is_done) {
                const auto got = objects().get("x/y");
                if (!got || got->empty() || *got != content(got->front())) ++torn;
                ++read;
            }
        }));
    for (char c = 'b'; c <= 'm'; ++c) put("x/y", content(c));
    while (read < 20) std::this_thread::yield();
    is_done = true;
    pool.stop();
    EXPECT_EQ(torn, 0);
}

}  // namespace footfall::store::conformance
