"""S22 of verdicts: a re-scoring of bots that a death cuts off anywhere is completed by the next start, before anybody is
answered, and what comes of it is what a server has whose lists were the new ones from the beginning."""

import json
import os
import pathlib
import random
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from support.events import FIREFOX, custom, now_ms, other, pageview
from support.server import Server, Site, run_command
from support.wait import wait_until

SITE = "site-judged-again"
THEN = '[{"pattern": "Okapi"}]'
TODAY = '[{"pattern": "Zebra"}]'

# Where the process dies, in the order in which a re-scoring comes by.
POINTS = [
    "rescore.pending=abort",
    "log.rewrite.before_sync=abort",
    "log.rewrite.before_rename=abort",
    "log.rewrite.after_rename=abort",
    "rescore.log=abort",
    "rescore.before_rows=abort",
    "remake.between_tables=abort",
    "remake.deleted=abort",
    "loader.before_insert=abort",  # sessions are there again, and their events are not
    "remake.batch=abort",
    "rescore.rows=abort",
    "rescore.remade=abort",
]


def traffic() -> list[tuple[str, dict[str, Any]]]:
    """Events of visitors who are now this and now that, with their user agents: by the new list sessions are split and
    joined. Some are late."""
    dice = random.Random(4711)
    begin = now_ms() - 20 * 3_600_000
    out: list[tuple[str, dict[str, Any]]] = []
    for n in range(240):
        agent = dice.choice(["Zebra/1.0", "Okapi/2.0", FIREFOX, FIREFOX])
        late = dice.choice([0, 0, 0, 45, 300])
        at = begin + (n * 4 - late) * 60_000
        event = dice.choice([pageview(SITE, f"/{n % 7}"), pageview(SITE, "/"), custom(SITE, "signup")])
        event["user_id"] = f"visitor-{dice.randrange(6)}"
        event["data"]["timestamp"] = at
        out.append((agent, event))
        if n % 9 == 0 and event["type"] == "pageview":
            ping = other(SITE, "ping", pageview_id=event["event_id"], time_on_page=5 + n, timestamp=at + 30_000)
            out.append((agent, ping | {"user_id": event["user_id"]}))
    return out


TRAFFIC = traffic()
BEFORE = 180  # so many of them are stored when the list changes; the others come meanwhile


def send(server: Server, agent: str, event: dict[str, Any]) -> bool:
    """Each in a millisecond of its own: of two sessions that are joined the key of the one received first stays, and of
    one millisecond the smaller."""
    began = now_ms()
    while now_ms() == began:
        pass
    try:
        answer = server.request("POST", "/api/v1/events", [event], {"User-Agent": agent})
    except OSError:
        return False
    return answer.status == 200 and answer.json()["rejected"] == []


def records(server: Server) -> list[dict[str, Any]]:
    """What the log says of each event, in its order."""
    lines = run_command("export", "--site", SITE, data=server.data).stdout.splitlines()
    out = [json.loads(line)["record"] for line in lines]
    for record in out:
        # When it came, and which lists judged it where both say the same, are no part of the verdict.
        del record["received_at"]
        record.pop("bot_lists")
    return out


def sessions(server: Server) -> list[dict[str, Any]]:
    out = []
    for n in range(6):
        done = run_command("export", "--site", SITE, "--visitor", f"visitor-{n}", data=server.data)
        for line in done.stdout.splitlines():
            session = json.loads(line).get("session")
            if session:
                del session["first_received_at"]
                out.append(session)
    return out


def numbers(site: Site) -> list[Any]:
    metrics = ["visitors", "sessions", "pageviews", "events", "bounce_rate", "session_duration"]
    return [
        site.query(metrics, dimensions, include_bots=bots)["rows"]
        for bots in (False, True)
        for dimensions in ([], ["page"], ["device_type"], ["entry_page"])
    ]


def begin_site(server: Server) -> Site:
    site = server.add_site(site_id=SITE)
    site.key("read")
    return site


@pytest.fixture(scope="module")
def as_from_the_beginning() -> Iterator[tuple[Any, Any, Any]]:
    """Of a server that had the new list when the first event came: its log, sessions and numbers."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="footfall-test-"))
    (folder / "crawlers.json").write_text(TODAY)
    server = Server(folder, "--enrich.crawlers", str(folder / "crawlers.json"))
    try:
        server.start()
        site = begin_site(server)
        for agent, event in TRAFFIC:
            assert send(server, agent, event)
        site.wait_events(sum(event["type"] != "ping" for _, event in TRAFFIC))
        yield records(server), sessions(server), numbers(site)
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)


def change_list(server: Server, folder: pathlib.Path) -> None:
    def lists() -> str:
        return server.command("bots", "rescore", "--dry-run")["lists"]

    before = lists()
    (folder / "new.json").write_text(TODAY)
    (folder / "new.json").rename(folder / "crawlers.json")
    os.kill(server.pid, signal.SIGHUP)
    wait_until(lambda: lists() != before, 30, "the new list is in use")


def begin(start_server: Any, folder: pathlib.Path, failpoints: str) -> tuple[Server, Site]:
    """A server with the first part of the traffic, judged by the list of then, that has today's list now."""
    (folder / "crawlers.json").write_text(THEN)
    server: Server = start_server(
        "--loader.interval_ms", "50", "--enrich.crawlers", str(folder / "crawlers.json"), ready=False
    )
    server.close()
    server.start()
    site = begin_site(server)
    for agent, event in TRAFFIC[:BEFORE]:
        assert send(server, agent, event)
    server.command("audit")
    change_list(server, folder)
    server.terminate()
    server.start(env={"FOOTFALL_FAILPOINTS": failpoints})
    return server, site


class Sender:
    """Sends the second part of the traffic, each event until it is acknowledged."""

    def __init__(self, server: Server):
        self.server = server
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        for agent, event in TRAFFIC[BEFORE:]:
            while not send(self.server, agent, event) and not self.is_over.wait(0.02):
                pass

    def wait(self) -> None:
        self.thread.join(60)
        assert not self.thread.is_alive(), "an event is refused for good"


@pytest.mark.parametrize("point", POINTS)
def test_a_death_at_this_point_delays_a_re_scoring_and_changes_nothing_of_it(
    start_server: Any, folder: pathlib.Path, as_from_the_beginning: tuple[Any, Any, Any], point: str
):
    server, site = begin(start_server, folder, point)
    # Of what comes meanwhile the loader would insert rows first.
    is_beside_traffic = not point.startswith("loader.")
    sender = Sender(server) if is_beside_traffic else None
    done = run_command("bots", "rescore", "--now", data=server.data)
    assert done.returncode == 1, f"it died amid the command: {done}"
    server.wait_exit(20)
    assert (server.data / "rescore.pending").exists(), "what is left to do is known"
    server.start()
    (sender or Sender(server)).wait()
    assert not (server.data / "rescore.pending").exists()
    assert all(row["ok"] for row in server.command("audit"))
    expected_records, expected_sessions, expected_numbers = as_from_the_beginning
    assert records(server) == expected_records
    assert sessions(server) == expected_sessions
    assert numbers(site) == expected_numbers
    assert server.command("bots", "rescore")["done"]["events"] == 0, "nothing is left to judge"
    # And a store that is filled from the log says the same.
    server.terminate()
    shutil.rmtree(server.data / "store")
    server.start()
    assert all(row["ok"] for row in server.command("audit"))
    assert numbers(site) == expected_numbers


def test_the_store_dies_amid_it_and_it_goes_on(
    start_server: Any, folder: pathlib.Path, as_from_the_beginning: tuple[Any, Any, Any]
):
    server, site = begin(start_server, folder, "remake.deleted=delay:1500@1")
    told: list[Any] = []
    thread = threading.Thread(target=lambda: told.append(run_command("bots", "rescore", "--now", data=server.data)))
    thread.start()
    wait_until(lambda: server.request("GET", "/readyz").status != 200, 20, "rows are made again")
    child = server.store_child()
    assert child is not None
    os.kill(child, signal.SIGKILL)
    sender = Sender(server)
    thread.join(60)
    sender.wait()
    wait_until(lambda: not (server.data / "rescore.pending").exists(), 60, "it is completed by itself")
    server.wait_ready()
    assert all(row["ok"] for row in server.command("audit"))
    assert numbers(site) == as_from_the_beginning[2]
    assert records(server) == as_from_the_beginning[0]


def test_while_rows_are_missing_nobody_is_answered_and_events_are_taken(start_server: Any, folder: pathlib.Path):
    server, site = begin(start_server, folder, "remake.deleted=delay:2000")
    possible = {site.value("events", include_bots=True)}
    told: list[Any] = []
    thread = threading.Thread(target=lambda: told.append(run_command("bots", "rescore", "--now", data=server.data)))
    thread.start()
    refused: list[str] = []
    while thread.is_alive():
        answer = site.ask(metrics=["events"], dimensions=[], include_bots=True)
        if answer.status == 200:
            [[events]] = answer.json()["rows"]
            assert events in possible, "some are missing"
            continue
        assert answer.status == 503, answer
        refused.append(answer.json()["error"]["message"])
        ready = server.request("GET", "/readyz")
        if ready.status != 200 and len(possible) == 1:
            assert "rescore" in ready.body.decode()
            agent, event = next((agent, event) for agent, event in TRAFFIC[BEFORE:] if event["type"] != "ping")
            assert send(server, agent, event), "events are taken all the while"
            possible.add(max(possible) + 1)
    thread.join()
    assert told[0].returncode == 0, told
    assert any("verdicts" in why for why in refused), refused
    assert all(row["ok"] for row in server.command("audit"))


def test_a_termination_amid_it_is_quick_and_the_next_start_goes_on(
    start_server: Any, folder: pathlib.Path, as_from_the_beginning: tuple[Any, Any, Any]
):
    server, site = begin(start_server, folder, "remake.deleted=delay:1000")
    thread = threading.Thread(target=lambda: run_command("bots", "rescore", "--now", data=server.data))
    thread.start()
    wait_until(lambda: server.request("GET", "/readyz").status != 200, 20, "rows are made again")
    assert server.terminate() == 0
    thread.join(20)
    server.start()
    Sender(server).wait()
    assert all(row["ok"] for row in server.command("audit"))
    assert numbers(site) == as_from_the_beginning[2]


def test_one_that_failed_is_told_and_tried_again_and_an_erasure_completes_it_first(
    start_server: Any, folder: pathlib.Path
):
    server, site = begin(start_server, folder, "loader.before_insert=error@1")
    failed = run_command("bots", "rescore", "--now", data=server.data)
    assert failed.returncode == 1 and "tried again by itself" in failed.stderr, failed
    assert server.request("GET", "/readyz").status != 200 or not (server.data / "rescore.pending").exists()
    done = run_command("erase", "--site", SITE, "--visitor", "visitor-3", "--now", data=server.data)
    assert done.returncode == 0, done
    assert not (server.data / "rescore.pending").exists()
    server.wait_ready()
    assert all(row["ok"] for row in server.command("audit"))
    assert server.command("bots", "rescore", "--dry-run")["changes"] == []
    assert all(finding["ok"] for finding in server.command("doctor")["findings"] if finding["part"] == "rescore")
