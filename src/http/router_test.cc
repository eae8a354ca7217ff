#include "http/router.h"

#include "http/client.h"
#include "http/server_fixture.h"

namespace footfall::http {
namespace {

using RouterTest = ServerTest;

TEST_F(RouterTest, FindsPathsMethodsAndParameters) {
    Router router;
    const auto say = [](const std::string& text) {
        return [text](Exchange& exchange) {
            exchange.respond(
                {.body = text + std::string(path_parameter("/sites/{id}/keys", exchange.request().path, "{id}"))});
        };
    };
    router.add(Method::kGet, "/", say("root"));
    router.add(Method::kGet, "/sites/{id}/keys", say("keys of "));
    router.add(Method::kPost, "/sites/{id}/keys", say("new key of "));
    router.add(Method::kHead, "/own", say(""));
    router.add(Method::kGet, "/own", say("get"));
    router.add(Method::kPost, "/events", say("post"));
    router.add(Method::kOptions, "/events", say("options"));
    router.add_all("/any", say("any"));
    start({}, [&](Exchange& exchange) { router.handle(exchange); });

    const struct {
        const char* method;
        const char* target;
        int status;
        const char* body_or_allow;
    } cases[] = {
        {"GET", "/", 200, "root"},
        {"GET", "/?a=b", 200, "root"},
        {"GET", "/sites/a/keys", 200, "keys of a"},
        {"GET", "/sites/a%2Fb/keys?x=1", 200, "keys of a%2Fb"},
        {"POST", "/sites/a/keys", 200, "new key of a"},
        {"HEAD", "/sites/a/keys", 200, ""},
        {"HEAD", "/own", 200, ""},
        {"BREW", "/any", 200, "any"},
        {"GET", "/sites//keys", 404, nullptr},
        {"GET", "/sites/a/keys/", 404, nullptr},
        {"GET", "/sites/a", 404, nullptr},
        {"GET", "/SITES/a/keys", 404, nullptr},
        {"GET", "//", 404, nullptr},
        {"DELETE", "/sites/a/keys", 405, "GET, HEAD, POST"},
        {"GET", "/events", 405, "POST, OPTIONS"},
        {"HEAD", "/events", 405, "POST, OPTIONS"},
        {"BREW", "/own", 405, "GET, HEAD"},
    };
    Client client(address());
    for (const auto& c : cases) {
        const auto response = client.send({.method = c.method, .target = c.target}, 10'000);
        ASSERT_TRUE(response) << response.error().message;
        EXPECT_EQ(response->status, c.status) << c.method << " " << c.target;
        if (c.status == 200) {
            EXPECT_EQ(response->body, c.body_or_allow) << c.method << " " << c.target;
        } else {
            EXPECT_EQ(response->header("allow"), c.status == 405 ? c.body_or_allow : "") << c.method << " " << c.target;
        }
    }
    EXPECT_EQ(path_parameter("/a/{x}/{y}", "/a/1/2", "{y}"), "2");
    EXPECT_EQ(path_parameter("/a/{x}", "/a/1", "{z}"), "");
}

TEST_F(RouterTest, RefusesBeforeTheBodyIsRead) {
    Router router;
    const auto handle = [](Exchange& exchange) { exchange.respond({.body = "handled"}); };
    router.add(Method::kGet, "/", handle);
    router.add(Method::kPost, "/free", handle);
    router.add(Method::kPost, "/judged", handle, [](const Request& request) -> std::optional<Response> {
        EXPECT_TRUE(request.body.empty());
        if (request.content_length <= 10) return std::nullopt;
        return Response{.status = 413};
    });
    start(
        {}, [&](Exchange& exchange) { router.handle(exchange); },
        [&](const Request& request) { return router.check(request); });
    const struct {
        const char* head;
        const char* length;
        const char* status;  // empty: the body is waited for
    } cases[] = {
        {"POST /nothing", "Content-Length: 1000", "404"}, {"POST /nothing", "Transfer-Encoding: chunked", "404"},
        {"POST /", "Content-Length: 1000", "405"},        {"GET /", "Content-Length: 65537", "413"},
        {"GET /", "Content-Length: 65536", ""},           {"HEAD /", "Content-Length: 65537", "413"},
        {"POST /free", "Content-Length: 1000", ""},       {"POST /judged", "Content-Length: 11", "413"},
        {"POST /judged", "Content-Length: 10", ""},       {"POST /judged", "Transfer-Encoding: chunked", ""},
    };
    for (const auto& c : cases) {
        Raw raw(port());
        raw.send(std::string(c.head) + " HTTP/1.1\r\nHost: x\r\n" + c.length + "\r\n\r\n");
        if (*c.status == '\0') raw.finish();  // closed without an answer
        EXPECT_EQ(raw.read_until("\r\n").substr(0, 12), *c.status == '\0' ? "" : "HTTP/1.1 " + std::string(c.status))
            << c.head << " " << c.length;
    }
}

TEST(RouterListTest, TellsItsRoutesInTheirOrder) {
    Router router;
    router.add(Method::kPut, "/b", [](Exchange&) {});
    router.add_all("/a/{id}", [](Exchange&) {});
    const auto routes = router.routes();
    ASSERT_EQ(routes.size(), 2u);
    EXPECT_EQ(routes[0].method, Method::kPut);
    EXPECT_EQ(routes[0].pattern, "/b");
    EXPECT_EQ(routes[1].method, Method::kOther);
    EXPECT_EQ(routes[1].pattern, "/a/{id}");
}

}  // namespace
}  // namespace footfall::http
