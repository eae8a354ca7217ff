#include "process/archive/manifest.h"

#include <charconv>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/sha256.h"

namespace footfall::process::archive {
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view kSumMember = ",\"sha256\":\"";
constexpr std::string_view kManifests = "manifest/";
constexpr std::string_view kEvents = "events/";
constexpr std::string_view kEntries = "entries/";
constexpr std::string_view kJson = ".json";
constexpr std::string_view kParquet = ".parquet";
constexpr std::size_t kOffsetDigits = 20;

std::string sum_of(std::string_view text) {
    Sha256 sum;
    sum.update(text);
    return sum.finish_hex();
}

void write_object(json::Writer& writer, std::string_view name, const std::optional<ObjectSum>& object) {
    if (!object) return;
    writer.key(name);
    writer.begin_object();
    writer.member("key", object->key);
    writer.member("bytes", object->bytes);
    writer.member("sha256", object->sha256);
    writer.end_object();
}

void write_objects(json::Writer& writer, std::string_view name, const Objects& objects) {
    writer.key(name);
    writer.begin_object();
    write_object(writer, "events", objects.events);
    write_object(writer, "entries", objects.entries);
    writer.end_object();
}

void write_sites(json::Writer& writer, const Counts& counts) {
    writer.key("sites");
    writer.begin_array();
    for (const auto& [website_id, site] : counts.sites) {
        writer.begin_object();
        writer.member("website_id", website_id);
        writer.member("events", site.events);
        writer.member("duplicates", site.duplicates);
        writer.key("rejected");
        writer.begin_object();
        for (const auto& [reason, count] : site.rejected) writer.member(reason, count);
        writer.end_object();
        writer.member("erased_events", site.erased_events);
        writer.end_object();
    }
    writer.end_array();
}

bool read_text(dom::object object, std::string_view name, std::string& out) {
    std::string_view text;
    if (object[name].get(text) != simdjson::SUCCESS) return false;
    out = text;
    return true;
}

bool read_number(dom::object object, std::string_view name, auto& out) {
    return object[name].get(out) == simdjson::SUCCESS;
}

bool read_object(dom::object objects, std::string_view name, std::optional<ObjectSum>& out) {
    dom::object object;
    const auto found = objects[name].get(object);
    if (found == simdjson::NO_SUCH_FIELD) return true;
    out.emplace();
    return found == simdjson::SUCCESS && read_text(object, "key", out->key) &&
           read_number(object, "bytes", out->bytes) && read_text(object, "sha256", out->sha256);
}

bool read_objects(dom::object root, std::string_view name, Objects& out) {
    dom::object objects;
    return root[name].get(objects) == simdjson::SUCCESS && read_object(objects, "events", out.events) &&
           read_object(objects, "entries", out.entries);
}

bool read_sites(dom::object root, Counts& counts) {
    dom::array sites;
    if (root["sites"].get(sites) != simdjson::SUCCESS) return false;
    for (const dom::element element : sites) {
        dom::object object;
        dom::object rejected;
        std::string website_id;
        SiteCounts site;
        if (element.get(object) != simdjson::SUCCESS || !read_text(object, "website_id", website_id) ||
            !read_number(object, "events", site.events) || !read_number(object, "duplicates", site.duplicates) ||
            !read_number(object, "erased_events", site.erased_events) ||
            object["rejected"].get(rejected) != simdjson::SUCCESS)
            return false;
        for (const auto [reason, value] : rejected) {
            std::uint64_t count = 0;
            if (value.get(count) != simdjson::SUCCESS) return false;
            site.rejected.emplace(reason, count);
        }
        counts.sites.emplace(std::move(website_id), std::move(site));
    }
    return true;
}

bool read_damage(dom::object root, std::vector<log::Damage>& out) {
    dom::array ranges;
    if (root["damage"].get(ranges) != simdjson::SUCCESS) return false;
    for (const dom::element element : ranges) {
        dom::object object;
        log::Damage range;
        if (element.get(object) != simdjson::SUCCESS || !read_number(object, "first", range.first) ||
            !read_number(object, "last", range.last) || !read_text(object, "where", range.where))
            return false;
        out.push_back(std::move(range));
    }
    return true;
}

bool read_body(dom::object root, Manifest& manifest) {
    std::string log_id;
    if (!read_text(root, "log_id", log_id)) return false;
    const auto id = parse_hex64(log_id);
    if (!id) return false;
    manifest.log_id = *id;
    Counts& counts = manifest.counts;
    if (!read_number(root, "first", manifest.first) || !read_number(root, "end", manifest.end) ||
        !read_number(root, "hour_ms", manifest.hour_ms) || !read_number(root, "made_ms", manifest.made_ms) ||
        !read_number(root, "rewritten", manifest.rewritten) || !read_number(root, "entries", counts.entries) ||
        !read_number(root, "events", counts.events) ||
        !read_number(root, "rejected_samples", counts.rejected_samples) ||
        !read_number(root, "last_event_offset", counts.last_event_offset) ||
        !read_text(root, "last_event_id", counts.last_event_id) || !read_sites(root, counts) ||
        !read_damage(root, manifest.damage) || !read_objects(root, "objects", manifest.objects))
        return false;
    dom::element replaced_by;
    if (root["replaced_by"].get(replaced_by) == simdjson::NO_SUCH_FIELD) return true;
    return read_objects(root, "replaced_by", manifest.replaced_by.emplace());
}

std::optional<std::uint64_t> parse_offset(std::string_view digits) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.size() != kOffsetDigits || error != std::errc() || end != digits.data() + digits.size())
        return std::nullopt;
    return value;
}

/// The range of a key in that folder.
std::optional<RangeName> parse_key(std::string_view key, std::string_view folder, std::string_view ending) {
    if (!key.starts_with(folder) || !key.ends_with(ending) || key.size() < folder.size() + ending.size())
        return std::nullopt;
    RangeName range;
    range.name = key.substr(folder.size(), key.size() - folder.size() - ending.size());
    const std::string_view offsets = std::string_view(range.name).substr(range.name.rfind('/') + 1);
    if (offsets.size() != 2 * kOffsetDigits + 1 || offsets[kOffsetDigits] != '-') return std::nullopt;
    const auto first = parse_offset(offsets.substr(0, kOffsetDigits));
    const auto last = parse_offset(offsets.substr(kOffsetDigits + 1));
    if (!first || !last || *last < *first) return std::nullopt;
    range.first = *first;
    range.end = *last + 1;
    return range;
}

}  // namespace

std::string encode_claim(std::uint64_t log_id) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.member("footfall_archive", kFormat);
    writer.member("log_id", hex64(log_id));
    writer.end_object();
    return out + "\n";
}

std::string encode_manifest(const Manifest& manifest) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.member("footfall_archive", kFormat);
    writer.member("log_id", hex64(manifest.log_id));
    writer.member("first", manifest.first);
    writer.member("end", manifest.end);
    writer.member("hour", iso_text(manifest.hour_ms));
    writer.member("hour_ms", manifest.hour_ms);
    writer.member("made_at", iso_text(manifest.made_ms));
    writer.member("made_ms", manifest.made_ms);
    writer.member("rewritten", manifest.rewritten);
    writer.member("entries", manifest.counts.entries);
    writer.member("events", manifest.counts.events);
    writer.member("rejected_samples", manifest.counts.rejected_samples);
    writer.member("last_event_offset", manifest.counts.last_event_offset);
    writer.member("last_event_id", manifest.counts.last_event_id);
    write_sites(writer, manifest.counts);
    writer.key("damage");
    writer.begin_array();
    for (const log::Damage& range : manifest.damage) {
        writer.begin_object();
        writer.member("first", range.first);
        writer.member("last", range.last);
        writer.member("where", range.where);
        writer.end_object();
    }
    writer.end_array();
    write_objects(writer, "objects", manifest.objects);
    if (manifest.replaced_by) write_objects(writer, "replaced_by", *manifest.replaced_by);
    const std::string sum = sum_of(out);
    writer.member("sha256", sum);
    writer.end_object();
    return out + "\n";
}

Result<Manifest> decode_manifest(std::string_view text, std::string_view where) {
    const Error damaged(Code::kCorrupt, fmt::format("{} of the archive is damaged; put it back from a copy, or remove "
                                                    "it: what the event log still has is archived anew",
                                                    where));
    const std::size_t member = text.rfind(kSumMember);
    if (member == std::string_view::npos ||
        !text.substr(member + kSumMember.size()).starts_with(sum_of(text.substr(0, member))))
        return damaged;
    dom::parser parser;
    dom::object root;
    std::uint64_t format = 0;
    const simdjson::padded_string padded(text);
    if (parser.parse(padded).get(root) != simdjson::SUCCESS ||
        root["footfall_archive"].get(format) != simdjson::SUCCESS)
        return damaged;
    if (format > kFormat)
        return Error(Code::kUnsupported,
                     fmt::format("{} of the archive is of format {}, and this release reads format {}: use a newer one",
                                 where, format, kFormat));
    Manifest manifest;
    if (!read_body(root, manifest)) return damaged;
    return manifest;
}

std::string range_name(std::int64_t hour_ms, std::uint64_t first, std::uint64_t end) {
    const std::string hour = iso_text(hour_ms);
    return fmt::format("received_date={}/received_hour={}/{:020}-{:020}", hour.substr(0, 10), hour.substr(11, 2), first,
                       end - 1);
}

std::string events_key(const std::string& range) { return std::string(kEvents) + range + std::string(kParquet); }
std::string entries_key(const std::string& range) { return std::string(kEntries) + range + std::string(kParquet); }
std::string manifest_key(const std::string& range) { return std::string(kManifests) + range + std::string(kJson); }

std::optional<RangeName> parse_manifest_key(std::string_view key) { return parse_key(key, kManifests, kJson); }

std::optional<RangeName> parse_object_key(std::string_view key) {
    const auto range = parse_key(key, kEvents, kParquet);
    return range ? range : parse_key(key, kEntries, kParquet);
}

}  // namespace footfall::process::archive
