"""R13: a backup under load, restored elsewhere; damaged backups."""

import json
import os
import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import pytest
from ledger import ACKNOWLEDGED, Load, audit_row, stored_counts
from support.events import custom
from support.server import Server, Site, command, run_command

# The smallest segments that there are. With events that do not compress some hundred fill one.
SMALL = ("--loader.interval_ms", "100", "--log.segment_bytes", str(1 << 20))


def send_large(site: Site, first: int, events: int) -> list[dict[str, Any]]:
    """Numbered events of some 2 KB on the disk."""
    sent = []
    for begin in range(first, first + events, 100):
        noise = lambda: {f"noise{place}": os.urandom(240).hex() for place in range(8)}  # noqa: E731
        body = [
            custom(site.id, properties={"number": str(number), **noise()})
            for number in range(begin, min(begin + 100, first + events))
        ]
        site.send(*body)
        sent += body
    return sent


def manifest_of(backup: pathlib.Path) -> dict[str, Any]:
    return json.loads((backup / "manifest.json").read_text())


def segment_files(backup: pathlib.Path) -> list[pathlib.Path]:
    """Of the closed ones, in order."""
    return sorted((backup / "log").iterdir())


def tree(folder: pathlib.Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.rglob("*"))
    }


def restore_and_start(start_server: Callable[..., Server], backup: pathlib.Path, *flags: str) -> tuple[Server, Any]:
    """A server of its own on what the backup gives, ready: its store is filled then."""
    server = start_server(*SMALL, ready=False)
    server.close()
    shutil.rmtree(server.data, ignore_errors=True)
    told = command("restore", str(backup), *flags, data=server.data)
    server.start()
    return server, told


def there(server: Server, site: Site) -> Site:
    """The same site, asked with the same keys."""
    moved = Site(server, site.id)
    moved.secrets = site.secrets
    return moved


def check_snapshot(site: Site, before: dict[str, str], after: dict[str, str], sizes: dict[str, int]) -> int:
    """Every body acknowledged before the backup counts once, every other of before its end once or not at all, as a
    whole, and none of after. The number of events."""
    counts = stored_counts(site, list(sizes))
    total = 0
    for body, size in sizes.items():
        found = [counts.pop((body, str(place)), 0) for place in range(size)]
        assert len(set(found)) == 1, f"{body} is there in part: {found}"
        allowed = {1} if before.get(body) == ACKNOWLEDGED else {0, 1} if body in after else {0}
        assert found[0] in allowed, f"{body} counts {found[0]} times; {before.get(body)}, then {after.get(body)}"
        total += sum(found)
    assert not counts, f"events that nobody sent: {list(counts.items())[:10]}"
    return total


def test_R13_a_backup_under_load_restored_elsewhere_is_a_moment_of_the_ledger(
    start_server: Any, folder: pathlib.Path, seed: int
):
    server: Server = start_server(*SMALL)
    site = server.add_site()
    site.key("read")
    known = send_large(site, 0, 1500)
    backup = folder / "backup"
    states: list[tuple[dict[str, str], dict[str, str], int]] = []
    reports = []
    with Load(server, site, folder, seed, rate=1000) as load:
        for _ in range(2):
            load.wait_acknowledged(300)
            known += send_large(site, len(known), 300)
            before, known_before = dict(load.ledger.outcomes), len(known)
            reports.append(command("backup", str(backup), data=server.data, limit_s=120))
            load.wait_acknowledged(20)
            # A body that is being sent is not in the ledger yet, but may be in the backup.
            states.append((before, dict(load.ledger.outcomes), known_before))
            shutil.copytree(backup, folder / f"backup-{len(states)}")
        load.wait_acknowledged(300)
    assert load.refused_answers == 0 and not load.unknown, "ingestion must not notice"
    site.wait_events(load.ledger.events(ACKNOWLEDGED) + len(known))
    assert all(row["ok"] for row in server.command("audit", "--site", site.id)), "nothing was lost by the backup"

    first, second = reports
    assert first["files_copied"] == first["files"] > 3 and first["damage"] == second["damage"] == []
    assert second["end"] > first["end"] > len(known)
    assert second["bytes_copied"] < second["bytes"] * 0.8, "only what is new is copied"
    assert server.terminate() == 0

    for number, (before, after, known_before) in enumerate(states, 1):
        restored, told = restore_and_start(start_server, folder / f"backup-{number}")
        assert told["end"] == reports[number - 1]["end"] and told["missing"] is None and told["damaged"] == []
        moved = there(restored, site)
        total = check_snapshot(moved, before, after, load.ledger.sizes) + known_before
        assert total > 1500 + 300
        moved.wait_events(total)
        assert audit_row(restored, moved)["stored"] == total
        for begin in range(0, known_before, 100):
            told = moved.send(*known[begin : min(begin + 100, known_before)])
            assert told["duplicates"] == told["received"], "an event that is sent again after a restore is known"
        moved.wait_events(total)
        restored.close()


def made_backup(start_server: Any, folder: pathlib.Path, events: int = 2000) -> tuple[Server, Site, pathlib.Path]:
    """Of a server that has ended."""
    server: Server = start_server(*SMALL)
    site = server.add_site()
    site.key("read")
    send_large(site, 0, events)
    assert server.terminate() == 0
    backup = folder / "backup"
    command("backup", str(backup), data=server.data)
    assert len(segment_files(backup)) >= 3
    return server, site, backup


def cut(path: pathlib.Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: pathlib.Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


DAMAGES = [cut, flip, pathlib.Path.unlink]


def check_refused(backup: pathlib.Path, data: pathlib.Path, damaged: pathlib.Path, env: dict[str, str] | None = None):
    """The refusal names file and entries, and writes nothing."""
    before = tree(backup)
    done = run_command("restore", str(backup), data=data, env=env)
    assert done.returncode == 1, f"a damaged backup was restored: {done.stdout}"
    assert len(done.stderr.splitlines()) == 1 and str(damaged) in done.stderr and "entries" in done.stderr, done.stderr
    assert not data.exists() and tree(backup) == before


def test_R13_a_damaged_backup_is_refused_with_its_reason_and_gives_a_consistent_prefix(
    start_server: Any, folder: pathlib.Path
):
    server, site, backup = made_backup(start_server, folder)
    whole = folder / "whole"
    shutil.copytree(backup, whole)
    for damage in DAMAGES:
        for choose in (lambda: segment_files(backup)[1], lambda: segment_files(backup)[-1]):
            damaged = choose()
            damage(damaged)
            check_refused(backup, folder / "new", damaged)
            shutil.rmtree(backup)
            shutil.copytree(whole, backup)
    flip(segment_files(backup)[1])
    restored, told = restore_and_start(start_server, backup, "--up-to-damage")
    moved = there(restored, site)
    assert 0 < told["end"] < 2000 and told["missing"] == {"first": told["end"], "last": manifest_of(backup)["end"] - 1}
    numbers = {int(number) for number in moved.table("property:number", limit=10_000)}
    assert numbers == set(range(len(numbers))) and 0 < len(numbers) < 2000, "a prefix, without a gap"
    assert all(row["ok"] for row in restored.command("audit", "--site", site.id))
    fresh = [custom(site.id, properties={"number": str(2000 + number)}) for number in range(10)]
    assert moved.send(*fresh)["duplicates"] == 0, "and it goes on"
    moved.wait_events(len(numbers) + 10)


def test_R13_a_backup_without_its_manifest_or_of_a_newer_release_is_refused(start_server: Any, folder: pathlib.Path):
    _, _, backup = made_backup(start_server, folder)
    manifest = backup / "manifest.json"
    text = manifest.read_text()
    for damaged, told in ((text.replace('"end":', '"End":', 1), "damaged"), (text[:-100], "damaged"), (None, "manifest.json")):
        manifest.unlink()
        if damaged is not None:
            manifest.write_text(damaged)
        for flags in ([], ["--up-to-damage"]):
            done = run_command("restore", str(backup), *flags, data=folder / "new")
            assert done.returncode == 1 and told in done.stderr and len(done.stderr.splitlines()) == 1, done
            assert not (folder / "new").exists()
        manifest.write_text(text)


def test_R13_a_backup_that_is_killed_leaves_the_earlier_one_whole(start_server: Any, folder: pathlib.Path):
    server, site, backup = made_backup(start_server, folder)
    server.start()
    send_large(site, 2000, 500)
    end = manifest_of(backup)["end"]
    killed = run_command(
        "backup", str(backup), data=server.data, env={"FOOTFALL_FAILPOINTS": "backup.before_manifest=abort"}
    )
    assert killed.returncode == -9
    assert manifest_of(backup)["end"] == end
    assert command("restore", str(backup), data=folder / "earlier")["end"] == end
    assert command("backup", str(backup), data=server.data)["end"] > end
    restored, _ = restore_and_start(start_server, backup)
    there(restored, site).wait_events(2500)


def test_R13_a_restore_that_is_killed_leaves_no_installation(start_server: Any, folder: pathlib.Path):
    _, _, backup = made_backup(start_server, folder)
    data = folder / "new"
    killed = run_command("restore", str(backup), data=data, env={"FOOTFALL_FAILPOINTS": "restore.before_end=abort"})
    assert killed.returncode == -9
    before = tree(data)
    for words in (["site", "list"], ["audit"], ["serve", "--listen", "127.0.0.1:0"], ["backup", str(folder / "other")]):
        done = run_command(*words, data=data)
        assert done.returncode == 1 and "restore" in done.stderr, done
    assert tree(data) == before, "nobody touches it"
    assert run_command("restore", str(backup), data=data).returncode == 1


class TestMutants:
    def test_R13_without_the_checksums_the_check_of_damage_fails(self, start_server: Any, folder: pathlib.Path):
        _, _, backup = made_backup(start_server, folder)
        damaged = segment_files(backup)[1]
        flip(damaged)
        with pytest.raises(AssertionError, match="a damaged backup was restored"):
            check_refused(
                backup, folder / "new", damaged, env={"FOOTFALL_FAILPOINTS": "mutant.skip_checksum=error"}
            )
