#include "store/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/testing/running_store.h"

namespace footfall::store {
namespace {

class ClientTest : public testing::Test {
protected:
    static void SetUpTestSuite() { store_ = new RunningStore("client"); }
    static void TearDownTestSuite() { delete store_; }
    static Client& client() { return store_->client(); }

    static RunningStore* store_;
};

RunningStore* ClientTest::store_ = nullptr;

TEST_F(ClientTest, NumbersTextsAndNestedValuesComeAsTheyAre) {
    const auto answer = client().query({.sql = "SELECT toUInt64(18446744073709551615), toInt64(-9223372036854775808), 1.5, nan, true, NULL, [1, 2], map('a', 'b'), "
                                               "toDecimal64('12.3400', 4), 'x\\ty', toUInt256('115792089237316195423570985008687907853269984665640564039457584007913129639935')"});
    ASSERT_TRUE(answer) << answer.error().message;
    ASSERT_EQ(answer->rows.size(), 1u);
}

}  // namespace
}  // namespace footfall::store
