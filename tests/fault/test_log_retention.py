"""The log gives away what the archive has, and nothing is missing for it: whoever needs history reads it from there."""

import pathlib
import shutil
from typing import Any

from support.archive import doctor, one
from support.events import pageview
from support.server import Server, Site, run_command
from support.wait import wait_until

# The index of event ids needs the log until it has written 131,072 of them.
BODIES = 140
EVENTS = BODIES * 1000
WHO = "marker-4711-of-the-one-who-goes"
SMALL = (
    *("--archive.enabled", "on", "--archive.range_entries_max", "20000"),
    *("--log.segment_bytes", "1048576", "--log.retention_hours", "744"),
)
AT_ONCE = {"FOOTFALL_FAILPOINTS": "log.retention=error"}  # not after 31 days


def fill(site: Site) -> None:
    for body in range(BODIES):
        user = WHO if body == 1 else f"user-{body}"
        events = [pageview(site.id, f"/{n % 50}") | {"user_id": f"{user}-{n % 97}"} for n in range(990)]
        site.send(*events, *[pageview(site.id, "/who") | {"user_id": WHO if body == 1 else "other"} for _ in range(10)])


def first_segment(server: Server) -> int:
    return min(int(path.stem) for path in (server.data / "log").glob("*.segment"))


def numbers(site: Site) -> tuple[Any, ...]:
    return tuple(site.value(metric) for metric in ("events", "visitors", "sessions", "bounce_rate"))


def audit_ok(server: Server) -> list[dict[str, Any]]:
    rows = server.command("audit")
    assert rows and all(row["ok"] for row in rows), rows
    return rows


def test_what_the_log_has_given_away_is_missing_nowhere(start_server: Any, folder: pathlib.Path):
    server: Server = start_server(*SMALL, env=AT_ONCE)
    site = server.add_site()
    fill(site)
    site.wait_events(EVENTS, 60)
    wait_until(lambda: first_segment(server) > 1, 90, "the log gave segments away")
    before = numbers(site)
    assert before[0] == EVENTS
    assert [row["received"] for row in audit_ok(server) if row["table"] == "events"] == [EVENTS]

    # A store that is lost is filled from both.
    server.terminate()
    shutil.rmtree(server.data / "store")
    server.start()
    site.wait_events(EVENTS, 60)
    assert numbers(site) == before
    audit_ok(server)

    # Who is erased was in the part that the log has not.
    archive = server.data / "archive"
    whose = f"count(*) FILTER (user_id LIKE '{WHO}%')"
    assert int(one(archive, whose)) == 1000
    exported = run_command("export", "--site", site.id, "--visitor", WHO, data=server.data)
    assert exported.stdout.count('"type":"pageview"') == 10, exported.stderr
    for visitor in [WHO, *[f"{WHO}-{n}" for n in range(97)]][:3]:
        assert run_command("erase", "--site", site.id, "--visitor", visitor, "--now", data=server.data).returncode == 0
    [row] = [row for row in audit_ok(server) if row["table"] == "events"]
    assert row["erased"] == 1000 - int(one(archive, whose)) >= 20
    assert int(one(archive, f"count(*) FILTER (user_id = '{WHO}')")) == 0
    after = numbers(site)

    # A backup without the archive is whole with a copy of it (with it: test_archive_backup.py).
    shutil.copytree(archive, folder / "copy-of-archive")
    done = run_command("backup", str(folder / "backup"), "--without-archive", data=server.data)
    assert done.returncode == 0, done.stderr
    server.terminate()
    restored: Server = start_server(*SMALL, ready=False)
    restored.close()
    shutil.rmtree(restored.data, ignore_errors=True)
    done = run_command("restore", str(folder / "backup"), data=restored.data)
    assert done.returncode == 0 and "archive alone" in done.stderr, done.stderr

    # Without the archive it says so, and takes events.
    restored.spawn()
    lacking = Site(restored, site.id)
    wait_until(lambda: "archive alone" in readiness(restored), 60, "/readyz names the archive")
    assert not doctor(restored)["ok"]
    assert lacking.post([pageview(site.id, "/meanwhile")]).status == 200
    restored.terminate()
    shutil.rmtree(restored.data / "archive", ignore_errors=True)
    shutil.copytree(folder / "copy-of-archive", restored.data / "archive")
    restored.start()
    lacking.wait_events(after[0] + 1, 60)
    assert numbers(lacking)[0] == after[0] + 1
    audit_ok(restored)


def readiness(server: Server) -> str:
    try:
        return server.request("GET", "/readyz").body.decode()
    except OSError:
        return ""
