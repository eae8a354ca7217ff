"""A server with 400 days behind it: one site with 60 % of all events, and the rest spread over 20 others, the first of which
has as much as the next two or three together. Filled folders may be kept for the next run. Standard library only."""

import contextlib
import datetime
import json
import pathlib
import sys
import time
from collections.abc import Iterator
from typing import Any

import measured
from history import running_filled
from support.server import Server, Site
from support.store import store

DAYS = 400
DAY_MS = 86_400_000
SHARE_OF_LARGEST = 0.6
OTHER_SITES = 20
SENT_MAX = 10_000_000


def shares() -> list[float]:
    """Of each site, by Zipf's law behind the largest."""
    weights = [1 / rank for rank in range(1, OTHER_SITES + 1)]
    return [SHARE_OF_LARGEST, *((1 - SHARE_OF_LARGEST) * weight / sum(weights) for weight in weights)]


class Year:
    """`site` is the largest one; `last_day` the last that is over."""

    def __init__(self, server: Server, facts: dict[str, Any]):
        self.server = server
        self.facts = facts
        self.site = Site(server, facts["sites"][0])
        self.small_site = Site(server, facts["sites"][-1])
        self.last_day = datetime.date.fromisoformat(facts["last_day"])

    def days(self, count: int) -> list[str]:
        """The last so many, as `time_range` takes them."""
        first = self.last_day - datetime.timedelta(days=count - 1)
        return [first.isoformat(), self.last_day.isoformat()]

    def wait_quiet(self, seconds: float = 600) -> None:
        """Until merges and rollups, which would be measured along, have been done for five seconds."""
        end = time.monotonic() + seconds
        quiet = 0
        while time.monotonic() < end and quiet < 5:
            pids = measured.pids_of(self.server)
            before = measured.cpu_seconds(pids)
            time.sleep(1)
            quiet = quiet + 1 if measured.cpu_seconds(measured.pids_of(self.server)) - before < 0.1 else 0


def copy_of(server: Server, number: int) -> None:
    """All that was sent once more, as if other visitors had done the same: in the store alone, which takes minutes where sending it takes hours.
    `log_partition` tells copies apart, and is 0 of what came. Month by month, so that each is inserted as few parts."""
    visitor, key = f"cityHash64(visitor_id, {number})", "if({0} = 0, 0, cityHash64({0}, {1}))"
    user = f"if(user_id = '', '', concat(user_id, ' {number}'))"
    common = f"{visitor} AS visitor_id, {key.format('session_key', number)} AS session_key, {user} AS user_id, {number} AS log_partition"
    for table, time_column in (("events", "timestamp"), ("sessions", "started_at")):
        months = store(server, f"SELECT DISTINCT toYYYYMM({time_column}) AS m FROM footfall.{table} ORDER BY m").split()
        for month in months:
            store(
                server,
                f"INSERT INTO footfall.{table} SELECT * REPLACE ({common}) FROM "
                f"(SELECT * FROM footfall.{table} WHERE toYYYYMM({time_column}) = {month} AND log_partition = 0) "
                "SETTINGS max_threads = 1, min_insert_block_size_rows = 250000, max_block_size = 65409",
            )
    keys = f"{key.format('old_key', number)} AS old_key, {key.format('new_key', number)} AS new_key, {number} AS log_partition"
    store(server, f"INSERT INTO footfall.session_alias SELECT * REPLACE ({keys}) FROM (SELECT * FROM footfall.session_alias WHERE log_partition = 0)")


def put_months_together(server: Server) -> None:
    """Months that are over are one part, as the store has them two days after the last event that came for them (sql/clickhouse/0085)."""
    for table in ("events", "sessions"):
        months = store(server, f"SELECT DISTINCT partition FROM system.parts WHERE active AND database = 'footfall' AND table = '{table}' ORDER BY partition").split()
        for month in months[:-1]:
            store(server, f"OPTIMIZE TABLE footfall.{table} PARTITION {month} FINAL")


def sum_up_again(server: Server) -> None:
    """Closed days, which the server takes for summed up, of what is in the tables now."""
    for table in ("rollup_days", "rollup_made", "daily_pages", "daily_sources", "daily_made"):
        store(server, f"TRUNCATE TABLE footfall.{table}")
    server.terminate(60)
    server.start(limit_s=600)


def fill(server: Server, events: int, facts_path: pathlib.Path) -> dict[str, Any]:
    """Beyond SENT_MAX events are sent and multiplied."""
    copies = max(1, round(events / SENT_MAX))
    events //= copies
    program = measured.loadgen()
    today = datetime.datetime.now(datetime.timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    from_ms = int(today.timestamp() * 1000) - DAYS * DAY_MS
    facts: dict[str, Any] = {"sites": [], "last_day": (today - datetime.timedelta(days=1)).date().isoformat()}
    began, sent = time.monotonic(), 0
    for number, share in enumerate(shares()):
        site = server.add_site(domain=f"shop-{number}.example")
        # Days that are not over by the time the run is repeated must not expire meanwhile.
        server.command("site", "set", site.id, "--retention-months", "0")
        told = measured.load(
            program,
            server.port,
            site.id,
            key=site.key("collect"),
            history=round(events * share),
            days=DAYS,
            **{"from": from_ms},
            events=200,
            connections=4,
            seed=number + 1,
        )
        failures = ("duplicates", "answers_with_rejections", "broken_connections", "other_statuses")
        if any(told[failure] for failure in failures):
            sys.exit(f"year: this came back: {told}")
        sent += told["events"]
        facts["sites"].append(site.id)
        print(f"site {number}: {told['events']:,} events, {sent:,} in {time.monotonic() - began:,.0f} s", flush=True)
    while int(store(server, "SELECT count() FROM footfall.events")) < sent:
        time.sleep(1)
    if copies > 1:
        # Parts of that size are merged meanwhile; on a small machine what the store has by default would refuse the inserts.
        server.terminate(60)
        server.start(env={"FOOTFALL_STORE_MEMORY_MAX": "4000000000"}, limit_s=600)
    for number in range(1, copies):
        copy_of(server, number)
        print(f"copy {number}: {sent * (number + 1):,} events in {time.monotonic() - began:,.0f} s", flush=True)
    put_months_together(server)
    if copies > 1:
        sum_up_again(server)
    facts["load"] = {"events": sent * copies, "seconds": time.monotonic() - began}
    facts_path.write_text(json.dumps(facts) + "\n")
    return facts


@contextlib.contextmanager
def running_with_year(events: int, keep: bool) -> Iterator[Year]:
    """A folder that an earlier run kept is used again, with the days that it has."""

    def fill_it(server: Server, facts_path: pathlib.Path) -> dict[str, Any]:
        facts = fill(server, events, facts_path)
        print(f"filled: {facts['load']['events']:,} events in {facts['load']['seconds']:.0f} s")
        return facts

    with running_filled(f"year-{events}", keep, fill_it) as (server, facts):
        yield Year(server, facts)
