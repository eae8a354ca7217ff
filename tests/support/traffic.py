"""Random traffic of a site, as its visitors send it and in the order in which it arrives; everything random comes of the
dice, so that a seed repeats all of it.

Most of what is chosen stands around what decides: gaps of half an hour to the millisecond, events of one instant, events
that join two sessions, the same event_id twice, midnight and changes of the clock."""

import dataclasses
import random
from collections.abc import Iterator
from typing import Any

from reference.events import Sent
from reference.zones import local
from support.events import FIREFOX, GOOGLEBOT, SAFARI_IPHONE
from support.server import Site

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
# So much earlier than its pageview a ping may be: the clock of a browser may be set meanwhile (docs/api.md).
PINGS_EARLY = 5 * MINUTE

PAGES = ["/", "/pricing", "/blog/one", "/blog/two", "/it's", "/Größe"]
TITLES = ["", "Prices", "Größe, 100%"]
HOSTS = ["site.example", "shop.example", "www.site.example"]
NAMES = ["signup", "play", "Kauf"]
CHROME_ANDROID = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36"
)
AGENTS = [FIREFOX, SAFARI_IPHONE, CHROME_ANDROID, GOOGLEBOT]
ADDRESSES = ["8.8.8.8", "193.99.144.85", "203.0.113.9"]
# Sent size of the window → the class that has its width.
SCREENS = {"390x700": "mobile", "800x600": "tablet", "1200x800": "laptop", "1920x1000": "desktop", "": ""}
LANGUAGES = ["", "de", "fr-CA"]
# The page's query and the referrer that are sent → what that is called.
CAME_FROM: list[tuple[str, str, dict[str, str]]] = [
    ("", "", {"channel": "Direct"}),
    ("", "https://site.example/other", {"channel": "Direct"}),
    (
        "",
        "https://www.google.com/search?q=x",
        {
            "referrer": "https://www.google.com/search?q=x",
            "source": "Google",
            "medium": "organic",
            "channel": "Organic Search",
        },
    ),
    (
        "gclid=abc",
        "https://www.google.com/",
        {
            "referrer": "https://www.google.com/",
            "source": "Google",
            "medium": "cpc",
            "channel": "Paid Search",
            "click_id": "gclid",
        },
    ),
    (
        "",
        "https://blog.unheard-of.example/post#x",
        {
            "referrer": "https://blog.unheard-of.example/post",
            "source": "blog.unheard-of.example",
            "medium": "referral",
            "channel": "Referral",
        },
    ),
    (
        "utm_source=news&utm_medium=email&utm_campaign=spring%20sale",
        "",
        {"source": "news", "medium": "email", "campaign": "spring sale", "channel": "Email"},
    ),
    (
        "utm_source=partner&utm_medium=cpc&utm_content=top",
        "",
        {"source": "partner", "medium": "cpc", "content": "top", "channel": "Paid Other"},
    ),
]


@dataclasses.dataclass(frozen=True)
class Enrichment:
    """Address or user agent → the dimensions that are made of it: asked of the product once, which tests this elsewhere."""

    of_address: dict[str, dict[str, str]]
    of_agent: dict[str, dict[str, str]]

    PLACE = ("country", "region", "city")
    DEVICE = ("device_type", "browser", "browser_version", "os", "os_version")

    @staticmethod
    def asked_of(site: Site) -> "Enrichment":
        dice = random.Random(0)

        def ask(parameter: str, values: list[str], dimensions: tuple[str, ...]) -> dict[str, dict[str, str]]:
            name = f"of {parameter}"
            events = [
                {
                    "type": "event",
                    "tracking_id": site.id,
                    "event_id": uuid_of(dice, None),
                    "data": {"name": name, "label": value},
                    "context": {"ip": ADDRESSES[0], "user_agent": FIREFOX} | {parameter: value},
                }
                for value in values
            ]
            site.send(*events, key="collect")
            site.wait_value("events", len(values), filters=[["event_name", "is", [name]]], include_bots=True)
            rows = site.query(
                ["events"], ["event_label", *dimensions], filters=[["event_name", "is", [name]]], include_bots=True
            )["rows"]
            return {row[0]: dict(zip(dimensions, row[1:])) for row in rows}

        return Enrichment(ask("ip", ADDRESSES, Enrichment.PLACE), ask("user_agent", AGENTS, Enrichment.DEVICE))


def uuid_of(dice: random.Random, clock_ms: int | None) -> str:
    """Version 7 with that time, or version 4."""
    head = f"{dice.getrandbits(48):012x}4" if clock_ms is None else f"{clock_ms:012x}7"
    bits = f"{head}{dice.getrandbits(12):03x}{dice.choice('89ab')}{dice.getrandbits(60):015x}"
    return f"{bits[:8]}-{bits[8:12]}-{bits[12:16]}-{bits[16:20]}-{bits[20:]}"


@dataclasses.dataclass
class Visitor:
    name: str
    user_id: str  # empty: anonymous
    address: str
    agent: str
    host: str
    language: str
    screen: str
    clock_ahead_ms: int  # of the device, which the ids' times show


def edges_of(zone: str, start_ms: int, end_ms: int) -> list[int]:
    """Midnights and changes of the clock. Every zone of today has them at a quarter of an hour of UTC."""

    def shown(at_ms: int) -> tuple[object, ...]:
        at = local(at_ms, zone)
        return at.date(), at.utcoffset()

    quarter = 15 * MINUTE
    places = range(start_ms // quarter * quarter + quarter, end_ms, quarter)
    return [at for at in places if shown(at) != shown(at - quarter)]


class Traffic:
    """Events of a site between two instants. `now_ms`: when they will be sent, at the earliest."""

    def __init__(
        self,
        dice: random.Random,
        site_id: str,
        zone: str,
        enrichment: Enrichment,
        start_ms: int,
        end_ms: int,
        now_ms: int,
        timeout_ms: int = 30 * MINUTE,
    ):
        self.timeout_ms = timeout_ms
        self.dice = dice
        self.site_id = site_id
        self.enrichment = enrichment
        self.start_ms = start_ms
        self.end_ms = end_ms
        self.now_ms = now_ms
        self.edges = edges_of(zone, start_ms, end_ms)
        self.numbers = iter(range(1_000_000))
        self.told_of: set[str | None] = set()

    def arrivals(self, visitors: int, anonymous: int, order: str, foreign_ids: list[str]) -> list[Sent]:
        """`order`: in which they come: as they happen and some days late ("late"), "shuffled" or "reversed".
        `foreign_ids`: of events of other sites, some of which get into this one's."""
        dice = self.dice
        made = [(sent.body["data"]["timestamp"], sent) for sent in self.events(visitors, anonymous, foreign_ids)]
        if order == "late":
            # Most come about when they happen, some days later: by then the sessions around them were written.
            made = [(at + (dice.random() ** 8) * 5 * DAY, sent) for at, sent in made]
        elif order == "shuffled":
            made = [(dice.random() * 6 * DAY, sent) for _, sent in made]
        else:
            assert order == "reversed", order
            made = [(-at, sent) for at, sent in made]
        self.told_of = {sent.body["data"].get("pageview_id") for _, sent in made}
        for at, sent in list(made):
            for _ in range(dice.choice([0, 0, 0, 0, 0, 1, 2])):
                made.append((at + (dice.random() - 0.1) * 2 * DAY, dice.choice([sent, self.other_content(sent)])))
        made.sort(key=lambda pair: pair[0])
        return without_early_pings_of_strangers([sent for _, sent in made])

    def events(self, visitors: int, anonymous: int, foreign_ids: list[str]) -> Iterator[Sent]:
        for number in range(visitors):
            yield from self.of_visitor(self.visitor(f"visitor {number}", f"visitor {number}"), foreign_ids)
        for number in range(anonymous):
            stranger = self.visitor(f"stranger {number}", "")
            stranger.address = f"10.9.{number // 250}.{number % 250 + 1}"  # with the agent, all that tells who it is
            yield from self.of_visitor(stranger, [])

    def visitor(self, name: str, user_id: str) -> Visitor:
        dice = self.dice
        return Visitor(
            name=name,
            user_id=user_id,
            address=dice.choice(ADDRESSES),
            agent=dice.choice(AGENTS[:3] * 3 + AGENTS),
            host=dice.choice(HOSTS),
            language=dice.choice(LANGUAGES),
            screen=dice.choice(list(SCREENS)),
            clock_ahead_ms=dice.choice([0, 0, MINUTE, 3 * HOUR, -3 * HOUR]),
        )

    def of_visitor(self, visitor: Visitor, foreign_ids: list[str]) -> Iterator[Sent]:
        dice = self.dice
        at_ms = self.start_ms + dice.randrange(self.end_ms - self.start_ms)
        if self.edges and dice.random() < 0.4:
            # Over a midnight or a change of the clock, and exactly at it.
            at_ms = dice.choice(self.edges) - dice.choice([dice.randrange(40 * MINUTE), 30 * MINUTE - 1, 1, 0])
        for _ in range(dice.choice([1, 1, 2, 3, 5, 12])):
            if at_ms >= self.end_ms:
                return
            seen = visitor if dice.random() < 0.8 or not visitor.user_id else self.elsewhere(visitor)
            made = self.event(seen, at_ms)
            is_foreign = bool(foreign_ids) and dice.random() < 0.05
            if is_foreign:
                made.body["event_id"] = dice.choice(foreign_ids)
            if self.is_certain(made):
                yield made
                if made.body["type"] == "pageview" and not is_foreign:
                    yield from filter(self.is_certain, self.told_later(seen, made))
            at_ms += self.gap()

    def is_certain(self, sent: Sent) -> bool:
        """Not at the age at which an event without a user_id becomes one of nobody else."""
        return bool(sent.body.get("user_id")) or abs(self.now_ms - sent.body["data"]["timestamp"] - DAY) > HOUR

    def elsewhere(self, visitor: Visitor) -> Visitor:
        """The same one on another device, host or in another place, perhaps as a bot."""
        other = self.visitor(visitor.name, visitor.user_id)
        keep = self.dice.sample(["address", "agent", "host", "language", "screen"], 3)
        return dataclasses.replace(other, **{name: getattr(visitor, name) for name in [*keep, "clock_ahead_ms"]})

    def gap(self) -> int:
        dice = self.dice
        return dice.choice(
            [
                *(self.timeout_ms - 1, self.timeout_ms, self.timeout_ms + 1, 0, 1),
                dice.randrange(1, MINUTE),
                dice.randrange(MINUTE, self.timeout_ms),
                # An event in the middle joins what is on both sides of it.
                dice.randrange(self.timeout_ms // 2, self.timeout_ms),
                dice.randrange(31 * MINUTE, 5 * HOUR),
                dice.randrange(5 * HOUR, DAY),
            ]
        )

    def event(self, visitor: Visitor, at_ms: int) -> Sent:
        dice = self.dice
        page = dice.choice(PAGES)
        query, referrer, facts = dice.choice(CAME_FROM)
        if dice.random() < 0.7:
            # Of this event alone: it tells which event a session takes its campaign from.
            term = f"t{next(self.numbers)}"
            query, facts = f"{query}&utm_term={term}".removeprefix("&"), facts | {"term": term}
        asked = f"{page}?{query}" if query else page
        data: dict[str, Any] = {"page": asked}
        if referrer:
            data["referrer"] = referrer
        if title := dice.choice(TITLES):
            data["title"] = title
        if dice.random() < 0.65:
            kind = "pageview"
            if dice.random() < 0.2:
                del data["page"]  # then the URL alone has it
        else:
            kind = "event"
            data |= self.custom()
        return self.sent(visitor, kind, at_ms, data, f"https://{visitor.host}{asked}", facts)

    def custom(self) -> dict[str, Any]:
        dice = self.dice
        data: dict[str, Any] = {"name": dice.choice(NAMES)}
        if dice.random() < 0.3:
            data = {"category": "shop", "action": dice.choice(["buy", "look"]), "label": dice.choice(["", "blue"])}
        if dice.random() < 0.5:
            data["non_interactive"] = dice.random() < 0.8
        if dice.random() < 0.5:
            seats = dice.choice([5, 12, 2.5, True, "many"])
            data["properties"] = {"plan": dice.choice(["free", "pro", "100%"]), "seats": seats}
        if dice.random() < 0.3:
            data["revenue"] = dice.choice(["19.99", "0.1", 7, "-5"])
        return data

    def told_later(self, visitor: Visitor, view: Sent) -> Iterator[Sent]:
        """What the page says of itself. Its time says nothing: none of it extends a session."""
        dice = self.dice
        at_ms, named = view.body["data"]["timestamp"], {"pageview_id": view.body["event_id"]}
        told = [("ping", named | {"time_on_page": dice.randrange(3600) / 4, "scroll_depth": dice.randrange(101)})]
        told *= dice.choice([0, 0, 1, 3])
        if dice.random() < 0.1:
            told.append(("vitals", named | {"lcp": 1200.5}))
        if dice.random() < 0.1 and visitor.user_id:
            told.append(("identify", {"user_id": visitor.user_id, "traits": {"plan": "pro"}}))
        for kind, data in told:
            if kind == "ping":
                data = data | {"time_on_page": dice.randrange(3600) / 4, "scroll_depth": dice.randrange(101)}
            later_ms = min(at_ms + dice.randrange(40 * MINUTE), self.end_ms)
            yield self.sent(visitor, kind, later_ms, data, f"https://{visitor.host}/", {})

    def sent(
        self, visitor: Visitor, kind: str, at_ms: int, data: dict[str, Any], url: str, facts: dict[str, str]
    ) -> Sent:
        dice = self.dice
        event_id = uuid_of(dice, dice.choice([None, at_ms + visitor.clock_ahead_ms]))
        body: dict[str, Any] = {"event_id": event_id, "type": kind, "tracking_id": self.site_id}
        body["data"] = data | {"timestamp": at_ms}
        body["context"] = {"url": url, "ip": visitor.address, "user_agent": visitor.agent}
        if visitor.language:
            body["context"]["language"] = visitor.language
        if visitor.screen:
            body["context"]["viewport"] = visitor.screen
        if visitor.user_id:
            body["user_id"] = visitor.user_id
        if dice.random() < 0.2:
            body["session_id"] = f"hint {dice.randrange(5)}"
        # Hashed with today's salt, an address of another day would be a visitor of today: so it is one of its own.
        is_alone = not visitor.user_id and self.now_ms - at_ms > DAY
        return Sent(
            body=body,
            visitor=f"alone {event_id}" if is_alone else visitor.name,
            is_bot=visitor.agent == GOOGLEBOT,
            facts=facts
            | self.enrichment.of_address.get(visitor.address, {})
            | self.enrichment.of_agent[visitor.agent]
            | {"screen_class": SCREENS[visitor.screen]},
        )

    def other_content(self, sent: Sent) -> Sent:
        """Under the same id, of the same visitor: whichever is received first wins."""
        if sent.body["type"] in ("ping", "vitals", "identify") or not sent.body.get("user_id"):
            return sent
        visitor = self.visitor(sent.visitor, sent.body["user_id"])
        gap_ms = self.gap()
        if sent.body["event_id"] in self.told_of:
            # Its pings stay where they are, and no more than some minutes before their pageview they say something of it.
            gap_ms = min(gap_ms, PINGS_EARLY)
        changed = self.event(visitor, min(sent.body["data"]["timestamp"] + gap_ms, self.end_ms))
        return dataclasses.replace(changed, body=changed.body | {"event_id": sent.body["event_id"]})


def without_early_pings_of_strangers(arrivals: list[Sent]) -> list[Sent]:
    """Who has no user_id and sent no pageview yet is nobody that a midnight (UTC) amid the test would let go on: a ping
    before it and a pageview behind it would be of two visitors."""
    seen: set[str] = set()
    kept = []
    for sent in arrivals:
        seen.add(sent.body["event_id"])
        named = sent.body["data"].get("pageview_id")
        if sent.body.get("user_id") or named is None or named in seen:
            kept.append(sent)
    return kept
