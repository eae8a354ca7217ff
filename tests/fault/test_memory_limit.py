"""R20: a machine of 1 GiB. Many events, questions that want more memory than there is, and events that go on coming.

FOOTFALL_EVENTS=10000000 is the long form. Where nobody may make a cgroup, the same is done without the kernel's limit and
what the processes use together is held against it, and the run says so.
"""

import json
import os
import pathlib
import threading
import warnings
from typing import Any

import pytest

from ledger import Load, check_ledger
from memory_group import Watch, memory_group
from support.client import Client
from support.events import custom, pageview
from support.server import Server, Site
from support.store import store

pytestmark = pytest.mark.alone

EVENTS = int(os.environ.get("FOOTFALL_EVENTS", "200000"))
LIMIT = 1 << 30
BODY = 1000
# More than the store may have at once, whatever is spilled to the disk: it is one value.
TOO_LARGE = "SELECT length(groupArray(number)) FROM numbers(1000000000)"
# By what has the most values, so that each needs a state for about every visitor or page.
QUESTIONS: list[dict[str, Any]] = [
    {"metrics": ["visitors", "sessions", "pageviews", "bounce_rate", "session_duration"], "dimensions": ["page"]},
    {"metrics": ["visitors", "sessions"], "dimensions": ["entry_page", "exit_page"]},
    {"metrics": ["visitors", "events"], "dimensions": ["property:order"]},
]


def fill(server: Server, site: Site) -> None:
    """By two clients. The ids are the server's, so that bodies are built once and sent over and over."""
    key = {"Authorization": f"Bearer {site.key('collect')}", "Content-Type": "application/json"}
    bodies = []
    for body in range(min(EVENTS // BODY, 400)):
        events = []
        for n in range(BODY):
            number = body * BODY + n
            event = pageview(site.id, f"/article/{number % 50_000}") if n % 4 else custom(site.id, "order", properties={"order": str(number)})
            del event["event_id"]
            events.append(event | {"user_id": f"visitor {number // 7}"})
        bodies.append(json.dumps(events).encode())
    failed: list[Any] = []

    def send(first: int) -> None:
        client = Client(server.port, timeout_s=60)
        for number in range(first, EVENTS // BODY, 2):
            while (answer := client.request("POST", "/api/v1/events", bodies[number % len(bodies)], key)).status in (429, 503):
                threading.Event().wait(int(answer.headers["Retry-After"]))
            if answer.status != 200 or answer.json()["rejected"]:
                failed.append(answer)
                break
        client.close()

    senders = [threading.Thread(target=send, args=(first,)) for first in (0, 1)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert not failed, failed
    site.wait_events(EVENTS // BODY * BODY, 60 + EVENTS / 5_000)


def test_R20_questions_that_want_too_much_memory_fail_and_events_are_taken(start_server: Any, folder: pathlib.Path, seed: int):
    with memory_group(LIMIT) as group:
        if group is None:
            warnings.warn(f"no cgroup of memory can be made here: what is used is held against {LIMIT} bytes instead", stacklevel=1)
        server: Server = start_server(group=group.path if group else None)
        filled, loaded = server.add_site(), server.add_site()
        for site in (filled, loaded):
            site.key("read")
        child = server.store_child()
        answers: list[tuple[int, str]] = []
        refusals: list[str] = []
        with Watch(server) as watch:
            fill(server, filled)
            asked = [threading.Thread(target=lambda: refusals.append(too_large(server)))]
            for question in QUESTIONS * 2:
                asked.append(threading.Thread(target=lambda question=question: answers.append(ask(filled, question))))
            with Load(server, loaded, folder, seed, rate=500) as load:
                load.wait_acknowledged(20)
                for thread in asked:
                    thread.start()
                load.wait_acknowledged(50, limit_s=30)
                for thread in asked:
                    thread.join(180)
                assert not any(thread.is_alive() for thread in asked), "a question hangs"
                load.wait_acknowledged(50, limit_s=30)
            check_ledger(server, loaded, load.ledger, 60 + EVENTS / 10_000)
        print(
            f"{EVENTS} events, questions: {answers}, at most {watch.most_bytes >> 20} MiB of processes"
            + (f", {group.times_at_limit()} times at the limit, {group.oom_kills()} killed" if group else "")
        )
        assert "MEMORY_LIMIT_EXCEEDED" in refusals[0], refusals
        # Each is answered, or refused with a reason; the first is what the dashboard asks.
        assert all(status == 200 or (status in (413, 422, 500, 503, 504) and message) for status, message in answers), answers
        assert load.refused_answers == 0 and not load.unknown, "ingestion must not notice"
        assert server.store_child() == child, "the store died"
        assert watch.most_bytes <= LIMIT
        assert filled.value("events", include_bots=True) == EVENTS // BODY * BODY
        if group:
            assert group.oom_kills() == 0
        server.close()  # so that the group is empty


def ask(site: Site, question: dict[str, Any]) -> tuple[int, str]:
    answer = site.ask(**question, time_range="7d", limit=10_000, include_bots=True)
    return answer.status, "" if answer.status == 200 else answer.json()["error"]["message"]


def too_large(server: Server) -> str:
    """What the store says of it; that it is answered would prove nothing."""
    try:
        store(server, TOO_LARGE)
    except (AssertionError, OSError) as refusal:  # the latter where the store died of it
        return str(refusal)
    return "it was answered"
