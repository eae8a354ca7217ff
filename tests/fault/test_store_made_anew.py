"""A store that will not open, where the log's beginning is in the archive alone (R10, R23): it is moved aside, and a new one
filled from both while events are taken."""

import json
import pathlib
import shutil
import time
from typing import Any

from ledger import Load, check_ledger
from support.server import Server, run_command
from support.wait import wait_until
from test_log_retention import AT_ONCE, EVENTS, SMALL, audit_ok, fill, first_segment, numbers, readiness


def findings(server: Server) -> tuple[int, dict[str, list[str]]]:
    """doctor's exit code, and what it says by part."""
    done = run_command("doctor", "--json", data=server.data)
    told: dict[str, list[str]] = {}
    for finding in json.loads(done.stdout)["findings"]:
        told.setdefault(finding["part"], []).append(finding["what"])
    return done.returncode, told


def test_R10_a_store_that_will_not_open_is_made_anew_of_archive_and_log_while_events_are_taken(
    start_server: Any, folder: pathlib.Path, seed: int
):
    server: Server = start_server(*SMALL, "--loader.batch_rows_max", "1000", env=AT_ONCE)
    site, loaded = server.add_site(), server.add_site()
    loaded.key("read")
    fill(site)
    site.wait_events(EVENTS, 120)
    wait_until(lambda: first_segment(server) > 1, 90, "the log gave segments away")
    before = numbers(site)
    assert before[0] == EVENTS
    assert not any("moved aside" in text for text in findings(server)[1]["store"])

    server.terminate()
    (server.data / "store/metadata/footfall.sql").write_text("junk")
    server.spawn()
    wait_until(lambda: readiness(server) != "", 30, "it listens")
    began = time.monotonic()
    with Load(server, loaded, folder, seed, rate=500) as load:
        load.wait_acknowledged(20, limit_s=10)
        # How far it is, and that it is behind, in both places.
        wait_until(lambda: "is being filled from the event log, up to entry" in readiness(server), 60, "/readyz names the lag", every_s=0.01)
        code, told = findings(server)
        assert code == 1
        assert any("moved aside" in text and "store.broken-" in text for text in told["store"]), told
        [behind] = [text for text in told["loader"] if "are not in the store yet" in text]
        assert int(behind.split()[0]) > 0, behind
        load.wait_acknowledged(20, limit_s=10)
        wait_until(lambda: server.request("GET", "/readyz").status == 200, 120, "/readyz is 200 again")
        seconds = time.monotonic() - began
        load.wait_acknowledged(20, limit_s=10)
    print(f"{EVENTS} events again within {seconds:.1f} s; {load.ledger}; doctor meanwhile: {behind}")
    assert load.refused_answers == 0 and not load.unknown, "ingestion must not notice"
    check_ledger(server, loaded, load.ledger)
    assert numbers(site) == before
    audit_ok(server)
    assert server.metric("footfall_store_replaced_total") == 1

    # Told until it is removed.
    [aside] = server.data.glob("store.broken-*")
    assert findings(server)[0] == 1
    shutil.rmtree(aside)
    assert not any("moved aside" in text for text in findings(server)[1]["store"])
