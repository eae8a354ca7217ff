#include "store/s3/s3_requests.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <random>
#include <thread>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "store/s3/answer.h"

namespace footfall::store {
namespace {

constexpr std::int64_t kPauseFirstMs = 100;
constexpr std::int64_t kPauseMaxMs = 5'000;
constexpr std::int64_t kLookMs = 50;  ///< of a pause, between two looks at whether to stop
constexpr std::size_t kIdleMax = 4;
constexpr std::size_t kFaultBytesMax = 64 << 10;
constexpr std::size_t kListBytesMax = 16 << 20;

std::int64_t now_ms() { return system_clock().steady_ns() / 1'000'000; }

/// Once in a process; curl asks for it before any thread uses it.
void start_curl() {
    static const CURLcode started = ::curl_global_init(CURL_GLOBAL_DEFAULT);
    FOOTFALL_CHECK(started == CURLE_OK);
}

std::string md5_base64(std::string_view content) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
    unsigned size = 0;
    // A machine that allows only FIPS's algorithms has none; x-amz-content-sha256 is checked all the same.
    if (::EVP_Digest(content.data(), content.size(), sum.data(), &size, ::EVP_md5(), nullptr) != 1) return {};
    return base64({reinterpret_cast<const char*>(sum.data()), size});
}

/// What passes by itself.
bool may_pass(CURLcode code, long status, const std::string& fault) {
    switch (code) {
        case CURLE_OK:
            return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504 ||
                   fault == "RequestTimeout" || fault == "OperationAborted";
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_CONNECT:
        case CURLE_OPERATION_TIMEDOUT:
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
        case CURLE_GOT_NOTHING:
        case CURLE_PARTIAL_FILE:
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_SEND_FAIL_REWIND: return true;
        default: return false;
    }
}

/// A content on its way out; curl may begin again where a connection that was kept had gone.
struct Outgoing {
    std::string_view content;
    std::size_t sent = 0;
};

std::size_t give_content(char* to, std::size_t size, std::size_t count, void* from) {
    auto& outgoing = *static_cast<Outgoing*>(from);
    const std::size_t part = std::min(size * count, outgoing.content.size() - outgoing.sent);
    std::copy_n(outgoing.content.data() + outgoing.sent, part, to);
    outgoing.sent += part;
    return part;
}

int rewind_content(void* from, curl_off_t offset, int origin) {
    auto& outgoing = *static_cast<Outgoing*>(from);
    if (origin != SEEK_SET || offset < 0 || static_cast<std::size_t>(offset) > outgoing.content.size())
        return CURL_SEEKFUNC_CANTSEEK;
    outgoing.sent = static_cast<std::size_t>(offset);
    return CURL_SEEKFUNC_OK;
}

struct Incoming {
    CURL* handle = nullptr;
    std::size_t bytes_max = 0;
    std::string content{};
    bool is_too_large = false;
};

std::size_t take_content(char* from, std::size_t size, std::size_t count, void* to) {
    auto& incoming = *static_cast<Incoming*>(to);
    const std::size_t part = size * count;
    long status = 0;
    ::curl_easy_getinfo(incoming.handle, CURLINFO_RESPONSE_CODE, &status);
    const std::size_t bytes_max = status == 200 ? incoming.bytes_max : kFaultBytesMax;
    if (incoming.content.size() + part > bytes_max) {
        incoming.is_too_large = true;
        return 0;
    }
    incoming.content.append(from, part);
    return part;
}

int look(void* options, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<const S3Options*>(options)->is_stopping() ? 1 : 0;
}

/// False: it is to stop.
bool pause(std::int64_t pause_ms, const std::function<bool()>& is_stopping) {
    for (; pause_ms > 0; pause_ms -= kLookMs) {
        if (is_stopping()) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(std::min(pause_ms, kLookMs)));
    }
    return !is_stopping();
}

/// Anything between nothing and the whole, so that many who failed together do not come together again.
std::int64_t with_full_jitter(std::int64_t pause_ms) {
    thread_local std::minstd_rand random(std::random_device{}());
    return std::uniform_int_distribution<std::int64_t>(0, pause_ms)(random);
}

class Headers {
public:
    Headers() = default;
    ~Headers() { ::curl_slist_free_all(list_); }
    Headers(const Headers&) = delete;
    Headers& operator=(const Headers&) = delete;
    void add(const std::string& line) { list_ = ::curl_slist_append(list_, line.c_str()); }
    curl_slist* list() const { return list_; }

private:
    curl_slist* list_ = nullptr;
};

}  // namespace

S3Objects::Requests::Requests(const S3Options& options) : options_(options) {
    start_curl();
    std::string endpoint =
        options.endpoint.empty() ? fmt::format("https://s3.{}.amazonaws.com", options.region) : options.endpoint;
    if (options.addressing == S3Options::Addressing::kPath) {
        base_url_ = endpoint + "/" + options.bucket;
    } else {
        const std::size_t host = endpoint.find("://") + 3;
        base_url_ = endpoint.insert(host, options.bucket + ".");
    }
}

S3Objects::Requests::~Requests() {
    for (CURL* handle : idle_) ::curl_easy_cleanup(handle);
}

CURL* S3Objects::Requests::take_handle() {
    const std::lock_guard guard(mutex_);
    if (idle_.empty()) return ::curl_easy_init();
    CURL* const handle = idle_.back();
    idle_.pop_back();
    return handle;
}

void S3Objects::Requests::give_back(CURL* handle) {
    // Its connections stay; keys and contents do not.
    ::curl_easy_reset(handle);
    const std::lock_guard guard(mutex_);
    if (idle_.size() < kIdleMax) idle_.push_back(handle);
    else ::curl_easy_cleanup(handle);
}

/// Of what keys and prefixes are made of, only '=' has to be escaped: what is signed is what is sent, in every release
/// of curl.
std::string S3Objects::Requests::url(const Request& request) const {
    std::string url = base_url_ + "/";
    for (const char c : request.key) {
        if (c == '=') url += "%3D";
        else url += c;
    }
    if (request.key.empty() && options_.addressing == S3Options::Addressing::kPath) url.pop_back();
    if (!request.query.empty()) url += "?" + request.query;
    return url;
}

Result<S3Objects::Requests::Attempt> S3Objects::Requests::attempt(const Request& request, std::int64_t left_ms) {
    TRY(const S3Credentials credentials, options_.credentials());
    const bool has_content = std::string_view(request.method) == "PUT";
    Headers headers;
    const auto sum = sha256(request.content);
    headers.add("x-amz-content-sha256: " + to_hex({reinterpret_cast<const char*>(sum.data()), sum.size()}));
    if (!credentials.session_token.empty()) headers.add("x-amz-security-token: " + credentials.session_token);
    if (has_content) {
        headers.add("Content-Type: application/octet-stream");
        if (const std::string md5 = md5_base64(request.content); !md5.empty()) headers.add("Content-MD5: " + md5);
    }
    const std::unique_ptr<CURL, std::function<void(CURL*)>> handle(take_handle(), [this](CURL* used) {
        if (used != nullptr) give_back(used);
    });
    if (!handle) return Error(Code::kInternal, "curl gives no handle");
    CURL* const curl = handle.get();
    std::array<char, CURL_ERROR_SIZE> problem{};
    Outgoing outgoing{.content = request.content};
    Incoming incoming{.handle = curl, .bytes_max = request.key.empty() ? kListBytesMax : kObjectBytesMax};
    const std::string signing = "aws:amz:" + options_.region + ":s3";
    const auto set = [curl](CURLoption option, auto value) { ::curl_easy_setopt(curl, option, value); };
    set(CURLOPT_URL, url(request).c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_AWS_SIGV4, signing.c_str());
    set(CURLOPT_USERNAME, credentials.access_key.c_str());
    set(CURLOPT_PASSWORD, credentials.secret_key.c_str());
    set(CURLOPT_HTTPHEADER, headers.list());
    set(CURLOPT_USERAGENT, "footfall");
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::min<std::int64_t>(options_.connect_limit_ms, left_ms)));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(left_ms));
    set(CURLOPT_LOW_SPEED_LIMIT, 1'000L);
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(std::max(1, options_.stall_limit_ms / 1'000)));
    if (!options_.authorities.empty()) set(CURLOPT_CAINFO, options_.authorities.c_str());
    set(CURLOPT_ERRORBUFFER, problem.data());
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, look);
    set(CURLOPT_XFERINFODATA, const_cast<S3Options*>(&options_));
    set(CURLOPT_WRITEFUNCTION, take_content);
    set(CURLOPT_WRITEDATA, &incoming);
    if (has_content) {
        set(CURLOPT_UPLOAD, 1L);
        set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.content.size()));
        set(CURLOPT_READFUNCTION, give_content);
        set(CURLOPT_READDATA, &outgoing);
        set(CURLOPT_SEEKFUNCTION, rewind_content);
        set(CURLOPT_SEEKDATA, &outgoing);
    } else {
        set(CURLOPT_CUSTOMREQUEST, request.method);
    }
    Attempt done;
    done.code = ::curl_easy_perform(curl);
    ::curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &done.answer.status);
    done.problem = problem[0] != '\0' ? problem.data() : ::curl_easy_strerror(done.code);
    if (incoming.is_too_large)
        return Error(Code::kTooLarge, fmt::format("{} answers with more than an object or a list may have", base_url_));
    done.answer.content = std::move(incoming.content);
    return done;
}

Result<S3Objects::Requests::Answer> S3Objects::Requests::call(const Request& request) {
    const std::int64_t deadline_ms = now_ms() + options_.call_limit_ms;
    const std::int64_t last_try_ms = now_ms() + std::min(options_.retry_limit_ms, options_.call_limit_ms);
    std::int64_t pause_max_ms = kPauseFirstMs;
    for (int tried = 1;; ++tried) {
        if (options_.is_stopping()) return Error(Code::kUnavailable, "stopped before S3 had answered");
        TRY(Attempt done, attempt(request, std::max<std::int64_t>(1, deadline_ms - now_ms())));
        if (done.code == CURLE_ABORTED_BY_CALLBACK) return Error(Code::kUnavailable, "stopped before S3 had answered");
        const std::string fault = done.answer.status >= 400 ? parse_s3_fault(done.answer.content).code : "";
        if (!may_pass(done.code, done.answer.status, fault)) {
            if (done.code == CURLE_OK) return std::move(done.answer);
            return Error(Code::kUnavailable, fmt::format("{} can't be asked: {}", base_url_, done.problem));
        }
        const std::int64_t pause_ms = with_full_jitter(pause_max_ms);
        pause_max_ms = std::min(2 * pause_max_ms, kPauseMaxMs);
        if (now_ms() + pause_ms >= last_try_ms) {
            if (done.code == CURLE_OK) return refused(done.answer).context(fmt::format("tried {} times", tried));
            return Error(Code::kUnavailable,
                         fmt::format("{} can't be asked (tried {} times): {}", base_url_, tried, done.problem));
        }
        if (!pause(pause_ms, options_.is_stopping)) return Error(Code::kUnavailable, "stopped before S3 had answered");
    }
}

Error S3Objects::Requests::refused(const Answer& answer) const {
    const S3Fault fault = parse_s3_fault(answer.content);
    constexpr std::pair<std::string_view, std::string_view> kToDo[] = {
        {"NoSuchBucket", "there is no such bucket; make it, or name another one (archive.s3_bucket)"},
        {"AccessDenied",
         "access is denied; the keys need s3:ListBucket of the bucket, and s3:GetObject, s3:PutObject and "
         "s3:DeleteObject of what is in it"},
        {"InvalidAccessKeyId", "the access key is not known there (archive.s3_credentials)"},
        {"SignatureDoesNotMatch", "the secret key is wrong (archive.s3_credentials)"},
        {"ExpiredToken", "the session token has expired; replace the keys (archive.s3_credentials)"},
        {"RequestTimeTooSkewed", "this machine's clock is minutes off; set it right"},
        {"AuthorizationHeaderMalformed", "the bucket is in another region (archive.s3_region)"},
        {"PermanentRedirect", "the bucket is in another region (archive.s3_region, archive.s3_endpoint)"},
    };
    std::string what = fault.message.empty() ? std::string("no reason is given") : fault.message;
    for (const auto& [code, to_do] : kToDo)
        if (fault.code == code) what = to_do;
    if (fault.code.empty() && answer.status >= 300 && answer.status < 400)
        what = "the bucket is elsewhere (archive.s3_region, archive.s3_endpoint)";
    const bool is_full = answer.status == 507;
    return {is_full ? Code::kOverloaded : Code::kUnavailable,
            fmt::format("{} answers {}{}{}: {}", base_url_, answer.status, fault.code.empty() ? "" : " ", fault.code,
                        what)};
}

}  // namespace footfall::store
