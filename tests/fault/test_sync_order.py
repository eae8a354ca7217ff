"""R6: what the kernel sees. A successful sync of the log's file lies between an event's write and its answer, and the
name of a new file is synced before anything in it is acknowledged."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

from support.client import Client
from support.events import custom
from support.server import Server, Site
from support.wait import wait_until

REQUESTS = 1000
CALLS = (
    "write,pwrite64,writev,pwritev,pwritev2,fdatasync,fsync,sync_file_range,rename,renameat,renameat2,sendto,sendmsg"
)
LINE = re.compile(r"(?P<thread>\d+) +(?P<rest>.*)")
CALL = re.compile(r"(?P<name>\w+)\((?P<arguments>.*)")
ON_FILE = re.compile(r"\d+<(?P<path>/[^>]*)>")
RENAMED = re.compile(r'"(?P<path>[^"]*)"(?:, 0|, RENAME_\w+)?\) += 0')


@contextlib.contextmanager
def traced(server: Server, output: pathlib.Path) -> Iterator[None]:
    """The system calls of the server's process (not of the store's child), as strace writes them."""
    command = ["strace", "-f", "-p", str(server.pid), "-y", "-s", "40", "-e", f"trace={CALLS}", "-o", str(output)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        wait_until(
            lambda: server.request("GET", "/healthz") and output.exists() and output.stat().st_size, 10, "strace"
        )
        yield
    finally:
        tracer.send_signal(signal.SIGTERM)
        tracer.communicate(timeout=20)


class Order:
    """Follows the trace and judges at each answer."""

    def __init__(self, log_folder: str):
        self.log_folder = log_folder
        self.unsynced: set[str] = set()  # files of the log with writes that no sync has covered
        self.unnamed: set[str] = set()  # files of the log whose name was made and not synced
        self.named: set[str] = set()
        self.written = False
        self.answers = 0
        self.faults: list[str] = []

    def done(self, name: str, arguments: str) -> None:
        """A call that has returned."""
        if name.startswith("rename"):
            renamed = RENAMED.search(arguments)
            if renamed and renamed["path"].startswith(self.log_folder):
                self.unnamed.add(renamed["path"])
                self.named.add(renamed["path"])
            return
        on_file = ON_FILE.match(arguments)
        if not on_file or not on_file["path"].startswith(self.log_folder):
            return
        path, succeeded = on_file["path"], not re.search(r"\) += -1", arguments)
        if "write" in name:
            self.unsynced.add(path)
            self.written = True
        elif succeeded and name in ("fdatasync", "fsync"):
            self.unsynced.discard(path)
            if path == self.log_folder:
                self.unnamed.clear()

    def answer(self) -> None:
        """An answer 200 leaves the process. Files that are being made ahead of time are written without being waited for,
        so only those that have their final name are judged."""
        self.answers += 1
        if not self.written:
            self.faults.append(f"answer {self.answers}: nothing was written since the one before")
        pending = {path for path in self.unsynced if re.search(r"\d", pathlib.Path(path).name)}
        if pending:
            self.faults.append(f"answer {self.answers}: written and not synced: {sorted(pending)}")
        if any(re.search(r"\d", pathlib.Path(path).name) for path in self.unnamed):
            self.faults.append(f"answer {self.answers}: a name that is not synced: {sorted(self.unnamed)}")
        self.written = False


def read_trace(trace: pathlib.Path, log_folder: pathlib.Path) -> Order:
    order = Order(str(log_folder))
    begun: dict[str, str] = {}
    for line in trace.read_text(errors="replace").splitlines():
        found = LINE.match(line)
        if not found:
            continue
        thread, rest = found["thread"], found["rest"]
        resumed = re.match(r"<\.\.\. (\w+) resumed>(.*)", rest)
        if resumed:
            rest = begun.pop(thread, "") + resumed[2]
        elif rest.endswith("<unfinished ...>"):
            begun[thread] = rest.removesuffix("<unfinished ...>")
        call = CALL.match(rest)
        if not call:
            continue
        if "HTTP/1.1 200" in rest and "socket:" in rest and not resumed:
            order.answer()
        elif not rest.endswith("<unfinished ...>"):
            order.done(call["name"], call["arguments"])
    return order


def trace_requests(server: Server, site: Site, folder: pathlib.Path) -> Order:
    """One client, one request at a time, so that the order of calls is the order of one event's life. The bodies can't
    be packed well, so that they cross into new segments."""
    client = Client(server.port)
    trace = folder / "strace.txt"
    with traced(server, trace):
        marked = trace.stat().st_size
        for number in range(REQUESTS):
            fill = [{name: os.urandom(240).hex() for name in ("a", "b")} for _ in range(1 + number % 15)]
            body = [custom(site.id, properties=properties) for properties in fill]
            assert client.request("POST", "/api/v1/events", body).status == 200
    text = trace.read_bytes()[marked:]
    trace.write_bytes(text)
    return read_trace(trace, server.data / "log")


def test_R6_every_answer_follows_the_sync_of_its_event(start_server: Any, folder: pathlib.Path):
    server = start_server("--log.segment_bytes", "1048576")
    order = trace_requests(server, server.add_site(), folder)
    assert order.answers == REQUESTS, "the trace does not show every answer"
    assert not order.faults, f"{len(order.faults)} of {order.answers}: {order.faults[:5]}"
    assert len(order.named) >= 3, f"too few new files to prove anything: {order.named}"


def test_R6_without_waiting_for_the_sync_the_check_fails(start_server: Any, folder: pathlib.Path):
    """The mutant: it answers before the sync."""
    server = start_server("--log.segment_bytes", "1048576", env={"FOOTFALL_FAILPOINTS": "mutant.ack_before_sync=error"})
    order = trace_requests(server, server.add_site(), folder)
    assert order.faults, "the mutant was not noticed"
