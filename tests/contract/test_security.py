"""What all routes have in common: who may use which (S13), that foreign pages change nothing (S11), the headers of every
answer (S10). A route that stands in no table here fails."""

import json
import re
import socket
from typing import Any

import pytest

from support.accounts import COOKIE, PASSWORD, Browser, User
from support.client import Answer, bearer, request
from support.openapi import Document, Operation
from support.server import Server, Site, run_command

ROLES = ("owner", "admin", "editor", "viewer")
ANYONE = ("nobody", "dead session", *ROLES, "read", "admin key", "other's read", "collect", "revoked")


def routes() -> list[dict[str, Any]]:
    return json.loads(run_command("routes", "--json").stdout)


def row(answer: int, **others: int) -> dict[str, int]:
    """Statuses by who asks: `answer`, but for `others` (blanks and apostrophes left out of their names)."""
    return {who: others.get(who.replace(" ", "_").replace("'", ""), answer) for who in ANYONE}


def signed_in(answer: int) -> dict[str, int]:
    keys = dict.fromkeys(("read", "admin_key", "others_read", "collect"), 403)
    return row(answer, nobody=401, dead_session=401, revoked=401, **keys)


def reader(answer: int, others_read: int) -> dict[str, int]:
    return row(answer, nobody=401, dead_session=401, revoked=401, collect=403, others_read=others_read)


# (method, path) → the body that is sent, and the status of the answer by who asks. Bodies are such that nothing is changed: what
# was let through is told from what was refused by 400.
MATRIX: dict[tuple[str, str], tuple[Any, dict[str, int]]] = {
    ("GET", "/healthz"): (None, row(200)),
    ("GET", "/readyz"): (None, row(200)),
    ("GET", "/metrics"): (None, row(200)),
    ("GET", "/api/v1/status"): (None, row(200)),
    ("GET", "/api/v1/openapi.json"): (None, row(200)),
    # An event of a site that is not there: taken apart, and rejected in a 200. Read keys do not send.
    ("*", "/api/v1/events"): (
        [{"type": "pageview", "tracking_id": "nobody", "data": {"page": "/"}}],
        row(200, read=403, others_read=403, revoked=401),
    ),
    ("GET", "/api/v1/pixel.gif"): (None, row(200, read=403, others_read=403, revoked=401)),
    ("GET", "/api/v1/setup"): (None, row(200)),
    ("POST", "/api/v1/setup"): ({"token": "x"}, row(400)),
    ("POST", "/api/v1/session"): ({"email": "x"}, row(400)),
    ("GET", "/api/v1/session"): (None, signed_in(200)),
    ("DELETE", "/api/v1/session"): (None, signed_in(204)),
    ("PUT", "/api/v1/account/password"): ({"current": "x"}, signed_in(400)),
    ("GET", "/api/v1/sites"): (None, reader(200, others_read=200)),
    ("POST", "/api/v1/sites"): ({"name": "x"}, signed_in(400) | {"editor": 403, "viewer": 403}),
    # There is no site of this name: 404 for who may ask.
    ("PATCH", "/api/v1/sites/{id}"): ({"name": "x"}, signed_in(404) | {"editor": 403, "viewer": 403}),
    ("GET", "/api/v1/sites/{id}/goals"): (None, reader(404, others_read=404)),
    ("POST", "/api/v1/sites/{id}/goals"): ({"name": "x", "page": "/"}, signed_in(404) | {"viewer": 403}),
    ("PUT", "/api/v1/sites/{id}/goals/{goal}"): ({"name": "x", "page": "/"}, signed_in(404) | {"viewer": 403}),
    ("DELETE", "/api/v1/sites/{id}/goals/{goal}"): (None, signed_in(404) | {"viewer": 403}),
    ("GET", "/api/v1/sites/{id}/segments"): (None, reader(404, others_read=404)),
    ("POST", "/api/v1/sites/{id}/segments"): ({"name": "x", "filters": [["page", "is", "/"]]}, signed_in(404) | {"viewer": 403}),
    ("PUT", "/api/v1/sites/{id}/segments/{segment}"): ({"name": "x", "filters": [["page", "is", "/"]]}, signed_in(404) | {"viewer": 403}),
    ("DELETE", "/api/v1/sites/{id}/segments/{segment}"): (None, signed_in(404) | {"viewer": 403}),
    ("GET", "/api/v1/sites/{id}/annotations"): (None, reader(404, others_read=404)),
    ("POST", "/api/v1/sites/{id}/annotations"): ({"date": "2026-11-24", "text": "x"}, signed_in(404) | {"viewer": 403}),
    ("PUT", "/api/v1/sites/{id}/annotations/{annotation}"): ({"date": "2026-11-24", "text": "x"}, signed_in(404) | {"viewer": 403}),
    ("DELETE", "/api/v1/sites/{id}/annotations/{annotation}"): (None, signed_in(404) | {"viewer": 403}),
    ("GET", "/api/v1/sites/{id}/rejected"): (None, signed_in(404) | {"viewer": 403}),
    ("GET", "/api/v1/rejected"): (None, signed_in(200) | {"editor": 403, "viewer": 403}),
    ("POST", "/api/v1/query"): ({"website_id": "SITE", "metrics": ["events"]}, reader(200, others_read=403)),
    ("POST", "/api/v1/query/batch"): (
        {"queries": [{"website_id": "SITE", "metrics": ["events"]}]},
        reader(200, others_read=200),
    ),
    ("POST", "/api/v1/funnel"): ({"website_id": "SITE", "steps": [{"page": "/"}]}, reader(200, others_read=403)),
    ("POST", "/api/v1/retention"): ({"website_id": "SITE"}, reader(200, others_read=403)),
    ("POST", "/api/v1/paths"): ({"website_id": "SITE"}, reader(200, others_read=403)),
    ("GET", "/api/v1/live"): (None, reader(400, others_read=400)),
    ("POST", "/api/v1/live/ticket"): ({"website_id": "SITE"}, reader(200, others_read=403)),
}
ROUTES = [(route["method"], route["path"]) for route in routes()]


@pytest.fixture(scope="module")
def callers(server: Server) -> Any:
    """Who asks → its site, and a function that gives a new browser or headers for it."""
    site, other = server.add_site(), server.add_site()
    users = {role: User(server, role) for role in ROLES}
    dead = users["owner"].browser()
    cookies = dict(dead.cookies)
    assert dead.request("DELETE", "/api/v1/session").status == 204
    revoked = server.command("key", "create", "--site", site.id, "--scope", "read")
    server.command("key", "revoke", revoked["id"])
    keys = {
        "read": site.key("read"),
        "admin key": site.key("admin"),
        "other's read": other.key("read"),
        "collect": site.key("collect"),
        "revoked": revoked["secret"],
    }
    browsers: dict[str, Browser] = {}

    def ask(who: str, method: str, path: str, body: Any) -> Answer:
        if who in keys:
            headers = bearer(keys[who]) | ({"Content-Type": "application/json"} if body is not None else {})
            return server.request(method, path, body, headers)
        if who not in browsers:
            browsers[who] = users[who].browser() if who in users else Browser(server)
        if who == "dead session":
            browsers[who].cookies = dict(cookies)
        answer = browsers[who].request(method, path, body)
        if (method, answer.status) == ("DELETE", 204):
            del browsers[who]
        return answer

    return site, ask


def let_through(operation: Operation) -> dict[str, bool]:
    """Whom the OpenAPI document lets through, by who asks. A key is looked at where the document names keys, even for what anybody may."""
    named = {name: set(who) for one in operation.spec["security"] for name, who in one.items()}
    is_for_anyone = operation.callers() is None
    roles = {role: is_for_anyone or role in named.get("session", ()) for role in ROLES}
    no_session = dict.fromkeys(("nobody", "dead session"), is_for_anyone)
    scopes = {"read": "read", "admin key": "admin", "other's read": "read", "collect": "collect"}
    keys = {who: scope in named["key"] if "key" in named else is_for_anyone for who, scope in scopes.items()}
    return roles | no_session | keys | {"revoked": is_for_anyone and "key" not in named}


class TestWhoMay:
    def test_S13_every_route_has_a_row(self):
        assert sorted(ROUTES) == sorted(MATRIX)

    def test_S13_the_openapi_document_says_the_same(self, server: Server):
        document = Document(server)
        operations = {operation.key: operation for operation in document.operations() if operation.method != "OPTIONS"}
        rows = {("POST" if method == "*" else method, path): row for (method, path), (_, row) in MATRIX.items()}
        assert sorted(operations) == sorted(rows)
        for key, operation in operations.items():
            # Whose key is of another site gets the 403 of the site, not of the route.
            refused = {who: status in (401, 403) for who, status in rows[key].items() if who != "other's read"}
            assert refused == {who: not may for who, may in let_through(operation).items() if who != "other's read"}, key
            schemes = set().union(*operation.spec["security"])
            assert ("session" in schemes) == ("session_over_tls" in schemes), key
        schemes = document.root["components"]["securitySchemes"]
        assert (schemes["session"]["name"], schemes["session_over_tls"]["name"]) == (COOKIE, "__Host-footfall")

    @pytest.mark.parametrize("method, path", ROUTES)
    def test_S13_a_route_is_for_those_of_its_row(self, callers: Any, method: str, path: str):
        site, ask = callers
        body, expected = MATRIX[method, path]
        sent = None if body is None else json.loads(json.dumps(body).replace("SITE", site.id))
        told = {who: ask(who, "POST" if method == "*" else method, path, sent) for who in ANYONE}
        assert {who: answer.status for who, answer in told.items()} == expected
        for answer in told.values():
            if path == "/api/v1/pixel.gif":
                assert answer.headers["Content-Type"] == "image/gif", "whatever became of the event"
            elif answer.status in (401, 403):
                assert set(answer.json()) == {"error"} and site.id.encode() not in answer.body
            if answer.status == 401:
                assert answer.headers["WWW-Authenticate"] == "Bearer" or path in ("/api/v1/events", "/api/v1/pixel.gif")

    def test_S14_in_a_batch_another_sites_key_reads_nothing(self, callers: Any):
        site, ask = callers
        answer = ask("other's read", "POST", "/api/v1/query/batch", {"queries": [{"website_id": site.id, "metrics": ["events"]}]})
        assert answer.json()["answers"][0]["error"]["code"] == "forbidden"

    def test_S13_401_goes_before_everything_else(self, server: Server):
        for method, path in ROUTES:
            if MATRIX[method, path][1]["nobody"] == 401:
                for body in ("{", "", "x" * 20_000):
                    for headers in ({}, {"Content-Type": "text/plain"}, {"Origin": "https://evil.example"}):
                        assert server.request(method, path, body, headers).status == 401, (method, path)

    def test_other_methods_are_refused_by_name(self, server: Server):
        owner = User(server, "owner").browser()
        for _, path in ROUTES:
            if path == "/api/v1/events":
                continue
            allowed = {method for method, other in ROUTES if other == path}
            allowed |= {"HEAD"} if "GET" in allowed else set()
            for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - allowed:
                answer = owner.request(method, path)
                assert answer.status == 405 and set(answer.headers["Allow"].split(", ")) == allowed, (method, path)
        assert owner.is_signed_in()


# What changes something, with a body that would: each is asked as an owner by pages that are not ours.
CHANGES: dict[tuple[str, str], Any] = {
    ("POST", "/api/v1/setup"): {"token": "x", "email": "eve@team.example", "password": PASSWORD},
    ("POST", "/api/v1/session"): {"email": "nobody@team.example", "password": PASSWORD},
    ("DELETE", "/api/v1/session"): None,
    ("PUT", "/api/v1/account/password"): {"current": PASSWORD, "new": "a quite different passphrase"},
    ("POST", "/api/v1/sites"): {"name": "evil", "domain": "evil.example", "timezone": "UTC"},
    ("PATCH", "/api/v1/sites/{id}"): {"name": "evil"},
    ("POST", "/api/v1/sites/{id}/goals"): {"name": "evil", "page": "/"},
    ("PUT", "/api/v1/sites/{id}/goals/{goal}"): {"name": "evil", "page": "/"},
    ("DELETE", "/api/v1/sites/{id}/goals/{goal}"): None,
    ("POST", "/api/v1/sites/{id}/segments"): {"name": "evil", "filters": [["page", "is", "/"]]},
    ("PUT", "/api/v1/sites/{id}/segments/{segment}"): {"name": "evil", "filters": [["page", "is", "/"]]},
    ("DELETE", "/api/v1/sites/{id}/segments/{segment}"): None,
    ("POST", "/api/v1/sites/{id}/annotations"): {"date": "2026-11-24", "text": "evil"},
    ("PUT", "/api/v1/sites/{id}/annotations/{annotation}"): {"date": "2026-11-24", "text": "evil"},
    ("DELETE", "/api/v1/sites/{id}/annotations/{annotation}"): None,
}
FORM = "application/x-www-form-urlencoded"
# name → headers that are sent beside the cookie (None: not even what a browser of ours sends), and the status
FOREIGN: dict[str, tuple[dict[str, str | None], int]] = {
    "a form elsewhere": ({"Origin": "https://evil.example", "Content-Type": FORM}, 403),
    "text elsewhere": ({"Origin": "https://evil.example", "Content-Type": "text/plain"}, 403),
    "JSON elsewhere": ({"Origin": "https://evil.example"}, 403),
    "a sandbox": ({"Origin": "null"}, 403),
    "another port": ({"Origin": "http://127.0.0.1:1"}, 403),
    "another scheme": ({"Origin": "https://127.0.0.1:{port}"}, 403),
    "a longer name": ({"Origin": "http://127.0.0.1:{port}.evil.example"}, 403),
    "no origin": ({"Origin": None}, 403),
    "no origin, cross-site": ({"Origin": None, "Sec-Fetch-Site": "cross-site"}, 403),
    "no origin, same-site": ({"Origin": None, "Sec-Fetch-Site": "same-site"}, 403),
    "no origin, none": ({"Origin": None, "Sec-Fetch-Site": "none"}, 403),
    "a foreign origin that lies": ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, 403),
    "our origin, cross-site": ({"Sec-Fetch-Site": "cross-site"}, 403),
    "a form of ours": ({"Content-Type": FORM}, 415),
    "text of ours": ({"Content-Type": "text/plain;charset=UTF-8"}, 415),
    "no type": ({"Content-Type": None}, 415),
    "packed": ({"Content-Encoding": "gzip"}, 415),
}


class TestForeignPages:
    def test_S11_every_changing_route_has_a_row(self):
        assert sorted(CHANGES) == sorted((route["method"], route["path"]) for route in routes() if route["changes"])

    @pytest.mark.parametrize("method, path", CHANGES)
    def test_S11_change_nothing(self, server: Server, method: str, path: str):
        owner = User(server, "owner")
        browser = owner.browser()
        body = CHANGES[method, path]
        sites = browser.request("GET", "/api/v1/sites").json()
        for name, (headers, status) in FOREIGN.items():
            if body is None and status == 415:
                continue  # there is no body whose type could be wrong
            filled = {key: value and value.replace("{port}", str(server.port)) for key, value in headers.items()}
            answer = browser.request(method, path, body, filled)
            assert answer.status == status, (name, answer)
            assert not [header for header in answer.headers if header.lower().startswith("access-control-")], name
            assert "Set-Cookie" not in answer.headers, name
            assert browser.is_signed_in(), name
        assert browser.request("GET", "/api/v1/sites").json() == sites
        assert Browser(server).sign_in(owner.email).status == 200, "the password is as it was"

    @pytest.mark.parametrize("method, path", CHANGES)
    def test_S11_get_changes_nothing(self, server: Server, method: str, path: str):
        browser = User(server, "owner").browser()
        assert browser.request("GET", path, CHANGES[method, path]).status in (200, 404, 405)
        assert browser.is_signed_in()

    def test_S11_our_own_page_may_without_an_origin_where_the_browser_vouches(self, server: Server):
        browser = User(server, "owner").browser()
        vouched = {"Origin": None, "Sec-Fetch-Site": "same-origin"}
        body = {"name": "x", "domain": "x.example", "timezone": "UTC"}
        assert browser.request("POST", "/api/v1/sites", body, vouched).status == 201
        assert browser.request("DELETE", "/api/v1/session", None, vouched).status == 204

    def test_S11_behind_a_proxy_with_tls_too(self, server: Server):
        browser = User(server, "owner").browser("https")
        body = {"name": "x", "domain": "x.example", "timezone": "UTC"}
        assert browser.request("POST", "/api/v1/sites", body).status == 201
        plain = {"Origin": f"http://127.0.0.1:{server.port}"}
        assert browser.request("POST", "/api/v1/sites", body, plain).status == 403

    def test_S11_nobody_is_signed_in_from_elsewhere(self, server: Server):
        """Without a cookie too: a page must not put its visitor into an account of its own."""
        user = User(server, "viewer")
        for origin in ("https://evil.example", "null"):
            answer = Browser(server).request(
                "POST", "/api/v1/session", {"email": user.email, "password": PASSWORD}, {"Origin": origin}
            )
            assert answer.status == 403 and "Set-Cookie" not in answer.headers
        # A program sends no Origin.
        program = {"Origin": None}
        assert (
            Browser(server)
            .request("POST", "/api/v1/session", {"email": user.email, "password": PASSWORD}, program)
            .status
            == 200
        )

    def test_S11_only_events_answer_pages_elsewhere(self, server: Server):
        for method, path in ROUTES:
            for asked in ("OPTIONS", "POST" if method == "*" else method):
                headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
                answer = server.request(asked, path, None, headers)
                if path in ("/api/v1/events", "/api/v1/pixel.gif"):
                    assert answer.headers["Access-Control-Allow-Origin"] == "*"
                    assert "Access-Control-Allow-Credentials" not in answer.headers
                else:
                    assert not [name for name in answer.headers if name.lower().startswith("access-control-")], path


    @pytest.mark.parametrize(
        "target",
        [
            "//evil.example",
            "//evil.example/",
            "///evil.example/a",
            "/\\evil.example",
            "/\\/evil.example/",
            "/%5Cevil.example",
            "/%2F%2Fevil.example",
            "//evil.example/%2e%2e",
            "/sign-in?next=//evil.example",
            "/sign-in?next=/\\evil.example",
            "/setup?next=https://evil.example",
            "http://evil.example/",
        ],
    )
    def test_S11_no_answer_sends_a_browser_elsewhere(self, server: Server, target: str):
        """Past any client, which would make `//` and `/\\` something else."""
        cookies = "; ".join(f"{name}={value}" for name, value in User(server, "viewer").browser().cookies.items())
        for cookie in ("", f"Cookie: {cookies}\r\n"):
            told = answer_to(server, f"GET {target} HTTP/1.1\r\nHost: evil.example\r\n{cookie}\r\n".encode())
            head = told.partition(b"\r\n\r\n")[0].decode().split("\r\n")
            assert head[0].split(" ")[1] in ("200", "400", "404"), head
            assert not {line.partition(":")[0].lower() for line in head[1:]} & {"location", "refresh"}, head
            assert b"evil.example" not in told, "what was asked for is in no answer either"


def answer_to(server: Server, sent: bytes) -> bytes:
    """To bytes that no HTTP client would send, up to the end of the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        told = b""
        while piece := connection.recv(65536):
            told += piece
        return told


def check_headers(answer: Answer, what: Any) -> None:
    headers = answer.headers
    for name in (
        "X-Content-Type-Options",
        "Referrer-Policy",
        "X-Frame-Options",
        "Content-Security-Policy",
        "Cross-Origin-Opener-Policy",
        "Cross-Origin-Resource-Policy",
        "Cache-Control",
    ):
        assert len(headers.get_all(name) or []) == 1, (what, name, answer)
    assert headers["X-Content-Type-Options"] == "nosniff", what
    assert headers["Referrer-Policy"] == "no-referrer", what
    assert headers["X-Frame-Options"] == "DENY", what
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy, what


class TestHeaders:
    @pytest.mark.parametrize("method, path", ROUTES)
    def test_S10_are_on_every_answer_of_every_route(self, callers: Any, server: Server, method: str, path: str):
        site, ask = callers
        body = MATRIX[method, path][0]
        for who in ("nobody", "viewer", "owner", "read", "revoked"):
            answer = ask(who, "POST" if method == "*" else method, path, body)
            check_headers(answer, who)
            assert answer.headers["Cache-Control"] == "no-store", who
        for wrong in ("PATCH", "OPTIONS"):
            check_headers(server.request(wrong, path), wrong)
        for headers in ({"Authorization": "Basic x"}, {"Content-Type": "text/plain"}, {"Content-Encoding": "lzw"}):
            check_headers(server.request("POST", path, "{", headers), headers)

    def test_S10_are_on_the_page_and_its_files(self, server: Server):
        page = server.request("GET", "/").body.decode()
        files = re.findall(r'<(?:script|link)\b[^>]*\b(?:src|href)="(/[^"]+)"', page)
        assert files
        for path in ("/", "/setup", "/sign-in", *files):
            answer = server.request("GET", path)
            assert answer.status == 200, answer
            check_headers(answer, path)
            assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
            tagged = server.request("GET", path, None, {"If-None-Match": answer.headers["ETag"]})
            assert tagged.status == 304
            check_headers(tagged, path)

    def test_S10_are_on_what_is_not_there(self, server: Server):
        for path in ("/nothing", "/api/v1/nothing", "/api/v2/query", "/%00", "/../etc/passwd", "/.git/config"):
            answer = server.request("GET", path)
            assert answer.status in (400, 404), answer
            check_headers(answer, path)

    @pytest.mark.parametrize(
        "sent, status",
        [
            (b"NONSENSE\r\n\r\n", 400),
            (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 505),
            (b"GET / HTTP/1.1\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 20_000 + b"\r\n\r\n", 431),
            (b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n", 413),
            (b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        ],
    )
    def test_S10_are_on_what_is_no_request(self, server: Server, sent: bytes, status: int):
        told = answer_to(server, sent)
        head, _, body = told.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        assert int(lines[0].split(" ")[1]) == status, told
        headers = [line.partition(": ")[0].lower() for line in lines[1:]]
        for name in ("x-content-type-options", "content-security-policy", "x-frame-options", "referrer-policy", "cache-control"):
            assert headers.count(name) == 1, (name, told)
        assert json.loads(body)["error"]["message"]

    def test_S10_a_stranger_is_told_nothing_of_the_inside(self, server: Server):
        for method, path in ROUTES:
            answer = server.request("POST" if method == "*" else method, path, "{")
            if path in ("/metrics", "/api/v1/status"):
                continue
            for word in (b".cc", b"sqlite", b"SELECT", str(server.data).encode(), b"exception"):
                assert word not in answer.body, (path, word)

    def test_a_site_of_a_cookie_is_nobody_elses(self, server: Server, site: Site):
        """A cookie is no key, and a key is no cookie."""
        user = User(server, "owner").browser()
        token = user.cookies[COOKIE]
        body = {"website_id": site.id, "metrics": ["events"]}
        assert request(server.port, "POST", "/api/v1/query", body, bearer(token)).status == 401
        assert (
            request(
                server.port, "POST", "/api/v1/query", body, {"Cookie": f"{COOKIE}={site.key('read')}"}
            ).status
            == 401
        )
