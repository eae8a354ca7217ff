"""Retention of the contract ("Asking") over sessions → how many visitors of each cohort came again in each period.

Somebody comes by a session, in the period in which it started; where what events have is asked for, by each such event."""

import dataclasses
from collections.abc import Iterable

from reference.funnels import Step
from reference.questions import NUMBERS, OF_EVENTS, VISITOR, Doings, Filter, event_values, names_of_filter, passes, session_value
from reference.sessions import VARYING, Session, touches_of
from reference.zones import TIME_DIMENSIONS, Days, Everything, Instants, Range, bucket, bucket_named


@dataclasses.dataclass(frozen=True)
class Retention:
    zone: str
    period: str  # "date", "week" or "month": what the dimension is called
    range: Range = Everything()  # cohorts from the period on in which it begins; what comes after it counts nowhere
    first: Step | None = None
    again: Step | None = None
    filters: tuple[Filter, ...] = ()
    include_bots: bool = False

    def is_over(self, at_ms: int) -> bool:
        if isinstance(self.range, Days):
            return bucket("date", at_ms, self.zone) > self.range.last
        return isinstance(self.range, Instants) and at_ms >= self.range.to_ms

    @property
    def first_period(self) -> str:
        if isinstance(self.range, Days):
            return bucket_named(self.period, self.range.first, self.zone)
        return bucket(self.period, self.range.from_ms, self.zone) if isinstance(self.range, Instants) else ""

    @property
    def is_of_events(self) -> bool:
        names = {name for condition in self.filters for name in names_of_filter(condition)}
        of_events = any(name in OF_EVENTS or name in VARYING or name in NUMBERS or name.startswith("property:") for name in names)
        return of_events or self.first is not None or self.again is not None


def answer(sessions: Iterable[Session], asked: Retention) -> dict[tuple[str, str], int]:
    """By cohort and period, each told by its first day; where both are the same, the cohort's size."""
    sessions = [session for session in sessions if asked.include_bots or not session.is_bot]
    touches = touches_of(sessions)
    # Whatever was before the range's end, since that is what cohorts are made of.
    done = Doings(
        sessions, touches, asked.zone, lambda at_ms: not asked.is_over(at_ms), lambda session: not asked.is_over(session.started_at)
    )

    def resolved(step: Step | None) -> Step | None:
        return step and dataclasses.replace(step, filters=done.resolved(step.filters))

    asked = dataclasses.replace(
        asked, first=resolved(asked.first), again=resolved(asked.again), filters=done.resolved(asked.filters)
    )
    firsts: dict[str, set[str]] = {}
    agains: dict[str, set[str]] = {}
    for session in sessions:
        if not asked.is_of_events:

            def of_session(name: str, session: Session = session) -> str:
                if name == VISITOR:
                    return session.visitor
                return bucket(name, session.started_at, asked.zone) if name in TIME_DIMENSIONS else session_value(session, touches, name)

            if not asked.is_over(session.started_at) and all(passes(one, of_session, asked.zone) for one in asked.filters):
                period = bucket(asked.period, session.started_at, asked.zone)
                firsts.setdefault(session.visitor, set()).add(period)
                agains.setdefault(session.visitor, set()).add(period)
            continue
        for event in session.events:
            value_of = event_values(event, session, touches, asked.zone)
            if asked.is_over(event.at_ms) or not all(passes(one, value_of, asked.zone) for one in asked.filters):
                continue
            period = bucket(asked.period, event.at_ms, asked.zone)
            if asked.first is None or asked.first.is_met(event, value_of, asked.zone):
                firsts.setdefault(session.visitor, set()).add(period)
            if asked.again is None or asked.again.is_met(event, value_of, asked.zone):
                agains.setdefault(session.visitor, set()).add(period)
    counts: dict[tuple[str, str], int] = {}
    for visitor, periods in firsts.items():
        cohort = min(periods)
        if cohort < asked.first_period:
            continue
        for period in {cohort} | {period for period in agains.get(visitor, set()) if period > cohort}:
            counts[cohort, period] = counts.get((cohort, period), 0) + 1
    return counts
