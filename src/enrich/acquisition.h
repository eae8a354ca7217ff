#pragma once

#include <string_view>

#include "enrich/source_list.h"
#include "event/event.h"

namespace footfall::enrich {

/// Fills referrer, source, medium, campaign, term, content, click_id and channel of a pageview or event; other types
/// have none of them.
///
/// - The referrer is kept without fragment and credentials, at most 2,000 bytes, if it is http, https or android-app
/// and not internal: from
///   the page's own host, `site_domain` or a subdomain of it ("www." counts for nothing).
/// - source: utm_source, under our list's name where it is a known one ("fb" → "Facebook"), else as sent; else the paid
/// click id's; else the
///   referrer's name, or its host without "www."; else an unpaid click id's (fbclid); else empty: direct.
/// - medium: utm_medium in lower case; else the click id's; else by the kind of source (organic, social, video, email,
/// ai), or referral.
/// - click_id: the name of the first of the list's parameters that the query carries; its value is not kept.
/// - channel: channel_of() of these.
///
/// `page_query` is the page URL's query without '?'. Parameter names count in any case; of a repeated one the first
/// that says something.
void fill_acquisition(event::Event& event, std::string_view page_query, std::string_view site_domain,
                      const SourceList& sources, event::Arena& arena);

}  // namespace footfall::enrich
