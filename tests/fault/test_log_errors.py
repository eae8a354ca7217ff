"""R5: a sync of the event log that fails is never trusted again. And what is refused while the disk is slow was never
taken."""

import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time
from typing import Any

import pytest

from ledger import Load, check_ledger
from support.client import Client
from support.events import custom
from support.server import Server
from support.wait import wait_until

pytestmark = pytest.mark.alone

SMALL = ("--loader.interval_ms", "50")


def check_failed_sync(server: Server, folder: pathlib.Path, seed: int, arm: Any) -> None:
    """`arm` makes a sync fail once under load. Those who wait for it get 503, the process ends with an error within 5
    s, and after a start with a sound disk and the clients' retries everything counts once."""
    site = server.add_site()
    site.key("read")
    with Load(server, site, folder, seed, rate=2000) as load:
        load.wait_acknowledged(5)
        disarm = arm()
        code = server.wait_exit(30)
        ended = time.monotonic()
        disarm()
        assert code != 0, "it must not say that all is well"
        assert (
            load.refused_answers >= 1
        ), "no waiter was refused: those of the failed sync were told that it had succeeded, or nothing"
        assert ended - load.first_refusal <= 5, f"it went on for {ended - load.first_refusal:.1f} s"
        wait_until(lambda: not load.clients[0].failure, 1, "clients go on")
        server.start(env={"FOOTFALL_FAILPOINTS": ""})
        load.wait_acknowledged(20)
    check_ledger(server, site, load.ledger)


@pytest.mark.parametrize("hit", [10, 60])
def test_R5_a_sync_that_fails_by_failpoint(start_server: Any, folder: pathlib.Path, seed: int, hit: int):
    server = start_server(*SMALL, env={"FOOTFALL_FAILPOINTS": f"log.sync=error@{hit}"})
    check_failed_sync(server, folder, seed, lambda: lambda: None)


def open_log_file(server: Server) -> str:
    """The file below the data folder that the server writes events to: the one whose position moves."""

    def positions() -> dict[str, tuple[str, int]]:
        found = {}
        for entry in pathlib.Path(f"/proc/{server.pid}/fd").iterdir():
            try:
                target = os.readlink(entry)
                # Segments are numbered; files made ahead of time (reserve, spare) are not, and their errors cost nothing.
                if target.startswith(str(server.data / "log")) and re.search(r"\d", pathlib.Path(target).name):
                    found[target] = (target, pathlib.Path(target).stat().st_mtime_ns)
            except OSError:
                continue
        return found

    first = positions()
    wait_until(
        lambda: any(first.get(path) != state for path, state in positions().items()),
        10,
        f"a file of the log is written; open: {list(first)}",
    )
    second = positions()
    return max(second, key=lambda path: second[path][1])


@pytest.mark.parametrize("hit", [1, 7])
def test_R5_a_sync_that_fails_in_the_kernel(start_server: Any, folder: pathlib.Path, seed: int, hit: int):
    """strace makes the n-th fdatasync or fsync of the open segment fail with EIO, once; later ones would succeed."""
    server = start_server(*SMALL)

    def arm() -> Any:
        log = folder / "strace.txt"
        tracer = subprocess.Popen(
            [
                "strace",
                "-f",
                "-p",
                str(server.pid),
                "-o",
                str(log),
                "-P",
                open_log_file(server),
                "-e",
                f"inject=fdatasync,fsync,sync_file_range:error=EIO:when={hit}",
            ],
            stderr=subprocess.PIPE,
            text=True,
        )

        def disarm() -> None:
            if tracer.poll() is None:
                tracer.send_signal(signal.SIGTERM)
            told = tracer.communicate(timeout=10)[1]
            assert "(INJECTED)" in log.read_text(), f"nothing was injected: {told}"

        return disarm

    check_failed_sync(server, folder, seed, arm)


def test_R5_without_waiting_for_the_sync_the_check_fails(start_server: Any, folder: pathlib.Path, seed: int):
    """The mutant of R5: it answers before the sync."""
    server = start_server(*SMALL, env={"FOOTFALL_FAILPOINTS": "mutant.ack_before_sync=error,log.sync=error@10"})
    with pytest.raises(AssertionError, match="no waiter was refused|lost"):
        check_failed_sync(server, folder, seed, lambda: lambda: None)


@pytest.mark.parametrize("point", ["log.before_write", "log.after_write"])
def test_R4_a_write_that_fails_costs_its_group_and_nothing_else(
    start_server: Any, folder: pathlib.Path, seed: int, point: str
):
    """The group is refused; whether the process goes on or ends is its choice, but what it says afterwards holds."""
    server: Server = start_server(*SMALL, env={"FOOTFALL_FAILPOINTS": f"{point}=error@30"})
    site = server.add_site()
    site.key("read")
    with Load(server, site, folder, seed, rate=2000) as load:
        wait_until(lambda: load.refused_answers >= 1, 30, "a group is refused")
        assert server.process is not None
        try:
            server.process.wait(3)
            assert server.wait_exit(1) != 0
            server.start(env={"FOOTFALL_FAILPOINTS": ""})
        except subprocess.TimeoutExpired:
            pass
        load.wait_acknowledged(50)
    check_ledger(server, site, load.ledger)


def test_R16_a_full_queue_is_refused_at_once_and_what_was_taken_counts(start_server: Any):
    """The disk takes 1.5 s for every sync and the queue holds 1 MiB: 24 clients with large bodies overflow it."""
    server: Server = start_server(
        "--ingest.queue_bytes_max", "1048576", env={"FOOTFALL_FAILPOINTS": "log.sync=delay:1500"}
    )
    site = server.add_site()
    site.key("read")
    lock = threading.Lock()
    taken, refused, refusals_s = [], [], []

    def send(number: int) -> None:
        client = Client(server.port)
        for part in range(3):
            name = f"{number}-{part}"
            body = json.dumps([custom(site.id, properties={"body": name, "fill": "x" * 400}) for _ in range(300)])
            began = time.monotonic()
            answer = client.request("POST", "/api/v1/events", body)
            with lock:
                if answer.status == 200:
                    taken.append(name)
                else:
                    assert answer.status in (429, 503) and int(answer.headers["Retry-After"]) >= 0, answer
                    refused.append(name)
                    refusals_s.append(time.monotonic() - began)
        client.close()

    threads = [threading.Thread(target=send, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(taken) + len(refused) == 72, "a client failed"
    assert taken and refused, (len(taken), len(refused))
    assert sorted(refusals_s)[len(refusals_s) // 2] < 1.0, "a refusal must not wait for the disk"
    assert site.post(custom(site.id, "after")).status == 200, "it accepts again"
    site.wait_events(300 * len(taken) + 1, limit_s=20)
    counted = site.table("property:body", filters=[["event_name", "is", ["signup"]]], limit=1000)
    assert counted == {name: 300 for name in taken}
