// Exports page by page, from a real log; what the command prints is tested in tests/contract/test_export.py.
#include "erase/export.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "enrich/identity.h"
#include "process/process_fixture.h"

namespace footfall::erase {
namespace {

using process::numbered;

constexpr const char* kUser = "who-is-exported";
constexpr std::uint64_t kAnonymous = 77'000;

/// A log that counts the entries which its readers give.
class CountingLog final : public log::EventLog {
public:
    explicit CountingLog(log::EventLog& log) : log_(log) {}

    Result<log::Position> append(std::span<const log::Entry> group) override { return log_.append(group); }
    log::Position end() const override { return log_.end(); }
    log::Position begin() const override { return log_.begin(); }
    bool wait_beyond(log::Position position, int timeout_ms) const override {
        return log_.wait_beyond(position, timeout_ms);
    }
    Result<std::unique_ptr<log::LogReader>> reader(log::Position from) const override {
        TRY(auto reader, log_.reader(from));
        return std::unique_ptr<log::LogReader>(new Reader(std::move(reader), entries_));
    }
    std::vector<log::Damage> damage() const override { return log_.damage(); }
    Status release(log::Position position) override { return log_.release(position); }

    std::uint64_t entries() const { return entries_; }

private:
    class Reader final : public log::LogReader {
    public:
        Reader(std::unique_ptr<log::LogReader> reader, std::uint64_t& entries)
            : reader_(std::move(reader)), entries_(entries) {}
        Status read(std::vector<log::StoredEntry>& out, std::size_t max_entries, std::size_t max_bytes) override {
            const std::size_t before = out.size();
            const Status done = reader_->read(out, max_entries, max_bytes);
            entries_ += out.size() - before;
            return done;
        }
        log::Position position() const override { return reader_->position(); }

    private:
        std::unique_ptr<log::LogReader> reader_;
        std::uint64_t& entries_;
    };

    log::EventLog& log_;
    mutable std::uint64_t entries_ = 0;
};

class ExportTest : public process::ProcessTest {
protected:
    /// 6,000 events, every second one the user's; the first names the user, who was anonymous until then, and the last
    /// is of the anonymous one still.
    void fill() {
        event::Event named = of_user(0);
        named.event_type = "identify";
        named.visitor_id = kAnonymous;
        append({named});
        for (std::uint64_t group = 0; group < 6; ++group) {
            std::vector<event::Event> events;
            for (std::uint64_t i = 0; i < 1'000; ++i) {
                const std::uint64_t number = 1 + group * 1'000 + i;
                events.push_back(number % 2 == 0 ? of_user(number) : numbered(number));
            }
            append(events);
        }
        event::Event last = numbered(6'001);
        last.visitor_id = kAnonymous;
        append({last});
    }
    static event::Event of_user(std::uint64_t number) {
        event::Event event = numbered(number);
        event.user_id = kUser;
        event.visitor_id = enrich::Identity::known_id("site", kUser);
        return event;
    }
    static std::size_t events_in(std::string_view text) {
        std::size_t events = 0;
        for (std::size_t at = 0; (at = text.find(R"("record":)", at)) != text.npos; ++at) ++events;
        return events;
    }
};

TEST_F(ExportTest, ThePagesOfAVisitorReadTheLogOnceAfterTheFirstFoundOutWhoThatIs) {
    fill();
    const std::uint64_t entries = log_->end().offset - log_->begin().offset;
    CountingLog log(*log_);
    const ExportRequest request{.subject = Subject::of_visitor("site", kUser), .page_bytes = 1};
    std::string from;
    std::size_t pages = 0;
    std::size_t events = 0;
    do {
        const auto page = export_page(log, store(), request, from);
        ASSERT_TRUE(page) << page.error().message;
        ASSERT_EQ(page->next.value_or("").find('\n'), std::string::npos);
        from = page->next.value_or("");
        events += events_in(page->text);
        ++pages;
    } while (!from.empty());
    EXPECT_GT(pages, 5u) << "else it shows nothing";
    EXPECT_EQ(events, 3'002u) << "the anonymous id that the first page met goes with each";
    // It was followed to the anonymous id, so it was looked for twice.
    EXPECT_EQ(log.entries(), 3 * entries);
}

TEST_F(ExportTest, GoesOnAtNoPlaceThatIsNotOfThisExport) {
    append({of_user(1)});
    const Subject other = Subject::of_visitor("other", kUser);
    const ExportRequest request{.subject = Subject::of_visitor("site", kUser)};
    for (const std::string& from : std::vector<std::string>{
             "x", "0", "0-", "0-2", "0-1x", "0-1-", "0-1-{}", "0-1-" + other.json(),
             "0-1-" + Subject::of_site("site").json(), "0-1-" + Subject::of_visitor("site", "somebody-else").json()}) {
        const auto page = export_page(*log_, store(), request, from);
        ASSERT_FALSE(page) << from;
        EXPECT_EQ(page.error().code, Code::kInvalidArgument) << from;
    }
    const auto page = export_page(*log_, store(), request, "0-1-" + request.subject.json());
    ASSERT_TRUE(page) << page.error().message;
    EXPECT_EQ(events_in(page->text), 1u);
}

}  // namespace
}  // namespace footfall::erase
