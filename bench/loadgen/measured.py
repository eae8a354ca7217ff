"""What the benchmarks of the whole server share: the load generator, CPU and memory of processes, tables. The server
itself is started by the fixtures of the tests. Standard library only."""

import contextlib
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from support.server import Server, group_members  # noqa: E402

BUILD = pathlib.Path(os.environ.get("FOOTFALL_BUILD") or ROOT / "build/release")
os.environ.setdefault("FOOTFALL_BINARY", str(BUILD / "src/app/footfall"))
TICKS = os.sysconf("SC_CLK_TCK")


def loadgen() -> str:
    """The path of the load generator, built where it is not."""
    given = os.environ.get("FOOTFALL_LOADGEN")
    if given:
        return given
    subprocess.run([str(ROOT / "scripts/build"), BUILD.name, "footfall-loadgen"], check=True, stdout=sys.stderr)
    return str(BUILD / "bench/loadgen/footfall-loadgen")


def load_command(program: str, port: int, site: str, **flags: Any) -> list[str]:
    words = [program, "--port", str(port), "--site", site]
    for name, value in flags.items():
        words += [f"--{name}", str(value)]
    return words


def load(program: str, port: int, site: str, **flags: Any) -> dict[str, Any]:
    return json.loads(
        subprocess.run(load_command(program, port, site, **flags), check=True, capture_output=True, text=True).stdout
    )


STEADY_EVENTS_PER_BODY, STEADY_BODIES_PER_SECOND = 20, 50


def steady_load(program: str, port: int, site: str, seconds: float, seed: int) -> dict[str, Any]:
    """1,000 events a second, which is far from anybody's capacity, in an open loop."""
    return load(
        program,
        port,
        site,
        events=STEADY_EVENTS_PER_BODY,
        rate=STEADY_BODIES_PER_SECOND,
        seconds=seconds,
        connections=16,
        seed=seed,
    )


def cpu_seconds(pids: list[int]) -> float:
    """User and system time that these processes have used so far, all their threads together."""
    total = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def cpu_by_thread(pids: list[int]) -> dict[str, float]:
    """CPU seconds so far: of the first process by its threads' names, without their numbers, and of the others as
    "store". A thread that ends takes its time along, which those of `serve` under load do not."""
    used: dict[str, float] = {"store": cpu_seconds(pids[1:])}
    for task in pathlib.Path(f"/proc/{pids[0]}/task").iterdir():
        with contextlib.suppress(OSError):  # it has ended meanwhile
            name = (task / "comm").read_text().strip().rstrip("-0123456789")
            used[name] = used.get(name, 0) + int((task / "schedstat").read_text().split()[0]) / 1e9
    return used


def memory_mb(pids: list[int]) -> dict[str, float]:
    """Resident memory; PSS shares pages that several processes map, RSS counts them in each."""
    totals = {"Pss": 0, "Rss": 0}
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in totals:
                totals[name] += int(rest.split()[0])
    return {name: kilobytes / 1024 for name, kilobytes in totals.items()}


@contextlib.contextmanager
def running_server(*flags: str) -> Iterator[Server]:
    """A server with an empty data folder, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="footfall-bench-") as folder:
        server = Server(pathlib.Path(folder), *flags)
        try:
            server.start()
            yield server
        finally:
            server.close()


def pids_of(server: Server) -> list[int]:
    return group_members(server.pid)


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[round(share * (len(values) - 1))]


def print_table(head: list[str], rows: list[list[str]]) -> None:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, *rows]:
        print(
            "  ".join(
                cell.ljust(width) if column == 0 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths))
            )
        )


def print_target(name: str, met: bool, measured: str) -> None:
    print(f"target {'met   ' if met else 'MISSED'}  {name}: {measured}")


def print_machine() -> None:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "?",
    )
    memory = int(pathlib.Path("/proc/meminfo").read_text().split()[1]) // 1024 // 1024
    print(
        f"machine: {os.cpu_count()} x {model}, {memory} GiB, Linux {platform.release()}, load {os.getloadavg()[0]:.1f} at the start"
    )


def print_waits(runs_by_name: dict[str, list[dict[str, Any]]]) -> None:
    """How long the acknowledgements of a steady load took."""
    print_table(
        ["acknowledgement of a body of 20, ms", "p50", "p99", "longest"],
        [
            [name, *(f"{statistics.median(run['latency_ms'][share] for run in runs):.1f}" for share in ("p50", "p99", "max"))]
            for name, runs in runs_by_name.items()
        ],
    )


def p99_ratio(with_it: list[dict[str, Any]], without: list[dict[str, Any]]) -> float:
    """Median over the repeats, each beside its own."""
    return statistics.median(
        a["latency_ms"]["p99"] / b["latency_ms"]["p99"] for a, b in zip(with_it, without, strict=True)
    )


def save(name: str, result: Any) -> None:
    """Beside the build, so that runs can be compared."""
    folder = BUILD / "results/bench"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
