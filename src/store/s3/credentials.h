#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace footfall::store {

/// Whose requests to S3 are. Never logged, and in no message of an error.
struct S3Credentials {
    std::string access_key;
    std::string secret_key;
    std::string session_token;  ///< empty for keys that do not end by themselves
    bool operator==(const S3Credentials&) const = default;
};

/// Those of a file as AWS's own tools have it (~/.aws/credentials), of its section [default]:
/// aws_access_key_id, aws_secret_access_key and, where there is one, aws_session_token. kInvalidArgument: one is
/// missing.
Result<S3Credentials> parse_s3_credentials(std::string_view text, const std::string& where);

/// Of the file, or, where it is empty, of AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN in the
/// environment. kInvalidArgument: there are none.
Result<S3Credentials> load_s3_credentials(const std::string& file,
                                          const std::map<std::string, std::string>& environment);

}  // namespace footfall::store
