#include "catalog/catalog.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/text_file.h"
#include "catalog/database.h"
#include "catalog/testing/place.h"

namespace footfall::catalog {

namespace migrations {
std::span<const TextFile> files();
}

namespace {

class CatalogTest : public testing::Test {
protected:
    void SetUp() override {
        directory_ = testing::TempDir() + "catalog_" + testing::UnitTest::GetInstance()->current_test_info()->name();
        std::filesystem::remove_all(directory_);
        std::filesystem::create_directories(directory_);
        place_ = place();
        open();
    }
    virtual std::string place() const { return make_place(directory_); }
    void TearDown() override { std::filesystem::remove_all(directory_); }
    void open() {
        catalog_.reset();
        auto opened = Catalog::open(place_, clock_);
        ASSERT_TRUE(opened) << opened.error().message;
        catalog_ = std::move(*opened);
    }
    Result<Database> open_database() const {
        return place_.starts_with("postgresql:") ? Database::open_postgres(place_) : Database::open(place_);
    }
    std::string all_bytes() const {
        std::string bytes;
        for (const auto& entry : std::filesystem::directory_iterator(directory_))
            bytes += read_file(entry.path().string()).value();
        return bytes;
    }

    ManualClock clock_{1'795'500'000'000};
    std::string directory_;
    std::string place_;  ///< of the catalog
    std::unique_ptr<Catalog> catalog_;
};

/// What is of the file alone.
class CatalogFileTest : public CatalogTest {
protected:
    std::string place() const override { return file_in(directory_); }
};

TEST_F(CatalogTest, SitesSurviveReopeningAndStandInTheSnapshot) {
    const auto site = catalog_->add_site("My site", "example.org", "Europe/Berlin", "");
    ASSERT_TRUE(site) << site.error().message;
    EXPECT_EQ(site->id.size(), 12u);
    ASSERT_TRUE(catalog_->add_site("Other", "b.example", "UTC", "other-1"));
    open();
    EXPECT_EQ(catalog_->sites().value().size(), 2u);
    ASSERT_NE(catalog_->snapshot()->site("other-1"), nullptr);
    EXPECT_EQ(catalog_->snapshot()->site(site->id)->timezone, "Europe/Berlin");
    EXPECT_EQ(catalog_->snapshot()->site("nobody"), nullptr);
}

// A catalog as each former release left it: with the migrations that there were.
class FormerCatalogTest : public CatalogTest {
protected:
    /// Of before the migration of that name.
    void make_former(std::string_view first_that_is_not_there, const std::vector<std::string>& statements) {
        catalog_.reset();
        std::filesystem::remove_all(directory_);
        std::filesystem::create_directories(directory_);
        place_ = make_place(directory_);
        const auto database = open_database();
        ASSERT_TRUE(database) << database.error().message;
        std::string all = "CREATE TABLE schema_migrations (name TEXT PRIMARY KEY) STRICT;";
        for (const TextFile& file : migrations::files()) {
            if (file.name >= first_that_is_not_there) break;
            all +=
                std::string(file.text) + "; INSERT INTO schema_migrations VALUES ('" + std::string(file.name) + "');";
        }
        for (const std::string& statement : statements) all += statement + ";";
        const Status made = database->execute(all);
        ASSERT_TRUE(made) << made.error().message;
        open();
    }
    Retention retention(const std::string& site) const { return catalog_->snapshot()->site(site)->retention; }
};

TEST_F(FormerCatalogTest, ASiteOfBeforeThereWasARetentionKeepsItsEventsForEver) {
    make_former("0006", {"INSERT INTO sites (id, name, domain, timezone, created_ms) VALUES ('s', 'S', '', 'UTC', 1)"});
    EXPECT_EQ(retention("s").months, 0);
    EXPECT_EQ(retention("s").expiring_ms, 0);
    ASSERT_TRUE(catalog_->add_site("T", "t.example", "UTC", "t"));
    EXPECT_EQ(retention("t").months, kRetentionMonthsDefault);
}

TEST_F(FormerCatalogTest, ADeletionThatWasUnderWayWithoutKeptDaysLeavesThemAsTheyStand) {
    make_former("0007", {"INSERT INTO sites (id, name, domain, timezone, created_ms, expiring_ms, expired_ms) VALUES "
                         "('s', 'S', '', 'UTC', 1, 30, 20), ('t', 'T', '', 'UTC', 2, 30, 30)"});
    EXPECT_EQ(retention("s").kept_ms, Retention::kKeptAsTheyStand);
    EXPECT_EQ(retention("s").cannot_be_made_before_ms(), 30);
    EXPECT_EQ(retention("t").kept_ms, 0);
    EXPECT_EQ(retention("t").cannot_be_made_before_ms(), 30);
}

TEST_F(FormerCatalogTest, KeptDaysOfOneCalendarAreThoseOfThatCalendar) {
    make_former("0008",
                {"INSERT INTO sites (id, name, domain, timezone, created_ms, kept_ms, kept_days, kept_timezone) "
                 "VALUES ('s', 'S', '', 'UTC', 1, 30, 4, 'Asia/Kathmandu'), ('t', 'T', '', 'UTC', 2, 0, 0, '')"});
    EXPECT_EQ(retention("s").kept.at("Asia/Kathmandu"), (Retention::Calendar{30, 4}));
    EXPECT_EQ(retention("s").kept.size(), 1u);
    EXPECT_TRUE(retention("t").kept.empty());
    // A site that is gone takes what is known of its days with it.
    ASSERT_TRUE(catalog_->remove_site("s"));
    ASSERT_TRUE(catalog_->add_site("S", "s.example", "UTC", "s"));
    EXPECT_TRUE(retention("s").kept.empty());
}

TEST_F(FormerCatalogTest, GoalsOfBeforeThereWereSuchOfAnyPageStayAsTheyAre) {
    make_former("0010",
                {"INSERT INTO sites (id, name, domain, timezone, created_ms) VALUES ('s', 'S', '', 'UTC', 1)",
                 "INSERT INTO goals VALUES ('z', 's', 'Zed', 'event', 'matches', '^z', '[]', 1)",
                 "INSERT INTO goals VALUES ('a', 's', 'Ay', 'page', 'is', '/a', '[[\"country\", \"is_set\"]]', 2)"});
    const std::vector<Goal> goals = catalog_->snapshot()->goals_of("s");
    ASSERT_EQ(goals.size(), 2u);
    EXPECT_EQ(goals[0].id, "z");
    EXPECT_EQ(goals[0].kind, Goal::Kind::kEvent);
    EXPECT_EQ(goals[0].match, Goal::Match::kMatches);
    EXPECT_EQ(goals[1].value, "/a");
    EXPECT_EQ(goals[1].filters, R"([["country", "is_set"]])");
    ASSERT_TRUE(catalog_->add_goal({.site_id = "s", .name = "Any", .match = Goal::Match::kAny, .filters = "[1]"}));
    EXPECT_EQ(catalog_->snapshot()->goals_of("s").back().match, Goal::Match::kAny);
    EXPECT_EQ(
        catalog_->add_goal({.site_id = "s", .name = "B", .match = Goal::Match::kAny, .value = "/b"}).error().field,
        "page");
    // A site that is gone takes its goals with it, as before.
    ASSERT_TRUE(catalog_->remove_site("s"));
    ASSERT_TRUE(catalog_->add_site("S", "s.example", "UTC", "s"));
    EXPECT_TRUE(catalog_->snapshot()->goals_of("s").empty());
}

TEST_F(FormerCatalogTest, ASiteOfBeforeThereWereSegmentsAndAnnotationsHasNoneAndTakesSome) {
    make_former("0009",
                {"INSERT INTO sites (id, name, domain, timezone, created_ms) VALUES ('s', 'S', '', 'UTC', 1)",
                 "INSERT INTO users (email, role, password_hash, created_ms) VALUES ('a@b.example', 'owner', 'x', 1)"});
    EXPECT_TRUE(catalog_->snapshot()->segments_of("s").empty());
    EXPECT_TRUE(catalog_->annotations().of_site("s").value().empty());
    EXPECT_TRUE(catalog_->add_segment({.site_id = "s", .name = "x", .filters = "[]"}));
    const auto added =
        catalog_->annotations().add({.site_id = "s", .day = "2026-11-24", .note = "x", .created_by = "a@b.example"});
    ASSERT_TRUE(added) << added.error().message;
    EXPECT_EQ(added->created_by, "a@b.example");
}

TEST_F(CatalogFileTest, ItsFilesAreTheOwnersAloneWhateverTheUmask) {
    const auto open_to_others = [this] {
        std::size_t files = 0;
        for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
            EXPECT_EQ(entry.status().permissions() & std::filesystem::perms(077), std::filesystem::perms::none)
                << entry.path();
            ++files;
        }
        EXPECT_GE(files, 3u) << "the database and its companions";
    };
    ASSERT_TRUE(catalog_->add_site("A", "a.example", "UTC", "x"));
    open_to_others();
    for (const auto& entry : std::filesystem::directory_iterator(directory_))
        std::filesystem::permissions(entry.path(), std::filesystem::perms(0644));
    open();
    open_to_others();
    EXPECT_NE(catalog_->snapshot()->site("x"), nullptr);
}

TEST_F(CatalogTest, WrongSitesAreRefusedByField) {
    EXPECT_EQ(catalog_->add_site("", "a.example", "UTC", "").error().field, "name");
    EXPECT_EQ(catalog_->add_site("A", "a b", "UTC", "").error().field, "domain");
    EXPECT_EQ(catalog_->add_site("A", "a.example", "Mars/Olympus", "").error().field, "timezone");
    EXPECT_EQ(catalog_->add_site("A", "a.example", "../../etc/passwd", "").error().field, "timezone");
    EXPECT_EQ(catalog_->add_site("A", "a.example", "UTC", "-x").error().field, "id");
    ASSERT_TRUE(catalog_->add_site("A", "a.example", "UTC", "x"));
    EXPECT_EQ(catalog_->add_site("A", "a.example", "UTC", "x").error().code, Code::kConflict);
}

TEST_F(CatalogTest, AKeyIsFoundByItsSecretUntilItIsRevokedAndItsSecretIsNotStored) {
    ASSERT_TRUE(catalog_->add_site("A", "a.example", "UTC", "a"));
    const auto made = catalog_->create_key("a", Scope::kRead);
    ASSERT_TRUE(made) << made.error().message;
    const auto before = catalog_->snapshot();
    ASSERT_NE(before->key(made->secret), nullptr);
    EXPECT_EQ(before->key(made->secret)->site_id, "a");
    EXPECT_EQ(before->key(made->secret + "x"), nullptr);
    EXPECT_EQ(before->key(""), nullptr);
    EXPECT_EQ(all_bytes().find(made->secret), std::string::npos);
    ASSERT_TRUE(catalog_->revoke_key(made->key.id));
    EXPECT_EQ(catalog_->snapshot()->key(made->secret), nullptr);
    EXPECT_EQ(catalog_->revoke_key(made->key.id).error().code, Code::kNotFound);
    EXPECT_EQ(catalog_->keys().value().at(0).revoked_ms, clock_.wall_ms());
    EXPECT_EQ(catalog_->create_key("nobody", Scope::kRead).error().code, Code::kNotFound);
}

TEST_F(CatalogTest, ALentKeyIsInNoListAndOnNoDiskAndEndsWithItsSiteOrTheCatalog) {
    EXPECT_EQ(catalog_->lend_key("a", Scope::kCollect).error().code, Code::kNotFound);
    ASSERT_TRUE(catalog_->add_site("A", "a.example", "UTC", "a"));
    const auto lent = catalog_->lend_key("a", Scope::kCollect);
    ASSERT_TRUE(lent) << lent.error().message;
    const auto in_force = [&] { return catalog_->snapshot()->key(lent->secret) != nullptr; };
    EXPECT_TRUE(in_force());
    EXPECT_TRUE(catalog_->keys().value().empty());
    ASSERT_TRUE(catalog_->create_key("a", Scope::kRead));  // other changes leave it in force
    EXPECT_TRUE(in_force());
    // A site of the same id that is made later is another one.
    ASSERT_TRUE(catalog_->remove_site("a"));
    ASSERT_TRUE(catalog_->add_site("A", "a.example", "UTC", "a"));
    EXPECT_FALSE(in_force());
    const auto again = catalog_->lend_key("a", Scope::kCollect);
    open();
    EXPECT_EQ(catalog_->snapshot()->key(again->secret), nullptr);
}

TEST_F(CatalogTest, RemovingASiteEndsItsKeys) {
    ASSERT_TRUE(catalog_->add_site("A", "a.example", "UTC", "a"));
    const auto made = catalog_->create_key("a", Scope::kCollect);
    ASSERT_TRUE(catalog_->remove_site("a"));
    EXPECT_EQ(catalog_->snapshot()->key(made->secret), nullptr);
    EXPECT_EQ(catalog_->snapshot()->site("a"), nullptr);
    EXPECT_EQ(catalog_->remove_site("a").error().code, Code::kNotFound);
}

TEST_F(CatalogTest, ASecretThatIsGivenForAnIdIsNotRepeated) {
    ASSERT_TRUE(catalog_->add_site("A", "a.example", "UTC", "a"));
    const auto made = catalog_->create_key("a", Scope::kRead);
    const std::string id = made->key.id;
    const auto refusal = [&](const std::string& given) {
        const Status refused = catalog_->revoke_key(given);
        EXPECT_EQ(refused.error().code, Code::kNotFound);
        return refused.error().message;
    };
    EXPECT_EQ(refusal(made->secret).find(made->secret), std::string::npos);
    EXPECT_NE(refusal(made->secret).find(id), std::string::npos) << "its id is told instead";
    const std::string cut = made->secret.substr(0, 30);
    EXPECT_EQ(refusal(cut).find(cut), std::string::npos);
    EXPECT_NE(refusal("mistyped").find("mistyped"), std::string::npos);
    ASSERT_TRUE(catalog_->revoke_key(id));
    EXPECT_NE(refusal(id).find(id), std::string::npos);
    EXPECT_EQ(refusal(made->secret).find(made->secret), std::string::npos);
}

TEST_F(CatalogFileTest, S21TwoSaltsAreKeptAndOlderOnesLeaveNoBytesBehind) {
    const Salt first = catalog_->salt(20'000).value();
    EXPECT_EQ(catalog_->salt(20'000).value(), first);
    EXPECT_NE(catalog_->salt(20'001).value(), first);
    const std::string bytes(reinterpret_cast<const char*>(first.data()), first.size());
    EXPECT_NE(all_bytes().find(bytes), std::string::npos);
    EXPECT_EQ(catalog_->salt(20'000).value(), first);
    ASSERT_TRUE(catalog_->salt(20'002));
    EXPECT_EQ(all_bytes().find(bytes), std::string::npos);
}

TEST_F(CatalogTest, AnErasureStandsAsItWasOrderedLastUntilItIsRemoved) {
    const auto first = catalog_->put_erasure(
        {.id = {}, .subject = "one", .partitions = {{.number = 0, .end = 7}, {.number = 32'768, .end = 0}}});
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_FALSE(first->id.empty());
    EXPECT_EQ(first->created_ms, clock_.wall_ms());
    clock_.advance_ms(1);
    const auto second = catalog_->put_erasure(
        {.id = {}, .subject = "two", .partitions = {{.number = 0, .end = std::uint64_t{1} << 62}}});
    ASSERT_TRUE(second) << second.error().message;
    EXPECT_EQ(catalog_->erasures().value(), (std::vector{*first, *second}));
    EXPECT_EQ(catalog_->snapshot()->erasures, (std::vector{*first, *second}));

    ASSERT_TRUE(catalog_->set_erasure_archived(first->id, 0, 7));
    ASSERT_TRUE(catalog_->set_erasure_done(first->id));
    open();
    EXPECT_EQ(catalog_->erasures()->front().done_ms, clock_.wall_ms());
    EXPECT_EQ(catalog_->erasures()->front().partitions[0].archived_ms, clock_.wall_ms());
    EXPECT_EQ(catalog_->erasures()->front().partitions[1].archived_ms, 0);

    // What was done of it says nothing once it goes further.
    catalog::Erasure further = *first;
    further.subject = "one and whom it led to";
    further.partitions = {{.number = 0, .end = 9}};
    ASSERT_TRUE(catalog_->put_erasure(further));
    EXPECT_EQ(catalog_->erasures()->front(), further);
    ASSERT_TRUE(catalog_->set_erasure_archived(first->id, 0, 7)) << "of before";
    EXPECT_EQ(catalog_->erasures()->front(), further);

    ASSERT_TRUE(catalog_->remove_erasure(first->id));
    EXPECT_EQ(catalog_->erasures().value(), (std::vector{*second}));
    EXPECT_EQ(catalog_->set_erasure_done(first->id).error().code, Code::kNotFound);
    ASSERT_TRUE(catalog_->set_erasure_archived(first->id, 0, 9)) << "there is nothing to note";
    ASSERT_TRUE(catalog_->remove_erasure(first->id)) << "another process was faster";
}

TEST_F(CatalogFileTest, S22AnErasureThatIsRemovedLeavesNoBytesBehind) {
    const auto order =
        catalog_->put_erasure({.id = {}, .subject = "marker-4711", .partitions = {{.number = 0, .end = 7}}});
    ASSERT_TRUE(order) << order.error().message;
    EXPECT_NE(all_bytes().find("marker-4711"), std::string::npos) << "else the test shows nothing";
    ASSERT_TRUE(catalog_->remove_erasure(order->id));
    EXPECT_EQ(all_bytes().find("marker-4711"), std::string::npos);
}

TEST_F(CatalogTest, ACatalogOfANewerReleaseIsRefused) {
    catalog_.reset();
    {
        auto database = open_database();
        ASSERT_TRUE(database);
        ASSERT_TRUE(database->execute("INSERT INTO schema_migrations VALUES ('9999-future.sql')"));
    }
    const auto opened = Catalog::open(place_, clock_);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Code::kConflict);
    EXPECT_NE(opened.error().message.find("newer release"), std::string::npos);
}

TEST_F(CatalogTest, ASiteMayKeepLessOfItsVisitorsFromTheStart) {
    ASSERT_TRUE(catalog_->add_site("A", "a.example", "UTC", "a", {.cookieless = true, .ip_policy = IpPolicy::kDrop}));
    ASSERT_TRUE(catalog_->add_site("B", "b.example", "UTC", "b"));
    open();
    const auto snapshot = catalog_->snapshot();
    EXPECT_TRUE(snapshot->site("a")->privacy.cookieless);
    EXPECT_EQ(snapshot->site("a")->privacy.ip_policy, IpPolicy::kDrop);
    EXPECT_FALSE(snapshot->site("b")->privacy.cookieless);
    EXPECT_EQ(snapshot->site("b")->privacy.ip_policy, IpPolicy::kTruncate);
}

TEST_F(CatalogTest, ASiteKeepsItsEventsForSoManyMonths) {
    ASSERT_TRUE(catalog_->add_site("A", "a.example", "UTC", "a"));
    ASSERT_TRUE(catalog_->add_site("B", "b.example", "UTC", "b", {}, {}, 0));
    ASSERT_TRUE(catalog_->set_retained("b", {.months = 7,
                                             .expiring_ms = 30,
                                             .expired_ms = 20,
                                             .log_offset = 10,
                                             .kept_ms = 25,
                                             .kept = {{"Asia/Kathmandu", {25, 3}}, {"UTC", {20, 4}}}}));
    for (const KeptRange& range : {KeptRange{5, 9}, KeptRange{20, 30}, KeptRange{5, 12}})
        ASSERT_TRUE(catalog_->add_kept_range(range));
    SiteChange change;
    change.retention_months = 24;
    change.name = "Bee";
    ASSERT_TRUE(catalog_->change_site("b", change));
    open();
    const auto snapshot = catalog_->snapshot();
    EXPECT_EQ(snapshot->site("a")->retention.months, kRetentionMonthsDefault);
    EXPECT_EQ(snapshot->site("a")->retention.expiring_ms, 0);
    const Retention kept = snapshot->site("b")->retention;
    EXPECT_EQ(kept.months, 24);
    EXPECT_EQ(kept.expiring_ms, 30);
    EXPECT_EQ(kept.expired_ms, 20);
    EXPECT_EQ(kept.log_offset, 10u);
    EXPECT_EQ(kept.kept_ms, 25);
    EXPECT_EQ(kept.kept.at("Asia/Kathmandu"), (Retention::Calendar{25, 3}));
    EXPECT_EQ(kept.kept_days(), 7u);
    EXPECT_EQ(kept.cannot_be_made_before_ms(), 25) << "days that are not kept are made before their events go";
    const auto ranges = catalog_->kept_ranges();
    ASSERT_TRUE(ranges);
    ASSERT_EQ(ranges->size(), 2u);
    EXPECT_EQ(ranges->front().begin, 20u) << "the latest first";
    EXPECT_EQ(ranges->back().end, 12u);
    EXPECT_EQ(catalog_->set_retained("c", {}).error().code, Code::kNotFound);
    for (const int months : {-1, kRetentionMonthsMax + 1}) {
        change.retention_months = months;
        EXPECT_EQ(catalog_->change_site("a", change).error().field, "retention_months");
        EXPECT_EQ(catalog_->add_site("C", "c.example", "UTC", "c", {}, {}, months).error().field, "retention_months");
    }
}

TEST_F(CatalogTest, ASiteHasItsTimeoutItsLongestOneAndItsCurrency) {
    ASSERT_TRUE(catalog_->add_site("A", "a.example", "UTC", "a"));
    ASSERT_TRUE(catalog_->add_site("B", "b.example", "UTC", "b", {}, {.session_timeout = 1'440, .currency = "EUR"}));
    for (const int minutes : {120, 5}) {
        SiteChange change;
        change.session_timeout = minutes;
        ASSERT_TRUE(catalog_->change_site("a", change));
    }
    open();
    const auto snapshot = catalog_->snapshot();
    EXPECT_EQ(snapshot->site("a")->counting.session_timeout, 5);
    EXPECT_EQ(snapshot->site("a")->counting.session_timeout_longest, 120) << "events of then have it";
    EXPECT_EQ(snapshot->site("a")->counting.currency, "");
    EXPECT_EQ(snapshot->site("b")->counting.session_timeout_longest, 1'440);
    EXPECT_EQ(snapshot->site("b")->counting.currency, "EUR");
    for (const int minutes : {0, -5, 1'441}) {
        SiteChange change;
        change.session_timeout = minutes;
        EXPECT_EQ(catalog_->change_site("a", change).error().field, "session_timeout");
    }
    for (const char* currency : {"eur", "EURO", "E1R", "\u20ac"}) {
        SiteChange change;
        change.currency = currency;
        EXPECT_EQ(catalog_->change_site("a", change).error().field, "currency");
    }
}

TEST_F(CatalogTest, GoalsAreOfTheirSiteAndGoWithIt) {
    ASSERT_TRUE(catalog_->add_site("A", "a.example", "UTC", "a"));
    ASSERT_TRUE(catalog_->add_site("B", "b.example", "UTC", "b"));
    const auto bought = catalog_->add_goal({.site_id = "a", .name = "Bought", .value = "/thanks"});
    ASSERT_TRUE(bought) << bought.error().message;
    const auto pro = catalog_->add_goal({.site_id = "a",
                                         .name = "Pro",
                                         .kind = Goal::Kind::kEvent,
                                         .match = Goal::Match::kMatches,
                                         .value = "^signup$",
                                         .filters = R"([["country","is",["DE"]]])"});
    ASSERT_TRUE(pro) << pro.error().message;
    ASSERT_TRUE(catalog_->add_goal({.site_id = "b", .name = "Bought", .value = "/"})) << "a name is of one site";
    open();
    const auto snapshot = catalog_->snapshot();
    ASSERT_EQ(snapshot->goals_of("a").size(), 2u);
    for (const Goal& goal : snapshot->goals_of("a")) {
        const Goal& made = goal.id == pro->id ? *pro : *bought;
        EXPECT_EQ(goal.name, made.name);
        EXPECT_EQ(goal.kind, made.kind);
        EXPECT_EQ(goal.match, made.match);
        EXPECT_EQ(goal.value, made.value);
        EXPECT_EQ(goal.filters, made.filters);
    }
    EXPECT_EQ(catalog_->add_goal({.site_id = "a", .name = "Pro", .value = "/"}).error().code, Code::kConflict);
    EXPECT_EQ(catalog_->add_goal({.site_id = "a", .name = "", .value = "/"}).error().field, "name");
    EXPECT_EQ(catalog_->add_goal({.site_id = "a", .name = "x", .value = ""}).error().field, "page");
    EXPECT_EQ(catalog_->add_goal({.site_id = "c", .name = "x", .value = "/"}).error().code, Code::kNotFound);

    Goal other = *pro;
    other.site_id = "b";
    EXPECT_EQ(catalog_->change_goal(other).error().code, Code::kNotFound) << "it is another site's";
    other = *pro;
    other.name = "Bought";
    EXPECT_EQ(catalog_->change_goal(other).error().code, Code::kConflict);
    other.name = "";
    EXPECT_EQ(catalog_->change_goal(other).error().field, "name");
    other = {.id = pro->id, .site_id = "a", .name = "Pro", .match = Goal::Match::kAny, .filters = "[1]"};
    clock_.advance_ms(1'000);
    const auto changed = catalog_->change_goal(other);
    ASSERT_TRUE(changed) << "its own name is no other's: " << changed.error().message;
    EXPECT_EQ(changed->created_ms, pro->created_ms);
    open();
    ASSERT_EQ(catalog_->snapshot()->goals_of("a").size(), 2u);
    for (const Goal& goal : catalog_->snapshot()->goals_of("a")) {
        const Goal& expected = goal.id == pro->id ? *changed : *bought;
        EXPECT_EQ(goal.name, expected.name);
        EXPECT_EQ(goal.kind, expected.kind);
        EXPECT_EQ(goal.match, expected.match);
        EXPECT_EQ(goal.value, expected.value);
        EXPECT_EQ(goal.filters, expected.filters);
        EXPECT_EQ(goal.created_ms, expected.created_ms);
    }
    EXPECT_EQ(catalog_->snapshot()->goals_of("b").front().value, "/") << "another site's is as it was";

    EXPECT_EQ(catalog_->remove_goal("b", pro->id).error().code, Code::kNotFound) << "it is another site's";
    ASSERT_TRUE(catalog_->remove_goal("a", bought->id));
    EXPECT_EQ(catalog_->snapshot()->goals_of("a").size(), 1u);
    ASSERT_TRUE(catalog_->remove_site("a"));
    EXPECT_TRUE(catalog_->snapshot()->goals_of("a").empty());
    open();
    EXPECT_TRUE(catalog_->snapshot()->goals_of("a").empty());
    EXPECT_EQ(catalog_->snapshot()->goals_of("b").size(), 1u);
}

TEST_F(CatalogTest, SegmentsAreOfTheirSiteAndGoWithIt) {
    ASSERT_TRUE(catalog_->add_site("A", "a.example", "UTC", "a"));
    ASSERT_TRUE(catalog_->add_site("B", "b.example", "UTC", "b"));
    const std::string filters = R"([["country","is",["DE"]]])";
    const auto made = catalog_->add_segment({.site_id = "a", .name = "Near", .filters = filters});
    ASSERT_TRUE(made) << made.error().message;
    const auto far = catalog_->add_segment({.site_id = "a", .name = "Far", .filters = filters});
    ASSERT_TRUE(far);
    ASSERT_TRUE(catalog_->add_segment({.site_id = "b", .name = "Near", .filters = "[]"})) << "a name is of one site";
    open();
    ASSERT_EQ(catalog_->snapshot()->segments_of("a").size(), 2u);
    EXPECT_EQ(catalog_->snapshot()->segments_of("a").front().name, "Far");
    EXPECT_EQ(catalog_->snapshot()->segments_of("a").back().filters, filters);
    EXPECT_EQ(catalog_->add_segment({.site_id = "a", .name = "Near"}).error().code, Code::kConflict);
    EXPECT_EQ(catalog_->add_segment({.site_id = "c", .name = "x"}).error().code, Code::kNotFound);
    for (const std::string& name : {std::string(), std::string(65, 'x'), std::string("a\nb"), std::string("\xff")})
        EXPECT_EQ(catalog_->add_segment({.site_id = "a", .name = name}).error().field, "name") << name;
    EXPECT_EQ(catalog_->add_segment({.site_id = "a", .name = "x", .filters = std::string(8'193, ' ')}).error().field,
              "filters");

    EXPECT_EQ(catalog_->change_segment({.id = far->id, .site_id = "b", .name = "x"}).error().code, Code::kNotFound);
    EXPECT_EQ(catalog_->change_segment({.id = far->id, .site_id = "a", .name = "Near"}).error().code, Code::kConflict);
    const auto changed = catalog_->change_segment({.id = far->id, .site_id = "a", .name = "Far", .filters = "[1]"});
    ASSERT_TRUE(changed) << "its own name is no other's";
    EXPECT_EQ(changed->created_ms, far->created_ms);
    EXPECT_EQ(catalog_->snapshot()->segments_of("a").front().filters, "[1]");

    EXPECT_EQ(catalog_->remove_segment("b", made->id).error().code, Code::kNotFound) << "it is another site's";
    ASSERT_TRUE(catalog_->remove_segment("a", made->id));
    EXPECT_EQ(catalog_->snapshot()->segments_of("a").size(), 1u);
    ASSERT_TRUE(catalog_->remove_site("a"));
    open();
    EXPECT_TRUE(catalog_->snapshot()->segments_of("a").empty());
    EXPECT_EQ(catalog_->snapshot()->segments_of("b").size(), 1u);
}

TEST_F(CatalogTest, TheNumberOfASitesSegmentsHasAnEnd) {
    ASSERT_TRUE(catalog_->add_site("A", "a.example", "UTC", "a"));
    for (std::size_t i = 0; i < kSegmentsMax; ++i)
        ASSERT_TRUE(catalog_->add_segment({.site_id = "a", .name = std::to_string(i)}));
    EXPECT_EQ(catalog_->add_segment({.site_id = "a", .name = "x"}).error().code, Code::kInvalidArgument);
}

TEST_F(CatalogTest, AChangedSiteIsSoInSnapshotsAndAfterAnotherStart) {
    ASSERT_TRUE(catalog_->add_site("Shop", "shop.example", "UTC", "shop"));
    SiteChange change;
    change.cookieless = true;
    change.ip_policy = IpPolicy::kDrop;
    change.timezone = "Europe/Berlin";
    ASSERT_TRUE(catalog_->change_site("shop", change));
    open();
    const auto snapshot = catalog_->snapshot();
    const Site* site = snapshot->site("shop");
    ASSERT_NE(site, nullptr);
    EXPECT_TRUE(site->privacy.cookieless);
    EXPECT_EQ(site->privacy.ip_policy, IpPolicy::kDrop);
    EXPECT_EQ(site->timezone, "Europe/Berlin");
    EXPECT_EQ(site->name, "Shop");
    change.domain = "shop.example:8080";
    EXPECT_EQ(catalog_->change_site("shop", change).error().field, "domain");
    EXPECT_EQ(catalog_->change_site("nobody", {}).error().code, Code::kNotFound);
}

TEST_F(CatalogFileTest, ABackupCopyOpensAndHasNoSaltNoSessionAndNoLink) {
    ASSERT_TRUE(catalog_->add_site("My site", "example.org", "Europe/Berlin", "site-1"));
    const auto key = catalog_->create_key("site-1", Scope::kRead);
    ASSERT_TRUE(key);
    const Salt salt = catalog_->salt(20'000).value();
    ASSERT_TRUE(catalog_->accounts().add_user("a@example.org", Role::kOwner, "a long enough password"));
    const auto link = catalog_->accounts().create_sign_in_link("a@example.org");
    ASSERT_TRUE(link);
    ASSERT_TRUE(catalog_->add_segment({.site_id = "site-1", .name = "Near"}));
    ASSERT_TRUE(catalog_->annotations().add({.site_id = "site-1", .day = "2026-11-24", .note = "Launch"}));
    const auto copied = catalog_->backup_copy();
    ASSERT_TRUE(copied) << copied.error().message;
    EXPECT_EQ(copied->find(std::string_view(reinterpret_cast<const char*>(salt.data()), salt.size())),
              std::string::npos);
    catalog_.reset();
    const std::string path = directory_ + "/restored.db";
    ASSERT_TRUE(write_file_atomically(path, *copied));
    auto restored = Catalog::open(path, clock_);
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_EQ((*restored)->sites().value().size(), 1u);
    EXPECT_NE((*restored)->snapshot()->key(key->secret), nullptr);
    EXPECT_TRUE((*restored)->accounts().has_users());
    EXPECT_EQ((*restored)->snapshot()->segments_of("site-1").size(), 1u);
    EXPECT_EQ((*restored)->annotations().of_site("site-1").value().size(), 1u);
    EXPECT_FALSE((*restored)->accounts().sign_in_by_link(*link));
    EXPECT_NE((*restored)->salt(20'000).value(), salt);
}

}  // namespace
}  // namespace footfall::catalog
