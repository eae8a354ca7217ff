"""Every number equal to that of an independent reference (tests/reference), whatever order events come in: random traffic of
several sites in several zones, over changes of the clock, shuffled, reversed and days late, repeated with the same and with
other content, over restarts and kills; then random questions, and each session by itself.

The seed is printed and differs from run to run; FOOTFALL_SEED= gives one again, ROUNDS=200 is the long form.

Seen to fail in the first round, of whatever seed, with each of these done to the product: a gap of exactly 30 minutes ends no
session; late events do not find sessions that are in the store alone; a late event joins no two sessions; the last ping
counts and not the largest; the exit page is the last received; hours are the engine's toStartOfHour (where one of the
sites is on Lord Howe). Repeated events that count again, and what a definition might be mistaken for, are run every time:
see below, and TestMutants in test_reference.py.
"""

import dataclasses
import datetime
import os
import random
import time
import zoneinfo
from typing import Any

import pytest

from reference import questions as reference
from reference.events import Event, Sent, first_receipts
from reference.metrics import METRICS, Metric, conversion_rate, conversions, of_sessions
from reference.questions import DIMENSIONS, OF_SESSIONS, TOUCHES
from reference.sessions import VARYING, Session, sessions_of
from reference.zones import TIME_DIMENSIONS
from support.client import bearer
from support.events import now_ms
from support.questions import ANSWERED, Asked, Curious, declared, differences
from support.server import Server, Site
from support.traffic import DAY, MINUTE, Enrichment, Traffic
from support.wait import wait_until

# Each zone with days over which its clock changes; or days without a change, where a zone's offset is the oddity. Both
# changes in zones of whole hours, one in a zone that changes by half an hour.
ZONES = [
    ("Europe/Berlin", "2026-10-24"),
    ("Europe/Berlin", "2026-03-28"),
    ("America/New_York", "2026-10-31"),
    ("America/New_York", "2026-03-07"),
    ("Australia/Lord_Howe", "2026-10-03"),
    ("Australia/Lord_Howe", "2026-04-04"),
    ("America/St_Johns", "2026-06-30"),
    ("Asia/Kathmandu", "2026-05-31"),
    ("Pacific/Kiritimati", "2026-09-10"),
]
# Minutes. Sessions of the last one are open for longer than they are in memory.
TIMEOUTS = [30, 30, 5, 90, 600]
# What a body may hold is more; small ones make more batches of the loader.
BODY_MAX = 40
PARTS = 3
QUESTIONS = 40
# One POST asks so many.
BATCH = 20


@dataclasses.dataclass
class Planned:
    """A site and what will be sent to it, in the order of sending; a part of it before each restart."""

    site: Site
    zone: str
    timeout_ms: int
    parts: list[list[Sent]]

    @property
    def acknowledged(self) -> list[Sent]:
        return [sent for part in self.parts for sent in part]


def start_of(zone: str, day: str) -> int:
    at = datetime.datetime.fromisoformat(day).replace(tzinfo=zoneinfo.ZoneInfo(zone))
    return int(at.timestamp() * 1000)


def plan_round(dice: random.Random, server: Server, enrichment: Enrichment) -> list[Planned]:
    """Two sites in the past, whose sessions are in the store alone, and one until now, whose sessions are in memory too."""
    now = now_ms()
    spans = [(zone, start_of(zone, day)) for zone, day in dice.sample(ZONES, 2)]
    spans.append((dice.choice(ZONES)[0], 0))
    planned: list[Planned] = []
    for (zone, start), order in zip(spans, dice.sample(["late", "shuffled", "reversed"], 3)):
        site = server.add_site(zone)
        end = start + 2 * DAY if start else now - 3 * MINUTE
        # Whether there are strangers: beside one, nobody's user_id can be asked for.
        strangers = dice.choice([0, 15])
        foreign = [sent.body["event_id"] for one in planned for sent in one.acknowledged if sent.body["type"] == "pageview"]
        timeout = dice.choice(TIMEOUTS)
        server.command("site", "set", site.id, "--session-timeout-minutes", str(timeout))
        traffic = Traffic(dice, site.id, zone, enrichment, start or end - 5 * DAY, end, now, timeout * MINUTE)
        arrivals = traffic.arrivals(45, strangers, order, foreign)
        cuts = [0, *sorted(dice.sample(range(len(arrivals)), PARTS - 1)), len(arrivals)]
        planned.append(Planned(site, zone, timeout * MINUTE, [arrivals[begin:end] for begin, end in zip(cuts, cuts[1:])]))
    return planned


def send(dice: random.Random, planned: Planned, part: list[Sent], seen: set[str] | None) -> None:
    """`seen`: the ids that the site has; of a body's events those are told as duplicates that it had. None: no matter
    which."""
    client = planned.site.server.client()
    headers = bearer(planned.site.key("collect"))
    while part:
        body = [sent.body for sent in part[: dice.randrange(1, BODY_MAX)]]
        part = part[len(body) :]
        answer = client.request("POST", "/api/v1/events", body, headers)
        assert answer.status == 200, answer
        told = answer.json()
        assert (told["received"], told["rejected"]) == (len(body), []), told
        if seen is not None:
            fresh = {event["event_id"] for event in body} - seen
            assert told["duplicates"] == len(body) - len(fresh), told
            seen |= fresh
    client.close()


def sent_round(dice: random.Random, server: Server) -> list[Planned]:
    """A round of traffic that is sent and answered for."""
    planned = plan_round(dice, server, Enrichment.asked_of(server.add_site()))
    for one in planned:
        for part in one.parts:
            send(dice, one, part, seen=None)
    for one in planned:
        wait_answered(one.site)
    return planned


def wait_answered(site: Site) -> None:
    """Until an answer says that it holds everything that was acknowledged by now."""
    acknowledged = datetime.datetime.now(datetime.timezone.utc)
    wait_until(
        lambda: datetime.datetime.fromisoformat(site.query(["events"])["meta"]["as_of"]) > acknowledged,
        30,
        "the answers' as_of passes the last acknowledgement",
    )


def restart(dice: random.Random, server: Server) -> None:
    """Right after the last acknowledgement, whatever the loader is at."""
    if dice.random() < 0.3:
        assert server.terminate() == 0
    else:
        server.kill()
    server.start()


def ask(site: Site, asked: list[Asked]) -> list[dict[str, Any]]:
    body = {"queries": [one.request for one in asked]}
    answer = site.server.request("POST", "/api/v1/query/batch", body, bearer(site.key("read")))
    assert answer.status == 200, answer
    return answer.json()["answers"]


def is_refused_by_design(answer: dict[str, Any], asked: Asked) -> bool:
    """A metric that this version does not answer, and says so by its name."""
    error = answer.get("error", {})
    return error.get("code") == "unsupported_metric" and bool(
        set(asked.question.metrics) & declared("metrics", answered=False)
    )


def check(asked: Asked, answer: dict[str, Any], sessions: list[Session]) -> None:
    assert "error" not in answer, f"{answer} to {asked.request}"
    found = differences(answer, reference.answer(sessions, asked.question), asked.question)
    if asked.compared:
        before = differences(answer["comparison"], reference.answer(sessions, asked.compared), asked.question)
        found += [f"comparison, {one}" for one in before]
    assert not found, "\n".join([f"{len(found)} differences in the answer to", str(asked.request), *found[:10]])


def check_site(dice: random.Random, planned: Planned) -> int:
    """How many questions were answered, each as the reference does."""
    sessions = sessions_of(first_receipts(planned.acknowledged), planned.timeout_ms)
    today = datetime.datetime.now(zoneinfo.ZoneInfo(planned.zone)).date().isoformat()
    curious = Curious(dice, planned.site.id, planned.zone, sessions, today)
    asked = curious.each_by_itself() + [curious.asks() for _ in range(QUESTIONS)]
    answered = 0
    for begin in range(0, len(asked), BATCH):
        for one, answer in zip(asked[begin : begin + BATCH], ask(planned.site, asked[begin : begin + BATCH]), strict=True):
            if not is_refused_by_design(answer, one):
                check(one, answer, sessions)
                answered += 1
    return answered


def run_round(server: Server, enrichment: Enrichment, seed: int, *, tells_duplicates: bool = True) -> None:
    started = time.monotonic()
    dice = random.Random(seed)
    planned = plan_round(dice, server, enrichment)
    seen: dict[str, set[str]] = {one.site.id: set() for one in planned}
    for part in range(PARTS):
        if part > 0:
            restart(dice, server)
        for one in planned:
            send(dice, one, one.parts[part], seen[one.site.id] if tells_duplicates else None)
            # So that what is late finds sessions in the store, and not only in the loader's batch.
            if dice.random() < 0.5:
                wait_answered(one.site)
    sent_s = time.monotonic() - started
    answered = 0
    for one in planned:
        wait_answered(one.site)
        try:
            answered += check_site(dice, one)
        except AssertionError as error:
            raise AssertionError(f"FOOTFALL_SEED={seed} ROUNDS=1: {error}") from None
    assert answered > len(planned) * QUESTIONS, f"only {answered} questions were answered"
    events = sum(len(one.acknowledged) for one in planned)
    asked_s = time.monotonic() - started - sent_s
    print(f"{events} events sent in {sent_s:.1f} s, {answered} answers compared in {asked_s:.1f} s")


def first_seed() -> int:
    return int(os.environ.get("FOOTFALL_SEED") or random.SystemRandom().randrange(2**32))


def test_R18_R19_every_number_is_that_of_the_reference_whatever_order_events_come_in(start_server: Any):
    seed = first_seed()
    server: Server = start_server()
    enrichment = Enrichment.asked_of(server.add_site())
    for number in range(int(os.environ.get("ROUNDS", "1"))):
        print(f"\nFOOTFALL_SEED={seed + number}")
        run_round(server, enrichment, seed + number)
    audit = server.command("audit")
    assert all(found["ok"] for found in audit), audit


def test_R19_without_deduplication_the_numbers_differ(start_server: Any):
    """The proof that can fail, on a product that counts repeated events again."""
    seed = first_seed()
    print(f"\nFOOTFALL_SEED={seed}")
    server: Server = start_server(env={"FOOTFALL_FAILPOINTS": "mutant.skip_dedup=error"})
    with pytest.raises(AssertionError, match="differences in the answer"):
        run_round(server, Enrichment.asked_of(server.add_site()), seed, tells_duplicates=False)


def test_conversions_by_session_and_by_visitor_are_those_of_the_reference(start_server: Any, monkeypatch: pytest.MonkeyPatch):
    seed = first_seed()
    print(f"\nFOOTFALL_SEED={seed}")
    dice = random.Random(seed)
    server: Server = start_server()
    [planned, *_] = plan_round(dice, server, Enrichment.asked_of(server.add_site()))
    for part in planned.parts:
        send(dice, planned, part, seen=None)
        wait_answered(planned.site)
    sessions = sessions_of(first_receipts(planned.acknowledged), planned.timeout_ms)
    page = dice.choice([session for session in sessions if session.pageviews]).entry_page
    server.command("goal", "add", "Read it", "--page", page, "--site", planned.site.id)

    def goal(event: Event) -> bool:
        return event.is_pageview and event.value("page") == page

    of_goals = {
        "conversions": lambda group: conversions(group, goal),
        "conversion_rate": lambda group: conversion_rate(group, goal),
        "converted_visitors": lambda group: conversions(group, goal, "visitor"),
        "visitor_conversion_rate": lambda group: conversion_rate(group, goal, "visitor"),
    }
    for name, of in of_goals.items():
        monkeypatch.setitem(METRICS, name, Metric(of, of_sessions))
    curious = Curious(dice, planned.site.id, planned.zone, sessions, "2026-12-01")
    # By what events have, an event that meets the goal has to have it: that is another definition.
    curious.dimensions = [name for name in curious.dimensions if name in (*OF_SESSIONS, *TOUCHES, *TIME_DIMENSIONS)]
    curious.numbers = ()
    for _ in range(QUESTIONS // BATCH * 2):
        questions = [dataclasses.replace(curious.asks().question, metrics=tuple(of_goals)) for _ in range(BATCH)]
        questions = [dataclasses.replace(one, order_by=tuple((name, "asc") for name in one.dimensions)) for one in questions]
        asked = [Asked(one, curious.request(one, is_compared=False)) for one in questions]
        for one, answer in zip(asked, ask(planned.site, asked), strict=True):
            check(one, answer, sessions)


def test_the_reference_knows_every_metric_and_dimension_that_is_answered():
    # Goals have tests of their own (test_goals.py).
    of_goals = {"conversions", "conversion_rate", "converted_visitors", "visitor_conversion_rate"}
    # Who is active changes while one asks (test_asking.py).
    of_now = {"active_visitors", "active_users"}
    assert ANSWERED - of_goals - of_now <= METRICS.keys()
    assert declared("dimensions", answered=True) - {"property:", "goal"} <= set(DIMENSIONS)
    assert not set(VARYING) & set(OF_SESSIONS)
