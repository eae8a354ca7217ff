#include "api/gate.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace footfall::api {
namespace {

using Headers = std::vector<std::pair<std::string_view, std::string_view>>;

class GateTest : public testing::Test {
protected:
    void SetUp() override {
        directory_ = testing::TempDir() + "gate_" + testing::UnitTest::GetInstance()->current_test_info()->name();
        std::filesystem::remove_all(directory_);
        std::filesystem::create_directories(directory_);
        auto opened = catalog::Catalog::open(directory_ + "/catalog.db", clock_);
        ASSERT_TRUE(opened) << opened.error().message;
        catalog_ = std::move(*opened);
        ASSERT_TRUE(catalog_->add_site("A", "a.example", "UTC", "a"));
        ASSERT_TRUE(catalog_->add_site("B", "b.example", "UTC", "b"));
        gate_ = std::make_unique<Gate>(*catalog_, [](const http::Request& request) {
            return Client{"address", request.header("x-forwarded-proto") == "https" ? Scheme::kHttps : Scheme::kHttp};
        });
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    std::string session_of(catalog::Role role) {
        const std::string email = std::string(catalog::role_name(role)) + "@example.org";
        catalog::Accounts& accounts = catalog_->accounts();
        EXPECT_TRUE(accounts.add_user(email, role, "correct horse"));
        return accounts.sign_in_by_link(accounts.create_sign_in_link(email).value()).value().token;
    }
    std::string key_of(std::string_view site, catalog::Scope scope) {
        return catalog_->create_key(site, scope).value().secret;
    }
    static http::Request request(const Headers& headers, std::string_view body = "{}") {
        http::Request made;
        made.method = http::Method::kPost;
        made.headers = headers;
        made.body = body;
        return made;
    }
    /// 200 where the gate lets it through.
    int judge(RouteRule rule, const Headers& headers, std::string_view body = "{}") const {
        const auto caller = gate_->judge(rule, request(headers, body));
        return caller ? 200 : http_status(caller.error().code);
    }

    ManualClock clock_{1'795'500'000'000};
    std::string directory_;
    std::unique_ptr<catalog::Catalog> catalog_;
    std::unique_ptr<Gate> gate_;
};

constexpr RouteRule kChange = {http::Method::kPost, "/x", Access::kSession, Effect::kChanges};
constexpr RouteRule kOpenChange = {http::Method::kPost, "/x", Access::kAnyone, Effect::kChanges};

TEST_F(GateTest, AForeignPageChangesNothing) {
    const std::string cookie = "footfall_session=" + session_of(catalog::Role::kOwner);
    const struct {
        const char* name;
        Headers headers;
        int with_cookie;
        int without;  // where no session is needed
    } cases[] = {
        {"own origin", {{"Origin", "http://own.example:8080"}}, 200, 200},
        {"own origin in capitals", {{"origin", "HTTP://OWN.example:8080"}}, 200, 200},
        {"own origin, said twice",
         {{"Origin", "http://own.example:8080"}, {"Sec-Fetch-Site", "same-origin"}},
         200,
         200},
        {"no origin, but fetched from here", {{"Sec-Fetch-Site", "same-origin"}}, 200, 200},
        {"nothing", {}, 403, 200},
        {"null", {{"Origin", "null"}}, 403, 403},
        {"empty", {{"Origin", ""}}, 403, 403},
        {"foreign", {{"Origin", "http://evil.example"}}, 403, 403},
        {"other port", {{"Origin", "http://own.example"}}, 403, 403},
        {"other scheme", {{"Origin", "https://own.example:8080"}}, 403, 403},
        {"prefix", {{"Origin", "http://own.example:8080.evil.example"}}, 403, 403},
        {"suffix", {{"Origin", "http://evil.example/http://own.example:8080"}}, 403, 403},
        {"two", {{"Origin", "http://own.example:8080"}, {"Origin", "http://evil.example"}}, 403, 403},
        {"a page of the same site", {{"Sec-Fetch-Site", "same-site"}}, 403, 403},
        {"a page elsewhere", {{"Sec-Fetch-Site", "cross-site"}}, 403, 403},
        {"typed by hand", {{"Sec-Fetch-Site", "none"}}, 403, 403},
        {"foreign, contradicted", {{"Origin", "http://evil.example"}, {"Sec-Fetch-Site", "same-origin"}}, 403, 403},
        {"own, contradicted", {{"Origin", "http://own.example:8080"}, {"Sec-Fetch-Site", "cross-site"}}, 403, 403},
        {"the host of a proxy is not believed",
         {{"Origin", "http://evil.example"}, {"X-Forwarded-Host", "evil.example"}},
         403,
         403},
    };
    for (const auto& c : cases) {
        Headers headers = c.headers;
        headers.insert(headers.end(), {{"Host", "own.example:8080"}, {"Content-Type", "application/json"}});
        EXPECT_EQ(judge(kOpenChange, headers), c.without) << c.name;
        EXPECT_EQ(judge(kChange, headers), 401) << c.name;
        headers.emplace_back("Cookie", cookie);
        EXPECT_EQ(judge(kChange, headers), c.with_cookie) << c.name;
        EXPECT_EQ(judge(kOpenChange, headers), c.with_cookie) << c.name;
        RouteRule read = kChange;
        read.effect = Effect::kReads;
        EXPECT_EQ(judge(read, headers), 200) << c.name;
        headers.back().second = "a=b; __Host-footfall=dead";
        EXPECT_EQ(judge(kOpenChange, headers), c.with_cookie) << c.name << ": a dead cookie is one too";
    }
}

TEST_F(GateTest, BehindAProxyTheOwnOriginIsHttps) {
    const std::string cookie = "__Host-footfall=" + session_of(catalog::Role::kOwner);
    const Headers base = {{"Host", "own.example"},
                          {"X-Forwarded-Proto", "https"},
                          {"Content-Type", "application/json"},
                          {"Cookie", cookie}};
    for (const auto& [origin, status] :
         {std::pair{"https://own.example", 200}, {"http://own.example", 403}, {"https://own.example:444", 403}}) {
        Headers headers = base;
        headers.emplace_back("Origin", origin);
        EXPECT_EQ(judge(kChange, headers), status) << origin;
    }
}

TEST_F(GateTest, AChangeIsJson) {
    const struct {
        Headers headers;
        int status;
    } cases[] = {
        {{{"Content-Type", "application/json"}}, 200},
        {{{"Content-Type", "Application/JSON; charset=utf-8"}}, 200},
        {{}, 415},
        {{{"Content-Type", ""}}, 415},
        {{{"Content-Type", "text/plain"}}, 415},
        {{{"Content-Type", "text/plain; application/json"}}, 415},
        {{{"Content-Type", "application/x-www-form-urlencoded"}}, 415},
        {{{"Content-Type", "multipart/form-data; boundary=x"}}, 415},
        {{{"Content-Type", "application/jsonp"}}, 415},
        {{{"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}}, 415},
    };
    for (const auto& c : cases)
        EXPECT_EQ(judge(kOpenChange, c.headers), c.status) << (c.headers.empty() ? "" : c.headers[0].second);
    const Headers json = {{"Content-Type", "application/json"}};
    EXPECT_EQ(judge(kOpenChange, json, std::string(Gate::kBodyBytesMax, ' ')), 200);
    EXPECT_EQ(judge(kOpenChange, json, std::string(Gate::kBodyBytesMax + 1, ' ')), 413);
    // Before the body is there, by the length that was announced.
    http::Request head = request(json, "");
    head.content_length = Gate::kBodyBytesMax;
    EXPECT_TRUE(gate_->judge(kOpenChange, head));
    head.content_length = Gate::kBodyBytesMax + 1;
    EXPECT_EQ(gate_->judge(kOpenChange, head).error().code, Code::kTooLarge);
    http::Request remove = request({}, "");
    remove.method = http::Method::kDelete;
    EXPECT_TRUE(gate_->judge(kOpenChange, remove)) << "without a body there is nothing to name";
    remove.body = "{}";
    EXPECT_EQ(gate_->judge(kOpenChange, remove).error().code, Code::kUnsupported);
}

TEST_F(GateTest, RolesAndKeysAreLetThroughAsTheRuleSays) {
    using catalog::Role;
    using catalog::Scope;
    const std::string owner = "footfall_session=" + session_of(Role::kOwner);
    const std::string admin = "footfall_session=" + session_of(Role::kAdmin);
    const std::string editor = "footfall_session=" + session_of(Role::kEditor);
    const std::string viewer = "footfall_session=" + session_of(Role::kViewer);
    const std::string read = "Bearer " + key_of("a", Scope::kRead);
    const std::string admin_key = "bearer " + key_of("a", Scope::kAdmin);
    const std::string collect = "Bearer " + key_of("a", Scope::kCollect);
    const auto gone = catalog_->create_key("a", Scope::kRead).value();
    ASSERT_TRUE(catalog_->revoke_key(gone.key.id));
    const std::string revoked = "Bearer " + gone.secret;
    const struct {
        const char* name;
        Headers headers;
        int session, reader, editor, manager;
    } rows[] = {
        {"nobody", {}, 401, 401, 401, 401},
        {"a wrong cookie", {{"Cookie", "footfall_session=x"}}, 401, 401, 401, 401},
        {"another cookie's name", {{"Cookie", "x_footfall_session=1; footfall_sessio=1"}}, 401, 401, 401, 401},
        {"owner", {{"Cookie", owner}}, 200, 200, 200, 200},
        {"admin", {{"Cookie", admin}}, 200, 200, 200, 200},
        {"editor", {{"Cookie", editor}}, 200, 200, 200, 403},
        {"viewer", {{"Cookie", viewer}}, 200, 200, 403, 403},
        {"read key", {{"Authorization", read}}, 403, 200, 403, 403},
        {"admin key", {{"Authorization", admin_key}}, 403, 200, 403, 403},
        {"collect key", {{"Authorization", collect}}, 403, 403, 403, 403},
        {"revoked key", {{"Authorization", revoked}}, 401, 401, 401, 401},
        {"no key", {{"Authorization", "Bearer "}}, 401, 401, 401, 401},
        {"basic", {{"Authorization", "Basic eDp5"}}, 401, 401, 401, 401},
        {"a wrong key beside a cookie", {{"Authorization", "Bearer x"}, {"Cookie", owner}}, 401, 401, 401, 401},
        {"a key beside a cookie", {{"Authorization", read}, {"Cookie", owner}}, 403, 200, 403, 403},
    };
    for (const auto& row : rows) {
        const auto status = [&](Access access) {
            return judge({http::Method::kGet, "/x", access, Effect::kReads}, row.headers);
        };
        EXPECT_EQ(status(Access::kAnyone), 200) << row.name;
        EXPECT_EQ(status(Access::kSession), row.session) << row.name;
        EXPECT_EQ(status(Access::kReader), row.reader) << row.name;
        EXPECT_EQ(status(Access::kEditor), row.editor) << row.name;
        EXPECT_EQ(status(Access::kManager), row.manager) << row.name;
    }
}

TEST_F(GateTest, AKeyReadsItsOwnSiteAndAUserReadsEvery) {
    const auto snapshot = catalog_->snapshot();
    Caller key;
    key.key = catalog::Key{.id = "k", .site_id = "a", .scope = catalog::Scope::kRead};
    EXPECT_TRUE(key.readable_site("a", *snapshot));
    EXPECT_EQ(key.readable_site("b", *snapshot).error().code, Code::kForbidden);
    EXPECT_EQ(key.readable_site("c", *snapshot).error().code, Code::kNotFound);
    Caller user;
    user.user = catalog::User{.email = "ann@example.org", .role = catalog::Role::kViewer};
    EXPECT_TRUE(user.readable_site("b", *snapshot));
    EXPECT_EQ(user.readable_site("c", *snapshot).error().code, Code::kNotFound);
    EXPECT_EQ(Caller().readable_site("a", *snapshot).error().code, Code::kForbidden);
}

TEST_F(GateTest, TheCookieHasItsFlagsAndOverHttpsItsPrefix) {
    const auto cookie_of = [&](const Headers& headers, std::string_view token, std::int64_t age) {
        http::Response response;
        gate_->set_cookie(response, request(headers), token, age);
        return response.headers.at(0).second;
    };
    EXPECT_EQ(cookie_of({}, "abc", 60), "footfall_session=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Lax");
    EXPECT_EQ(cookie_of({{"X-Forwarded-Proto", "https"}}, "abc", 60),
              "__Host-footfall=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure");
    // Each scheme has its own: a cookie that came over http must not be taken for one that https set.
    const http::Request plain = request({{"Cookie", "a=b; __Host-footfall=s;footfall_session=p"}});
    EXPECT_EQ(gate_->session_token(plain), "p");
    const http::Request secure =
        request({{"X-Forwarded-Proto", "https"}, {"Cookie", "a=b; __Host-footfall=s;footfall_session=p"}});
    EXPECT_EQ(gate_->session_token(secure), "s");
}

TEST(RoutesTest, ARouteThatNobodyGaveARuleIsFound) {
    http::Router router;
    router.add(http::Method::kGet, "/healthz", [](http::Exchange&) {});
    EXPECT_TRUE(check_routes(router));
    router.add(http::Method::kPost, "/healthz", [](http::Exchange&) {});
    const Status status = check_routes(router);
    ASSERT_FALSE(status);
    EXPECT_NE(status.error().message.find("POST /healthz"), std::string::npos);
}

TEST(RoutesTest, WhatChangesSomethingIsNoGet) {
    for (const RouteRule& rule : route_rules()) {
        if (rule.effect == Effect::kChanges) {
            EXPECT_NE(rule.method, http::Method::kGet) << rule.path;
            EXPECT_NE(rule.method, http::Method::kOther) << rule.path;
        }
    }
}

}  // namespace
}  // namespace footfall::api
