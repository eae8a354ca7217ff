#include "demo/journal.h"

#include <sstream>

#include <fmt/format.h>

#include "base/file.h"

namespace footfall::demo {
namespace {

constexpr std::string_view kHead = "footfall-demo 1";

std::string text_of(Day day) { return fmt::format("{:04}-{:02}-{:02}", day.year(), day.month(), day.day()); }

std::istream& operator>>(std::istream& in, Day& day) {
    cctz::year_t year = 0;
    int month = 0, number = 0;
    char dash = 0, dash_too = 0;
    in >> year >> dash >> month >> dash_too >> number;
    if (dash != '-' || dash_too != '-') in.setstate(std::ios::failbit);
    day = Day(year, month, number);
    return in;
}

}  // namespace

Result<Journal> Journal::open(const std::string& path, Day first_day) {
    Journal journal;
    journal.path_ = path;
    journal.first_day_ = first_day;
    if (path.empty() || !path_exists(path)) return journal;
    TRY(const std::string content, read_file(path));
    std::istringstream lines(content);
    std::string head;
    std::getline(lines, head);
    bool is_whole = head == kHead && lines >> journal.first_day_;
    for (Day day; is_whole && lines >> std::ws && !lines.eof();) {
        std::int64_t until_ms = 0;
        is_whole = static_cast<bool>(lines >> day >> until_ms);
        if (is_whole) journal.sent_[day] = until_ms;
    }
    if (!is_whole)
        return Error(Code::kCorrupt,
                     path +
                         " does not say which days of the demo were sent; remove it to have them sent again, "
                         "which counts days twice that are more than a week old");
    return journal;
}

std::int64_t Journal::sent_until(Day day) const {
    const auto found = sent_.find(day);
    return found == sent_.end() ? 0 : found->second;
}

Status Journal::note(Day day, std::int64_t until_ms, Day oldest) {
    sent_[day] = until_ms;
    sent_.erase(sent_.begin(), sent_.lower_bound(oldest));
    if (path_.empty()) return {};
    std::string content = fmt::format("{}\n{}\n", kHead, text_of(first_day_));
    for (const auto& [each, until] : sent_) content += fmt::format("{} {}\n", text_of(each), until);
    return write_file_atomically(path_, content);
}

}  // namespace footfall::demo
