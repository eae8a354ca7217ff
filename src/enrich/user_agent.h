#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace footfall::enrich {

/// What a user agent text says. Names are those of uap-core ("Chrome Mobile", "Mac OS X"); empty where it does not say.
/// All values are printable ASCII or whole UTF-8 characters of the text, at most 64 bytes.
struct UserAgent {
    std::string browser;
    std::string browser_version;  ///< major
    std::string os;
    std::string os_version;  ///< major; with the minor for systems that are known by it (see os_version())
    bool is_spider = false;  ///< uap-core's device family is Spider
};

/// The rules of uap-core's regexes.yaml: three ordered lists (browser, system, device), in each the first match wins.
/// The device list is used for its Spider verdict only; a device's brand and model are not part of the record.
/// Immutable, thread-safe.
class UserAgentRules {
public:
    /// About 0.25 s and 16 MiB. kIo or kCorrupt with the file's name.
    static Result<UserAgentRules> load(const std::string& path);
    ~UserAgentRules();
    UserAgentRules(UserAgentRules&&) noexcept;
    UserAgentRules& operator=(UserAgentRules&&) noexcept;

    /// Some 30 µs for a browser, 1.5 ms at worst for 512 bytes made to match; callers cache.
    UserAgent parse(std::string_view text) const;

    std::size_t size() const;
    /// Rules that RE2 does not know; they never match.
    std::size_t skipped() const;

private:
    struct State;
    explicit UserAgentRules(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// "desktop", "mobile", "tablet", "tv", "console" or "other", by the first of these rules of which a token stands in
/// the text:
/// 1. console: PlayStation, Xbox, Nintendo;
/// 2. tv: what television sets, boxes and sticks call themselves (SMART-TV, Android TV, AppleTV, Web0S, BRAVIA, AFT…,
/// CrKey, Roku …);
/// 3. tablet: iPad, PlayBook, Kindle, Silk or "Tablet" outside of Windows, and Android without "Mobile" (Android's own
/// convention);
/// 4. mobile: iPhone, iPod, Mobile, Mobi, Android, Windows Phone, BlackBerry, Opera Mini, KAIOS, feature phones;
/// 5. desktop: Windows, Macintosh, X11, Linux, CrOS;
/// 6. other.
/// An iPad that asks for desktop pages calls itself a Macintosh and cannot be told apart.
std::string_view device_type(std::string_view user_agent);

}  // namespace footfall::enrich
