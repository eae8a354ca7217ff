"""The daily batch (src/batch) makes footfall.page_views and footfall.traffic_sources say what the API says of the same days, whatever comes late
and whatever dies."""

import collections
import datetime
import json
import random
import time
import zoneinfo
from collections.abc import Callable
from typing import Any

import pytest

from support.events import now_ms, other, pageview
from support.server import Server, Site, run_command
from support.store import store
from support.wait import wait_until
from test_rollups import DAY_MS, SEED, ZONES, traffic

SETTINGS = {"FOOTFALL_DAILY_INTERVAL_MS": "300"}


class Batch:
    """A server with two sites and their traffic."""

    def __init__(self, start_server: Callable[..., Server], env: dict[str, str] | None = None):
        print(f"FOOTFALL_SEED={SEED}")
        self.dice = random.Random(SEED)
        self.server = start_server(env=SETTINGS | (env or {}))
        self.sites = [self.server.add_site(timezone=zone) for zone in ZONES]
        self.zones = {site.id: zone for site, zone in zip(self.sites, ZONES, strict=True)}
        self.sent = {site.id: traffic(self.dice, site.id, 800) for site in self.sites}
        for site in self.sites:
            self.send(site, self.sent[site.id])

    def send(self, site: Site, events: list[dict[str, Any]]) -> None:
        bearer = {"Authorization": f"Bearer {site.key('collect')}"}
        for start in range(0, len(events), 500):
            answer = site.post(events[start : start + 500], bearer).json()
            assert answer["rejected"] == [], answer["rejected"][:3]

    def reader(self, site: Site) -> str:
        """Who has viewed most pages on days that are over: not each visitor has viewed any."""
        over = now_ms() - 2 * DAY_MS
        viewed = [event for event in self.sent[site.id] if event["type"] == "pageview" and event["data"]["timestamp"] < over]
        return collections.Counter(event["user_id"] for event in viewed).most_common(1)[0][0]

    def rows(self, sql: str) -> list[list[Any]]:
        return [json.loads(line) for line in store(self.server, f"{sql} FORMAT JSONCompactEachRow").splitlines()]

    def pages(self, site: Site) -> dict[tuple[str, str], tuple[int, int, float]]:
        sql = f"SELECT toString(date), page, toUInt32(views), toUInt32(unique_users), average_time FROM footfall.page_views WHERE website_id = '{site.id}'"
        rows = self.rows(sql)
        told = {(day, page): (views, users, round(seconds, 3)) for day, page, views, users, seconds in rows}
        assert len(told) == len(rows), "a page of a day has two rows"
        return told

    def sources(self, site: Site) -> dict[tuple[str, str, str], tuple[int, int, float]]:
        sql = f"""SELECT toString(date), source, medium, toUInt32(sessions), toUInt32(users), toFloat64(revenue['EUR'])
            FROM footfall.traffic_sources WHERE website_id = '{site.id}'"""
        rows = self.rows(sql)
        told = {(day, source, medium): (sessions, users, round(revenue, 4)) for day, source, medium, sessions, users, revenue in rows}
        assert len(told) == len(rows), "a source of a day has two rows"
        return told

    def today(self, site: Site) -> datetime.date:
        """The first day that is not over, for the batch."""
        return (datetime.datetime.now(zoneinfo.ZoneInfo(self.zones[site.id])) - datetime.timedelta(minutes=10)).date()

    def asked(self, site: Site) -> tuple[dict[Any, Any], dict[Any, Any]]:
        """The same by the API, of days that are over."""
        today = self.today(site).isoformat()
        everything: dict[str, Any] = {"time_range": "30d", "limit": 5000, "totals": False}
        pages = site.query(["pageviews", "visitors", "time_on_page"], ["date", "page"], filters=[["event_name", "is", [""]]], **everything)["rows"]
        sources = site.query(["sessions"], ["date", "source", "medium"], **everything)["rows"]
        return (
            {(day, page): (views, users, round(seconds or 0, 3)) for day, page, views, users, seconds in pages if day < today and views},
            {(day, source, medium): sessions for day, source, medium, sessions in sources if day < today and sessions},
        )

    def problem(self) -> str:
        """What the batch's tables say otherwise than the API; empty where they agree."""
        for site in self.sites:
            pages, sources = self.asked(site)
            if not pages:
                return f"{site.id}: nothing is counted yet"
            told, told_sources = self.pages(site), self.sources(site)
            if told != pages:
                return f"{site.id}: pages {sorted(set(told.items()) ^ set(pages.items()))[:6]}"
            if {key: value[0] for key, value in told_sources.items()} != sources:
                return f"{site.id}: sources differ: {sorted(told_sources.items())[:3]}, {sorted(sources.items())[:3]}"
        return ""

    def settled(self) -> float:
        """Days made so far, when several runs have found nothing to do."""
        made = -1.0
        while (now := self.server.metric("footfall_daily_days_made_total")) != made:
            made = now
            time.sleep(1.2)
        return made

    def wait_right(self) -> None:
        wait_until(lambda: self.server.metric("footfall_loader_lag_entries") == 0, 30, "what was sent")
        wait_until(lambda: self.problem() == "", 30, "the daily tables", every_s=0.3)


def revenue_of(batch: Batch, site: Site) -> float:
    return sum(row[2] for row in batch.sources(site).values())


def test_the_tables_of_closed_days_say_what_the_api_says(start_server: Any):
    batch = Batch(start_server)
    batch.wait_right()
    for site in batch.sites:
        assert len(batch.pages(site)) > 20
        assert len({source for _, source, _ in batch.sources(site)}) >= 2
        assert revenue_of(batch, site) != 0, "no revenue: the traffic has some"
        assert all(users <= sessions for sessions, users, _ in batch.sources(site).values())
    # Late ones: the days they are of are made again, and no other.
    site = batch.sites[0]
    made = batch.settled()
    late = now_ms() - 3 * DAY_MS
    batch.send(site, [pageview(site.id, "/late", timestamp=late + number) | {"user_id": "late"} for number in range(3)])
    wait_until(lambda: any(page == "/late" for _, page in batch.pages(site)), 20, "the late page")
    batch.wait_right()
    assert batch.settled() - made <= 3
    # Nothing came: nothing is made.
    made = batch.server.metric("footfall_daily_days_made_total")
    version = batch.rows("SELECT max(version) FROM footfall.daily_pages")
    time.sleep(1.5)  # several runs
    batch.wait_right()
    assert batch.server.metric("footfall_daily_days_made_total") == made
    assert batch.rows("SELECT max(version) FROM footfall.daily_pages") == version


@pytest.mark.parametrize("failpoints", ["", "daily.too_many_pings=error"])
def test_a_tab_that_stays_open_says_more_of_a_page_of_the_day_before(start_server: Any, failpoints: str):
    batch = Batch(start_server, {"FOOTFALL_FAILPOINTS": failpoints})
    site = batch.sites[0]
    yesterday = batch.today(site) - datetime.timedelta(days=1)
    noon = datetime.datetime.combine(yesterday, datetime.time(12), zoneinfo.ZoneInfo(batch.zones[site.id]))
    at = round(noon.timestamp() * 1000)
    # Sent alone: what comes with other events of yesterday is found without it.
    batch.send(site, [opened := pageview(site.id, "/open", timestamp=at) | {"user_id": "reader"}])
    batch.wait_right()
    page = (yesterday.isoformat(), "/open")
    assert batch.pages(site)[page] == (1, 1, 0)
    made = batch.settled()
    told = min(now_ms(), at + 30 * 3_600_000)  # of the day after, also where the batch has not closed the one before today
    assert told - at > 2 * 3_600_000
    batch.send(site, [other(site.id, "ping", pageview_id=opened["event_id"], time_on_page=1234, timestamp=told) | {"user_id": "reader"}])
    wait_until(lambda: batch.pages(site).get(page) == (1, 1, 1234), 20, "the time that the tab told of later")
    batch.wait_right()
    assert batch.settled() - made == 1


def test_R2_a_death_amid_the_batch(start_server: Any):
    batch = Batch(start_server, {"FOOTFALL_FAILPOINTS": "daily.before_fill=abort@2"})
    for failpoint in ("daily.before_made=abort@1", "daily.before_fill=abort@3", "daily.before_made=error@2"):
        batch.server.wait_exit(30)
        batch.server.start(env={"FOOTFALL_FAILPOINTS": failpoint})
    batch.wait_right()
    batch.server.kill()
    batch.server.start(env={"FOOTFALL_FAILPOINTS": ""})
    batch.wait_right()
    assert batch.server.metric("footfall_daily_days_made_total") == 0, "days were made again that had not changed"


def test_erasures_and_another_zone_reach_the_batch(start_server: Any):
    batch = Batch(start_server)
    batch.wait_right()
    one, other = batch.sites
    before = batch.pages(other)
    views = sum(row[0] for row in batch.pages(one).values())
    done = run_command("erase", "--site", one.id, "--visitor", batch.reader(one), "--now", data=batch.server.data)
    assert done.returncode == 0, done.stderr
    wait_until(lambda: 0 < sum(row[0] for row in batch.pages(one).values()) < views, 20, "fewer views")
    batch.wait_right()
    assert batch.pages(other) == before

    batch.server.command("site", "set", one.id, "--timezone", "Pacific/Auckland")
    batch.zones[one.id] = "Pacific/Auckland"
    batch.wait_right()
