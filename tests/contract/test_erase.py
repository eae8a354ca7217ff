"""S22: erasure of a visitor and of a site. Gone everywhere, the rest untouched, and audit proves it."""

import json
import pathlib
import time
from typing import Any

import pytest

from support.client import bearer
from support.events import custom, other, pageview, uuid7
from support.server import Server, Site, command, run_command
from support.websocket import WebSocket

MARKER = "marker-4711-of-the-one-who-goes"


def files_with(folder: pathlib.Path, *needles: bytes) -> list[str]:
    """Files that have one of them in their bytes or their name."""
    found = []
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_file():
            continue
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue  # a part that was just merged
        if any(needle in content or needle in str(path).encode() for needle in needles):
            found.append(str(path))
    return found


def audit_row(server: Server, site: str, table: str = "events") -> dict[str, Any]:
    [row] = [row for row in server.command("audit") if row["site"] == site and row["table"] == table]
    return row


def send_both(site: Site) -> None:
    """Events of each type of the one who goes, and some of somebody who stays."""
    mine = pageview(site.id, f"/private/{MARKER}", title=MARKER) | {"user_id": MARKER}
    site.send(
        mine,
        custom(site.id, f"bought {MARKER}", properties={"mail": MARKER}, revenue="12.50") | {"user_id": MARKER},
        other(site.id, "ping", pageview_id=mine["event_id"], time_on_page=7) | {"user_id": MARKER},
        other(site.id, "identify", user_id=MARKER, traits={"name": MARKER}),
        *[pageview(site.id, "/public") | {"user_id": "who-stays"} for _ in range(5)],
    )
    site.post([{"type": "pageview", "tracking_id": site.id, "user_id": MARKER, "data": {}}])


def live(server: Server, site: Site) -> dict[str, Any]:
    with WebSocket(server.port, f"/api/v1/live?website_id={site.id}", bearer(site.key("read"))) as socket:
        return socket.json()


class TestAVisitor:
    def test_S22_is_gone_everywhere_and_nobody_else_changes(self, start_server: Any):
        server: Server = start_server()
        site = server.add_site()
        send_both(site)
        site.wait_value("pageviews", 6, include_bots=True)
        server.command("rejected", "list")
        assert len(files_with(server.data / "log", MARKER.encode())) > 0, "else the test shows nothing"
        assert len(files_with(server.data / "store", MARKER.encode())) > 0, "else the test shows nothing"
        told = server.command("erase", "--site", site.id, "--visitor", MARKER, "--dry-run")
        assert (told["dry_run"], told["events"], told["rejected"]) == (True, 4, 1)
        assert site.value("pageviews") == 6

        began = time.monotonic()
        told = server.command("erase", "--site", site.id, "--visitor", MARKER, "--now")
        assert time.monotonic() - began < 60
        assert told == {"dry_run": False, "events": 4, "visitors": 2, "sessions": 1, "rejected": 1}
        assert files_with(server.data, MARKER.encode()) == []
        assert site.table("user_id") == {"who-stays": 5}
        assert site.table("user_id", "sessions") == {"who-stays": 1}
        assert site.table("page", "pageviews") == {"/public": 5}
        assert site.value("events") == 5
        assert server.command("rejected", "list", "--site", site.id)["samples"] == []
        snapshot = live(server, site)
        assert MARKER not in json.dumps(snapshot)
        assert snapshot["active_visitors"] == 1 and snapshot["pages"] == [{"name": "/public", "visitors": 1}]
        row = audit_row(server, site.id)
        assert row["ok"] and (row["received"], row["stored"], row["erased"]) == (9, 5, 4)
        row = audit_row(server, site.id, "sessions")
        assert row["ok"] and (row["received"], row["stored"], row["erased"]) == (2, 1, 1)

        # Also over a crash, and without a server.
        server.kill()
        server.start()
        assert files_with(server.data, MARKER.encode()) == []
        assert site.table("user_id") == {"who-stays": 5}
        server.terminate()
        row = [row for row in command("audit", data=server.data) if row["site"] == site.id][0]
        assert row["ok"] and row["erased"] == 4
        assert files_with(server.data, MARKER.encode()) == []

    def test_what_comes_later_is_new_and_what_is_sent_again_does_not_come_back(self, start_server: Any):
        server: Server = start_server()
        site = server.add_site()
        event = pageview(site.id, "/once") | {"user_id": MARKER}
        site.send(event)
        site.wait_events(1)
        assert server.command("erase", "--site", site.id, "--visitor", MARKER)["events"] == 1
        assert site.post([event]).json()["duplicates"] == 1
        server.kill()
        server.start()
        assert site.post([event]).json()["duplicates"] == 1
        site.send(pageview(site.id, "/later") | {"user_id": MARKER})
        site.wait_events(1)
        assert site.table("page", "sessions") == {"/later": 1}
        row = audit_row(server, site.id)
        assert row["ok"] and (row["stored"], row["erased"], row["duplicates"]) == (1, 1, 2)

    def test_by_the_digits_that_answers_show(self, start_server: Any):
        server: Server = start_server()
        site = server.add_site()
        site.send(pageview(site.id, "/a"), headers={"X-Forwarded-For": "203.0.113.7"})
        site.send(pageview(site.id, "/b"), headers={"X-Forwarded-For": "203.0.113.8"})
        site.wait_events(2)
        [digits] = site.table("user_id", filters=[["page", "is", ["/a"]]])
        assert server.command("erase", "--site", site.id, "--visitor", digits)["events"] == 1
        assert site.table("page") == {"/b": 1}
        assert audit_row(server, site.id)["ok"]

    def test_a_backup_of_later_has_nothing_of_it_and_takes_the_place_of_the_former(
        self, start_server: Any, folder: pathlib.Path
    ):
        server: Server = start_server()
        site = server.add_site()
        send_both(site)
        site.wait_value("pageviews", 6)
        server.terminate()  # the segment is closed
        command("backup", str(folder / "backup"), data=server.data)
        assert files_with(folder / "backup", MARKER.encode()) != []
        command("erase", "--site", site.id, "--visitor", MARKER, data=server.data)
        for _ in range(2):  # the second one takes over what the first has copied
            command("backup", str(folder / "backup"), data=server.data)
            assert files_with(folder / "backup", MARKER.encode()) == []
        done = run_command("restore", str(folder / "backup"), data=folder / "new")
        assert done.returncode == 0, done.stderr
        row = [row for row in command("audit", data=folder / "new") if row["site"] == site.id][0]
        assert row["ok"] and (row["stored"], row["erased"]) == (5, 4)

    def test_while_events_come_audit_stays_right(self, start_server: Any):
        server: Server = start_server("--loader.interval_ms", "50")
        site = server.add_site()
        sent = 0
        for round_number in range(3):
            for _ in range(10):
                site.send(*[pageview(site.id, "/x") | {"user_id": user} for user in (MARKER, "who-stays")])
                sent += 2
            server.command("erase", "--site", site.id, "--visitor", MARKER)
        site.wait_events(30)
        row = audit_row(server, site.id)
        assert row["ok"] and (row["received"], row["stored"], row["erased"]) == (sent, 30, 30)


class TestASite:
    def test_S22_is_gone_with_its_keys_and_the_others_stay(self, start_server: Any):
        server: Server = start_server()
        site, neighbour = server.add_site(), server.add_site()
        read = site.key("read")
        send_both(site)
        neighbour.send(pageview(neighbour.id, "/next-door"))
        site.wait_value("pageviews", 6)
        neighbour.wait_events(1)
        server.command("erase", "--site", site.id, "--all", "--now")
        assert files_with(server.data, MARKER.encode(), b"who-stays") == []
        assert site.id not in [row["id"] for row in server.command("site", "list")]
        assert site.ask(key=read, metrics=["events"]).status == 401
        assert neighbour.value("events") == 1
        row = audit_row(server, site.id)
        assert row["ok"] and (row["received"], row["stored"], row["erased"]) == (9, 0, 9)
        row = audit_row(server, site.id, "sessions")
        assert row["ok"] and (row["received"], row["stored"], row["erased"]) == (2, 0, 2)
        assert audit_row(server, neighbour.id)["ok"]
        done = run_command("erase", "--site", site.id, "--all", data=server.data)
        assert done.returncode == 1 and "no site" in done.stderr


class TestTheCommandLine:
    @pytest.mark.parametrize(
        "words", [(), ("--visitor", "x", "--all"), ("--visitor", ""), ("--all", "--site")],
    )
    def test_what_does_not_say_whom_is_wrong_usage(self, server: Server, site: Site, words: tuple[str, ...]):
        assert run_command("erase", "--site", site.id, *words, data=server.data).returncode == 2

    def test_an_unknown_site_or_folder_is_told(self, server: Server, folder: pathlib.Path):
        done = run_command("erase", "--site", "of-no-event", "--visitor", "x", data=server.data)
        assert done.returncode == 1 and "'of-no-event'" in done.stderr
        done = run_command("erase", "--site", "x", "--visitor", "x", data=folder / "nothing")
        assert done.returncode == 1 and "no installation" in done.stderr
        assert not (folder / "nothing").exists()

    def test_for_people_it_says_what_became_of_it(self, server: Server, site: Site):
        site.send(pageview(site.id) | {"user_id": "u-" + uuid7()})
        user = "u-" + uuid7()
        site.send(pageview(site.id) | {"user_id": user})
        site.wait_events(2)
        done = run_command("erase", "--site", site.id, "--visitor", user, data=server.data)
        assert done.returncode == 0 and done.stdout.startswith("erased: 1 events of 1 visitor ids, 1 sessions, 0 rejected")
        assert user not in done.stdout
