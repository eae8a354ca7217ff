#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/object_store.h"
#include "store/s3/credentials.h"

namespace footfall::store {

struct S3Options {
    std::string bucket;
    /// "https://HOST[:PORT]"; empty: Amazon's of the region.
    std::string endpoint{};
    std::string region = "us-east-1";
    /// Of every key; a path without '/' at its ends, or empty.
    std::string prefix{};
    /// Where the bucket's name goes. kHost wants a name of it in the DNS.
    enum class Addressing : unsigned char { kPath, kHost };
    Addressing addressing = Addressing::kPath;
    /// PEM file of the authorities that are believed; empty: the system's.
    std::string authorities{};
    /// Asked before every request, so that keys that end are replaced while this is open.
    std::function<Result<S3Credentials>()> credentials;
    /// True: calls end soon, with kUnavailable.
    std::function<bool()> is_stopping = [] { return false; };

    int connect_limit_ms = 5'000;
    /// A request on which less than 1 KB/s moves for so long has failed.
    int stall_limit_ms = 15'000;
    /// Nothing is tried again later than this after a call's begin.
    int retry_limit_ms = 20'000;
    /// Of one call, all that is tried included: an object of 32 MiB takes so long at 1 Mbit/s.
    int call_limit_ms = 300'000;
    std::size_t page_objects = 1'000;  ///< of a list; fewer in tests
};

/// An ObjectStore in a bucket of S3, Amazon's or another's. What it puts is durable and visible when the server has
/// said so, which S3 promises for whole objects; each request is signed (AWS4-HMAC-SHA256) with the checksum of its
/// content, so the server refuses what was changed on the way. Failures that pass (429, 5xx, connections) are tried
/// again, with full jitter, within the limits of S3Options. An object is at most kObjectBytesMax. Nothing keeps two
/// processes from writing to one prefix: whoever uses it marks it as his own (process::archive does).
class S3Objects final : public ObjectStore {
public:
    static constexpr std::size_t kObjectBytesMax = std::size_t{256} << 20;

    /// Checks the options; asks nobody. kInvalidArgument.
    static Result<std::unique_ptr<S3Objects>> open(S3Options options);
    ~S3Objects() override;

    Status put(std::string_view key, std::string_view content) override;
    Result<std::string> get(std::string_view key) const override;
    Result<std::vector<ObjectInfo>> list(std::string_view prefix) const override;
    Status remove(std::string_view key) override;
    /// "s3://BUCKET/PREFIX".
    std::string where() const override;

private:
    class Requests;
    S3Objects(S3Options options, std::unique_ptr<Requests> requests);
    std::string full_key(std::string_view key) const;

    const S3Options options_;
    const std::unique_ptr<Requests> requests_;
};

}  // namespace footfall::store
