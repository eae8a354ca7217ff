#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "enrich/network_list.h"
#include "enrich/referrer_spam.h"
#include "enrich/text.h"

// Lists of one entry a line, which operators and scripts put in place. The first line of the input is an address to
// look up, the rest a list of networks; what the list says of the address is what its lines say, one by one. The same
// text is read as a list of hosts too.

namespace {

using namespace footfall;
using event::kind::ip;

bool covers(std::string_view line, const ip& address) {
    const std::size_t slash = line.find('/');
    const auto network = event::parse_ip(line.substr(0, slash));
    FOOTFALL_CHECK(network.has_value());
    const bool is_v4 = std::equal(network->begin(), network->begin() + 12, event::parse_ip("0.0.0.0")->begin());
    int bits = 128;
    if (slash != std::string_view::npos) {
        bits = std::atoi(std::string(line.substr(slash + 1)).c_str()) + (is_v4 ? 96 : 0);
        FOOTFALL_CHECK(bits >= 16 && bits <= 128);
    }
    for (int bit = 0; bit < bits; ++bit) {
        const auto byte = static_cast<std::size_t>(bit / 8);
        const int mask = 0x80 >> (bit % 8);
        if (((*network)[byte] & mask) != (address[byte] & mask)) return false;
    }
    return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto take_line = [](std::string_view& rest) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        return line;
    };
    const auto hosts = enrich::ReferrerSpam::load(text, "hosts");
    FOOTFALL_CHECK(hosts ? hosts->size() > 0 : hosts.error().code == Code::kCorrupt);
    const auto asked = event::parse_ip(take_line(text));
    const auto list = enrich::NetworkList::load(text, "networks");
    if (!list) {
        FOOTFALL_CHECK(list.error().code == Code::kCorrupt && list.error().message.starts_with("networks"));
        return 0;
    }
    FOOTFALL_CHECK(!list->version().empty() && list->version().size() <= 40);
    std::size_t count = 0;
    bool is_covered = false;
    while (!text.empty()) {
        std::string_view line = take_line(text);
        if (line.ends_with('\r')) line.remove_suffix(1);
        line = enrich::trim(line);
        if (line.empty() || line.starts_with('#')) continue;
        ++count;
        if (asked) is_covered |= covers(line, *asked);
        const auto own = event::parse_ip(line.substr(0, line.find('/')));
        FOOTFALL_CHECK(own && list->has(*own));
    }
    FOOTFALL_CHECK(list->size() == count);
    FOOTFALL_CHECK(!asked || list->has(*asked) == is_covered);
    return 0;
}
