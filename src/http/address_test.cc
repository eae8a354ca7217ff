#include "http/address.h"

#include <gtest/gtest.h>

namespace footfall::http {
namespace {

TEST(AddressTest, AServerThatListensEverywhereIsAtLocalhost) {
    for (const char* wildcard :
         {":8080", "0.0.0.0:8080", "[::]:8080", "[0:0::0]:8080", "0:8080", "http://:8080", "http://0.0.0.0:8080/"})
        EXPECT_EQ(url_of_address(wildcard), "http://localhost:8080") << wildcard;
}

TEST(AddressTest, AnyOtherServerIsWhereItListens) {
    EXPECT_EQ(url_of_address("127.0.0.1:8080"), "http://127.0.0.1:8080");
    EXPECT_EQ(url_of_address("[::1]:8080"), "http://[::1]:8080");
    EXPECT_EQ(url_of_address("stats.example:80"), "http://stats.example:80");
    EXPECT_EQ(url_of_address("http://127.0.0.1:8080/"), "http://127.0.0.1:8080");
    EXPECT_EQ(url_of_address("unix:/run/footfall.sock"), "unix:/run/footfall.sock");
}

}  // namespace
}  // namespace footfall::http
