#include "backup/manifest.h"

#include <algorithm>

#include <fmt/format.h>
#include <simdjson.h>

#include "backup/backup.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "log/disk/format.h"
#include "store/object_store.h"

namespace footfall::backup {
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view kSumMember = ",\"sha256\":\"";
constexpr std::size_t kSumHex = 64;

std::string sum_of(std::string_view text) {
    const auto digest = sha256(text);
    return to_hex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

void write_segment(json::Writer& writer, const log::CutSegment& segment) {
    writer.member("number", segment.number);
    writer.member("first", segment.first_offset);
    writer.member("end", segment.end_offset);
    writer.member("bytes", segment.bytes);
    writer.member("sealed", segment.sealed);
}

bool read_segment(const dom::object& object, log::CutSegment& segment) {
    return object["number"].get(segment.number) == simdjson::SUCCESS &&
           object["first"].get(segment.first_offset) == simdjson::SUCCESS &&
           object["end"].get(segment.end_offset) == simdjson::SUCCESS &&
           object["bytes"].get(segment.bytes) == simdjson::SUCCESS &&
           object["sealed"].get(segment.sealed) == simdjson::SUCCESS && segment.first_offset <= segment.end_offset;
}

bool read_text(const dom::object& object, std::string_view name, std::string& out) {
    std::string_view text;
    if (object[name].get(text) != simdjson::SUCCESS) return false;
    out = text;
    return true;
}

bool read_log_id(const dom::object& object, std::uint64_t& id) {
    std::string text;
    if (!read_text(object, "log_id", text)) return false;
    const auto parsed = parse_hex64(text);
    id = parsed.value_or(0);
    return parsed.has_value();
}

void write_archive(json::Writer& writer, const std::vector<ArchiveFile>& files) {
    writer.key("archive");
    writer.begin_array();
    for (const ArchiveFile& file : files) {
        writer.begin_object();
        writer.member("key", file.key);
        if (file.name != file.key) writer.member("name", file.name);
        writer.member("bytes", file.sum.bytes);
        writer.member("sha256", file.sum.sha256);
        writer.end_object();
    }
    writer.end_array();
}

bool read_archive(const dom::object& root, std::vector<ArchiveFile>& files) {
    dom::array archive;
    const auto found = root["archive"].get(archive);
    if (found == simdjson::NO_SUCH_FIELD) return true;
    if (found != simdjson::SUCCESS) return false;
    for (const dom::element element : archive) {
        ArchiveFile file;
        dom::object object;
        if (element.get(object) != simdjson::SUCCESS || !read_text(object, "key", file.key) ||
            object["bytes"].get(file.sum.bytes) != simdjson::SUCCESS || !read_text(object, "sha256", file.sum.sha256))
            return false;
        if (!read_text(object, "name", file.name)) file.name = file.key;
        // Both become paths.
        if (!store::is_object_key(file.key) || !store::is_object_key(file.name)) return false;
        files.push_back(std::move(file));
    }
    return true;
}

bool read_body(const dom::object& root, Manifest& manifest) {
    dom::array segments;
    dom::array state;
    if (!read_text(root, "made_by", manifest.made_by) || !read_log_id(root, manifest.log_id) ||
        root["made_ms"].get(manifest.made_ms) != simdjson::SUCCESS ||
        root["generation"].get(manifest.generation) != simdjson::SUCCESS ||
        root["complete"].get(manifest.complete) != simdjson::SUCCESS ||
        root["begin"].get(manifest.begin) != simdjson::SUCCESS || root["end"].get(manifest.end) != simdjson::SUCCESS ||
        root["segments"].get(segments) != simdjson::SUCCESS || root["state"].get(state) != simdjson::SUCCESS)
        return false;
    for (const dom::element element : segments) {
        SegmentEntry entry;
        dom::object object;
        if (element.get(object) != simdjson::SUCCESS || !read_segment(object, entry.segment) ||
            !read_text(object, "sha256", entry.sum.sha256))
            return false;
        entry.sum.bytes = entry.segment.bytes;
        manifest.segments.push_back(std::move(entry));
    }
    for (const dom::element element : state) {
        StateEntry entry;
        dom::object object;
        if (element.get(object) != simdjson::SUCCESS || !read_text(object, "name", entry.name) ||
            object["bytes"].get(entry.sum.bytes) != simdjson::SUCCESS || !read_text(object, "sha256", entry.sum.sha256))
            return false;
        // The name becomes one in the data folder.
        if (entry.name != kCatalog && entry.name != kDemoJournal) return false;
        manifest.state.push_back(std::move(entry));
    }
    return read_archive(root, manifest.archive);
}

}  // namespace

const SegmentEntry* Manifest::find(std::uint64_t number) const {
    const auto found = std::find_if(segments.begin(), segments.end(),
                                    [&](const SegmentEntry& entry) { return entry.segment.number == number; });
    return found == segments.end() ? nullptr : &*found;
}

std::string Manifest::path_of(const log::CutSegment& segment) const {
    const std::string name = log::segment_name(segment.number);
    return segment.sealed ? "log/" + name : state_path(name);
}

std::string Manifest::state_path(std::string_view name) const { return fmt::format("state-{}/{}", generation, name); }

std::string encode_manifest(const Manifest& manifest) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.member("footfall_backup", manifest.archive.empty() ? kFormatWithoutArchive : kFormat);
    writer.member("made_by", manifest.made_by);
    writer.member("made_at", iso_text(manifest.made_ms));
    writer.member("made_ms", manifest.made_ms);
    writer.member("generation", manifest.generation);
    writer.member("complete", manifest.complete);
    writer.member("log_id", hex64(manifest.log_id));
    writer.member("begin", manifest.begin);
    writer.member("end", manifest.end);
    writer.key("segments");
    writer.begin_array();
    for (const SegmentEntry& entry : manifest.segments) {
        writer.begin_object();
        write_segment(writer, entry.segment);
        writer.member("sha256", entry.sum.sha256);
        writer.end_object();
    }
    writer.end_array();
    writer.key("state");
    writer.begin_array();
    for (const StateEntry& entry : manifest.state) {
        writer.begin_object();
        writer.member("name", entry.name);
        writer.member("bytes", entry.sum.bytes);
        writer.member("sha256", entry.sum.sha256);
        writer.end_object();
    }
    writer.end_array();
    if (!manifest.archive.empty()) write_archive(writer, manifest.archive);
    const std::string sum = sum_of(out);
    writer.member("sha256", sum);
    writer.end_object();
    return out + "\n";
}

Result<Manifest> read_manifest(const std::string& directory) {
    const std::string path = directory + "/" + std::string(kManifestName);
    if (!path_exists(path))
        return Error(Code::kNotFound, fmt::format("there is no backup in {}: it has no {}", directory, kManifestName));
    TRY(const std::string text, read_file(path));
    const Error damaged(Code::kCorrupt,
                        path + " is damaged; what belongs to this backup is not known, so take another one");
    const std::size_t member = text.rfind(kSumMember);
    if (member == std::string::npos || text.size() < member + kSumMember.size() + kSumHex ||
        text.substr(member + kSumMember.size(), kSumHex) != sum_of(std::string_view(text).substr(0, member)))
        return damaged;
    dom::parser parser;
    dom::object root;
    std::uint64_t format = 0;
    if (parser.parse(text).get(root) != simdjson::SUCCESS || root["footfall_backup"].get(format) != simdjson::SUCCESS)
        return damaged;
    Manifest manifest;
    if (format > kFormat) {
        read_text(root, "made_by", manifest.made_by);
        return Error(Code::kUnsupported,
                     fmt::format("the backup in {} is of format {}, made by Footfall {}; this release reads format {}: "
                                 "use that one, or a newer one",
                                 directory, format, manifest.made_by, kFormat));
    }
    if (!read_body(root, manifest)) return damaged;
    return manifest;
}

void write_damage(json::Writer& writer, std::span<const log::Damage> damage) {
    writer.begin_array();
    for (const log::Damage& range : damage) {
        writer.begin_object();
        writer.member("first", range.first);
        writer.member("last", range.last);
        writer.member("where", range.where);
        writer.end_object();
    }
    writer.end_array();
}

std::string encode_cut(const Cut& cut) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.member("made_by", cut.made_by);
    writer.member("made_ms", cut.made_ms);
    writer.member("log_id", hex64(cut.log.log_id));
    writer.member("begin", cut.log.begin);
    writer.member("end", cut.log.end);
    writer.key("segments");
    writer.begin_array();
    for (const log::CutSegment& segment : cut.log.segments) {
        writer.begin_object();
        write_segment(writer, segment);
        writer.end_object();
    }
    writer.end_array();
    writer.key("damage");
    write_damage(writer, cut.log.damage);
    writer.key("files");
    writer.begin_array();
    for (const auto& [name, content] : cut.files) {
        writer.begin_object();
        writer.member("name", name);
        writer.member("hex", to_hex(content));
        writer.end_object();
    }
    writer.end_array();
    writer.end_object();
    return out;
}

Result<Cut> decode_cut(std::string_view text) {
    const Error wrong(Code::kUnsupported,
                      "the server that runs says what a backup must hold in another way than this program; is it of "
                      "another release? Start it again");
    dom::parser parser;
    dom::object root;
    Cut cut;
    dom::array segments;
    dom::array damage;
    dom::array files;
    if (parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS ||
        !read_text(root, "made_by", cut.made_by) || root["made_ms"].get(cut.made_ms) != simdjson::SUCCESS ||
        !read_log_id(root, cut.log.log_id) || root["begin"].get(cut.log.begin) != simdjson::SUCCESS ||
        root["end"].get(cut.log.end) != simdjson::SUCCESS || root["segments"].get(segments) != simdjson::SUCCESS ||
        root["damage"].get(damage) != simdjson::SUCCESS || root["files"].get(files) != simdjson::SUCCESS)
        return wrong;
    for (const dom::element element : segments) {
        dom::object object;
        log::CutSegment segment;
        if (element.get(object) != simdjson::SUCCESS || !read_segment(object, segment)) return wrong;
        cut.log.segments.push_back(segment);
    }
    for (const dom::element element : damage) {
        dom::object object;
        log::Damage range;
        if (element.get(object) != simdjson::SUCCESS || object["first"].get(range.first) != simdjson::SUCCESS ||
            object["last"].get(range.last) != simdjson::SUCCESS || !read_text(object, "where", range.where))
            return wrong;
        cut.log.damage.push_back(std::move(range));
    }
    for (const dom::element element : files) {
        dom::object object;
        std::string name;
        std::string hex;
        if (element.get(object) != simdjson::SUCCESS || !read_text(object, "name", name) ||
            !read_text(object, "hex", hex))
            return wrong;
        auto content = from_hex(hex);
        if (!content) return wrong;
        cut.files.emplace(std::move(name), std::move(*content));
    }
    return cut;
}

}  // namespace footfall::backup
