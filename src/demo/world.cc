#include "demo/world.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <tuple>

#include <fmt/format.h>

namespace footfall::demo {
namespace {

/// On a Monday of the first week after the growth. With the waves some 10,000 events a day.
constexpr double kVisits = 2'500;
constexpr double kWeekdays[] = {1, 1.05, 1.06, 1.02, 0.88, 0.56, 0.61};  // Monday first
/// Growth is from this to 1 in the first month, and stops there.
constexpr double kFirstDays = 0.78;
constexpr int kGrowthDays = 30;
constexpr double kNoise = 0.07;

constexpr double kHours[] = {12, 8,  6,  5,  6,  10, 19, 34, 54, 70, 76, 73,
                             64, 68, 75, 76, 71, 62, 52, 49, 52, 50, 38, 23};
constexpr double kWeekendHours[] = {19, 14, 10, 7,  6,  7,  11, 18, 30, 44, 54, 57,
                                    54, 54, 56, 57, 55, 53, 52, 54, 57, 55, 45, 32};

constexpr std::size_t kRegulars = 4'000;
constexpr double kRegularVisits = 0.32;
constexpr double kCrawlers = 0.05;  // of ordinary visits, in pageviews

constexpr double kGoesOn = 0.62;
constexpr int kPagesMax = 14;
constexpr double kReadSpread = 0.9;
constexpr double kReadMaxS = 1'500;  // below the 30 minutes that end a session
constexpr double kPinged = 0.7;
constexpr double kMeasured = 0.07;  // of pageviews, for vitals

constexpr double kLaunchVisits[] = {3'300, 1'300, 450};                                            // from its day on
constexpr double kCampaignVisits[] = {180, 420, 700, 820, 640, 380, 410, 330, 260, 210, 150, 90};  // from its day on
constexpr double kNewsletterVisits[] = {420, 130, 40};                                             // from Tuesday on

enum Stream : std::uint64_t { kPlan = 1, kPerson, kExtra };

int weekday(Day day) { return static_cast<int>(cctz::get_weekday(day)); }  // Monday is 0
bool is_weekend(Day day) { return weekday(day) >= 5; }
double hour_weight(Day day, int hour) { return (is_weekend(day) ? kWeekendHours : kHours)[hour]; }

std::uint64_t number_of(Day day) { return static_cast<std::uint64_t>(day - Day(1970, 1, 1)); }

/// Version 7 as our SDKs make it, but the random part comes from the dice.
Uuid event_id(std::int64_t ms, Dice& dice) {
    Uuid id;
    for (int i = 0; i < 6; ++i) id.bytes[i] = static_cast<unsigned char>(ms >> (40 - 8 * i));
    std::uint64_t bits = dice.next();
    for (int i = 6; i < 14; ++i, bits >>= 8) id.bytes[i] = static_cast<unsigned char>(bits);
    bits = dice.next();
    for (int i = 14; i < 16; ++i, bits >>= 8) id.bytes[i] = static_cast<unsigned char>(bits);
    id.bytes[6] = static_cast<unsigned char>(0x70 | (id.bytes[6] & 0x0f));
    id.bytes[8] = static_cast<unsigned char>(0x80 | (id.bytes[8] & 0x3f));
    return id;
}

double round_to(double value, double step) { return std::round(value / step) * step; }

std::string address_in(const Place& place, Dice& dice) {
    const std::string_view block = dice.pick(place.blocks);
    return fmt::format("{}.{}.{}", block, dice.below(256), 1 + dice.below(254));
}

double of_day(std::span<const double> list, std::int64_t days) {
    return days >= 0 && days < std::ssize(list) ? list[static_cast<std::size_t>(days)] : 0;
}

/// What a reader does on a page beside reading it.
void add_actions(std::vector<Hit>& out, Dice& dice, const Hit& view, std::int64_t left_ms) {
    constexpr std::string_view kPlans[] = {"Free", "Team", "Business"};
    constexpr std::string_view kFiles[] = {"https://demo.example/files/demo-2.4-linux.tar.gz",
                                           "https://demo.example/files/demo-2.4-macos.zip",
                                           "https://demo.example/files/demo-2.4-windows.zip"};
    constexpr std::string_view kLinks[] = {"https://github.com/", "https://clickhouse.com/docs",
                                           "https://en.wikipedia.org/wiki/Web_analytics", "https://www.debian.org/"};
    Hit event = view;
    event.type = HitType::kEvent;
    event.title = event.query = event.referrer = {};
    const auto add = [&](double after) {
        event.timestamp_ms =
            view.timestamp_ms + static_cast<std::int64_t>(after * static_cast<double>(left_ms - view.timestamp_ms));
        event.event_id = event_id(event.timestamp_ms, dice);
        out.push_back(event);
    };
    if (view.page == "/old-docs/start") {
        event.name = "404";
        event.is_interactive = false;
        add(0);
    } else if (view.page == "/welcome") {
        event.name = "Signup";
        event.properties = {{"plan", kPlans[dice.chance(0.6)    ? 0
                                            : dice.chance(0.75) ? 1
                                                                : 2]},
                            {"method", dice.chance(0.55) ? "email" : "github"}};
        add(0.02);
    } else if (view.page == "/thank-you") {
        const bool is_team = dice.chance(0.8);
        event.name = "Purchase";
        event.properties = {{"plan", kPlans[is_team ? 1 : 2]}, {"period", dice.chance(0.6) ? "month" : "year"}};
        const bool is_year = event.properties[1].value == "year";
        event.revenue = is_team ? (is_year ? "290.00" : "29.00") : (is_year ? "990.00" : "99.00");
        add(0.05);
    } else if (view.page == "/download") {
        if (!dice.chance(0.4)) return;
        event.name = "File Download";
        event.properties = {{"url", dice.pick(kFiles)}};
        add(0.6);
    } else if (view.page == "/features") {
        if (!dice.chance(0.12)) return;
        event.category = "Video";
        event.action = "play";
        event.label = "Tour";
        add(0.3);
    } else if (view.page.starts_with("/blog/") || view.page.starts_with("/docs/")) {
        if (!dice.chance(0.07)) return;
        event.name = "Outbound Link: Click";
        event.properties = {{"url", dice.pick(kLinks)}};
        add(0.95);
    }
}

/// What the page's script measures of a view that ends at `left_ms`.
void add_measurements(std::vector<Hit>& out, Dice& dice, const Hit& view, std::int64_t left_ms) {
    Hit measured = view;
    measured.title = measured.query = measured.referrer = {};
    measured.pageview_id = view.event_id;
    if (dice.chance(kMeasured)) {
        measured.type = HitType::kVitals;
        measured.ttfb = round_to(dice.around(160, 0.5), 1);
        measured.fcp = round_to(measured.ttfb + dice.around(420, 0.5), 1);
        measured.lcp = round_to(measured.fcp + dice.around(520, 0.6), 1);
        measured.inp = round_to(dice.around(70, 0.7), 1);
        measured.cls = round_to(dice.around(0.02, 1), 0.001);
        measured.timestamp_ms = std::min(left_ms, view.timestamp_ms + 4'000);
        measured.event_id = event_id(measured.timestamp_ms, dice);
        out.push_back(measured);
    }
    if (!dice.chance(kPinged)) return;
    measured.type = HitType::kPing;
    // The window is not in front all the time.
    measured.time_on_page =
        round_to(dice.between(0.5, 1) * static_cast<double>(left_ms - view.timestamp_ms) / 1000, 0.1);
    measured.scroll_depth = std::min(100.0, round_to(20 + 16 * std::sqrt(measured.time_on_page * dice.uniform()), 1));
    measured.timestamp_ms = left_ms;
    measured.event_id = event_id(left_ms, dice);
    out.push_back(std::move(measured));
}

}  // namespace

struct World::Person {
    std::uint64_t key = 0;
    const Place* place = nullptr;
    const Device* device = nullptr;
    std::string ip;
    std::string_view language;
    std::size_t screen = 0;
};

struct World::Wave {
    const Source* source;
    double visits;
    double from_hour;   // of the day, where it sets in at once
    double mean_hours;  // that a visit comes after it; 0: over the whole day, as ordinary visits do
    std::string_view first_page;
};

World::World(std::uint64_t seed, Day first_day, cctz::time_zone zone)
    : seed_(seed), first_day_(first_day), zone_(zone) {}

Day World::day_of(std::int64_t ms) const {
    return Day(cctz::convert(std::chrono::system_clock::time_point(std::chrono::milliseconds(ms)), zone_));
}

std::int64_t World::start_ms(Day day) const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               cctz::convert(cctz::civil_second(day), zone_).time_since_epoch())
        .count();
}

double World::hour_share(Day day, int hour) {
    double total = 0;
    for (int i = 0; i < 24; ++i) total += hour_weight(day, i);
    return hour_weight(day, hour) / total;
}

/// The wall clock's hour, as a moment. An hour that a clock change repeats is taken once, one that it leaves out is the
/// next.
std::int64_t World::moment(Day day, double hour) const {
    const auto ms = static_cast<std::int64_t>(hour * 3'600'000);
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               cctz::convert(cctz::civil_second(day) + ms / 1000, zone_).time_since_epoch())
               .count() +
           ms % 1000;
}

double World::ordinary_visits(Day day) const {
    Dice dice{seed_, kPlan, number_of(day)};
    const double grown = std::clamp(static_cast<double>(day - first_day_) / kGrowthDays, 0.0, 1.0);
    return kVisits * kWeekdays[weekday(day)] * (kFirstDays + (1 - kFirstDays) * grown) *
           dice.between(1 - kNoise, 1 + kNoise);
}

std::vector<World::Wave> World::waves(Day day) const {
    const Day monday = first_day_ - weekday(first_day_);
    const std::int64_t since = day - monday;
    if (since < 0) return {};
    const std::int64_t phase = since % 28;
    std::vector<Wave> out;
    if (const double visits = of_day(kNewsletterVisits, (since + 6) % 7); visits > 0)
        out.push_back({&newsletter_source(), visits, weekday(day) == 1 ? 8.0 : 0.0, weekday(day) == 1 ? 2.5 : 0.0, ""});
    // Days of the four weeks: the campaign begins on the second Thursday, the launch is on the third Wednesday.
    if (const double visits = of_day(kCampaignVisits, phase - 10); visits > 0) {
        double weights = 0;
        for (const Source& source : campaign_sources()) weights += source.weight;
        for (const Source& source : campaign_sources())
            out.push_back({&source, visits * source.weight / weights, 0, 0, "/pricing"});
    }
    if (const double visits = of_day(kLaunchVisits, phase - 16); visits > 0)
        out.push_back({&launch_source(), visits, phase == 16 ? 14.0 : 0.0, phase == 16 ? 4.0 : 0.0, kLaunchPage});
    return out;
}

World::Person World::person(Dice& dice, std::uint64_t key, const Source& source, int hour) const {
    Person person;
    person.key = key;
    person.place = &dice.pick(places(), [&](const Place& place) {
        return hour < 0 ? place.weight : place.weight * kHours[(hour + place.hours_ahead + 24) % 24];
    });
    const bool is_mobile = dice.chance(source.mobile);
    person.device =
        &dice.pick(devices(), [&](const Device& device) { return device.is_mobile == is_mobile ? device.weight : 0; });
    person.ip = address_in(*person.place, dice);
    person.language = person.place->languages[dice.chance(0.85) ? 0 : 1];
    person.screen = dice.below(person.device->screens.size());
    return person;
}

World::Person World::regular(Dice& dice, const Source& source) const {
    // The square makes some of them come nearly each day and most of them now and then.
    const double rank = dice.uniform();
    const auto number = static_cast<std::uint64_t>(rank * rank * static_cast<double>(kRegulars));
    Dice own{seed_, kPerson, number};
    const std::uint64_t key = own.next();
    return person(own, key, source.mobile > 0.5 ? newsletter_source() : sources().front(), -1);
}

void World::add_visit(std::vector<Hit>& out, Dice& dice, const Source& source, std::int64_t start_ms, int hour,
                      std::string_view first_page) const {
    const bool is_regular = dice.chance(source.origin == Origin::kNewsletter ? 0.75
                                        : source.origin == Origin::kDirect   ? 0.6
                                        : source.weight == 0                 ? 0.05
                                                                             : kRegularVisits / 2);
    const Person who = is_regular ? regular(dice, source) : person(dice, dice.next(), source, hour);
    const Page* page = &demo::page(
        first_page.empty() || dice.chance(0.12)
            ? dice.pick(pages(),
                        [&](const Page& candidate) { return candidate.entry[static_cast<std::size_t>(source.origin)]; })
                  .path
            : first_page);
    Hit view;
    view.user_id = fmt::format("v-{:016x}", who.key);
    view.ip = who.ip;
    view.user_agent = who.device->user_agent;
    view.screen = who.device->screens[who.screen];
    view.viewport = who.device->viewports[who.screen];
    view.language = who.language;
    view.timezone = who.place->timezone;
    view.query = source.query;
    view.referrer = source.referrer;
    view.timestamp_ms = start_ms;
    bool goes_on = !dice.chance(source.bounce);
    for (int pages_read = 1;; ++pages_read) {
        view.page = page->path;
        view.title = page->title;
        view.event_id = event_id(view.timestamp_ms, dice);
        out.push_back(view);
        const double read_s = std::clamp(dice.around(page->read_s, kReadSpread), 2.0, kReadMaxS);
        const std::int64_t left_ms = view.timestamp_ms + static_cast<std::int64_t>(read_s * 1000);
        add_actions(out, dice, view, left_ms);
        add_measurements(out, dice, view, left_ms);
        const std::string_view next = dice.pick(page->next);
        if (!goes_on || next.empty() || pages_read == kPagesMax) return;
        page = &demo::page(next);
        view.query = view.referrer = {};
        view.timestamp_ms = left_ms + 1;
        goes_on = dice.chance(kGoesOn);
    }
}

void World::add_crawler(std::vector<Hit>& out, Dice& dice, Day day) const {
    Hit view;
    view.user_agent = dice.pick(bots());
    view.ip =
        address_in(dice.pick(places(), [](const Place& place) { return place.country == "US" ? 1.0 : 0.0; }), dice);
    const Page& page = dice.pick(pages());
    view.page = page.path;
    view.title = page.title;
    view.timestamp_ms = moment(day, dice.between(0, 24));
    view.event_id = event_id(view.timestamp_ms, dice);
    out.push_back(std::move(view));
}

std::vector<Hit> World::day(Day day) const {
    std::vector<Hit> out;
    constexpr int kAllHours[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23};
    // A visit's dice depend on its number alone, so that none depends on how long the one before was.
    std::uint64_t number = 0;
    const auto next_dice = [&] { return Dice{seed_, kPlan, number_of(day), ++number}; };
    const auto add_ordinary = [&](double visits, const Source* source, std::string_view first_page) {
        for (double left = visits; left >= 1; --left) {
            Dice dice = next_dice();
            const int hour = dice.pick(kAllHours, [&](int at) { return hour_weight(day, at); });
            const Source& from =
                source != nullptr ? *source : dice.pick(sources(), [](const Source& each) { return each.weight; });
            add_visit(out, dice, from, moment(day, hour + dice.uniform()), hour, first_page);
        }
    };
    const double ordinary = ordinary_visits(day);
    add_ordinary(ordinary, nullptr, "");
    for (const Wave& wave : waves(day)) {
        if (wave.mean_hours == 0) {
            add_ordinary(wave.visits, wave.source, wave.first_page);
            continue;
        }
        for (double left = wave.visits; left >= 1; --left) {
            Dice dice = next_dice();
            const double hour = wave.from_hour + dice.exponential(wave.mean_hours);
            if (hour < 24)
                add_visit(out, dice, *wave.source, moment(day, hour), static_cast<int>(hour), wave.first_page);
        }
    }
    for (double left = ordinary * kCrawlers; left >= 1; --left) {
        Dice dice = next_dice();
        add_crawler(out, dice, day);
    }
    const std::int64_t begin = start_ms(day);
    const std::int64_t end = start_ms(day + 1);
    std::erase_if(out, [&](const Hit& hit) { return hit.timestamp_ms < begin || hit.timestamp_ms >= end; });
    std::sort(out.begin(), out.end(), [](const Hit& a, const Hit& b) {
        return std::tie(a.timestamp_ms, a.event_id.bytes) < std::tie(b.timestamp_ms, b.event_id.bytes);
    });
    return out;
}

std::vector<Hit> World::visit(std::uint64_t number, std::int64_t start) const {
    std::vector<Hit> out;
    Dice dice{seed_, kExtra, number, static_cast<std::uint64_t>(start)};
    const Source& source = dice.pick(sources(), [](const Source& each) { return each.weight; });
    const cctz::civil_second clock =
        cctz::convert(std::chrono::system_clock::time_point(std::chrono::milliseconds(start)), zone_);
    add_visit(out, dice, source, start, clock.hour(), "");
    return out;
}

}  // namespace footfall::demo
