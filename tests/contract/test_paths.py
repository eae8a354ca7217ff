"""POST /api/v1/paths: what sessions went through one after the other, equal to the reference on random traffic."""

import os
import random
from typing import Any

import pytest

from reference import paths as reference
from reference.events import first_receipts
from reference.funnels import Step
from reference.paths import OTHER, Node, Paths, PathsAnswer
from reference.sessions import sessions_of
from support.client import bearer
from support.events import custom, now_ms, pageview
from support.questions import Curious
from support.server import Server, Site
from test_against_reference import sent_round
from test_funnel import a_step, request_of_range

MINUTE = 60_000
HOUR = 60 * MINUTE
HOSTILE = ["/other", "other", "null", "/' OR 1=1 --", "/\\", "/{site:String}", "/', '", '/"]', "/a,b[1]", "/Größe 😀", "/tab\there"]


def ask(site: Site, **more: Any) -> Any:
    return site.server.request("POST", "/api/v1/paths", {"website_id": site.id} | more, bearer(site.key("read")))


def told(site: Site, **more: Any) -> Any:
    answer = ask(site, **more)
    assert answer.status == 200, answer
    body = answer.json()
    assert_sums(body, more.get("depth", 5))
    return body


def assert_sums(body: dict[str, Any], depth: int) -> None:
    """Whoever draws it finds every session at each end of each line."""
    steps = body["steps"]
    assert [step["depth"] for step in steps] == list(range(1, len(steps) + 1))
    assert len(steps) <= depth
    assert sum(step["sessions"] for step in steps[:1]) == body["sessions"]
    for place, step in enumerate(steps):
        assert step["sessions"] == sum(node["sessions"] for node in step["nodes"]) > 0
        assert step["ended"] == sum(node["ended"] for node in step["nodes"])
        assert [node["is_other"] for node in step["nodes"]].count(True) <= 1
        for number, node in enumerate(step["nodes"]):
            assert (node["value"] is None) == (node["kind"] is None) == node["is_other"]
            out = sum(link["sessions"] for link in body["links"] if (link["depth"], link["source"]) == (place + 1, number))
            into = sum(link["sessions"] for link in body["links"] if (link["depth"], link["target"]) == (place, number))
            if place > 0:
                assert into == node["sessions"]
            if place + 1 < depth:
                assert out + node["ended"] == node["sessions"]
            else:
                assert out == 0 and node["ended"] <= node["sessions"]
    assert all(0 < link["depth"] < len(steps) and link["sessions"] > 0 for link in body["links"])
    assert sum(path["sessions"] for path in body["paths"]) <= body["sessions"]


def node_of(node: dict[str, Any]) -> Node:
    return OTHER if node.get("is_other") else (node["kind"], node["value"])


def as_reference(body: dict[str, Any]) -> PathsAnswer:
    nodes = [[(node_of(node), node["sessions"], node["ended"]) for node in step["nodes"]] for step in body["steps"]]
    links = {(link["depth"], nodes[link["depth"] - 1][link["source"]][0], nodes[link["depth"]][link["target"]][0]): link["sessions"] for link in body["links"]}
    assert len(links) == len(body["links"]), "a link stands twice"
    return PathsAnswer(body["sessions"], nodes, links, [(tuple(map(node_of, path["nodes"])), path["sessions"]) for path in body["paths"]])


def whole(body: dict[str, Any]) -> dict[str, int]:
    return {" ".join(node["value"] for node in path["nodes"]): path["sessions"] for path in body["paths"]}


def refused(site: Site, **more: Any) -> tuple[str, str]:
    answer = ask(site, **more)
    assert answer.status == 400, answer
    return answer.json()["error"]["code"], answer.json()["error"].get("field", "")


def of(visitor: str, at: float, event: dict[str, Any]) -> dict[str, Any]:
    event["data"]["timestamp"] = int(at)
    return event | {"user_id": visitor}


@pytest.fixture
def visited(site: Site) -> Site:
    """ann reads, signs up and is back at the prices, and comes again later; bob reloads; cem plays; dan signs up twice."""
    then = now_ms() - 5 * HOUR
    journeys: dict[str, list[tuple[float, str]]] = {
        "ann": [(0, "/?utm_source=news"), (1, "/pricing"), (2, "signup"), (3, "/welcome"), (4, "/pricing"), (120, "/"), (121, "/help")],
        "bob": [(0, "/"), (1, "/"), (2, "play"), (3, "/"), (4, "/pricing")],
        "cem": [(0, "/"), (1, "play"), (2, "play"), (3, "/pricing")],
        "dan": [(0, "/pricing"), (1, "signup"), (2, "/welcome"), (3, "signup")],
    }
    events = [
        of(visitor, then + minute * MINUTE, pageview(site.id, what) if what.startswith("/") else custom(site.id, what, properties={"minute": str(minute)}))
        for visitor, journey in journeys.items()
        for minute, what in journey
    ]
    site.send(*events)
    site.wait_events(len(events))
    return site


class TestPaths:
    def test_the_answer_says_what_followed_what(self, visited: Site):
        body = told(visited, depth=3, explain=True)

        def page(value: str, sessions: int, ended: int) -> dict[str, Any]:
            return {"value": value, "kind": "page", "sessions": sessions, "ended": ended, "is_other": False}

        assert body["sessions"] == 5
        assert body["steps"] == [
            {"depth": 1, "sessions": 5, "ended": 0, "nodes": [page("/", 4, 0), page("/pricing", 1, 0)]},
            {"depth": 2, "sessions": 5, "ended": 4, "nodes": [page("/pricing", 3, 2), page("/help", 1, 1), page("/welcome", 1, 1)]},
            {"depth": 3, "sessions": 1, "ended": 0, "nodes": [page("/welcome", 1, 0)]},
        ]
        assert body["links"] == [
            {"depth": 1, "source": 0, "target": 0, "sessions": 3},
            {"depth": 1, "source": 0, "target": 1, "sessions": 1},
            {"depth": 1, "source": 1, "target": 2, "sessions": 1},
            {"depth": 2, "source": 0, "target": 0, "sessions": 1},
        ]
        assert body["paths"][0] == {"nodes": [{"value": "/", "kind": "page"}, {"value": "/pricing", "kind": "page"}], "sessions": 2, "rate": 40.0}
        assert whole(body) == {"/ /pricing": 2, "/ /help": 1, "/ /pricing /welcome": 1, "/pricing /welcome": 1}
        meta = body["meta"]
        assert (meta["source"], meta["sample_rate"], meta["range"]["timezone"]) == ("events", 1.0, "UTC")
        assert "SELECT" in meta["sql"] and meta["rows_to_read"] > 0 and "/pricing" not in meta["sql"], "values are parameters"
        assert told(visited)["meta"]["sql"] is None

    def test_a_node_after_itself_is_one_unless_it_is_said(self, visited: Site):
        assert whole(told(visited, collapse=False))["/ / / /pricing"] == 1, "bob's looks at the page, the event between them apart"
        assert whole(told(visited, nodes="both", filters=[["user_id", "is", ["bob"]]])) == {"/ play / /pricing": 1}
        assert whole(told(visited, nodes="both", filters=[["user_id", "is", ["cem"]]])) == {"/ play /pricing": 1}
        assert whole(told(visited, nodes="both", collapse=False, filters=[["user_id", "is", ["cem"]]])) == {"/ play play /pricing": 1}

    def test_of_custom_events_alone(self, visited: Site):
        body = told(visited, nodes="events")
        assert body["sessions"] == 4, "ann's second session has none"
        assert whole(body) == {"play": 2, "signup": 2}
        assert {node["kind"] for step in body["steps"] for node in step["nodes"]} == {"event"}

    def test_from_a_page_begins_at_the_first_look_at_it(self, visited: Site):
        assert whole(told(visited, **{"from": {"page": "/pricing"}})) == {"/pricing": 2, "/pricing /welcome": 1, "/pricing /welcome /pricing": 1}
        assert told(visited, **{"from": {"page": "/nowhere"}}) | {"meta": 0} == {"sessions": 0, "steps": [], "links": [], "paths": [], "meta": 0}

    def test_from_an_event_that_event_is_the_first_node(self, visited: Site):
        body = told(visited, **{"from": {"event": "signup"}})
        assert whole(body) == {"signup /welcome": 1, "signup /welcome /pricing": 1}, "of dan's two the second is no node of pages"
        assert body["steps"][0]["nodes"] == [{"value": "signup", "kind": "event", "sessions": 2, "ended": 0, "is_other": False}]
        assert whole(told(visited, nodes="both", **{"from": {"event": "signup"}})) == {"signup /welcome /pricing": 1, "signup /welcome signup": 1}

    def test_to_a_step_is_read_backwards(self, visited: Site):
        body = told(visited, to={"page": "/pricing"})
        assert whole(body) == {"/pricing /": 3, "/pricing": 1}, "dan began there"
        assert body["steps"][0]["ended"] == 1
        assert whole(told(visited, to={"event": "signup"})) == {"signup /pricing": 1, "signup /pricing /": 1}
        assert whole(told(visited, to={"event": "signup"}, nodes="events")) == {"signup": 2}
        second = {"event": "signup", "filters": [["property:minute", "is", ["3"]]]}
        assert whole(told(visited, to=second, nodes="both")) == {"signup /welcome signup /pricing": 1}

    def test_a_goal_is_a_step(self, visited: Site):
        visited.server.command("goal", "add", "Joined", "--event", "signup", "--site", visited.id)
        assert whole(told(visited, to={"goal": "Joined"})) == {"signup /pricing": 1, "signup /pricing /": 1}
        answer = ask(visited, to={"goal": "Joinde"})
        assert answer.status == 400
        assert answer.json()["error"] | {"message": ""} == {"code": "unknown_goal", "field": "to.goal", "did_you_mean": "Joined", "message": ""}

    def test_what_goes_on_beyond_the_depth_has_not_ended(self, visited: Site):
        body = told(visited, depth=2)
        assert [(step["sessions"], step["ended"]) for step in body["steps"]] == [(5, 0), (5, 4)], "ann went on"
        assert whole(body) == {"/ /pricing": 3, "/ /help": 1, "/pricing /welcome": 1}

    def test_the_rest_of_a_depth_is_one_node_and_no_page(self, visited: Site):
        body = told(visited, depth=3, limit=1, paths_limit=1)
        assert body["steps"][1]["nodes"] == [
            {"value": "/pricing", "kind": "page", "sessions": 3, "ended": 2, "is_other": False},
            {"value": None, "kind": None, "sessions": 2, "ended": 2, "is_other": True},
        ]
        assert body["links"][:3] == [
            {"depth": 1, "source": 0, "target": 0, "sessions": 3},
            {"depth": 1, "source": 0, "target": 1, "sessions": 1},
            {"depth": 1, "source": 1, "target": 1, "sessions": 1},
        ]
        assert whole(body) == {"/ /pricing": 2}

    def test_filters_are_of_each_event(self, visited: Site):
        assert whole(told(visited, filters=[["page", "is_not", ["/pricing"]]])) == {"/": 2, "/ /help": 1, "/ /welcome": 1, "/welcome": 1}
        assert whole(told(visited, filters=[["source", "is", ["news"]]])) == {"/ /pricing /welcome /pricing": 1}
        assert whole(told(visited, filters=[["first_source", "is", ["news"]]])) == {"/ /help": 1, "/ /pricing /welcome /pricing": 1}

    def test_events_of_one_millisecond_are_in_the_order_in_which_they_came(self, site: Site):
        at = now_ms() - HOUR
        for visitor, pages in {"a": ["/x", "/y"], "b": ["/y", "/x"], "c": ["/y", "/x"]}.items():
            site.send(*(of(visitor, at, pageview(site.id, page)) for page in pages))
        site.wait_events(6)
        assert whole(told(site)) == {"/y /x": 2, "/x /y": 1}
        assert whole(told(site, to={"page": "/x"})) == {"/x /y": 2, "/x": 1}

    def test_a_late_event_that_joins_two_sessions_makes_them_one_path(self, site: Site):
        at = now_ms() - 5 * HOUR
        site.send(of("a", at, pageview(site.id, "/first")), of("a", at + 40 * MINUTE, pageview(site.id, "/last")))
        site.wait_events(2)
        assert whole(told(site)) == {"/first": 1, "/last": 1}
        site.send(of("a", at + 20 * MINUTE, pageview(site.id, "/between")))
        site.wait_events(3)
        assert whole(told(site)) == {"/first /between /last": 1}
        assert whole(told(site, filters=[["entry_page", "is", ["/first"]]])) == {"/first /between /last": 1}

    def test_hostile_names_are_names(self, site: Site):
        at = now_ms() - HOUR
        events = [of("a", at + place, custom(site.id, text)) for place, text in enumerate(HOSTILE)]
        events += [of(f"b{place}", at, custom(site.id, text)) for place, text in enumerate(HOSTILE)]
        site.send(*events)
        site.wait_events(len(events))
        body = told(site, nodes="both", depth=10, limit=50, paths_limit=100)
        assert {node["value"] for node in body["steps"][0]["nodes"]} == set(HOSTILE)
        assert [path["sessions"] for path in body["paths"]] == [1] * (1 + len(HOSTILE))
        assert [node["value"] for node in max(body["paths"], key=lambda path: len(path["nodes"]))["nodes"]] == HOSTILE[:10]
        assert not any(node["is_other"] for step in body["steps"] for node in step["nodes"])
        folded = told(site, nodes="both", limit=1)["steps"][0]["nodes"]
        assert [(node["value"], node["is_other"]) for node in folded][1:] == [(None, True)]
        for text in HOSTILE:
            assert told(site, nodes="both", **{"from": {"event": text}})["sessions"] == 2
            assert told(site, to={"page": text, "filters": [["property:" + text, "is", [text]]]})["sessions"] == 0

    def test_of_equally_many_the_smaller_is_told(self, site: Site):
        at = now_ms() - HOUR
        site.send(*(of(page, at, pageview(site.id, page)) for page in ["/b", "/c", "/a", "/ä"]))
        site.wait_events(4)
        body = told(site, limit=2, paths_limit=3)
        assert [node["value"] for node in body["steps"][0]["nodes"]] == ["/a", "/b", None]
        assert list(whole(body)) == ["/a", "/b", "/c"]


class TestRefusals:
    def test_each_names_its_place(self, visited: Site):
        site = visited
        assert refused(site, **{"from": {}}) == ("invalid_step", "from")
        assert refused(site, to={"page": "/", "event": "x"}) == ("invalid_step", "to")
        assert refused(site, to={"page": ""}) == ("invalid_value", "to.page")
        assert refused(site, to="/") == ("invalid_type", "to")
        assert refused(site, to={"pages": "/"}) == ("unknown_field", "to.pages")
        assert refused(site, to={"page": "/"}, **{"from": {"page": "/"}}) == ("invalid_value", "to")
        assert refused(site, **{"from": {"page": "/", "filters": [["nothing", "is", ["x"]]]}})[0] == "unknown_dimension"
        assert refused(site, depth=1) == ("out_of_range", "depth")
        assert refused(site, depth=11) == ("out_of_range", "depth")
        assert refused(site, limit=0) == ("out_of_range", "limit")
        assert refused(site, limit=51) == ("out_of_range", "limit")
        assert refused(site, paths_limit=101) == ("out_of_range", "paths_limit")
        assert refused(site, nodes="page") == ("invalid_value", "nodes")
        assert refused(site, collapse="yes") == ("invalid_type", "collapse")
        assert refused(site, metrics=["visitors"]) == ("unknown_field", "metrics")
        assert refused(site, time_range="2d") == ("unknown_time_range", "time_range")
        assert refused(site, time_range="7d", date_range=["2026-01-01", "2026-01-02"]) == ("invalid_range", "time_range")

    def test_a_site_of_others_is_judged_before_the_paths(self, visited: Site):
        other = visited.server.add_site()
        path, key = "/api/v1/paths", bearer(visited.key("read"))
        assert visited.server.request("POST", path, {"website_id": other.id, "depth": "?"}, key).status == 403
        assert visited.server.request("POST", path, {"website_id": visited.id}, bearer(visited.key("collect"))).status == 403
        assert visited.server.request("POST", path, {"website_id": visited.id}, {}).status == 401


def some_paths(dice: random.Random, curious: Curious, zone: str) -> Paths:
    first = a_step(dice, curious) if dice.random() < 0.6 else None
    return Paths(
        zone=zone,
        first=first,
        is_backwards=first is not None and dice.random() < 0.5,
        depth=dice.choice([2, 2, 3, 5, 10]),
        nodes=dice.choice(["pages", "events", "both"]),
        collapse=dice.random() < 0.7,
        limit=dice.choice([1, 2, 3, 8, 50]),
        paths_limit=dice.choice([1, 5, 20, 100]),
        range=curious.range(),
        filters=tuple(curious.filter() for _ in range(dice.choice([0, 0, 0, 1]))),
        include_bots=dice.random() < 0.3,
    )


def request_of(paths: Paths) -> dict[str, Any]:
    ends: dict[str, Step] = {} if paths.first is None else {"to" if paths.is_backwards else "from": paths.first}
    return (
        request_of_range(paths.range)
        | {name: {step.kind: step.value, "filters": list(step.filters)} for name, step in ends.items()}
        | {name: getattr(paths, name) for name in ("depth", "nodes", "collapse", "limit", "paths_limit", "include_bots")}
        | {"filters": list(paths.filters)}
    )


# By parts a question is sixteen statements.
@pytest.mark.parametrize(
    "failpoints, questions",
    [("", 40), ("query.too_large_at_once=error", 12)],
    ids=["at once", "by parts of the visitors"],
)
def test_R18_paths_are_those_of_the_reference(start_server: Any, failpoints: str, questions: int):
    seed = int(os.environ.get("FOOTFALL_SEED") or random.SystemRandom().randrange(2**32))
    print(f"\nFOOTFALL_SEED={seed}")
    dice = random.Random(seed)
    server: Server = start_server(env={"FOOTFALL_FAILPOINTS": failpoints})
    went_on = with_others = with_a_step = 0
    for one in sent_round(dice, server):
        received = first_receipts(one.acknowledged)
        sessions = sessions_of(received, one.timeout_ms)
        curious = Curious(dice, one.site.id, one.zone, sessions, "2026-12-01")
        for _ in range(questions):
            paths = some_paths(dice, curious, one.zone)
            expected = reference.answer(sessions, received, paths)
            assert as_reference(told(one.site, **request_of(paths))) == expected, (seed, request_of(paths))
            went_on += len(expected.nodes) > 1
            with_others += any(row[-1][0] == OTHER for row in expected.nodes)
            with_a_step += paths.first is not None and expected.sessions > 0
        plan = told(one.site, explain=True)["meta"]["plan"]
        assert any("asked of 8 parts of the visitors" in reason for reason in plan) == bool(failpoints), plan
    assert min(went_on, with_others, with_a_step) > questions / 4, "hardly anybody went anywhere: the traffic proves little"
