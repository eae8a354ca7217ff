#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "event/event.h"

namespace footfall::enrich {

/// Where an address is. Views into the database's mapping, valid as long as the Geo; empty where unknown.
struct Place {
    std::string_view country;  ///< ISO 3166-1 alpha-2
    std::string_view region;   ///< name of the first subdivision, in English
    std::string_view city;
};

/// Address to place by databases in the MaxMind format, mapped into memory: only touched pages are resident, and 130 MB
/// of DB-IP open in under a millisecond. Two layouts: flat (`country_code`, `state1`, `city`: the npm packages of
/// ip-location-db) and nested
/// (`country.iso_code`, `subdivisions[0].names.en`, `city.names.en`: what MaxMind and DB-IP publish). Immutable,
/// thread-safe. Replace a file by renaming another over it: writing into a mapped file ends the process.
class Geo {
public:
    /// One file for both families, or one a family. kIo or kCorrupt with the file's name.
    static Result<Geo> open(const std::vector<std::string>& paths);
    ~Geo();
    Geo(Geo&&) noexcept;
    Geo& operator=(Geo&&) noexcept;

    /// Where in its file an address leads: the same entry for all addresses of the same place. All zero: nowhere, as
    /// for loopback, private, link-local and unknown addresses.
    struct Entry {
        std::uint8_t family = 0;  ///< 4 or 6
        std::uint32_t offset = 0;
        bool operator==(const Entry&) const = default;
    };
    /// About 0.2 µs, most of it cache misses for addresses all over the database.
    Entry find_entry(const event::kind::ip& address) const;
    /// About 0.6 µs more: the texts of an entry are found anew each time, so a caller with many addresses keeps them.
    Place place_at(Entry entry) const;
    Place find(const event::kind::ip& address) const { return place_at(find_entry(address)); }

    struct Database {
        std::string path;
        std::string type;  ///< as the file says
        std::string day;   ///< that it was built on, YYYY-MM-DD
        std::uint64_t nodes = 0;
    };
    std::vector<Database> databases() const;
    /// Types and build dates of the files: "city ipv4 2026-06-05, city ipv6 2026-06-05".
    std::string version() const;

private:
    struct State;
    explicit Geo(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// Whether an address can be looked up at all: not loopback, private, link-local, multicast or unspecified.
bool is_public(const event::kind::ip& address);
bool is_ipv4(const event::kind::ip& address);
/// IPv4 to /24, IPv6 to /48.
event::kind::ip truncate(const event::kind::ip& address);
/// The last address that truncate() makes the same.
event::kind::ip last_like(const event::kind::ip& address);

}  // namespace footfall::enrich
