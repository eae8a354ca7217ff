#include "catalog/accounts.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <thread>

#include "base/file.h"
#include "catalog/catalog.h"
#include "catalog/password.h"
#include "catalog/testing/place.h"

namespace footfall::catalog {
namespace {

constexpr std::string_view kEmail = "ann@example.org";
constexpr std::string_view kPassword = "correct horse";
constexpr std::int64_t kDay = std::int64_t{24} * 3'600'000;

class AccountsTest : public testing::Test {
protected:
    void SetUp() override {
        directory_ = testing::TempDir() + "accounts_" + testing::UnitTest::GetInstance()->current_test_info()->name();
        std::filesystem::remove_all(directory_);
        std::filesystem::create_directories(directory_);
        place_ = place();
        open();
    }
    virtual std::string place() const { return make_place(directory_); }
    void TearDown() override { std::filesystem::remove_all(directory_); }
    void open() {
        catalog_.reset();
        auto opened = Catalog::open(place_, clock_, limits_);
        ASSERT_TRUE(opened) << opened.error().message;
        catalog_ = std::move(*opened);
    }
    Accounts& accounts() { return catalog_->accounts(); }
    void add(std::string_view email = kEmail, Role role = Role::kOwner) {
        const Status added = accounts().add_user(email, role, kPassword);
        ASSERT_TRUE(added) << added.error().message;
    }
    std::string sign_in(std::string_view email = kEmail, std::string_view password = kPassword) {
        auto made = accounts().sign_in(email, password);
        EXPECT_TRUE(made) << made.error().message;
        return made ? made->token : std::string();
    }
    bool is_alive(const std::string& token) { return accounts().session(token).has_value(); }
    std::string all_bytes() const {
        std::string bytes;
        for (const auto& entry : std::filesystem::directory_iterator(directory_))
            bytes += read_file(entry.path().string()).value();
        return bytes;
    }

    ManualClock clock_{1'795'500'000'000};
    SessionLimits limits_;
    std::string directory_;
    std::string place_;  ///< of the catalog
    std::unique_ptr<Catalog> catalog_;
};

/// What is of the file alone.
class AccountsFileTest : public AccountsTest {
protected:
    std::string place() const override { return file_in(directory_); }
};

TEST_F(AccountsFileTest, UsersAreStoredWithArgon2idOnly) {
    add();
    EXPECT_EQ(all_bytes().find(kPassword), std::string::npos);
    EXPECT_NE(all_bytes().find("$argon2id$v=19$m=19456,t=2,p=1$"), std::string::npos);
}

TEST_F(AccountsTest, UsersAreAddedOnceAndRemoved) {
    EXPECT_FALSE(accounts().has_users());
    add();
    EXPECT_TRUE(accounts().has_users());
    EXPECT_EQ(accounts().add_user("ANN@example.org", Role::kViewer, kPassword).error().code, Code::kConflict);
    for (const char* email : {"ann", "@b.example", "ann@", "a b@c.example", "a\n@b.example", "a\x01@b.example"})
        EXPECT_EQ(accounts().add_user(email, Role::kOwner, kPassword).error().field, "email") << email;
    EXPECT_EQ(accounts().add_user("b@example.org", Role::kOwner, "short").error().field, "password");
    EXPECT_EQ(accounts().add_user("b@example.org", Role::kOwner, std::string(1'001, 'x')).error().field, "password");
    ASSERT_TRUE(accounts().remove_user("Ann@example.org"));
    EXPECT_TRUE(accounts().users().value().empty());
    EXPECT_FALSE(accounts().has_users());
    EXPECT_EQ(accounts().remove_user(kEmail).error().code, Code::kNotFound);
}

TEST_F(AccountsTest, APasswordsLengthIsCountedInCharacters) {
    EXPECT_EQ(accounts().add_user(kEmail, Role::kOwner, "äöüß").error().field, "password");  // 8 bytes
    EXPECT_TRUE(accounts().add_user(kEmail, Role::kOwner, "äöüßäöüß"));
    sign_in(kEmail, "äöüßäöüß");
}

TEST_F(AccountsTest, UnknownMailAndWrongPasswordAreRefusedInTheSameWords) {
    add();
    const auto wrong = accounts().sign_in(kEmail, "wrong password");
    const auto unknown = accounts().sign_in("nobody@example.org", kPassword);
    ASSERT_FALSE(wrong);
    ASSERT_FALSE(unknown);
    EXPECT_EQ(wrong.error().code, Code::kUnauthenticated);
    EXPECT_EQ(unknown.error().code, wrong.error().code);
    EXPECT_EQ(unknown.error().message, wrong.error().message);
    EXPECT_EQ(unknown.error().field, wrong.error().field);
}

TEST(PasswordTest, NobodysPasswordIsNeverRightAndCostsAHash) {
    const std::string encoded = hash_password(kPassword).value();
    EXPECT_TRUE(password_matches(&encoded, kPassword).value());
    EXPECT_FALSE(password_matches(&encoded, "correct horse ").value());
    // CPU time of this process, so that others on the machine don't decide. The real bound is the same code and cost;
    // this finds a shortcut, which would be a thousand times quicker.
    const auto cost = [](const std::string* hash) {
        const std::int64_t started = process_cpu_ns();
        for (int i = 0; i < 5; ++i) EXPECT_FALSE(password_matches(hash, "wrong password").value());
        return static_cast<double>(process_cpu_ns() - started);
    };
    const double known = cost(&encoded);
    const double unknown = cost(nullptr);
    EXPECT_GT(unknown, known / 2);
    EXPECT_LT(unknown, known * 2);
}

TEST_F(AccountsTest, ASessionIsFoundByItsTokenOverARestartAndTheTokenIsNotStored) {
    add(kEmail, Role::kEditor);
    const std::string token = sign_in("ANN@example.org");
    ASSERT_EQ(token.size(), 43u);
    for (int start = 0; start < 2; ++start, open()) {
        const auto user = accounts().session(token);
        ASSERT_TRUE(user);
        EXPECT_EQ(user->email, kEmail);
        EXPECT_EQ(user->role, Role::kEditor);
        EXPECT_FALSE(is_alive(""));
        EXPECT_FALSE(is_alive(token.substr(1)));
        EXPECT_FALSE(is_alive(token + "x"));
        EXPECT_FALSE(is_alive(std::string(43, 'A')));
    }
    EXPECT_EQ(all_bytes().find(token), std::string::npos);
}

TEST_F(AccountsTest, ASessionEndsWhenItWasNotUsedForTheIdleLimit) {
    add();
    const std::string token = sign_in();
    clock_.advance_ms(14 * kDay - 1);
    EXPECT_TRUE(is_alive(token));
    clock_.advance_ms(14 * kDay - 1);
    EXPECT_TRUE(is_alive(token));
    clock_.advance_ms(14 * kDay);
    EXPECT_FALSE(is_alive(token));
    EXPECT_FALSE(is_alive(token)) << "to be refused is no use";
}

TEST_F(AccountsTest, ASessionEndsAtTheAbsoluteLimitHoweverItIsUsed) {
    add();
    const std::string token = sign_in();
    for (int day = 0; day < 89; ++day) {
        clock_.advance_ms(kDay);
        ASSERT_TRUE(is_alive(token)) << day;
    }
    clock_.advance_ms(kDay);
    EXPECT_FALSE(is_alive(token));
}

TEST_F(AccountsTest, ALowerLimitHoldsForSessionsThatAreThere) {
    add();
    const std::string token = sign_in();
    clock_.advance_ms(2 * 3'600'000);
    EXPECT_TRUE(is_alive(token));
    limits_ = {.idle_ms = kDay, .absolute_ms = 3'600'000};
    open();
    EXPECT_FALSE(is_alive(token));
}

TEST_F(AccountsTest, UseIsWrittenAtMostOnceAMinuteAndSurvivesARestart) {
    add();
    const std::string token = sign_in();
    clock_.advance_ms(59'999);
    ASSERT_TRUE(is_alive(token));
    ASSERT_TRUE(accounts().save_use());
    open();  // nothing was written: the idle time runs from the sign-in
    clock_.advance_ms(14 * kDay - 59'999);
    EXPECT_FALSE(is_alive(token));

    const std::string other = sign_in();
    clock_.advance_ms(60'000);
    ASSERT_TRUE(is_alive(other));
    ASSERT_TRUE(accounts().save_use());
    open();
    clock_.advance_ms(14 * kDay - 1);
    EXPECT_TRUE(is_alive(other));
}

TEST_F(AccountsTest, WhatIsOverIsForgotten) {
    add();
    const std::string token = sign_in();
    ASSERT_TRUE(accounts().create_sign_in_link(kEmail));
    clock_.advance_ms(14 * kDay);
    ASSERT_TRUE(accounts().save_use());
    clock_.set_wall_ms(clock_.wall_ms() - 14 * kDay);
    EXPECT_FALSE(is_alive(token));
    open();
    EXPECT_FALSE(is_alive(token));
}

TEST_F(AccountsTest, SessionsAreDeadAtOnceAndStayDead) {
    add();
    add("ben@example.org");
    const std::string of_ben = sign_in("ben@example.org");
    const struct {
        const char* name;
        std::function<Status(const std::string& token)> end;
    } cases[] = {
        {"logout", [&](const std::string& token) { return accounts().end_session(token); }},
        {"role", [&](const std::string&) { return accounts().set_role("Ann@example.org", Role::kOwner); }},
        {"password", [&](const std::string&) { return accounts().set_password("Ann@example.org", kPassword); }},
        {"own password",
         [&](const std::string&) { return accounts().change_password(kEmail, kPassword, kPassword, ""); }},
        {"removal", [&](const std::string&) { return accounts().remove_user("Ann@example.org"); }},
    };
    for (const auto& c : cases) {
        const std::string token = sign_in();
        ASSERT_TRUE(is_alive(token)) << c.name;
        const Status ended = c.end(token);
        ASSERT_TRUE(ended) << c.name << ": " << ended.error().message;
        EXPECT_FALSE(is_alive(token)) << c.name;
        open();
        EXPECT_FALSE(is_alive(token)) << c.name << ", after a restart";
        EXPECT_TRUE(is_alive(of_ben)) << c.name;
    }
    add();  // a new user of that mail address is somebody else
    EXPECT_EQ(accounts().users().value().size(), 2u);
}

TEST_F(AccountsTest, UsersAreNeverLeftWithoutAnOwner) {
    add();
    EXPECT_EQ(accounts().set_role(kEmail, Role::kAdmin).error().code, Code::kConflict) << "alone";
    add("ben@example.org", Role::kAdmin);
    const std::string token = sign_in();
    for (const Status& refused :
         {accounts().set_role("Ann@example.org", Role::kViewer), accounts().remove_user(kEmail)}) {
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Code::kConflict);
        EXPECT_EQ(refused.error().field, "email");
        EXPECT_NE(refused.error().message.find("user role EMAIL owner"), std::string::npos) << refused.error().message;
    }
    EXPECT_TRUE(is_alive(token)) << "nothing was changed";
    EXPECT_TRUE(accounts().set_role(kEmail, Role::kOwner)) << "as it is";
    EXPECT_TRUE(accounts().set_role("ben@example.org", Role::kOwner));
    EXPECT_TRUE(accounts().remove_user(kEmail));
    EXPECT_FALSE(accounts().set_role("ben@example.org", Role::kEditor));
    EXPECT_TRUE(accounts().remove_user("ben@example.org"))
        << "the last user: a set-up link makes the first owner again";
    EXPECT_FALSE(accounts().has_users());
}

TEST_F(AccountsTest, LogoutEndsOneSessionAlone) {
    add();
    const std::string first = sign_in();
    const std::string second = sign_in();
    ASSERT_TRUE(accounts().end_session(first));
    EXPECT_FALSE(is_alive(first));
    EXPECT_TRUE(is_alive(second));
}

TEST_F(AccountsTest, ANewPasswordNeedsTheCurrentOneAndKeepsOneSession) {
    add();
    const std::string mine = sign_in();
    const std::string other = sign_in();
    const auto wrong = accounts().change_password(kEmail, "wrong password", "short", mine);
    EXPECT_EQ(wrong.error().code, Code::kForbidden);  // before the new one is judged
    EXPECT_EQ(wrong.error().field, "current");
    EXPECT_EQ(accounts().change_password(kEmail, kPassword, "short", mine).error().field, "new");
    EXPECT_TRUE(is_alive(other));
    ASSERT_TRUE(accounts().change_password(kEmail, kPassword, "battery staple", mine));
    EXPECT_TRUE(is_alive(mine));
    EXPECT_FALSE(is_alive(other));
    EXPECT_FALSE(accounts().sign_in(kEmail, kPassword));
    sign_in(kEmail, "battery staple");
}

// Without the second look at the password a check that began before the change would start a session after it. Of a
// sign-in nearly all time is that check, so the change falls into one in nearly every round.
TEST_F(AccountsTest, APasswordThatIsChangedWhileItIsCheckedLetsNobodyIn) {
    add();
    for (int round = 0; round < 5; ++round) {
        ASSERT_TRUE(accounts().set_password(kEmail, kPassword));
        std::atomic<int> begun{0};
        std::atomic<bool> done{false};
        std::vector<std::string> tokens;
        std::thread other([&] {
            while (!done) {
                ++begun;
                if (const auto made = accounts().sign_in(kEmail, kPassword)) tokens.push_back(made->token);
            }
        });
        while (begun < 2) std::this_thread::yield();
        EXPECT_TRUE(accounts().set_password(kEmail, "battery staple"));
        done = true;
        other.join();
        for (const std::string& token : tokens) EXPECT_FALSE(is_alive(token));
    }
}

TEST_F(AccountsTest, TheFirstOwnerComesByASetUpLinkWhichWorksOnce) {
    const std::string old = accounts().create_setup_link().value();
    const std::string token = accounts().create_setup_link().value();
    EXPECT_EQ(all_bytes().find(token), std::string::npos);
    const auto refusal = [&](std::string_view t) { return accounts().set_up(t, kEmail, kPassword).error().code; };
    EXPECT_EQ(refusal(""), Code::kForbidden);
    EXPECT_EQ(refusal(token + "x"), Code::kForbidden);
    EXPECT_EQ(refusal(old), Code::kForbidden) << "a new link ends the one before";
    // What is wrong with the rest does not use the link up.
    EXPECT_EQ(accounts().set_up(token, "nobody", kPassword).error().field, "email");
    EXPECT_EQ(accounts().set_up(token, kEmail, "short").error().field, "password");
    EXPECT_EQ(accounts().sign_in_by_link(token).error().code, Code::kUnauthenticated) << "it is for something else";
    const auto made = accounts().set_up(token, kEmail, kPassword);
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(made->user.role, Role::kOwner);
    EXPECT_TRUE(is_alive(made->token));
    EXPECT_TRUE(accounts().has_users());
    EXPECT_EQ(refusal(token), Code::kForbidden);
    EXPECT_EQ(accounts().create_setup_link().error().code, Code::kConflict);
    ASSERT_TRUE(accounts().remove_user(kEmail));
    EXPECT_EQ(refusal(token), Code::kForbidden) << "used is used";
}

TEST_F(AccountsTest, ASetUpLinkIsNoUseWhenThereAreUsersOrAfterADay) {
    const std::string token = accounts().create_setup_link().value();
    add();
    EXPECT_EQ(accounts().set_up(token, "ben@example.org", kPassword).error().code, Code::kConflict);
    ASSERT_TRUE(accounts().remove_user(kEmail));
    clock_.advance_ms(Accounts::kLinkMs - 1);
    EXPECT_EQ(accounts().set_up(token, "ben", kPassword).error().field, "email");
    clock_.advance_ms(1);
    EXPECT_EQ(accounts().set_up(token, kEmail, kPassword).error().code, Code::kForbidden);
}

TEST_F(AccountsTest, OfTwoWhoUseASetUpLinkAtOnceOneBecomesTheOwner) {
    const std::string token = accounts().create_setup_link().value();
    Result<SignedIn> made[2] = {Error(), Error()};
    std::thread other([&] { made[1] = accounts().set_up(token, "ben@example.org", kPassword); });
    made[0] = accounts().set_up(token, kEmail, kPassword);
    other.join();
    EXPECT_NE(made[0].has_value(), made[1].has_value());
    EXPECT_EQ(accounts().users().value().size(), 1u);
}

TEST_F(AccountsTest, ASignInLinkWorksOnceAndForADay) {
    add();
    EXPECT_EQ(accounts().create_sign_in_link("nobody@example.org").error().code, Code::kNotFound);
    const std::string first = accounts().create_sign_in_link("ANN@example.org").value();
    const std::string second = accounts().create_sign_in_link(kEmail).value();
    EXPECT_FALSE(accounts().sign_in_by_link(first)) << "a new link ends the one before";
    const auto made = accounts().sign_in_by_link(second);
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(accounts().session(made->token)->email, kEmail);
    EXPECT_EQ(accounts().sign_in_by_link(second).error().code, Code::kUnauthenticated);
    const std::string late = accounts().create_sign_in_link(kEmail).value();
    clock_.advance_ms(Accounts::kLinkMs);
    EXPECT_FALSE(accounts().sign_in_by_link(late));
    const std::string of_gone = accounts().create_sign_in_link(kEmail).value();
    ASSERT_TRUE(accounts().set_password(kEmail, kPassword));
    EXPECT_FALSE(accounts().sign_in_by_link(of_gone)) << "a new password ends links too";
}

TEST_F(AccountsTest, AUserHasAtMostSoManySessions) {
    add();
    const auto by_link = [&] {
        return accounts().sign_in_by_link(accounts().create_sign_in_link(kEmail).value()).value().token;
    };
    std::vector<std::string> tokens;
    for (std::size_t i = 0; i < Accounts::kSessionsPerUserMax; ++i) {
        tokens.push_back(by_link());
        clock_.advance_ms(1);
    }
    ASSERT_TRUE(is_alive(tokens[0]));  // used, so the second one is the least recent
    const std::string last = by_link();
    EXPECT_TRUE(is_alive(last));
    EXPECT_TRUE(is_alive(tokens[0]));
    EXPECT_FALSE(is_alive(tokens[1]));
    EXPECT_TRUE(is_alive(tokens[2]));
}

TEST_F(AccountsTest, LooksUpSessionsWhileOthersSignInAndOut) {
    add();
    const std::string token = sign_in();
    std::atomic<bool> done{false};
    std::thread reader([&] {
        while (!done) EXPECT_TRUE(accounts().session(token));
    });
    for (int i = 0; i < 50; ++i) {
        const auto made = accounts().sign_in_by_link(accounts().create_sign_in_link(kEmail).value());
        ASSERT_TRUE(made);
        ASSERT_TRUE(accounts().end_session(made->token));
        ASSERT_TRUE(accounts().save_use());
    }
    done = true;
    reader.join();
}

}  // namespace
}  // namespace footfall::catalog
