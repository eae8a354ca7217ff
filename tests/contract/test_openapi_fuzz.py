"""S7: requests made by chance of the OpenAPI document, for every operation and everybody who may ask: none is answered with a failure of
the server, nor with a status or body that the document does not have. FOOTFALL_SEED repeats a run."""

import json
import os
import random
from typing import Any

import pytest

from support.accounts import PASSWORD, Browser, User
from support.client import Answer, bearer
from support.openapi import Checks, Document, Operation
from support.schemas import ANY, HOSTILE, Maker
from support.server import Server, Site

SEED = int(os.environ.get("FOOTFALL_SEED") or random.SystemRandom().randrange(2**31))
# Of each operation and caller. Those that hash a password cost a tenth of a second each.
REQUESTS = 20
REQUESTS_WITH_A_PASSWORD = 6
# Most random questions are refused, so of these there are more.
QUESTIONS = 30
WITH_A_PASSWORD = {("POST", "/api/v1/setup"), ("POST", "/api/v1/session"), ("DELETE", "/api/v1/session"), ("PUT", "/api/v1/account/password")}

ROLES = ("viewer", "editor", "admin", "owner")
SCOPES = ("read", "collect")
HEADERS: tuple[dict[str, str], ...] = (
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/json; charset=utf-16"},
    {"Content-Encoding": "gzip"},
    {"Content-Encoding": "lzw"},
    {"Accept": "image/png"},
    {"Accept": "text/csv;q=0.1, */*;q=0"},
    {"Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"If-None-Match": "*"},
    {"X-Forwarded-For": "not an address"},
    {"Cookie": "footfall_session=; footfall_session=x"},
)
TEXTS = ("", "{", "[]", "null", '"x"', "{}", "1e999999", '{"a":1,"a":2}', "[" * 2_000, "\ufeff{}", '{"website_id":"' + "x" * 20_000 + '"}')


# That hold together, beside what is made of the schema: a word where a number belongs ends a question early.
FILTERS: tuple[list[Any], ...] = (
    [],
    [["page", "contains", ["/"]]],
    [["property:plan", "is", ["pro"]]],
    [["goal", "has_done", ["Signup"]], ["source", "is_set"]],
    [["has_not_done", ["page", "is", "/nowhere"], ["country", "is_not", "DE"]]],
    [["or", [["title", "matches", ["^.b"]], ["revenue", "gt", 1]]], ["not", ["scroll_percent", "between", [10, 20]]]],
)


def requests_of(operation: Operation) -> int:
    if operation.key in WITH_A_PASSWORD:
        return REQUESTS_WITH_A_PASSWORD
    return QUESTIONS if "Asking" in operation.spec["tags"] else REQUESTS


class Callers:
    """Everybody, each with what proves it; who was signed out signs in again."""

    def __init__(self, server: Server, site: Site):
        self.server = server
        self.users = {role: User(server, role) for role in ROLES}
        self.keys = {scope: site.key(scope) for scope in SCOPES}
        self.browsers: dict[str, Browser] = {}

    def ask(self, who: str, method: str, target: str, body: Any, headers: dict[str, str]) -> Answer:
        if who in self.keys:
            sent = ({"Content-Type": "application/json"} if body is not None else {}) | headers | bearer(self.keys[who])
            return self.server.request(method, target, body, sent)
        if who in self.users and not self.browsers.get(who, Browser(self.server)).cookies:
            self.browsers[who] = self.users[who].browser()
        browser = self.browsers.setdefault(who, Browser(self.server))
        if who == "nobody":
            browser.cookies.clear()
        return browser.request(method, target, body, headers)


@pytest.fixture
def prepared(start_server: Any) -> tuple[Server, Site]:
    server = start_server()
    site = server.add_site()
    events = [
        {"type": "pageview", "tracking_id": site.id, "data": {"page": page, "title": "<b>", "referrer": "https://news.example/"}}
        for page in ("/", "/pricing", "/blog")
    ]
    site.send(*events, {"type": "event", "tracking_id": site.id, "data": {"name": "signup", "properties": {"plan": "pro"}, "revenue": 5}})
    site.post([{"type": "pageview", "tracking_id": site.id, "data": {}}])
    owner = User(server, "owner").browser()
    for kind, body in (
        ("goals", {"name": "Signup", "event": "signup"}),
        ("segments", {"name": "Readers", "filters": [["page", "contains", "/blog"]]}),
        ("annotations", {"date": "2026-11-24", "text": "Launch"}),
    ):
        assert owner.request("POST", f"/api/v1/sites/{site.id}/{kind}", body).status == 201
    site.wait_events(4)
    return server, site


def sent_body(maker: Maker, operation: Operation) -> Any:
    """Of the schema, as it is or spoilt; seldom what is no JSON at all. None: without a body."""
    contents = operation.spec.get("requestBody", {}).get("content")
    if contents is None:
        return None
    chance = maker.chance
    what = chance.random()
    if what < 0.1:
        return chance.choice(TEXTS)
    body = maker.value(next(iter(contents.values()))["schema"])
    return json.dumps(body if what < 0.55 else maker.spoilt(body))


def sent_query(maker: Maker, operation: Operation) -> dict[str, Any]:
    chance = maker.chance
    query = {
        parameter["name"]: chance.choice(HOSTILE).encode(errors="replace")
        if chance.random() < 0.2
        else maker.value(parameter["schema"], parameter["name"])
        for parameter in operation.parameters("query")
        if parameter["required"] or chance.random() < 0.5
    }
    return {name: value for name, value in query.items() if len(str(value)) < 1_000}


def test_S7_no_request_breaks_the_server_or_the_document(prepared: tuple[Server, Site]):
    server, site = prepared
    print(f"FOOTFALL_SEED={SEED}")
    document = Document(server)
    checks = Checks(document)
    callers = Callers(server, site)
    known = {
        "website_id": [site.id],
        "tracking_id": [site.id],
        "id": [site.id],
        "segment": ["Readers"],
        "filters": [*FILTERS, ANY],
        "page": ["/", "/pricing", ANY],
        "event": ["signup", ANY],
        "time_range": ["30d", "today", "12mo", "all", ANY],
        "order_by": [[], ANY],
        "goal": ["Signup"],
        "timezone": ["UTC", "Europe/Berlin"],
        "domain": ["site.example"],
        # Of somebody else: whose sign-ins fail has to wait.
        "email": [User(server, "viewer").email],
        # The right one would end in another password.
        "current": ["a wrong passphrase"],
        "new": [PASSWORD],
    }
    failures = []
    statuses: dict[int, int] = {}
    answered: dict[str, int] = {}
    for operation in document.operations():
        for who in ("nobody", *ROLES, *SCOPES):
            for number in range(requests_of(operation)):
                chance = random.Random(f"{SEED} {operation} {who} {number}")
                maker = Maker(chance, document, known)
                body = sent_body(maker, operation)
                path = {
                    one["name"]: site.id if one["name"] == "id" and chance.random() < 0.8 else chance.choice(["x", "..", "é", "a/b", "\u0000"])
                    for one in operation.parameters("path")
                }
                target = operation.target(path, sent_query(maker, operation))
                headers = chance.choice(HEADERS) if chance.random() < 0.15 else {}
                answer = callers.ask(who, operation.method, target, body, headers)
                what = f"{who} {number}: {operation.method} {target[:300]} {headers} {str(body)[:600]}"
                statuses[answer.status] = statuses.get(answer.status, 0) + 1
                if answer.status < 300:
                    answered[str(operation)] = answered.get(str(operation), 0) + 1
                if answer.status >= 500:
                    failures.append(f"{what}: {answer}")
                checks.add_answer(what, operation, answer)
    print(f"{sum(statuses.values())} requests: {dict(sorted(statuses.items()))}")
    asked = {name: count for name, count in answered.items() if name in ("POST /api/v1/query", "POST /api/v1/funnel", "POST /api/v1/paths")}
    print(f"answered questions: {asked}")
    assert server.process.poll() is None
    assert not failures, f"{len(failures)} failures:\n" + "\n".join(failures[:10])
    checks.judge()
    assert {200, 201, 204, 400, 401, 403, 404, 413, 415} <= set(statuses), "the requests reach what they should"
    assert len(asked) == 3 and min(asked.values()) >= 8, "questions are not only refused"
