#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "event/event.h"

namespace footfall::event {

/// Longest values, in bytes; what is longer is cut at a character's edge and counted.
struct Limits {
    static constexpr std::size_t kEventsPerBody = 1'000;
    static constexpr std::size_t kUrl = 2'000;
    static constexpr std::size_t kTitle = 500;
    static constexpr std::size_t kName = 200;  // event name, category, action; UTM values
    static constexpr std::size_t kLabel = 500;
    static constexpr std::size_t kId = 200;    // user_id, session_id
    static constexpr std::size_t kShort = 64;  // language, time zone, screen, viewport, sdk
    static constexpr std::size_t kUserAgent = 512;
    static constexpr std::size_t kProperties = 64;
    static constexpr std::size_t kPropertyKey = 40;
    static constexpr std::size_t kPropertyValue = 500;
    static constexpr std::int64_t kLateMs = 7LL * 24 * 3600 * 1000;
    static constexpr std::int64_t kEarlyMs = 5LL * 60 * 1000;
};

/// Values of context.consent.
inline constexpr std::string_view kGranted = "granted";
inline constexpr std::string_view kDenied = "denied";

/// Why one event of a body was not taken.
struct Rejection {
    std::uint32_t index = 0;      ///< place in the body
    std::string field;            ///< path such as "data.page"; empty for the event as a whole
    std::string_view reason;      ///< a constant: missing, wrong_type, invalid, out_of_range, unknown
    std::string_view website_id;  ///< as sent; borrowed from the parser; empty where it was not readable
};

/// An event as the client sent it, validated, before enrichment.
struct Incoming {
    std::uint32_t index = 0;
    Event event;                  ///< fields that the client gives; `event_id` nil where it gave none
    std::string_view page_query;  ///< query of the page's URL, without '?': campaign parameters are read from it
    std::string_view ip;          ///< context.ip, only where ParseOptions::trusted
    std::string_view user_agent;  ///< context.user_agent, only where ParseOptions::trusted
    std::string_view consent;     ///< context.consent: "granted", "denied", or empty
};

struct ParseOptions {
    std::int64_t receive_ms = 0;
    /// The sender has a collect key: context.ip, context.user_agent and old timestamps are taken.
    bool trusted = false;
};

struct Batch {
    std::uint32_t count = 0;       ///< events of the body: accepted + rejected
    std::uint32_t values_cut = 0;  ///< values that were too long
    std::vector<Incoming> events;
    std::vector<Rejection> rejections;

    void clear();
};

/// Parses and validates bodies of POST /api/v1/events: a JSON array of events or one event. Each event is judged alone.
/// Keep one per thread: buffers are reused. What it gives borrows from the parser, the body and the arena until the
/// next call.
class Parser {
public:
    Parser();
    ~Parser();
    /// `body` must have 64 readable bytes behind it. kInvalidArgument: not valid UTF-8 JSON, nested too deeply
    /// (json::Reader), or neither array nor object; kTooLarge: more than 1,000 events. Then nothing is taken.
    Status parse(std::string_view body, const ParseOptions& options, Arena& arena, Batch& out);

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The text of single events of a body that a Parser has taken, as it was sent. Reads the body once, and only as far as
/// it is asked: about 1 ns a byte. Borrows from the body.
class EventTexts {
public:
    explicit EventTexts(std::string_view body);
    /// Of the event at this place of the body; of a call, not before that of the last one.
    std::string_view at(std::uint32_t index);

private:
    std::string_view next();

    std::string_view rest_;
    std::uint32_t count_ = 0;  ///< events that were read
    std::string_view text_;    ///< of the last of them
};

}  // namespace footfall::event
