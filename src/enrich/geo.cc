#include "enrich/geo.h"

#include <maxminddb.h>
#include <netinet/in.h>
#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <deque>
#include <iterator>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "enrich/text.h"

namespace footfall::enrich {
namespace {

constexpr std::size_t kNameMax = 100;
constexpr unsigned char kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/// The string at a path in an entry, borrowed from the mapping; empty where it is something else. The file is an
/// operator's: what is not UTF-8 is not taken.
template <std::size_t NamesCount>
std::string_view text_at(MMDB_entry_s& entry, const char* const (&names)[NamesCount]) {
    // The library wants a list that ends with a null pointer; its variadic form would copy one to the heap each time.
    const char* path[NamesCount + 1] = {};
    std::copy(std::begin(names), std::end(names), path);
    MMDB_entry_data_s data;
    if (MMDB_aget_value(&entry, &data, path) != MMDB_SUCCESS) return {};
    if (!data.has_data || data.type != MMDB_DATA_TYPE_UTF8_STRING) return {};
    const std::string_view text(data.utf8_string, data.data_size);
    return simdjson::validate_utf8(text.data(), text.size()) ? cut_text(text, kNameMax) : std::string_view();
}

Place place_of(MMDB_entry_s entry) {
    Place place{text_at(entry, {"country_code"}), {}, {}};
    if (place.country.empty()) {
        place.country = text_at(entry, {"country", "iso_code"});
        place.region = text_at(entry, {"subdivisions", "0", "names", "en"});
        place.city = text_at(entry, {"city", "names", "en"});
    } else {
        place.region = text_at(entry, {"state1"});
        place.city = text_at(entry, {"city"});
    }
    return place;
}

struct OpenFile {
    std::string path;
    MMDB_s mmdb{};
    OpenFile() = default;
    OpenFile(const OpenFile&) = delete;
    ~OpenFile() {
        if (mmdb.file_content != nullptr) MMDB_close(&mmdb);
    }
};

}  // namespace

struct Geo::State {
    std::deque<OpenFile> databases;
    const MMDB_s* ipv4 = nullptr;
    const MMDB_s* ipv6 = nullptr;
};

Geo::Geo(std::unique_ptr<State> state) : state_(std::move(state)) {}
Geo::~Geo() = default;
Geo::Geo(Geo&&) noexcept = default;
Geo& Geo::operator=(Geo&&) noexcept = default;

Result<Geo> Geo::open(const std::vector<std::string>& paths) {
    auto state = std::make_unique<State>();
    for (const std::string& path : paths) {
        OpenFile& file = state->databases.emplace_back();
        file.path = path;
        MMDB_s& mmdb = file.mmdb;
        const int code = MMDB_open(path.c_str(), MMDB_MODE_MMAP, &mmdb);
        if (code != MMDB_SUCCESS) {
            mmdb.file_content = nullptr;
            const Code kind = code == MMDB_FILE_OPEN_ERROR || code == MMDB_IO_ERROR ? Code::kIo : Code::kCorrupt;
            return Error(kind, path + ": " + MMDB_strerror(code));
        }
        if (mmdb.metadata.ip_version == 4) state->ipv4 = &mmdb;
        else state->ipv6 = &mmdb;
    }
    if (state->ipv4 == nullptr) state->ipv4 = state->ipv6;
    return Geo(std::move(state));
}

Geo::Entry Geo::find_entry(const event::kind::ip& address) const {
    if (!is_public(address)) return {};
    int error = MMDB_SUCCESS;
    MMDB_lookup_result_s found{};
    const bool v4 = is_ipv4(address);
    if (v4) {
        if (state_->ipv4 == nullptr) return {};
        sockaddr_in socket_address{};
        socket_address.sin_family = AF_INET;
        std::memcpy(&socket_address.sin_addr, address.data() + 12, 4);
        found = MMDB_lookup_sockaddr(state_->ipv4, reinterpret_cast<const sockaddr*>(&socket_address), &error);
    } else {
        if (state_->ipv6 == nullptr) return {};
        sockaddr_in6 socket_address{};
        socket_address.sin6_family = AF_INET6;
        std::memcpy(&socket_address.sin6_addr, address.data(), 16);
        found = MMDB_lookup_sockaddr(state_->ipv6, reinterpret_cast<const sockaddr*>(&socket_address), &error);
    }
    if (error != MMDB_SUCCESS || !found.found_entry) return {};
    return {.family = v4 ? std::uint8_t{4} : std::uint8_t{6}, .offset = found.entry.offset};
}

Place Geo::place_at(Entry entry) const {
    if (entry.family == 0) return {};
    return place_of({.mmdb = entry.family == 4 ? state_->ipv4 : state_->ipv6, .offset = entry.offset});
}

std::vector<Geo::Database> Geo::databases() const {
    std::vector<Database> out;
    for (const OpenFile& file : state_->databases) {
        const auto& metadata = file.mmdb.metadata;
        const auto day = static_cast<std::time_t>(metadata.build_epoch);
        out.push_back({.path = file.path,
                       .type = printable(metadata.database_type),
                       .day = fmt::format("{:%Y-%m-%d}", fmt::gmtime(day)),
                       .nodes = metadata.node_count});
    }
    return out;
}

std::string Geo::version() const {
    std::string out;
    for (const Database& one : databases()) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", one.type, one.day);
    return out;
}

bool is_ipv4(const event::kind::ip& address) {
    return std::memcmp(address.data(), kMappedPrefix, sizeof kMappedPrefix) == 0;
}

bool is_public(const event::kind::ip& address) {
    if (is_ipv4(address)) {
        const unsigned a = address[12], b = address[13];
        const bool is_private =
            a == 10 || (a == 172 && (b & 0xf0) == 16) || (a == 192 && b == 168) || (a == 100 && (b & 0xc0) == 64);
        return !is_private && a != 0 && a != 127 && a < 224 && !(a == 169 && b == 254);
    }
    // Of IPv6 only 2000::/3 is given out; everything else is local or multicast.
    return (address[0] & 0xe0) == 0x20;
}

namespace {

/// The address with the bytes that truncate() takes away replaced.
event::kind::ip with_host_part(event::kind::ip address, unsigned char byte) {
    std::fill(address.begin() + (is_ipv4(address) ? 15 : 6), address.end(), byte);
    return address;
}

}  // namespace

event::kind::ip truncate(const event::kind::ip& address) { return with_host_part(address, 0); }

event::kind::ip last_like(const event::kind::ip& address) { return with_host_part(address, 0xff); }

}  // namespace footfall::enrich
