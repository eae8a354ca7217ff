"""R12: audit against a planted missing, double and altered row. And a store that is gone is rebuilt from the log.

The rows are planted through the store's own socket, as nothing in the product would do it.
"""

import json
import pathlib
import shutil
from typing import Any

import pytest
from support.events import pageview
from support.server import Server, run_command
from support.store import store
from support.wait import wait_until


def audit(server: Server, expected_exit: int) -> list[dict[str, Any]]:
    result = run_command("audit", "--json", "--data", str(server.data))
    assert result.returncode == expected_exit, result.stdout + result.stderr
    return json.loads(result.stdout)


def ready_text(server: Server) -> bytes:
    try:
        return server.request("GET", "/readyz").body
    except OSError:
        return b""  # it does not listen yet


@pytest.fixture
def loaded(start_server: Any) -> tuple[Server, str]:
    server: Server = start_server("--loader.interval_ms", "50")
    site = server.add_site()
    events = [
        {"type": "event", "tracking_id": site.id, "data": {"name": f"n{i}", "properties": {"k": "v'\\\n"}, "revenue": "19.99", "value": 0.1 * i}}
        for i in range(200)
    ]
    assert site.post(events).json()["received"] == 200
    site.wait_events(200)
    rows = [r for r in audit(server, 0) if r["site"] == site.id]
    assert [(r["table"], r["received"], r["stored"], r["ok"]) for r in rows] == [("events", 200, 200, True), ("sessions", 1, 1, True)]
    return server, site.id


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        ("ALTER TABLE footfall.events DELETE WHERE log_offset = 7", "offset 7 is missing"),
        ("INSERT INTO footfall.events SELECT * FROM footfall.events WHERE log_offset = 7", "offset 7 is there 2 times"),
        ("ALTER TABLE footfall.events UPDATE event_label = 'x' WHERE log_offset = 7", "offset 7 differs"),
        ("ALTER TABLE footfall.events UPDATE revenue = 20 WHERE log_offset = 7", "offset 7 differs"),
        ("ALTER TABLE footfall.events UPDATE properties = map('k', 'w') WHERE log_offset = 7", "offset 7 differs"),
        ("INSERT INTO footfall.events SELECT * REPLACE (100000 AS log_offset) FROM (SELECT * FROM footfall.events WHERE log_offset = 7)", "the log ends"),
        ("ALTER TABLE footfall.events UPDATE session_key = 7 WHERE log_offset = 7", "offset 7 differs"),
        ("ALTER TABLE footfall.sessions DELETE WHERE 1", "is missing"),
        ("INSERT INTO footfall.sessions SELECT * FROM footfall.sessions WHERE sign = 1 ORDER BY version DESC LIMIT 1", "is there 2 times"),
        ("ALTER TABLE footfall.sessions UPDATE interactions = 1 WHERE 1", "differs from what its events make"),
        (
            "INSERT INTO footfall.sessions SELECT * REPLACE (7 AS session_key) FROM (SELECT * FROM footfall.sessions ORDER BY sign DESC, version DESC LIMIT 1)",
            "session 7 is one that no event of the log explains",
        ),
    ],
)
def test_R12_audit_names_a_planted_difference(loaded: tuple[Server, str], plant: str, said: str):
    server, site = loaded
    store(server, plant)
    rows = audit(server, 1)
    differences = [d for r in rows if r["site"] == site for d in r["differences"]]
    assert any(said in d for d in differences), rows


def test_a_missing_and_a_doubled_row_are_mended_by_the_next_start_where_the_checkpoint_is_lost(loaded: tuple[Server, str]):
    server, site = loaded
    store(server, "ALTER TABLE footfall.events DELETE WHERE log_offset = 7")
    store(server, "INSERT INTO footfall.events SELECT * FROM footfall.events WHERE log_offset = 9")
    assert server.terminate() == 0
    (pathlib.Path(server.data) / "loader.checkpoint").unlink()
    server.start()
    wait_until(lambda: run_command("audit", "--data", str(server.data)).returncode == 0, 30, "the tables are equal to the log again")


def test_a_store_that_is_gone_is_rebuilt_from_the_log(loaded: tuple[Server, str]):
    server, site = loaded
    server.kill()
    shutil.rmtree(pathlib.Path(server.data) / "store")
    server.start()
    wait_until(lambda: run_command("audit", "--data", str(server.data)).returncode == 0, 30, "everything is in the new store")
    assert [r["stored"] for r in audit(server, 0) if r["site"] == site] == [200, 1]


def test_R8_a_segment_that_is_put_back_is_loaded_again(start_server: Any):
    """Meanwhile the store lost its events too, so only the backup has them."""
    server: Server = start_server("--loader.interval_ms", "50")
    site = server.add_site()
    site.key("read")
    for _ in range(2):  # a start begins a segment
        for number in range(20):
            site.send(*[pageview(site.id, f"/{number}/{one}") for one in range(10)])
        assert server.terminate() == 0
        server.start()
    site.wait_events(400)
    assert server.terminate() == 0
    log = pathlib.Path(server.data) / "log"
    segment = min(log.glob("*.segment"))
    backup = segment.read_bytes()
    segment.write_bytes(backup[:5000] + b"????" + backup[5004:])
    shutil.rmtree(pathlib.Path(server.data) / "store")
    server.spawn()
    wait_until(lambda: b"can't be read" in ready_text(server), 30, "/readyz names what is lost")
    wait_until(lambda: site.ask(metrics=["events"]).status == 200, 30, "the new store answers")
    wait_until(lambda: site.value("events") > 0 and server.metric("footfall_loader_lag_entries") == 0, 30, "the rest is loaded")
    assert site.value("events") < 400
    findings = json.loads(run_command("doctor", "--json", data=server.data).stdout)["findings"]
    assert [f for f in findings if not f["ok"] and "can't be read" in f["what"] and "put that file back" in f["mend"]], findings

    assert server.terminate() == 0
    segment.write_bytes(backup)
    server.start()
    site.wait_events(400)
    assert {row["table"]: row["ok"] for row in audit(server, 0) if row["site"] == site.id} == {"events": True, "sessions": True}
