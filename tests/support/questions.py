"""Random questions about what was sent, as the reference takes them and as the API does, and how the two answers differ."""

import dataclasses
import datetime
import json
import math
import pathlib
import random
from collections.abc import Iterable
from typing import Any

from reference import questions, zones
from reference.metrics import METRICS, Number
from reference.questions import DIMENSIONS, Answer, Question, Row, event_values
from reference.sessions import Session, touches_of
from reference.zones import TIME_DIMENSIONS, Days, Everything, Instants

MINUTE = 60_000
PROPERTIES = ("property:plan", "property:seats")
NUMBERS = ("browser_version", "os_version", "property:seats")
# Means of times are sums of floats in the product: equal ones may differ in the last digit, and so in their order.
INEXACT = ("session_duration", "time_on_page", "scroll_depth", "engaged_time")
GRANULARITIES = {"minute": "minute", "hour": "hour", "date": "day", "week": "week", "month": "month"}
PATTERNS = ["^/", "blog/(one|two)", "e$", "[0-9]+", "^$", "(?i)kauf", "s.*e"]

SCHEMA = pathlib.Path(__file__).resolve().parent.parent.parent / "schema"


def declared(kind: str, answered: bool) -> set[str]:
    """Names of the product's metrics or dimensions that it answers, or does not in this version. Names alone: what they
    mean the reference has of the definitions."""
    entries = json.loads((SCHEMA / f"{kind}.json").read_text())[kind]
    return {
        name
        for entry in entries
        for name in [entry["name"], *entry.get("aliases", [])]
        if not entry.get("internal") and not entry.get("filter_only") and bool(entry["sources"] or entry.get("quotient")) == answered
    }


ANSWERED = declared("metrics", answered=True)


@dataclasses.dataclass(frozen=True)
class Asked:
    """A question in both forms. `compared`: the days before, where the request compares with them."""

    question: Question
    request: dict[str, Any]
    compared: Question | None = None


class Curious:
    """Asks about a site at random, with values that its events have."""

    def __init__(self, dice: random.Random, site_id: str, zone: str, sessions: list[Session], today: str):
        self.dice = dice
        self.site_id = site_id
        self.zone = zone
        self.sessions = sessions
        self.touches = touches_of(sessions)
        self.today = today  # of the site
        self.dimensions = [*DIMENSIONS, *PROPERTIES]
        self.numbers = questions.NUMBERS
        if any(not event.value("user_id") for session in sessions for event in session.events):
            self.dimensions.remove("user_id")  # of a stranger it is a hash of what only the server knows

    def asks(self) -> Asked:
        dice = self.dice
        dimensions = tuple(dice.sample(self.dimensions, dice.choice([0, 1, 1, 2, 2, 3])))
        # One in ten asks what this version may refuse.
        known = list(METRICS) if dice.random() < 0.1 else [name for name in METRICS if name in ANSWERED]
        metrics = tuple(dice.sample(known, dice.choice([1, 1, 2, 4])))
        order = [name for name in [*dimensions, *metrics] if name not in INEXACT]
        terms = dice.sample(order, min(len(order), dice.choice([0, 1, 2])))
        order_by = tuple((name, dice.choice(["asc", "desc"])) for name in terms)
        if dimensions and not order_by and metrics[0] in INEXACT:
            order_by = ((dimensions[0], "asc"),)
        is_whole = dice.random() < 0.5
        question = Question(
            zone=self.zone,
            metrics=metrics,
            dimensions=dimensions,
            range=self.range(),
            filters=tuple(self.filter() for _ in range(dice.choice([0, 0, 1, 2]))),
            order_by=order_by,
            limit=10_000 if is_whole else dice.randrange(1, 30),
            offset=0 if is_whole else dice.choice([0, dice.randrange(30)]),
            include_bots=dice.random() < 0.3,
        )
        compared = self.days_before(question) if dice.random() < 0.5 else None
        return Asked(question, self.request(question, is_compared=compared is not None), compared)

    def each_by_itself(self) -> list[Asked]:
        """Each session with all that it has of its own, by the visitor, the start and the term, which is of its first
        event alone; then all metrics by each dimension."""
        metrics = tuple(name for name in METRICS if name in ANSWERED)
        who = tuple(name for name in ("user_id", "minute", "term") if name in self.dimensions)
        entire = [(*who, "entry_page", "exit_page", "source", "campaign"), (*who, "referrer", "medium", "content", "channel")]
        return [
            Asked(question, self.request(question, is_compared=False))
            for dimensions in [(), *entire, *((name,) for name in self.dimensions)]
            for question in [Question(self.zone, metrics, dimensions, order_by=tuple((name, "asc") for name in dimensions))]
        ]

    def a_time(self) -> int:
        return self.dice.choice(self.dice.choice(self.sessions).events).at_ms

    def range(self) -> zones.Range:
        dice = self.dice
        first, last = sorted([self.a_time(), self.a_time()])
        if dice.random() < 0.3:
            return Everything()
        if dice.random() < 0.6:
            return Days(zones.bucket("date", first, self.zone), zones.bucket("date", last, self.zone))
        if dice.random() < 0.4:
            last = first + dice.randrange(1, 40 * MINUTE)  # within a session
        # The end is outside of the range.
        return Instants(first + dice.choice([-1, 0, 1]), max(last + dice.choice([0, 1]), first + 2))

    def filter(self, depth: int = 0) -> questions.Filter:
        dice = self.dice
        if depth < 3 and dice.random() < 0.3:
            kind = dice.choice(["and", "or", "not"])
            return [kind, *(self.filter(depth + 1) for _ in range(1 if kind == "not" else 2))]
        if dice.random() < 0.08:
            return self.done()
        if dice.random() < 0.05 and self.numbers:
            operator = dice.choice(["gt", "lt", "between"])
            numbers = [dice.choice([-1, 0, 0.5, 5, 20, 50, 75, 100]) for _ in range(self.count(operator))]
            return [dice.choice(self.numbers), operator, sorted(numbers)]
        return self.test()

    def done(self) -> questions.Filter:
        """What visitors did, by one event or one session."""
        dice = self.dice
        of_sessions = [name for name in questions.OF_SESSIONS if name != "user_id"]
        names = dice.choice([of_sessions, [name for name in self.dimensions if name not in (*of_sessions, *questions.TOUCHES)]])
        operator = dice.choice(["has_done", "has_not_done"])
        if dice.random() < 0.5:
            dimension = dice.choice(names)
            values = [self.in_bucket(dimension) if dimension in TIME_DIMENSIONS else self.value(dimension) for _ in range(2)]
            return [dimension, operator, values]
        return [operator, *(self.test(dice.choice(names)) for _ in range(dice.choice([1, 2])))]

    def test(self, dimension: str | None = None) -> questions.Filter:
        dice = self.dice
        dimension = dimension or dice.choice(self.dimensions)
        if dimension in TIME_DIMENSIONS:
            operator = dice.choice(["is", "is_not", "gt", "lt", "between"])
            values = [self.in_bucket(dimension) for _ in range(self.count(operator))]
            return [dimension, operator, sorted(values) if operator == "between" else values]
        operators = ["is", "is", "is_not", "contains", "contains_not", "matches", "matches_not", "is_set"]
        operator = dice.choice([*operators, *(["gt", "lt", "between"] if dimension in NUMBERS else [])])
        if operator == "is_set":
            return dice.choice([[dimension, operator], [dimension, operator, dice.random() < 0.5]])
        count = self.count(operator)
        if operator in ("gt", "lt", "between"):
            return [dimension, operator, sorted(dice.choice([1, 2.5, 5, 10, 12, 128, 130]) for _ in range(count))]
        if operator.startswith("matches"):
            return [dimension, operator, [dice.choice(PATTERNS) for _ in range(count)]]
        values = [self.value(dimension) for _ in range(count)]
        if operator.startswith("contains"):
            values = [value[:3] or "a" for value in values]
        return [dimension, operator, values]

    def count(self, operator: str) -> int:
        return {"gt": 1, "lt": 1, "between": 2}.get(operator) or self.dice.choice([1, 1, 2, 3])

    def value(self, dimension: str) -> str:
        session = self.dice.choice(self.sessions)
        return event_values(self.dice.choice(session.events), session, self.touches, self.zone)(dimension)

    def in_bucket(self, dimension: str) -> str:
        at = zones.local(self.a_time(), self.zone)
        return at.isoformat(timespec="milliseconds") if dimension in ("minute", "hour") else at.date().isoformat()

    def days_before(self, question: Question) -> Question | None:
        """As many days right before; only of days that are over."""
        if not isinstance(question.range, Days) or question.range.last >= self.today:
            return None
        first, last = map(datetime.date.fromisoformat, (question.range.first, question.range.last))
        length = last - first + datetime.timedelta(days=1)
        return dataclasses.replace(question, range=Days((first - length).isoformat(), (last - length).isoformat()))

    def request(self, question: Question, is_compared: bool) -> dict[str, Any]:
        request: dict[str, Any] = {
            "website_id": self.site_id,
            "metrics": list(question.metrics),
            "dimensions": list(question.dimensions),
            "filters": list(question.filters),
            "order_by": [list(term) for term in question.order_by],
            "limit": question.limit,
            "offset": question.offset,
            "include_bots": question.include_bots,
        }
        times = [name for name in question.dimensions if name in TIME_DIMENSIONS]
        if times == list(question.dimensions[:1]) and times and self.dice.random() < 0.5:
            # A granularity is the first column where no dimension of time is named.
            request["granularity"] = GRANULARITIES[times[0]]
            request["dimensions"] = list(question.dimensions[1:])
        if isinstance(question.range, Days):
            request["date_range"] = [question.range.first, question.range.last]
        elif isinstance(question.range, Instants):
            zone = self.dice.choice([self.zone, "UTC"])
            request["time_range"] = [
                zones.local(ms, zone).isoformat(timespec="milliseconds")
                for ms in (question.range.from_ms, question.range.to_ms)
            ]
        else:
            request["time_range"] = "all"
        if is_compared:
            request["compare"] = "previous_period"
        return request


def is_same(told: Any, expected: Number) -> bool:
    """Counts exactly; ratios as far as floats have digits."""
    if expected is None or told is None:
        return told is expected
    if isinstance(expected, int):
        return told == expected and isinstance(told, int)
    return math.isclose(float(told), float(expected), rel_tol=1e-9, abs_tol=1e-9)


def differences(told: dict[str, Any], expected: Answer, question: Question) -> list[str]:
    """`told`: an answer of the API, or its comparison. Empty where each row stands in its place with its numbers."""
    width = len(question.dimensions)

    def row_text(key: Iterable[Any], numbers: Iterable[Any]) -> str:
        return f"{list(key)} {[str(number) for number in numbers]}"

    def is_same_row(row: list[Any], wanted: Row) -> bool:
        return tuple(row[:width]) == wanted[0] and all(map(is_same, row[width:], wanted[1]))

    found = []
    rows = told["rows"]
    for place in range(max(len(rows), len(expected.rows))):
        row = rows[place] if place < len(rows) else None
        wanted = expected.rows[place] if place < len(expected.rows) else None
        if row is None or wanted is None or not is_same_row(row, wanted):
            shown = row_text(row[:width], row[width:]) if row is not None else "nothing"
            found.append(f"row {place}: {shown}; expected {row_text(*wanted) if wanted is not None else 'nothing'}")
    totals = [told["totals"][name] for name in question.metrics]
    if not all(map(is_same, totals, expected.totals)):
        found.append(f"totals: {totals}; expected {[str(number) for number in expected.totals]}")
    return found
