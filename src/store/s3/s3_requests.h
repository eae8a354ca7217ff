#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <curl/curl.h>

#include "base/result.h"
#include "store/s3/s3_objects.h"

namespace footfall::store {

/// Signed requests to one bucket, each tried until it is answered or its time is over. Thread-safe.
class S3Objects::Requests {
public:
    struct Request {
        const char* method = "GET";
        std::string key{};    ///< with the prefix; empty: the bucket itself
        std::string query{};  ///< escaped, its names in their order
        std::string_view content{};
    };
    struct Answer {
        long status = 0;
        std::string content;
    };

    explicit Requests(const S3Options& options);
    ~Requests();
    Requests(const Requests&) = delete;
    Requests& operator=(const Requests&) = delete;

    /// Any answer that would be no other if it were asked again, also one that is no success. kUnavailable: none came;
    /// the message says why.
    Result<Answer> call(const Request& request);
    /// What an answer means that is no success, for the person who can act.
    Error refused(const Answer& answer) const;

private:
    struct Attempt {
        CURLcode code = CURLE_OK;
        std::string problem;
        Answer answer;
    };
    Result<Attempt> attempt(const Request& request, std::int64_t left_ms);
    CURL* take_handle();
    void give_back(CURL* handle);
    std::string url(const Request& request) const;

    const S3Options options_;
    std::string base_url_;  ///< of the bucket, without a '/' at its end
    std::mutex mutex_;
    std::vector<CURL*> idle_;  ///< each with its open connection
};

}  // namespace footfall::store
