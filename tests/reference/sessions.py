"""Sessions and their metrics, as "Terms and metrics" of the design defines them, over a plain list of events. It shares
no code, language or idea with src/process/sessions: every visitor's events are sorted and cut, each time anew.

An event is the dict that a client sends: it has its event_id, a sent user_id (the site is not cookieless), a page and a
timestamp. Two events of one visitor at one instant have no order by definition; callers do not make them. Standard
library only.
"""

import dataclasses
import datetime
import urllib.parse
import zoneinfo
from collections.abc import Callable, Iterable
from typing import Any

Event = dict[str, Any]
GAP_MS = 30 * 60 * 1000
CAMPAIGN_FIELDS = ("source", "medium", "campaign", "term", "content")


@dataclasses.dataclass(frozen=True)
class Session:
    visitor: str
    started_at: int  # epoch ms, of its first and last event
    ended_at: int
    entry_page: str  # empty where it has no pageview
    exit_page: str
    pageviews: int
    events: int
    interactions: int
    engaged_s: float
    campaign: tuple[str, ...]  # CAMPAIGN_FIELDS of its first event
    members: tuple[Event, ...] = dataclasses.field(repr=False, compare=False)

    @property
    def is_bounce(self) -> bool:
        return self.pageviews == 1 and self.interactions == 0

    @property
    def duration_s(self) -> float:
        return self.engaged_s if self.events == 1 else (self.ended_at - self.started_at) / 1000

    def dimension(self, name: str) -> str:
        if name in CAMPAIGN_FIELDS:
            return self.campaign[CAMPAIGN_FIELDS.index(name)]
        return self.visitor if name == "user_id" else getattr(self, name)


def first_receipts(acknowledged: Iterable[Event]) -> list[Event]:
    """The same event_id counts once, and the first content wins. `acknowledged` is in the order of receipt."""
    kept: dict[str, Event] = {}
    for event in acknowledged:
        kept.setdefault(event["event_id"], event)
    return list(kept.values())


def time_of(event: Event) -> int:
    return event["data"]["timestamp"]


def counts(event: Event) -> bool:
    """Pings, vitals and identify calls neither count nor extend a session."""
    return event["type"] in ("pageview", "event")


def page_of(event: Event) -> str:
    return urllib.parse.urlsplit(event["data"]["page"]).path


def sessions_of(acknowledged: Iterable[Event]) -> list[Session]:
    events = first_receipts(acknowledged)
    engaged: dict[str, float] = {}
    for event in events:
        if event["type"] == "ping":
            pageview = event["data"]["pageview_id"]
            engaged[pageview] = max(engaged.get(pageview, 0), event["data"]["time_on_page"])
    by_visitor: dict[str, list[Event]] = {}
    for event in events:
        if counts(event):
            by_visitor.setdefault(event["user_id"], []).append(event)
    sessions: list[Session] = []
    for visitor, own in by_visitor.items():
        own.sort(key=time_of)
        run: list[Event] = []
        for event in own:
            if run and time_of(event) - time_of(run[-1]) >= GAP_MS:
                sessions.append(session_of(visitor, run, engaged))
                run = []
            run.append(event)
        sessions.append(session_of(visitor, run, engaged))
    return sessions


def session_of(visitor: str, run: list[Event], engaged: dict[str, float]) -> Session:
    views = [event for event in run if event["type"] == "pageview"]
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(run[0]["data"]["page"]).query))
    return Session(
        visitor=visitor,
        started_at=time_of(run[0]),
        ended_at=time_of(run[-1]),
        entry_page=page_of(views[0]) if views else "",
        exit_page=page_of(views[-1]) if views else "",
        pageviews=len(views),
        events=len(run),
        interactions=sum(event["type"] == "event" and not event["data"].get("non_interactive") for event in run),
        engaged_s=sum(engaged.get(event["event_id"], 0) for event in views),
        campaign=tuple(query.get(f"utm_{name}", "") for name in CAMPAIGN_FIELDS),
        members=tuple(run),
    )


def mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


METRICS: dict[str, Callable[[list[Session], list[Event]], float | None]] = {
    "sessions": lambda sessions, _: len(sessions),
    "bounce_rate": lambda sessions, _: mean([100.0 * session.is_bounce for session in sessions]),
    "session_duration": lambda sessions, _: mean([session.duration_s for session in sessions]),
    "views_per_session": lambda sessions, events: (
        METRICS["pageviews"](sessions, events) / len(sessions) if sessions else None
    ),
    "visitors": lambda _, events: len({event["user_id"] for event in events}),
    "pageviews": lambda _, events: sum(event["type"] == "pageview" for event in events),
    "events": lambda _, events: len(events),
}

Table = dict[tuple[str, ...], list[float | None]]


def tabulate(
    sessions: Iterable[Session],
    keys_of_session: Callable[[Session], set[Any]],
    key_of_event: Callable[[Session, Event], Any],
) -> Table:
    """Every metric of METRICS by group; a group is there where a session or an event is in it."""
    groups: dict[tuple[str, ...], tuple[list[Session], list[Event]]] = {}
    for session in sessions:
        for key in keys_of_session(session):
            groups.setdefault(key, ([], []))[0].append(session)
        for event in session.members:
            groups.setdefault(key_of_event(session, event), ([], []))[1].append(event)
    return {key: [metric(*group) for metric in METRICS.values()] for key, group in groups.items()}


def by_session(sessions: Iterable[Session], *dimensions: str) -> Table:
    """By what a session has: entry_page, exit_page, user_id, source and the like. An event is its session's."""

    def key(session: Session, _: Event | None = None) -> tuple[str, ...]:
        return tuple(session.dimension(name) for name in dimensions)

    return tabulate(sessions, lambda session: {key(session)}, key)


def by_page(sessions: Iterable[Session]) -> Table:
    """By an event's own dimension: the sessions with at least one such event."""

    def key(_: Session | None, event: Event) -> tuple[str, ...]:
        return (page_of(event),)

    return tabulate(sessions, lambda session: {key(session, event) for event in session.members}, key)


def by_date(sessions: Iterable[Session], zone: str) -> Table:
    """By the site's days: a session is of the day on which it started, an event of its own."""

    def day(at_ms: int) -> tuple[str, ...]:
        return (datetime.datetime.fromtimestamp(at_ms / 1000, zoneinfo.ZoneInfo(zone)).date().isoformat(),)

    return tabulate(sessions, lambda session: {day(session.started_at)}, lambda _, event: day(time_of(event)))
