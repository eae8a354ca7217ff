"""The reference itself (tests/reference): its definitions by cases made by hand, those of metrics included that the product
does not answer yet; and mutants, which show that what test_against_reference.py sends and asks would find each of them."""

import dataclasses
import datetime
import random
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from reference import events, metrics, questions, sessions, zones
from reference.events import Event, Sent, first_receipts
from reference.metrics import METRICS, Group
from reference.questions import Question
from reference.sessions import sessions_of
from reference.zones import Days, Instants, bucket
from support.questions import Curious, differences
from support.traffic import ADDRESSES, AGENTS, DAY, HOUR, MINUTE, Enrichment, Traffic

NOON = 1_780_315_200_000  # 2026-06-01T12:00:00Z


def sent(
    at_ms: int, kind: str = "pageview", page: str = "/", visitor: str = "ann", *, is_bot: bool = False, facts: Any = None, **data: Any
) -> Sent:
    sent.number += 1
    body = {"event_id": data.pop("event_id", f"id {sent.number}"), "type": kind, "tracking_id": "site", "user_id": visitor}
    return Sent(body | {"data": {"page": page, "timestamp": NOON + at_ms, **data}}, visitor, is_bot, facts or {})


sent.number = 0


def made_of(*acknowledged: Sent) -> list[sessions.Session]:
    return sorted(sessions_of(first_receipts(acknowledged)), key=lambda session: session.started_at)


def asked(of: list[sessions.Session], metric: str, *dimensions: str, zone: str = "UTC", **more: Any) -> Any:
    """Rows as {values: number} and the total; without dimensions the number."""
    told = questions.answer(of, Question(zone, (metric,), dimensions, **more))
    if not dimensions:
        return told.rows[0][1][0]
    return {key if len(key) > 1 else key[0]: numbers[0] for key, numbers in told.rows}, told.totals[0]


class TestSessions:
    @pytest.mark.parametrize(("gap", "count"), [(30 * MINUTE - 1, 1), (30 * MINUTE, 2), (30 * MINUTE + 1, 2)])
    def test_a_gap_of_thirty_minutes_ends_one(self, gap: int, count: int):
        assert len(made_of(sent(0), sent(gap))) == count

    def test_an_event_in_between_joins_two_whenever_it_comes(self):
        first, last, between = sent(0, page="/a"), sent(40 * MINUTE, page="/c"), sent(20 * MINUTE, page="/b")
        assert len(made_of(first, last)) == 2
        for order in ([first, last, between], [between, last, first]):
            [one] = made_of(*order)
            assert (one.entry_page, one.exit_page, one.duration_ms) == ("/a", "/c", 40 * MINUTE)

    def test_an_event_id_counts_once_and_its_first_content_wins(self):
        [one] = made_of(sent(0, page="/a", event_id="x"), sent(MINUTE, page="/b", event_id="x"))
        assert len(one.events) == 1 and one.exit_page == "/a"

    def test_pings_vitals_and_identifies_neither_count_nor_extend(self):
        view = sent(0, event_id="v")
        others = [sent(20 * MINUTE, kind, pageview_id="v", time_on_page=5) for kind in ("ping", "vitals", "identify")]
        first, second = made_of(view, *others, sent(31 * MINUTE))
        assert len(first.events) == len(second.events) == 1

    def test_one_event_lasts_as_long_as_the_largest_ping_of_the_visitor_says(self):
        view = sent(0, event_id="v")
        pings = [sent(MINUTE, "ping", pageview_id="v", time_on_page=seconds) for seconds in (5, 20, 7.5)]
        of_others = sent(MINUTE, "ping", visitor="bob", pageview_id="v", time_on_page=99)
        [one] = made_of(pings[0], view, *pings[1:], of_others)
        assert one.duration_ms == 20_000
        [one] = made_of(view, *pings, sent(2 * MINUTE))
        assert one.duration_ms == 2 * MINUTE, "the time between its events, where there are two"
        [one] = made_of(sent(0, "event", event_id="e", name="x"), sent(MINUTE, "ping", pageview_id="e", time_on_page=9))
        assert one.duration_ms == 0, "an event that is no pageview has no engaged time"

    @pytest.mark.parametrize(
        ("acts", "is_bounce"),
        [
            ([("pageview", {})], True),
            ([("pageview", {}), ("pageview", {})], False),
            ([("pageview", {}), ("event", {"name": "x"})], False),
            ([("pageview", {}), ("event", {"name": "x", "non_interactive": True})], True),
            ([("event", {"name": "x", "non_interactive": True})], False),
            ([("event", {"name": "x"})], False),
        ],
    )
    def test_a_bounce_is_one_pageview_without_interaction(self, acts: list[tuple[str, dict[str, Any]]], is_bounce: bool):
        [one] = made_of(*(sent(number, kind, **data) for number, (kind, data) in enumerate(acts)))
        assert one.is_bounce == is_bounce

    def test_where_it_came_from_is_of_its_first_event_and_pages_of_its_pageviews(self):
        [one] = made_of(
            sent(2, page="/b", facts={"source": "Google"}),
            sent(1, "event", page="/a", name="x", facts={"source": "news"}),
            sent(3, "event", page="/z", name="x"),
        )
        assert (one.value("source"), one.entry_page, one.exit_page) == ("news", "/b", "/b")

    def test_of_two_at_one_instant_the_smaller_text_is_the_first(self):
        [one] = made_of(sent(0, page="/b", facts={"source": "b"}), sent(0, page="/a", facts={"source": "a"}))
        assert (one.value("source"), one.entry_page, one.exit_page) == ("a", "/a", "/b")

    def test_a_bots_are_apart_and_left_out_unless_asked_for(self):
        both = made_of(sent(0), sent(1, is_bot=True))
        assert len(both) == 2
        assert asked(both, "sessions") == 1 and asked(both, "sessions", include_bots=True) == 2
        assert asked(both, "visitors", include_bots=True) == 1


class TestQuestions:
    def test_a_session_is_of_the_day_on_which_it_started_and_an_event_of_its_own(self):
        over_midnight = made_of(sent(12 * HOUR - MINUTE, page="/a"), sent(12 * HOUR + MINUTE, page="/b"))
        assert asked(over_midnight, "sessions", "date") == ({"2026-06-01": 1}, 1)
        assert asked(over_midnight, "pageviews", "date") == ({"2026-06-01": 1, "2026-06-02": 1}, 2)
        assert asked(over_midnight, "sessions", range=Days("2026-06-02", "2026-06-02")) == 0
        # By what events alone have: at the time of such an event.
        assert asked(over_midnight, "sessions", "date", "page") == (
            {("2026-06-01", "/a"): 1, ("2026-06-02", "/b"): 1},
            1,
        )
        assert asked(over_midnight, "sessions", range=Days("2026-06-02", "2026-06-02"), filters=(["page", "is_set"],)) == 1

    def test_by_what_varies_a_session_counts_for_each_value_and_once_in_the_total(self):
        on_two = made_of(sent(0, facts={"country": "DE"}), sent(1, facts={"country": "FR"}), sent(2, facts={"country": "FR"}))
        assert asked(on_two, "sessions", "country") == ({"DE": 1, "FR": 1}, 1)
        assert asked(on_two, "pageviews", "country") == ({"DE": 1, "FR": 2}, 3)
        assert asked(on_two, "sessions", filters=(["country", "is", ["FR"]],)) == 1
        # What its session alone has stays.
        assert asked(on_two, "sessions", "entry_page", filters=(["country", "is", ["FR"]],)) == ({"/": 1}, 1)

    def test_an_event_is_counted_under_what_its_session_came_from(self):
        one = made_of(sent(0, facts={"source": "news"}), sent(1, facts={"source": "Google"}))
        assert asked(one, "pageviews", "source") == ({"news": 2}, 2)

    def test_a_row_is_there_where_one_of_its_metrics_finds_something(self):
        one = made_of(sent(0, "event", name="x"))
        assert asked(one, "pageviews", "date") == ({}, 0)
        assert asked(one, "events", "date") == ({"2026-06-01": 1}, 1)

    def test_a_ratio_over_no_sessions_is_none(self):
        one = made_of(sent(0), sent(10 * MINUTE))
        late = Instants(NOON + MINUTE, NOON + HOUR)
        assert asked(one, "views_per_session", range=late) is None
        assert asked(one, "bounce_rate", range=late) is None
        assert asked(one, "views_per_session") == 2

    def test_an_instant_at_the_end_of_a_range_is_outside(self):
        one = made_of(sent(0))
        assert asked(one, "events", range=Instants(NOON, NOON + 1)) == 1
        assert asked(one, "events", range=Instants(NOON - 1, NOON)) == 0

    @pytest.mark.parametrize(
        ("condition", "count"),
        [
            (["page", "is", ["/a", "/x"]], 1),
            (["page", "is_not", ["/a"]], 2),
            (["page", "contains", ["b"]], 1),
            (["page", "matches", ["^/[ab]$"]], 2),
            (["not", ["or", ["page", "is", ["/a"]], ["page", "is", ["/b"]]]], 1),
            (["and", ["page", "contains", ["/"]], ["page", "contains_not", ["c"]]], 2),
            (["property:n", "gt", [2]], 1),
            (["property:n", "between", [2, 12]], 2),
            (["property:n", "is_set", False], 1),
            (["hour", "is", ["2026-06-01T12:59:00+00:00"]], 2),
            (["page", "has_done", ["/c"]], 3),
            (["page", "has_not_done", ["/c"]], 0),
            (["has_done", ["page", "is", ["/a"]], ["property:n", "is", ["2"]]], 0),
            (["has_done", ["page", "is", ["/a"]], ["property:n", "is", ["12"]]], 3),
            (["date", "gt", ["2026-06-01"]], 1),
        ],
    )
    def test_filters(self, condition: list[Any], count: int):
        acts = made_of(
            sent(0, "event", "/a", properties={"n": 12}),
            sent(1, "event", "/b", properties={"n": 2}),
            sent(DAY, "event", "/c", properties={}),
        )
        assert asked(acts, "events", filters=(condition,)) == count

    def test_rows_are_by_the_first_metric_or_by_time_and_then_by_their_names(self):
        acts = made_of(*(sent(number * DAY, page=page) for number, page in enumerate(["/b", "/a", "/c", "/c"])))
        told = questions.answer(acts, Question("UTC", ("pageviews",), ("page",)))
        assert [key for key, _ in told.rows] == [("/c",), ("/a",), ("/b",)]
        told = questions.answer(acts, Question("UTC", ("pageviews",), ("date", "page"), limit=2, offset=1))
        assert [key for key, _ in told.rows] == [("2026-06-02", "/a"), ("2026-06-03", "/c")]
        assert told.totals == (4,)


class TestZones:
    @pytest.mark.parametrize(
        ("dimension", "at", "zone", "label"),
        [
            ("date", "2026-06-01T22:30+00:00", "Europe/Berlin", "2026-06-02"),
            ("date", "2026-06-01T18:15+00:00", "Asia/Kathmandu", "2026-06-02"),
            ("date", "2026-06-01T18:14:59.999+00:00", "Asia/Kathmandu", "2026-06-01"),
            ("week", "2026-06-07T21:59+00:00", "Europe/Berlin", "2026-06-01"),
            ("week", "2026-06-07T22:00+00:00", "Europe/Berlin", "2026-06-08"),
            ("month", "2026-05-31T22:00+00:00", "Europe/Berlin", "2026-06-01"),
            ("minute", "2026-06-01T10:20:59.999+00:00", "Asia/Kathmandu", "2026-06-01T16:05:00+05:45"),
            ("hour", "2026-06-01T10:20+00:00", "Asia/Kathmandu", "2026-06-01T16:00:00+05:45"),
            # An hour that the clock shows twice is two.
            ("hour", "2026-10-25T00:59+00:00", "Europe/Berlin", "2026-10-25T02:00:00+02:00"),
            ("hour", "2026-10-25T01:00+00:00", "Europe/Berlin", "2026-10-25T02:00:00+01:00"),
            ("hour", "2026-03-29T01:30+00:00", "Europe/Berlin", "2026-03-29T03:00:00+02:00"),
            # By half an hour: from 02:00 on to 02:30, and from 02:00 back to 01:30.
            ("hour", "2026-10-03T15:40+00:00", "Australia/Lord_Howe", "2026-10-04T02:30:00+11:00"),
            ("hour", "2026-04-04T15:10+00:00", "Australia/Lord_Howe", "2026-04-05T01:30:00+10:30"),
            ("hour", "2026-04-04T14:10+00:00", "Australia/Lord_Howe", "2026-04-05T01:00:00+11:00"),
        ],
    )
    def test_an_instant_has_its_bucket(self, dimension: str, at: str, zone: str, label: str):
        assert bucket(dimension, round(datetime.datetime.fromisoformat(at).timestamp() * 1000), zone) == label


class TestMetricsToCome:
    """Defined, and not answered by the product yet: for it to be held against when they are."""

    def test_time_on_page_is_the_mean_of_all_pageviews(self):
        acts = made_of(
            sent(0, page="/a", event_id="1"),
            sent(MINUTE, page="/b", event_id="2"),
            sent(2 * MINUTE, page="/b", event_id="3"),
            *(sent(5 * MINUTE, "ping", pageview_id=view, time_on_page=time) for view, time in [("1", 10), ("1", 30), ("2", 5)]),
        )
        assert asked(acts, "time_on_page") == Fraction(35, 3)
        assert asked(acts, "time_on_page", "page")[0] == {"/a": 30, "/b": Fraction(5, 2)}

    def test_scroll_depth_is_the_mean_of_the_deepest_by_page_and_visitor(self):
        acts = made_of(
            sent(0, event_id="1"),
            sent(MINUTE, event_id="2"),
            sent(0, event_id="3", visitor="bob"),
            sent(0, event_id="4", page="/unread"),
            sent(1, "ping", pageview_id="1", scroll_depth=40),
            sent(1, "ping", pageview_id="2", scroll_depth=90),
            sent(1, "ping", pageview_id="3", scroll_depth=10, visitor="bob"),
        )
        assert asked(acts, "scroll_depth") == 50, "ann saw 90 percent of it and bob 10"

    def test_revenue_is_an_exact_sum(self):
        acts = made_of(*(sent(number, "event", name="bought", revenue=amount) for number, amount in enumerate(["0.1", 0.2, "-5", 7])))
        assert asked(acts, "revenue") == Decimal("2.3")
        with pytest.raises(ValueError, match="USD"):
            asked(made_of(sent(0, "event", name="bought", revenue="1", currency="USD")), "revenue")

    def test_conversions_are_sessions_or_visitors_that_met_a_goal(self):
        of = made_of(
            sent(0, "event", name="signup"),
            sent(1, "event", name="signup"),
            sent(HOUR, "event", name="signup"),
            sent(2 * HOUR),
            sent(0, visitor="bob"),
        )
        group = Group(sessions=of)

        def goal(event: Event) -> bool:
            return event.value("event_name") == "signup"

        assert (metrics.conversions(group, goal), metrics.conversion_rate(group, goal)) == (2, 50)
        assert (metrics.conversions(group, goal, "visitor"), metrics.conversion_rate(group, goal, "visitor")) == (1, 50)
        assert metrics.conversion_rate(Group(), goal) is None

    def test_touches_are_the_first_session_and_the_last_that_was_not_direct(self):
        def came(at_ms: int, source: str = "") -> Sent:
            return sent(at_ms, facts={"source": source, "channel": "Referral" if source else "Direct"})

        of = made_of(came(0), came(HOUR, "Bing"), came(2 * HOUR), came(91 * DAY), came(92 * DAY, "X"))
        assert asked(of, "sessions", "first_source") == ({"": 5}, 5)
        assert asked(of, "sessions", "last_source") == ({"": 2, "Bing": 2, "X": 1}, 5)
        assert asked(of[2:3] + of[1:2], "sessions", "first_source") == ({"Bing": 2}, 2)

    def test_active_visitors_had_an_event_within_five_minutes(self):
        acts = first_receipts(
            [sent(0), sent(1), sent(1, visitor="bob"), sent(5 * MINUTE, "ping", visitor="eve", pageview_id="x")]
        )
        assert metrics.active_visitors(acts, NOON + 5 * MINUTE) == 2
        assert metrics.active_visitors(acts, NOON + 5 * MINUTE + 1) == 0


class Counting:
    """From what was acknowledged to sessions, in two steps, for mutants to do otherwise."""

    kept = staticmethod(first_receipts)
    sessions = staticmethod(sessions_of)


# What a product might do instead, each in one small thing.
Mutant = Callable[[pytest.MonkeyPatch], None]
MUTANTS: dict[str, Mutant] = {}


def mutant(make: Mutant) -> Mutant:
    MUTANTS[make.__name__] = make
    return make


@mutant
def a_gap_of_exactly_half_an_hour_ends_no_session(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sessions, "GAP_MS", sessions.GAP_MS + 1)


@mutant
def a_gap_of_a_millisecond_less_ends_a_session(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sessions, "GAP_MS", sessions.GAP_MS - 1)


@mutant
def repeated_events_count_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Counting, "kept", staticmethod(lambda acknowledged: [events.read(one) for one in acknowledged]))


@mutant
def the_last_content_of_an_event_id_wins(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Counting, "kept", staticmethod(lambda acknowledged: first_receipts(reversed(acknowledged))))


@mutant
def late_events_are_dropped(patch: pytest.MonkeyPatch) -> None:
    def kept(acknowledged: list[Sent]) -> list[Event]:
        """Of each visitor: what is an hour older than what came before."""
        newest: dict[str, int] = {}
        left = []
        for one in acknowledged:
            at = one.body["data"]["timestamp"]
            if at >= newest.get(one.visitor, 0) - HOUR:
                left.append(one)
            newest[one.visitor] = max(at, newest.get(one.visitor, 0))
        return first_receipts(left)

    patch.setattr(Counting, "kept", staticmethod(kept))


@mutant
def a_late_event_joins_no_sessions(patch: pytest.MonkeyPatch) -> None:
    """Sessions are cut in the order in which events come, as a fold without memory would."""

    def sessions_by_arrival(of: list[Event]) -> list[sessions.Session]:
        cut: list[sessions.Session] = []
        by_visitor: dict[tuple[str, bool], list[Event]] = {}
        for event in of:
            by_visitor.setdefault((event.visitor, event.is_bot), []).append(event)
        for own in by_visitor.values():
            run: list[Event] = []
            for event in own:
                if event.counts and run and abs(event.at_ms - run[-1].at_ms) >= sessions.GAP_MS:
                    cut += sessions_of(run)
                    run = []
                run.append(event)
            cut += sessions_of(run)
        return cut

    patch.setattr(Counting, "sessions", staticmethod(sessions_by_arrival))


@mutant
def pings_extend_sessions(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Event, "counts", property(lambda event: event.type in ("pageview", "event", "ping")))


@mutant
def the_last_ping_counts_and_not_the_largest(patch: pytest.MonkeyPatch) -> None:
    def kept(acknowledged: list[Sent]) -> list[Event]:
        last: dict[str, Event] = {}
        for event in first_receipts(acknowledged):
            last[event.pageview_id or event.event_id] = event
        return list(last.values())

    patch.setattr(Counting, "kept", staticmethod(kept))


@mutant
def of_two_at_one_instant_the_one_received_first_is_the_first(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sessions, "ATTRIBUTES", ())


@mutant
def visitors_are_those_with_a_pageview(patch: pytest.MonkeyPatch) -> None:
    def visitors(group: Group) -> int:
        return len({view.event.visitor for view in group.pageviews})

    patch.setitem(METRICS, "visitors", dataclasses.replace(METRICS["visitors"], of=visitors))


@mutant
def visitors_add_up(patch: pytest.MonkeyPatch) -> None:
    """The total is the sum of the rows."""
    whole = questions.answer

    def answer(of: list[sessions.Session], question: Question) -> questions.Answer:
        told = whole(of, question)
        entire = whole(of, dataclasses.replace(question, limit=10_000, offset=0))
        if "visitors" not in question.metrics or not question.dimensions:
            return told
        place = question.metrics.index("visitors")
        totals = list(told.totals)
        totals[place] = sum(numbers[place] for _, numbers in entire.rows)
        return dataclasses.replace(told, totals=tuple(totals))

    patch.setattr(questions, "answer", answer)


@mutant
def bots_count(patch: pytest.MonkeyPatch) -> None:
    def kept(acknowledged: list[Sent]) -> list[Event]:
        return [dataclasses.replace(event, is_bot=False) for event in first_receipts(acknowledged)]

    patch.setattr(Counting, "kept", staticmethod(kept))


@mutant
def a_non_interactive_event_ends_a_bounce(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sessions.Session, "interactions", property(lambda session: len(session.events) - len(session.pageviews)))


@mutant
def a_lone_events_session_has_no_engaged_time(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sessions.Session, "engaged_s", 0)


@mutant
def custom_events_are_entry_pages(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sessions.Session, "entry_page", property(lambda session: session.events[0].value("page")))


@mutant
def an_events_own_source_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(questions, "OF_SESSIONS", tuple(name for name in questions.OF_SESSIONS if name != "source"))


@mutant
def a_session_is_of_its_first_events_device_alone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(questions, "VARYING", tuple(name for name in questions.VARYING if name != "device_type"))


@mutant
def a_session_counts_in_each_day_that_it_touches(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(questions, "is_of_events_alone", lambda name: name in (*questions.OF_EVENTS, "date") or ":" in name)


@mutant
def sessions_by_page_are_those_that_started_in_the_range(patch: pytest.MonkeyPatch) -> None:
    whole = questions.ways_in

    def ways_in(session: sessions.Session, touches: sessions.Touches, question: Question) -> Any:
        return whole(session, touches, question) if question.range.contains(session.started_at, question.zone) else []

    patch.setattr(questions, "ways_in", ways_in)


@mutant
def the_first_touch_is_the_first_that_was_not_direct(patch: pytest.MonkeyPatch) -> None:
    def touches_of(of: list[sessions.Session]) -> sessions.Touches:
        whole = sessions.touches_of(of)
        named = {session: pair[1] for session, pair in reversed(whole.items()) if not pair[1].is_direct}
        first = {session.visitor: session for session in sorted(named.values(), key=lambda one: -one.started_at)}
        return {session: (first.get(session.visitor, pair[0]), pair[1]) for session, pair in whole.items()}

    patch.setattr(questions, "touches_of", touches_of)


@mutant
def direct_traffic_is_a_last_touch_too(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sessions.Session, "is_direct", False)


@mutant
def the_offset_at_a_days_noon_is_that_of_the_day(patch: pytest.MonkeyPatch) -> None:
    def local(at_ms: int, zone: str) -> datetime.datetime:
        at = zones_local(at_ms, zone)
        noon = at.replace(hour=12, minute=0, fold=0)
        return at.astimezone(datetime.timezone(noon.utcoffset()))

    zones_local = zones.local
    patch.setattr(zones, "local", local)


@mutant
def zones_have_whole_hours(patch: pytest.MonkeyPatch) -> None:
    def local(at_ms: int, zone: str) -> datetime.datetime:
        hours = zones_local(at_ms, zone).utcoffset() // datetime.timedelta(hours=1)
        return zones_local(at_ms, "UTC").astimezone(datetime.timezone(datetime.timedelta(hours=hours)))

    zones_local = zones.local
    patch.setattr(zones, "local", local)


@mutant
def a_range_has_its_last_instant(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Instants, "contains", lambda range, at_ms, _: range.from_ms <= at_ms <= range.to_ms)


class TestMutants:
    """Each mutant's answers to the questions that test_against_reference.py would ask of such traffic differ from the
    reference's: a product that counted so would fail there."""

    SEEDS = (1, 2)
    QUESTIONS = 100
    ZONE = "Australia/Lord_Howe"
    START = zones.instant_ms("2026-10-02T15:00+00:00")  # a day before its clock changes

    @pytest.fixture(autouse=True)
    def forget_buckets(self) -> Iterator[None]:
        zones.bucket_of_minute.cache_clear()
        yield
        zones.bucket_of_minute.cache_clear()

    @pytest.mark.parametrize("make", MUTANTS.values(), ids=MUTANTS)
    def test_is_found(self, make: Mutant, monkeypatch: pytest.MonkeyPatch):
        for seed in self.SEEDS:
            dice = random.Random(seed)
            arrivals = self.traffic(dice)
            right = sessions_of(first_receipts(arrivals))
            curious = Curious(dice, "site", self.ZONE, right, "2026-12-01")
            asked = [one.question for one in curious.each_by_itself() + [curious.asks() for _ in range(self.QUESTIONS)]]
            expected = [questions.answer(right, question) for question in asked]
            with monkeypatch.context() as patch:
                make(patch)
                zones.bucket_of_minute.cache_clear()
                wrong = Counting.sessions(Counting.kept(arrivals))
                told = [as_told(questions.answer(wrong, question), question) for question in asked]
            zones.bucket_of_minute.cache_clear()
            found = sum(bool(differences(*one)) for one in zip(told, expected, asked, strict=True))
            assert found, f"nothing found with the seed {seed}"

    def test_where_nothing_is_wrong_nothing_is_found(self):
        dice = random.Random(1)
        right = sessions_of(first_receipts(self.traffic(dice)))
        curious = Curious(dice, "site", self.ZONE, right, "2026-12-01")
        for question in [curious.asks().question for _ in range(self.QUESTIONS)]:
            answer = questions.answer(right, question)
            assert differences(as_told(answer, question), answer, question) == []

    def traffic(self, dice: random.Random) -> list[Sent]:
        devices = {agent: {"device_type": f"device {number}"} for number, agent in enumerate(AGENTS)}
        enrichment = Enrichment({address: {"country": address} for address in ADDRESSES}, devices)
        traffic = Traffic(dice, "site", self.ZONE, enrichment, self.START, self.START + 2 * DAY, self.START + 9 * DAY)
        return traffic.arrivals(45, dice.choice([0, 15]), "late", [])


def as_told(answer: questions.Answer, question: Question) -> dict[str, Any]:
    """The reference's answer as the API would write it."""

    def number(value: metrics.Number) -> Any:
        return value if value is None or isinstance(value, int) else float(value)

    rows = [[*key, *map(number, numbers)] for key, numbers in answer.rows]
    return {"rows": rows, "totals": dict(zip(question.metrics, map(number, answer.totals)))}
