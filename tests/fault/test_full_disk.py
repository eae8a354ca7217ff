"""R16: the disk gets full, in bytes or inodes, or read-only. Events are refused from the high-water mark on with a time
to come back, questions are answered, and when there is room again everything is normal within 10 s without a hand."""

import json
import os
import pathlib
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ledger import Load, check_ledger
from small_disk import MIB, Ext4, Tmpfs, no_file_grows
from support.server import Server, Site, run_command
from support.wait import wait_until

pytestmark = pytest.mark.alone

SMALL = ("--loader.interval_ms", "50", "--log.segment_bytes", str(MIB))
NORMAL_S = 10


@pytest.fixture
def make_disk(folder: pathlib.Path) -> Iterator[Callable[[type], Any]]:
    disks = []

    def make(kind: type) -> Any:
        path = folder / "disk"
        path.mkdir()
        disks.append(kind(path))
        return disks[-1]

    yield make
    for disk in disks:
        disk.close()


def check_refusing(server: Server, site: Site, load: Load, names: str, answers_questions: bool = True) -> None:
    """/readyz, the status page's data and doctor say why; nothing is acknowledged; questions are answered."""

    def told() -> Any:
        answer = server.request("GET", "/readyz")
        reasons = [part["reason"] for part in answer.json()["not_ready"] if part["part"] == "log"]
        return answer.status == 503 and reasons and names in reasons[0]

    wait_until(told, 5, f"/readyz names the disk: {names}")
    load.wait_refused(20)
    acknowledged = load.acknowledged_bodies
    load.wait_refused(20)
    assert server.request("GET", "/healthz").status == 200
    if answers_questions:
        for _ in range(5):
            assert site.value("events") > 0
    status = server.request("GET", "/api/v1/status").json()
    assert not status["ready"]["ok"] and names in str(status["ready"]["not_ready"]), status
    findings = json.loads(run_command("doctor", "--json", data=server.data).stdout)["findings"]
    assert [found for found in findings if not found["ok"] and names in found["what"]], findings
    assert load.acknowledged_bodies == acknowledged, "events were acknowledged while the disk was full"


def check_normal(server: Server, load: Load, site: Site, freed: float) -> None:
    """Within 10 s of that moment: ready, events taken, and those that were taken are in the store."""

    def left() -> float:
        return max(0.1, freed + NORMAL_S - time.monotonic())

    wait_until(lambda: server.request("GET", "/readyz").status == 200, left(), "it is ready")
    load.wait_acknowledged(20, left())
    taken = load.acknowledged_events
    wait_until(lambda: site.value("events") >= taken, left(), "what was acknowledged is counted")


WAYS = {
    # Name → below the mark of a twentieth, and to the end; what is told. The end of the bytes is where the store begins nothing any
    # more. On a disk that others fill to its last byte the engine takes a write that failed for done now and then: while it is full
    # there may be data that can't be read.
    "bytes": (lambda disk: disk.fill_bytes(2 * MIB), lambda disk: disk.fill_bytes(MIB), "nearly full"),
    "last-byte": (lambda disk: disk.fill_bytes(2 * MIB), lambda disk: disk.fill_bytes(0), "nearly full"),
    "inodes": (lambda disk: disk.fill_inodes(180), lambda disk: disk.fill_inodes(0), "nearly out of inodes"),
}


def start_on(start_server: Any, disk: Any) -> tuple[Server, Site, pathlib.Path]:
    """A server on that disk, a site with its key, and where the log keeps its reserve."""
    server: Server = start_server(*SMALL, data=disk.path / "data")
    site = server.add_site()
    site.key("read")
    return server, site, server.data / "log" / "reserve"


@pytest.mark.disk(kind=Tmpfs)
@pytest.mark.parametrize("way", WAYS)
def test_R16_a_disk_that_gets_full(start_server: Any, folder: pathlib.Path, make_disk: Any, seed: int, way: str):
    to_the_mark, to_the_end, names = WAYS[way]
    disk = make_disk(Tmpfs)
    server, site, reserve = start_on(start_server, disk)
    with Load(server, site, folder, seed, rate=1000) as load:
        load.wait_acknowledged(50)
        wait_until(reserve.exists, 10, "the reserve is taken")

        to_the_mark(disk)
        load.wait_refused(1)
        assert disk.bytes_free() > 0 and disk.inodes_free() > 0, "there was room left when it began to refuse"
        check_refusing(server, site, load, names)
        disk.free()
        check_normal(server, load, site, time.monotonic())

        errors = server.metric("footfall_loader_errors_total")
        store = server.store_child()
        assert store is not None
        os.kill(store, signal.SIGSTOP)  # so that there is something left to store when the disk is full
        load.wait_acknowledged(5)
        to_the_end(disk)
        os.kill(store, signal.SIGCONT)
        # Where the reserve's room came before the store went on, there was enough for what was left.
        wait_until(
            lambda: server.metric("footfall_loader_errors_total") > errors or (way != "inodes" and not reserve.exists()),
            10,
            "the loader met the full disk, or was given room",
        )
        check_refusing(server, site, load, names, answers_questions=way != "last-byte")
        if way != "inodes":
            wait_until(lambda: not reserve.exists(), 10, "the reserve is given back")
        # The catalog's file is there and has room by the reserve: what an administrator does to get out works.
        wait_until(lambda: server.add_site(), 5, "a site can be added")
        disk.free()
        check_normal(server, load, site, time.monotonic())
        wait_until(reserve.exists, 10, "the reserve is taken again")
    check_ledger(server, site, load.ledger)


@pytest.mark.disk(kind=Tmpfs)
@pytest.mark.parametrize("way", WAYS)
def test_R16_a_start_on_a_full_disk(start_server: Any, folder: pathlib.Path, make_disk: Any, seed: int, way: str):
    """It starts and goes on by itself when there is room. With the reserve's bytes the store opens, so that questions
    are answered; without an inode it cannot."""
    to_the_end, names = WAYS[way][1:]
    disk = make_disk(Tmpfs)
    server, site, reserve = start_on(start_server, disk)
    with Load(server, site, folder, seed, rate=1000) as load:
        load.wait_acknowledged(50)
        wait_until(reserve.exists, 10, "the reserve is taken")
        server.kill()
        to_the_end(disk)
        server.spawn()
        wait_until(lambda: is_up(server), 10, "it listens")
        if way == "bytes":
            wait_until(lambda: site.ask(metrics=["events"]).status == 200, 10, "questions are answered")
        check_refusing(server, site, load, names, answers_questions=way == "bytes")
        disk.free()
        check_normal(server, load, site, time.monotonic())
    check_ledger(server, site, load.ledger)


def is_up(server: Server) -> bool:
    try:
        return server.request("GET", "/healthz").status == 200
    except OSError:
        assert server.process is not None and server.process.poll() is None, server.log()[-4000:]
        return False


@pytest.mark.disk(kind=Ext4)
def test_R16_a_disk_that_gets_read_only(start_server: Any, folder: pathlib.Path, make_disk: Any, seed: int):
    """It may end with an error, or refuse events and answer questions; after a start on the mended disk all is normal."""
    disk = make_disk(Ext4)
    server: Server = start_server(*SMALL, data=disk.path / "data")
    site = server.add_site()
    site.key("read")
    with Load(server, site, folder, seed, rate=1000) as load:
        load.wait_acknowledged(50)
        disk.make_read_only()
        load.wait_refused(20, may_end=True)
        assert server.process is not None
        if server.process.poll() is None:
            check_refusing(server, site, load, "the disk")
            server.terminate(15)
        else:
            assert server.wait_exit(1) != 0
        disk.mend()
        server.start(limit_s=NORMAL_S)
        check_normal(server, load, site, time.monotonic())
    check_ledger(server, site, load.ledger)


def test_R16_files_that_cannot_grow(start_server: Any, folder: pathlib.Path, seed: int):
    """As on a full disk every write of the server fails, without any right to mount."""
    server: Server = start_server(*SMALL)
    site = server.add_site()
    site.key("read")
    with Load(server, site, folder, seed, rate=1000) as load:
        load.wait_acknowledged(50)
        errors = server.metric("footfall_loader_errors_total")
        with no_file_grows(server):
            wait_until(lambda: server.metric("footfall_loader_errors_total") > errors, 10, "the loader met it")
            check_refusing(server, site, load, "the disk refused")
        check_normal(server, load, site, time.monotonic())
    check_ledger(server, site, load.ledger)
