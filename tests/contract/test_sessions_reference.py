"""R19 and the definitions of metrics: visitors whose events arrive shuffled, late, repeated and over restarts are counted
as tests/reference/sessions.py counts them, figure by figure and session by session.

The seed is printed, and SEED= gives a run again; ROUNDS=200 is the long form.
"""

import dataclasses
import datetime
import os
import random
import zoneinfo
from collections.abc import Iterator
from typing import Any

import pytest

from reference import sessions as reference
from support.client import bearer
from support.events import custom, other, pageview
from support.server import Server, Site
from support.wait import wait_until

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
ZONES = [
    # Each round's days hold a change of the first zone's clock.
    ("Europe/Berlin", "2026-10-24"),
    ("America/New_York", "2026-10-30"),
    ("Australia/Lord_Howe", "2026-10-02"),
    ("Asia/Kathmandu", "2026-06-01"),
    ("Pacific/Kiritimati", "2026-09-10"),
]
PAGES = ["/", "/pricing", "/blog/one", "/blog/two", "/docs"]
SOURCES = ["news", "letter", "partner"]
# What a body may hold is more; small ones make more batches of the loader.
BODY_MAX = 40
BATCHES = 3


@dataclasses.dataclass
class Planned:
    """A site and what will be sent to it, in the order of sending; a part of it before each restart."""

    site: Site
    zone: str
    parts: list[list[dict[str, Any]]]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for part in self.parts for event in part]


class Traffic:
    """Everything random of one site."""

    def __init__(self, dice: random.Random, site_id: str, start_ms: int):
        self.dice = dice
        self.site_id = site_id
        self.start_ms = start_ms
        self.numbers = iter(range(1_000_000))

    def event(self, visitor: str, at_ms: int) -> dict[str, Any]:
        dice = self.dice
        # The term is of this event alone: it tells which event a session takes its campaign from.
        page = (
            f"{dice.choice(PAGES)}?utm_source={dice.choice(SOURCES)}&utm_medium={dice.choice(['cpc', 'email'])}"
            f"&utm_term=t{next(self.numbers)}"
        )
        if dice.random() < 0.65:
            made = pageview(self.site_id, page)
        else:
            made = custom(self.site_id, dice.choice(["signup", "play"]), page=page)
            if dice.random() < 0.5:
                made["data"]["non_interactive"] = dice.random() < 0.8
        made["event_id"] = self.uuid(at_ms)
        made["user_id"] = visitor
        made["data"]["timestamp"] = at_ms
        return made

    def uuid(self, at_ms: int) -> str:
        """Of either kind, random and with a time, which may be that of a wrong clock; from the dice, so that a seed
        repeats all of it."""
        dice = self.dice
        clock_ms = at_ms + dice.choice([0, 0, MINUTE, 3 * HOUR, -3 * HOUR])
        bits = dice.choice([f"{dice.getrandbits(48):012x}4", f"{clock_ms:012x}7"]) + f"{dice.getrandbits(12):03x}"
        low = f"{dice.choice('89ab')}{dice.getrandbits(60):015x}"
        return f"{bits[:8]}-{bits[8:12]}-{bits[12:]}-{low[:4]}-{low[4:]}"

    def gap(self) -> int:
        """Mostly around what decides: half an hour, to the millisecond."""
        dice = self.dice
        return dice.choice(
            [
                30 * MINUTE - 1,
                30 * MINUTE,
                30 * MINUTE + 1,
                1,
                dice.randrange(1, MINUTE),
                dice.randrange(MINUTE, 30 * MINUTE),
                # An event in the middle joins what is on both sides of it.
                dice.randrange(15 * MINUTE, 30 * MINUTE),
                dice.randrange(31 * MINUTE, 5 * HOUR),
                dice.randrange(5 * HOUR, DAY),
            ]
        )

    def visitor(self, name: str, events: int) -> Iterator[dict[str, Any]]:
        at_ms = self.start_ms + self.dice.randrange(DAY)
        for _ in range(events):
            made = self.event(name, at_ms)
            yield made
            at_ms += self.gap()
            if made["type"] == "pageview":
                for _ in range(self.dice.choice([0, 0, 1, 3])):
                    # Its time says nothing: a ping does not extend a session.
                    ping = other(self.site_id, "ping", pageview_id=made["event_id"], time_on_page=self.dice.randrange(900))
                    ping["event_id"] = self.uuid(made["data"]["timestamp"])
                    ping["user_id"] = name
                    ping["data"]["page"] = made["data"]["page"]
                    ping["data"]["timestamp"] = made["data"]["timestamp"] + self.dice.randrange(40 * MINUTE)
                    yield ping

    def arrivals(self, visitors: int) -> list[dict[str, Any]]:
        dice = self.dice
        events: list[tuple[float, dict[str, Any]]] = []
        for number in range(visitors):
            for event in self.visitor(f"visitor-{number}", dice.choice([1, 1, 2, 3, 5, 12])):
                # Most come about when they happen, some days later: by then the sessions around them were written.
                at = event["data"]["timestamp"] + (dice.random() ** 8) * 5 * DAY
                events.append((at, event))
                for _ in range(dice.choice([0, 0, 0, 0, 1, 2])):
                    again = dice.choice([event, self.other_content(event)])
                    events.append((at + dice.random() * 2 * DAY, again))
        return [event for _, event in sorted(events, key=lambda pair: pair[0])]

    def other_content(self, event: dict[str, Any]) -> dict[str, Any]:
        """Under the same id, and received later: the first wins."""
        changed = self.event(event["user_id"], event["data"]["timestamp"] + self.gap())
        return changed | {"event_id": event["event_id"]}


def start_of(zone: str, day: str) -> int:
    at = datetime.datetime.fromisoformat(day).replace(tzinfo=zoneinfo.ZoneInfo(zone))
    return int(at.timestamp() * 1000)


def plan_round(dice: random.Random, server: Server) -> list[Planned]:
    planned = []
    for zone, day in dice.sample(ZONES, 3):
        site = server.add_site(zone)
        arrivals = Traffic(dice, site.id, start_of(zone, day)).arrivals(visitors=40)
        cuts = [0, *sorted(dice.sample(range(len(arrivals)), BATCHES - 1)), len(arrivals)]
        planned.append(Planned(site, zone, [arrivals[begin:end] for begin, end in zip(cuts, cuts[1:])]))
    return planned


def send(dice: random.Random, planned: Planned, part: list[dict[str, Any]]) -> None:
    site = planned.site
    client = site.server.client()
    headers = bearer(site.key("collect"))
    while part:
        size = dice.randrange(1, BODY_MAX)
        answer = client.request("POST", "/api/v1/events", part[:size], headers)
        assert answer.status == 200 and answer.json()["received"] == len(part[:size]), answer
        part = part[size:]
    client.close()


def asked(site: Site, metrics: list[str], dimensions: tuple[str, ...]) -> reference.Table:
    table: reference.Table = {}
    answer = site.query(metrics, list(dimensions), limit=10_000)
    for row in answer["rows"]:
        key = tuple(row[: len(dimensions)])
        assert key not in table, f"{key} stands in two rows"
        table[key] = row[len(dimensions) :]
    return table


def differences(told: reference.Table, expected: reference.Table) -> dict[Any, Any]:
    def is_same(a: float | None, b: float | None) -> bool:
        return a == b or (a is not None and b is not None and a == pytest.approx(b, rel=1e-9))

    same = {key for key in told.keys() & expected.keys() if all(map(is_same, told[key], expected[key]))}
    return {key: (told.get(key), expected.get(key)) for key in sorted(told.keys() | expected.keys()) if key not in same}


def check_site(planned: Planned) -> None:
    sessions = reference.sessions_of(planned.events)
    expected_tables = [
        ((), reference.by_session(sessions)),
        *(
            (dimensions, reference.by_session(sessions, *dimensions))
            for dimensions in [
                ("entry_page",),
                ("exit_page",),
                ("source",),
                # Each session by itself: the term is of its first event alone.
                ("user_id", "term", "entry_page", "exit_page", "source", "medium"),
            ]
        ),
        (("page",), reference.by_page(sessions)),
        (("date",), reference.by_date(sessions, planned.zone)),
    ]
    names = list(reference.METRICS)
    for dimensions, table in expected_tables:
        # Alone, these two need not be looked for among the events, and are asked of the sessions.
        for metrics in (names, ["sessions", "visitors"]):
            expected = {key: [row[names.index(name)] for name in metrics] for key, row in table.items()}
            found = differences(asked(planned.site, metrics, dimensions), expected)
            assert not found, (
                f"{len(found)} of {len(expected)} rows of {planned.site.id} ({planned.zone}) by {dimensions} differ; told and "
                f"expected {metrics}:\n"
                + "\n".join(f"{key}: {told} {wanted}" for key, (told, wanted) in list(found.items())[:10])
            )


def wait_answered(site: Site) -> None:
    """Until an answer says that it holds everything that was acknowledged by now."""
    acknowledged = datetime.datetime.now(datetime.timezone.utc)
    wait_until(
        lambda: datetime.datetime.fromisoformat(site.query(["events"])["meta"]["as_of"]) > acknowledged,
        10,
        "the answers' as_of passes the last acknowledgement",
    )


def restart(dice: random.Random, server: Server) -> None:
    """Right after the last acknowledgement, whatever the loader is at."""
    how = dice.choice(["terminate", "kill", "kill"])
    if how == "terminate":
        assert server.terminate() == 0
    else:
        server.kill()
    server.start()


def test_R19_shuffled_late_and_repeated_events_make_the_sessions_of_the_reference(start_server: Any):
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(2**32))
    print(f"\nSEED={seed}")
    server: Server = start_server()
    for number in range(int(os.environ.get("ROUNDS", "2"))):
        dice = random.Random(seed + number)
        planned = plan_round(dice, server)
        for batch in range(BATCHES):
            if batch > 0:
                restart(dice, server)
            for one in planned:
                send(dice, one, one.parts[batch])
                # So that what is late finds sessions in the store, and not only in the loader's batch.
                if dice.random() < 0.5:
                    wait_answered(one.site)
        for one in planned:
            wait_answered(one.site)
            try:
                check_site(one)
            except AssertionError as error:
                raise AssertionError(f"SEED={seed + number} ROUNDS=1: {error}") from None
    audit = server.command("audit")
    assert all(found["ok"] for found in audit), audit
