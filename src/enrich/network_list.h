#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "event/event.h"

namespace footfall::enrich {

/// Networks of both families, of which none is looked at twice: sorted, with those within others left out, so that an
/// address is one binary search, 0.1 µs among 20,000. Immutable, thread-safe.
class NetworkList {
public:
    /// One network a line, as "203.0.113.0/24" or "2001:db8::/32"; an address alone is a network of one. kCorrupt with
    /// `name` and the line, also for a network so wide that it can only be a mistake: IPv4 below /8, IPv6 below /16.
    static Result<NetworkList> load(std::string_view text, std::string_view name);

    bool has(const event::kind::ip& address) const;
    /// How much of a stretch of addresses, both ends within it, lies in one of the networks.
    enum class Part : std::uint8_t { kNone, kSome, kAll };
    Part part_of(const event::kind::ip& first, const event::kind::ip& last) const;

    const std::string& version() const { return version_; }
    /// Networks of the text.
    std::size_t size() const { return size_; }

private:
    struct Range {
        event::kind::ip first{};
        event::kind::ip last{};
    };
    static bool read(std::string_view text, Range& range);

    std::string version_;
    std::vector<Range> ranges_;
    std::size_t size_ = 0;
};

}  // namespace footfall::enrich
