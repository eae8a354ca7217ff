"""S22: an erasure that a death cuts off anywhere is completed by the next start, and audit proves it."""

import pathlib
from typing import Any

import pytest

from support.events import pageview
from support.server import Server, run_command

MARKER = "marker-4711-of-the-one-who-goes"

# Where the process dies, in the order in which an erasure comes by.
POINTS = [
    "erase.pending=abort",
    "log.rewrite.before_sync=abort",
    "log.rewrite.before_rename=abort",
    "log.rewrite.after_rename=abort",
    "erase.log=abort",
    "erase.before_rows=abort",
    "erase.between_tables=abort",
    "erase.rows=abort",
    "erase.forgotten=abort",
]


def has_marker(folder: pathlib.Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file() and MARKER.encode() in path.read_bytes()]


@pytest.mark.parametrize("point", POINTS)
def test_S22_a_death_at_this_point_delays_an_erasure_and_loses_nothing_else(start_server: Any, point: str):
    server: Server = start_server("--loader.interval_ms", "50", ready=False)
    server.close()
    server.start(env={"FOOTFALL_FAILPOINTS": point})
    site = server.add_site()
    site.key("read")
    for _ in range(5):
        site.send(
            *[pageview(site.id, f"/{MARKER}", title=f"{MARKER} {n}") | {"user_id": MARKER} for n in range(20)],
            *[pageview(site.id, "/public") | {"user_id": f"who-stays-{n}"} for n in range(20)],
        )
    site.wait_events(200)
    assert has_marker(server.data), "else the test shows nothing"
    done = run_command("erase", "--site", site.id, "--visitor", MARKER, "--now", data=server.data)
    assert done.returncode == 1, "it died amid the command"
    server.wait_exit(20)
    server.start()
    [row] = [row for row in server.command("audit") if row["site"] == site.id and row["table"] == "events"]
    assert row["ok"] and (row["received"], row["stored"], row["erased"]) == (200, 100, 100), row
    assert has_marker(server.data) == []
    assert site.table("page") == {"/public": 100}
    assert site.value("sessions") == 20
    assert not (server.data / "erasure.pending").exists()
    # And it goes on as ever.
    site.send(pageview(site.id, "/later") | {"user_id": MARKER})
    site.wait_events(101)
    assert all(row["ok"] for row in server.command("audit"))
