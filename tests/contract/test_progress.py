"""Questions that tell how far they are, as server-sent events, and then their answer."""

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.client import Answer, bearer
from support.server import Server, Site
from support.slow import fill, running, slow_filters
from support.wait import wait_until

pytestmark = pytest.mark.alone

ROWS = 1_200_000
QUESTION = {"metrics": ["events"], "time_range": "30d"}


class Events:
    """A client that reads events as they come."""

    def __init__(self, site: Site, path: str = "query", **question: Any):
        self.connection = http.client.HTTPConnection("127.0.0.1", site.server.port, timeout=120)
        headers = bearer(site.key("read")) | {"Accept": "text/event-stream"}
        self.connection.request("POST", f"/api/v1/{path}", json.dumps({"website_id": site.id} | question), headers)
        self.response = self.connection.getresponse()

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        assert self.response.status == 200
        while line := self.response.readline():
            name = line.decode().removesuffix("\n")
            data = self.response.readline().decode().removesuffix("\n")
            assert self.response.readline() == b"\n"
            assert name.startswith("event: ") and data.startswith("data: "), (name, data)
            yield name.removeprefix("event: "), json.loads(data.removeprefix("data: "))

    def leave(self) -> None:
        self.response.close()
        self.connection.close()


def check_progress(events: list[tuple[str, Any]]) -> list[dict[str, Any]]:
    """The progress among them, whose numbers never fall, with the one other event at their end."""
    told = [data for name, data in events[:-1]]
    assert [name for name, _ in events[:-1]] == ["progress"] * len(told)
    for data in told:
        assert list(data) == ["rows_read", "rows_total", "elapsed_ms"]
        assert data["rows_total"] is None or data["rows_total"] >= data["rows_read"]
    for earlier, later in zip(told, told[1:]):
        assert later["rows_read"] >= earlier["rows_read"] and later["elapsed_ms"] >= earlier["elapsed_ms"]
        assert (later["rows_total"] or 0) >= (earlier["rows_total"] or 0)
    return told


@pytest.fixture
def site(start_server: Callable[..., Server]) -> Site:
    server = start_server("--query.concurrency_max", "1", "--query.timeout", "10m", "--query.cache_bytes_max", "0")
    site = server.add_site()
    fill(site, ROWS)
    return site


def test_it_tells_how_far_it_is_and_then_the_answer(site: Site):
    # As slow as it takes on this machine to be told of it more than once.
    for patterns in (10, 40, 100):
        asked = QUESTION | {"filters": slow_filters(patterns)}
        events = Events(site, **asked)
        assert events.response.headers["Content-Type"] == "text/event-stream"
        assert events.response.headers["Cache-Control"] == "no-store"
        came = list(events)
        told = check_progress(came)
        if len({data["rows_read"] for data in told}) >= 3:
            break
    else:
        raise AssertionError(f"it does not grow: {told}")
    assert any(data["rows_total"] for data in told)
    name, answer = came[-1]
    assert name == "answer"
    plain = site.ask(**asked)
    assert plain.status == 200, plain
    assert {k: v for k, v in plain.json().items() if k != "meta"} == {k: v for k, v in answer.items() if k != "meta"}
    assert set(plain.json()["meta"]) == set(answer["meta"])
    assert answer["rows"] == [[0]]


def test_so_do_funnels_retention_and_paths(site: Site):
    asked = {
        "funnel": {"steps": [{"page": "/a"}, {"page": "/b"}]},
        "retention": {"granularity": "day"},
        "paths": {"depth": 3},
    }
    for path, question in asked.items():
        question = question | {"time_range": "30d", "filters": slow_filters(4)}
        plain = site.server.request("POST", f"/api/v1/{path}", {"website_id": site.id} | question, bearer(site.key("read")))
        assert plain.status == 200, plain
        came = list(Events(site, path, **question))
        check_progress(came)
        name, answer = came[-1]
        assert name == "answer", came[-1]
        assert {k: v for k, v in answer.items() if k != "meta"} == {k: v for k, v in plain.json().items() if k != "meta"}


def test_a_quick_one_has_its_answer_at_once_and_the_connection_goes_on(server: Server):
    site = server.add_site()
    client = server.client()
    for _ in range(2):
        body = {"website_id": site.id, "metrics": ["events"]}
        answer = client.request("POST", "/api/v1/query?format=events", body, bearer(site.key("read")))
        assert answer.status == 200
        last = answer.body.decode().removesuffix("\n\n").rsplit("\n\n", 1)[-1]
        assert last.startswith("event: answer\ndata: {"), answer
        assert json.loads(last.removeprefix("event: answer\ndata: "))["rows"] == [[0]]
        assert client.connection is not None
    client.close()


def test_it_tells_so_while_it_waits_for_its_turn(site: Site):
    first = Events(site, **QUESTION, filters=slow_filters(100))
    wait_until(lambda: running(site.server) == 1, 30, "the first runs")
    second = Events(site, metrics=["events"], time_range="30d")
    came = iter(second)
    for _ in range(3):
        name, data = next(came)
        assert name == "progress" and data["rows_read"] == 0 and data["rows_total"] is None
    first.leave()
    *_, (name, answer) = came
    assert name == "answer" and answer["rows"] == [[ROWS]]


def test_what_goes_wrong_is_an_event(start_server: Callable[..., Server]):
    server = start_server("--query.timeout", "300ms")
    site = server.add_site()
    fill(site, ROWS)
    *_, (name, data) = Events(site, **QUESTION, filters=slow_filters(100))
    assert name == "error"
    assert data["error"]["code"] == "timeout" and "query.timeout" in data["error"]["message"]
    assert server.metric("footfall_queries_total", result="timeout") == 1


def test_what_is_refused_at_once_is_an_ordinary_answer(server: Server):
    site = server.add_site()

    def ask(key: str, **question: Any) -> Answer:
        headers = bearer(key) | {"Accept": "text/event-stream"}
        return server.request("POST", "/api/v1/query", {"website_id": site.id} | question, headers)

    for answer, status, code in (
        (ask("wrong", metrics=["events"]), 401, "unauthenticated"),
        (ask(site.key("read"), metrics=["nothing"], limit=0), 400, "out_of_range"),
        (ask(site.key("read"), metrics=["events"], website_id="unknown"), 404, "not_found"),
    ):
        assert answer.status == status, answer
        assert answer.headers["Content-Type"] == "application/json" and answer.json()["error"]["code"] == code
    batch = server.request("POST", "/api/v1/query/batch?format=events", {"queries": []}, bearer(site.key("read")))
    assert batch.status == 400 and batch.json()["error"]["code"] == "unsupported_format"


def test_a_client_that_leaves_ends_its_question(site: Site):
    for path, more in (("query", QUESTION), ("funnel", {"steps": [{"page": "/a"}, {"page": "/b"}], "time_range": "30d"})):
        events = Events(site, path, **more, filters=slow_filters(100))
        assert next(iter(events))[0] == "progress"
        wait_until(lambda: running(site.server) >= 1, 30, "it runs")
        events.leave()
        wait_until(lambda: running(site.server) == 0, 30, f"the statement of {path} ends")
        wait_until(lambda: site.server.metric("footfall_queries_running") == 0, 30, f"{path} ends")
    assert site.server.metric("footfall_queries_total", result="client_gone") == 2
