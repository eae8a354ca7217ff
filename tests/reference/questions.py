"""A question of the contract ("Asking") over sessions → its rows and totals.

Which dimension is whose decides what is counted where:
- an event's own (page, title, event_*, property:*, session_id);
- its session's, whichever event is asked for (entry and exit page, and where it came from);
- both: the visitor, and what may vary within a session (sessions.VARYING). An event has its own; a session has each that
  one of its events has.
A bucket of time is that of the event, and of the session's start. What a session's visitor came by at first and at last
(touches, docs/adr/0018) is the session's too, and of all sessions that the visitor has, whatever the range is.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable
from typing import Any

from reference.metrics import METRICS, Group, Number
from reference.sessions import VARYING, Event, Session, Touches, touches_of
from reference.zones import TIME_DIMENSIONS, Everything, Instants, Range, bucket, bucket_named, place_in_time

OF_EVENTS = ("page", "title", "event_name", "event_category", "event_action", "event_label", "session_id")
OF_SESSIONS = (
    *("entry_page", "exit_page", "referrer", "source", "medium", "campaign", "term", "content", "channel"),
    "user_id",  # of an event it is the same
)
TOUCHES = tuple(f"{which}_{name}" for which in ("first", "last") for name in ("referrer", "source", "medium", "campaign", "channel"))
DIMENSIONS = (*TIME_DIMENSIONS, *OF_EVENTS, *OF_SESSIONS, *TOUCHES, *VARYING)  # and property:NAME
# Of an event, for filters alone: a number.
NUMBERS = ("revenue", "engaged_seconds", "scroll_percent")

# ["dimension", "operator", values], or ["and" | "or" | "not" | "has_done" | "has_not_done", filter, …]. Resolved, what was done
# is [VISITOR, who did it].
Filter = list
VISITOR = "visitor"
Row = tuple[tuple[str, ...], tuple[Number, ...]]  # values of the dimensions, values of the metrics


@dataclasses.dataclass(frozen=True)
class Question:
    zone: str  # the site's
    metrics: tuple[str, ...]
    dimensions: tuple[str, ...] = ()
    range: Range = Everything()
    filters: tuple[Filter, ...] = ()
    order_by: tuple[tuple[str, str], ...] = ()  # column, "asc" or "desc"
    limit: int = 10_000
    offset: int = 0
    include_bots: bool = False


@dataclasses.dataclass(frozen=True)
class Answer:
    rows: list[Row]
    totals: tuple[Number, ...]


ValueOf = Callable[[str], str]  # dimension → value


def answer(sessions: Iterable[Session], question: Question) -> Answer:
    groups: dict[tuple[str, ...], Group] = {}
    total = Group()
    sessions = list(sessions)
    touches = touches_of(sessions)
    question = dataclasses.replace(question, filters=doings(question, sessions, touches).resolved(question.filters))

    def key(value_of: ValueOf) -> tuple[str, ...]:
        return tuple(map(value_of, question.dimensions))

    for session in sessions:
        if session.is_bot and not question.include_bots:
            continue
        told = {view.event.event_id: view for view in session.pageviews}
        for event in session.events:
            value_of = event_values(event, session, touches, question.zone)
            if question.range.contains(event.at_ms, question.zone) and passes_all(question, value_of):
                for group in (groups.setdefault(key(value_of), Group()), total):
                    group.events.append(event)
                    if event.event_id in told:
                        group.pageviews.append(told[event.event_id])
        keys = {key(value_of) for value_of in ways_in(session, touches, question)}
        for group in [groups.setdefault(one, Group()) for one in keys] + [total] * bool(keys):
            group.sessions.append(session)

    metrics = [METRICS[name] for name in question.metrics]
    rows = [
        (key, tuple(metric.of(group) for metric in metrics))
        for key, group in groups.items()
        if any(metric.finds(group) for metric in metrics)
    ]
    totals = tuple(metric.of(total) for metric in metrics)
    if not question.dimensions:
        return Answer([((), totals)], totals)
    ordered = in_order(rows, question)
    return Answer(ordered[question.offset : question.offset + question.limit], totals)


@dataclasses.dataclass(frozen=True)
class Doings:
    """What visitors have done: each has, in the range, one event that passes all that is asked of it; or, where that is not
    of events, one session of which a part is in the range."""

    sessions: list[Session]  # that count
    touches: Touches
    zone: str
    contains: Callable[[int], bool]  # the range, an instant
    overlaps: Callable[[Session], bool]

    def resolved(self, filters: Iterable[Filter]) -> tuple[Filter, ...]:
        return tuple(map(self.resolve, filters))

    def resolve(self, condition: Filter) -> Filter:
        if condition[0] in ("and", "or", "not"):
            return [condition[0], *map(self.resolve, condition[1:])]
        if condition[0] in ("has_done", "has_not_done"):
            kind, conditions = condition[0], condition[1:]
        elif condition[1] in ("has_done", "has_not_done"):
            kind, conditions = condition[1], [[condition[0], "is", *condition[2:]]]
        else:
            return condition
        done = [VISITOR, frozenset(session.visitor for session in self.sessions if self.has_done(session, conditions))]
        return done if kind == "has_done" else ["not", done]

    def has_done(self, session: Session, conditions: list[Filter]) -> bool:
        names = set().union(*map(names_of_filter, conditions))
        if any(name in OF_SESSIONS and name != "user_id" for name in names):
            ways = [self.of_session(session)] if self.overlaps(session) else []
        else:
            events = [event for event in session.events if self.contains(event.at_ms)]
            ways = [event_values(event, session, self.touches, self.zone) for event in events]
        return any(all(passes(one, value_of, self.zone) for one in conditions) for value_of in ways)

    def of_session(self, session: Session) -> ValueOf:
        def value(dimension: str) -> str:
            if dimension in TIME_DIMENSIONS:
                return bucket(dimension, session.started_at, self.zone)
            return session_value(session, self.touches, dimension)

        return value


def doings(asked: Any, sessions: Iterable[Session], touches: Touches) -> Doings:
    """In the range of a question, a funnel or paths."""

    def contains(at_ms: int) -> bool:
        return asked.range.contains(at_ms, asked.zone)

    def overlaps(session: Session) -> bool:
        if isinstance(asked.range, Instants):
            return session.started_at < asked.range.to_ms and session.ended_at >= asked.range.from_ms
        # No session is longer than a day without an event.
        return any(contains(event.at_ms) for event in session.events)

    counted = [session for session in sessions if asked.include_bots or not session.is_bot]
    return Doings(counted, touches, asked.zone, contains, overlaps)


def session_value(session: Session, touches: Touches, dimension: str) -> str:
    if dimension in TOUCHES:
        which, _, name = dimension.partition("_")
        first, last = touches[session]
        return (first if which == "first" else last).value(name)
    return session.value(dimension)


def event_values(event: Event, session: Session, touches: Touches, zone: str) -> ValueOf:
    def value(dimension: str) -> str:
        if dimension == VISITOR:
            return session.visitor
        if dimension in TIME_DIMENSIONS:
            return bucket(dimension, event.at_ms, zone)
        if dimension in NUMBERS:
            return number_of(dimension, event, session)
        if dimension in OF_SESSIONS or dimension in TOUCHES:
            return session_value(session, touches, dimension)
        return event.value(dimension)

    return value


def number_of(dimension: str, event: Event, session: Session) -> str:
    """Empty where an event can have none. No definition says what another currency is worth, and there is only one."""
    if dimension == "revenue":
        return str(event.revenue)
    for view in session.pageviews:
        if view.event is event:
            return str((view.engaged_s if dimension == "engaged_seconds" else view.scroll_percent) or 0)
    return ""


def ways_in(session: Session, touches: Touches, question: Question) -> list[ValueOf]:
    """For each event by which the session is counted, what that makes of its dimensions; empty where it is not.

    Sessions that started in the range count, so that days add up; but where an event's own dimension is asked for or
    filtered by, those with at least one such event in the range, at the event's time."""
    zone = question.zone
    if any(is_of_events_alone(name) for name in names_of(question)):
        values = [
            event_values(event, session, touches, zone)
            for event in session.events
            if question.range.contains(event.at_ms, zone)
        ]
    elif question.range.contains(session.started_at, zone):

        def values_with(event: Event) -> ValueOf:
            def value(dimension: str) -> str:
                if dimension == VISITOR:
                    return session.visitor
                if dimension in TIME_DIMENSIONS:
                    return bucket(dimension, session.started_at, zone)
                return event.value(dimension) if dimension in VARYING else session_value(session, touches, dimension)

            return value

        values = [values_with(event) for event in session.events]
    else:
        values = []
    return [value_of for value_of in values if passes_all(question, value_of)]


def is_of_events_alone(dimension: str) -> bool:
    return dimension in OF_EVENTS or dimension in NUMBERS or dimension.startswith("property:")


def names_of_filter(condition: Filter) -> set[str]:
    if condition[0] == VISITOR:
        return set()
    if condition[0] in ("and", "or", "not"):
        return set().union(*map(names_of_filter, condition[1:]))
    return {condition[0]}


def names_of(question: Question) -> set[str]:
    """All dimensions that are asked for or filtered by."""
    return set(question.dimensions).union(*map(names_of_filter, question.filters))


def passes_all(question: Question, value_of: ValueOf) -> bool:
    return all(passes(condition, value_of, question.zone) for condition in question.filters)


def passes(condition: Filter, value_of: ValueOf, zone: str) -> bool:
    if condition[0] == VISITOR:
        return value_of(VISITOR) in condition[1]
    if condition[0] == "and":
        return all(passes(inner, value_of, zone) for inner in condition[1:])
    if condition[0] == "or":
        return any(passes(inner, value_of, zone) for inner in condition[1:])
    if condition[0] == "not":
        return not passes(condition[1], value_of, zone)
    dimension, operator, *rest = condition
    if operator in ("is_not", "contains_not", "matches_not"):
        return not passes([dimension, operator.removesuffix("_not"), *rest], value_of, zone)
    value = value_of(dimension)
    if operator == "is_set":
        return (value != "") == (rest[0] if rest else True)
    wanted = rest[0] if isinstance(rest[0], list) else rest
    if dimension in TIME_DIMENSIONS:
        wanted = [bucket_named(dimension, one, zone) for one in wanted]
    if operator == "is":
        return value in wanted
    if operator == "contains":
        return any(one in value for one in wanted)
    if operator == "matches":
        return any(re.search(one, value) for one in wanted)
    if dimension in TIME_DIMENSIONS:
        number, bounds = place_in_time(dimension, value), [place_in_time(dimension, one) for one in wanted]
    else:
        try:
            number, bounds = float(value), [float(one) for one in wanted]
        except ValueError:
            return False  # a text that is no number is neither more nor less than one
    if operator == "gt":
        return number > bounds[0]
    if operator == "lt":
        return number < bounds[0]
    assert operator == "between", operator
    return bounds[0] <= number <= bounds[1]


def in_order(rows: list[Row], question: Question) -> list[Row]:
    """By time where a time dimension comes first, else by the first metric, largest first; or as asked. What is equal
    then is by the dimensions. A metric that is None comes last either way."""
    columns = [*question.dimensions, *question.metrics]
    terms = list(question.order_by)
    if not terms:
        by_time = question.dimensions[0] in TIME_DIMENSIONS
        terms = [(question.dimensions[0], "asc") if by_time else (question.metrics[0], "desc")]
    terms += [(name, "asc") for name in question.dimensions]
    rows = list(rows)
    for name, direction in reversed(terms):  # sorting is stable: the last term first
        place = columns.index(name)
        if name in question.dimensions:

            def by(row: Row) -> object:
                label = row[0][place]
                return place_in_time(name, label) if name in TIME_DIMENSIONS else label.encode()

            rows.sort(key=by, reverse=direction == "desc")
        else:
            place -= len(question.dimensions)
            known = [row for row in rows if row[1][place] is not None]
            known.sort(key=lambda row: row[1][place], reverse=direction == "desc")
            rows = known + [row for row in rows if row[1][place] is None]
    return rows
