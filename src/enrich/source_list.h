#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"

namespace footfall::enrich {

enum class SourceKind : std::uint8_t { kNone, kSearch, kAi, kSocial, kVideo, kShopping, kMail };

/// One place that visits come from.
struct Source {
    std::string name;
    SourceKind kind = SourceKind::kNone;
};

/// An ad click id: its parameter says who sent the visit, and whether the click was paid for.
struct ClickId {
    std::string parameter;
    std::string source;
    std::string medium;  ///< empty: says nothing about payment
};

/// The list schema/enrich/sources.json, ready to be asked. Immutable, thread-safe.
class SourceList {
public:
    static Result<SourceList> load(std::string_view json);

    /// By host in lower case without "www.": the entry with the longest host that is the host itself or a parent
    /// domain. nullptr: unknown.
    const Source* by_host(std::string_view host) const;
    const Source* by_android_package(std::string_view package) const;
    /// By what campaigns write into utm_source, in any case: a listed alias, name or host. nullptr: unknown.
    const Source* by_campaign_name(std::string_view utm_source) const;
    const Source* by_name(std::string_view name) const;

    const std::vector<ClickId>& click_ids() const { return click_ids_; }
    std::string_view version() const { return version_; }
    std::size_t hosts() const { return hosts_.size() + families_.size(); }

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
    };
    using Index = std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>>;
    const Source* find(const Index& index, std::string_view key) const;
    const Source* in_family(std::string_view domain) const;

    std::string version_;
    std::vector<Source> sources_;
    std::vector<ClickId> click_ids_;
    Index hosts_, families_, packages_,
        campaign_names_;  // families_: "google" of "google.*", "news.google" of "news.google.*"
};

}  // namespace footfall::enrich
