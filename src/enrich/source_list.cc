#include "enrich/source_list.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <optional>

#include "enrich/text.h"

namespace footfall::enrich {
namespace {

constexpr std::string_view kAndroid = "android-app:";
constexpr std::string_view kFamilyEnd = ".*";

SourceKind kind_of(std::string_view name) {
    static constexpr std::array<std::pair<std::string_view, SourceKind>, 6> kKinds = {{
        {"search", SourceKind::kSearch},
        {"ai", SourceKind::kAi},
        {"social", SourceKind::kSocial},
        {"video", SourceKind::kVideo},
        {"shopping", SourceKind::kShopping},
        {"mail", SourceKind::kMail},
    }};
    const auto found =
        std::find_if(kKinds.begin(), kKinds.end(), [&](const auto& entry) { return entry.first == name; });
    return found != kKinds.end() ? found->second : SourceKind::kNone;
}

/// What stands before a country's or a generic top-level domain: "google" of "google.de" and of "google.co.uk". Second
/// levels other than the usual ones are names of their own ("google.example.de" is nobody's).
std::optional<std::string_view> family_of(std::string_view domain) {
    const std::size_t last = domain.rfind('.');
    if (last == std::string_view::npos || last == 0) return std::nullopt;
    const std::string_view before = domain.substr(0, last);
    const std::size_t second = before.rfind('.');
    if (second == std::string_view::npos || second == 0) return before;
    static constexpr std::array<std::string_view, 7> kSecondLevels = {"co", "com", "org", "net", "gov", "edu", "ne"};
    const bool is_second_level =
        domain.size() - last == 3 &&
        std::find(kSecondLevels.begin(), kSecondLevels.end(), before.substr(second + 1)) != kSecondLevels.end();
    return is_second_level ? before.substr(0, second) : before;
}

}  // namespace

Result<SourceList> SourceList::load(std::string_view json) {
    SourceList list;
    try {
        simdjson::dom::parser parser;
        const simdjson::dom::element root = parser.parse(json.data(), json.size());
        list.version_ = std::string_view(root["version"]);
        for (const simdjson::dom::element entry : root["sources"]) {
            const auto number = static_cast<std::uint32_t>(list.sources_.size());
            const std::string_view name_view = entry["name"];
            const std::string name(name_view);
            const std::string_view kind = entry["kind"];
            list.sources_.push_back({name, kind_of(kind)});
            if (list.sources_.back().kind == SourceKind::kNone)
                return Error(Code::kCorrupt, "sources.json: unknown kind of " + name);
            list.campaign_names_.try_emplace(lower(name), number);
            for (const std::string_view host : entry["hosts"]) {
                if (host.starts_with(kAndroid))
                    list.packages_.try_emplace(std::string(host.substr(kAndroid.size())), number);
                else if (host.ends_with(kFamilyEnd))
                    list.families_.try_emplace(std::string(host.substr(0, host.size() - kFamilyEnd.size())), number);
                else list.hosts_.try_emplace(std::string(host), number);
            }
            simdjson::dom::array aliases;
            if (entry["aliases"].get(aliases) != simdjson::SUCCESS) continue;
            for (const std::string_view alias : aliases)
                list.campaign_names_.insert_or_assign(std::string(alias), number);
        }
        for (const simdjson::dom::element entry : root["click_ids"]) {
            const std::string_view parameter = entry["parameter"], source = entry["source"], medium = entry["medium"];
            list.click_ids_.push_back({std::string(parameter), std::string(source), std::string(medium)});
        }
    } catch (const simdjson::simdjson_error& e) {
        return Error(Code::kCorrupt, std::string("sources.json: ") + e.what());
    }
    return list;
}

const Source* SourceList::find(const Index& index, std::string_view key) const {
    const auto it = index.find(key);
    return it != index.end() ? &sources_[it->second] : nullptr;
}

const Source* SourceList::in_family(std::string_view domain) const {
    const auto family = family_of(domain);
    return family ? find(families_, *family) : nullptr;
}

const Source* SourceList::by_host(std::string_view host) const {
    if (host.starts_with("www.")) host.remove_prefix(4);
    // From the whole host to its parents: the first hit is the longest.
    while (!host.empty()) {
        if (const Source* source = find(hosts_, host)) return source;
        if (const Source* source = in_family(host)) return source;
        const std::size_t dot = host.find('.');
        if (dot == std::string_view::npos) break;
        host.remove_prefix(dot + 1);
    }
    return nullptr;
}

const Source* SourceList::by_android_package(std::string_view package) const { return find(packages_, package); }

const Source* SourceList::by_name(std::string_view name) const { return find(campaign_names_, lower(name)); }

const Source* SourceList::by_campaign_name(std::string_view utm_source) const {
    const std::string wanted = lower(utm_source);
    if (const Source* source = find(campaign_names_, wanted)) return source;
    return wanted.find('.') != std::string::npos ? by_host(wanted) : nullptr;
}

}  // namespace footfall::enrich
