"""The oracle of fault tests: what clients were told of every event, and the check that the product counts exactly that.

Three outcomes: acknowledged counts exactly once, refused not at all, unknown (the connection broke before an answer)
once or not at all. The ledger is a file outside of the data folder, synced while the load runs, so that a run can be
looked at after any crash.
"""

import collections
import json
import os
import pathlib
import random
import threading
import time
from typing import Any

from support.client import Client
from support.events import uuid7
from support.server import Server, Site
from support.wait import wait_until

ACKNOWLEDGED, REFUSED, UNKNOWN = "acknowledged", "refused", "unknown"


class Ledger:
    """Thread-safe. Bodies by their name; a body's events share its outcome, since the contract takes a body whole or
    not at all."""

    def __init__(self, path: pathlib.Path):
        self.path = path
        self.lock = threading.Lock()
        self.sizes: dict[str, int] = {}
        self.outcomes: dict[str, str] = {}
        self.answered = 0  # events in answers 200, repetitions included
        self.duplicates = 0  # of them, called duplicates by the answers
        self.file = open(path, "a", encoding="utf-8")
        self.ended = threading.Event()
        self.syncer = threading.Thread(target=self.keep_synced)
        self.syncer.start()

    def keep_synced(self) -> None:
        while not self.ended.wait(0.1):
            self.sync()

    def sync(self) -> None:
        with self.lock:
            self.file.flush()
        os.fdatasync(self.file.fileno())

    def close(self) -> None:
        if not self.ended.is_set():
            self.ended.set()
            self.syncer.join()
            self.sync()
            self.file.close()

    def note(self, body: str, size: int, outcome: str, detail: str) -> None:
        """One attempt. An acknowledgement settles a body for good; an unknown attempt is not undone by a refused
        one."""
        with self.lock:
            self.sizes[body] = size
            before = self.outcomes.get(body)
            if before != ACKNOWLEDGED and not (before == UNKNOWN and outcome == REFUSED):
                self.outcomes[body] = outcome
            self.file.write(f"{time.time():.6f} {body} {size} {outcome} {detail}\n")

    def count_answer(self, received: int, duplicates: int) -> None:
        with self.lock:
            self.answered += received
            self.duplicates += duplicates

    def events(self, outcome: str) -> int:
        with self.lock:
            return sum(self.sizes[body] for body, found in self.outcomes.items() if found == outcome)

    def bodies(self, outcome: str) -> int:
        with self.lock:
            return sum(1 for found in self.outcomes.values() if found == outcome)

    def __str__(self) -> str:
        return ", ".join(
            f"{self.events(outcome)} events in {self.bodies(outcome)} bodies {outcome}"
            for outcome in (ACKNOWLEDGED, REFUSED, UNKNOWN)
        )


class LoadClient(threading.Thread):
    """Sends bodies of 1 to 20 events at a rate, each until it is acknowledged, with the same event ids; `abandon` is
    the share of bodies that are given up after a failed attempt instead, so that all three outcomes come up."""

    def __init__(self, load: "Load", number: int, rate: float, abandon: float):
        super().__init__(name=f"client {number}")
        self.load = load
        self.number = number
        self.rate = rate
        self.abandon = abandon
        self.random = random.Random(f"{load.seed}/{number}")
        self.client = Client(load.server.port, timeout_s=20)
        self.failure: str | None = None

    def run(self) -> None:
        try:
            self.send_until_stopped()
        except Exception as reason:  # the test thread tells it
            self.failure = f"{self.name}: {reason!r}"
        finally:
            self.client.close()

    def send_until_stopped(self) -> None:
        due = time.monotonic()
        body = 0
        while not self.load.stopping.is_set():
            size = self.random.choice((1, 1, 2, 5, 10, 20))
            name = f"c{self.number}-{body}"
            body += 1
            text = json.dumps([self.event(name, place) for place in range(size)]).encode()
            while not self.attempt(name, size, text):
                if self.random.random() < self.abandon or self.load.give_up.is_set():
                    break
                self.load.give_up.wait(self.load.retry_s)
                due = time.monotonic()  # what was lost while the server was away is not made up for
            due += size / self.rate
            self.load.stopping.wait(max(0.0, due - time.monotonic()))

    def event(self, body: str, place: int) -> dict[str, Any]:
        return {
            "event_id": uuid7(),
            "type": "event",
            "tracking_id": self.load.site.id,
            "data": {"name": "load", "properties": {"body": body, "place": str(place)}},
        }

    def attempt(self, name: str, size: int, text: bytes) -> bool:
        """Whether the body is acknowledged now."""
        ledger = self.load.ledger
        fresh = self.client.connection is None
        try:
            answer = self.client.request("POST", "/api/v1/events", text)
        except ConnectionRefusedError:
            ledger.note(name, size, REFUSED, "not connected")
            return False
        except Exception as reason:
            ledger.note(name, size, UNKNOWN, type(reason).__name__)
            self.load.note_unknown(self.client.sent_at, fresh)
            return False
        if answer.status == 200:
            told = answer.json()
            assert told["received"] == size and told["rejected"] == [], told
            ledger.count_answer(size, told["duplicates"])
            ledger.note(name, size, ACKNOWLEDGED, str(told["duplicates"]))
            self.load.note_acknowledged(size)
            return True
        assert answer.status in (429, 503), answer
        assert int(answer.headers["Retry-After"]) >= 0, answer.headers
        ledger.note(name, size, REFUSED, str(answer.status))
        self.load.note_refused()
        return False


class Load:
    """Clients that send to a site until stop(). Everything that they were told goes into the ledger."""

    def __init__(
        self,
        server: Server,
        site: Site,
        folder: pathlib.Path,
        seed: int,
        clients: int = 4,
        rate: float = 800,
        abandon: float = 0.0,
        retry_s: float = 0.02,
    ):
        self.retry_s = retry_s
        self.server = server
        self.site = site
        self.seed = seed
        self.ledger = Ledger(folder / "ledger.txt")
        self.stopping = threading.Event()
        self.give_up = threading.Event()
        self.lock = threading.Lock()
        self.acknowledged_bodies = 0
        self.acknowledged_events = 0
        self.refused_answers = 0
        self.first_refusal = 0.0
        self.last_acknowledgement = 0.0
        self.unknown: list[tuple[float, bool]] = (
            []
        )  # when the request had been sent in full, whether on a new connection
        self.clients = [LoadClient(self, number, rate / clients, abandon) for number in range(clients)]

    def __enter__(self) -> "Load":
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        self.stop(settle=kind is None)

    def note_acknowledged(self, events: int) -> None:
        with self.lock:
            self.acknowledged_bodies += 1
            self.acknowledged_events += events
            self.last_acknowledgement = time.monotonic()

    def note_refused(self) -> None:
        with self.lock:
            self.refused_answers += 1
            self.first_refusal = self.first_refusal or time.monotonic()

    def note_unknown(self, sent_at: float, fresh: bool) -> None:
        with self.lock:
            self.unknown.append((sent_at, fresh))

    def wait_acknowledged(self, bodies: int, limit_s: float = 30) -> None:
        """Until that many more bodies are acknowledged."""
        target = self.acknowledged_bodies + bodies
        wait_until(
            lambda: self.acknowledged_bodies >= target or self.failures(),
            limit_s,
            f"{bodies} more bodies are acknowledged; {self.ledger}",
        )
        assert not self.failures(), self.failures()

    def wait_refused(self, answers: int, limit_s: float = 10, *, may_end: bool = False) -> None:
        """Until so many more attempts are answered with a refusal; or, where it `may_end`, the server has ended."""
        target = self.refused_answers + answers

        def reached() -> bool:
            process = self.server.process
            return self.refused_answers >= target or (may_end and process is not None and process.poll() is not None)

        wait_until(reached, limit_s, f"{answers} more refusals; {self.ledger}")

    def failures(self) -> list[str]:
        return [client.failure for client in self.clients if client.failure]

    def stop(self, settle: bool = True, limit_s: float = 30) -> None:
        """Ends the load. With `settle` each client first gets its last body acknowledged, which needs a server that
        runs."""
        self.stopping.set()
        if not settle:
            self.give_up.set()
        end = time.monotonic() + limit_s
        for client in self.clients:
            if client.is_alive():
                client.join(max(0.0, end - time.monotonic()))
        hung = [client.name for client in self.clients if client.is_alive()]
        self.give_up.set()
        for client in self.clients:
            client.join(25)
        self.ledger.close()
        assert not hung, f"not settled within {limit_s} s: {hung}; {self.ledger}"
        assert not self.failures(), self.failures()


def stored_counts(site: Site, bodies: list[str]) -> dict[tuple[str, str], int]:
    """(body, place) → how often it is counted, by the query API."""
    counts: dict[tuple[str, str], int] = {}
    for begin in range(0, len(bodies), 100):
        chosen = bodies[begin : begin + 100]
        answer = site.query(
            ["events"], ["property:body", "property:place"], filters=[["property:body", "is", chosen]], limit=10_000
        )
        for body, place, count in answer["rows"]:
            counts[body, place] = count
    return counts


def audit_row(server: Server, site: Site, limit_s: float = 60) -> dict[str, Any]:
    """The row of the events; those of every table are right."""
    rows = server.command("audit", "--site", site.id, limit_s=limit_s)
    assert all(row["ok"] is True for row in rows), rows
    [row] = [row for row in rows if row["table"] == "events"]
    return row


def check_ledger(server: Server, site: Site, ledger: Ledger, audit_limit_s: float = 60) -> None:
    """Everything acknowledged counts once, nothing else but what is unknown: event by event by the query API, in sum by
    audit, which reads the whole log."""
    differences = collections.Counter()
    examples: list[str] = []
    least, most = ledger.events(ACKNOWLEDGED), ledger.events(ACKNOWLEDGED) + ledger.events(UNKNOWN)

    def settled() -> bool:
        return least <= site.value("events") <= most

    try:
        wait_until(settled, 10, "", every_s=0.2)
    except AssertionError:
        pass  # the comparison below names the events
    counts = stored_counts(site, list(ledger.sizes))
    for body, size in ledger.sizes.items():
        outcome = ledger.outcomes[body]
        allowed = {ACKNOWLEDGED: {1}, REFUSED: {0}, UNKNOWN: {0, 1}}[outcome]
        for place in range(size):
            count = counts.pop((body, str(place)), 0)
            if count not in allowed:
                kind = "lost" if count == 0 else "counted twice or more" if count > 1 else "counted though refused"
                differences[kind] += 1
                examples.append(f"{body}/{place}: {outcome}, counted {count} times")
    assert not differences, f"{dict(differences)} of {ledger}; {examples[:10]}; ledger: {ledger.path}"
    assert not counts, f"events that nobody sent: {list(counts.items())[:10]}"
    total = site.value("events")
    assert least <= total <= most, f"{total} events are counted, {least} to {most} were sent; {ledger}"

    row = audit_row(server, site, audit_limit_s)
    assert row["stored"] == total, row
    assert row["received"] == row["stored"] + row["duplicates"] + row["erased"] + row["expired"], row
    # Answers that were lost on their way stand in the log too, so the log may know of more than the clients were told.
    assert row["received"] >= ledger.answered and row["duplicates"] >= ledger.duplicates, (
        row,
        ledger.answered,
        ledger.duplicates,
    )
    if not ledger.bodies(UNKNOWN) and "unknown" not in ledger.path.read_text():
        assert (row["received"], row["duplicates"]) == (ledger.answered, ledger.duplicates), (
            row,
            ledger.answered,
            ledger.duplicates,
        )
