"""The metrics of "Terms and metrics", each in the definition's own words, over the events and sessions of a group. Exact:
a ratio is a fraction, an amount a decimal. None where there is nothing to divide by."""

import dataclasses
import decimal
import fractions
from collections.abc import Callable, Iterable

from reference.events import Event
from reference.sessions import Pageview, Session

Number = int | fractions.Fraction | decimal.Decimal | None
ACTIVE_MS = 5 * 60 * 1000


@dataclasses.dataclass
class Group:
    """What a row or a total counts: events of the types that count, and sessions."""

    events: list[Event] = dataclasses.field(default_factory=list)
    pageviews: list[Pageview] = dataclasses.field(default_factory=list)  # of these events
    sessions: list[Session] = dataclasses.field(default_factory=list)


def mean(values: Iterable[float | int]) -> fractions.Fraction | None:
    values = [fractions.Fraction(value) for value in values]
    return sum(values) / len(values) if values else None


def pageviews(group: Group) -> int:
    """Count of pageview events."""
    return sum(event.type == "pageview" for event in group.events)


def events(group: Group) -> int:
    """Count of events of type pageview and event; ping, vitals and identify don't count."""
    return sum(event.type in ("pageview", "event") for event in group.events)


def visitors(group: Group) -> int:
    return len({event.visitor for event in group.events})


def sessions(group: Group) -> int:
    """Which sessions are in a group, questions.py says."""
    return len(group.sessions)


def views_per_session(group: Group) -> Number:
    """Pageviews / sessions."""
    return fractions.Fraction(pageviews(group), sessions(group)) if group.sessions else None


def bounce_rate(group: Group) -> Number:
    """Bounces / sessions, percent. A bounce: exactly one pageview and no interactive custom event."""
    return mean(100 * session.is_bounce for session in group.sessions)


def session_duration(group: Group) -> Number:
    """Mean of (last event time − first event time), seconds; a single-event session counts as its engaged time, or 0."""
    return mean(fractions.Fraction(session.duration_ms) / 1000 for session in group.sessions)


def time_on_page(group: Group) -> Number:
    """Mean engaged time per pageview, seconds: one of which no ping came was engaged for 0 seconds."""
    return mean(view.engaged_s or 0 for view in group.pageviews)


def engaged_time(group: Group) -> Number:
    """Mean engaged time per session, seconds: that of the pageviews together, as views_per_session counts them."""
    engaged = sum(fractions.Fraction(view.engaged_s or 0) for view in group.pageviews)
    return engaged / sessions(group) if group.sessions else None


def scroll_depth(group: Group) -> Number:
    """Mean of the deepest scroll per page and visitor, percent; of those of which a ping told one. 0 tells of none: of a
    page that was seen, a part was."""
    deepest: dict[tuple[str, str], float] = {}
    for view in group.pageviews:
        if view.scroll_percent:
            key = (view.event.value("page"), view.event.visitor)
            deepest[key] = max(deepest.get(key, 0), view.scroll_percent)
    return mean(deepest.values())


def revenue(group: Group, currency: str = "") -> decimal.Decimal:
    """Sum of `revenue` in the site's currency, exact. An event without a currency is in the site's; nothing defines
    what another one is worth, so that is no sum."""
    if others := {event.currency for event in group.events} - {"", currency}:
        raise ValueError(f"no definition says what {sorted(others)} are worth in the site's currency")
    return sum((event.revenue for event in group.events), decimal.Decimal(0))


def revenue_left_out(group: Group, currency: str = "") -> int:
    """Events with a revenue in another currency than the site's."""
    return sum(event.revenue != 0 and event.currency not in ("", currency) for event in group.events)


@dataclasses.dataclass(frozen=True)
class Metric:
    of: Callable[[Group], Number]
    # Whether the group has anything that it counts: a row is there where one of its metrics finds something.
    finds: Callable[[Group], bool]


def of_events(group: Group) -> bool:
    return bool(group.events)


def of_pageviews(group: Group) -> bool:
    return any(event.is_pageview for event in group.events)


def of_custom_events(group: Group) -> bool:
    return any(event.counts and not event.is_pageview for event in group.events)


def of_sessions(group: Group) -> bool:
    return bool(group.sessions)


METRICS: dict[str, Metric] = {
    "visitors": Metric(visitors, of_events),
    "users": Metric(visitors, of_events),
    "pageviews": Metric(pageviews, of_pageviews),
    "events": Metric(events, of_events),
    "sessions": Metric(sessions, of_sessions),
    "views_per_session": Metric(views_per_session, lambda group: of_pageviews(group) or of_sessions(group)),
    "bounce_rate": Metric(bounce_rate, of_sessions),
    "session_duration": Metric(session_duration, of_sessions),
    "time_on_page": Metric(time_on_page, of_pageviews),
    "scroll_depth": Metric(scroll_depth, of_pageviews),
    "engaged_time": Metric(engaged_time, lambda group: of_pageviews(group) or of_sessions(group)),
    "revenue": Metric(revenue, of_custom_events),
    "revenue_left_out": Metric(revenue_left_out, of_custom_events),
}

# A goal is a named condition on events. A definition that needs more than a group's events and sessions is a function.
Goal = Callable[[Event], bool]


def conversions(group: Group, goal: Goal, by: str = "session") -> int:
    """Sessions (or visitors, by request) that met a goal."""
    met = [session for session in group.sessions if any(map(goal, session.events))]
    return len(met) if by == "session" else len({session.visitor for session in met})


def conversion_rate(group: Group, goal: Goal, by: str = "session") -> Number:
    """Conversions over all of them, percent."""
    whole = len(group.sessions) if by == "session" else len({session.visitor for session in group.sessions})
    return fractions.Fraction(100 * conversions(group, goal, by), whole) if whole else None


def active_visitors(events: Iterable[Event], now_ms: int) -> int:
    """Distinct visitors with an event in the last 5 minutes."""
    return len({event.visitor for event in events if event.counts and now_ms - ACTIVE_MS < event.at_ms <= now_ms})
