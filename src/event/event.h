#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"

namespace footfall::event {

/// C++ types of the field kinds of schema/event.schema.json.
namespace kind {
using string = std::string_view;
using uuid = Uuid;
using time = std::int64_t;  // epoch ms
using hash64 = std::uint64_t;
using flag = bool;
using real = double;
using decimal = std::int64_t;  // ten-thousandths
using integer = std::uint32_t;
using map = std::vector<std::pair<std::string_view, std::string_view>>;
using ip = std::array<unsigned char, 16>;  // IPv6, or IPv4 mapped into it; all zero: none
}  // namespace kind

/// The record: one enriched event, with the fields of schema/event.schema.json. Strings are borrowed: from the
/// request's buffer and the batch's Arena while it is being made, from the log's buffer when it was read. Copying an
/// Event copies views.
struct Event {
#define FOOTFALL_KIND_string kind::string
#define FOOTFALL_KIND_uuid kind::uuid
#define FOOTFALL_KIND_time kind::time
#define FOOTFALL_KIND_hash64 kind::hash64
#define FOOTFALL_KIND_bool kind::flag
#define FOOTFALL_KIND_float kind::real
#define FOOTFALL_KIND_decimal kind::decimal
#define FOOTFALL_KIND_integer kind::integer
#define FOOTFALL_KIND_map kind::map
#define FOOTFALL_KIND_ip kind::ip
#define FOOTFALL_FIELD(name, kind_name, column_type) FOOTFALL_KIND_##kind_name name{};
#include "event/fields.inc"
#undef FOOTFALL_FIELD
};

/// Owns strings that an Event borrows and that stand in no buffer as they are (decoded, cut, derived). Views stay valid
/// until clear(). Not thread-safe; one per request or per loop.
class Arena {
public:
    std::string_view copy(std::string_view text);
    /// Room for `size` bytes to write into.
    char* allocate(std::size_t size);
    /// Forgets everything but keeps the first block for the next use.
    void clear();

private:
    struct Block {
        std::vector<char> bytes;
        std::size_t used = 0;
    };
    std::vector<Block> blocks_;
};

/// Appends the record of an event: one JSON object without newline, members in the schema's order, zero values left
/// out. About 0.5 µs and no allocation beyond `out`'s growth.
void write_record(const Event& event, std::string& out);

/// How much of a record is wanted: its members up to this one, in the schema's order.
enum class ReadTo : std::uint8_t {
    kUserId,     ///< who and when
    kEventName,  ///< what and from where, bot or not
    kAll,
};

/// Reads records. Views of the result borrow from `record` and the reader's arena and are valid until the next call.
class RecordReader {
public:
    RecordReader();
    ~RecordReader();
    RecordReader(RecordReader&&) noexcept;
    /// kCorrupt with the member's name where the record is not one of ours or of a higher version. Unknown members are
    /// ignored. What follows the last member that is asked for is not looked at.
    Result<Event> read(std::string_view record, ReadTo part = ReadTo::kAll);

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// What was judged of an event: whether a person or a program sent it. Texts are borrowed.
struct Verdict {
    std::string_view bot_reason{};   ///< empty: a person
    std::string_view bot_lists{};    ///< the lists that judged it
    std::string_view device_type{};  ///< "bot" where the user agent says so
};
/// The record with another verdict (is_bot follows from the reason), its members at the schema's places. All others
/// stand as they did, byte by byte, also those that this program does not know. kCorrupt where the record is no JSON
/// object.
Result<std::string> with_verdict(std::string_view record, const Verdict& verdict);

/// "12.34" → 123400. Up to 14 significant digits before the point, also after rounding; the fifth decimal is rounded
/// half away from zero. nullopt otherwise.
std::optional<std::int64_t> parse_decimal(std::string_view text);
std::string format_decimal(std::int64_t ten_thousandths);
/// Text of an address, IPv4 where it is mapped; empty for none.
std::string format_ip(const kind::ip& ip);
std::optional<kind::ip> parse_ip(std::string_view text);

}  // namespace footfall::event
