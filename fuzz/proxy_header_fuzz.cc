#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/proxy_header.h"

// The first bytes of a connection from a balancer. However many of them are there, the same comes of them as soon as
// something does; and what comes of them keeps the promises of the header.

namespace {

using footfall::http::ParseState;
using footfall::http::ProxyHeader;

void require(bool promise) {
    if (!promise) std::abort();
}

std::string read(std::string_view text) {
    // A copy without anything behind it, so that a byte that is read there is found.
    const std::string held(text);
    ProxyHeader header;
    const ParseState state = footfall::http::parse_proxy_header(held, header);
    if (state == ParseState::kIncomplete) {
        require(held.size() < footfall::http::kProxyHeaderBytesMax);
        return {};
    }
    if (state == ParseState::kFailed) return "failed";
    require(header.bytes > 0 && header.bytes <= held.size() && header.bytes <= footfall::http::kProxyHeaderBytesMax);
    if (held.starts_with("PROXY ")) require(header.bytes <= footfall::http::kProxyHeaderV1BytesMax && !header.is_tls);
    std::string out = std::to_string(header.bytes) + (header.is_tls ? " tls" : "");
    if (!header.source) return out;
    require(!header.source->is_unix);
    out.append(reinterpret_cast<const char*>(header.source->address.data()), header.source->address.size());
    return out + std::to_string(header.source->port);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 5 * 1024) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::string whole = read(text);
    for (std::size_t held = 0; held < size; held = held < 300 ? held + 1 : held * 2) {
        const std::string part = read(text.substr(0, held));
        require(part.empty() || part == whole);
    }
    return 0;
}
