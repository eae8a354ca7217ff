#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace footfall::store {

struct ObjectInfo {
    std::string key;
    std::uint64_t bytes = 0;
    bool operator==(const ObjectInfo&) const = default;
};

/// Whether this names an object: parts of a-z A-Z 0-9 . _ = - with '/' between them, of which none begins with a dot,
/// 512 bytes at most. So a key is a path below a folder and a key of S3, and needs no escapes in either.
bool is_object_key(std::string_view key);

/// The seam behind which the archive lies: whole objects under keys. Implementations: local/ (a folder), s3/ (a
/// bucket). Objects are written and read whole, so they are of a size that fits into memory; who writes them sees to
/// that. Thread-safe. A key that is none (is_object_key) is kInvalidArgument in every call.
class ObjectStore {
public:
    virtual ~ObjectStore() = default;

    /// The object is there as a whole or, after an error or a death, as it was before; durable on return. Replaces one
    /// that is there: whoever reads it meanwhile gets the former or the new one whole. kOverloaded where there is no
    /// room for it, kIo for the rest.
    virtual Status put(std::string_view key, std::string_view content) = 0;
    /// kNotFound where there is none.
    virtual Result<std::string> get(std::string_view key) const = 0;
    /// The objects whose keys begin with `prefix` (empty: all of them), in the order of the keys' bytes. What is put or
    /// removed meanwhile may be in it or not.
    virtual Result<std::vector<ObjectInfo>> list(std::string_view prefix) const = 0;
    /// Durable on return, also where there is none.
    virtual Status remove(std::string_view key) = 0;
    /// Where this is, for people.
    virtual std::string where() const = 0;
};

}  // namespace footfall::store
