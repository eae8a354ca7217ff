"""`footfall rebuild`: everything that is derived is made anew from the event log and its archive while it is asked and loaded, and is what it was."""

import json
import random
import threading
import time
from collections.abc import Callable
from typing import Any

from support.events import pageview
from support.server import Server, Site, run_command
from support.store import store
from support.wait import wait_until
from test_log_retention import AT_ONCE, EVENTS, SMALL, audit_ok, fill, first_segment
from test_rollups import SEED, traffic

TABLES = ("events", "sessions", "session_alias")


def rows(server: Server, sql: str) -> list[str]:
    return store(server, f"{sql} FORMAT JSONCompactEachRow").splitlines()


def identities(server: Server) -> list[str]:
    return rows(server, f"SELECT name, uuid FROM system.tables WHERE database = 'footfall' AND name IN {TABLES} ORDER BY name")


def tables(server: Server) -> dict[str, list[str]]:
    """Every row, whatever batches it was written in: sessions without their cancelled versions aliases as they are read, and what is
    of a batch alone left out."""
    return {
        "events": rows(server, "SELECT * EXCEPT (event_id, pageview_id) FROM footfall.events ORDER BY log_offset"),
        "sessions": rows(
            server,
            "SELECT * EXCEPT (sign, version, log_partition, log_offset) FROM footfall.sessions GROUP BY ALL HAVING sum(sign) != 0 ORDER BY ALL",
        ),
        "session_alias": rows(server, "SELECT website_id, old_key, argMax(new_key, log_offset) FROM footfall.session_alias GROUP BY website_id, old_key ORDER BY ALL"),
    }


def wait_loaded(site: Site, events: list[dict[str, Any]]) -> None:
    """Until the tables have them all. An answer does not tell: it has what is not loaded yet too, and no ping is counted in it."""
    site.wait_events(sum(event["type"] in ("pageview", "event") for event in events), 60)
    wait_until(lambda: site.server.metric("footfall_loader_lag_entries") == 0, 60, "everything is loaded")


def filled(server: Server) -> tuple[Site, int]:
    """A site with visits that joined late, batch after batch."""
    print(f"FOOTFALL_SEED={SEED}")
    site = server.add_site(timezone="Europe/Berlin")
    events = traffic(random.Random(SEED), site.id, 2_000)
    bearer = {"Authorization": f"Bearer {site.key('collect')}"}
    for start in range(0, len(events), 250):
        assert site.post(events[start : start + 250], bearer).json()["rejected"] == []
        time.sleep(0.05)
    wait_loaded(site, events)
    return site, len(events)


def rebuild(server: Server) -> dict[str, Any]:
    done = run_command("rebuild", "--json", data=server.data)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_same_rows_while_it_is_asked_and_loaded(start_server: Callable[..., Server]):
    server = start_server(env={"FOOTFALL_FAILPOINTS": "rebuild.batch=delay:300"})
    site, count = filled(server)
    assert run_command("erase", "--site", site.id, "--visitor", "visitor 3", "--now", data=server.data).returncode == 0
    before, former, counted = tables(server), identities(server), site.value("events", time_range="7d")
    assert before["session_alias"], "no session was joined: the traffic proves nothing"

    sent, wrong = [0], []
    over = threading.Event()

    def send_and_ask() -> None:
        last = counted
        while not over.is_set():
            site.send(pageview(site.id, "/meanwhile") | {"user_id": f"guest {sent[0] % 7}"})
            sent[0] += 1
            asked = site.value("events", time_range="7d")
            if asked < last:
                wrong.append((last, asked))
            last = asked

    thread = threading.Thread(target=send_and_ask)
    thread.start()
    told = rebuild(server)
    over.set()
    thread.join()
    assert told["done"] and told["events"] >= len(before["events"]) and told["events_per_second"] > 0
    assert sent[0] > 10, "nothing came meanwhile"
    assert not wrong, wrong[:3]
    assert all(one != other for one, other in zip(former, identities(server), strict=True)), "the tables are those of before"
    site.wait_value("events", counted + sent[0], time_range="7d")
    of_before = {table: [row for row in now if '"guest ' not in row] for table, now in tables(server).items()}
    assert of_before == before
    audit_ok(server)
    assert rows(server, "SELECT name FROM system.databases WHERE name = 'footfall_rebuild'") == []
    # A start takes them for what the checkpoint says: nothing is compared, or loaded again.
    server.terminate(30)
    server.start(env={"FOOTFALL_FAILPOINTS": ""})
    assert site.value("events", time_range="7d") == counted + sent[0]
    assert "loader.store_changed" not in server.log()
    audit_ok(server)


def test_R2_a_death_amid_a_rebuild(start_server: Callable[..., Server]):
    server = start_server()
    site, _ = filled(server)
    before = tables(server)
    steps = ["rebuild.batch=abort", *(f"rebuild.before_exchange=abort@{n}" for n in (1, 2, 3)), "rebuild.exchanged=abort"]
    for failpoint in steps:
        server.terminate(30)
        server.start(env={"FOOTFALL_FAILPOINTS": failpoint})
        done = run_command("rebuild", data=server.data)
        assert done.returncode != 0, f"{failpoint}: {done.stdout}"
        server.wait_exit(30)
        server.start(env={"FOOTFALL_FAILPOINTS": ""})
        site.wait_value("events", len([row for row in before["events"] if '"pageview"' in row or '"event"' in row]), 60, time_range="7d")
        wait_until(lambda: tables(server) == before, 30, f"the same rows after {failpoint}", every_s=0.5)
        audit_ok(server)
    rebuild(server)
    assert tables(server) == before
    # An error leaves the tables as they were, and says which it was.
    server.terminate(30)
    server.start(env={"FOOTFALL_FAILPOINTS": "rebuild.before_exchange=error@2"})
    done = run_command("rebuild", data=server.data)
    assert done.returncode == 1 and "failpoint rebuild.before_exchange" in done.stderr
    wait_until(lambda: tables(server) == before, 30, "the same rows after an error", every_s=0.5)
    audit_ok(server)


def test_an_erasure_amid_a_rebuild_is_in_its_tables(start_server: Callable[..., Server]):
    server = start_server(env={"FOOTFALL_FAILPOINTS": "rebuild.batch=delay:3000@1"})
    site, _ = filled(server)
    whose = "SELECT log_offset FROM footfall.events WHERE user_id = 'visitor 5'"
    assert rows(server, whose) != []
    told: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: told.append(rebuild(server)))
    thread.start()
    wait_until(lambda: "rebuild.begun" in server.log(), 10, "the rebuild")
    assert run_command("erase", "--site", site.id, "--visitor", "visitor 5", "--now", data=server.data).returncode == 0
    thread.join()
    assert told and told[0]["done"]
    assert "rebuild.begun_again" in server.log(), "the erasure came after it, and proves nothing"
    assert rows(server, whose) == []
    audit_ok(server)


def test_what_the_log_has_given_away_is_made_anew_of_the_archive(start_server: Callable[..., Server]):
    server = start_server(*SMALL, env=AT_ONCE)
    site = server.add_site()
    fill(site)
    site.wait_events(EVENTS, 60)
    wait_until(lambda: first_segment(server) > 1, 90, "the log gave segments away")
    hashed = "SELECT count(), sum(cityHash64(*)) FROM footfall.events"
    sessions = "SELECT count(), sum(hash) FROM (SELECT cityHash64(* EXCEPT (sign, version, log_partition, log_offset)) AS hash FROM footfall.sessions GROUP BY hash HAVING sum(sign) != 0)"
    before = rows(server, hashed)
    before_sessions = rows(server, sessions)
    told = rebuild(server)
    assert told["events"] == EVENTS
    assert rows(server, hashed) == before
    assert rows(server, sessions) == before_sessions
    audit_ok(server)
