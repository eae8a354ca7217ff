"""A memory cgroup of a test's own, of version 1 or 2, and what processes use where nobody may make one."""

import contextlib
import os
import pathlib
import signal
import threading
from collections.abc import Iterator

from support.server import Server, group_members
from support.wait import wait_until

ROOT = pathlib.Path("/sys/fs/cgroup")


class MemoryGroup:
    """A folder of a group whose processes, all together and with the cache of their files, get `limit` bytes."""

    def __init__(self, path: pathlib.Path, version: int):
        self.path = path
        self.version = version

    def read(self, name: str) -> str:
        return (self.path / name).read_text()

    def oom_kills(self) -> int:
        """Processes that the kernel ended for want of memory."""
        lines = self.read("memory.oom_control" if self.version == 1 else "memory.events").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))

    def times_at_limit(self) -> int:
        """How often memory had to be taken back, mostly from the cache of files."""
        if self.version == 1:
            return int(self.read("memory.failcnt"))
        return next(int(line.split()[1]) for line in self.read("memory.events").splitlines() if line.startswith("max "))


@contextlib.contextmanager
def memory_group(limit: int) -> Iterator[MemoryGroup | None]:
    """None where this machine lets nobody make one: unprivileged containers mount /sys/fs/cgroup read-only."""
    name = f"footfall-test-{os.getpid()}"
    version = 1 if (ROOT / "memory").is_dir() else 2
    path = (ROOT / "memory" if version == 1 else ROOT) / name
    try:
        path.mkdir()
    except OSError:
        yield None
        return
    try:
        try:
            (path / ("memory.limit_in_bytes" if version == 1 else "memory.max")).write_text(str(limit))
        except OSError:  # version 2 without the controller of memory in the root's cgroup.subtree_control
            yield None
            return
        yield MemoryGroup(path, version)
    finally:
        remove(path)


def remove(path: pathlib.Path) -> None:
    """With what a test that failed left in it; the kernel gives a folder back only when the last process is gone."""

    def gone() -> bool:
        for pid in (path / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        try:
            path.rmdir()
        except OSError:
            return False
        return True

    wait_until(gone, 10, f"{path} is removed")


class Watch(threading.Thread):
    """The most memory (PSS, so that what is shared counts once) that the server's processes had, looked at five times
    a second."""

    def __init__(self, server: Server):
        super().__init__(daemon=True)
        self.server = server
        self.ended = threading.Event()
        self.most_bytes = 0

    def __enter__(self) -> "Watch":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.join()

    def run(self) -> None:
        while not self.ended.wait(0.2):
            self.most_bytes = max(self.most_bytes, sum(map(pss_bytes, group_members(self.server.pid))))


def pss_bytes(pid: int) -> int:
    try:
        lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
