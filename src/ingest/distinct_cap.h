#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/flat_table.h"
#include "event/event.h"

namespace footfall::ingest {

/// Bounds how many different values a site's fields have in a day (UTC), where senders choose them: a script that puts
/// a random number into each event's name would fill the store's dictionaries and every list. What the fields may have
/// is `x-distinct-max` of schema/event.schema.json; further values become "(other)", until the next day. Counted from
/// the start of the process on: after a restart there is room again. Thread-safe.
class DistinctCap {
public:
    static constexpr std::string_view kOther = "(other)";
    struct Field {
        std::string_view name;
        std::size_t distinct_max = 0;
    };
    /// The bounded fields, in the record's order.
    static const std::vector<Field>& fields();

    /// What one thread knows to be within the bounds, so that it doesn't ask again.
    class Known {
    private:
        friend class DistinctCap;
        static constexpr std::size_t kPlaces = 8'192;
        std::int64_t day_ = -1;
        std::vector<std::uint64_t> places_ = std::vector<std::uint64_t>(kPlaces);
    };

    /// `memory_max`: bytes for values seen; beyond it new ones are let through and counted.
    explicit DistinctCap(std::size_t memory_max = 128u << 20) : memory_max_(memory_max) {}

    /// Replaces the values of an event that are beyond the bounds, property names among them; how many.
    std::size_t apply(event::Event& event, std::int64_t now_ms, Known& known);

private:
    struct Value {
        std::uint64_t id = 0;
        bool is_empty() const { return id == 0; }
        std::uint64_t hash() const { return id; }
        bool has_key_of(const Value& other) const { return id == other.id; }
    };
    using Site = std::vector<FlatTable<Value>>;  ///< by field

    bool is_within(std::string_view website_id, std::uint64_t site, std::size_t field, std::string_view value,
                   Known& known);

    const std::size_t memory_max_;
    std::mutex mutex_;
    std::int64_t day_ = -1;
    std::size_t bytes_ = 0;
    std::unordered_map<std::string, Site> sites_;
};

}  // namespace footfall::ingest
