#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "base/result.h"

namespace footfall::enrich {

/// Hosts that send invented visits, to be seen in reports: schema/enrich/referrer_spam.txt, one a line. Immutable,
/// thread-safe.
class ReferrerSpam {
public:
    /// kCorrupt with `name` and the line.
    static Result<ReferrerSpam> load(std::string_view text, std::string_view name);

    /// Whether the host, in lower case, or one that it is a subdomain of, is on the list.
    bool has(std::string_view host) const;

    const std::string& version() const { return version_; }
    std::size_t size() const { return hosts_.size(); }

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
    };
    std::string version_;
    std::unordered_set<std::string, Hash, std::equal_to<>> hosts_;
};

}  // namespace footfall::enrich
