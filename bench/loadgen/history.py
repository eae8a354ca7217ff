"""A server with a past: 30 days of events and the 30 before them for comparison, through the real endpoint, and what
every report over them must say. Filled folders may be kept for the next run. Standard library only."""

import contextlib
import datetime
import json
import pathlib
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import measured
from support.server import Server, Site

DAYS = 30
DAY_MS = 86_400_000


class History:
    """`figures` and `previous`: as footfall-loadgen --figures writes them."""

    def __init__(self, server: Server, facts: dict[str, Any]):
        self.server = server
        self.facts = facts
        self.site = Site(server, facts["site"])
        self.figures: dict[str, Any] = facts["figures"]
        self.previous: dict[str, Any] = facts["previous"]

    @property
    def search(self) -> str:
        """The period in the dashboard's address."""
        days = list(self.figures["date"])
        return f"?range={days[0]}..{days[-1]}"


    def wait_merged(self) -> None:
        """The store's merges after a load would be measured along: until the server's CPU stands still, at most a
        minute."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            pids = measured.pids_of(self.server)
            before = measured.cpu_seconds(pids)
            time.sleep(1)
            if measured.cpu_seconds(pids) - before < 0.1:
                return


def fill(server: Server, events: int, previous: int, facts_path: pathlib.Path) -> dict[str, Any]:
    program = measured.loadgen()
    site = server.add_site(domain="shop.example")
    today = datetime.datetime.now(datetime.timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    end_ms = int(today.timestamp() * 1000)
    facts: dict[str, Any] = {"site": site.id, "events": events}
    pids = measured.pids_of(server)
    began, cpu = time.monotonic(), measured.cpu_seconds(pids)
    sent = 0
    # The earlier period first, as it would have come.
    for seed, name, count in ((2, "previous", previous), (1, "figures", events)):
        figures = facts_path.with_name(f"{name}.json")
        result = measured.load(
            program,
            server.port,
            site.id,
            key=site.key("collect"),
            history=count,
            days=DAYS,
            **{"from": end_ms - seed * DAYS * DAY_MS},
            events=200,
            connections=4,
            seed=seed,
            figures=figures,
        )
        facts[name] = json.loads(figures.read_text())
        expected = facts[name]["total"]["events"]
        failures = ("duplicates", "answers_with_rejections", "broken_connections", "other_statuses")
        if result["events"] != expected or any(result[failure] for failure in failures):
            sys.exit(f"history: {expected} events were sent, and this came back: {result}")
        sent += expected
    site.wait_events(sent, limit_s=600)
    facts["load"] = {"events": sent, "seconds": time.monotonic() - began, "cpu_seconds": measured.cpu_seconds(pids) - cpu}
    facts_path.write_text(json.dumps(facts) + "\n")
    return facts


@contextlib.contextmanager
def running_filled(
    name: str, keep: bool, fill_it: Callable[[Server, pathlib.Path], dict[str, Any]], *flags: str
) -> Iterator[tuple[Server, dict[str, Any]]]:
    """A server with the folder of that name, and its facts: those of an earlier run that kept it, or as `fill_it` gives them
    and writes them into the file."""
    folder = measured.BUILD / f"results/bench/{name}"
    facts_path = folder / "facts.json"
    if not facts_path.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    server = Server(folder, *flags)
    try:
        server.start(limit_s=600)
        yield server, json.loads(facts_path.read_text()) if facts_path.exists() else fill_it(server, facts_path)
    finally:
        server.close()
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def running_with_history(events: int, keep: bool, previous: int | None = None) -> Iterator[History]:
    """`events`: of the 30 days, about; `previous`: of the 30 before, the same where it is None. A folder that an earlier
    run kept is used again."""
    before = events if previous is None else previous

    def fill_it(server: Server, facts_path: pathlib.Path) -> dict[str, Any]:
        facts = fill(server, events, before, facts_path)
        load = facts["load"]
        print(
            f"filled: {load['events']:,} events in {load['seconds']:.0f} s, {load['events'] / load['cpu_seconds']:,.0f} events per "
            f"CPU-second of the server"
        )
        return facts

    with running_filled(f"history-{events}-{before}", keep, fill_it) as (server, facts):
        yield History(server, facts)
