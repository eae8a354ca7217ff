#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace footfall {

/// SHA-256 of what comes in parts; sha256() of base/bytes.h for what is there as a whole.
class Sha256 {
public:
    Sha256();
    ~Sha256();
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;
    void update(std::string_view data);
    /// In lower-case hex. Nothing can be added afterwards.
    std::string finish_hex();

private:
    struct Context;
    std::unique_ptr<Context> context_;
};

}  // namespace footfall
