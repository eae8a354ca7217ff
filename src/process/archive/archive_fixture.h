#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/uuid.h"
#include "event/event.h"

// What the tests of the archive share.
namespace footfall::process::archive {

/// A record as the endpoint writes it.
inline std::string record_of(std::string_view site, std::uint64_t visitor, std::int64_t received_ms) {
    event::Event event;
    event.website_id = site;
    event.event_id = make_uuid_v7(received_ms);
    event.event_type = "pageview";
    event.timestamp = received_ms - 20;
    event.received_at = received_ms;
    event.visitor_id = visitor;
    event.page = "/";
    std::string record;
    event::write_record(event, record);
    return record;
}

/// Fills a field of any kind, or leaves it out. Texts are good until the next call.
class RandomFields {
public:
    explicit RandomFields(std::mt19937_64& random) : random_(random) { texts_.reserve(4'096); }

    void fill(std::string_view& out) { out = text(); }
    void fill(Uuid& out) {
        if (!is_left_out()) out = make_uuid_v7(static_cast<std::int64_t>(random_() % 1'795'500'000'000));
    }
    void fill(std::int64_t& out) { out = static_cast<std::int64_t>(random_() % 2'000'000'000'000); }
    void fill(std::uint64_t& out) { out = random_(); }
    void fill(std::uint32_t& out) { out = is_left_out() ? 0 : static_cast<std::uint32_t>(random_()); }
    void fill(bool& out) { out = random_() % 2 == 0; }
    void fill(double& out) {
        // What the store's narrower columns hold too.
        if (!is_left_out()) out = static_cast<double>(static_cast<float>(random_() % 1'000'000) / 7);
    }
    void fill(event::kind::map& out) {
        for (std::uint64_t i = random_() % 5; i > 0; --i) {
            texts_.push_back("key\"" + std::to_string(i));
            const std::string_view key = texts_.back();
            out.emplace_back(key, text());
        }
    }
    void fill(event::kind::ip& out) {
        if (is_left_out()) return;
        for (auto& byte : out) byte = static_cast<unsigned char>(random_());
        out[0] = 0x20;
        if (random_() % 2 == 0) return;
        out = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, static_cast<unsigned char>(random_())};
    }

private:
    bool is_left_out() { return random_() % 3 == 0; }
    std::string_view text() {
        static constexpr std::string_view kTexts[] = {
            "", "", "Germany", "/pricing", "caf\xc3\xa9 \"quoted\"\n", "\xf0\x9f\x9a\x80"};
        if (const std::uint64_t which = random_() % 8; which < std::size(kTexts)) return kTexts[which];
        texts_.push_back(std::string(random_() % 60, 'x') + std::to_string(random_()));
        return texts_.back();
    }

    std::mt19937_64& random_;
    std::vector<std::string> texts_;
};

/// A record with any of its fields.
inline std::string random_record(std::mt19937_64& random) {
    RandomFields fields(random);
    event::Event event;
#define FOOTFALL_FIELD(name, kind_name, column_type) fields.fill(event.name);
#include "event/fields.inc"
#undef FOOTFALL_FIELD
    event.website_id = random() % 2 == 0 ? "site1" : "site2";
    // Within what the store's columns hold.
    event.timestamp = 1'795'500'000'000 + static_cast<std::int64_t>(random() % 86'400'000);
    event.revenue = static_cast<std::int64_t>(random() % 1'000'000) - 500'000;
    std::string record;
    event::write_record(event, record);
    return record;
}

}  // namespace footfall::process::archive
