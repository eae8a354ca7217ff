"""S15: what would be SQL, in every string of the questions: it is refused by name or compared as a text, the statement has it
among its parameters alone, and a canary table stays as it is."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.client import bearer
from support.events import custom, pageview
from support.server import Server, Site
from support.store import store

CORPUS = [
    "' OR 1=1 --",
    "'; DROP TABLE canary; --",
    "\\'; DROP TABLE canary --",
    "x') UNION ALL SELECT name, 1 FROM system.tables --",
    "{site:String}",
    "{p1:Identifier}",
    "`; DROP TABLE canary; `",
    '"; DROP TABLE canary; "',
    "/* */ FORMAT CSV",
    "x' SETTINGS max_memory_usage=0 --",
    "file('/etc/passwd')",
    "\0' OR '1'='1",
    "$$ ; SELECT 1 $$",
    "\u02bc OR 1=1",
    "x\n;\nDROP TABLE canary",
]


@pytest.fixture
def site(server: Server) -> Site:
    site = server.add_site()
    site.send(pageview(site.id, "/", title="t"), custom(site.id, "buy", properties={"plan": "pro"}))
    site.wait_events(2)
    store(server, "CREATE TABLE IF NOT EXISTS footfall.canary (n UInt8) ENGINE = MergeTree ORDER BY n")
    store(server, "INSERT INTO footfall.canary SELECT 1 WHERE (SELECT count() FROM footfall.canary) = 0")
    return site


def questions(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The text in each place where a question has one."""
    query: dict[str, Any] = {"metrics": ["events"], "time_range": "all", "explain": True}
    yield "query", query | {"website_id": text}
    for member in ("metrics", "dimensions"):
        yield "query", query | {member: [text]}
    yield "query", query | {"dimensions": [f"property:{text}"]}
    yield "query?format=parquet", query | {"dimensions": [f"property:{text}"]}
    yield "query", query | {"dimensions": ["page"], "order_by": [[text, "asc"]]}
    yield "query", query | {"dimensions": ["page"], "order_by": [["page", text]]}
    for member in ("time_range", "granularity", "segment", "compare"):
        yield "query", query | {member: text}
    yield "query", query | {"time_range": [text, text]}
    yield "query", {"metrics": ["events"], "date_range": [text, text]}
    yield "query", query | {text: "x"}
    for operator in ("is", "is_not", "contains", "contains_not", "matches", "matches_not", "gt", "between", "has_done", text):
        for dimension in ("page", "source", "goal", "property:plan", f"property:{text}", "user_id", "date", "revenue", "engaged_seconds", text):
            yield "query", query | {"filters": [[dimension, operator, [text, text]]]}
    yield "query", query | {"filters": [["has_done", ["page", "is", [text]], [f"property:{text}", "is", [text]]]]}
    step = {"page": text, "name": text, "filters": [["property:plan", "is", [text]]]}
    yield "funnel", {"steps": [step, {"event": text}], "breakdown": f"property:{text}", "time_range": "all", "explain": True}
    yield "funnel", {"steps": [{"goal": text}], "by": text, "time_range": "all"}
    yield "funnel", {"steps": [step], "breakdown": text, "time_range": "all"}
    yield "retention", {"first": step, "again": {"event": text}, "time_range": "all", "explain": True}
    yield "retention", {"granularity": text, "time_range": "all"}
    for side in ("from", "to"):
        yield "paths", {side: step, "time_range": "all", "explain": True}
    yield "paths", {"nodes": text, "time_range": "all"}


@pytest.mark.parametrize("text", CORPUS, ids=[str(number) for number in range(len(CORPUS))])
def test_S15_a_text_is_refused_or_compared_and_never_run(site: Site, text: str):
    key = bearer(site.key("read"))
    answered = 0
    for path, question in questions(text):
        answer = site.server.request("POST", f"/api/v1/{path}", {"website_id": site.id} | question, key)
        assert answer.status in (200, 400, 403, 404), (answer, path, question)
        if answer.status != 200 or "format" in path:
            continue
        answered += 1
        meta = answer.json()["meta"]
        if meta["sql"]:
            assert text not in meta["sql"] or text == "{site:String}", (question, meta["sql"])
    assert answered > 20
    assert store(site.server, "SELECT count(), sum(n) FROM footfall.canary").split() == ["1", "1"]
    assert site.value("events", time_range="all") == 2


@pytest.mark.parametrize("text", CORPUS, ids=[str(number) for number in range(len(CORPUS))])
def test_S15_what_a_visitor_sends_is_found_to_the_letter(server: Server, text: str):
    site = server.add_site()
    site.send(
        pageview(site.id, "/", title=text),
        custom(site.id, text, category=text, action=text, label=text, properties={"plan": text}),
        pageview(site.id, "/other", title="another"),
    )
    site.wait_events(3)
    for dimension, count in {"title": 1, "event_name": 1, "event_category": 1, "event_action": 1, "event_label": 1, "property:plan": 1}.items():
        [[told, events]] = site.query(["events"], [dimension], filters=[[dimension, "is_set"], [dimension, "is_not", ["another"]]])["rows"]
        assert events == count
        found = site.query(["events"], filters=[[dimension, "is", [told]]])["rows"]
        assert found == [[count]], (dimension, told)
        assert told.replace("\0", "").strip() in text.replace("\0", "") or json.dumps(text)[1:-1] in told, (dimension, told)
    funnel = {"website_id": site.id, "steps": [{"event": site.query(["events"], ["event_name"], filters=[["event_name", "is_set"]])["rows"][0][0]}]}
    answer = server.request("POST", "/api/v1/funnel", funnel | {"time_range": "all"}, bearer(site.key("read"))).json()
    assert answer["steps"][0]["visitors"] == 1
