#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace footfall {

/// What went wrong, as a value. The code is for programs: its name is the contract's `error.code` and its number maps
/// to one HTTP status (`http_status`). The message is one sentence for the person who can act.
enum class Code : std::uint8_t {
    kInvalidArgument,  // 400: the request is wrong
    kUnauthenticated,  // 401: no or unknown credential
    kForbidden,        // 403: known, but not allowed
    kNotFound,         // 404
    kConflict,         // 409: exists already, or is in use
    kTooLarge,         // 413
    kUnsupported,      // 415 for bodies, 501 elsewhere
    kLimited,          // 429: a caller's own quota
    kOverloaded,       // 503: try again later
    kUnavailable,      // 503: a part that is needed is not there
    kTimeout,          // 504: the deadline passed
    kIo,               // 500: a file or socket failed
    kCorrupt,          // 500: data on disk is damaged
    kInternal,         // 500: our own mistake, or a library's surprise
};

/// The stable name of a code, e.g. "invalid_argument".
std::string_view code_name(Code code);
/// The HTTP status of a code. One table for every endpoint.
int http_status(Code code);

struct Error {
    Code code = Code::kInternal;
    std::string message;
    /// The field, flag or path that the error is about; empty where there is none.
    std::string field;
    /// A finer name than the code where the contract has one ("unknown_metric"); empty otherwise.
    std::string name;
    /// The nearest valid word, where the error is an unknown name.
    std::string did_you_mean;

    Error() = default;
    Error(Code c, std::string m, std::string f = {}) : code(c), message(std::move(m)), field(std::move(f)) {}

    /// The same error with context in front: "loading segment 41: …".
    Error context(std::string_view where) const;
};

/// A value or an Error. Dropping one unread is a compile error.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
public:
    using Base = tl::expected<T, Error>;
    using Base::Base;
    Result(Error error) : Base(tl::unexpect, std::move(error)) {}  // NOLINT(google-explicit-constructor)
};

using Status = Result<void>;

inline Error errorf(Code code, std::string message, std::string field = {}) {
    return Error(code, std::move(message), std::move(field));
}

/// The text of an errno, with the call that set it: "open /x: No such file or directory". ENOSPC and EDQUOT become
/// kOverloaded (the disk may be freed), everything else kIo.
Error errno_error(std::string_view what, int err);

[[noreturn]] void check_failed(const char* expression, const char* file, int line);

}  // namespace footfall

/// Ends the process with a message: for broken invariants of our own, on in release too.
#define FOOTFALL_CHECK(expression) \
    (static_cast<bool>(expression) ? void(0) : ::footfall::check_failed(#expression, __FILE__, __LINE__))

#define FOOTFALL_CONCAT2(a, b) a##b
#define FOOTFALL_CONCAT(a, b) FOOTFALL_CONCAT2(a, b)

/// `TRY(auto x, f());` binds the value or returns the error. `TRY_STATUS(f());` for results without a value.
#define TRY(declaration, expression)                                                         \
    auto FOOTFALL_CONCAT(try_result_, __LINE__) = (expression);                              \
    if (!FOOTFALL_CONCAT(try_result_, __LINE__))                                             \
        return ::footfall::Error(std::move(FOOTFALL_CONCAT(try_result_, __LINE__).error())); \
    declaration = std::move(*FOOTFALL_CONCAT(try_result_, __LINE__))
#define TRY_STATUS(expression)                                                      \
    do {                                                                            \
        auto try_status_ = (expression);                                            \
        if (!try_status_) return ::footfall::Error(std::move(try_status_.error())); \
    } while (false)
