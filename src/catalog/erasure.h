#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace footfall::catalog {

/// An erasure of the cluster form, whose log can't be rewritten: whoever reads the log passes over these entries
/// (docs/adr/0034). It names the subject, and is removed once the log has none of them any more.
struct Erasure {
    struct Partition {
        std::uint16_t number = 0;      ///< as positions of the log say it
        std::uint64_t end = 0;         ///< entries of the subject before it are erased
        std::int64_t archived_ms = 0;  ///< when its archive was rewritten; 0: not yet
        bool operator==(const Partition&) const = default;
    };

    std::string id;                     ///< empty: put_erasure() makes one
    std::string subject;                ///< as erase::Subject::json() writes it
    std::vector<Partition> partitions;  ///< by number
    std::int64_t created_ms = 0;
    std::int64_t done_ms = 0;  ///< when the store had nothing of it any more; 0: not yet
    bool operator==(const Erasure&) const = default;
};

}  // namespace footfall::catalog
