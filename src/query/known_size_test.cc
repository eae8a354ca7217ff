#include "query/known_size.h"

#include <gtest/gtest.h>

namespace footfall::query {
namespace {

class KnownSizeTest : public testing::Test {
protected:
    std::uint64_t get() {
        const auto size = known_.get([this]() -> Result<std::uint64_t> {
            ++asked_;
            if (is_down_) return Error(Code::kUnavailable, "down");
            return size_;
        });
        return size ? *size : ~std::uint64_t{0};
    }

    DataState state_{.loaded = 1, .changes = 1, .is_steady = true};
    KnownSize known_{[this] { return state_; }};
    std::uint64_t size_ = 10;
    int asked_ = 0;
    bool is_down_ = false;
};

TEST_F(KnownSizeTest, ItIsAskedOnceForWhatTheStoreHolds) {
    EXPECT_EQ(get(), 10U);
    size_ = 11;
    EXPECT_EQ(get(), 10U) << "nothing says that there are more";
    EXPECT_EQ(asked_, 1);
    state_.loaded = 2;
    EXPECT_EQ(get(), 11U);
    state_.changes = 2;
    size_ = 3;
    EXPECT_EQ(get(), 3U) << "some were taken out";
    EXPECT_EQ(asked_, 3);
}

TEST_F(KnownSizeTest, WhileTablesChangeItIsAskedEachTime) {
    state_.is_steady = false;
    EXPECT_EQ(get(), 10U);
    size_ = 5;
    EXPECT_EQ(get(), 5U);
    state_.is_steady = true;
    size_ = 6;
    EXPECT_EQ(get(), 6U) << "what was told amid a change is not kept";
    EXPECT_EQ(get(), 6U);
    EXPECT_EQ(asked_, 3);
}

TEST_F(KnownSizeTest, AStoreThatDoesNotAnswerIsAskedAgain) {
    is_down_ = true;
    EXPECT_EQ(get(), ~std::uint64_t{0});
    is_down_ = false;
    EXPECT_EQ(get(), 10U);
}

TEST_F(KnownSizeTest, WithoutAStateItIsAskedEachTime) {
    KnownSize known({});
    for (std::uint64_t i = 0; i < 3; ++i) EXPECT_EQ(known.get([i]() -> Result<std::uint64_t> { return i; }).value(), i);
}

}  // namespace
}  // namespace footfall::query
