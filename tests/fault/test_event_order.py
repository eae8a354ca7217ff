"""R19: a day's events make the same sessions whatever order they come in: as they happened, shuffled, reversed, and late;
some twice, over restarts and kills. Row for row of the sessions' table, between the orders and with tests/reference.

FAULT_SEED= gives a run again. FOOTFALL_EVENTS=10000000 is the long form: events of one site, sent four times over.

Seen to fail with each of these done to the product: a gap of exactly 30 minutes ends no session; late events do not find
sessions that are in the store alone; a late event joins no two sessions; the last ping counts and not the largest; the exit
page is the last received; a ping gives a custom event engaged time.
"""

import array
import dataclasses
import json
import os
import random
import time
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from reference.events import Sent, first_receipts
from reference.sessions import ATTRIBUTES, Session, sessions_of
from support.client import bearer
from support.events import now_ms
from support.server import Server, Site, command
from support.store import store
from support.traffic import CAME_FROM, DAY, HOUR, MINUTE

EVENTS = int(os.environ.get("FOOTFALL_EVENTS", "8000"))
EVENTS_PER_VISITOR = 7  # about
# Small bodies and restarts amid them, or as many events as a body may have.
BODY_EVENTS = 1000 if EVENTS > 100_000 else 50
RESTARTS = 3
TWICE = 0.03
# A ping that comes before its pageview is remembered for 262,144 entries of the log (docs/adr/0007); none comes so much
# earlier, where there are as many events. The busiest hour has less than twice the mean's.
PING_BEFORE = 100_000
# Visitors whose rows are compared at once.
SLICE = 20_000

PAGES = ["/", "/a", "/b", "/c"]
HOSTS = ["site.example", "shop.example"]
LANGUAGES = ["de", "fr"]
# All of them are sent with the header of one browser.
DEVICE = {"device_type": "desktop", "browser": "Firefox", "browser_version": "128", "os": "Windows", "os_version": "10"}
SAID_OF_ALL = {
    "user_id": "user_id",
    "started_at": "toUnixTimestamp64Milli(started_at)",
    "ended_at": "toUnixTimestamp64Milli(ended_at)",
    "pageviews": "pageviews",
    "events": "events",
    "interactions": "interactions",
    "engaged": "engaged",
    "entry_page": "entry_page",
    "exit_page": "exit_page",
    "is_mixed": "toUInt8(is_mixed)",
    "is_bot": "toUInt8(is_bot)",
} | {name: name for name in ATTRIBUTES if name != "user_id"}
# The rest of what a row says: not of the reference, and the same in every order too.
BESIDE = ["toUnixTimestamp64Milli(entry_at)", "toUnixTimestamp64Milli(exit_at)", "sum(sign)"]


def mixed(value: int) -> int:
    """64 bits that look like chance (the finaliser of splitmix64)."""
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
    value = (value ^ value >> 27) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
    return value ^ value >> 31


@dataclasses.dataclass(frozen=True)
class Day:
    """Events of a day, each a function of the seed, its visitor, its number and its time, so that ten million need not be
    kept. A place is all three in one number, which sorts by time."""

    seed: int
    start_ms: int
    visitors: int

    VISITOR_BITS = 22
    NUMBER_BITS = 10

    def dice_of(self, visitor: int, number: int) -> int:
        return mixed((self.seed << 33 ^ visitor << self.NUMBER_BITS ^ number) & 0xFFFFFFFFFFFFFFFF)

    def is_ping(self, visitor: int, number: int) -> bool:
        """Of the event before it, which is none."""
        return number % 2 == 1 and self.dice_of(visitor, number) % 3 == 0

    def ping_after_ms(self, visitor: int, number: int) -> int:
        return self.dice_of(visitor, number) // 3 % (40 * MINUTE)

    def places(self, visitor: int) -> Iterator[int]:
        dice = random.Random(self.seed << 32 | visitor)
        at_ms = before_ms = dice.randrange(DAY)
        for number in range(dice.choice([1, 1, 2, 3, 5, 12, 25])):
            if self.is_ping(visitor, number):
                here_ms = before_ms + self.ping_after_ms(visitor, number)
            else:
                here_ms = before_ms = at_ms
                at_ms += self.gap(dice)
            if here_ms < DAY:
                yield here_ms << self.VISITOR_BITS + self.NUMBER_BITS | visitor << self.NUMBER_BITS | number

    @staticmethod
    def gap(dice: random.Random) -> int:
        return dice.choice(
            [
                *(30 * MINUTE - 1, 30 * MINUTE, 30 * MINUTE + 1, 0, 1),
                dice.randrange(1, MINUTE),
                dice.randrange(MINUTE, 30 * MINUTE),
                dice.randrange(15 * MINUTE, 30 * MINUTE),
                dice.randrange(31 * MINUTE, 3 * HOUR),
            ]
        )

    def event_id(self, visitor: int, number: int, at_ms: int) -> str:
        low, high = self.dice_of(visitor, number), self.dice_of(visitor, number | 1 << self.NUMBER_BITS - 1)
        head = f"{at_ms:012x}" if high & 1 else f"{high >> 16:012x}"
        return f"{head[:8]}-{head[8:]}-{7 if high & 1 else 4}{high >> 4 & 0xFFF:03x}-a{low >> 52:03x}-{low & 0xFFFFFFFFFFFF:012x}"

    def text(self, place: int, site_id: str) -> str:
        """The event as it is sent to that site."""
        number = place & (1 << self.NUMBER_BITS) - 1
        visitor = place >> self.NUMBER_BITS & (1 << self.VISITOR_BITS) - 1
        at_ms = self.start_ms + self.time_of(place)
        bits = self.dice_of(visitor, number)
        query, referrer, _ = CAME_FROM[(bits >> 8 & 0xFFFF) % len(CAME_FROM)]
        page, host, language = PAGES[bits >> 24 & 3], HOSTS[bits >> 26 & 15 == 0], LANGUAGES[bits >> 30 & 15 == 0]
        if self.is_ping(visitor, number):
            kind, before_ms = "ping", at_ms - self.ping_after_ms(visitor, number)
            named = self.event_id(visitor, number - 1, before_ms)
            more = f'"pageview_id":"{named}","time_on_page":{(bits >> 34 & 0xFFF) / 4}'
        elif bits >> 46 & 3:
            kind, more = "pageview", f'"referrer":"{referrer}"'
        else:
            kind, more = "event", f'"name":"play","referrer":"{referrer}","non_interactive":{["true", "false"][bits >> 48 & 1]}'
        return (
            f'{{"event_id":"{self.event_id(visitor, number, at_ms)}","type":"{kind}","tracking_id":"{site_id}",'
            f'"user_id":"{self.name(visitor)}","data":{{"page":"{page}?{query}","timestamp":{at_ms},{more}}},'
            f'"context":{{"url":"https://{host}{page}?{query}","language":"{language}"}}}}'
        )

    def time_of(self, place: int) -> int:
        return place >> self.VISITOR_BITS + self.NUMBER_BITS

    def pageview_of(self, place: int) -> int | None:
        """Of a ping: the place of the event before it, which it names."""
        number = place & (1 << self.NUMBER_BITS) - 1
        visitor = place >> self.NUMBER_BITS & (1 << self.VISITOR_BITS) - 1
        if not self.is_ping(visitor, number):
            return None
        return place - (self.ping_after_ms(visitor, number) << self.VISITOR_BITS + self.NUMBER_BITS) - 1

    @staticmethod
    def name(visitor: int) -> str:
        return f"v{visitor:07}"

    def sessions(self, visitor: int) -> list[Session]:
        """As the reference makes them."""
        sent = []
        for place in self.places(visitor):
            body = json.loads(self.text(place, ""))
            facts = next(
                facts
                for query, referrer, facts in CAME_FROM
                if (query, referrer) == (body["data"]["page"].partition("?")[2], body["data"].get("referrer", ""))
                or body["type"] == "ping"
            )
            sent.append(Sent(body, body["user_id"], facts=facts | DEVICE))
        return sessions_of(first_receipts(sent))


def order_of(kind: str, day: Day, places: array.array, dice: random.Random) -> Iterator[int]:
    """All of them, and some a second time, in that order: each has its turn, which is a time of the day."""

    def turn(place: int, copy: int) -> float:
        at_ms = day.time_of(place)
        chance = mixed((place * 2 + copy ^ day.seed) & 0xFFFFFFFFFFFFFFFF) / 2**64
        if kind == "shuffled":
            return chance * DAY
        if kind == "reversed":
            return -at_ms
        if kind == "late" and chance < 0.1:
            return at_ms + chance * 10 * 12 * HOUR  # up to half a day after it happened
        return at_ms

    earliest = DAY * PING_BEFORE / len(places)

    def turn_of(place: int, copy: int) -> float:
        view = day.pageview_of(place)
        return turn(place, copy) if view is None else max(turn(place, copy), turn(view, 0) - earliest)

    pairs = [(turn_of(place, 0), place) for place in places]
    for number in dice.sample(range(len(places)), int(len(places) * TWICE)):
        # The second copy right behind the first, or hours later.
        later = dice.choice([0, dice.randrange(6 * HOUR)])
        pairs.append((turn_of(places[number], 1) + later, places[number]))
    pairs.sort()
    return (place for _, place in pairs)


def send(server: Server, site: Site, day: Day, order: Iterable[int], count: int, restarts: list[str]) -> None:
    """`count`: how many these are, or hardly more. `restarts`: how, each after an equal part of them, right behind an
    acknowledgement, whatever the loader is at."""
    client, headers = server.client(), bearer(site.key("collect"))
    places = iter(order)
    sent = 0
    to_come = list(restarts)
    while body := [day.text(place, site.id) for _, place in zip(range(BODY_EVENTS), places)]:
        answer = client.request("POST", "/api/v1/events", "[" + ",".join(body) + "]", headers)
        assert answer.status == 200, answer
        assert answer.json()["received"] == len(body) and answer.json()["rejected"] == [], answer
        sent += len(body)
        if to_come and sent > count * (len(restarts) - len(to_come) + 1) / (len(restarts) + 1):
            client.close()
            if to_come.pop(0) == "terminate":
                assert server.terminate() == 0
            else:
                server.kill()
            # What is not in the store yet is loaded before it is ready.
            server.start(limit_s=60 + sent / 1000)
    client.close()
    assert not to_come, "not all restarts were reached"


def rows(server: Server, site: Site, first: int, end: int) -> list[list[str]]:
    """What the table says of the sessions of these visitors."""
    said = ",".join([*SAID_OF_ALL.values(), *BESIDE])
    text = store(
        server,
        f"SELECT {said} FROM footfall.sessions WHERE website_id = '{site.id}'"
        f" AND user_id >= '{Day.name(first)}' AND user_id < '{Day.name(end)}'"
        f" GROUP BY ALL HAVING sum(sign) != 0 ORDER BY 1, 2 FORMAT TSV",
    )
    return [line.split("\t") for line in text.splitlines()]


def row_of(session: Session) -> list[str]:
    values: dict[str, Any] = {
        "started_at": session.started_at,
        "ended_at": session.ended_at,
        "pageviews": len(session.pageviews),
        "events": len(session.events),
        "interactions": session.interactions,
        "engaged": f"{session.engaged_s:g}",
        "entry_page": session.entry_page,
        "exit_page": session.exit_page,
        "is_mixed": int(session.is_mixed),
        "is_bot": int(session.is_bot),
    }
    return [str(values.get(name, session.value(name))) for name in SAID_OF_ALL]


@pytest.fixture
def day(seed: int) -> Day:
    """The last one, so that its end is in the loader's memory and its beginning is not."""
    visitors = max(1, EVENTS // EVENTS_PER_VISITOR)
    return Day(seed, now_ms() - DAY - 10 * MINUTE, visitors)


def test_R19_sessions_are_the_same_row_for_row_whatever_order_events_come_in(day: Day, start_server: Any):
    dice = random.Random(day.seed)
    places = array.array("Q", (place for visitor in range(day.visitors) for place in day.places(visitor)))
    server: Server = start_server()
    sites: dict[str, Site] = {}
    for kind in ("ordered", "shuffled", "reversed", "late"):
        sites[kind] = server.add_site("Europe/Berlin")
        restarts = [] if kind == "ordered" else [dice.choice(["terminate", "kill"]) for _ in range(RESTARTS)]
        started = time.monotonic()
        send(server, sites[kind], day, order_of(kind, day, places, dice), len(places), restarts)
        print(f"{kind}: {len(places)} events sent in {time.monotonic() - started:.1f} s, restarts: {restarts}")
    counting = sum('"type":"ping"' not in day.text(place, "") for place in places)
    started = time.monotonic()
    for site in sites.values():
        site.wait_value("events", counting, 20 + len(places) / 1000)
    print(f"all of them counted {time.monotonic() - started:.1f} s after the last was sent")
    compared = 0
    for first in range(0, day.visitors, SLICE):
        end = min(first + SLICE, day.visitors)
        sessions = [session for visitor in range(first, end) for session in day.sessions(visitor)]
        expected = sorted(map(row_of, sessions), key=lambda row: (row[0], int(row[1])))
        found = {kind: rows(server, site, first, end) for kind, site in sites.items()}
        for kind, told in found.items():
            check([row[: len(SAID_OF_ALL)] for row in told], expected, f"{kind} and the reference")
            check(told, found["ordered"], f"{kind} and ordered")
        compared += len(expected)
    assert compared > day.visitors, "hardly any sessions"
    print(f"{compared} sessions of each of {len(sites)} orders compared")
    audit = command("audit", data=server.data, limit_s=60 + len(places) / 2000)
    assert all(found["ok"] for found in audit), audit


def check(told: list[list[str]], expected: list[list[str]], which: str) -> None:
    if told == expected:
        return
    there, wanted = set(map(tuple, told)), set(map(tuple, expected))
    raise AssertionError(
        f"{which}: {len(told)} rows and {len(expected)}; "
        f"missing {sorted(wanted - there)[:5]}; surplus {sorted(there - wanted)[:5]}"
    )
