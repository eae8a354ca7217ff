#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "event/event.h"

namespace footfall::event {
namespace {

// In the schema's order.
constexpr std::string_view kNames[] = {
#define FOOTFALL_FIELD(name, kind_name, column_type) #name,
#include "event/fields.inc"
#undef FOOTFALL_FIELD
};

/// Members that are not known have no place.
std::optional<std::size_t> place_of(std::string_view name) {
    const auto* const found = std::find(std::begin(kNames), std::end(kNames), name);
    if (found == std::end(kNames)) return std::nullopt;
    return static_cast<std::size_t>(found - std::begin(kNames));
}

/// The members of a JSON object one after the other, as they stand in the text.
class Members {
public:
    struct Member {
        std::string_view name;  ///< as it is written, without quotes
        std::string_view text;  ///< name and value
    };
    explicit Members(std::string_view text) : text_(text) {}

    /// False where this is no object's beginning.
    bool open() {
        skip_space();
        return take('{');
    }
    /// The next member; `is_end` behind the last one. False where that is no JSON.
    bool next(Member& member, bool& is_end) {
        skip_space();
        is_end = take('}');
        if (is_end) {
            skip_space();
            return at_ == text_.size();
        }
        if (is_begun_ && !take(',')) return false;
        is_begun_ = true;
        skip_space();
        const std::size_t begin = at_;
        if (!skip_string()) return false;
        member.name = text_.substr(begin + 1, at_ - begin - 2);
        skip_space();
        if (!take(':')) return false;
        skip_space();
        if (!skip_value()) return false;
        member.text = text_.substr(begin, at_ - begin);
        return true;
    }

private:
    void skip_space() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
    bool take(char wanted) {
        if (at_ == text_.size() || text_[at_] != wanted) return false;
        ++at_;
        return true;
    }
    bool skip_string() {
        if (!take('"')) return false;
        for (; at_ < text_.size(); ++at_) {
            if (text_[at_] == '\\') ++at_;
            else if (text_[at_] == '"') return take('"');
        }
        at_ = text_.size();
        return false;
    }
    bool skip_value() {
        std::size_t depth = 0;
        const std::size_t begin = at_;
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '"') {
                if (!skip_string()) return false;
                if (depth == 0) return true;
                continue;
            }
            if (depth == 0 && (c == ',' || c == '}')) break;
            if (c == '{' || c == '[') ++depth;
            if (c == '}' || c == ']') {
                ++at_;
                if (--depth == 0) return true;
                continue;
            }
            ++at_;
        }
        return depth == 0 && at_ > begin;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    bool is_begun_ = false;
};

struct Change {
    std::size_t place = 0;
    std::string_view name;
    std::string text;  // empty: the member is left out, as zero values are
};

Change text_change(std::string_view name, std::string_view value) {
    Change change{.place = *place_of(name), .name = name, .text = {}};
    if (value.empty()) return change;
    change.text.append("\"").append(name).append("\":");
    json::append_string(change.text, value);
    return change;
}

}  // namespace

Result<std::string> with_verdict(std::string_view record, const Verdict& verdict) {
    const Error damaged(Code::kCorrupt, "a record of the log is not a JSON object");
    const bool is_bot = !verdict.bot_reason.empty();
    std::array<Change, 4> changes = {text_change("device_type", verdict.device_type),
                                     {*place_of("is_bot"), "is_bot", is_bot ? R"("is_bot":true)" : ""},
                                     text_change("bot_reason", verdict.bot_reason),
                                     text_change("bot_lists", verdict.bot_lists)};
    std::sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) { return a.place < b.place; });
    std::string out = "{";
    const auto add = [&out](std::string_view text) {
        if (text.empty()) return;
        if (out.size() > 1) out += ',';
        out += text;
    };
    const auto* change = changes.begin();
    Members members(record);
    if (!members.open()) return damaged;
    for (;;) {
        Members::Member member;
        bool is_end = false;
        if (!members.next(member, is_end)) return damaged;
        if (is_end) break;
        const auto is_it = [&member](const Change& one) { return one.name == member.name; };
        if (std::any_of(changes.begin(), changes.end(), is_it)) continue;
        const auto place = place_of(member.name);
        while (place && change != changes.end() && change->place < *place) add(change++->text);
        add(member.text);
    }
    while (change != changes.end()) add(change++->text);
    out += '}';
    return out;
}

}  // namespace footfall::event
