#include "ingest/rejected.h"

#include <optional>

#include <simdjson.h>

#include "base/json.h"
#include "base/json_reader.h"
#include "enrich/text.h"

namespace footfall::ingest {
namespace {

constexpr std::size_t kTrackingIdBytesMax = 200;

/// The object without each member that `path` leads to, through one object or two.
void write_without(json::Writer& writer, const simdjson::dom::object& object, std::string_view path) {
    const std::string_view name = path.substr(0, path.find('.'));
    writer.begin_object();
    for (const auto [key, value] : object) {
        simdjson::dom::object inner;
        if (key == name && name == path) continue;
        writer.key(key);
        if (key == name && value.get(inner) == simdjson::SUCCESS)
            write_without(writer, inner, path.substr(name.size() + 1));
        else writer.raw(simdjson::minify(value));
    }
    writer.end_object();
}

/// The event without the visitor's address; nothing where it has none.
std::optional<std::string> without_address(std::string_view text) {
    json::Reader reader;
    const auto event = reader.read(text, json::Reader::Padding::kAbsent);
    simdjson::dom::object object;
    simdjson::dom::element ip;
    if (!event || event->get(object) != simdjson::SUCCESS || object["context"]["ip"].get(ip) != simdjson::SUCCESS)
        return std::nullopt;
    std::string out;
    json::Writer writer(out);
    write_without(writer, object, "context.ip");
    return out;
}

}  // namespace

bool SampleBudget::take(std::string_view website_id, std::string_view reason, std::int64_t now_ms) {
    const std::lock_guard lock(mutex_);
    if (const std::int64_t minute = now_ms / 60'000; minute != minute_) {
        minute_ = minute;
        bytes_ = 0;
        sites_.clear();
    }
    if (bytes_ >= kBytesPerMinute) return false;
    auto site = sites_.find(website_id);
    if (site == sites_.end()) site = sites_.try_emplace(std::string(website_id)).first;
    if (site->second.bytes >= kBytesPerSite) return false;
    auto taken = site->second.taken.find(reason);
    if (taken == site->second.taken.end()) taken = site->second.taken.try_emplace(std::string(reason)).first;
    if (taken->second >= kPerReason) return false;
    ++taken->second;
    return true;
}

void SampleBudget::spend(std::string_view website_id, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    bytes_ += bytes;
    // Not there where another minute has begun meanwhile.
    if (const auto site = sites_.find(website_id); site != sites_.end()) site->second.bytes += bytes;
}

std::string write_rejected(const RejectedEvent& rejected) {
    const std::optional<std::string> clean = without_address(rejected.text);
    const std::string_view text = clean ? std::string_view(*clean) : rejected.text;
    const std::string user_agent = enrich::printable(rejected.user_agent);
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.member("website_id", rejected.website_id);
    writer.member("tracking_id", enrich::cut_text(rejected.rejection->website_id, kTrackingIdBytesMax));
    writer.member("received_at", rejected.received_at);
    writer.member("field", rejected.rejection->field);
    writer.member("reason", rejected.rejection->reason);
    writer.member("event", enrich::cut_text(text, kSampleBytesMax));
    writer.member("is_cut", text.size() > kSampleBytesMax);
    writer.member("user_agent", enrich::cut_text(user_agent, event::Limits::kUserAgent));
    writer.member("key_site_id", rejected.key_site_id);
    writer.end_object();
    return out;
}

}  // namespace footfall::ingest
