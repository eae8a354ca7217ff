#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/object_store.h"

namespace footfall::store {

/// One page of ListObjectsV2.
struct S3Page {
    std::vector<ObjectInfo> objects;  ///< keys as they stand, with the prefix of the archive
    std::string next_token;           ///< empty on the last page
};

/// Of the XML of an answer; as much of XML as S3 writes. kCorrupt: it is none.
Result<S3Page> parse_s3_page(std::string_view xml);

/// What an answer that is no success says of itself; both empty where it says nothing.
struct S3Fault {
    std::string code;  ///< NoSuchKey
    std::string message;
};
S3Fault parse_s3_fault(std::string_view xml);

}  // namespace footfall::store
