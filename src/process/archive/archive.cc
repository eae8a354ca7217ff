#include "process/archive/archive.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/bytes.h"
#include "base/failpoint.h"
#include "base/logging.h"
#include "base/sha256.h"
#include "process/erased.h"

namespace footfall::process::archive {
namespace {

ObjectSum sum_of(const std::string& key, std::string_view content) {
    Sha256 sum;
    sum.update(content);
    return {.key = key, .bytes = content.size(), .sha256 = sum.finish_hex()};
}

/// The id of the event, or of what is left of it, at an offset; nothing where the log does not give one.
std::optional<std::string> event_id_at(const log::EventLog& log, std::uint64_t offset) {
    const auto reader = log.reader({.partition = log.begin().partition, .offset = offset});
    std::vector<log::StoredEntry> entries;
    if (!reader || !(*reader)->read(entries, 1, 1) || entries.empty() || entries[0].position.offset != offset)
        return std::nullopt;
    if (entries[0].kind == log::EntryKind::kErased) {
        const auto erased = read_erased(entries[0].payload);
        return erased ? erased->event_id.text() : std::string();
    }
    event::RecordReader records;
    const auto event = records.read(entries[0].payload, event::ReadTo::kUserId);
    return event ? event->event_id.text() : std::string();
}

bool has_one_of(const Manifest& manifest, std::span<const std::string> sites) {
    return sites.empty() || std::any_of(sites.begin(), sites.end(),
                                        [&](const std::string& site) { return manifest.counts.sites.contains(site); });
}

}  // namespace

Result<std::unique_ptr<Archive>> Archive::open(store::ObjectStore& objects, const log::EventLog& log,
                                               std::uint64_t log_id, Clock& clock, Kind kind) {
    std::unique_ptr<Archive> archive(new Archive(objects, log_id, clock, kind));
    TRY_STATUS(archive->claim(log));
    TRY_STATUS(archive->read_names(log));
    TRY_STATUS(archive->check_same_log(log));
    return archive;
}

/// Two logs in one archive would be two events under one offset.
Status Archive::claim(const log::EventLog& log) {
    const auto there = objects_.get(kClaim);
    if (!there && there.error().code != Code::kNotFound) return there.error();
    if (!there && kind_ == Kind::kWholeLog && log.begin().offset > 0)
        return Error(Code::kConflict,
                     fmt::format("the event log begins with entry {}, what came before is in its archive alone, and {} "
                                 "has none; put the archive there, or name its folder (archive.directory)",
                                 log.begin().offset, objects_.where()));
    if (!there) {
        TRY(const auto others, objects_.list(""));
        if (!others.empty())
            return Error(Code::kConflict, fmt::format("{} has other files in it ({}); give the archive a folder of its "
                                                      "own (archive.directory)",
                                                      objects_.where(), others.front().key));
        return objects_.put(kClaim, encode_claim(log_id_));
    }
    simdjson::dom::parser parser;
    simdjson::dom::object root;
    std::uint64_t format = 0;
    std::string_view id;
    if (parser.parse(*there).get(root) != simdjson::SUCCESS ||
        root["footfall_archive"].get(format) != simdjson::SUCCESS || root["log_id"].get(id) != simdjson::SUCCESS)
        return Error(Code::kCorrupt,
                     fmt::format("{} of {} is damaged; put it back from a copy", kClaim, objects_.where()));
    if (format > kFormat)
        return Error(Code::kUnsupported,
                     fmt::format("the archive in {} was made by a newer release; use that one", objects_.where()));
    if (id != hex64(log_id_))
        return Error(Code::kConflict, fmt::format("{} has the archive of another installation; give this one a folder "
                                                  "of its own (archive.directory)",
                                                  objects_.where()));
    return {};
}

Error Archive::overlap(const RangeName& range, std::uint64_t first) const {
    return {Code::kCorrupt, fmt::format("the archive in {} has entry {} in {} and in another range; remove what is no "
                                        "part of it",
                                        objects_.where(), first, range.name)};
}

Status Archive::read_names(const log::EventLog& log) {
    TRY(const auto manifests, objects_.list("manifest/"));
    std::vector<RangeName> named;
    for (const store::ObjectInfo& object : manifests)
        if (auto range = parse_manifest_key(object.key)) named.push_back(std::move(*range));
    if (kind_ == Kind::kFromWhenItCan) TRY_STATUS(take_out_overlaps(named));
    std::set<std::string> counted;
    for (RangeName& range : named) {
        counted.insert(events_key(range.name));
        counted.insert(entries_key(range.name));
        const std::uint64_t first = range.first;
        const auto [held, is_first] = ranges_.emplace(first, std::move(range));
        if (!is_first) return overlap(held->second, first);
    }
    const RangeName* before = nullptr;
    for (const auto& [first, range] : ranges_) {
        if (before != nullptr && before->end > first) return overlap(*before, first);
        before = &range;
    }
    // What does not count would be counted by whoever reads the files without the manifests.
    for (const std::string_view folder : {"events/", "entries/"}) {
        TRY(const auto objects, objects_.list(folder));
        for (const store::ObjectInfo& object : objects) {
            if (counted.contains(object.key)) {
                bytes_[object.key] = object.bytes;
                continue;
            }
            const auto range = parse_object_key(object.key);
            if (range && range->first < log.begin().offset) {
                logging::warn("archive.manifest_missing", {{"object", object.key}});
                continue;
            }
            TRY_STATUS(objects_.remove(object.key));
            logging::info("archive.leftover_removed", {{"object", object.key}});
        }
    }
    return {};
}

/// A log that was restored from a backup goes on from an earlier state, and gives offsets out again.
Status Archive::check_same_log(const log::EventLog& log) const {
    if (ranges_.empty()) return {};
    const RangeName& last = ranges_.rbegin()->second;
    TRY(const Manifest known, manifest(last));
    const auto id =
        known.counts.last_event_id.empty() ? std::nullopt : event_id_at(log, known.counts.last_event_offset);
    if (last.end <= log.end().offset && id.value_or(known.counts.last_event_id) == known.counts.last_event_id)
        return {};
    return Error(Code::kConflict,
                 fmt::format("the archive in {} has entries up to {} of a state of the event log that is not this one, "
                             "as after a restore; move it away, or give another folder (archive.directory), and it is "
                             "made anew from the log",
                             objects_.where(), last.end));
}

Archive::Missing Archive::missing_from(std::uint64_t from) const {
    const std::lock_guard guard(mutex_);
    auto next = ranges_.upper_bound(from);
    if (next != ranges_.begin()) {
        for (auto held = std::prev(next); held != ranges_.end() && held->first <= from; ++held) {
            from = std::max(from, held->second.end);
            next = std::next(held);
        }
    }
    return {.first = from, .end = next == ranges_.end() ? std::nullopt : std::optional(next->first)};
}

std::optional<RangeName> Archive::range_at(std::uint64_t offset) const {
    const std::lock_guard guard(mutex_);
    const auto behind = ranges_.upper_bound(offset);
    if (behind == ranges_.begin() || std::prev(behind)->second.end <= offset) return std::nullopt;
    return std::prev(behind)->second;
}

Totals Archive::totals() const {
    const std::lock_guard guard(mutex_);
    Totals totals{.ranges = ranges_.size(), .end = ranges_.empty() ? 0 : ranges_.rbegin()->second.end};
    for (const auto& [key, bytes] : bytes_) totals.bytes += bytes;
    return totals;
}

std::vector<RangeName> Archive::ranges() const {
    const std::lock_guard guard(mutex_);
    std::vector<RangeName> out;
    for (const auto& [first, range] : ranges_) out.push_back(range);
    return out;
}

Result<Manifest> Archive::manifest(const RangeName& range) const {
    const std::string key = manifest_key(range.name);
    TRY(const std::string text, objects_.get(key));
    TRY(Manifest manifest, decode_manifest(text, objects_.where() + "/" + key));
    if (manifest.first != range.first || manifest.end != range.end || manifest.log_id != log_id_)
        return Error(Code::kCorrupt,
                     fmt::format("{}/{} is another range's; put it back from a copy", objects_.where(), key));
    return manifest;
}

/// An object that is what it was, or what it becomes.
Result<std::string> Archive::checked(const std::optional<ObjectSum>& now, const std::optional<ObjectSum>& later) const {
    if (!now && !later) return std::string();
    const std::string key = now ? now->key : later->key;
    auto content = objects_.get(key);
    if (!content && content.error().code != Code::kNotFound) return content.error();
    const auto there = content ? std::optional(sum_of(key, *content)) : std::nullopt;
    if (there == now || there == later) return content ? std::move(*content) : std::string();
    return Error(Code::kCorrupt,
                 fmt::format("{}/{} is damaged or missing; put it back from a copy", objects_.where(), key));
}

Result<FileContent> Archive::content(const Manifest& manifest) const {
    const Objects& objects = manifest.objects;
    // Where nothing replaces them, what they become is what they are.
    const Objects& later = manifest.replaced_by ? *manifest.replaced_by : objects;
    FileContent content;
    TRY(content.entries, checked(objects.entries, later.entries));
    TRY(content.events, checked(objects.events, later.events));
    return content;
}

Result<std::optional<ObjectSum>> Archive::put(const std::string& key, const std::string& content) {
    if (content.empty()) TRY_STATUS(objects_.remove(key));
    else TRY_STATUS(objects_.put(key, content));
    const std::lock_guard guard(mutex_);
    if (content.empty()) bytes_.erase(key);
    else bytes_[key] = content.size();
    return content.empty() ? std::nullopt : std::optional(sum_of(key, content));
}

Status Archive::add(const Range& range, std::int64_t hour_ms, FileBuilder& builder,
                    std::span<const log::Damage> damage) {
    const std::string name = range_name(hour_ms, range.first, range.end);
    const FileContent content = builder.finish();
    Manifest manifest{.log_id = log_id_,
                      .first = range.first,
                      .end = range.end,
                      .hour_ms = hour_ms,
                      .made_ms = clock_.wall_ms(),
                      .counts = builder.counts(),
                      .objects = {},
                      .replaced_by = {},
                      .damage = {damage.begin(), damage.end()}};
    TRY(manifest.objects.entries, put(entries_key(name), content.entries));
    (void)failpoint("archive.entries");
    TRY(manifest.objects.events, put(events_key(name), content.events));
    (void)failpoint("archive.events");
    TRY_STATUS(objects_.put(manifest_key(name), encode_manifest(manifest)));
    (void)failpoint("archive.manifest");
    const std::lock_guard guard(mutex_);
    ranges_.emplace(range.first, RangeName{.name = name, .first = range.first, .end = range.end});
    return {};
}

Result<std::uint64_t> Archive::rewrite(const log::ErasureRange& range, std::span<const std::string> sites,
                                       const log::Rewriting& rewriting) {
    const auto nobody_else = lock();
    std::uint64_t changed = 0;
    for (const RangeName& held : ranges()) {
        if (held.end <= range.begin || held.first >= range.end) continue;
        auto done = rewrite_range(held, sites, range, rewriting);
        if (!done) return done.error().context("rewriting the archive");
        changed += *done;
    }
    return changed;
}

Result<std::uint64_t> Archive::rewrite_range(const RangeName& range, std::span<const std::string> sites,
                                             const log::ErasureRange& offsets, const log::Rewriting& rewriting) {
    TRY(Manifest known, manifest(range));
    // What a death left half replaced is completed even where nothing more changes: its manifest may count what is
    // gone.
    if (!has_one_of(known, sites) && !known.replaced_by) return std::uint64_t{0};
    TRY(const FileContent before, content(known));
    FileBuilder builder;
    std::uint64_t changed = 0;
    TRY_STATUS(read_entries(before, [&](const log::StoredEntry& entry) -> Status {
        const bool is_asked = entry.kind != log::EntryKind::kErased && entry.position.offset >= offsets.begin &&
                              entry.position.offset < offsets.end;
        if (!is_asked) return builder.add(entry);
        TRY(const auto other, rewriting(entry));
        if (!other) return builder.add(entry);
        ++changed;
        return builder.add({.position = entry.position, .kind = other->kind, .payload = other->payload});
    }));
    if (changed == 0 && !known.replaced_by) return changed;
    TRY_STATUS(replace(range, std::move(known), builder));
    return changed;
}

/// Entries before events: where a death comes between, what was erased is in both, and what is left of it counts.
Status Archive::replace(const RangeName& range, Manifest manifest, FileBuilder& builder) {
    const FileContent content = builder.finish();
    Objects later;
    if (!content.entries.empty()) later.entries = sum_of(entries_key(range.name), content.entries);
    if (!content.events.empty()) later.events = sum_of(events_key(range.name), content.events);
    // One that a death interrupted had another text of its own: what is there may be that one's.
    if (manifest.replaced_by) {
        TRY(const FileContent there, this->content(manifest));
        Objects& now = manifest.objects;
        now.entries =
            there.entries.empty() ? std::nullopt : std::optional(sum_of(entries_key(range.name), there.entries));
        now.events = there.events.empty() ? std::nullopt : std::optional(sum_of(events_key(range.name), there.events));
    }
    manifest.replaced_by = later;
    const std::string key = manifest_key(range.name);
    TRY_STATUS(objects_.put(key, encode_manifest(manifest)));
    (void)failpoint("archive.replacing");
    TRY([[maybe_unused]] const auto entries, put(entries_key(range.name), content.entries));
    (void)failpoint("archive.entries_replaced");
    TRY([[maybe_unused]] const auto events, put(events_key(range.name), content.events));
    (void)failpoint("archive.events_replaced");
    const std::uint64_t samples = manifest.counts.rejected_samples;
    manifest.objects = later;
    manifest.replaced_by.reset();
    manifest.counts = builder.counts();
    manifest.counts.rejected_samples = samples;
    ++manifest.rewritten;
    TRY_STATUS(objects_.put(key, encode_manifest(manifest)));
    (void)failpoint("archive.replaced");
    return {};
}

/// The manifest first: without it the rest counts for nothing.
Status Archive::remove(const RangeName& range) {
    TRY_STATUS(objects_.remove(manifest_key(range.name)));
    TRY_STATUS(objects_.remove(events_key(range.name)));
    return objects_.remove(entries_key(range.name));
}

/// All of them say the same of the entries that they share. Of those that begin where the one before ends, or behind
/// it, the one that reaches farthest stays; what lies in a gap that this leaves is added again, as long as the log has
/// it.
Status Archive::take_out_overlaps(std::vector<RangeName>& ranges) {
    std::sort(ranges.begin(), ranges.end(), [](const RangeName& a, const RangeName& b) {
        return a.first != b.first ? a.first < b.first : a.end > b.end;
    });
    std::vector<RangeName> kept;
    for (RangeName& range : ranges) {
        if (kept.empty() || range.first >= kept.back().end) {
            kept.push_back(std::move(range));
            continue;
        }
        logging::warn("archive.overlap_removed", {{"first", range.first}, {"end", range.end}});
        TRY_STATUS(remove(range));
    }
    ranges = std::move(kept);
    return {};
}

Status Archive::forget(std::span<const log::Damage> damage, std::uint64_t log_begin) {
    const auto nobody_else = lock();
    for (const RangeName& range : ranges()) {
        const bool is_touched = std::any_of(damage.begin(), damage.end(), [&](const log::Damage& lost) {
            return lost.first < range.end && lost.last >= range.first;
        });
        if (!is_touched || range.first < log_begin) continue;
        TRY_STATUS(remove(range));
        logging::info("archive.forgotten", {{"first", range.first}, {"end", range.end}});
        const std::lock_guard guard(mutex_);
        ranges_.erase(range.first);
        bytes_.erase(events_key(range.name));
        bytes_.erase(entries_key(range.name));
    }
    return {};
}

}  // namespace footfall::process::archive
