"""POST /api/v1/retention: of who came first in a period, how many came again, equal to the reference on random traffic."""

import datetime
import os
import random
from typing import Any

import pytest

from reference import cohorts as reference
from reference.cohorts import Retention
from reference.events import first_receipts
from reference.funnels import Step
from reference.sessions import sessions_of
from support.client import bearer
from support.events import custom, now_ms, pageview
from support.questions import Curious
from support.server import Server, Site
from test_against_reference import sent_round
from test_funnel import a_step, request_of_range

DAY = 86_400_000


def ask(site: Site, **asked: Any) -> Any:
    return site.server.request("POST", "/api/v1/retention", {"website_id": site.id} | asked, bearer(site.key("read")))


def told(site: Site, **asked: Any) -> dict[str, Any]:
    answer = ask(site, **asked)
    assert answer.status == 200, answer
    return answer.json()


def counts(answer: dict[str, Any]) -> dict[str, list[int]]:
    """By cohort, of those that are not empty."""
    return {one["date"]: [period["visitors"] for period in one["periods"]] for one in answer["cohorts"] if one["visitors"]}


def day_text(at_ms: int) -> str:
    return datetime.datetime.fromtimestamp(at_ms / 1000, datetime.UTC).date().isoformat()


@pytest.fixture
def visited(site: Site) -> tuple[Site, list[str]]:
    """Of five days: ann comes on each, bob on the first and the last, cem first on the second, dan at the end."""
    noon = now_ms() // DAY * DAY - DAY // 2
    days = [noon - back * DAY for back in (4, 3, 2, 1, 0)]

    def of(visitor: str, day: int, event: dict[str, Any]) -> dict[str, Any]:
        event["data"]["timestamp"] = days[day]
        return event | {"user_id": visitor}

    events = [of("ann", day, pageview(site.id, "/")) for day in range(5)]
    events += [of("bob", 0, pageview(site.id, "/?utm_source=news")), of("bob", 4, pageview(site.id, "/shop"))]
    events += [of("cem", 1, pageview(site.id, "/shop")), of("cem", 2, custom(site.id, "buy"))]
    events += [of("dan", 4, custom(site.id, "buy"))]
    site.send(*events, key="collect")
    site.wait_events(len(events))
    return site, [day_text(day) for day in days]


class TestCohorts:
    def test_each_visitor_is_of_the_first_period_and_again_in_later_ones(self, visited: Any):
        site, days = visited
        answer = told(site, granularity="day", date_range=[days[0], days[4]])
        assert answer["granularity"] == "day" and answer["running"] is None
        assert [one["date"] for one in answer["cohorts"]] == days
        assert counts(answer) == {days[0]: [2, 1, 1, 1, 2], days[1]: [1, 1, 0, 0], days[4]: [1]}
        assert [period["rate"] for period in answer["cohorts"][0]["periods"]] == [100.0, 50.0, 50.0, 50.0, 100.0]
        empty = answer["cohorts"][2]
        assert (empty["visitors"], empty["periods"][0]) == (0, {"visitors": 0, "rate": None})

    def test_who_came_before_the_range_is_in_no_cohort(self, visited: Any):
        site, days = visited
        assert counts(told(site, granularity="day", date_range=[days[1], days[4]])) == {days[1]: [1, 1, 0, 0], days[4]: [1]}
        # What comes after the range counts nowhere.
        assert counts(told(site, granularity="day", date_range=[days[0], days[3]]))[days[0]] == [2, 1, 1, 1]

    def test_the_range_begins_with_a_whole_period_and_the_running_one_is_named(self, visited: Any):
        site, days = visited
        answer = told(site, granularity="month", time_range="all")
        assert sum(one["visitors"] for one in answer["cohorts"]) == 4
        assert answer["cohorts"][0]["date"].endswith("-01")
        today = day_text(now_ms())
        assert answer["running"] == today[:8] + "01"
        week = told(site, date_range=[days[4], days[4]])
        assert week["granularity"] == "week"
        assert datetime.date.fromisoformat(week["cohorts"][0]["date"]).weekday() == 0
        assert week["meta"]["range"]["from"][:10] == week["cohorts"][0]["date"]

    def test_steps_say_by_what_one_comes(self, visited: Any):
        site, days = visited
        asked: dict[str, Any] = {"granularity": "day", "date_range": [days[0], days[4]]}
        assert counts(told(site, **asked, first={"page": "/shop"})) == {days[1]: [1, 1, 0, 0], days[4]: [1]}
        assert counts(told(site, **asked, again={"event": "buy"})) == {days[0]: [2, 0, 0, 0, 0], days[1]: [1, 1, 0, 0], days[4]: [1]}
        assert counts(told(site, **asked, first={"page": "/shop"}, again={"event": "buy"})) == {days[1]: [1, 1, 0, 0], days[4]: [1]}
        site.server.command("goal", "add", "Bought", "--event", "buy", "--site", site.id)
        assert counts(told(site, **asked, first={"goal": "Bought"})) == {days[2]: [1, 0, 0], days[4]: [1]}

    def test_filters_are_of_what_one_comes_by(self, visited: Any):
        site, days = visited
        asked: dict[str, Any] = {"granularity": "day", "date_range": [days[0], days[4]]}
        assert counts(told(site, **asked, filters=[["source", "is", ["news"]]])) == {days[0]: [1, 0, 0, 0, 0]}
        assert counts(told(site, **asked, filters=[["first_source", "is", ["news"]]])) == {days[0]: [1, 0, 0, 0, 1]}
        assert counts(told(site, **asked, filters=[["page", "is", ["/shop"]]])) == {days[1]: [1, 0, 0, 0], days[4]: [1]}

    def test_explain_gives_the_statement(self, visited: Any):
        site, days = visited
        meta = told(site, granularity="day", filters=[["source", "is", ["' OR 1"]]], explain=True)["meta"]
        assert "SELECT" in meta["sql"] and "OR 1" not in meta["sql"] and meta["parameters"]["site"] == site.id
        assert any("source 'sessions'" in reason for reason in meta["plan"])

    def test_a_site_without_events_has_no_cohort_of_all(self, site: Site):
        assert told(site, time_range="all")["cohorts"] == []
        assert len(told(site, time_range="7d", granularity="day")["cohorts"]) == 7


def test_refusals_name_their_place(site: Site):
    def refused(**asked: Any) -> tuple[str, str]:
        answer = ask(site, **asked)
        assert answer.status == 400, answer
        return answer.json()["error"]["code"], answer.json()["error"].get("field", "")

    assert refused(granularity="hour") == ("unknown_granularity", "granularity")
    assert refused(granularity="day", date_range=["2020-01-01", "2026-01-01"]) == ("limit_exceeded", "granularity")
    assert refused(first={"page": "/", "event": "x"}) == ("invalid_step", "first")
    assert refused(again={"goal": "nothing"}) == ("unknown_goal", "again.goal")
    assert refused(again={"page": "/", "filters": [["page", "like", ["/"]]]}) == ("unknown_operator", "again.filters[0][1]")
    assert refused(filters=[["nothing", "is", ["x"]]])[0] == "unknown_dimension"
    assert refused(limit=5) == ("unknown_field", "limit")


@pytest.mark.parametrize("failpoints", ["", "query.too_large_at_once=error"], ids=["at once", "by parts of the visitors"])
def test_R18_retention_is_that_of_the_reference(start_server: Any, failpoints: str):
    seed = int(os.environ.get("FOOTFALL_SEED") or random.SystemRandom().randrange(2**32))
    print(f"\nFOOTFALL_SEED={seed}")
    dice = random.Random(seed)
    server: Server = start_server(env={"FOOTFALL_FAILPOINTS": failpoints})
    came_again = 0
    for one in sent_round(dice, server):
        sessions = sessions_of(first_receipts(one.acknowledged), one.timeout_ms)
        curious = Curious(dice, one.site.id, one.zone, sessions, "2026-12-01")
        for _ in range(40):
            has_steps = dice.random() < 0.4

            def step() -> Step | None:
                return a_step(dice, curious) if has_steps and dice.random() < 0.7 else None

            period = dice.choice(["date", "date", "week", "month"])
            filters = tuple(curious.filter() for _ in range(dice.choice([0, 1])))
            asked = Retention(one.zone, period, curious.range(), step(), step(), filters, include_bots=dice.random() < 0.3)
            request = request_of_range(asked.range) | {
                "granularity": "day" if period == "date" else period,
                "filters": list(asked.filters),
                "include_bots": asked.include_bots,
            }
            for name, of in (("first", asked.first), ("again", asked.again)):
                if of:
                    request[name] = {of.kind: of.value, "filters": list(of.filters)}
            expected = reference.answer(sessions, asked)
            answer = told(one.site, **request)
            dates = [cohort["date"] for cohort in answer["cohorts"]]
            found = {
                (cohort["date"], dates[place + number]): count["visitors"]
                for place, cohort in enumerate(answer["cohorts"])
                for number, count in enumerate(cohort["periods"])
                if count["visitors"]
            }
            assert found == expected, (seed, request)
            came_again += any(cohort != period for cohort, period in expected)
    assert came_again > 10, "hardly anybody came again: the traffic proves little"
