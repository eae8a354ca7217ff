"""ADR 16: what is older than its site keeps events goes from log, archive and store, whatever dies amid it; what was summed up of it, other sites and
the rest stay as they were, and audit proves it. Events are sent as old as they have to be with a key, which may do so."""

import contextlib
import datetime
import json
import pathlib
import shutil
import sqlite3
from typing import Any

import pytest
from support.archive import ask, one, wait_archived
from support.events import now_ms, pageview
from support.server import Server, Site, run_command
from support.store import store
from support.wait import wait_until

DAY_MS = 86_400_000
WHO = "marker-4711-of-long-ago"
FLAGS = (
    *("--archive.enabled", "on", "--archive.range_entries_max", "100", "--archive.after_ms", "1000"),
    *("--loader.interval_ms", "50", "--rollup.interval_ms", "200", "--retention.interval_ms", "200", "--daily.interval_ms", "200"),
)
OLD, NEW = 240, 60

POINTS = [
    "retention.before_keeping=abort",
    "retention.kept=abort",
    "retention.marked=abort",
    "log.rewrite.before_rename=abort",
    "log.rewrite.after_rename=abort",
    "retention.before_archive=abort",
    "archive.entries_replaced=abort",
    "retention.rewritten=abort",
    "retention.between_tables=abort",
    "retention.removed=abort",
]


def day_text(at_ms: int) -> str:
    return datetime.datetime.fromtimestamp(at_ms / 1000, datetime.UTC).date().isoformat()


def fill(site: Site) -> None:
    """Events of two months and more ago, and of yesterday."""
    site.server.command("site", "set", site.id, "--retention-months", "0")
    noon = now_ms() // DAY_MS * DAY_MS - DAY_MS // 2
    for day in (64, 65, 100):
        at = noon - day * DAY_MS
        old = [pageview(site.id, f"/old/{n % 4}", title=WHO, timestamp=at + n * 1000) | {"user_id": f"{WHO}-{n % 20}"} for n in range(OLD // 3)]
        site.send(*old, key="collect")
    new = [pageview(site.id, f"/new/{n % 4}", timestamp=noon + n * 1000) | {"user_id": f"user-{n % 20}"} for n in range(NEW)]
    site.send(*new, key="collect")
    site.wait_events(OLD + NEW)


def rows_of(server: Server, site: Site, table: str) -> str:
    order = {"events": "log_offset", "sessions": "session_key, sign, version"}[table]
    return store(server, f"SELECT {'* EXCEPT (event_id, pageview_id)' if table == 'events' else '*'} FROM footfall.{table} WHERE website_id = '{site.id}' ORDER BY {order} FORMAT JSONEachRow")


def numbers(site: Site) -> list[Any]:
    all_of_them = ["pageviews", "visitors", "sessions", "bounce_rate"]
    questions = [(all_of_them, ["date"]), (all_of_them, ["month", "source"]), (all_of_them, []), (["pageviews", "visitors"], ["date", "page"])]
    return [site.query(*question)["rows"] for question in questions]


def has_marker(server: Server) -> list[str]:
    folders = [server.data / "log", server.data / "archive"]
    return [str(path) for folder in folders for path in folder.rglob("*") if path.is_file() and WHO.encode() in path.read_bytes()]


def audit_row(server: Server, site: Site, table: str = "events") -> dict[str, Any]:
    rows = server.command("audit")
    assert all(row["ok"] for row in rows), rows
    [row] = [row for row in rows if (row["site"], row["table"]) == (site.id, table)]
    return row


def expire(server: Server, site: Site) -> None:
    server.command("site", "set", site.id, "--retention-months", "1")


def wait_expired(server: Server, site: Site) -> None:
    def reached() -> bool:
        done = run_command("audit", "--json", "--data", str(server.data))
        if not done.stdout.startswith("["):
            return False
        return any((row["site"], row["table"], row["expired"]) == (site.id, "events", OLD) for row in json.loads(done.stdout))

    wait_until(reached, 60, "what is too old is gone", every_s=0.5)


def daily_rows(server: Server, site: Site) -> str:
    return "".join(store(server, f"SELECT * FROM footfall.{view} WHERE website_id = '{site.id}' ORDER BY ALL FORMAT TSV") for view in ("page_views", "traffic_sources"))


def wait_daily(server: Server, site: Site) -> str:
    """The daily batch's tables, when they have all days: four of pages, and of sources."""
    wait_until(lambda: len({line.split("\t")[1] for line in daily_rows(server, site).splitlines()}) == 4, 30, "the daily tables", every_s=0.2)
    return daily_rows(server, site)


def wait_put_back(server: Server, site: Site) -> None:
    def there() -> bool:
        meta = site.query(["pageviews"], ["date"])["meta"]
        return "days_missing" not in meta and "events_from" not in meta

    wait_until(there, 30, "days that the log has kept are in the store", every_s=0.2)


@pytest.mark.parametrize("point", POINTS)
def test_R2_a_death_at_this_point_delays_a_deletion_and_loses_nothing_else(start_server: Any, point: str):
    server: Server = start_server(*FLAGS, ready=False)
    server.close()
    server.start(env={"FOOTFALL_FAILPOINTS": point})
    site, other = server.add_site(timezone="Europe/Berlin"), server.add_site(timezone="Asia/Kathmandu")
    for each in (site, other):
        fill(each)
    wait_archived(server, 2 * (OLD + NEW))
    archive = server.data / "archive"
    before = numbers(site)
    others = [rows_of(server, other, table) for table in ("events", "sessions")]
    expire(server, site)
    server.wait_exit(30)
    server.start()
    wait_expired(server, site)
    assert site.table("date", "pageviews") == {row[0]: row[1] for row in before[0]}, "days are what they were"
    assert numbers(site) == before, "and so is every number that is kept by day"
    assert [rows_of(server, other, table) for table in ("events", "sessions")] == others
    row = audit_row(server, site)
    assert (row["received"], row["stored"], row["erased"], row["expired"]) == (OLD + NEW, NEW, 0, OLD), row
    assert audit_row(server, site, "sessions")["expired"] == 60
    assert audit_row(server, other)["expired"] == 0
    assert store(server, f"SELECT count() FROM footfall.events WHERE website_id = '{site.id}' AND title = '{WHO}'") == "0\n"
    assert int(one(archive, f"count(*) FILTER (website_id = '{site.id}' AND title = '{WHO}')")) == 0
    assert int(one(archive, f"count(*) FILTER (website_id = '{site.id}')")) == NEW
    assert int(one(archive, f"count(*) FILTER (website_id = '{other.id}')")) == OLD + NEW
    left = ask(archive, "SELECT kind, payload FROM archive WHERE kind = 'erased'", "entries")
    assert len(left) == OLD and not any(WHO in row["payload"] for row in left)
    # Neither a start nor a store that is filled anew brings any of it back, nor makes other days of what is left; what they came to stays.
    daily = wait_daily(server, site)
    server.terminate()
    shutil.rmtree(server.data / "store")
    server.start()
    site.wait_events(NEW)
    assert audit_row(server, site)["stored"] == NEW
    wait_put_back(server, site)
    assert numbers(site) == before
    assert wait_daily(server, site) == daily
    assert [rows_of(server, other, "events")] == others[:1]


def test_what_has_expired_is_not_taken_again_and_doctor_says_so(start_server: Any):
    server: Server = start_server(*FLAGS, "--rollup.day_events_min", "1", "--rollup.remake_after_ms", "0")
    site = server.add_site()
    fill(site)
    wait_archived(server, OLD + NEW)
    assert has_marker(server) != []
    expire(server, site)
    wait_expired(server, site)
    assert [path for path in has_marker(server) if "/log/" in path] == []
    assert server.metric("footfall_retention_expired_events_total") == OLD
    key = {"Authorization": f"Bearer {site.key('collect')}"}
    late = site.post([pageview(site.id, "/late", timestamp=now_ms() - 65 * DAY_MS)], key).json()
    assert late["rejected"] == [{"index": 0, "field": "data.timestamp", "reason": "out_of_range"}]
    findings = json.loads(run_command("doctor", "--json", data=server.data).stdout)["findings"]
    [finding] = [finding for finding in findings if finding["part"] == "retention"]
    assert finding["ok"] and f"{site.id} 1 months, since 20" in json.dumps(finding)
    # An erasure of a visitor, or other lists of bots, make the days of today anew, and leave those that nothing can make.
    before = site.table("date", "pageviews")
    assert len(before) == 4
    assert run_command("erase", "--site", site.id, "--visitor", "user-3", "--now", data=server.data).returncode == 0
    after = site.table("date", "pageviews")
    yesterday = max(before)
    assert after == before | {yesterday: NEW - NEW // 20}
    # A question that needs events of then says since when there are any.
    told = site.query(["pageviews"], ["hour", "country"], time_range="all")["meta"]
    assert told["events_from"] > day_text(now_ms() - 64 * DAY_MS), told
    assert "events_from" not in site.query(["pageviews"], time_range="7d")["meta"]
    wait_until(lambda: f"\t/new/3\t{NEW // 4 - 3}\t" in wait_daily(server, site), 30, "the daily batch without the visitor", every_s=0.2)
    daily = wait_daily(server, site)
    # By another calendar they are other days, until it is the same again.
    server.command("site", "set", site.id, "--timezone", "Asia/Kathmandu")
    wait_until(lambda: store(server, f"SELECT count() FROM footfall.rollup_made WHERE website_id = '{site.id}' AND timezone = 'Asia/Kathmandu'") != "0\n", 30, "days by that calendar")
    told = site.query(["pageviews"], ["date"])
    assert (told["meta"]["days_missing"], len(told["rows"])) == (3, 1), told
    findings = json.loads(run_command("doctor", "--json", data=server.data).stdout)["findings"]
    [finding] = [finding for finding in findings if finding["part"] == "retention"]
    assert not finding["ok"] and f"{site.id} 3 by the calendar of UTC" in json.dumps(finding)
    server.command("site", "set", site.id, "--timezone", "UTC")
    wait_until(lambda: site.table("date", "pageviews") == after, 30, "days by the former calendar", every_s=0.2)
    wait_until(lambda: wait_daily(server, site) == daily, 30, "and the daily batch's", every_s=0.2)
    # A whole site goes with its days, those in the log and the archive too.
    kept = "SELECT count(*)::INT AS days FROM archive WHERE kind = 'kept_day'"
    site.send(*[pageview(site.id, "/more") for _ in range(100)], key="collect")  # so that a range of the archive is full
    wait_until(lambda: ask(server.data / "archive", kept, "entries")[0]["days"] == 3, 30, "kept days are archived", every_s=0.5)
    assert run_command("erase", "--site", site.id, "--all", "--now", data=server.data).returncode == 0
    assert store(server, f"SELECT count() FROM footfall.rollup_days WHERE website_id = '{site.id}'") == "0\n"
    server.terminate()
    shutil.rmtree(server.data / "store")
    server.start()
    wait_until(lambda: server.metric("footfall_loader_lag_entries") == 0, 30, "the store is filled")
    assert ask(server.data / "archive", kept, "entries")[0]["days"] == 0
    assert store(server, f"SELECT count() FROM footfall.rollup_days WHERE website_id = '{site.id}'") == "0\n"


def test_days_of_two_calendars_are_kept_and_each_is_told_by_its_own(start_server: Any):
    server: Server = start_server(*FLAGS)
    site = server.add_site()
    fill(site)
    oldest, *middle, newest = sorted(site.table("date", "pageviews"))

    def expired(events: int) -> bool:
        return audit_row(server, site)["expired"] == events

    def told(timezone: str, days: list[str], missing: int) -> None:
        """What is answered by the calendar of that zone, when it has been made the site's."""
        server.command("site", "set", site.id, "--timezone", timezone)

        def right() -> bool:
            answer = site.query(["pageviews"], ["date"])
            return ([row[0] for row in answer["rows"]], answer["meta"].get("days_missing", 0)) == (days, missing)

        wait_until(right, 30, f"days by the calendar of {timezone}", every_s=0.2)
        findings = json.loads(run_command("doctor", "--json", data=server.data).stdout)["findings"]
        [finding] = [finding for finding in findings if finding["part"] == "retention"]
        other = "UTC" if timezone != "UTC" else "Asia/Kathmandu"
        assert not finding["ok"] and f"{site.id} {missing} by the calendar of {other}" in json.dumps(finding)

    server.command("site", "set", site.id, "--retention-months", "3")
    wait_until(lambda: expired(OLD // 3), 60, "the oldest day is gone", every_s=0.5)
    server.command("site", "set", site.id, "--timezone", "Asia/Kathmandu")
    expire(server, site)
    wait_until(lambda: expired(OLD), 60, "the others are gone", every_s=0.5)
    told("Asia/Kathmandu", [*middle, newest], 1)
    told("UTC", [oldest, newest], 2)
    # A store that has none of them gets back those of the calendar that is the site's.
    server.terminate()
    shutil.rmtree(server.data / "store")
    server.start()
    site.wait_events(NEW)
    told("UTC", [oldest, newest], 2)
    told("Asia/Kathmandu", [*middle, newest], 1)


def test_R13_what_expired_days_came_to_outlives_the_store_an_upgrade_and_a_restore(start_server: Any, folder: pathlib.Path):
    server: Server = start_server(*FLAGS)
    site = server.add_site(timezone="Asia/Kathmandu")
    fill(site)
    before = numbers(site)
    expire(server, site)
    wait_expired(server, site)
    daily = wait_daily(server, site)
    # As a release left it that kept such days in the store alone, and summed them up by another definition.
    store(server, f"ALTER TABLE footfall.rollup_made UPDATE definition = 1 WHERE website_id = '{site.id}'")
    server.terminate()
    with contextlib.closing(sqlite3.connect(server.data / "catalog.db")) as catalog, catalog:
        catalog.execute("UPDATE sites SET kept_ms = 0")
        catalog.execute("DELETE FROM kept_calendars")
        catalog.execute("DELETE FROM kept_days")
    server.start()

    def kept() -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(server.data / "catalog.db")) as catalog:
            return catalog.execute("SELECT days, timezone FROM kept_calendars").fetchall()

    wait_until(lambda: kept() == [(3, "Asia/Kathmandu")], 30, "the days are kept in the log", every_s=0.1)
    assert numbers(site) == before
    assert run_command("backup", str(folder / "backup"), data=server.data).returncode == 0
    # Elsewhere, with nothing but the backup.
    elsewhere: Server = start_server(*FLAGS, ready=False)
    elsewhere.close()
    shutil.rmtree(elsewhere.data, ignore_errors=True)
    assert run_command("restore", str(folder / "backup"), data=elsewhere.data).returncode == 0
    elsewhere.start()
    there = Site(elsewhere, site.id)
    there.wait_events(NEW)
    wait_put_back(elsewhere, there)
    assert numbers(there) == before
    assert wait_daily(elsewhere, there) == daily
    assert audit_row(elsewhere, there)["stored"] == NEW
    findings = json.loads(run_command("doctor", "--json", data=elsewhere.data).stdout)["findings"]
    assert all(finding["ok"] for finding in findings if finding["part"] == "retention"), findings
