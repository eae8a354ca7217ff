"""S14: two sites, each with texts of its own everywhere; whoever asks as the one sees the other's in no byte of any answer."""

import gzip
import itertools
import json
from typing import Any

import pytest

from support.accounts import User
from support.client import Answer, bearer
from support.events import FIREFOX, SAFARI_IPHONE, custom, other, pageview
from support.questions import declared
from support.server import Server, Site, run_command
from support.wait import wait_until

MINE, THEIRS = "marker-of-mine", "marker-of-theirs"
OPERATORS = ["is", "is_not", "contains", "contains_not", "matches", "matches_not", "has_done", "has_not_done"]
FORMATS = ["json", "csv", "ndjson", "arrow", "arrowstream", "parquet"]


def fill(site: Site, marker: str, agent: str) -> None:
    """The marker in every text that a visitor, or the site's people, can give."""
    context = {"url": f"https://{marker}.example/{marker}?utm_source={marker}", "language": marker[:8], "user_agent": agent}
    utm = "&".join(f"utm_{name}={marker}" for name in ("source", "medium", "campaign", "term", "content"))
    page = pageview(site.id, f"/{marker}?{utm}", title=marker, referrer=f"https://{marker}.example/", context=context)
    events = [
        page,
        custom(site.id, marker, category=marker, action=marker, label=marker, properties={marker: marker, "plan": marker}, revenue=7),
        other(site.id, "identify", user_id=marker, traits={marker: marker}),
        other(site.id, "ping", pageview_id=page["event_id"], time_on_page=9, scroll_depth=50),
    ]
    for event in events:
        event |= {"user_id": marker, "session_id": marker}
    site.send(*events)
    site.post([{"type": marker, "tracking_id": site.id}, pageview(site.id, f"/{marker}", timestamp=marker)])
    server = site.server
    server.command("goal", "add", marker, "--site", site.id, "--page", f"/{marker}")
    server.command("segment", "add", marker, "--site", site.id, "--filters", json.dumps([["page", "contains", [marker]]]))
    server.command("annotation", "add", marker, "--site", site.id, "--date", "2026-11-24")
    site.wait_events(2)


@pytest.fixture
def mine(server: Server) -> Site:
    mine, theirs = server.add_site(), server.add_site()
    fill(mine, MINE, FIREFOX)
    fill(theirs, THEIRS, SAFARI_IPHONE)
    mine.theirs = theirs
    return mine


def bytes_of(answer: Answer) -> bytes:
    return gzip.decompress(answer.body) if answer.body.startswith(b"\x1f\x8b") else answer.body


def found(answer: Answer) -> bytes:
    """Nothing as long as it has none of the site's own."""
    assert answer.status == 200, answer
    return bytes_of(answer) if MINE.encode() in bytes_of(answer) else b""


def ask(site: Site, path: str, body: dict[str, Any] | None, method: str = "POST") -> bytes:
    answer = site.server.request(method, f"/api/v1/{path}", body, bearer(site.key("read")))
    assert answer.status == 200, (answer, path, body)
    told = bytes_of(answer)
    assert THEIRS.encode() not in told, (path, body, told)
    return told


def test_S14_no_question_of_any_form_tells_what_is_the_others(mine: Site):
    dimensions = [*(declared("dimensions", answered=True) - {"property:"}), "property:plan", f"property:{MINE}"]
    metrics = sorted(declared("metrics", answered=True))
    seen = 0
    base = {"website_id": mine.id, "time_range": "all"}
    for dimension in dimensions:
        for explain in (False, True):
            asked = base | {"metrics": metrics[:18], "dimensions": [dimension], "include_bots": True, "explain": explain}
            told = ask(mine, "query", asked)
            seen += MINE.encode() in told
    assert seen > len(dimensions), "the markers are there to be seen"
    # By the other's name of a property there is nothing; the name itself is the question's.
    asked = base | {"metrics": ["events"], "dimensions": [f"property:{THEIRS}"]}
    assert mine.ask(**asked).json()["rows"] == [["", 2]]
    for operator, value in itertools.product(OPERATORS, [MINE, THEIRS[:-1]]):
        for dimension in ("page", "title", "source", "user_id", "goal", "property:plan", "event_name"):
            ask(mine, "query", base | {"metrics": ["visitors"], "dimensions": ["page", "source"], "filters": [[dimension, operator, [value]]]})
    for format in FORMATS:
        asked = base | {"metrics": ["visitors", "events"], "dimensions": ["title", "event_label", "user_id"]}
        assert MINE.encode() in ask(mine, f"query?format={format}", asked) or format == "parquet"
    batch = {"queries": [base | {"metrics": ["events"], "dimensions": [name]} for name in dimensions[:32]]}
    assert MINE.encode() in ask(mine, "query/batch", batch)


def test_S14_what_visitors_did_is_of_the_own_site(mine: Site):
    base = {"website_id": mine.id, "time_range": "all"}
    step: dict[str, Any] = {"page": f"/{MINE}"}
    for breakdown in ("source", "page", "property:plan", "user_id", "last_source", "hostname"):
        ask(mine, "funnel", base | {"steps": [step, {"event": MINE}], "breakdown": breakdown, "dropped_limit": 100, "explain": True})
    of_theirs = ask(mine, "funnel", base | {"steps": [{"page": f"/{THEIRS}"[:-1]}], "dropped_limit": 100})
    assert json.loads(of_theirs)["steps"][0]["visitors"] == 0
    for nodes in ("pages", "events", "both"):
        assert MINE.encode() in ask(mine, "paths", base | {"nodes": nodes})
    for filters in ([], [["page", "contains", [THEIRS[:-1]]]], [["page", "has_not_done", [f"/{MINE}"]]]):
        ask(mine, "retention", base | {"filters": filters})
        ask(mine, "paths", base | {"filters": filters})


def test_S14_nor_what_its_people_keep_nor_what_was_rejected(mine: Site):
    for path in ("goals", "segments", "annotations"):
        assert MINE.encode() in ask(mine, f"sites/{mine.id}/{path}", None, "GET")
    browser = User(mine.server, "admin").browser()
    rejected = wait_until(lambda: found(browser.request("GET", f"/api/v1/sites/{mine.id}/rejected")), 10, "rejected events are told")
    assert MINE.encode() in rejected and THEIRS.encode() not in rejected
    done = run_command("export", "--site", mine.id, data=mine.server.data)
    assert done.returncode == 0 and MINE in done.stdout and THEIRS not in done.stdout
    audit = mine.server.command("audit", "--site", mine.id)
    assert THEIRS not in json.dumps(audit)


def test_S14_the_others_site_is_none_of_ones_own(mine: Site):
    theirs = mine.theirs
    key = bearer(mine.key("read"))
    for path, body in {
        "query": {"metrics": ["events"]},
        "funnel": {"steps": [{"page": "/"}]},
        "retention": {},
        "paths": {},
    }.items():
        answer = mine.server.request("POST", f"/api/v1/{path}", {"website_id": theirs.id, "time_range": "all"} | body, key)
        assert answer.status in (403, 404) and THEIRS.encode() not in answer.body, answer
    for path in ("goals", "segments", "annotations", "rejected"):
        answer = mine.server.request("GET", f"/api/v1/sites/{theirs.id}/{path}", None, key)
        assert answer.status in (403, 404) and THEIRS.encode() not in answer.body, answer
    batch = {"queries": [{"website_id": site.id, "metrics": ["events"], "dimensions": ["page"], "time_range": "all"} for site in (mine, theirs)]}
    own, foreign = mine.server.request("POST", "/api/v1/query/batch", batch, key).json()["answers"]
    assert own["rows"] and foreign["error"]["code"] in ("forbidden", "not_found")
    # A segment and a goal of the other's name are none of this site's.
    for member in ({"segment": THEIRS}, {"filters": [["goal", "is", [THEIRS]]]}):
        answer = mine.server.request("POST", "/api/v1/query", {"website_id": mine.id, "metrics": ["events"], "time_range": "all"} | member, key)
        assert answer.status == 400 or answer.json()["rows"] == [[0]], answer
