#include "store/s3/s3_objects.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "store/s3/answer.h"
#include "store/s3/s3_requests.h"

namespace footfall::store {
namespace {

Error bad_key(std::string_view key) {
    return {Code::kInvalidArgument, "'" + std::string(key) + "' is no key of an object"};
}

/// Of a bucket, as S3 has it, and of a region.
bool is_name(std::string_view text, std::size_t bytes_min, std::size_t bytes_max) {
    if (text.size() < bytes_min || text.size() > bytes_max || text.front() == '.' || text.front() == '-') return false;
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; });
}

bool is_endpoint(std::string_view url) {
    const std::size_t scheme = url.starts_with("https://") ? 8 : url.starts_with("http://") ? 7 : 0;
    if (scheme == 0 || url.size() == scheme) return false;
    return std::all_of(url.begin() + static_cast<std::ptrdiff_t>(scheme), url.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
               c == ':' || c == '[' || c == ']';
    });
}

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                              c == '.' || c == '_' || c == '~';
        if (is_plain) out += c;
        else out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

}  // namespace

Result<std::unique_ptr<S3Objects>> S3Objects::open(S3Options options) {
    if (!is_name(options.bucket, 3, 63))
        return Error(Code::kInvalidArgument,
                     fmt::format("'{}' is no name of a bucket: 3 to 63 of a-z 0-9 . and -", options.bucket),
                     "archive.s3_bucket");
    if (!is_name(options.region, 1, 63))
        return Error(Code::kInvalidArgument, fmt::format("'{}' is no name of a region", options.region),
                     "archive.s3_region");
    if (!options.endpoint.empty() && !is_endpoint(options.endpoint))
        return Error(Code::kInvalidArgument,
                     fmt::format("'{}' is no endpoint; it is https://HOST or https://HOST:PORT, without a path",
                                 options.endpoint),
                     "archive.s3_endpoint");
    if (!options.prefix.empty() && (!is_object_key(options.prefix) || options.prefix.size() > 256))
        return Error(Code::kInvalidArgument,
                     fmt::format("'{}' is no prefix of keys: a path of a-z A-Z 0-9 . _ = and -, without '/' at its "
                                 "ends, 256 bytes at most",
                                 options.prefix),
                     "archive.s3_prefix");
    auto requests = std::make_unique<Requests>(options);
    return std::unique_ptr<S3Objects>(new S3Objects(std::move(options), std::move(requests)));
}

S3Objects::S3Objects(S3Options options, std::unique_ptr<Requests> requests)
    : options_(std::move(options)), requests_(std::move(requests)) {}
S3Objects::~S3Objects() = default;

std::string S3Objects::full_key(std::string_view key) const {
    return options_.prefix.empty() ? std::string(key) : options_.prefix + "/" + std::string(key);
}

std::string S3Objects::where() const {
    return "s3://" + options_.bucket + (options_.prefix.empty() ? "" : "/" + options_.prefix);
}

Status S3Objects::put(std::string_view key, std::string_view content) {
    if (!is_object_key(key)) return bad_key(key);
    if (content.size() > kObjectBytesMax)
        return Error(Code::kTooLarge,
                     fmt::format("{} has {} bytes, and an object at most {}", key, content.size(), kObjectBytesMax));
    if (failpoint("objects.putting") == Fault::kError) return Error(Code::kUnavailable, "a failpoint");
    TRY(const auto answer, requests_->call({.method = "PUT", .key = full_key(key), .content = content}));
    if (answer.status != 200) return requests_->refused(answer);
    (void)failpoint("objects.put");
    return {};
}

Result<std::string> S3Objects::get(std::string_view key) const {
    if (!is_object_key(key)) return bad_key(key);
    TRY(auto answer, requests_->call({.key = full_key(key)}));
    if (answer.status == 200) return std::move(answer.content);
    // A bucket that is not there, or a server that is none of S3, says nothing of an object.
    if (answer.status == 404 && parse_s3_fault(answer.content).code == "NoSuchKey")
        return Error(Code::kNotFound, fmt::format("there is no {}/{}", where(), key));
    return requests_->refused(answer);
}

Result<std::vector<ObjectInfo>> S3Objects::list(std::string_view prefix) const {
    const std::string root = options_.prefix.empty() ? "" : options_.prefix + "/";
    std::vector<ObjectInfo> objects;
    std::string token;
    do {
        // In the order of the names, as the signature wants them.
        const std::string query = (token.empty() ? "" : "continuation-token=" + escaped(token) + "&") +
                                  fmt::format("list-type=2&max-keys={}&prefix={}", options_.page_objects,
                                              escaped(root + std::string(prefix)));
        TRY(const auto answer, requests_->call({.query = query}));
        if (answer.status != 200) return requests_->refused(answer);
        TRY(S3Page page, parse_s3_page(answer.content));
        if (!page.next_token.empty() && page.next_token == token)
            return Error(Code::kCorrupt, fmt::format("{} gives the same page of its list again", where()));
        for (ObjectInfo& object : page.objects) {
            if (!object.key.starts_with(root)) continue;
            object.key.erase(0, root.size());
            if (object.key.starts_with(prefix) && is_object_key(object.key)) objects.push_back(std::move(object));
        }
        token = std::move(page.next_token);
    } while (!token.empty());
    std::sort(objects.begin(), objects.end(), [](const ObjectInfo& a, const ObjectInfo& b) { return a.key < b.key; });
    return objects;
}

Status S3Objects::remove(std::string_view key) {
    if (!is_object_key(key)) return bad_key(key);
    TRY(const auto answer, requests_->call({.method = "DELETE", .key = full_key(key)}));
    if (answer.status == 204 || answer.status == 200) return {};
    if (answer.status == 404 && parse_s3_fault(answer.content).code == "NoSuchKey") return {};
    return requests_->refused(answer);
}

}  // namespace footfall::store
