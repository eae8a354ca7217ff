"""A real S3 server for tests: S3Proxy over files, with a bucket "archive"."""

import os
import pathlib
import signal
import socket
import subprocess

from support.server import ROOT, free_port
from support.wait import wait_until

ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "footfall", "AWS_SECRET_ACCESS_KEY": "a-secret-of-tests"}


class S3Server:
    """Not running at first. What it has is there again after a kill and a start."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.port = free_port()
        self.bucket = folder / "buckets" / "archive"
        self.bucket.mkdir(parents=True)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def flags(self) -> tuple[str, ...]:
        """Of a server whose archive is here, below the prefix "site=one"."""
        return (
            *("--archive.s3_bucket", "archive", "--archive.s3_prefix", "site=one"),
            *("--archive.s3_endpoint", f"http://127.0.0.1:{self.port}"),
        )

    @property
    def archive(self) -> pathlib.Path:
        """The objects are files of these names."""
        return self.bucket / "site=one"

    def start(self) -> "S3Server":
        with (self.folder / "s3.log").open("ab") as log:
            # A test run that is killed takes it with it.
            command = ["setpriv", "--pdeathsig", "KILL", str(ROOT / "tests/support/s3-server")]
            self.process = subprocess.Popen([*command, str(self.folder), str(self.port)], stdout=log, stderr=log)
        process = self.process

        def answers() -> bool:
            assert process.poll() is None, (self.folder / "s3.log").read_text(encoding="utf-8")
            with socket.socket() as connection:
                return connection.connect_ex(("127.0.0.1", self.port)) == 0

        wait_until(answers, 60, "the S3 server listens")
        return self

    def signal(self, number: int) -> None:
        assert self.process
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stall(self) -> None:
        """It takes connections and answers nothing, until it is killed or goes on."""
        self.signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.signal(signal.SIGCONT)
