#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace footfall::catalog {

class Database;

/// A note of what happened at a site, for whoever looks at a chart.
struct Annotation {
    std::string id{};  ///< the catalog makes it
    std::string site_id{};
    std::string day{};   ///< YYYY-MM-DD of the site's calendar
    std::string time{};  ///< HH:MM by the site's clock; empty: of the day as a whole
    std::string note{};
    std::string created_by{};  ///< email of a user; empty: by command, or of a user who is gone
    std::int64_t created_ms = 0;
};

/// Of one site.
inline constexpr std::size_t kAnnotationsMax = 1'000;
inline constexpr std::size_t kAnnotationNoteMax = 500;  // characters

/// "YYYY-MM-DD" of the years 1970 to 2105, as queries take days. kInvalidArgument with that field.
Status check_annotation_day(std::string_view day, std::string_view field);

/// The notes of all sites. Thread-safe; a change is durable when the call returns. Every call may wait for the disk:
/// not on an event loop. Errors name the field: `date`, `time`, `text`, and kNotFound for the site or the note (`id`).
class Annotations {
public:
    /// `database_mutex` guards `database`; all outlive this.
    Annotations(Database& database, std::mutex& database_mutex, Clock& clock)
        : database_(database), mutex_(database_mutex), clock_(clock) {}

    /// As it is then, with its id. Beyond kAnnotationsMax kInvalidArgument.
    Result<Annotation> add(Annotation annotation);
    /// Another day, time and note; who made it and when stays. As it is then.
    Result<Annotation> change(const Annotation& annotation);
    Status remove(std::string_view site_id, std::string_view id);
    /// Of days from `first` to `last`, both included; empty: without a bound. By day and time, those of the day as a
    /// whole first, then as they were made.
    Result<std::vector<Annotation>> of_site(std::string_view site_id, std::string_view first = {},
                                            std::string_view last = {}) const;

private:
    Status check_site(std::string_view site_id) const;
    Result<Annotation> find(std::string_view site_id, std::string_view id) const;

    Database& database_;
    std::mutex& mutex_;
    Clock& clock_;
};

}  // namespace footfall::catalog
