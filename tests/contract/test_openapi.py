"""GET /api/v1/openapi.json: that it is OpenAPI, that it names what the server has and nothing else, and that what it says of requests
and answers is so."""

import datetime
import gzip
import json
from typing import Any

import pytest

from support.accounts import PASSWORD, Browser
from support.client import bearer
from support.openapi import PATH, Checks, Document, pointer, validate
from support.server import ROOT, Server, Site, run_command

# Of a path that judges methods by itself there is no row for each.
ANY_METHOD = {"/api/v1/events": ("POST", "OPTIONS")}


@pytest.fixture(scope="module")
def document(server: Server) -> Document:
    return Document(server)


class TestDocument:
    def test_is_valid_by_a_validator_of_others(self, document: Document):
        assert document.root["openapi"].startswith("3.1.")
        assert validate(document.root, [])["problems"] == []

    def test_a_broken_one_is_not(self, document: Document):
        """The validator does look."""
        broken = json.loads(json.dumps(document.root))
        broken["paths"]["/healthz"]["get"]["responses"] = {}
        assert validate(broken, [])["problems"]

    def test_has_every_route_and_no_other(self, document: Document):
        routes = json.loads(run_command("routes", "--json").stdout)
        of_server = {
            (method, route["path"]): (route["access"], route["changes"])
            for route in routes
            for method in ([route["method"]] if route["method"] != "*" else ANY_METHOD[route["path"]])
        }
        of_document = {
            operation.key: (operation.spec["x-access"], operation.spec["x-changes"]) for operation in document.operations()
        }
        assert of_document == of_server

    def test_names_of_operations_are_their_own(self, document: Document):
        names = [operation.spec["operationId"] for operation in document.operations()]
        assert len(set(names)) == len(names)

    def test_has_the_metrics_and_dimensions_that_can_be_asked_for(self, document: Document):
        schemas = document.root["components"]["schemas"]
        metrics = json.loads((ROOT / "schema/metrics.json").read_text())["metrics"]
        asked = [metric for metric in metrics if not metric.get("internal")]
        assert set(schemas["Metric"]["enum"]) == {name for metric in asked for name in (metric["name"], *metric.get("aliases", []))}
        dimensions = json.loads((ROOT / "schema/dimensions.json").read_text())["dimensions"]
        named = [one for one in dimensions if not one.get("internal") and not one["name"].endswith(":")]
        assert set(schemas["Dimension"]["anyOf"][0]["enum"]) == {one["name"] for one in named if not one.get("filter_only")}
        assert set(schemas["FilterDimension"]["anyOf"][1]["enum"]) == {one["name"] for one in named if one.get("filter_only")}

    def test_says_which_version_of_the_program_it_is_of(self, server: Server, document: Document):
        assert document.root["info"]["version"] == server.request("GET", "/api/v1/status").json()["version"]

    def test_is_for_anybody_packed_and_with_a_tag(self, server: Server):
        plain = server.request("GET", PATH)
        assert plain.status == 200 and plain.headers["Content-Type"] == "application/json"
        packed = server.request("GET", PATH, None, {"Accept-Encoding": "gzip"})
        assert packed.headers["Content-Encoding"] == "gzip" and len(packed.body) < len(plain.body) / 3
        assert gzip.decompress(packed.body) == plain.body
        again = server.request("GET", PATH, None, {"If-None-Match": plain.headers["ETag"]})
        assert again.status == 304 and not again.body
        assert server.request("GET", PATH, None, {"If-None-Match": '"other"'}).status == 200


SITE = "my-site"
ANN = "ann@team.example"

# What the examples cannot do in a server that has users, and without a client of WebSockets.
REFUSED = {("POST", "/api/v1/setup"): 403, ("GET", "/api/v1/live"): 400}


@pytest.fixture
def prepared(start_server: Any) -> tuple[Server, Site]:
    """A server with what the examples name: the site, a user, and traffic that their questions find."""
    server = start_server()
    site = server.add_site(site_id=SITE)
    server.command("user", "add", ANN, "--role", "owner", stdin=PASSWORD + "\n")
    at = datetime.datetime.now(datetime.UTC).timestamp() * 1000 - 60_000
    for visitor in range(3):
        visited = {"tracking_id": SITE, "user_id": f"visitor {visitor}"}
        events = [
            {"type": "pageview", "data": {"page": "/pricing?utm_source=news", "timestamp": int(at)}},
            {"type": "event", "data": {"name": "signup", "properties": {"plan": "pro"}, "revenue": "19.9", "timestamp": int(at) + 1_000}},
            {"type": "pageview", "data": {"page": "/blog/first", "timestamp": int(at) + 2_000}},
        ]
        site.send(*(event | visited for event in events[: visitor + 1]))
    site.post([{"type": "pageview", "tracking_id": SITE, "data": {}}])
    site.wait_events(6)
    return server, site


def signed_in(server: Server) -> Browser:
    browser = Browser(server)
    assert browser.sign_in(ANN).status == 200
    return browser


def fresh_ids(browser: Browser) -> dict[str, str]:
    """A goal, a segment and an annotation, of which there are no others."""
    at = f"/api/v1/sites/{SITE}"
    bodies = {
        "goals": {"name": "a goal", "page": "/"},
        "segments": {"name": "a segment", "filters": [["page", "is", "/"]]},
        "annotations": {"date": "2026-11-24", "text": "a note"},
    }
    ids = {}
    for kind, body in bodies.items():
        for one in browser.request("GET", f"{at}/{kind}").json()[kind]:
            browser.request("DELETE", f"{at}/{kind}/{one['id']}")
        made = browser.request("POST", f"{at}/{kind}", body)
        assert made.status == 201, made
        ids[kind.removesuffix("s")] = made.json()["id"]
    return ids


class TestExamples:
    def test_every_one_is_answered_as_the_document_says(self, prepared: tuple[Server, Site]):
        server, site = prepared
        document = Document(server)
        checks = Checks(document)
        browser = signed_in(server)
        for operation in document.operations():
            query = {one["name"]: one["example"] for one in operation.parameters("query") if "example" in one}
            expected = REFUSED.get(operation.key) or min(int(status) for status in operation.spec["responses"])
            bodies = operation.examples() or {"no body": None}
            if "requestBody" in operation.spec:
                assert operation.examples(), f"{operation} has no example"
            for name, body in bodies.items():
                if not browser.is_signed_in():
                    browser = signed_in(server)
                ids = {"id": SITE} | (fresh_ids(browser) if operation.path.startswith("/api/v1/sites/{id}/") else {})
                checks.add_answer(name, operation, answer := browser.request(operation.method, operation.target(ids, query), body))
                assert answer.status == expected, (str(operation), name, answer)
                if body is not None:
                    for media_type in operation.spec["requestBody"]["content"]:
                        at = pointer("paths", operation.path, operation.method.lower(), "requestBody", "content", media_type, "schema")
                        checks.add(f"{name} of {operation}", at, body)
                if operation.path == "/api/v1/account/password":
                    back = {"current": body["new"], "new": PASSWORD}
                    assert browser.request("PUT", operation.path, back).status == 204
        checks.judge()

    def test_of_questions_are_answered_in_every_format_and_not_empty(self, prepared: tuple[Server, Site]):
        server, site = prepared
        document = Document(server)
        checks = Checks(document)
        key = bearer(site.key("read"))
        seen = set()
        for operation in document.operations():
            formats = [one["schema"] for one in operation.parameters("query") if one["name"] == "format"]
            for name in formats[0].get("enum", ["json"]) if formats else []:
                for body in operation.examples().values():
                    # The traffic is of today, and the examples' days are not.
                    asked = {"time_range": "30d"} | {part: value for part, value in body.items() if part not in ("date_range", "time_range")}
                    sent = body if "queries" in body else asked
                    answer = server.request(operation.method, f"{operation.path}?format={name}", sent, key)
                    assert answer.status == 200, answer
                    checks.add_answer(name, operation, answer)
                    seen.add(answer.headers["Content-Type"])
                    if name == "json" and operation.path != "/api/v1/query/batch":
                        told = answer.json()
                        rows = told.get("rows") or told.get("cohorts") or told.get("paths") or told.get("breakdown")
                        assert rows, f"{operation} has nothing to check: {told}"
        asking = next(operation for operation in document.operations() if operation.path == "/api/v1/query")
        assert seen == set(asking.spec["responses"]["200"]["content"])
        checks.judge()

    def test_an_undescribed_member_is_found(self, server: Server, document: Document):
        """The check can fail."""
        checks = Checks(document)
        status = next(operation for operation in document.operations() if operation.path == "/api/v1/status")
        answer = server.request("GET", "/api/v1/status")
        answer.body = json.dumps(answer.json() | {"more": 1}).encode()
        checks.add_answer("with more", status, answer)
        with pytest.raises(AssertionError, match="more"):
            checks.judge()
