#include "base/result.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace footfall {

std::string_view code_name(Code code) {
    switch (code) {
        case Code::kInvalidArgument: return "invalid_argument";
        case Code::kUnauthenticated: return "unauthenticated";
        case Code::kForbidden: return "forbidden";
        case Code::kNotFound: return "not_found";
        case Code::kConflict: return "conflict";
        case Code::kTooLarge: return "too_large";
        case Code::kUnsupported: return "unsupported";
        case Code::kLimited: return "limited";
        case Code::kOverloaded: return "overloaded";
        case Code::kUnavailable: return "unavailable";
        case Code::kTimeout: return "timeout";
        case Code::kIo: return "io";
        case Code::kCorrupt: return "corrupt";
        case Code::kInternal: return "internal";
    }
    return "internal";
}

int http_status(Code code) {
    switch (code) {
        case Code::kInvalidArgument: return 400;
        case Code::kUnauthenticated: return 401;
        case Code::kForbidden: return 403;
        case Code::kNotFound: return 404;
        case Code::kConflict: return 409;
        case Code::kTooLarge: return 413;
        case Code::kUnsupported: return 415;
        case Code::kLimited: return 429;
        case Code::kOverloaded:
        case Code::kUnavailable: return 503;
        case Code::kTimeout: return 504;
        case Code::kIo:
        case Code::kCorrupt:
        case Code::kInternal: return 500;
    }
    return 500;
}

Error Error::context(std::string_view where) const {
    Error out = *this;
    out.message = std::string(where) + ": " + message;
    return out;
}

Error errno_error(std::string_view what, int err) {
    const Code code = (err == ENOSPC || err == EDQUOT) ? Code::kOverloaded : Code::kIo;
    return Error(code, std::string(what) + ": " + std::system_category().message(err));
}

void check_failed(const char* expression, const char* file, int line) {
    std::fprintf(stderr, "footfall: internal error: %s does not hold at %s:%d\n", expression, file, line);
    std::abort();
}

}  // namespace footfall
