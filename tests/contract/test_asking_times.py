"""contract.md, "Asking": ranges, the site's time zone, granularity. R18: both clock changes in several zones.

Events are sent with a collect key, which may set old timestamps, so that the days are fixed and their clock changes
known.
"""

import datetime
import zoneinfo
from typing import Any

import pytest

from support.events import now_ms, pageview
from support.server import Server, Site

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def ms(text: str, zone: str = "UTC") -> int:
    return int(datetime.datetime.fromisoformat(text).replace(tzinfo=zoneinfo.ZoneInfo(zone)).timestamp() * 1000)


def iso(at: int) -> str:
    return (
        datetime.datetime.fromtimestamp(at / 1000, datetime.timezone.utc)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def send_at(site: Site, *times: int) -> None:
    site.send(*[pageview(site.id, timestamp=time) for time in times], key="collect")
    site.wait_events(len(times))


class TestDateRange:
    def test_both_days_are_inside(self, site: Site):
        send_at(
            site,
            *[
                ms(text)
                for text in (
                    "2025-05-31T23:59:59.999",
                    "2025-06-01T00:00:00",
                    "2025-06-02T12:00:00",
                    "2025-06-03T23:59:59.999",
                    "2025-06-04T00:00:00",
                )
            ],
        )
        assert site.value("pageviews", date_range=["2025-06-01", "2025-06-03"]) == 3
        assert site.value("pageviews", date_range=["2025-06-02", "2025-06-02"]) == 1
        assert site.value("pageviews", date_range=["2025-06-04", "2025-06-30"]) == 1
        assert site.table("date", date_range=["2025-06-01", "2025-06-03"]) == {
            "2025-06-01": 1,
            "2025-06-02": 1,
            "2025-06-03": 1,
        }

    @pytest.mark.parametrize(
        "value",
        [
            ["2025-06-02", "2025-06-01"],
            ["2025-06-01"],
            [],
            "2025-06-01",
            ["2025-02-30", "2025-03-01"],
            ["yesterday", "today"],
            [1, 2],
            ["2025-06-01", "2025-06-02", "2025-06-03"],
        ],
    )
    def test_what_is_no_range_is_named(self, site: Site, value: Any):
        answer = site.ask(metrics=["pageviews"], date_range=value)
        assert answer.status == 400 and answer.json()["error"]["field"].startswith("date_range"), answer

    def test_leap_days_are_days(self, site: Site):
        send_at(site, ms("2024-02-29T12:00:00"))
        assert site.value("pageviews", date_range=["2024-02-29", "2024-02-29"]) == 1
        assert site.value("pageviews", date_range=["2024-03-01", "2024-03-01"]) == 0


class TestTimeRange:
    @pytest.mark.parametrize(
        "name, inside, outside",
        [
            ("last_30_minutes", 29 * MINUTE, 31 * MINUTE),
            ("last_24_hours", 23 * HOUR, 25 * HOUR),
            ("7d", 5 * DAY, 9 * DAY),
            ("30d", 28 * DAY, 32 * DAY),
            ("6mo", 140 * DAY, 220 * DAY),
            ("12mo", 330 * DAY, 400 * DAY),
            ("all", 4_000 * DAY, None),
        ],
    )
    def test_a_named_range_ends_now(self, site: Site, name: str, inside: int, outside: int | None):
        now = now_ms()
        send_at(site, now - MINUTE, now - inside, *([now - outside] if outside else []))
        assert site.value("pageviews", time_range=name) == 2

    @pytest.mark.parametrize("name", ["today", "month", "year"])
    def test_a_calendar_range_has_what_was_just_sent(self, site: Site, name: str):
        send_at(site, now_ms() - 1000 * DAY)
        site.send(pageview(site.id))
        site.wait_events(2)
        # At the first moments of a day the event may be of the day before: then it is asked again in the new one.
        assert site.value("pageviews", time_range=name) == 1 or self.sent_again(site, name)

    def sent_again(self, site: Site, name: str) -> bool:
        site.send(pageview(site.id))
        site.wait_events(3)
        return site.value("pageviews", time_range=name) == 1

    def test_today_is_the_day_of_the_site(self, server: Server):
        for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
            site = server.add_site(zone)
            today = datetime.datetime.now(zoneinfo.ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
            start = int(today.timestamp() * 1000)
            send_at(site, start - MINUTE, start)
            assert site.value("pageviews", time_range="today") == 1, zone

    def test_two_instants_are_a_range(self, site: Site):
        at = ms("2025-06-01T12:00:00")
        send_at(site, at - 1, at, at + HOUR - 1, at + HOUR + 1)
        assert site.value("pageviews", time_range=[iso(at), iso(at + HOUR)]) == 2
        assert site.value("pageviews", time_range=["2025-06-01T14:00:00+02:00", "2025-06-01T15:00:00+02:00"]) == 2

    @pytest.mark.parametrize(
        "value",
        [
            "yesteryear",
            "7days",
            "",
            7,
            ["2025-06-01T00:00:00Z"],
            ["x", "y"],
            ["2025-06-02T00:00:00Z", "2025-06-01T00:00:00Z"],
        ],
    )
    def test_what_is_no_range_is_named(self, site: Site, value: Any):
        answer = site.ask(metrics=["pageviews"], time_range=value)
        assert answer.status == 400 and answer.json()["error"]["field"].startswith("time_range"), answer

    def test_one_range_is_enough(self, site: Site):
        answer = site.ask(metrics=["pageviews"], time_range="7d", date_range=["2025-06-01", "2025-06-01"])
        assert answer.status == 400, answer


class TestZones:
    """Each zone: a day with its first and last instant (UTC), which the neighbouring days must not get."""

    @pytest.mark.parametrize(
        "zone, day",
        [
            ("Europe/Berlin", "2025-03-30"),
            ("Europe/Berlin", "2025-10-26"),
            ("Europe/Berlin", "2025-07-01"),
            ("America/New_York", "2025-03-09"),
            ("America/New_York", "2025-11-02"),
            ("Australia/Lord_Howe", "2025-04-06"),
            ("Australia/Lord_Howe", "2025-10-05"),
            ("Asia/Kathmandu", "2025-06-15"),
            ("America/St_Johns", "2025-06-15"),
            ("Pacific/Kiritimati", "2025-06-15"),
            ("Pacific/Pago_Pago", "2025-06-15"),
            ("UTC", "2025-06-15"),
        ],
    )
    def test_R18_a_day_has_its_hours_and_no_other(self, server: Server, zone: str, day: str):
        site = server.add_site(zone)
        date = datetime.date.fromisoformat(day)
        start, end = ms(day, zone), ms((date + datetime.timedelta(days=1)).isoformat(), zone)
        before, after = (date - datetime.timedelta(days=1)).isoformat(), (date + datetime.timedelta(days=1)).isoformat()
        hours = [start + hour * HOUR for hour in range((end - start) // HOUR)]
        send_at(site, start - 1, *hours, end - 1, end)
        inside = len(hours) + 1
        assert site.value("pageviews", date_range=[day, day]) == inside
        assert site.table("date") == {before: 1, day: inside, after: 1}
        assert site.table("month", date_range=[day, day]) == {day[:7] + "-01": inside} or site.table(
            "month", date_range=[day, day]
        ) == {day[:7]: inside}

    def test_hours_are_local_ones(self, server: Server):
        site = server.add_site("Asia/Kathmandu")  # +05:45
        send_at(site, ms("2025-06-15T00:10:00"), ms("2025-06-15T00:20:00"))
        hours = site.table("hour")
        assert [name[:13].replace("T", " ") for name in sorted(hours)] == ["2025-06-15 05", "2025-06-15 06"], hours

    def test_R18_no_event_is_lost_in_an_hour_that_is_doubled_or_missing(self, server: Server):
        site = server.add_site("Europe/Berlin")
        spring, autumn = ms("2025-03-30T00:30:00"), ms("2025-10-26T00:30:00")
        send_at(site, spring, spring + HOUR, autumn, autumn + HOUR)
        assert sum(site.table("hour").values()) == 4
        assert sum(site.table("minute").values()) == 4

    def test_two_sites_read_the_same_instant_in_their_own_way(self, server: Server):
        at = ms("2025-06-15T23:30:00")
        for zone, day in (
            ("UTC", "2025-06-15"),
            ("Europe/Berlin", "2025-06-16"),
            ("America/New_York", "2025-06-15"),
            ("Asia/Kathmandu", "2025-06-16"),
        ):
            site = server.add_site(zone)
            send_at(site, at)
            assert site.table("date") == {day: 1}, zone

    def test_weeks_begin_on_monday(self, site: Site):
        send_at(
            site, *[ms(f"2025-06-{day:02}T12:00:00") for day in (8, 9, 15, 16)]
        )  # a Sunday, a Monday, a Sunday, a Monday
        assert sorted(site.table("week").values()) == [1, 1, 2]
        assert site.table("week")["2025-06-09"] == 2


class TestGranularity:
    @pytest.mark.parametrize("zone", ["UTC", "Australia/Lord_Howe", "Asia/Kathmandu"])
    def test_the_bucket_that_is_not_over_is_named(self, server: Server, zone: str):
        site = server.add_site(zone)
        site.send(pageview(site.id, "/"), key="collect")
        site.wait_events(1)
        for dimension in ("minute", "hour", "date", "week", "month"):
            asked = site.query(["events"], [dimension], time_range="today" if dimension != "minute" else "last_30_minutes")
            if asked["rows"][-1][0] != asked["meta"]["running"]:  # the minute, or more, ended between the two
                asked = site.query(["events"], [dimension], time_range="today")
                assert asked["meta"]["running"] > asked["rows"][-1][0], asked
            over = site.query(["events"], [dimension], date_range=["2026-01-01", "2026-01-02"])
            assert "running" not in over["meta"]
        assert "running" not in site.query(["events"], ["page"], time_range="today")["meta"]

    @pytest.mark.parametrize("granularity, rows", [("minute", 4), ("hour", 3), ("day", 2), ("week", 2), ("month", 1)])
    def test_adds_a_first_column_of_time(self, site: Site, granularity: str, rows: int):
        send_at(
            site,
            *[
                ms(text)
                for text in ("2025-06-15T10:00:00", "2025-06-15T10:01:00", "2025-06-15T11:00:00", "2025-06-16T10:00:00")
            ],
        )
        answer = site.query(["pageviews"], granularity=granularity, date_range=["2025-06-01", "2025-06-30"])
        counted = [row for row in answer["rows"] if row[1]]
        assert len(answer["columns"]) == 2 and answer["columns"][1]["name"] == "pageviews"
        assert len(counted) == rows and sum(row[1] for row in counted) == 4
        assert [row[0] for row in counted] == sorted(row[0] for row in counted), "in the order of time"

    def test_stands_before_other_dimensions(self, site: Site):
        send_at(site, ms("2025-06-15T10:00:00"))
        answer = site.query(["pageviews"], ["page"], granularity="day", date_range=["2025-06-15", "2025-06-15"])
        assert [column["name"] for column in answer["columns"]][1:] == ["page", "pageviews"]
        assert answer["rows"] == [["2025-06-15", "/", 1]]

    def test_adds_nothing_where_a_time_is_named(self, site: Site):
        send_at(site, ms("2025-06-15T10:00:00"))
        answer = site.query(
            ["pageviews"], ["date", "page"], granularity="hour", date_range=["2025-06-15", "2025-06-15"]
        )
        assert [column["name"] for column in answer["columns"]] == ["date", "page", "pageviews"]


def noonish_zone() -> zoneinfo.ZoneInfo:
    """A zone in which it is between noon and one o'clock, whenever this runs: far from the day's ends."""
    hours = 12 - datetime.datetime.now(datetime.timezone.utc).hour
    return zoneinfo.ZoneInfo(f"Etc/GMT{-hours:+}" if hours else "UTC")


class TestCompare:
    @pytest.mark.parametrize("mode", ["previous_period", "previous_year"])
    def test_a_day_that_is_not_over_is_compared_with_as_much_of_the_other(self, server: Server, mode: str):
        zone = noonish_zone()
        now = datetime.datetime.now(zone)
        day = now - datetime.timedelta(days=1)
        if mode == "previous_year":  # 29 February stands against 1 March
            day = now.replace(year=now.year - 1, day=1) + datetime.timedelta(days=now.day - 1)
        site = server.add_site(zone.key)
        at = int(day.timestamp() * 1000)
        send_at(site, at - 2 * HOUR, at - 1000, at + HOUR, at + 10 * HOUR)
        for asked in ({"time_range": "today"}, {"date_range": [f"{now:%Y-%m-%d}", f"{now:%Y-%m-%d}"]}):
            answer = site.query(["pageviews"], ["date"], compare=mode, **asked)
            other = answer["comparison"]
            assert other["rows"] == [[f"{day:%Y-%m-%d}", 2]] and other["totals"]["pageviews"] == 2, asked
            assert abs(ms_of(other["to"]) - at) < 10 * MINUTE, "it says where it ends"

    def test_days_that_are_over_are_compared_whole(self, site: Site):
        send_at(site, *[ms(f"2025-06-{day}T23:59:59") for day in ("12", "13", "14")], ms("2025-06-15T12:00:00"))
        answer = site.query(["pageviews"], date_range=["2025-06-15", "2025-06-16"], compare="previous_period")
        assert answer["rows"] == [[1]] and answer["comparison"]["rows"] == [[2]]
        assert ms_of(answer["comparison"]["to"]) == ms("2025-06-15T00:00:00")

    def test_days_of_ones_own_stand_against_the_range_as_far_as_it_is(self, server: Server):
        zone = noonish_zone()
        now = datetime.datetime.now(zone)
        day = now - datetime.timedelta(days=3)
        site = server.add_site(zone.key)
        at = int(day.timestamp() * 1000)
        send_at(site, at - 2 * HOUR, at - 1000, at + HOUR, at + 10 * HOUR)
        days = [f"{day:%Y-%m-%d}", f"{day:%Y-%m-%d}"]
        other = site.query(["pageviews"], ["date"], time_range="today", compare=days)["comparison"]
        assert other["rows"] == [[days[0], 2]] and abs(ms_of(other["to"]) - at) < 10 * MINUTE
        yesterday = f"{now - datetime.timedelta(days=1):%Y-%m-%d}"
        other = site.query(["pageviews"], date_range=[yesterday, yesterday], compare=days)["comparison"]
        assert other["rows"] == [[4]], "a day that is over stands against a whole one"
        error = site.ask(metrics=["pageviews"], time_range="all", compare=days).json()["error"]
        assert (error["code"], error["field"]) == ("unsupported_compare", "compare")

    def test_everything_has_nothing_before_it(self, site: Site):
        answer = site.ask(metrics=["pageviews"], time_range="all", compare="previous_period")
        assert answer.status == 400
        error = answer.json()["error"]
        assert (error["code"], error["field"]) == ("unsupported_compare", "compare")


def ms_of(instant: str) -> int:
    return int(datetime.datetime.fromisoformat(instant.replace("Z", "+00:00")).timestamp() * 1000)
