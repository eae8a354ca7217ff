#include "enrich/network_list.h"

#include <algorithm>
#include <charconv>

#include "enrich/geo.h"
#include "enrich/line_list.h"

namespace footfall::enrich {
namespace {

constexpr int kMappedBits = 96;  ///< of an IPv4 address within an IPv6 one
constexpr int kBitsMinV4 = 8;
constexpr int kBitsMinV6 = 16;

}  // namespace

bool NetworkList::read(std::string_view text, Range& range) {
    const std::size_t slash = text.find('/');
    const auto address = event::parse_ip(text.substr(0, slash));
    if (!address) return false;
    const bool is_v4 = is_ipv4(*address);
    int bits = is_v4 ? 32 : 128;
    if (slash != std::string_view::npos) {
        const std::string_view digits = text.substr(slash + 1);
        const int bits_max = bits;
        const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
        if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() || bits > bits_max) return false;
    }
    if (bits < (is_v4 ? kBitsMinV4 : kBitsMinV6)) return false;
    if (is_v4) bits += kMappedBits;
    range.first = range.last = *address;
    for (int bit = bits; bit < 128; ++bit) {
        const auto byte = static_cast<std::size_t>(bit / 8);
        const auto mask = static_cast<unsigned char>(0x80 >> (bit % 8));
        range.first[byte] = static_cast<unsigned char>(range.first[byte] & ~mask);
        range.last[byte] = static_cast<unsigned char>(range.last[byte] | mask);
    }
    return true;
}

Result<NetworkList> NetworkList::load(std::string_view text, std::string_view name) {
    NetworkList list;
    const auto take = [&list](std::string_view line) {
        Range range;
        if (!read(line, range)) return false;
        list.ranges_.push_back(range);
        return true;
    };
    TRY(list.version_, read_lines(text, name, take));
    list.size_ = list.ranges_.size();
    // The wider of two that begin together comes first, and so takes the other in.
    std::sort(list.ranges_.begin(), list.ranges_.end(),
              [](const Range& a, const Range& b) { return a.first != b.first ? a.first < b.first : a.last > b.last; });
    const auto is_within = [](const Range& outer, const Range& inner) { return inner.last <= outer.last; };
    list.ranges_.erase(std::unique(list.ranges_.begin(), list.ranges_.end(), is_within), list.ranges_.end());
    return list;
}

bool NetworkList::has(const event::kind::ip& address) const { return part_of(address, address) == Part::kAll; }

NetworkList::Part NetworkList::part_of(const event::kind::ip& first, const event::kind::ip& last) const {
    // The last network that begins within the stretch or before it: those before it end before it begins.
    const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), last,
                                        [](const event::kind::ip& ip, const Range& range) { return ip < range.first; });
    if (after == ranges_.begin()) return Part::kNone;
    const Range& range = *std::prev(after);
    if (range.first <= first && last <= range.last) return Part::kAll;
    return range.last < first ? Part::kNone : Part::kSome;
}

}  // namespace footfall::enrich
