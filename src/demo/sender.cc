#include "demo/sender.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/logging.h"

namespace footfall::demo {
namespace {

constexpr int kAnswerWithinMs = 30'000;
constexpr std::int64_t kTryAgainMs = 500;
constexpr std::int64_t kRetryAfterMaxMs = 60'000;
constexpr std::size_t kExcerpt = 300;

std::int64_t retry_after_ms(std::string_view seconds) {
    std::int64_t value = 1;
    std::from_chars(seconds.data(), seconds.data() + seconds.size(), value);
    return std::clamp<std::int64_t>(value * 1'000, kTryAgainMs, kRetryAfterMaxMs);
}

}  // namespace

Sender::Sender(const std::string& address, std::string key, Clock& clock)
    : client_(address, 1u << 20), authorization_("Bearer " + std::move(key)), clock_(clock) {}

Result<std::int64_t> Sender::try_once(std::string_view body) {
    http::ClientRequest request{.method = "POST", .target = "/api/v1/events", .body = body};
    request.headers = {{"Content-Type", "application/json"}, {"Authorization", authorization_}};
    const auto answer = client_.send(request, kAnswerWithinMs, true);
    if (!answer) {
        if (answer.error().code == Code::kInvalidArgument) return answer.error();
        if (!is_waiting_) logging::warn("demo.waiting", {{"error", answer.error().message}});
        is_waiting_ = true;
        return kTryAgainMs;
    }
    if (answer->status == 429 || answer->status >= 500) {
        const std::int64_t wait_ms = retry_after_ms(answer->header("retry-after"));
        if (!is_waiting_) logging::warn("demo.waiting", {{"status", answer->status}, {"ms", wait_ms}});
        is_waiting_ = true;
        return wait_ms;
    }
    is_waiting_ = false;
    const std::string told = answer->body.substr(0, kExcerpt);
    if (answer->status != 200)
        return Error(Code::kForbidden,
                     "the server does not take the demo's events (its site or its key is gone): " + told);
    if (answer->body.find("\"rejected\":[]") == std::string::npos)
        return Error(Code::kInvalidArgument, "the server refused events of the demo: " + told);
    return 0;
}

Status Sender::send(std::string_view body) {
    for (;;) {
        TRY(const std::int64_t wait_ms, try_once(body));
        if (wait_ms == 0) return {};
        const std::int64_t until_ns = clock_.steady_ns() + wait_ms * 1'000'000;
        while (clock_.steady_ns() < until_ns) ::usleep(50'000);
    }
}

}  // namespace footfall::demo
