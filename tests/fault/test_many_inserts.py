"""Small batches, one after the other, into several months at once: parts are merged as fast as they come, and memory stays
what it was. FOOTFALL_INSERTS=20000 is the long form."""

import json
import os
import threading
import time
from typing import Any

import pytest

from memory_group import pss_bytes
from support.client import Client
from support.events import now_ms, pageview
from support.server import Server, group_members
from support.store import store

pytestmark = pytest.mark.alone

INSERTS = int(os.environ.get("FOOTFALL_INSERTS", "600"))
MONTH = 30 * 86_400_000
MONTHS = 6
# Of one partition the engine slows inserts down from 1,000 on; far fewer have to be enough.
PARTS_OF_PARTITION_MAX = 60
MEMORY_MAX = 1 << 30


def numbers(server: Server, sql: str) -> list[Any]:
    return json.loads(store(server, f"{sql} FORMAT JSONCompactEachRow"))


def test_parts_merges_and_memory_are_bounded_over_many_inserts(start_server: Any):
    server: Server = start_server("--loader.interval_ms", "50")
    site = server.add_site()
    key = {"Authorization": f"Bearer {site.key('collect')}"}
    ended = threading.Event()
    sent, failed = [0], []

    def send() -> None:
        client = Client(server.port, timeout_s=20)
        while not ended.is_set():
            number = sent[0]
            events = [
                pageview(site.id, f"/{number % 100}") | {"user_id": f"visitor {number % 5000}", "timestamp": now_ms() - month * MONTH}
                for month in range(MONTHS)
            ]
            answer = client.request("POST", "/api/v1/events", events, key)
            if answer.status != 200 or answer.json()["rejected"]:
                failed.append(answer)
                break
            sent[0] += 1
            ended.wait(0.02)
        client.close()

    sender = threading.Thread(target=send)
    sender.start()
    began = time.monotonic()
    looks: list[tuple[int, int, int, int, int]] = []
    try:
        while not looks or looks[-1][0] < INSERTS:
            assert not failed, failed
            assert time.monotonic() - began < 60 + INSERTS / 5, looks[-1]
            time.sleep(1)
            [inserts] = numbers(server, "SELECT toUInt32(sum(value)) FROM system.events WHERE event = 'InsertQuery'")
            [parts, most] = numbers(
                server,
                "SELECT toUInt32(sum(n)), toUInt32(max(n)) FROM (SELECT count() AS n FROM system.parts WHERE active AND database = 'footfall' GROUP BY table, partition)",
            )
            [merges] = numbers(server, "SELECT toUInt32(count()) FROM system.merges")
            looks.append((inserts, parts, most, merges, sum(map(pss_bytes, group_members(server.pid)))))
    finally:
        ended.set()
        sender.join()
    seconds = time.monotonic() - began
    warm = [look for look in looks if look[0] >= INSERTS / 2]
    half = [look for look in looks if look[0] < INSERTS / 2]
    print(
        f"{looks[-1][0]} inserts in {seconds:.0f} s: at most {max(look[1] for look in looks)} active parts, {max(look[2] for look in looks)} of a "
        f"partition, {max(look[3] for look in looks)} merges at once, {max(look[4] for look in looks) >> 20} MiB (first half "
        f"{max(look[4] for look in half) >> 20}, second half {max(look[4] for look in warm) >> 20})"
    )
    assert max(look[2] for look in looks) <= PARTS_OF_PARTITION_MAX
    assert max(look[3] for look in looks) <= 2, "more merges at once than the pool has threads for"
    assert max(look[4] for look in looks) <= MEMORY_MAX
    site.wait_events(sent[0] * MONTHS, 60)
    assert all(row["ok"] for row in server.command("audit"))
