#include "store/error_code.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include <fmt/format.h>

#include "store/client.h"

namespace footfall::store {
namespace {

struct Known {
    int exception;
    Code code;
    int http_status;  // what a ClickHouse server answers; 500 where there is no finer one
};

// ClickHouse's codes (src/Common/ErrorCodes.cpp) that are no mistake in the statement, and those whose HTTP status is
// not 500. That the store does not let Footfall in is nothing that whoever asks Footfall could mend by signing in.
constexpr Known kKnown[] = {
    {6, Code::kInvalidArgument, 400},    // CANNOT_PARSE_TEXT
    {26, Code::kInvalidArgument, 400},   // CANNOT_PARSE_QUOTED_STRING
    {27, Code::kInvalidArgument, 400},   // CANNOT_PARSE_INPUT_ASSERTION_FAILED
    {33, Code::kInvalidArgument, 400},   // CANNOT_READ_ALL_DATA
    {38, Code::kInvalidArgument, 400},   // CANNOT_PARSE_DATE
    {40, Code::kCorrupt, 500},           // CHECKSUM_DOESNT_MATCH
    {41, Code::kInvalidArgument, 400},   // CANNOT_PARSE_DATETIME
    {47, Code::kInvalidArgument, 404},   // UNKNOWN_IDENTIFIER
    {48, Code::kUnsupported, 501},       // NOT_IMPLEMENTED
    {49, Code::kInternal, 500},          // LOGICAL_ERROR
    {60, Code::kInvalidArgument, 404},   // UNKNOWN_TABLE
    {62, Code::kInvalidArgument, 400},   // SYNTAX_ERROR
    {72, Code::kInvalidArgument, 400},   // CANNOT_PARSE_NUMBER
    {74, Code::kIo, 500},                // CANNOT_READ_FROM_FILE_DESCRIPTOR
    {75, Code::kIo, 500},                // CANNOT_WRITE_TO_FILE_DESCRIPTOR
    {76, Code::kIo, 500},                // CANNOT_OPEN_FILE
    {81, Code::kInvalidArgument, 404},   // UNKNOWN_DATABASE
    {115, Code::kInvalidArgument, 404},  // UNKNOWN_SETTING
    {158, Code::kTooLarge, 500},         // TOO_MANY_ROWS
    {159, Code::kTimeout, 500},          // TIMEOUT_EXCEEDED
    {160, Code::kTimeout, 500},          // TOO_SLOW
    {164, Code::kUnavailable, 403},      // READONLY
    {173, Code::kOverloaded, 500},       // CANNOT_ALLOCATE_MEMORY
    {192, Code::kUnavailable, 401},      // UNKNOWN_USER
    {193, Code::kUnavailable, 401},      // WRONG_PASSWORD
    {194, Code::kUnavailable, 401},      // REQUIRED_PASSWORD
    {202, Code::kOverloaded, 503},       // TOO_MANY_SIMULTANEOUS_QUERIES
    {209, Code::kUnavailable, 500},      // SOCKET_TIMEOUT
    {210, Code::kUnavailable, 500},      // NETWORK_ERROR
    {225, Code::kUnavailable, 500},      // NO_ZOOKEEPER
    {236, Code::kUnavailable, 500},      // ABORTED
    {241, Code::kTooLarge, 500},         // MEMORY_LIMIT_EXCEEDED
    {242, Code::kUnavailable, 500},      // TABLE_IS_READ_ONLY
    {243, Code::kOverloaded, 500},       // NOT_ENOUGH_SPACE
    {246, Code::kCorrupt, 500},          // CORRUPTED_DATA
    {252, Code::kOverloaded, 500},       // TOO_MANY_PARTS
    {271, Code::kCorrupt, 500},          // CANNOT_DECOMPRESS
    {307, Code::kTooLarge, 500},         // TOO_MANY_BYTES
    {373, Code::kConflict, 500},         // SESSION_IS_LOCKED
    {394, Code::kUnavailable, 500},      // QUERY_WAS_CANCELLED
    {396, Code::kTooLarge, 500},         // TOO_MANY_ROWS_OR_BYTES
    {457, Code::kInvalidArgument, 400},  // BAD_QUERY_PARAMETER
    {497, Code::kUnavailable, 403},      // ACCESS_DENIED
    {516, Code::kUnavailable, 401},      // AUTHENTICATION_FAILED
    {1001, Code::kInternal, 500},        // STD_EXCEPTION
    {1002, Code::kInternal, 500},        // UNKNOWN_EXCEPTION
};

bool refuses_footfall(int exception) {
    constexpr int kRefusals[] = {164, 192, 193, 194, 497, 516};
    return std::find(std::begin(kRefusals), std::end(kRefusals), exception) != std::end(kRefusals);
}

const Known* find(int exception) {
    for (const Known& known : kKnown)
        if (known.exception == exception) return &known;
    return nullptr;
}

// "Code: 60. DB::Exception: text (UNKNOWN_TABLE) (version …)" → "text (UNKNOWN_TABLE)", and of servers before 20.4
// "Code: 60, e.displayText() = DB::Exception: text, e.what() = DB::Exception" → "text".
std::string_view plain_text(std::string_view body) {
    constexpr std::string_view kMark = "DB::Exception: ";
    if (body.starts_with("Code: ")) {
        const std::size_t mark = body.find(kMark);
        if (mark != std::string_view::npos && mark < 32) body.remove_prefix(mark + kMark.size());
    }
    if (const std::size_t version = body.rfind(" (version "); version != std::string_view::npos)
        body = body.substr(0, version);
    if (const std::size_t what = body.rfind(", e.what() = "); what != std::string_view::npos)
        body = body.substr(0, what);
    while (!body.empty() && (body.back() == '\n' || body.back() == ' ')) body.remove_suffix(1);
    return body.substr(0, 2'000);
}

}  // namespace

int exception_code_of(std::string_view text) {
    constexpr std::string_view kPrefix = "Code: ";
    const std::size_t at = text.find(kPrefix);
    int code = 0;
    if (at != std::string_view::npos)
        std::from_chars(text.data() + at + kPrefix.size(), text.data() + text.size(), code);
    return code;
}

int http_status_of_exception(int code) {
    const Known* known = find(code);
    return known ? known->http_status : 500;
}

Error error_of_answer(int http_status, std::string_view exception_code, std::string_view body) {
    int exception = 0;
    std::from_chars(exception_code.data(), exception_code.data() + exception_code.size(), exception);
    if (exception == 0) exception = exception_code_of(body.substr(0, 64));
    if (exception == 0) {
        const Code code = http_status == 503   ? Code::kOverloaded
                          : http_status == 413 ? Code::kTooLarge
                                               : Code::kUnavailable;
        return Error(code, fmt::format("the event store answered with HTTP status {}: {}", http_status,
                                       plain_text(body).substr(0, 300)));
    }
    const Known* known = find(exception);
    Error error(known ? known->code : Code::kInvalidArgument, std::string(plain_text(body)));
    if (exception == 241) {
        error.name = body.find("(total)") != std::string_view::npos ? kStoreMemory : kStatementMemory;
        error.message =
            "the query needs more memory than the event store may use (store.memory_max): ask for a shorter time "
            "range, fewer dimensions or a "
            "stricter filter, or raise the limit";
    } else if (refuses_footfall(exception)) {
        error.message = "the event store refuses this server (store.user, store.password_file): " + error.message;
    } else if (error.code == Code::kTimeout) {
        error.message = "the query took longer than it may: ask for a shorter time range or fewer dimensions";
    }
    return error;
}

}  // namespace footfall::store
