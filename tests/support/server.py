"""The program under test: `footfall serve` in a process group and a data folder of its own, and the command line beside
it."""

import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import time
from typing import Any

from support.client import Answer, Client, bearer, request
from support.wait import wait_until

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def binary() -> str:
    return os.environ.get("FOOTFALL_BINARY") or str(ROOT / "build/dev/src/app/footfall")


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """The caller's environment without settings of Footfall, which would change what is tested."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
    return clean | (extra or {})


def free_port() -> int:
    """A port that is free now, outside of the range from which the kernel serves outgoing connections: a server that is
    killed and started again must find it free."""
    for _ in range(1000):
        port = random.SystemRandom().randrange(15_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no free port")


class CommandFailed(AssertionError):
    pass


def run_command(
    *words: str,
    data: pathlib.Path | str | None = None,
    stdin: str = "",
    env: dict[str, str] | None = None,
    limit_s: float = 60,
    cwd: pathlib.Path | str | None = None,
) -> subprocess.CompletedProcess[str]:
    """`footfall WORDS [--data DIR]`, whatever its exit code is."""
    command = [binary(), *words] + (["--data", str(data)] if data is not None else [])
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=limit_s, env=environment(env), cwd=cwd
    )


def command(*words: str, **options: Any) -> Any:
    """The same with --json, which must succeed: what it printed, parsed."""
    done = run_command(*words, "--json", **options)
    if done.returncode != 0:
        raise CommandFailed(f"footfall {' '.join(words)}: exit {done.returncode}: {done.stderr.strip()}; {done.stdout[-2000:]}")
    return json.loads(done.stdout)


def group_members(group: int) -> list[int]:
    """Processes of a group that are alive (a zombie is not)."""
    members = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] not in "ZX":
            members.append(int(entry.name))
    return sorted(members)


def command_line(pid: int) -> str:
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


class Server:
    """`folder` holds data/ and the logs of every start, numbered."""

    def __init__(
        self,
        folder: pathlib.Path,
        *flags: str,
        env: dict[str, str] | None = None,
        log_format: str = "json",
        port: int | None = None,
        data: pathlib.Path | None = None,
        open_files_max: int | None = None,
        before: bytes = b"",
        group: pathlib.Path | None = None,
    ):
        """`port`: where it will listen by what the other arguments say; otherwise one is chosen and given by
        --listen. `data`: another place than data/. `open_files_max`: its limit on open files, which it cannot raise.
        `before`: what connections to it begin with. `group`: the folder of a cgroup that it and its children are in."""
        self.folder = folder
        self.data = data or folder / "data"
        self.port = port or free_port()
        self.flags = [*flags, *([] if port else ["--listen", f"127.0.0.1:{self.port}"]), "--log-format", log_format]
        self.env = env or {}
        self.before = before
        self.limits = ["prlimit", f"--nofile={open_files_max}:{open_files_max}"] if open_files_max else []
        if group:  # a shell that enters it and becomes the server
            self.limits += ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(group / "cgroup.procs")]
        self.process: subprocess.Popen[bytes] | None = None
        self.starts = 0
        self.ready_s = 0.0

    @property
    def log_path(self) -> pathlib.Path:
        return self.folder / f"serve-{self.starts}.log"

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def spawn(self, *, env: dict[str, str] | None = None) -> None:
        """Starts it and does not wait. `env` is for this start alone."""
        assert self.process is None, "it runs already"
        self.starts += 1
        with open(self.log_path, "wb") as log, open(self.log_path.with_suffix(".out"), "wb") as out:
            self.process = subprocess.Popen(
                # A test run that is killed takes its servers with it; setpriv becomes the server, so the process id is its own.
                [*self.limits, "setpriv", "--pdeathsig", "KILL", binary(), "serve", "--data", str(self.data), *self.flags],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                env=environment(self.env | (env or {})),
                start_new_session=True,
            )
        self.spawned = time.monotonic()

    def wait_ready(self, limit_s: float = 60) -> "Server":
        def ready() -> bool:
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError(
                    f"serve ended with {self.process.returncode} before it was ready:\n{self.log()[-4000:]}"
                )
            try:
                return request(self.port, "GET", "/readyz", timeout_s=5, before=self.before).status == 200
            except OSError:
                return False

        wait_until(ready, limit_s, f"/readyz is 200; log: {self.log_path}", every_s=0.01)
        self.ready_s = time.monotonic() - self.spawned
        return self

    def start(self, *, env: dict[str, str] | None = None, limit_s: float = 60) -> "Server":
        self.spawn(env=env)
        return self.wait_ready(limit_s)

    def wait_exit(self, limit_s: float) -> int:
        """Its exit code (negative: the signal that ended it)."""
        assert self.process is not None
        try:
            code = self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"serve still runs after {limit_s} s:\n{self.log()[-4000:]}") from None
        self.process = None
        return code

    def terminate(self, limit_s: float = 10) -> int:
        os.kill(self.pid, signal.SIGTERM)
        return self.wait_exit(limit_s)

    def kill(self) -> int:
        """kill -9 of the main process alone; what it leaves behind is the product's affair. Returns its group."""
        group = self.pid
        os.kill(group, signal.SIGKILL)
        self.wait_exit(10)
        return group

    def close(self) -> None:
        """The end of a test: nothing is left, whatever happened."""
        if self.process is None:
            return
        group = self.pid
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process = None

    def store_child(self) -> int | None:
        """The process of the event store: the other member of serve's group."""
        children = [pid for pid in group_members(self.pid) if pid != self.pid and " store" in command_line(pid)]
        assert len(children) <= 1, f"several store children: {[command_line(pid) for pid in children]}"
        return children[0] if children else None

    def request(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        return request(self.port, method, path, body, headers, before=self.before)

    def client(self) -> Client:
        return Client(self.port, before=self.before)

    def command(self, *words: str, stdin: str = "", limit_s: float = 60) -> Any:
        return command(*words, data=self.data, stdin=stdin, limit_s=limit_s)

    def metric(self, name: str, **labels: str) -> float:
        """Sum of the samples of a metric that have these labels."""
        total = 0.0
        for line in self.request("GET", "/metrics").body.decode().splitlines():
            head, _, value = line.rpartition(" ")
            if head.partition("{")[0] == name and all(f'{label}="{text}"' in head for label, text in labels.items()):
                total += float(value)
        return total

    def add_site(self, timezone: str = "UTC", domain: str = "site.example", site_id: str | None = None) -> "Site":
        words = ["site", "add", "a site", "--domain", domain, "--timezone", timezone]
        return Site(self, self.command(*words, *(["--id", site_id] if site_id else []))["id"])


class Site:
    """A site of a server, with the keys to speak for it."""

    def __init__(self, server: Server, site_id: str):
        self.server = server
        self.id = site_id
        self.secrets: dict[str, str] = {}

    def key(self, scope: str) -> str:
        if scope not in self.secrets:
            self.secrets[scope] = self.server.command("key", "create", "--site", self.id, "--scope", scope)["secret"]
        return self.secrets[scope]

    def post(self, body: Any, headers: dict[str, str] | None = None, **more: str) -> Answer:
        return self.server.request("POST", "/api/v1/events", body, (headers or {}) | more)

    def send(
        self, *events: dict[str, Any], headers: dict[str, str] | None = None, key: str | None = None
    ) -> dict[str, Any]:
        """All of them are taken, or the test fails. `key`: with a key of that scope."""
        answer = self.post(list(events), (headers or {}) | (bearer(self.key(key)) if key else {}))
        assert answer.status == 200, answer
        told = answer.json()
        assert told["received"] == len(events) and told["rejected"] == [], told
        return told

    def ask(self, key: str | None = None, **query: Any) -> Answer:
        """POST /api/v1/query with a read key; over all time where the query names no range."""
        if "time_range" not in query and "date_range" not in query:
            query["time_range"] = "all"
        return self.server.request(
            "POST", "/api/v1/query", {"website_id": self.id, **query}, bearer(key or self.key("read"))
        )

    def query(self, metrics: list[str], dimensions: list[str] | None = None, **query: Any) -> dict[str, Any]:
        answer = self.ask(metrics=metrics, dimensions=dimensions or [], **query)
        assert answer.status == 200, answer
        return answer.json()

    def value(self, metric: str, **query: Any) -> Any:
        rows = self.query([metric], **query)["rows"]
        assert len(rows) == 1 and len(rows[0]) == 1, rows
        return rows[0][0]

    def table(self, dimension: str, metric: str = "events", **query: Any) -> dict[Any, Any]:
        """Value of the dimension → value of the metric."""
        rows = self.query([metric], [dimension], **query)["rows"]
        found = {row[0]: row[1] for row in rows}
        assert len(found) == len(rows), f"a value stands in two rows: {rows}"
        return found

    def wait_value(self, metric: str, expected: Any, limit_s: float = 10, **query: Any) -> None:
        """Waits until a question is answered so. What was acknowledged more than a second ago must be in the answer;
        the limit is longer because machines that run tests are busy, and bench/freshness measures the second."""
        answers = [None]

        def reached() -> bool:
            answers[0] = self.value(metric, **query)
            return answers[0] == expected

        try:
            wait_until(reached, limit_s, "")
        except AssertionError:
            raise AssertionError(
                f"not within {limit_s} s: {metric} of {self.id} is {expected}; it is {answers[0]}"
            ) from None

    def wait_events(self, expected: int, limit_s: float = 10) -> None:
        self.wait_value("events", expected, limit_s, include_bots=True)
