#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "enrich/client_hints.h"
#include "enrich/user_agent.h"

// User agents and client hints are texts of strangers: whatever they are, what is read from them is short and may go
// into a record. The first line of the input is the user agent; the others are the hints, in the order of ClientHints.

namespace {

const footfall::enrich::UserAgentRules& rules() {
    static const auto loaded = footfall::enrich::UserAgentRules::load(FOOTFALL_NODE_MODULES "/uap-core/regexes.yaml");
    if (!loaded) {
        std::fprintf(stderr, "%s: run scripts/install\n", loaded.error().message.c_str());
        std::exit(2);
    }
    return *loaded;
}

bool may_be_stored(const std::string& value) {
    if (value.size() > 64) return false;
    for (const char c : value)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
    return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    const auto next_line = [&rest] {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        return line;
    };
    const std::string_view text = next_line();
    footfall::enrich::ClientHints sent;
    for (std::string_view* hint :
         {&sent.brands, &sent.full_brands, &sent.mobile, &sent.platform, &sent.platform_version, &sent.model})
        *hint = next_line();
    footfall::enrich::UserAgent read = rules().parse(text);
    std::string_view device = footfall::enrich::device_type(text);
    for (int with_hints = 0; with_hints < 2; ++with_hints) {
        for (const std::string* value : {&read.browser, &read.browser_version, &read.os, &read.os_version})
            if (!may_be_stored(*value)) std::abort();
        if (device.empty()) std::abort();
        footfall::enrich::refine(text, footfall::enrich::read_hints(sent), read, device);
    }
    return 0;
}
