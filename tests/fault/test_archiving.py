"""R2, S22: whatever dies amid it, the archive has each event once, and nothing of who is erased."""

import pathlib
from typing import Any

import pytest

from support.archive import ask, doctor, log_end, one, wait_archived
from support.events import pageview
from support.server import Server, run_command

SMALL = ("--archive.enabled", "on", "--archive.range_entries_max", "100", "--loader.interval_ms", "50")
WHO = "marker-4711-of-the-one-who-goes"

ADDING = ["archive.entries=abort@2", "archive.events=abort@3", "archive.manifest=abort@1", "objects.written=abort@5"]
ERASING = [
    "erase.before_archive=abort",
    "archive.replacing=abort",
    "archive.entries_replaced=abort@2",
    "archive.events_replaced=abort",
    "archive.replaced=abort@2",
    "erase.rows=abort",
]


def events_of(archive: pathlib.Path) -> list[str]:
    return [row["event_id"] for row in ask(archive, "SELECT event_id FROM archive")]


@pytest.mark.parametrize("point", ADDING)
def test_R2_a_death_at_this_point_leaves_each_event_in_the_archive_once(start_server: Any, point: str):
    server: Server = start_server(*SMALL, ready=False)
    server.close()
    server.start()
    site = server.add_site()
    server.close()
    server.start(env={"FOOTFALL_FAILPOINTS": point})
    acknowledged: list[str] = []
    for _ in range(40):
        events = [pageview(site.id, f"/{n}") for n in range(20)]
        try:
            site.send(*events)
        except OSError:
            break
        acknowledged += [event["event_id"] for event in events]
    server.wait_exit(20)
    assert len(acknowledged) >= 100, "else nothing was archived when it died"
    server.start()
    # Of the body under way nobody can say whether it was taken; the log does.
    site.send(*[pageview(site.id, "/later") for _ in range(100)])
    end = log_end(server)
    wait_archived(server, end - end % 100)
    found = events_of(server.data / "archive")
    assert len(found) == len(set(found)) == end - end % 100
    assert set(acknowledged) <= set(found)
    ranges = {
        kind: {path.stem for path in (server.data / "archive" / kind).rglob("*.*")} for kind in ("events", "manifest")
    }
    assert ranges["events"] == ranges["manifest"]
    assert not list((server.data / "archive").rglob(".*.tmp"))


@pytest.mark.parametrize("point", ERASING)
def test_S22_who_is_erased_is_not_in_the_archive_whatever_dies_amid_it(start_server: Any, point: str):
    server: Server = start_server(*SMALL, ready=False)
    server.close()
    server.start(env={"FOOTFALL_FAILPOINTS": point})
    site = server.add_site()
    for _ in range(10):
        site.send(
            *[pageview(site.id, f"/{WHO}") | {"user_id": WHO} for _ in range(20)],
            *[pageview(site.id, "/public") | {"user_id": f"who-stays-{n}"} for n in range(20)],
        )
    wait_archived(server, 400)
    archive = server.data / "archive"
    is_whose = f"count(*) FILTER (user_id = '{WHO}' OR page = '/{WHO}')"
    assert int(one(archive, is_whose)) == 200, "else the test shows nothing"
    done = run_command("erase", "--site", site.id, "--visitor", WHO, "--now", data=server.data)
    assert done.returncode == 1, "it died amid the command"
    server.wait_exit(20)
    server.start()
    assert int(one(archive, is_whose)) == 0
    assert int(one(archive, "count(*) FILTER (page = '/public')")) == 200
    left = ask(archive, "SELECT kind, payload FROM archive", "entries")
    assert len(left) == 200 and {row["kind"] for row in left} == {"erased"}
    assert not any(WHO in row["payload"] for row in left)
    assert all(row["ok"] for row in server.command("audit"))


def test_S22_an_erasure_reaches_an_archive_that_is_off_by_now(start_server: Any):
    server: Server = start_server(*SMALL)
    site = server.add_site()
    site.send(*[pageview(site.id, "/") | {"user_id": WHO if n % 2 else f"who-stays-{n}"} for n in range(100)])
    wait_archived(server, 100)
    server.terminate()
    server.flags.remove("--archive.enabled")
    server.flags.remove("on")
    server.start()
    assert server.request("GET", "/api/v1/status").json()["archive"]["on"] is False
    assert run_command("erase", "--site", site.id, "--visitor", WHO, "--now", data=server.data).returncode == 0
    archive = server.data / "archive"
    assert int(one(archive, f"count(*) FILTER (user_id = '{WHO}')")) == 0
    assert int(one(archive, "count(*)")) == 50


@pytest.mark.parametrize("point", ["", "rescore.log=abort", "archive.events_replaced=abort", "rescore.archive=abort"])
def test_verdicts_that_are_judged_again_are_so_in_the_archive(start_server: Any, folder: pathlib.Path, point: str):
    lists = folder / "crawlers.json"
    lists.write_text('[{"pattern": "Okapi"}]')
    server: Server = start_server(*SMALL, "--enrich.crawlers", str(lists))
    site = server.add_site()
    for agent in ("Okapi/1.0", "Zebra/1.0"):
        site.send(*[pageview(site.id, "/") for _ in range(50)], headers={"User-Agent": agent})
    wait_archived(server, 100)
    archive = server.data / "archive"
    verdicts = "SELECT user_agent, count(*) FILTER (is_bot) AS bots FROM archive GROUP BY 1 ORDER BY 1"
    before = {row["user_agent"]: int(row["bots"]) for row in ask(archive, verdicts)}
    assert before == {"Okapi/1.0": 50, "Zebra/1.0": 0}
    server.terminate()
    lists.write_text('[{"pattern": "Zebra"}]')
    server.start(env={"FOOTFALL_FAILPOINTS": point} if point else None)
    done = run_command("bots", "rescore", data=server.data)
    assert done.returncode == (1 if point else 0), done.stderr
    if point:
        server.wait_exit(20)
        server.start()
    after = {row["user_agent"]: int(row["bots"]) for row in ask(archive, verdicts)}
    assert after == {"Okapi/1.0": 0, "Zebra/1.0": 50}
    assert all(row["ok"] for row in server.command("audit"))


def test_an_archive_that_cannot_be_written_is_named_and_events_are_taken(start_server: Any, folder: pathlib.Path):
    place = folder / "no-folder"
    place.write_text("a file")
    server: Server = start_server(*SMALL, "--archive.directory", str(place))
    site = server.add_site()
    site.send(*[pageview(site.id, "/") for _ in range(100)])
    site.wait_events(100)
    finding = doctor(server)
    assert not finding["ok"] and str(place) in finding["what"], finding
    # An erasure is not told to be done while nobody can say what the archive has.
    done = run_command("erase", "--site", site.id, "--visitor", "anybody", "--now", data=server.data)
    assert done.returncode == 1 and "archive" in done.stderr, done.stderr
    place.unlink()
    wait_archived(server, 100)
