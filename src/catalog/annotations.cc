#include "catalog/annotations.h"

#include <utility>

#include <cctz/civil_time.h>
#include <fmt/format.h>

#include "catalog/database.h"
#include "catalog/names.h"

namespace footfall::catalog {
namespace {

/// A clock that was further ahead before is no reason to date what is made now.
constexpr std::int64_t kOneMomentMs = 1'000;

constexpr int kFirstYear = 1970;
constexpr int kLastYear = 2105;

Error no_annotation(std::string_view id) {
    return {Code::kNotFound, fmt::format("the site has no annotation '{}'; 'footfall annotation list' has the ids", id),
            "id"};
}

/// The digits at `begin` as a number; -1 where one is none.
int number_at(std::string_view text, std::size_t begin, std::size_t length) {
    int number = 0;
    for (const char c : text.substr(begin, length)) {
        if (c < '0' || c > '9') return -1;
        number = 10 * number + (c - '0');
    }
    return number;
}

bool is_time(std::string_view text) {
    if (text.size() != 5 || text[2] != ':') return false;
    const int hour = number_at(text, 0, 2);
    const int minute = number_at(text, 3, 2);
    return hour >= 0 && hour < 24 && minute >= 0 && minute < 60;
}

Status check(const Annotation& annotation) {
    TRY_STATUS(check_annotation_day(annotation.day, "date"));
    if (!annotation.time.empty() && !is_time(annotation.time))
        return Error(Code::kInvalidArgument, "the time is of the site's clock, as 09:30", "time");
    return check_line(annotation.note, kAnnotationNoteMax, "the text", "text");
}

Annotation annotation_of(const Query& row) {
    return {.id = row.text_at(0),
            .site_id = row.text_at(1),
            .day = row.text_at(2),
            .time = row.text_at(3),
            .note = row.text_at(4),
            .created_by = row.text_at(5),
            .created_ms = row.integer_at(6)};
}

}  // namespace

Status check_annotation_day(std::string_view day, std::string_view field) {
    const auto refused = [&] {
        return Error(
            Code::kInvalidArgument,
            fmt::format("'{}' must be a day as 2026-11-24, of the years {} to {}", field, kFirstYear, kLastYear),
            std::string(field));
    };
    if (day.size() != 10 || day[4] != '-' || day[7] != '-') return refused();
    const int year = number_at(day, 0, 4);
    const int month = number_at(day, 5, 2);
    const int of_month = number_at(day, 8, 2);
    if (year < kFirstYear || year > kLastYear || month < 0 || of_month < 0) return refused();
    // A civil day carries 30 February over to March.
    const cctz::civil_day civil(year, month, of_month);
    if (civil.month() != month || civil.day() != of_month) return refused();
    return {};
}

Status Annotations::check_site(std::string_view site_id) const {
    TRY(Query query, database_.prepare("SELECT 1 FROM sites WHERE id = ?"));
    TRY(const bool is_there, query.text(site_id).step());
    if (!is_there) return no_site(site_id);
    return {};
}

Result<Annotation> Annotations::find(std::string_view site_id, std::string_view id) const {
    TRY(Query query, database_.prepare("SELECT id, site_id, day, time, note, coalesce(created_by, ''), created_ms FROM "
                                       "annotations WHERE site_id = ? AND id = ?"));
    TRY(const bool is_there, query.text(site_id).text(id).step());
    if (!is_there) return no_annotation(id);
    return annotation_of(query);
}

Result<Annotation> Annotations::add(Annotation annotation) {
    TRY_STATUS(check(annotation));
    annotation.id = random_id();
    const std::lock_guard lock(mutex_);
    TRY_STATUS(check_site(annotation.site_id));
    TRY(Query count,
        database_.prepare("SELECT count(*), coalesce(max(created_ms), 0) FROM annotations WHERE site_id = ?"));
    TRY([[maybe_unused]] const bool row, count.text(annotation.site_id).step());
    // Those of one moment are in the order in which they were made.
    annotation.created_ms = clock_.wall_ms();
    const std::int64_t newest_ms = count.integer_at(1);
    if (newest_ms >= annotation.created_ms && newest_ms - annotation.created_ms < kOneMomentMs)
        annotation.created_ms = newest_ms + 1;
    if (count.integer_at(0) >= static_cast<std::int64_t>(kAnnotationsMax))
        return Error(Code::kInvalidArgument,
                     fmt::format("a site has at most {} annotations; remove one before", kAnnotationsMax), "text");
    // A user who was removed meanwhile has made nothing.
    TRY(Query insert,
        database_.prepare("INSERT INTO annotations (id, site_id, day, time, note, created_by, created_ms) "
                          "VALUES (?, ?, ?, ?, ?, (SELECT email FROM users WHERE email = ?), ?)"));
    TRY_STATUS(insert.text(annotation.id)
                   .text(annotation.site_id)
                   .text(annotation.day)
                   .text(annotation.time)
                   .text(annotation.note)
                   .text(annotation.created_by)
                   .integer(annotation.created_ms)
                   .run());
    return find(annotation.site_id, annotation.id);
}

Result<Annotation> Annotations::change(const Annotation& annotation) {
    TRY_STATUS(check(annotation));
    const std::lock_guard lock(mutex_);
    TRY_STATUS(check_site(annotation.site_id));
    TRY(Query update,
        database_.prepare("UPDATE annotations SET day = ?, time = ?, note = ? WHERE site_id = ? AND id = ?"));
    TRY_STATUS(update.text(annotation.day)
                   .text(annotation.time)
                   .text(annotation.note)
                   .text(annotation.site_id)
                   .text(annotation.id)
                   .run());
    return find(annotation.site_id, annotation.id);
}

Status Annotations::remove(std::string_view site_id, std::string_view id) {
    const std::lock_guard lock(mutex_);
    TRY_STATUS(check_site(site_id));
    TRY(Query query, database_.prepare("DELETE FROM annotations WHERE site_id = ? AND id = ?"));
    TRY_STATUS(query.text(site_id).text(id).run());
    if (database_.changes() == 0) return no_annotation(id);
    return {};
}

Result<std::vector<Annotation>> Annotations::of_site(std::string_view site_id, std::string_view first,
                                                     std::string_view last) const {
    const std::lock_guard lock(mutex_);
    TRY_STATUS(check_site(site_id));
    TRY(Query query, database_.prepare("SELECT id, site_id, day, time, note, coalesce(created_by, ''), created_ms FROM "
                                       "annotations WHERE site_id = ? AND day >= ? AND (? = '' OR day <= ?) ORDER BY "
                                       "day, time, created_ms, id"));
    query.text(site_id).text(first).text(last).text(last);
    std::vector<Annotation> out;
    for (;;) {
        TRY(const bool row, query.step());
        if (!row) return out;
        out.push_back(annotation_of(query));
    }
}

}  // namespace footfall::catalog
