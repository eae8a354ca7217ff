#include "erase/subject.h"

#include <list>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "base/testing/test_folder.h"
#include "enrich/identity.h"
#include "erase/pending.h"
#include "process/erased.h"
#include "process/sessions/session.h"

namespace footfall::erase {
namespace {

class SubjectTest : public testing::Test {
protected:
    log::StoredEntry event_of(std::uint64_t visitor_id, std::string_view user_id, std::string_view site = "s") {
        event::Event event;
        event.website_id = site;
        event.event_id.bytes[15] = 7;
        event.event_type = "pageview";
        event.timestamp = event.received_at = 5;
        event.visitor_id = visitor_id;
        event.user_id = user_id;
        event.page = "/deadbeefdeadbeef";
        payloads_.emplace_back();
        event::write_record(event, payloads_.back());
        return {.position = {}, .kind = log::EntryKind::kEvent, .payload = payloads_.back()};
    }
    log::StoredEntry rejected(const std::string& text, std::string_view site = "s", std::string_view tracking = "s") {
        payloads_.emplace_back();
        json::Writer writer(payloads_.back());
        writer.begin_object();
        writer.member("website_id", site);
        writer.member("tracking_id", tracking);
        writer.member("received_at", 1);
        writer.member("field", "x");
        writer.member("reason", "missing");
        writer.member("event", text);
        writer.member("is_cut", false);
        writer.member("user_agent", "");
        writer.member("key_site_id", "");
        writer.end_object();
        return {.position = {}, .kind = log::EntryKind::kRejected, .payload = payloads_.back()};
    }
    static bool holds(const Subject& subject, const log::StoredEntry& entry) {
        return SubjectReader(subject).holds(entry);
    }
    std::list<std::string> payloads_;
    const std::uint64_t known_ = enrich::Identity::known_id("s", "user-é\"1");
};

TEST_F(SubjectTest, AUserIsFoundByItsIdAndByTheVisitorIdThatIsMadeOfIt) {
    for (const std::string& visitor : {std::string("user-é\"1"), visitor_text(known_)}) {
        const Subject subject = Subject::of_visitor("s", visitor);
        EXPECT_TRUE(holds(subject, event_of(known_, "user-é\"1"))) << visitor;
        EXPECT_TRUE(holds(subject, event_of(known_, ""))) << visitor;
        EXPECT_FALSE(holds(subject, event_of(known_, "", "t"))) << "of another site";
        EXPECT_FALSE(holds(subject, event_of(9, "user-é\"2")));
    }
    const Subject anonymous = Subject::of_visitor("s", "deadbeefdeadbeef");
    EXPECT_TRUE(holds(anonymous, event_of(0xdeadbeefdeadbeef, "")));
    EXPECT_FALSE(holds(anonymous, event_of(1, ""))) << "that its page says so is nothing";
}

TEST_F(SubjectTest, WhoWasNamedByIdentifyIsFollowedToTheAnonymousIdAndNotToOthers) {
    Subject subject = Subject::of_visitor("s", "user-é\"1");
    EXPECT_FALSE(SubjectReader(subject).follow(event_of(known_, "user-é\"1"), subject));
    EXPECT_TRUE(SubjectReader(subject).follow(event_of(77, "user-é\"1"), subject));
    EXPECT_TRUE(holds(subject, event_of(77, "")));
    // Two who share an anonymous id: the other's own events stay.
    EXPECT_FALSE(SubjectReader(subject).follow(event_of(77, "other"), subject));
    EXPECT_FALSE(holds(subject, event_of(enrich::Identity::known_id("s", "other"), "other")));
    // By the visitor id alone the user_id is found, for what was rejected.
    Subject by_id = Subject::of_visitor("s", visitor_text(known_));
    EXPECT_TRUE(SubjectReader(by_id).follow(event_of(known_, "user-é\"1"), by_id));
    EXPECT_TRUE(holds(by_id, rejected(R"({"user_id":"user-é\"1"})")));
}

TEST_F(SubjectTest, ARejectedEventIsOfTheUserThatItNames) {
    const Subject subject = Subject::of_visitor("s", "4711@x");
    EXPECT_TRUE(holds(subject, rejected(R"({"user_id":"4711@x"})")));
    EXPECT_TRUE(holds(subject, rejected(R"({"data":[{"traits":{"mail":"\u0034711@x"}}]})")));
    EXPECT_TRUE(holds(subject, rejected(R"({"data":{"page":"/u/4711@x?"}})")));
    EXPECT_TRUE(holds(subject, rejected(R"({"data":{"page":"/u/4711@x?)"))) << "one that was cut";
    EXPECT_TRUE(holds(subject, rejected(R"({"user_id":"4711@x"})", "", "s"))) << "before the site was known";
    EXPECT_FALSE(holds(subject, rejected(R"({"user_id":"4711@x"})", "t", "t")));
    EXPECT_FALSE(holds(subject, rejected(R"({"user_id":"4712@x"})")));
    const Subject number = Subject::of_visitor("s", "12");
    EXPECT_TRUE(holds(number, rejected(R"({"user_id":12})")));
    EXPECT_TRUE(holds(number, rejected(R"({"user_id":"12"})")));
    EXPECT_FALSE(holds(number, rejected(R"({"user_id":"123"})")));
}

TEST_F(SubjectTest, OfASiteEverythingIsAndNothingOfAnother) {
    const Subject site = Subject::of_site("s");
    const log::StoredEntry tally{.position = {},
                                 .kind = log::EntryKind::kTally,
                                 .payload = R"({"website_id":"s","duplicates":1,"rejected":{}})"};
    EXPECT_TRUE(holds(site, event_of(1, "")));
    EXPECT_TRUE(holds(site, rejected("{", "", "s")));
    EXPECT_TRUE(holds(site, tally));
    const Subject other = Subject::of_site("t");
    EXPECT_FALSE(holds(other, event_of(1, "")));
    EXPECT_FALSE(holds(other, rejected("{")));
    EXPECT_FALSE(holds(other, tally));
    EXPECT_FALSE(holds(Subject::of_visitor("s", "x"), tally)) << "counts are nobody's";
}

TEST_F(SubjectTest, ATombstoneSaysNothingOfTheVisitorAndIsReadBack) {
    const Subject subject = Subject::of_visitor("s", "user-é\"1");
    const log::StoredEntry entry = event_of(known_, "user-é\"1");
    const std::string text = SubjectReader(subject).tombstone(entry);
    EXPECT_EQ(text, R"({"website_id":"s","kind":1,"event_id":"00000000-0000-0000-0000-000000000007","received_at":5})");
    const auto erased = process::read_erased(text);
    ASSERT_TRUE(erased);
    EXPECT_EQ(erased->event_id.bytes[15], 7);
    EXPECT_EQ(erased->received_at, 5);
    EXPECT_FALSE(erased->began_session);
    const std::uint64_t keys[] = {process::session_key_of(erased->event_id)};
    const auto first_of_session = process::read_erased(SubjectReader(subject, keys).tombstone(entry));
    ASSERT_TRUE(first_of_session);
    EXPECT_TRUE(first_of_session->began_session);
    EXPECT_EQ(SubjectReader(subject).tombstone(rejected("{}")), R"({"website_id":"s","kind":4})");
    EXPECT_FALSE(process::read_erased(R"({"website_id":"s","kind":1})"));
    EXPECT_FALSE(process::read_erased("{}"));
}

TEST(PendingErasureTest, ComesBackAsItWasAndLeavesNothing) {
    TestFolder folder;
    const std::string path = folder / "erasure.pending";
    PendingErasure pending(path);
    EXPECT_FALSE(pending.read().value());
    const Subject subject{.website_id = "s\"", .user_ids = {"a", "\xc3\xbc"}, .visitor_ids = {1, ~0ull}};
    ASSERT_TRUE(pending.write(subject));
    EXPECT_EQ(*PendingErasure(path).read().value(), subject);
    ASSERT_TRUE(pending.remove());
    ASSERT_TRUE(pending.remove());
    EXPECT_FALSE(path_exists(path));
    ASSERT_TRUE(write_file_atomically(path, "{"));
    EXPECT_EQ(pending.read().error().code, Code::kCorrupt);
    ASSERT_TRUE(write_file_atomically(path, std::string(9, '\0')));
    EXPECT_FALSE(pending.read().value()) << "a death amid the removal";
}

}  // namespace
}  // namespace footfall::erase
