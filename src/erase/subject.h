#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "event/event.h"
#include "log/log.h"

namespace footfall::erase {

/// Whose data it is about: a site's as a whole, or a visitor's of it.
struct Subject {
    std::string website_id;
    bool is_whole_site = false;
    /// What the site and the store know the visitor by. See follow().
    std::vector<std::string> user_ids{};
    std::vector<std::uint64_t> visitor_ids{};

    /// `visitor` is what answers and exports show: the user_id that the site sent, or the 16 hex digits of a visitor
    /// id. A text that can be either is both.
    static Subject of_visitor(std::string website_id, std::string_view visitor);
    static Subject of_site(std::string website_id);
    /// One line of JSON, which of_json() reads again; nothing where the text is none of these.
    std::string json() const;
    static std::optional<Subject> of_json(std::string_view text);
    bool operator==(const Subject&) const = default;
};

/// A visitor id as answers show it.
std::string visitor_text(std::uint64_t visitor_id);

/// Tells what of the log is the subject's. One thread; the subject outlives it.
class SubjectReader {
public:
    /// `session_keys`, in order, are those of the subject's sessions, for tombstone() to tell which events began one;
    /// they outlive this too.
    explicit SubjectReader(const Subject& subject, std::span<const std::uint64_t> session_keys = {});

    /// Whether the entry is the subject's: an event of its visitor ids, or a rejected event that names one of its
    /// user_ids; of a whole site those of the site, and the counts of its requests.
    bool holds(const log::StoredEntry& entry);
    /// Adds to `subject`, a copy of the reader's own, whom the entry shows to be the same person: a visitor id under
    /// which one of its user_ids was sent (as by `identify`, whose event keeps the anonymous id), and the user_id that
    /// a visitor id is made of. False: nothing that was not known. After true another reader is needed.
    bool follow(const log::StoredEntry& entry, Subject& subject);
    /// What takes the entry's place in the log, for one that holds().
    std::string tombstone(const log::StoredEntry& entry);

private:
    bool can_be(std::string_view payload) const;
    bool holds_event(const log::StoredEntry& entry);
    bool holds_rejected(const log::StoredEntry& entry) const;

    const Subject& subject_;
    const std::span<const std::uint64_t> session_keys_;
    std::vector<std::string> needles_;  ///< one of them stands in each record of a visitor
    event::RecordReader records_;
};

}  // namespace footfall::erase
