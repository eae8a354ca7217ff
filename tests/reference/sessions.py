"""Sessions as "Terms and metrics" defines them: every visitor's events are sorted by event time and cut at each gap, each
time anew. So the order in which they came, how late, how often, and what the server went through, say nothing here."""

import dataclasses
import functools
from collections.abc import Iterable

from reference.events import Event

GAP_MS = 30 * 60 * 1000
# For so long a visitor who comes directly is still one of what brought them before (docs/adr/0018).
TOUCH_MS = 90 * 24 * 3600 * 1000

# What a session has of its first event. Two events of one millisecond have no order in time: the one that says the
# smaller text is the first, compared value by value in this order (docs/adr/0007).
ATTRIBUTES = (
    *("user_id", "hostname", "referrer", "source", "medium", "campaign", "term", "content", "channel", "click_id"),
    *("country", "region", "city", "language", "device_type", "browser", "browser_version", "os", "os_version"),
    "screen_class",
)
# Of these, what an event has of its own too: a visitor may go on to another host, or be on two devices at once.
VARYING = (
    *("hostname", "country", "region", "city", "language", "device_type", "browser", "browser_version", "os"),
    *("os_version", "screen_class"),
)


@dataclasses.dataclass(frozen=True)
class Pageview:
    """A pageview with what pings told of it, the largest of each; None where none did."""

    event: Event
    engaged_s: float | None
    scroll_percent: float | None


@dataclasses.dataclass(frozen=True, eq=False)
class Session:
    """A run of one visitor's events, a bot's apart, with no gap as long as the site's timeout, which is 30 minutes where
    the site says no other."""

    visitor: str
    is_bot: bool
    events: tuple[Event, ...]  # by time
    pageviews: tuple[Pageview, ...]  # of these

    @functools.cached_property
    def first(self) -> Event:
        return min(self.events, key=lambda event: (event.at_ms, [event.value(name) for name in ATTRIBUTES]))

    @property
    def started_at(self) -> int:
        return self.events[0].at_ms

    @property
    def ended_at(self) -> int:
        return self.events[-1].at_ms

    @functools.cached_property
    def entry_page(self) -> str:
        """Empty where it has no pageview. Of two at one instant the smaller is the earlier."""
        return min(((view.event.at_ms, view.event.value("page")) for view in self.pageviews), default=(0, ""))[1]

    @functools.cached_property
    def exit_page(self) -> str:
        return max(((view.event.at_ms, view.event.value("page")) for view in self.pageviews), default=(0, ""))[1]

    @property
    def interactions(self) -> int:
        return sum(event.is_interactive for event in self.events)

    @property
    def is_bounce(self) -> bool:
        return len(self.pageviews) == 1 and self.interactions == 0

    @property
    def engaged_s(self) -> float:
        """Of the one event of a session that has no other."""
        if len(self.events) > 1 or not self.pageviews:
            return 0
        return self.pageviews[0].engaged_s or 0

    @property
    def duration_ms(self) -> float:
        return self.engaged_s * 1000 if len(self.events) == 1 else self.ended_at - self.started_at

    def value(self, dimension: str) -> str:
        if dimension in ("entry_page", "exit_page"):
            return getattr(self, dimension)
        return self.first.value(dimension)

    @property
    def is_direct(self) -> bool:
        return self.value("channel") == "Direct"

    @property
    def is_mixed(self) -> bool:
        return any(event.value(name) != self.first.value(name) for event in self.events for name in VARYING)


# Of each session the two whose source is its visitor's: the first of all, and the last that did not come directly.
Touches = dict[Session, tuple[Session, Session]]


def touches_of(sessions: Iterable[Session]) -> Touches:
    """The last one is the session itself where it is not direct, or nothing brought its visitor within TOUCH_MS before."""
    by_visitor: dict[tuple[str, str, bool], list[Session]] = {}
    for session in sessions:
        by_visitor.setdefault((session.events[0].site, session.visitor, session.is_bot), []).append(session)
    touches: Touches = {}
    for own in by_visitor.values():
        own.sort(key=lambda session: session.started_at)
        last: Session | None = None
        for session in own:
            if not session.is_direct:
                last = session
            is_recent = last is not None and session.started_at - last.started_at <= TOUCH_MS
            touches[session] = (own[0], last if last is not None and is_recent else session)
    return touches


def sessions_of(events: Iterable[Event], gap_ms: int | None = None) -> list[Session]:
    """Of the events that count; first_receipts() gives them. `gap_ms`: what ends a session of that site, GAP_MS where
    it says no other."""
    gap_ms = gap_ms or GAP_MS
    events = list(events)
    engaged: dict[tuple[str, str, bool], float] = {}
    scrolled: dict[tuple[str, str, bool], float] = {}
    for event in events:
        if event.type == "ping":
            # Of the visitor's own pageview: nobody else's ping says anything of it.
            key = (event.pageview_id, event.visitor, event.is_bot)
            engaged[key] = max(engaged.get(key, 0), event.time_on_page)
            scrolled[key] = max(scrolled.get(key, 0), event.scroll_depth)

    def session_of(run: list[Event]) -> Session:
        views = [(event, (event.event_id, event.visitor, event.is_bot)) for event in run if event.is_pageview]
        return Session(
            visitor=run[0].visitor,
            is_bot=run[0].is_bot,
            events=tuple(run),
            pageviews=tuple(Pageview(event, engaged.get(key), scrolled.get(key)) for event, key in views),
        )

    by_visitor: dict[tuple[str, str, bool], list[Event]] = {}
    for event in events:
        if event.counts:
            by_visitor.setdefault((event.site, event.visitor, event.is_bot), []).append(event)
    sessions: list[Session] = []
    for own in by_visitor.values():
        own.sort(key=lambda event: event.at_ms)
        run: list[Event] = []
        for event in own:
            if run and event.at_ms - run[-1].at_ms >= gap_ms:
                sessions.append(session_of(run))
                run = []
            run.append(event)
        sessions.append(session_of(run))
    return sessions
