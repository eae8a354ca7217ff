#include "catalog/annotations.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "catalog/testing/place.h"

namespace footfall::catalog {
namespace {

class AnnotationsTest : public testing::Test {
protected:
    void SetUp() override {
        directory_ =
            testing::TempDir() + "annotations_" + testing::UnitTest::GetInstance()->current_test_info()->name();
        std::filesystem::remove_all(directory_);
        std::filesystem::create_directories(directory_);
        place_ = make_place(directory_);
        open();
        ASSERT_TRUE(catalog_->add_site("A", "a.example", "UTC", "a"));
        ASSERT_TRUE(catalog_->add_site("B", "b.example", "UTC", "b"));
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }
    void open() {
        catalog_.reset();
        auto opened = Catalog::open(place_, clock_);
        ASSERT_TRUE(opened) << opened.error().message;
        catalog_ = std::move(*opened);
    }
    Annotations& annotations() { return catalog_->annotations(); }
    Error refusal(const Annotation& annotation) {
        const auto added = annotations().add(annotation);
        EXPECT_FALSE(added);
        return added ? Error() : added.error();
    }
    std::vector<std::string> notes(std::string_view site, std::string_view first = {}, std::string_view last = {}) {
        const auto all = annotations().of_site(site, first, last);
        EXPECT_TRUE(all);
        std::vector<std::string> out;
        for (const Annotation& one : *all) out.push_back(one.note);
        return out;
    }

    ManualClock clock_{1'795'500'000'000};
    std::string directory_;
    std::string place_;  ///< of the catalog
    std::unique_ptr<Catalog> catalog_;
};

TEST_F(AnnotationsTest, AreOfTheirSiteByDayAndTimeAndGoWithIt) {
    ASSERT_TRUE(annotations().add({.site_id = "a", .day = "2026-11-24", .time = "14:30", .note = "afternoon"}));
    ASSERT_TRUE(annotations().add({.site_id = "a", .day = "2026-11-24", .time = "09:00", .note = "morning"}));
    ASSERT_TRUE(annotations().add({.site_id = "a", .day = "2026-11-24", .note = "day"}));
    ASSERT_TRUE(annotations().add({.site_id = "a", .day = "2026-11-23", .note = "before"}));
    ASSERT_TRUE(annotations().add({.site_id = "b", .day = "2026-11-24", .note = "of another"}));
    open();
    EXPECT_EQ(notes("a"), (std::vector<std::string>{"before", "day", "morning", "afternoon"}));
    EXPECT_EQ(notes("a", "2026-11-24"), (std::vector<std::string>{"day", "morning", "afternoon"}));
    EXPECT_EQ(notes("a", {}, "2026-11-23"), std::vector<std::string>{"before"});
    EXPECT_EQ(notes("a", "2026-11-23", "2026-11-23"), std::vector<std::string>{"before"});
    EXPECT_TRUE(notes("a", "2026-11-25", "2026-11-26").empty());
    EXPECT_EQ(annotations().of_site("c").error().code, Code::kNotFound);
    ASSERT_TRUE(catalog_->remove_site("a"));
    ASSERT_TRUE(catalog_->add_site("A", "a.example", "UTC", "a"));
    EXPECT_TRUE(notes("a").empty());
    EXPECT_EQ(notes("b").size(), 1U);
}

TEST_F(AnnotationsTest, ThoseOfOneDayAreInTheOrderInWhichTheyWereMadeAlsoWithinAMillisecond) {
    std::vector<std::string> made;
    for (int i = 0; i < 30; ++i) {
        made.push_back(std::to_string(i));
        ASSERT_TRUE(annotations().add({.site_id = "a", .day = "2026-11-24", .note = made.back()}));
    }
    EXPECT_EQ(notes("a"), made);
    // A clock that was far ahead dates nothing that is made behind it.
    clock_.set_wall_ms(clock_.wall_ms() - 3'600'000);
    const auto later = annotations().add({.site_id = "a", .day = "2026-11-25", .note = "next"});
    ASSERT_TRUE(later);
    EXPECT_EQ(later->created_ms, clock_.wall_ms());
}

TEST_F(AnnotationsTest, OneIsChangedAndRemovedAtItsSiteAlone) {
    const auto made = annotations().add({.site_id = "a", .day = "2026-11-24", .time = "14:30", .note = "x"});
    ASSERT_TRUE(made);
    EXPECT_EQ(made->created_ms, clock_.wall_ms());
    Annotation change{.id = made->id, .site_id = "b", .day = "2026-11-25", .note = "y"};
    EXPECT_EQ(annotations().change(change).error().code, Code::kNotFound);
    EXPECT_EQ(annotations().remove("b", made->id).error().code, Code::kNotFound);
    change.site_id = "a";
    clock_.advance_ms(5'000);
    const auto changed = annotations().change(change);
    ASSERT_TRUE(changed);
    EXPECT_EQ(changed->day, "2026-11-25");
    EXPECT_EQ(changed->time, "");
    EXPECT_EQ(changed->note, "y");
    EXPECT_EQ(changed->created_ms, made->created_ms);
    ASSERT_TRUE(annotations().remove("a", made->id));
    EXPECT_EQ(annotations().remove("a", made->id).error().field, "id");
    EXPECT_TRUE(notes("a").empty());
}

TEST_F(AnnotationsTest, WhoWroteOneIsForgottenWithTheUser) {
    ASSERT_TRUE(catalog_->accounts().add_user("Ann@team.example", Role::kOwner, "a long enough password"));
    ASSERT_TRUE(catalog_->accounts().add_user("bob@team.example", Role::kOwner, "a long enough password"));
    const auto by_ann =
        annotations().add({.site_id = "a", .day = "2026-11-24", .note = "x", .created_by = "ann@team.example"});
    ASSERT_TRUE(by_ann);
    EXPECT_EQ(by_ann->created_by, "Ann@team.example");
    const auto by_nobody =
        annotations().add({.site_id = "a", .day = "2026-11-24", .note = "y", .created_by = "gone@team.example"});
    ASSERT_TRUE(by_nobody);
    EXPECT_EQ(by_nobody->created_by, "");
    ASSERT_TRUE(catalog_->accounts().remove_user("ann@team.example"));
    const auto all = annotations().of_site("a");
    ASSERT_TRUE(all);
    ASSERT_EQ(all->size(), 2U);
    EXPECT_EQ(all->front().created_by, "");
}

TEST_F(AnnotationsTest, WhatIsWrongIsNamedByField) {
    const auto of_day = [this](const std::string& day) { return refusal({.site_id = "a", .day = day, .note = "x"}); };
    for (const char* day : {"", "2026-11-31", "2026-13-01", "2026-1-1", "26-11-24", "1969-12-31", "2106-01-01",
                            "2026-11-24T00:00", "2026-11-2x", "+026-11-24", "2026/11/24"})
        EXPECT_EQ(of_day(day).field, "date") << day;
    for (const char* time : {"24:00", "9:30", "09:60", "09:30:00", "09-30", "-1:30", "ab:cd"})
        EXPECT_EQ(refusal({.site_id = "a", .day = "2026-11-24", .time = time, .note = "x"}).field, "time") << time;
    const auto of_note = [this](const std::string& note) {
        return refusal({.site_id = "a", .day = "2026-11-24", .note = note});
    };
    for (const std::string& note :
         {std::string(), std::string("two\nlines"), std::string("\x1b[31m"), std::string("\x7f"),
          std::string("\xc2\x9b"
                      "31m"),
          std::string("\0", 1), std::string("\xff"), std::string(501, 'x')})
        EXPECT_EQ(of_note(note).field, "text") << note;
    EXPECT_EQ(refusal({.site_id = "c", .day = "2026-11-24", .note = "x"}).code, Code::kNotFound);
}

TEST_F(AnnotationsTest, ItsLengthIsOfCharactersAndHostileTextIsText) {
    std::string note;
    for (int i = 0; i < 500; ++i) note += "\u20ac";
    const std::string hostile = "'); DROP TABLE annotations; -- <script>alert(1)</script> \" \\ \u00a0 \u202e {x}";
    ASSERT_TRUE(annotations().add({.site_id = "a", .day = "2026-11-24", .note = note}));
    ASSERT_TRUE(annotations().add({.site_id = "a", .day = "2026-11-25", .note = hostile}));
    EXPECT_EQ(notes("a"), (std::vector<std::string>{note, hostile}));
    EXPECT_EQ(refusal({.site_id = "a", .day = "2026-11-24", .note = note + "x"}).field, "text");
}

TEST_F(AnnotationsTest, TheirNumberHasAnEnd) {
    for (std::size_t i = 0; i < kAnnotationsMax; ++i)
        ASSERT_TRUE(annotations().add({.site_id = "a", .day = "2026-11-24", .note = "x"}));
    EXPECT_EQ(refusal({.site_id = "a", .day = "2026-11-24", .note = "x"}).code, Code::kInvalidArgument);
    EXPECT_TRUE(annotations().add({.site_id = "b", .day = "2026-11-24", .note = "x"})) << "of one site";
    ASSERT_TRUE(annotations().remove("a", annotations().of_site("a")->front().id));
    EXPECT_TRUE(annotations().add({.site_id = "a", .day = "2026-11-24", .note = "x"}));
}

}  // namespace
}  // namespace footfall::catalog
