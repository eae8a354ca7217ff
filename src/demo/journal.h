#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "demo/world.h"

namespace footfall::demo {

/// What was sent of the days, so that a second start sends only what is missing. A file of some lines in the data
/// folder: event ids alone would not do, the server knows them for seven days only. Not thread-safe.
class Journal {
public:
    /// Reads the file; a new journal begins with `first_day`. `path` empty: nothing is kept. kCorrupt with what to do
    /// where the file is no journal.
    static Result<Journal> open(const std::string& path, Day first_day);

    Day first_day() const { return first_day_; }
    /// The hits of the day before this moment were sent; 0: none was.
    std::int64_t sent_until(Day day) const;
    /// They were acknowledged. Durable on return. Days that are older than `oldest` are forgotten.
    Status note(Day day, std::int64_t until_ms, Day oldest);

private:
    std::string path_;
    Day first_day_;
    std::map<Day, std::int64_t> sent_;
};

}  // namespace footfall::demo
