"""The event store is a child process: ingestion does not depend on it. R23 in the embedded form."""

import os
import pathlib
import shutil
import signal
import subprocess
import time
from typing import Any

from ledger import Load, check_ledger
from support.events import pageview
from support.server import Server, Site, binary, command, run_command
from support.wait import wait_until


def test_R23_the_store_child_is_killed_and_acknowledgements_go_on(start_server: Any, folder: pathlib.Path, seed: int):
    server: Server = start_server("--loader.interval_ms", "50")
    site = server.add_site()
    site.key("read")
    with Load(server, site, folder, seed, rate=1000) as load:
        for _ in range(3):
            load.wait_acknowledged(20)
            child = server.store_child()
            assert child is not None
            os.kill(child, signal.SIGKILL)
            load.wait_acknowledged(20, limit_s=5)
            wait_until(lambda: server.store_child() not in (None, child), 10, "another child runs")
            wait_until(lambda: server.request("GET", "/readyz").status == 200, 20, "/readyz is 200 again")
        load.wait_acknowledged(20)
    assert load.refused_answers == 0 and not load.unknown, "ingestion must not notice"
    check_ledger(server, site, load.ledger)


def test_R23_a_store_that_hangs_is_named_and_what_was_acknowledged_is_loaded_afterwards(
    start_server: Any, folder: pathlib.Path, seed: int
):
    server: Server = start_server("--loader.interval_ms", "50")
    site = server.add_site()
    site.key("read")
    with Load(server, site, folder, seed, rate=1000) as load:
        load.wait_acknowledged(20)
        child = server.store_child()
        assert child is not None
        os.kill(child, signal.SIGSTOP)
        try:
            wait_until(
                lambda: (answer := server.request("GET", "/readyz")).status == 503 and b"store" in answer.body.lower(),
                60,
                "/readyz names the store",
            )
            assert server.request("GET", "/healthz").status == 200
            began = time.monotonic()
            answer = site.ask(metrics=["events"])
            assert answer.status in (503, 504) and answer.json()["error"]["message"], answer
            assert time.monotonic() - began < 60
            load.wait_acknowledged(50, limit_s=20)
        finally:
            if server.store_child() == child:
                os.kill(child, signal.SIGCONT)
        wait_until(lambda: server.request("GET", "/readyz").status == 200, 60, "/readyz is 200 again")
        load.wait_acknowledged(20)
    check_ledger(server, site, load.ledger)


def test_S16_a_key_is_revoked_while_audits_wait_for_the_store(start_server: Any):
    server: Server = start_server()
    site = server.add_site()
    secret = server.command("key", "create", "--site", site.id, "--scope", "read")
    child = server.store_child()
    assert child is not None
    os.kill(child, signal.SIGSTOP)
    site.send(pageview(site.id))
    looking = [
        subprocess.Popen([binary(), word, "--data", str(server.data)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for word in ("audit", "audit")
    ]
    try:
        time.sleep(1)  # so that the first of them is at work: it waits for the event to be stored
        done = run_command("key", "revoke", secret["id"], data=server.data, limit_s=5)
        assert done.returncode == 0, done
        assert all(process.poll() is None for process in looking), "nothing waited, so nothing was shown"
    finally:
        os.kill(child, signal.SIGCONT)
    assert site.ask(metrics=["events"], key=secret["secret"]).status == 401
    assert [process.wait(60) for process in looking] == [0, 0]


def fill(server: Server, events: int) -> Site:
    site = server.add_site()
    for _ in range(events // 1000):
        site.send(*(pageview(site.id) for _ in range(1000)))
    site.wait_events(events, limit_s=60)
    return site


def test_a_store_that_is_filled_anew_answers_once_it_has_everything(start_server: Any):
    """What a restore does, since backups leave the store out. A number without the rest would be a wrong one."""
    server: Server = start_server("--loader.batch_rows_max", "1000")
    site = fill(server, 20_000)
    server.terminate()
    shutil.rmtree(server.data / "store")
    server.spawn()
    refusals: set[str] = set()

    def first_answer() -> Any:
        try:
            is_ready = server.request("GET", "/readyz").status == 200
            answer = site.ask(metrics=["events"])
        except OSError:
            return None
        if answer.status != 200:
            assert answer.status == 503, answer
            assert not is_ready, "it was ready, and did not answer"
            refusals.add(answer.json()["error"]["message"])
            return None
        return answer.json()["rows"]

    rows: list[Any] = []
    wait_until(lambda: bool(rows.append(first_answer()) or rows[-1]), 60, "an answer", every_s=0.01)
    assert rows[-1] == [[20_000]]
    assert any("is being filled from the event log, up to entry" in refusal for refusal in refusals), refusals


def test_an_audit_waits_for_a_store_that_is_filled_anew(start_server: Any):
    server: Server = start_server()
    site = fill(server, 3_000)
    server.terminate()
    shutil.rmtree(server.data / "store")
    report = command("audit", data=server.data)
    assert [row["stored"] for row in report if row["site"] == site.id and row["table"] == "events"] == [3_000]


def test_R1_both_processes_die_at_once(start_server: Any, folder: pathlib.Path, seed: int):
    """As by a power switch for processes: nobody is left to finish anything."""
    server: Server = start_server("--loader.interval_ms", "50")
    site = server.add_site()
    site.key("read")
    with Load(server, site, folder, seed, rate=1000) as load:
        for _ in range(4):
            load.wait_acknowledged(20)
            os.killpg(server.pid, signal.SIGKILL)
            server.wait_exit(10)
            server.start()
        load.wait_acknowledged(20)
    check_ledger(server, site, load.ledger)


def damage_parts(server: Server, column: str) -> int:
    """Leaves nothing of the data of the parts whose table has this column; how many there were."""
    parts = [path.parent for path in (server.data / "store").rglob("columns.txt") if f"`{column}`" in path.read_text()]
    for part in parts:
        (part / "data.bin").write_bytes(b"")
    return len(parts)


def test_what_the_tables_of_rejected_events_lose_comes_back_from_the_log(start_server: Any):
    """As events do, of which it is not a loss."""
    server: Server = start_server()
    site = server.add_site()
    for number in range(3):
        site.post([{"type": "pageview", "tracking_id": site.id, "data": {"number": number}}] * 5 + [pageview(site.id)])
    site.wait_events(3)

    def rejected() -> tuple[int, int]:
        told = server.command("rejected", "list", "--site", site.id)
        return sum(reason["count"] for reason in told["reasons"]), len(told["samples"])

    wait_until(lambda: rejected() == (15, 15), 20, "what was rejected is stored")
    for column in ("tracking_id", "last_at"):
        assert server.terminate() == 0
        assert damage_parts(server, column) > 0
        # Dead between the samples and the counts of the first batch that is read again.
        server.spawn(env={"FOOTFALL_FAILPOINTS": "loader.between_rejected=abort@1"})
        assert server.wait_exit(20) != 0 and "loader.rejected_lost" in server.log()
        server.start()
        wait_until(lambda: rejected() == (15, 15), 20, "it comes back")
        assert "loader.rejected_lost" in server.log() and "loader.store_changed" not in server.log()
    told = run_command("doctor", data=server.data)
    assert told.returncode == 1 and "parts of tables were damaged" in told.stdout, told
    # An erasure empties them, whoever it is about, and that is no other store then.
    server.command("erase", "--site", site.id, "--visitor", "of-no-event")
    assert "parts of tables were damaged" not in run_command("doctor", data=server.data).stdout
    assert server.terminate() == 0
    server.start()
    assert rejected() == (15, 15) and "loader.rejected_lost" not in server.log(), "once"
    assert all(row["ok"] for row in server.command("audit"))
