#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "enrich/user_agent.h"

// User agents are texts of strangers: whatever they are, what is read from them is short and may go into a record.

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
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const footfall::enrich::UserAgent read = rules().parse(text);
    for (const std::string* value : {&read.browser, &read.browser_version, &read.os, &read.os_version})
        if (!may_be_stored(*value)) std::abort();
    if (footfall::enrich::device_type(text).empty()) std::abort();
    return 0;
}
