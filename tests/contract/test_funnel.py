"""POST /api/v1/funnel: steps in their order, by visitor and by session, equal to the reference on random traffic."""

import os
import random
from typing import Any

import pytest

from reference import funnels as reference
from reference.events import first_receipts
from reference.funnels import Counts, Funnel, Step
from reference.sessions import sessions_of
from reference.zones import Days, Instants, Range, instant_ms, local
from support.client import bearer
from support.events import custom, now_ms, pageview
from support.questions import Curious
from support.server import Server, Site
from support.traffic import NAMES, PAGES
from test_against_reference import sent_round

MINUTE = 60_000
HOUR = 60 * MINUTE


def ask(site: Site, steps: list[dict[str, Any]], **more: Any) -> Any:
    return site.server.request("POST", "/api/v1/funnel", {"website_id": site.id, "steps": steps} | more, bearer(site.key("read")))


def visitors(site: Site, *steps: dict[str, Any], **more: Any) -> list[int]:
    answer = ask(site, list(steps), **more)
    assert answer.status == 200, answer
    return [step["visitors"] for step in answer.json()["steps"]]


def refused(site: Site, steps: Any, **more: Any) -> tuple[str, str]:
    answer = ask(site, steps, **more)
    assert answer.status == 400, answer
    return answer.json()["error"]["code"], answer.json()["error"].get("field", "")


PAGE, SIGNUP, BUY = {"page": "/pricing"}, {"event": "signup"}, {"event": "buy"}


@pytest.fixture
def visited(site: Site) -> Site:
    """ann goes through all of it in two sessions, bob buys before he signs up, cem looks twice and signs up, dan looks."""
    then = now_ms() - 5 * HOUR

    def of(visitor: str, minute: float, event: dict[str, Any]) -> dict[str, Any]:
        event["data"]["timestamp"] = then + int(minute * MINUTE)
        return event | {"user_id": visitor}

    events = [
        of("ann", 0, pageview(site.id, "/pricing?utm_source=news")),
        of("ann", 5, custom(site.id, "signup", properties={"plan": "pro"})),
        of("ann", 120, custom(site.id, "buy")),
        of("bob", 0, pageview(site.id, "/pricing")),
        of("bob", 1, custom(site.id, "buy")),
        of("bob", 2, custom(site.id, "signup", properties={"plan": "free"})),
        of("cem", 0, pageview(site.id, "/pricing")),
        of("cem", 60, pageview(site.id, "/pricing")),
        of("cem", 61, custom(site.id, "signup", properties={"plan": "free"})),
        of("dan", 3, pageview(site.id, "/pricing")),
    ]
    site.send(*events)
    site.wait_events(len(events))
    return site


class TestSteps:
    def test_the_answer_says_who_reached_each_step(self, visited: Site):
        answer = ask(visited, [PAGE, SIGNUP | {"name": "Signed up"}, BUY], explain=True).json()
        assert answer["steps"] == [
            {"name": "/pricing", "visitors": 4, "rate": 100.0, "step_rate": 100.0, "drop_off": 0},
            {"name": "Signed up", "visitors": 3, "rate": 75.0, "step_rate": 75.0, "drop_off": 1},
            {"name": "buy", "visitors": 1, "rate": 25.0, "step_rate": pytest.approx(100 / 3), "drop_off": 2},
        ]
        assert answer["breakdown"] is None
        meta = answer["meta"]
        assert (meta["source"], meta["sample_rate"], meta["range"]["timezone"]) == ("events", 1.0, "UTC")
        assert "SELECT" in meta["sql"] and meta["parameters"]["site"] == visited.id and meta["rows_to_read"] > 0
        assert "/pricing" not in meta["sql"], "values are parameters"
        assert ask(visited, [PAGE]).json()["meta"]["sql"] is None

    def test_who_dropped_off_is_named_latest_first(self, visited: Site):
        def told(**more: Any) -> list[list[str]]:
            steps = ask(visited, [PAGE, SIGNUP, BUY], **more).json()["steps"]
            for step in steps:
                assert [one["at"] for one in step["dropped"]] == sorted((one["at"] for one in step["dropped"]), reverse=True)
            return [[one["user_id"] for one in step["dropped"]] for step in steps]

        assert told(dropped_limit=10) == [[], ["dan"], ["cem", "bob"]]
        assert told(dropped_limit=1) == [[], ["dan"], ["cem"]]
        assert told(dropped_limit=10, by="session") == [[], ["dan", "cem"], ["cem", "ann", "bob"]]
        assert "dropped" not in ask(visited, [PAGE]).json()["steps"][0]
        assert refused(visited, [PAGE], dropped_limit=1_001) == ("out_of_range", "dropped_limit")

    def test_the_order_counts_and_what_is_between_does_not(self, visited: Site):
        assert visitors(visited, PAGE, BUY) == [4, 2]
        assert visitors(visited, BUY, SIGNUP) == [2, 1]
        assert visitors(visited, BUY) == [2]
        assert visitors(visited, {"page": "/nowhere"}, BUY) == [0, 0]

    def test_the_window_is_from_the_first_step_and_one_may_begin_again(self, visited: Site):
        assert visitors(visited, PAGE, SIGNUP, BUY, window_seconds=120 * 60) == [4, 3, 1]
        assert visitors(visited, PAGE, SIGNUP, BUY, window_seconds=120 * 60 - 1) == [4, 3, 0]
        # cem's second look is a minute before the sign-up.
        assert visitors(visited, PAGE, SIGNUP, window_seconds=60) == [4, 1]

    def test_within_a_session_nothing_is_carried_over_to_the_next(self, visited: Site):
        steps = ask(visited, [PAGE, SIGNUP, BUY], by="session").json()["steps"]
        assert [(step["visitors"], step["sessions"]) for step in steps] == [(4, 5), (3, 3), (0, 0)]
        assert [step["session_rate"] for step in steps] == [100.0, 60.0, 0.0]

    def test_one_event_meets_one_step(self, visited: Site):
        assert visitors(visited, PAGE, PAGE) == [4, 1], "cem alone looked twice"
        assert visitors(visited, PAGE, PAGE, PAGE) == [4, 1, 0]

    def test_events_of_one_millisecond_are_in_the_order_in_which_they_came(self, site: Site):
        at = now_ms() - HOUR
        for who, events in {"a": [pageview(site.id, "/x"), custom(site.id, "go")], "b": [custom(site.id, "go"), pageview(site.id, "/x")]}.items():
            for event in events:
                event["data"]["timestamp"] = at
            site.send(*(event | {"user_id": who} for event in events))
        site.wait_events(4)
        assert visitors(site, {"page": "/x"}, {"event": "go"}) == [2, 1]

    def test_filters_are_of_a_step_or_of_every_event(self, visited: Site):
        pro = ["property:plan", "is", ["pro"]]
        assert visitors(visited, PAGE, SIGNUP | {"filters": [pro]}) == [4, 1]
        assert visitors(visited, PAGE, SIGNUP, filters=[["user_id", "is_not", ["bob"]]]) == [3, 2]
        assert visitors(visited, PAGE, SIGNUP, BUY, filters=[["source", "is", ["news"]]]) == [1, 1, 0], "the session that bought came directly"
        assert visitors(visited, PAGE, SIGNUP, BUY, filters=[["first_source", "is", ["news"]]]) == [1, 1, 1]

    def test_a_goal_is_a_step(self, visited: Site):
        visited.server.command("goal", "add", "Joined", "--event", "signup", "--site", visited.id)
        assert visitors(visited, PAGE, {"goal": "Joined"}) == [4, 3]
        answer = ask(visited, [PAGE, {"goal": "Joinde"}])
        assert answer.status == 400
        assert answer.json()["error"] | {"message": ""} == {"code": "unknown_goal", "field": "steps[1].goal", "did_you_mean": "Joined", "message": ""}

    def test_a_breakdown_is_by_what_the_first_event_has(self, visited: Site):
        answer = ask(visited, [PAGE, SIGNUP], breakdown="source").json()
        assert [step["visitors"] for step in answer["steps"]] == [4, 3]
        told = {one["value"]: [step["visitors"] for step in one["steps"]] for one in answer["breakdown"]}
        assert told == {"": [3, 2], "news": [1, 1]}
        assert [one["value"] for one in answer["breakdown"]] == ["", "news"], "most at the first step come first"
        assert len(ask(visited, [PAGE, SIGNUP], breakdown="source", limit=1).json()["breakdown"]) == 1
        assert ask(visited, [{"page": "/nowhere"}], breakdown="source").json()["breakdown"] == []

    def test_hostile_values_are_values(self, visited: Site):
        for text in ["' OR 1=1 --", "\\", "{site:String}", "'); DROP TABLE footfall.events; --", "\u0000"]:
            assert visitors(visited, {"page": text}, {"event": text, "filters": [["property:" + (text.strip("\u0000") or "x"), "is", [text]]]}) == [0, 0]
        assert visitors(visited, PAGE) == [4]


class TestRefusals:
    def test_each_names_its_place(self, visited: Site):
        site = visited
        assert refused(site, []) == ("missing", "steps")
        assert refused(site, {}) == ("invalid_type", "steps")
        assert refused(site, [PAGE] * 17) == ("limit_exceeded", "steps")
        assert refused(site, [PAGE, {}]) == ("invalid_step", "steps[1]")
        assert refused(site, [PAGE | SIGNUP]) == ("invalid_step", "steps[0]")
        assert refused(site, [{"page": ""}]) == ("invalid_value", "steps[0].page")
        assert refused(site, [{"page": 5}]) == ("invalid_type", "steps[0].page")
        assert refused(site, ["/"]) == ("invalid_type", "steps[0]")
        assert refused(site, [{"pages": "/"}]) == ("unknown_field", "steps[0].pages")
        assert refused(site, [PAGE | {"filters": [["nothing", "is", ["x"]]]}])[0] == "unknown_dimension"
        assert refused(site, [PAGE | {"filters": [["page", "like", ["x"]]]}]) == ("unknown_operator", "steps[0].filters[0][1]")
        assert refused(site, [PAGE], window_seconds=0) == ("out_of_range", "window_seconds")
        assert refused(site, [PAGE], by="user") == ("invalid_value", "by")
        assert refused(site, [PAGE], breakdown="nothing") == ("unknown_dimension", "breakdown")
        assert refused(site, [PAGE], breakdown="date") == ("unsupported_dimension", "breakdown")
        assert refused(site, [PAGE], metrics=["visitors"]) == ("unknown_field", "metrics")
        assert refused(site, [PAGE], time_range="2d") == ("unknown_time_range", "time_range")
        assert refused(site, [PAGE], time_range="7d", date_range=["2026-01-01", "2026-01-02"]) == ("invalid_range", "time_range")

    def test_a_site_of_others_is_judged_before_the_funnel(self, visited: Site):
        other = visited.server.add_site()
        path, key = "/api/v1/funnel", bearer(visited.key("read"))
        assert visited.server.request("POST", path, {"website_id": other.id, "steps": "?"}, key).status == 403
        assert visited.server.request("POST", path, {"website_id": visited.id, "steps": [PAGE]}, bearer(visited.key("collect"))).status == 403
        assert visited.server.request("POST", path, {"website_id": visited.id, "steps": [PAGE]}, {}).status == 401


def a_step(dice: random.Random, curious: Curious) -> Step:
    filters = tuple(curious.filter(depth=2) for _ in range(dice.choice([0, 0, 0, 1])))
    return Step("page", dice.choice(PAGES), filters) if dice.random() < 0.7 else Step("event", dice.choice(NAMES), filters)


def a_funnel(dice: random.Random, curious: Curious, zone: str) -> Funnel:
    return Funnel(
        zone=zone,
        steps=tuple(a_step(dice, curious) for _ in range(dice.choice([1, 2, 2, 3, 4]))),
        window_s=dice.choice([1, 60, 1800, 6 * 3600, 7 * 86_400, 366 * 86_400]),
        by=dice.choice(["visitor", "session"]),
        range=curious.range(),
        filters=tuple(curious.filter() for _ in range(dice.choice([0, 0, 1]))),
        include_bots=dice.random() < 0.3,
        breakdown=dice.choice(["", "", "page", "source", "browser", "entry_page", "property:plan", "last_channel"]),
    )


def request_of_range(asked: Range) -> dict[str, Any]:
    if isinstance(asked, Days):
        return {"date_range": [asked.first, asked.last]}
    if isinstance(asked, Instants):
        return {"time_range": [local(ms, "UTC").isoformat(timespec="milliseconds") for ms in (asked.from_ms, asked.to_ms)]}
    return {"time_range": "all"}


def request_of(funnel: Funnel) -> dict[str, Any]:
    return request_of_range(funnel.range) | {
        "window_seconds": funnel.window_s,
        "by": funnel.by,
        "filters": list(funnel.filters),
        "include_bots": funnel.include_bots,
        "dropped_limit": 1_000,
        **({"breakdown": funnel.breakdown, "limit": 1_000} if funnel.breakdown else {}),
    }


def counted(steps: list[dict[str, Any]]) -> Counts:
    told = tuple(step["visitors"] for step in steps)
    return Counts(told, tuple(step.get("sessions", step["visitors"]) for step in steps))


def named(steps: list[list[tuple[str, int]]]) -> list[list[tuple[str, int]]]:
    """Of strangers only the server knows the name."""
    return [sorted((name if name.startswith("visitor ") else "", at_ms) for name, at_ms in step) for step in steps]


def dropped(steps: list[dict[str, Any]]) -> list[list[tuple[str, int]]]:
    return named([[(one["user_id"], instant_ms(one["at"])) for one in step["dropped"]] for step in steps])


@pytest.mark.parametrize("failpoints", ["", "query.too_large_at_once=error"], ids=["at once", "by parts of the visitors"])
def test_R18_funnels_are_those_of_the_reference(start_server: Any, failpoints: str):
    seed = int(os.environ.get("FOOTFALL_SEED") or random.SystemRandom().randrange(2**32))
    print(f"\nFOOTFALL_SEED={seed}")
    dice = random.Random(seed)
    server: Server = start_server(env={"FOOTFALL_FAILPOINTS": failpoints})
    went_on = 0
    for one in sent_round(dice, server):
        received = first_receipts(one.acknowledged)
        sessions = sessions_of(received, one.timeout_ms)
        curious = Curious(dice, one.site.id, one.zone, sessions, "2026-12-01")
        for _ in range(40):
            funnel = a_funnel(dice, curious, one.zone)
            steps = [{step.kind: step.value, "filters": list(step.filters)} for step in funnel.steps]
            answer = ask(one.site, steps, **request_of(funnel))
            assert answer.status == 200, (answer, steps, request_of(funnel))
            expected = reference.answer(sessions, received, funnel)
            told = answer.json()
            assert counted(told["steps"]) == expected.total, (seed, steps, request_of(funnel))
            assert dropped(told["steps"]) == named(expected.dropped), (seed, steps, request_of(funnel))
            if funnel.breakdown:
                by_value = {row["value"]: counted(row["steps"]) for row in told["breakdown"]}
                assert by_value == expected.by_value, (seed, steps, request_of(funnel))
            went_on += len(expected.total.visitors) > 1 and expected.total.visitors[1] > 0
    assert went_on > 10, "hardly anybody went on to a second step: the traffic proves little"
