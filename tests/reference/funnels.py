"""A funnel of the contract ("Asking") over sessions → how many visitors, and sessions, reached each step.

Steps are tried from each event that meets the first one, with each next event that meets the next one: whoever began more
than once has come as far as at best."""

import dataclasses
from collections.abc import Iterable, Sequence

from reference.events import Event
from reference.questions import Filter, ValueOf, doings, event_values, passes
from reference.sessions import Session, touches_of
from reference.zones import Everything, Range


@dataclasses.dataclass(frozen=True)
class Step:
    kind: str  # "page" or "event"
    value: str
    filters: tuple[Filter, ...] = ()

    def is_met(self, event: Event, value_of: ValueOf, zone: str) -> bool:
        if self.kind == "page" and not (event.is_pageview and event.value("page") == self.value):
            return False
        if self.kind == "event" and not (event.type == "event" and event.value("event_name") == self.value):
            return False
        return all(passes(condition, value_of, zone) for condition in self.filters)


@dataclasses.dataclass(frozen=True)
class Funnel:
    zone: str
    steps: tuple[Step, ...]
    window_s: int
    by: str = "visitor"  # or "session"
    range: Range = Everything()
    filters: tuple[Filter, ...] = ()
    include_bots: bool = False
    breakdown: str = ""  # a dimension


@dataclasses.dataclass(frozen=True)
class Counts:
    """Of each step."""

    visitors: tuple[int, ...]
    sessions: tuple[int, ...]  # as many as visitors where it is by visitor


@dataclasses.dataclass(frozen=True)
class FunnelAnswer:
    total: Counts
    by_value: dict[str, Counts]
    dropped: list[list[tuple[str, int]]]  # by step: who reached the one before alone, and when he last met any; latest first


def answer(sessions: Iterable[Session], received: Sequence[Event], funnel: Funnel) -> FunnelAnswer:
    """`received`: all events in the order in which they came, which is that of those of one millisecond."""
    sessions = list(sessions)
    place = {event.event_id: number for number, event in enumerate(received)}
    touches = touches_of(sessions)
    done = doings(funnel, sessions, touches)
    steps = tuple(dataclasses.replace(step, filters=done.resolved(step.filters)) for step in funnel.steps)
    funnel = dataclasses.replace(funnel, steps=steps, filters=done.resolved(funnel.filters))
    units: dict[object, list[tuple[Event, ValueOf]]] = {}
    visitor_of: dict[object, str] = {}
    for session in sessions:
        if session.is_bot and not funnel.include_bots:
            continue
        unit: object = session if funnel.by == "session" else session.visitor
        visitor_of[unit] = session.visitor
        for event in session.events:
            value_of = event_values(event, session, touches, funnel.zone)
            if funnel.range.contains(event.at_ms, funnel.zone) and all(passes(one, value_of, funnel.zone) for one in funnel.filters):
                units.setdefault(unit, []).append((event, value_of))
    reached: dict[object, int] = {}
    values: dict[object, str] = {}
    for unit, events in units.items():
        events.sort(key=lambda pair: (pair[0].at_ms, place[pair[0].event_id]))
        begun = [number for number, (event, value_of) in enumerate(events) if funnel.steps[0].is_met(event, value_of, funnel.zone)]
        if begun:
            reached[unit] = max(how_far(events[number:], funnel) for number in begun)
            values[unit] = events[begun[0]][1](funnel.breakdown) if funnel.breakdown else ""

    def counts(of: list[object]) -> Counts:
        steps = range(1, len(funnel.steps) + 1)
        return Counts(
            tuple(len({visitor_of[unit] for unit in of if reached[unit] >= step}) for step in steps),
            tuple(sum(reached[unit] >= step for unit in of) for step in steps),
        )

    def dropped_of(unit: object) -> tuple[str, int]:
        met = [event.at_ms for event, value_of in units[unit] if any(step.is_met(event, value_of, funnel.zone) for step in funnel.steps)]
        return visitor_of[unit], max(met)

    return FunnelAnswer(
        counts(list(reached)),
        {value: counts([unit for unit in reached if values[unit] == value]) for value in set(values.values())},
        [sorted((dropped_of(unit) for unit in reached if reached[unit] == step), key=lambda one: (-one[1], one[0])) for step in range(len(funnel.steps))],
    )


def how_far(events: list[tuple[Event, ValueOf]], funnel: Funnel) -> int:
    """The first event meets the first step."""
    begun_at = events[0][0].at_ms
    step = 1
    for event, value_of in events[1:]:
        if step == len(funnel.steps) or event.at_ms - begun_at > funnel.window_s * 1000:
            break
        if funnel.steps[step].is_met(event, value_of, funnel.zone):
            step += 1
    return step
