"""The archive in a bucket of S3: each event once whatever dies, nothing of who is erased, and no entry of the log goes before S3 has
acknowledged it."""

import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from support.archive import ask, doctor, log_end, one, wait_archived
from support.events import pageview
from support.s3 import ENVIRONMENT, S3Server
from support.server import Server, Site, command, run_command
from support.wait import wait_until

SMALL = ("--archive.enabled", "on", "--archive.range_entries_max", "100", "--loader.interval_ms", "50")
WHO = "marker-4711-of-the-one-who-goes"


@pytest.fixture
def s3(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    server = S3Server(folder / "s3").start()
    yield server
    server.kill()


def first_segment(server: Server) -> int:
    return min(int(path.stem) for path in (server.data / "log").glob("*.segment"))


def audit_ok(server: Server) -> None:
    rows = server.command("audit")
    assert rows and all(row["ok"] for row in rows), rows


@pytest.mark.parametrize(
    "point",
    ["objects.putting=abort@4", "objects.put=abort@2", "archive.events=abort@2", "archive.manifest=abort@2"],
)
def test_R2_a_death_at_this_point_leaves_each_event_in_the_bucket_once(start_server: Any, s3: S3Server, point: str):
    server: Server = start_server(*SMALL, *s3.flags, ready=False)
    server.close()
    server.start()
    site = server.add_site()
    server.close()
    server.start(env={"FOOTFALL_FAILPOINTS": point})
    acknowledged: list[str] = []
    for _ in range(60):
        events = [pageview(site.id, f"/{n}") for n in range(20)]
        try:
            site.send(*events)
        except OSError:
            break
        acknowledged += [event["event_id"] for event in events]
    server.wait_exit(20)
    server.start()
    site.send(*[pageview(site.id, "/later") for _ in range(100)])
    end = log_end(server)
    wait_archived(server, end - end % 100)
    found = [row["event_id"] for row in ask(s3.archive, "SELECT event_id FROM archive")]
    assert len(found) == len(set(found)) == end - end % 100
    assert len(set(acknowledged) - set(found)) <= end % 100
    ranges = {kind: {path.stem for path in (s3.archive / kind).rglob("*.*")} for kind in ("events", "manifest")}
    assert ranges["events"] == ranges["manifest"]
    assert not (server.data / "archive").exists()


@pytest.mark.parametrize("point", ["", "archive.entries_replaced=abort@2", "archive.replaced=abort@2"])
def test_S22_who_is_erased_is_not_in_the_bucket_whatever_dies_amid_it(start_server: Any, s3: S3Server, point: str):
    server: Server = start_server(*SMALL, *s3.flags, ready=False)
    server.close()
    server.start(env={"FOOTFALL_FAILPOINTS": point} if point else None)
    site = server.add_site()
    for _ in range(10):
        site.send(
            *[pageview(site.id, f"/{WHO}") | {"user_id": WHO} for _ in range(20)],
            *[pageview(site.id, "/public") | {"user_id": f"who-stays-{n}"} for n in range(20)],
        )
    wait_archived(server, 400)
    is_whose = f"count(*) FILTER (user_id = '{WHO}' OR page = '/{WHO}')"
    assert int(one(s3.archive, is_whose)) == 200, "else the test shows nothing"
    done = run_command("erase", "--site", site.id, "--visitor", WHO, "--now", data=server.data)
    assert done.returncode == (1 if point else 0), done.stderr
    if point:
        server.wait_exit(20)
        server.start()
    assert int(one(s3.archive, is_whose)) == 0
    assert int(one(s3.archive, "count(*) FILTER (page = '/public')")) == 200
    audit_ok(server)


def test_S22_nobody_says_that_an_erasure_is_done_while_s3_cannot_be_asked(start_server: Any, s3: S3Server):
    server: Server = start_server(*SMALL, *s3.flags)
    site = server.add_site()
    visitor = "who-stays-1"
    site.send(*[pageview(site.id, "/") | {"user_id": f"who-stays-{n % 2}"} for n in range(200)])
    wait_archived(server, 200)
    # An archive that is off by now is reached too.
    server.terminate()
    server.flags.remove("--archive.enabled")
    server.flags.remove("on")
    s3.kill()
    server.start()
    refused = run_command("erase", "--site", site.id, "--visitor", visitor, "--now", data=server.data, limit_s=120)
    assert refused.returncode == 1 and "archive" in refused.stderr, refused.stderr
    s3.start()
    wait_until(
        lambda: int(one(s3.archive, f"count(*) FILTER (user_id = '{visitor}')")) == 0, 90, "the erasure is completed"
    )


def test_a_server_that_is_gone_or_hangs_costs_no_event_and_no_stop(start_server: Any, s3: S3Server):
    s3.kill()
    server: Server = start_server(*SMALL, *s3.flags)
    site = server.add_site()
    site.send(*[pageview(site.id, "/") for _ in range(250)])
    site.wait_events(250)
    server.terminate()
    s3.start()
    server.start()
    wait_archived(server, 200)
    s3.stall()
    site.send(*[pageview(site.id, "/") for _ in range(150)])
    site.wait_events(400)
    assert doctor(server)["part"] == "archive", "it answers while the archive waits"
    server.terminate()
    s3.go_on()
    server.start()
    wait_archived(server, 400)
    assert int(one(s3.archive, "count(DISTINCT event_id)")) == int(one(s3.archive, "count(*)")) == 400


def test_S17_what_is_wrong_is_named_and_no_key_is_told(start_server: Any, s3: S3Server, folder: pathlib.Path):
    keys = folder / "keys"
    keys.write_text("[default]\naws_access_key_id = footfall\naws_secret_access_key = wrong-4711\n")
    server: Server = start_server(*SMALL, *s3.flags, "--archive.s3_credentials", str(keys))
    site = server.add_site()
    site.send(*[pageview(site.id, "/") for _ in range(100)])
    wait_until(lambda: not doctor(server)["ok"], 30, "doctor names it")
    assert "secret key is wrong" in doctor(server)["what"]
    # The file is read again: nobody has to start anew.
    keys.write_text(keys.read_text().replace("wrong-4711", ENVIRONMENT["AWS_SECRET_ACCESS_KEY"]))
    wait_archived(server, 100)
    told = server.log() + server.request("GET", "/api/v1/status").body.decode() + server.request("GET", "/metrics").body.decode()
    assert "wrong-4711" not in told and ENVIRONMENT["AWS_SECRET_ACCESS_KEY"] not in told

    # Another installation does not write into it.
    other: Server = start_server(*SMALL, *s3.flags)
    wait_until(lambda: "another installation" in doctor(other)["what"], 30, "doctor names it")


def test_what_the_log_gives_away_is_in_the_bucket_first(start_server: Any, s3: S3Server, folder: pathlib.Path):
    bodies = 140  # the index of event ids needs the log until it has written 131,072 of them
    s3.kill()
    flags = (
        *("--archive.enabled", "on", "--archive.range_entries_max", "20000"),
        *("--log.segment_bytes", "1048576", "--log.retention_hours", "744"),
    )
    at_once = {"FOOTFALL_FAILPOINTS": "log.retention=error"}  # not after 31 days
    server: Server = start_server(*flags, *s3.flags, env=at_once)
    site = server.add_site()
    for body in range(bodies):
        who = WHO if body == 1 else f"user-{body}"
        site.send(*[pageview(site.id, f"/{n % 50}") | {"user_id": who} for n in range(1000)])
    site.wait_events(bodies * 1000, 60)
    wait_until(lambda: not doctor(server)["ok"], 90, "doctor names it")
    assert first_segment(server) == 1, "S3 has acknowledged nothing"
    s3.start()
    wait_until(lambda: first_segment(server) > 1, 120, "the log gave segments away")
    before = [site.value(metric) for metric in ("events", "visitors", "sessions")]

    # A store that is lost is filled from both, and waits for S3.
    server.terminate()
    shutil.rmtree(server.data / "store")
    s3.kill()
    server.spawn()
    s3.start()
    server.wait_ready()
    site.wait_events(bodies * 1000, 60)
    assert [site.value(metric) for metric in ("events", "visitors", "sessions")] == before
    audit_ok(server)
    whose = f"count(*) FILTER (user_id = '{WHO}')"
    assert int(one(s3.archive, whose)) == 1000
    done = run_command("erase", "--site", site.id, "--visitor", WHO, "--now", data=server.data)
    assert done.returncode == 0, done.stderr
    assert int(one(s3.archive, whose)) == 0
    audit_ok(server)

    # A backup takes it from the bucket, and a restore puts it into one that has none.
    before = [site.value(metric) for metric in ("events", "visitors", "sessions")]
    backup = folder / "backup"
    told = command("backup", str(backup), *s3.flags, data=server.data)
    assert told["archive_ranges"] > 0 and int(one(backup / "archive", "count(*)")) > 0
    again = command("backup", str(backup), *s3.flags, data=server.data)
    assert again["files_copied"] < told["archive_ranges"] + 5 <= again["files"], "no range of it again"
    server.terminate()
    refused = run_command("restore", str(backup), *s3.flags, data=folder / "new")
    assert refused.returncode == 1 and "archive.s3_prefix" in refused.stderr, refused.stderr
    assert not (folder / "new").exists()
    shutil.rmtree(s3.archive)
    restored: Server = start_server(*flags, *s3.flags, ready=False)
    restored.close()
    shutil.rmtree(restored.data, ignore_errors=True)
    assert command("restore", str(backup), *s3.flags, data=restored.data)["archive"]["where"].startswith("s3://")
    restored.start()
    back = Site(restored, site.id)
    back.wait_events(before[0], 90)
    assert [back.value(metric) for metric in ("events", "visitors", "sessions")] == before
    audit_ok(restored)
    assert not (restored.data / "archive").exists()


def test_the_archive_is_in_one_place(folder: pathlib.Path):
    def refused(*flags: str) -> str:
        done = run_command("serve", *flags, data=folder / "data")
        assert done.returncode != 0
        return done.stderr

    bucket = ("--archive.s3_bucket", "archive")
    assert "not both" in refused(*bucket, "--archive.directory", str(folder / "archive"))
    assert "archive.s3_bucket" in refused("--archive.s3_prefix", "one")
    assert "no endpoint" in refused(*bucket, "--archive.s3_endpoint", "s3.example.com")
