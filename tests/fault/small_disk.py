"""Disks of a test's own that get full or read-only. What a machine does not let a test mount is told in the summary of
the run; a limit on the size of files needs no right at all and stands for a full disk everywhere."""

import contextlib
import fcntl
import functools
import os
import pathlib
import resource
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator

from support.server import Server

MIB = 1024 * 1024


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")


class Tmpfs:
    """Can be filled in bytes and in inodes."""

    INODES = 4000

    def __init__(self, path: pathlib.Path):
        self.path = path
        self.filler = path / "filler"
        run("mount", "-t", "tmpfs", "-o", f"size=64m,nr_inodes={self.INODES}", "footfall-test", str(path))

    def bytes_free(self) -> int:
        space = os.statvfs(self.path)
        return space.f_bavail * space.f_frsize

    def inodes_free(self) -> int:
        return os.statvfs(self.path).f_favail

    def fill_bytes(self, leave: int) -> None:
        with open(self.filler, "ab") as file:
            while (room := self.bytes_free() - leave) > 0:
                try:
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, room)
                except OSError:
                    room //= 2  # somebody else was faster

    def fill_inodes(self, leave: int) -> None:
        self.filler.mkdir(exist_ok=True)
        while (room := self.inodes_free() - leave) > 0:
            made = len(os.listdir(self.filler))
            with contextlib.suppress(OSError):
                for number in range(made, made + room):
                    os.close(os.open(self.filler / str(number), os.O_CREAT | os.O_WRONLY))

    def free(self) -> None:
        if self.filler.is_dir():
            for entry in self.filler.iterdir():
                entry.unlink()
        else:
            self.filler.unlink()

    def close(self) -> None:
        run("umount", "-l", str(self.path))


class Ext4:
    """A file system in a file, which can be made read-only under its writers, as ext4 does after an error."""

    SIZE = 64 * MIB

    def __init__(self, path: pathlib.Path):
        self.path = path
        self.image = path.with_suffix(".img")
        with open(self.image, "wb") as file:
            file.truncate(self.SIZE)
        run("mkfs.ext4", "-q", "-F", str(self.image))
        self.mount()

    def mount(self) -> None:
        run("mount", "-o", "loop", str(self.image), str(self.path))

    def make_read_only(self) -> None:
        run("mount", "-o", "remount,abort", str(self.path))

    def mend(self) -> None:
        """Needs that nobody has it open."""
        run("umount", str(self.path))
        self.mount()

    def close(self) -> None:
        run("umount", "-l", str(self.path))


class PowerDisk(Ext4):
    """One whose power can be cut: from then on nothing reaches it, and what its journal had not written yet is gone."""

    SIZE = 1024 * MIB
    # _IOR('X', 125, __u32) of linux/fs.h, and not to flush the log.
    FS_IOC_SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2

    def shut_down(self) -> None:
        folder = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, self.FS_IOC_SHUTDOWN, struct.pack("I", self.NO_LOG_FLUSH))
        finally:
            os.close(folder)

    def mount_again(self, limit_s: float = 10) -> None:
        """After the death of all who had it open, which the system may take a moment to see."""
        deadline = time.monotonic() + limit_s
        while True:
            try:
                run("umount", str(self.path))
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        self.mount()


@functools.cache
def why_not(disk: type) -> str | None:
    """Why this machine lets nobody have such a disk; None where it does."""
    with tempfile.TemporaryDirectory(prefix="footfall-test-") as folder:
        path = pathlib.Path(folder, "disk")
        path.mkdir()
        try:
            disk(path).close()
        except OSError as reason:
            return str(reason)
    return None


@contextlib.contextmanager
def no_file_grows(server: Server) -> Iterator[None]:
    """`serve` can write to no file, from now to the end: not to the log, the catalog, the index of event ids or the
    loader's checkpoint. Its store is left alone, since the engine takes just this error (EFBIG) for success and makes
    empty parts; no disk gives it."""
    before, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (before, hard))
