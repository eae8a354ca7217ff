"""Rollups (ADR 12) say what the events say, whatever comes and whatever dies: answers that read rolled days are held against those that may
not, which are counted from the events. Bots are left out of rollups, and the traffic has none, so that a question with `include_bots` is the
same question to the events alone."""

import datetime
import json
import os
import random
import zoneinfo
from collections.abc import Callable
from typing import Any

import pytest
from support.events import FIREFOX, SAFARI_IPHONE, custom, now_ms, other, pageview
from support.server import Server, Site, run_command
from support.wait import wait_until
from support.store import store
from test_audit import audit

DAY_MS = 86_400_000
ZONES = ("Europe/Berlin", "Asia/Kathmandu")
SETTINGS = {
    "FOOTFALL_ROLLUP_DAY_EVENTS_MIN": "1",
    "FOOTFALL_ROLLUP_SKETCH_DAY_EVENTS_MIN": "1",
    "FOOTFALL_ROLLUP_ROW_EVENTS_MIN": "0",
    "FOOTFALL_ROLLUP_INTERVAL_MS": "200",
    "FOOTFALL_ROLLUP_REMAKE_AFTER_MS": "0",
    "FOOTFALL_QUERY_SKETCH_ABOVE_EVENTS": "0",
}
METRICS = ["visitors", "sessions", "pageviews", "events", "bounce_rate", "session_duration", "views_per_session", "revenue", "revenue_left_out"]
OF_GOALS = ["conversions", "conversion_rate", "converted_visitors", "visitor_conversion_rate"]
GOALS = [("Bought", "--event", "buy"), ("Read", "--page", "/a")]
SKETCHED = {"visitors", "converted_visitors", "visitor_conversion_rate"}
# With values that some of the traffic has.
DIMENSIONS = {
    "page": ["/a", "/größe"],
    "entry_page": ["/a", "/"],
    "exit_page": ["/b", "/it's"],
    "source": ["news", ""],
    "medium": ["cpc", "email"],
    "campaign": ["fall", ""],
    "channel": ["Direct", "Email"],
    "device_type": ["mobile", "desktop"],
    "browser": ["Firefox", "Mobile Safari"],
    "os": ["iOS", "Linux"],
    "event_name": ["buy", ""],
}
SEED = int(os.environ.get("FOOTFALL_SEED") or random.randrange(1 << 32))


def traffic(dice: random.Random, site: str, count: int) -> list[dict[str, Any]]:
    """Visits of the last six days, many of them over midnight somewhere, of visitors who change devices amid a session."""
    events = []
    now = now_ms()
    while len(events) < count:
        at = now - dice.randrange(6 * DAY_MS)
        user = f"visitor {dice.randrange(40)}"
        source = dice.choice(["", "?utm_source=news&utm_medium=email", "?utm_source=ads&utm_medium=cpc&utm_campaign=fall"])
        for _ in range(dice.randrange(1, 9)):
            agent = dice.choice([FIREFOX, FIREFOX, FIREFOX, SAFARI_IPHONE])
            page = dice.choice(["/", "/a", "/b", "/it's", "/größe"])
            event = dice.choice([pageview(site, page + source, timestamp=at), custom(site, dice.choice(["buy", "play"]), page=page, timestamp=at)])
            event |= {"user_id": user, "context": {"user_agent": agent}}
            if dice.random() < (0.5 if event["type"] == "event" else 0.05):
                named = {"plan": dice.choice(["free", "pro", "größer", ""]), "it's, \\a 'key'": dice.choice([1, 2, True])}
                event["data"] |= {"properties": dict(dice.sample(sorted(named.items()), dice.randrange(1, 3)))}
            if event["type"] == "event" and dice.random() < 0.3:
                event["data"] |= {"revenue": dice.choice(["9.99", "120", "-5.0001"]), "currency": dice.choice(["EUR", "EUR", "USD"])}
            events.append(event)
            if event["type"] == "pageview" and dice.random() < 0.3:
                ping = other(site, "ping", pageview_id=event["event_id"], time_on_page=dice.randrange(1, 40), timestamp=at + 1)
                events.append(ping | {"user_id": user, "context": {"user_agent": agent}})
            source = ""
            at = min(at + dice.randrange(1, 45 * 60_000), now)
    dice.shuffle(events)
    return events


class Rolled:
    """A server with two sites and their traffic."""

    def __init__(self, start_server: Callable[..., Server], *, env: dict[str, str] | None = None, count: int = 1_500):
        print(f"FOOTFALL_SEED={SEED}")
        self.dice = random.Random(SEED)
        self.server: Server = start_server(env=SETTINGS | (env or {}))
        self.sites = [self.server.add_site(timezone=zone) for zone in ZONES]
        for site in self.sites:
            site.key("read")
            for goal in GOALS:
                self.declare(site, *goal)
            self.send(site, traffic(self.dice, site.id, count))

    def declare(self, site: Site, *goal: str) -> None:
        assert run_command("goal", "add", *goal, "--site", site.id, "--data", str(self.server.data)).returncode == 0

    def send(self, site: Site, events: list[dict[str, Any]]) -> None:
        bearer = {"Authorization": f"Bearer {site.key('collect')}"}
        for start in range(0, len(events), 500):
            answer = site.post(events[start : start + 500], bearer).json()
            assert answer["rejected"] == [], answer["rejected"][:3]

    def closed_days(self) -> int:
        """Days with events that have been over for ten minutes."""
        closed = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=10)).timestamp()
        days = 0
        for site, zone in zip(self.sites, ZONES, strict=True):
            today = datetime.datetime.fromtimestamp(closed, zoneinfo.ZoneInfo(zone)).date().isoformat()
            days += sum(row[0] < today for row in site.query(["events"], ["date"], time_range="30d", include_bots=True)["rows"])
        return days

    def wait_rolled(self) -> None:
        """Until each of them is rolled up."""
        wait_until(lambda: self.server.metric("footfall_rollup_days_fresh") == max(10, self.closed_days()), 60, "rolled days", every_s=0.2)

    def question_of_goals(self) -> dict[str, Any]:
        """Groups and filters of which some are of no rolled day."""
        dimensions = self.dice.choice([[], [], ["goal"], ["goal"], ["source"]])
        question: dict[str, Any] = {
            "metrics": self.dice.sample(OF_GOALS, self.dice.randrange(1, 5)),
            "dimensions": self.dice.choice([[], ["date"], ["date"], ["month"], ["hour"]]) + dimensions,
            "time_range": self.dice.choice(["7d", "all", "30d", "month"]),
            "limit": 1000,
            "totals": self.dice.random() < 0.8,
        }
        if self.dice.random() < 0.4:
            question["filters"] = [self.dice.choice([["goal", "is", ["Read"]], ["goal", "is", ["Bought", "Read"]], ["goal", "is_not", ["Read"]], ["goal", "is", ["none"]]])]
        return question

    def question_of_properties(self) -> dict[str, Any]:
        """By a property, alone and with the names of events, and by two, which no rolled day has."""
        name = self.dice.choice(["property:plan", "property:plan", "property:it's, \\a 'key'", "property:never"])
        dimensions = self.dice.choice([[name], [name], [name, "event_name"], ["event_name", name], ["event_name"], [], [name, "property:other"], [name, "page"]])
        filters = [[name, "is", ["pro", "1"]], [name, "is_set"], ["not", [name, "is_set"]], ["event_name", "is", ["buy"]], ["or", [[name, "contains", ["r"]], ["event_name", "is", ["play"]]]]]
        return {
            "metrics": self.dice.sample(["visitors", "pageviews", "events", "revenue"], self.dice.randrange(1, 4)),
            "dimensions": self.dice.choice([[], ["date"], ["month"]]) + dimensions,
            "filters": self.dice.sample(filters, self.dice.randrange(0, 3)),
            "time_range": self.dice.choice(["7d", "all", "30d", "month"]),
            "limit": 1000,
            "totals": self.dice.random() < 0.8,
        }

    def question(self) -> dict[str, Any]:
        if self.dice.random() < 0.4:
            return self.dice.choice([self.question_of_goals, self.question_of_properties])()
        time_dimension = self.dice.choice([[], [], ["date"], ["week"], ["month"], ["hour"]])
        dimension = self.dice.choice([None, None, *DIMENSIONS])
        question: dict[str, Any] = {
            "metrics": self.dice.sample(METRICS, self.dice.randrange(1, 5)),
            "dimensions": time_dimension + ([dimension] if dimension else []),
            "time_range": self.dice.choice(["7d", "all", "30d", "month"]),
            "limit": 1000,
            "totals": self.dice.random() < 0.8,
        }
        if dimension and self.dice.random() < 0.5:
            values = DIMENSIONS[dimension]
            one, both = [dimension, "is", [self.dice.choice(values)]], [dimension, "is", values]
            question["filters"] = [self.dice.choice([[dimension, "is_not", ["/a"]], [dimension, "contains", ["e"]], [dimension, "is_set"], one, one, both])]
            if self.dice.random() < 0.5:
                question["dimensions"] = time_dimension
        return question

    def compare(self, count: int = 60) -> int:
        """Random questions, each answered alike from the events alone; how many of them read rolled days."""
        rolled = 0
        for number in range(count):
            site = self.sites[number % 2]
            question = self.question()
            from_days = site.query(**question)
            from_events = site.query(**question, include_bots=True)
            assert from_events["meta"]["source"] == "events"
            for part in ("columns", "rows", "totals"):
                assert from_days[part] == from_events[part], (SEED, question, from_days["meta"]["source"])
            self.check_intervals(question, from_days)
            rolled += from_days["meta"]["source"] != "events"
        return rolled

    @staticmethod
    def check_intervals(question: dict[str, Any], answer: dict[str, Any]) -> None:
        """Of so few visitors all numbers are exact, and have themselves at both ends: but a rate of two of them, of which none is told."""
        meta = answer["meta"]
        is_of_sketches = meta["source"] != "events" and not SKETCHED.isdisjoint(question["metrics"])
        assert (meta["confidence"] is not None) == is_of_sketches, (SEED, question)
        if not is_of_sketches:
            return
        first = len(question["dimensions"])
        for row, intervals in zip(answer["rows"], meta["confidence"]["rows"], strict=True):
            for metric, value, interval in zip(question["metrics"], row[first:], intervals, strict=True):
                check_interval(metric, value, interval)
        totals = meta["confidence"]["totals"]
        assert (totals is None) == (answer["totals"] is None)
        for metric, interval in (totals or {}).items():
            check_interval(metric, answer["totals"][metric], interval)


def check_interval(metric: str, value: Any, interval: Any) -> None:
    if value is None:
        assert interval is None
    elif metric == "visitor_conversion_rate":
        assert 0 <= interval[0] <= value <= interval[1] <= 100
    else:
        assert interval == [value, value], metric


def test_rolled_days_say_what_the_events_say(start_server: Any):
    rolled = Rolled(start_server)
    rolled.wait_rolled()
    assert rolled.compare(120) > 40, "too few questions read rolled days to prove anything"
    explained = rolled.sites[0].query(["visitors"], ["date"], time_range="7d", explain=True)
    assert explained["meta"]["source"] == "mixed"
    assert "footfall.rollup_days" in explained["meta"]["sql"]
    assert any("standard error of 0.81 %" in reason for reason in explained["meta"]["plan"])
    today = rolled.sites[0].query(["pageviews"], time_range="today", explain=True)["meta"]
    assert today["source"] == "events" and "no rollup: no whole day of the range is summed up" in today["plan"]
    assert rolled.sites[0].query(["visitors"], time_range="7d", exact=True)["meta"]["source"] == "events"
    assert rolled.sites[0].query(["pageviews"], time_range="7d", exact=True)["meta"]["source"] == "mixed", "numbers are exact as they are"

    rows = [row for row in audit(rolled.server, 0) if row["table"] == "rollup_days"]
    assert {row["site"] for row in rows} == {site.id for site in rolled.sites}
    assert all(row["ok"] and row["received"] == row["stored"] > 100 for row in rows)


def test_the_first_of_many_groups_of_rolled_days_are_those_of_the_whole_count(start_server: Any):
    """Only the states of pages that can be among the first are put together, of days and of what is not rolled up yet."""
    server: Server = start_server(env=SETTINGS)
    site = server.add_site()
    key = {"Authorization": f"Bearer {site.key('collect')}"}
    site.key("read")
    noon = now_ms() // DAY_MS * DAY_MS - DAY_MS // 2
    sent = 0
    for day, at in enumerate((now_ms() - 60_000, noon, noon - DAY_MS)):
        events = []
        for page in range(90):
            # Many come again, and each day has another order.
            for visitor in range(1 + (page * 7 + day * 31) % 90 // 6):
                events += [pageview(site.id, f"/{page}", timestamp=at + again) | {"user_id": f"v{visitor}"} for again in range(1 + page % 3)]
        for start in range(0, len(events), 500):
            assert site.post(events[start : start + 500], key).json()["rejected"] == []
        sent += len(events)
    site.wait_value("pageviews", sent, time_range="7d")
    wait_until(lambda: server.metric("footfall_rollup_days_fresh") >= 2, 60, "rolled days", every_s=0.2)
    looked_at_few = 0
    for limit in (1, 3, 10, 40):
        for offset in (0, 2):
            question: dict[str, Any] = {"metrics": ["pageviews", "visitors"], "dimensions": ["page"], "time_range": "7d", "totals": False}
            question |= {"order_by": [["visitors", "desc"], ["page", "asc"]], "limit": limit, "offset": offset}
            found, counted = site.query(**question), site.query(**question, explain=True)
            of_events = site.query(**question, include_bots=True)
            assert found["meta"]["source"] == counted["meta"]["source"] == "mixed" and of_events["meta"]["source"] == "events"
            assert found["rows"] == counted["rows"] == of_events["rows"] and len(found["rows"]) == limit
            # Twice: for the candidates, and to count those.
            looked_at_few += found["meta"]["rows_read"] > counted["meta"]["rows_read"]
    assert looked_at_few > 0, "all pages were counted each time"


def test_intervals_of_rolled_days_hold_what_the_events_say(start_server: Any):
    """Some 17,000 visitors, of whom each value of a dimension has other thousands: an interval is of 95 %, and 85 in 100 hold it whatever
    the dice give."""
    print(f"FOOTFALL_SEED={SEED}")
    dice = random.Random(SEED)
    server: Server = start_server(env=SETTINGS)
    site = server.add_site()
    key = {"Authorization": f"Bearer {site.key('collect')}"}
    site.key("read")
    noon = now_ms() // DAY_MS * DAY_MS - DAY_MS // 2
    sent = 0
    for day in (-1, 0, 1, 2, 3):
        events = []
        for _ in range(4000):
            at = now_ms() - 60_000 if day < 0 else noon - day * DAY_MS
            campaign = f"?utm_source=s{dice.randrange(5)}&utm_medium=m{dice.randrange(5)}&utm_campaign=c{dice.randrange(5)}"
            event = pageview(site.id, f"/{dice.randrange(5)}{campaign}", timestamp=at)
            event |= {"user_id": f"v{dice.randrange(60_000)}", "context": {"user_agent": dice.choice([FIREFOX, SAFARI_IPHONE])}}
            events.append(event)
        for start in range(0, len(events), 1000):
            assert site.post(events[start : start + 1000], key).json()["rejected"] == []
        sent += len(events)
    site.wait_value("pageviews", sent, time_range="7d")
    wait_until(lambda: server.metric("footfall_rollup_days_fresh") >= 4, 60, "rolled days", every_s=0.2)
    held: list[bool] = []
    for bucket in ([], ["date"]):
        for dimension in ([], ["page"], ["source"], ["medium"], ["campaign"], ["entry_page"], ["exit_page"], ["browser"], ["os"], ["device_type"]):
            names = bucket + dimension
            question: dict[str, Any] = {"metrics": ["visitors", "pageviews"], "dimensions": names, "time_range": "7d", "limit": 1000}
            question["order_by"] = [[name, "asc"] for name in names]
            told, counted = site.query(**question), site.query(**question, exact=True)
            assert told["meta"]["source"] == "mixed" and counted["meta"]["source"] == "events" and counted["meta"]["confidence"] is None
            for its, truth, (of_visitors, of_views) in zip(told["rows"], counted["rows"], told["meta"]["confidence"]["rows"], strict=True):
                assert of_views == [truth[-1], truth[-1]] and its[:-2] == truth[:-2]
                if its[-2] < 495:
                    assert of_visitors == [truth[-2], truth[-2]]
                else:
                    held.append(of_visitors[0] <= truth[-2] <= of_visitors[1])
    print(f"{sum(held)} of {len(held)} intervals hold what there is")
    assert len(held) >= 200
    assert sum(held) >= 0.85 * len(held)


def test_properties_are_rolled_up_where_their_rows_stand_for_many_events(start_server: Any):
    """Of a day with 600 events: one of a few values is kept, one of as many as events is not, nor are any where names are made up."""
    server: Server = start_server(env=SETTINGS | {"FOOTFALL_ROLLUP_ROW_EVENTS_MIN": "10"})
    site = server.add_site()
    key = {"Authorization": f"Bearer {site.key('collect')}"}
    site.key("read")
    noon = now_ms() // DAY_MS * DAY_MS - DAY_MS // 2
    for day in (1, 2):
        events = []
        for number in range(600):
            properties = {"plan": ["free", "pro"][number % 2], "order": str(number)}
            if day == 2:
                properties |= {f"made up {number}": "1"}
            if number % 4 == 0:
                properties = {}
            events.append(custom(site.id, ["buy", "play"][number % 3 % 2], properties=properties, timestamp=noon - day * DAY_MS + number) | {"user_id": f"v{number % 50}"})
        assert site.post(events, key).json()["rejected"] == []
    site.wait_value("events", 1200, time_range="7d")
    wait_until(lambda: server.metric("footfall_rollup_days_fresh") == 2, 60, "rolled days", every_s=0.2)

    def days(day: int) -> dict[str, Any]:
        date = datetime.datetime.fromtimestamp((noon - day * DAY_MS) / 1000, datetime.UTC).date().isoformat()
        return {"date_range": [date, date]}

    def source(day: int, *dimensions: str) -> str:
        question = {"metrics": ["visitors", "events"], "dimensions": list(dimensions), **days(day)}
        answer, same = site.query(**question), site.query(**question, include_bots=True)
        assert (answer["rows"], answer["totals"]) == (same["rows"], same["totals"])
        return answer["meta"]["source"]

    assert source(1, "property:plan") == source(1, "property:plan", "event_name") == source(1, "property:never") == "rollup"
    assert source(1, "property:order") == "events", "a property of which each event has another value"
    assert source(2, "property:plan") == "events", "more names than a day keeps a list of"
    assert source(2, "event_name") == "rollup"
    for _ in range(2):
        rows = [row for row in audit(server, 0) if row["table"] == "rollup_days"]
        assert rows and all(row["ok"] for row in rows)
        # What is left out is known after a start too.
        server.kill()
        server.start()
        wait_until(lambda: server.metric("footfall_rollup_days_fresh") == 2, 60, "rolled days", every_s=0.2)
        assert server.metric("footfall_rollup_days_made_total") == 0
        assert source(1, "property:plan") == "rollup"
        assert source(1, "property:order") == source(2, "property:plan") == "events"


def test_goals_are_rolled_up_whenever_they_are_declared(start_server: Any):
    rolled = Rolled(start_server, count=600)
    rolled.wait_rolled()
    site, server = rolled.sites[0], rolled.server
    made = server.metric("footfall_rollup_days_made_total")

    def source(**question: Any) -> str:
        return site.query(OF_GOALS, time_range="7d", **question)["meta"]["source"]

    for question in ({}, {"dimensions": ["date"]}, {"dimensions": ["goal"]}, {"filters": [["goal", "is", ["Read"]]]}):
        assert source(**question) == "mixed"
    # A session may have met two goals, so that their days do not add up.
    for question in ({"dimensions": ["source"]}, {"dimensions": ["hour"]}, {"filters": [["goal", "is", ["Bought", "Read"]]]}):
        assert source(**question) == "events"
    assert site.query(["events"], ["goal"], time_range="7d")["meta"]["source"] == "events"

    rolled.declare(site, "Played", "--event", "play")
    rolled.compare(10)
    wait_until(lambda: source() == "mixed", 30, "conversions of days by the new goal")
    groups = {row[0]: row[1] for row in site.query(["conversions"], ["goal"], time_range="7d")["rows"]}
    assert set(groups) == {"Bought", "Read", "Played"}
    rolled.compare(40)
    assert server.metric("footfall_rollup_days_made_total") == made, "a new goal made the whole days again"
    rows = [row for row in audit(server, 0) if row["table"] == "rollup_days"]
    assert all(row["ok"] for row in rows)

    # What is known of them outlives a death, also amid making them again.
    listed = run_command("goal", "list", "--site", site.id, "--json", "--data", str(server.data)).stdout
    played = next(goal["id"] for goal in json.loads(listed) if goal["name"] == "Played")
    server.kill()
    for failpoint in ("rollup.before_goals=abort@1", "rollup.before_goals_made=abort@1"):
        server.start(env={"FOOTFALL_FAILPOINTS": failpoint})
        if played:
            assert run_command("goal", "remove", played, "--site", site.id, "--data", str(server.data)).returncode == 0
            played = ""
        server.wait_exit(30)
    server.start(env={"FOOTFALL_FAILPOINTS": ""})
    wait_until(lambda: source() == "mixed", 30, "conversions of days by the goals that are left")
    assert "Played" not in [row[0] for row in site.query(["conversions"], ["goal"], time_range="7d")["rows"]]
    assert rolled.compare(40) > 5
    audit(server, 0)
    server.kill()
    server.start()
    wait_until(lambda: source() == "mixed", 30, "rolled days")
    assert server.metric("footfall_rollup_days_made_total") == 0


def test_late_events_count_at_once_and_are_rolled_up_later(start_server: Any):
    rolled = Rolled(start_server)
    rolled.wait_rolled()
    site = rolled.sites[0]
    for _ in range(4):
        before = site.value("events", time_range="7d")
        late = traffic(rolled.dice, site.id, 15)
        rolled.send(site, late)
        counted = sum(event["type"] in ("pageview", "event") for event in late)
        site.wait_value("events", before + counted, time_range="7d")
        rolled.compare(20)
    made = rolled.server.metric("footfall_rollup_days_made_total")
    assert made > 10, "the days were not made again"
    rolled.wait_rolled()
    assert rolled.compare(40) > 10
    audit(rolled.server, 0)


def test_R2_a_death_while_days_are_rolled_up(start_server: Any):
    """At each step, and with rows that were written and never counted."""
    rolled = Rolled(start_server, env={"FOOTFALL_FAILPOINTS": "rollup.before_fill=abort@2"})
    server = rolled.server
    for failpoint in ("rollup.before_made=abort@1", "rollup.before_fill=abort@1", "rollup.before_made=error@1"):
        server.wait_exit(30)
        server.start(env={"FOOTFALL_FAILPOINTS": failpoint})
    rolled.wait_rolled()
    assert server.metric("footfall_rollup_days_made_total") > 0
    assert rolled.compare(60) > 15
    audit(server, 0)
    # What is made counts from the start on, also what came while nobody could be told.
    server.kill()
    server.start(env={"FOOTFALL_FAILPOINTS": ""})
    rolled.wait_rolled()
    assert server.metric("footfall_rollup_days_made_total") == 0, "days were made again that had not changed"
    assert rolled.compare(40) > 10


def test_days_that_are_too_much_at_once_for_the_stores_memory_are_made_one_by_one(start_server: Any):
    rolled = Rolled(start_server, env={"FOOTFALL_FAILPOINTS": "rollup.days_too_large=error"})
    rolled.wait_rolled()
    assert rolled.compare(20) > 5
    assert '"event":"rollup.too_large"' in rolled.server.log()
    audit(rolled.server, 0)
    # Where one day is too much, it is made without its visitors.
    rolled = Rolled(start_server, env={"FOOTFALL_FAILPOINTS": "rollup.sketches_too_large=error"})
    rolled.wait_rolled()
    site = rolled.sites[0]
    assert site.query(["pageviews"], time_range="7d")["meta"]["source"] == "mixed"
    assert site.query(["visitors"], time_range="7d")["meta"]["source"] == "events"
    audit(rolled.server, 0)


def test_what_came_before_a_death_ends_rolled_days_after_it(start_server: Any):
    rolled = Rolled(start_server)
    rolled.wait_rolled()
    site, server = rolled.sites[1], rolled.server
    before = site.value("events", time_range="7d")
    server.kill()
    # Days are not made again in this life: what it answers comes from what it knows of the one before.
    server.start(env={"FOOTFALL_ROLLUP_INTERVAL_MS": "3600000"})
    late = [pageview(site.id, "/late", timestamp=now_ms() - days * DAY_MS) | {"user_id": "late"} for days in (2, 3)]
    rolled.send(site, late)
    site.wait_value("events", before + 2, time_range="7d")
    server.kill()
    server.start(env={"FOOTFALL_ROLLUP_REMAKE_AFTER_MS": "3600000"})
    wait_until(lambda: server.metric("footfall_rollup_days_fresh") > 0, 30, "rolled days")
    assert site.value("events", time_range="7d") == before + 2
    rolled.compare(40)


def test_another_time_zone_is_another_calendar(start_server: Any):
    rolled = Rolled(start_server)
    rolled.wait_rolled()
    site = rolled.sites[0]
    assert run_command("site", "set", site.id, "--timezone", "America/St_Johns", "--data", str(rolled.server.data)).returncode == 0
    rolled.compare(10)
    wait_until(lambda: site.query(["events"], time_range="7d")["meta"]["source"] == "mixed", 60, "days of the new zone")
    assert rolled.compare(40) > 10
    audit(rolled.server, 0)


def test_an_erased_visitor_is_in_no_rolled_day(start_server: Any):
    rolled = Rolled(start_server)
    rolled.wait_rolled()
    site, server = rolled.sites[0], rolled.server
    secret = [pageview(site.id, "/only-of-the-erased", timestamp=now_ms() - 2 * DAY_MS) | {"user_id": "the erased"}]
    rolled.send(site, secret)
    wait_until(lambda: "/only-of-the-erased" in store(server, "SELECT groupArray(value) FROM footfall.rollup_days"), 30, "its page is rolled up")
    done = run_command("erase", "--site", site.id, "--visitor", "the erased", "--now", "--data", str(server.data))
    assert done.returncode == 0, done.stderr
    assert "/only-of-the-erased" not in store(server, "SELECT groupArray(value) FROM footfall.rollup_days")
    rolled.compare(20)
    rolled.wait_rolled()
    assert rolled.compare(40) > 10
    audit(server, 0)


@pytest.mark.parametrize(
    "plant",
    [
        "ALTER TABLE footfall.rollup_days DELETE WHERE dimension = 'page' AND value = '/a' AND day = (SELECT max(day) FROM footfall.rollup_days)",
        "INSERT INTO footfall.rollup_days SELECT * REPLACE ('/never' AS value) FROM footfall.rollup_days WHERE dimension = 'page'",
        "ALTER TABLE footfall.rollup_days UPDATE pageviews = pageviews + 1 WHERE dimension = 'source' AND value = 'news'",
        "ALTER TABLE footfall.rollup_days UPDATE conversions = conversions + 1 WHERE dimension = 'goal' AND value = 'Read'",
        "ALTER TABLE footfall.rollup_days DELETE WHERE dimension = 'goal' AND value = 'Read'",
        "ALTER TABLE footfall.rollup_days UPDATE events = events + 1 WHERE dimension = 'property:plan' AND value = 'pro'",
    ],
    ids=["missing", "more", "altered", "altered goals", "missing goals", "altered properties"],
)
def test_R12_audit_names_a_planted_row(start_server: Any, plant: str):
    rolled = Rolled(start_server, count=400)
    rolled.wait_rolled()
    store(rolled.server, plant)
    rows = [row for row in audit(rolled.server, 1) if row["table"] == "rollup_days" and not row["ok"]]
    assert rows
    said = " ".join(difference for row in rows for difference in row["differences"])
    of = "goal" if "'goal'" in plant else "property:plan" if "property" in plant else "source" if "UPDATE" in plant else "page"
    assert f"{of}: {'rows say other numbers' if 'UPDATE' in plant else ''}" in said
    # A start holds what is there against what was made: days that lost rows, or have others, are made again.
    if "UPDATE" not in plant:
        rolled.server.kill()
        rolled.server.start()
        rolled.wait_rolled()
        audit(rolled.server, 0)
        assert rolled.compare(30) > 5
