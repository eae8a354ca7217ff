#include "enrich/referrer_spam.h"

#include "enrich/line_list.h"
#include "enrich/text.h"
#include "event/url.h"

namespace footfall::enrich {

Result<ReferrerSpam> ReferrerSpam::load(std::string_view text, std::string_view name) {
    ReferrerSpam list;
    const auto take = [&list](std::string_view host) {
        // A top-level domain alone would be everybody below it.
        const bool is_host = event::can_be_host(host) && host.find('.') != std::string_view::npos &&
                             !host.starts_with('.') && !host.ends_with('.');
        if (is_host) list.hosts_.insert(lower(host));
        return is_host;
    };
    TRY(list.version_, read_lines(text, name, take));
    return list;
}

bool ReferrerSpam::has(std::string_view host) const {
    while (!host.empty()) {
        if (hosts_.contains(host)) return true;
        const std::size_t dot = host.find('.');
        if (dot == std::string_view::npos) break;
        host.remove_prefix(dot + 1);
    }
    return false;
}

}  // namespace footfall::enrich
