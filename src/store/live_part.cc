#include "store/live_part.h"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/json.h"

namespace footfall::store {
namespace {

constexpr std::int64_t kMinuteMs = 60'000;
/// Another process's clock may be ahead by so much.
constexpr std::int64_t kAheadMs = 60'000;
constexpr std::uint64_t kVersion = 1;

using Member = LiveNames LivePart::*;

struct Merged {
    std::uint64_t visitors = 0;
    std::uint64_t covered = 0;  ///< what those parts left out that name it
};

/// Gives the first entries of what the parts list together; `rate` becomes what they are known to be of the truth.
std::vector<LiveEntry> merge_names(std::span<const LivePart* const> parts, Member list, double& rate) {
    std::unordered_map<std::string_view, Merged> all;
    std::uint64_t left_out = 0;
    for (const LivePart* part : parts) {
        const LiveNames& names = part->*list;
        left_out += names.left_out;
        for (const LiveEntry& entry : names.entries) {
            Merged& merged = all[entry.name];
            merged.visitors += entry.visitors;
            merged.covered += names.left_out;
        }
    }
    std::vector<std::pair<std::string_view, Merged>> sorted(all.begin(), all.end());
    const auto is_before = [](const auto& a, const auto& b) {
        return a.second.visitors != b.second.visitors ? a.second.visitors > b.second.visitors : a.first < b.first;
    };
    const std::size_t shown = std::min(kLiveEntriesMax, sorted.size());
    const auto end = sorted.begin() + static_cast<std::ptrdiff_t>(shown);
    std::partial_sort(sorted.begin(), end, sorted.end(), is_before);
    std::vector<LiveEntry> out;
    out.reserve(shown);
    for (auto entry = sorted.begin(); entry != end; ++entry)
        out.push_back({std::string(entry->first), entry->second.visitors});
    if (left_out == 0) return out;

    const auto most = [&](const Merged& of) { return of.visitors + (left_out - of.covered); };
    const auto share = [](std::uint64_t counted, std::uint64_t perhaps) {
        return static_cast<double>(std::max<std::uint64_t>(1, counted)) /
               static_cast<double>(std::max<std::uint64_t>(1, perhaps));
    };
    std::uint64_t next = left_out;  // of what is not shown: a name that no part has, or one that some have
    for (auto entry = end; entry != sorted.end(); ++entry) next = std::max(next, most(entry->second));
    for (auto entry = sorted.begin(); entry != end; ++entry)
        rate = std::min(rate, share(entry->second.visitors, most(entry->second)));
    const std::uint64_t last = out.empty() ? 0 : out.back().visitors;
    if (shown < kLiveEntriesMax) rate = std::min(rate, share(last, last + left_out));  // there was room for it
    else if (next > last) rate = std::min(rate, share(last, next));
    return out;
}

void write_names(json::Writer& writer, std::string_view key, const LiveNames& names) {
    writer.key(key);
    writer.begin_array();
    writer.number(names.left_out);
    for (const LiveEntry& entry : names.entries) {
        writer.string(entry.name);
        writer.number(entry.visitors);
    }
    writer.end_array();
}

/// Values of an array, one after the other.
class Values {
public:
    explicit Values(simdjson::dom::array array) : next_(array.begin()), end_(array.end()) {}

    bool is_over() const { return !(next_ != end_); }
    template <class T>
    bool take(T& value) {
        if (is_over()) return false;
        const bool is_right = (*next_).get(value) == simdjson::SUCCESS;
        ++next_;
        return is_right;
    }

private:
    simdjson::dom::array::iterator next_, end_;
};

bool read_names(simdjson::dom::array array, LiveNames& names) {
    Values values(array);
    if (!values.take(names.left_out)) return false;
    while (!values.is_over()) {
        std::string_view name;
        std::uint64_t visitors = 0;
        if (!values.take(name) || !values.take(visitors)) return false;
        names.entries.push_back({std::string(name), visitors});
    }
    return true;
}

bool is_rate(double rate) { return rate > 0 && rate <= 1; }

/// Epoch ms of a minute's or an interval's number; none where it is beyond what times are.
bool start_of(std::int64_t number, std::int64_t length_ms, std::int64_t& start_ms) {
    return number >= 0 && !__builtin_mul_overflow(number, length_ms, &start_ms);
}

bool read_minute(simdjson::dom::array array, LivePart::Minute& minute) {
    Values values(array);
    std::int64_t number = 0;
    return values.take(number) && start_of(number, kMinuteMs, minute.start_ms) && values.take(minute.pageviews) &&
           values.take(minute.events) && values.take(minute.visitors) && values.take(minute.sample_rate) &&
           is_rate(minute.sample_rate);
}

bool read_interval(simdjson::dom::array array, LiveInterval& interval) {
    Values values(array);
    std::int64_t number = 0;
    return values.take(number) && start_of(number, kLiveIntervalMs, interval.start_ms) &&
           values.take(interval.pageviews) && values.take(interval.events);
}

template <class T>
bool read_rows(simdjson::dom::array array, bool (*read)(simdjson::dom::array, T&), std::vector<T>& out) {
    for (const simdjson::dom::element element : array) {
        simdjson::dom::array row;
        T value;
        if (element.get(row) != simdjson::SUCCESS || !read(row, value)) return false;
        out.push_back(value);
    }
    return true;
}

bool read_part(const simdjson::dom::element& root, LivePart& part) {
    simdjson::dom::array minutes, intervals, pages, sources, countries, events;
    return root["at"].get(part.at_ms) == simdjson::SUCCESS &&
           root["active"].get(part.active_visitors) == simdjson::SUCCESS &&
           root["rate"].get(part.sample_rate) == simdjson::SUCCESS && is_rate(part.sample_rate) &&
           root["minutes"].get(minutes) == simdjson::SUCCESS && read_rows(minutes, read_minute, part.minutes) &&
           root["intervals"].get(intervals) == simdjson::SUCCESS &&
           read_rows(intervals, read_interval, part.intervals) && root["pages"].get(pages) == simdjson::SUCCESS &&
           read_names(pages, part.pages) && root["sources"].get(sources) == simdjson::SUCCESS &&
           read_names(sources, part.sources) && root["countries"].get(countries) == simdjson::SUCCESS &&
           read_names(countries, part.countries) && root["events"].get(events) == simdjson::SUCCESS &&
           read_names(events, part.events);
}

}  // namespace

LiveNumbers merge(std::span<const LivePart> parts, std::int64_t now_ms) {
    std::int64_t latest_ms = now_ms;
    for (const LivePart& part : parts) latest_ms = std::max(latest_ms, part.at_ms);
    now_ms = std::min(latest_ms, now_ms + kAheadMs);

    LiveNumbers out;
    const std::int64_t first_minute = now_ms / kMinuteMs - kLiveMinutes + 1;
    for (std::int64_t minute = first_minute; minute < first_minute + kLiveMinutes; ++minute)
        out.minutes.push_back({.start_ms = minute * kMinuteMs});
    const std::int64_t first_interval = now_ms / kLiveIntervalMs - kLiveIntervals + 1;
    for (std::int64_t interval = first_interval; interval < first_interval + kLiveIntervals; ++interval)
        out.intervals.push_back({.start_ms = interval * kLiveIntervalMs});

    std::vector<const LivePart*> now;
    for (const LivePart& part : parts) {
        for (const LivePart::Minute& minute : part.minutes) {
            const std::int64_t at = minute.start_ms / kMinuteMs - first_minute;
            if (at < 0 || at >= kLiveMinutes) continue;
            LiveMinute& sum = out.minutes[static_cast<std::size_t>(at)];
            sum.pageviews += minute.pageviews;
            sum.events += minute.events;
            sum.visitors += minute.visitors;
            out.sample_rate = std::min(out.sample_rate, minute.sample_rate);
        }
        for (const LiveInterval& interval : part.intervals) {
            const std::int64_t at = interval.start_ms / kLiveIntervalMs - first_interval;
            if (at < 0 || at >= kLiveIntervals) continue;
            LiveInterval& sum = out.intervals[static_cast<std::size_t>(at)];
            sum.pageviews += interval.pageviews;
            sum.events += interval.events;
        }
        if (part.at_ms <= now_ms - kLiveNowMs) continue;
        out.active_visitors += part.active_visitors;
        out.sample_rate = std::min(out.sample_rate, part.sample_rate);
        now.push_back(&part);
    }
    out.pages = merge_names(now, &LivePart::pages, out.sample_rate);
    out.sources = merge_names(now, &LivePart::sources, out.sample_rate);
    out.countries = merge_names(now, &LivePart::countries, out.sample_rate);
    out.events = merge_names(now, &LivePart::events, out.sample_rate);
    return out;
}

std::string live_part_text(const LivePart& part) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.member("v", kVersion);
    writer.member("at", part.at_ms);
    writer.member("active", part.active_visitors);
    writer.member("rate", part.sample_rate);
    writer.key("minutes");
    writer.begin_array();
    for (const LivePart::Minute& minute : part.minutes) {
        writer.begin_array();
        writer.number(minute.start_ms / kMinuteMs);
        writer.number(minute.pageviews);
        writer.number(minute.events);
        writer.number(minute.visitors);
        writer.number(minute.sample_rate);
        writer.end_array();
    }
    writer.end_array();
    writer.key("intervals");
    writer.begin_array();
    for (const LiveInterval& interval : part.intervals) {
        writer.begin_array();
        writer.number(interval.start_ms / kLiveIntervalMs);
        writer.number(interval.pageviews);
        writer.number(interval.events);
        writer.end_array();
    }
    writer.end_array();
    write_names(writer, "pages", part.pages);
    write_names(writer, "sources", part.sources);
    write_names(writer, "countries", part.countries);
    write_names(writer, "events", part.events);
    writer.end_object();
    return out;
}

Result<LivePart> parse_live_part(std::string_view text) {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    std::uint64_t version = 0;
    LivePart part;
    const simdjson::padded_string padded(text);
    if (parser.parse(padded).get(root) != simdjson::SUCCESS || root["v"].get(version) != simdjson::SUCCESS)
        return Error(Code::kCorrupt, "the text is no part of live numbers");
    if (version != kVersion)
        return Error(Code::kUnsupported, fmt::format("the live numbers are written in format {}, and this program "
                                                     "reads format {}; run the same version everywhere",
                                                     version, kVersion));
    if (!read_part(root, part)) return Error(Code::kCorrupt, "a part of live numbers is damaged");
    return part;
}

}  // namespace footfall::store
