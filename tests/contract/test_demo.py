"""contract.md, "On a fresh machine": the demo's traffic comes from a real generator through the real endpoint, life shows
within seconds, a second start sends nothing again; and the generator itself, with fewer days."""

import datetime
import json
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.server import Server, Site, binary, command_line, environment, group_members, run_command
from support.wait import wait_until

pytestmark = pytest.mark.alone

DAYS = 4
# Every day from its midnight is 10,000 events and passes in three seconds; the rest is for busy machines.
LIMIT_S = 120


def noon_zone() -> str:
    """A zone in which it is between 12 and 13 o'clock, so that today has a past and midnight is far."""
    ahead = 12 - datetime.datetime.now(datetime.UTC).hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "UTC"


class Traffic:
    """`footfall demo` beside a server that has the site."""

    def __init__(self, site: Site, folder: pathlib.Path, zone: str, *flags: str):
        self.log_path = folder / f"demo-{len(list(folder.glob('demo-*.log')))}.log"
        words = ["demo", "--listen", f"127.0.0.1:{site.server.port}", "--timezone", zone, "--logging.format", "json"]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", binary(), *words, *flags],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=environment(),
            )
        assert self.process.stdin is not None
        self.process.stdin.write(site.key("collect").encode() + b"\n")
        self.process.stdin.close()

    def lines(self, event: str) -> list[dict[str, Any]]:
        text = self.log_path.read_text()
        whole = text[: text.rfind("\n") + 1]
        return [line for line in map(json.loads, whole.splitlines()) if line["event"] == event]

    def wait_line(self, event: str) -> dict[str, Any]:
        def found() -> list[dict[str, Any]]:
            lines = self.lines(event)
            assert lines or self.process.poll() is None, self.log_path.read_text()
            return lines

        return wait_until(found, LIMIT_S, f"the traffic logs {event}")[0]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def day_counts(site: Site) -> dict[str, int]:
    """Events of the days that are over, crawlers' too."""
    counts = site.table("date", "events", time_range="30d", include_bots=True)
    return {day: count for day, count in sorted(counts.items())[:-1] if count}


@pytest.fixture
def start_traffic(folder: pathlib.Path) -> Iterator[Callable[..., Traffic]]:
    started: list[Traffic] = []

    def start(site: Site, zone: str, *flags: str) -> Traffic:
        started.append(Traffic(site, folder, zone, *flags))
        return started[-1]

    yield start
    for traffic in started:
        traffic.kill()


def audited(server: Server) -> dict[str, Any]:
    [row] = [row for row in server.command("audit", "--site", "demo") if row["table"] == "events"]
    assert row["ok"] and row["rejected"] == 0, row
    return row


class TestServeDemo:
    def test_life_shows_within_ten_seconds(self, start_server: Any):
        """Of the start of the process, as its user counts. All 30 days take more than a minute, too long for each run:
        bench/demo has them, with how long they take and what there must be then; TestTraffic below has four days."""
        server = start_server("--demo")
        site = Site(server, "demo")
        wait_until(
            lambda: site.value("events") >= 1_000 and site.value("visitors", time_range="last_30_minutes") >= 100,
            10 - (time.monotonic() - server.spawned),
            "there are events, and visitors of now",
        )
        assert len(site.table("country")) >= 10 and len(site.table("source")) >= 5

    def test_the_traffic_has_a_key_that_nobody_sees_and_ends_with_serve(self, start_server: Any):
        server = start_server("--demo")
        site = Site(server, "demo")
        wait_until(lambda: site.value("events") > 0, 30, "traffic is counted")
        [child] = [pid for pid in group_members(server.pid) if " demo " in command_line(pid)]
        assert "ff_" not in command_line(child)
        assert b"ff_" not in pathlib.Path(f"/proc/{child}/environ").read_bytes()
        assert [key["scope"] for key in server.command("key", "list")] == ["read"], "only this test's own"
        group = server.pid
        assert server.terminate() == 0
        assert group_members(group) == []
        assert "ff_" not in server.log()

    def test_it_stops_with_a_reason_when_its_site_is_removed(self, start_server: Any):
        server = start_server("--demo")
        site = Site(server, "demo")
        wait_until(lambda: site.value("events") > 0, 30, "traffic is counted")
        server.command("site", "remove", "demo")
        wait_until(lambda: "demo.stopped" in server.log(), 30, "the log says that the traffic has stopped")
        assert server.request("GET", "/readyz").status == 200


class TestTraffic:
    def test_a_history_is_the_same_whatever_happens_while_it_is_sent(self, start_server: Any, start_traffic: Any):
        """Sent in one go; sent by a client that dies in the midst and is started again, to a server that is killed in
        the midst: the days hold the same."""
        zone = noon_zone()
        expected = self.undisturbed(start_server, start_traffic, zone)

        server = start_server()
        site = server.add_site(timezone=zone, domain="demo.example", site_id="demo")
        journal = ("--journal", str(server.folder / "journal"), "--days", str(DAYS))
        first = start_traffic(site, zone, *journal)
        wait_until(lambda: len(day_counts(site)) == 2, LIMIT_S, "it is in the midst of the second day")
        first.kill()
        assert len(first.lines("demo.history")) == 1
        second = start_traffic(site, zone, *journal)
        second.wait_line("demo.history")
        server.kill()
        server.start()
        assert second.wait_line("demo.history_complete")["days"] == DAYS
        second.kill()
        audited(server)
        assert day_counts(site) == expected

    def undisturbed(self, start_server: Any, start_traffic: Any, zone: str) -> dict[str, int]:
        server = start_server()
        site = server.add_site(timezone=zone, domain="demo.example", site_id="demo")
        flags = ("--days", str(DAYS), "--journal", str(server.folder / "journal"))
        traffic = start_traffic(site, zone, *flags)
        told = traffic.wait_line("demo.history_complete")
        assert told["days"] == DAYS and told["events"] > 5_000 and told["role"] == "demo"
        assert all(line["of"] == DAYS for line in traffic.lines("demo.history"))
        traffic.kill()
        stored = audited(server)["stored"]
        expected = day_counts(site)
        assert len(expected) == DAYS - 1

        # Again with the journal: only what has come since, and no day before it.
        again = start_traffic(site, zone, *flags)
        assert again.wait_line("demo.history_complete")["events"] < 2_000
        again.kill()
        # And without: everything is sent, and what is there already is known by its ids.
        blind = start_traffic(site, zone, "--days", str(DAYS))
        assert blind.wait_line("demo.history_complete")["events"] > 5_000
        blind.kill()
        row = audited(server)
        assert row["duplicates"] > 5_000 and row["stored"] < stored + 4_000
        assert day_counts(site) == expected
        assert site.value("events", include_bots=True) > site.value("events")
        assert 35 < site.value("bounce_rate") < 65
        return expected

    @pytest.mark.parametrize(
        "words, stdin, told",
        [
            (["--days", "0"], "ff_x\n", "--days"),
            (["--days", "many"], "ff_x\n", "--days"),
            (["--timezone", "UTC"], "", "standard input"),
            (["--dayz", "3"], "ff_x\n", "--days"),
        ],
    )
    def test_wrong_usage_is_2_with_one_sentence(self, words: list[str], stdin: str, told: str):
        done = run_command("demo", "--listen", "127.0.0.1:9", *words, stdin=stdin, limit_s=20)
        assert done.returncode == 2 and told in done.stderr and done.stderr.count("\n") == 1, done

    def test_a_wrong_key_ends_it_with_a_reason(self, server: Server):
        done = run_command("demo", "--listen", f"127.0.0.1:{server.port}", "--days", "1", stdin="ff_wrong\n", limit_s=60)
        assert done.returncode == 1 and "key" in done.stderr and "ff_wrong" not in done.stderr, done

    def test_sigterm_ends_it(self, start_server: Any, start_traffic: Any):
        site = start_server().add_site(site_id="demo")
        traffic = start_traffic(site, "UTC", "--days", "1")
        traffic.wait_line("demo.history_complete")
        os.kill(traffic.process.pid, signal.SIGTERM)
        assert traffic.process.wait(10) == -signal.SIGTERM
