"""R13: a backup where the log has given its beginning away has the archive, and a restore brings all of it back."""

import pathlib
import shutil
from typing import Any

from support.archive import one
from support.events import pageview
from support.server import Server, Site, command, run_command
from support.wait import wait_until

# The index of event ids needs the log until it has written 131,072 of them.
BODIES = 140
WHO = "marker-4711-of-the-one-who-goes"
SMALL = (
    *("--archive.enabled", "on", "--archive.range_entries_max", "20000"),
    *("--log.segment_bytes", "1048576", "--log.retention_hours", "744"),
)
AT_ONCE = {"FOOTFALL_FAILPOINTS": "log.retention=error"}  # not after 31 days


def first_segment(server: Server) -> int:
    return min(int(path.stem) for path in (server.data / "log").glob("*.segment"))


def numbers(site: Site) -> tuple[Any, ...]:
    return tuple(site.value(metric) for metric in ("events", "visitors", "sessions", "bounce_rate"))


def audit_ok(server: Server) -> None:
    rows = server.command("audit")
    assert rows and all(row["ok"] for row in rows), rows


def written(archive: pathlib.Path) -> dict[str, int]:
    """When each file was."""
    return {str(path): path.stat().st_mtime_ns for kind in ("events", "manifest") for path in (archive / kind).rglob("*.*")}


def flip(path: pathlib.Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def test_R13_S22_what_the_archive_alone_has_is_backed_up_and_restored(start_server: Any, folder: pathlib.Path):
    server: Server = start_server(*SMALL, env=AT_ONCE)
    site = server.add_site()
    for body in range(BODIES):
        user = WHO if body == 1 else f"user-{body}"
        site.send(*[pageview(site.id, f"/{n % 50}") | {"user_id": user} for n in range(1000)])
    site.wait_events(BODIES * 1000, 60)
    wait_until(lambda: first_segment(server) > 1, 90, "the log gave segments away")

    # Beside the server; what is there is not copied again.
    backup = folder / "backup"
    whose = f"count(*) FILTER (user_id = '{WHO}')"
    first = command("backup", str(backup), data=server.data)
    assert first["begin"] > 0 and first["archive_ranges"] > 0
    assert first["files_copied"] == first["files"] and first["bytes_copied"] == first["bytes"]
    assert int(one(backup / "archive", "count(*)")) >= first["begin"] and int(one(backup / "archive", whose)) == 1000
    copied = written(backup / "archive")
    again = command("backup", str(backup), data=server.data)
    assert again["archive_ranges"] >= first["archive_ranges"]
    assert copied.items() <= written(backup / "archive").items()

    # Who was erased is in the next no more; one that is killed amid the copying leaves the earlier one whole.
    assert run_command("erase", "--site", site.id, "--visitor", WHO, "--now", data=server.data).returncode == 0
    before = numbers(site)
    killed = run_command(
        "backup", str(backup), data=server.data, env={"FOOTFALL_FAILPOINTS": "backup.archive_file=abort@1"}
    )
    assert killed.returncode == -9, killed.stderr
    earlier = command("restore", str(backup), data=folder / "earlier")
    assert earlier["archive"]["ranges"] == again["archive_ranges"] and not earlier["damaged"]
    assert int(one(folder / "earlier" / "archive", whose)) == 1000
    shutil.rmtree(folder / "earlier")
    command("backup", str(backup), data=server.data)
    assert int(one(backup / "archive", whose)) == 0

    # An erasure that is not complete: nothing half of before it is taken.
    (server.data / "erasure.pending").write_text("{}")
    refused = run_command("backup", str(backup), data=server.data)
    assert refused.returncode == 1 and "erasure is under way" in refused.stderr, refused.stderr
    (server.data / "erasure.pending").unlink()

    # A damaged copy is named before anything is written, and costs its range.
    damaged = sorted((backup / "archive" / "events").rglob("*.parquet"))[0]
    flip(damaged)
    refused = run_command("restore", str(backup), data=folder / "new")
    assert refused.returncode == 1 and str(damaged) in refused.stderr and "entries" in refused.stderr, refused.stderr
    assert not (folder / "new").exists()
    told = command("restore", str(backup), "--up-to-damage", data=folder / "new")
    assert told["missing"] is None and len(told["archive"]["missing"]) == 1 == len(told["damaged"]), told
    flip(damaged)

    # Without the server it is the same.
    server.terminate()
    offline = command("backup", str(backup), data=server.data)
    assert offline["archive_ranges"] >= again["archive_ranges"] and offline["damage"] == []

    # Everything is lost.
    shutil.rmtree(server.data)
    restored: Server = start_server(*SMALL, ready=False)
    restored.close()
    shutil.rmtree(restored.data, ignore_errors=True)
    done = run_command("restore", str(backup), data=restored.data)
    assert done.returncode == 0 and "ranges of the archive" in done.stdout and not done.stderr, done
    restored.start()
    back = Site(restored, site.id)
    back.wait_events(before[0], 90)
    assert numbers(back) == before
    audit_ok(restored)
    back.send(pageview(site.id, "/later"))
    back.wait_events(before[0] + 1)

    # What was left out is missing there alone, and new events are taken.
    restored.terminate()
    shutil.rmtree(restored.data)
    shutil.move(folder / "new", restored.data)
    restored.start()
    lost = told["archive"]["missing"][0]
    gapped = Site(restored, site.id)
    assert gapped.value("events") == 140_000 - (lost["last"] + 1 - lost["first"])
    gapped.send(pageview(site.id, "/later"))
    audit = run_command("audit", data=restored.data)
    assert audit.returncode == 1 and f"offsets {lost['first']} to {lost['last']} can't be read" in audit.stdout, audit
    doctor = run_command("doctor", data=restored.data)
    assert f"entries {lost['first']} to {lost['last']} can't be read" in doctor.stdout, doctor
    told = command("backup", str(folder / "backup-with-a-gap"), data=restored.data)
    assert (told["damage"][0]["first"], told["damage"][0]["last"]) == (lost["first"], lost["last"])
