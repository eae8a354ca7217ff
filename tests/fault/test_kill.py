"""R1, R2, R11: kill -9 of serve under load, at random moments and at named ones. See docs of the ledger in ledger.py.

ROUNDS=200 is the long form of R1, FAULT_SEED= gives a run again."""

import os
import pathlib
import random
import signal
import time
from typing import Any

import pytest

from ledger import ACKNOWLEDGED, Load, audit_row, check_ledger
from support.events import custom
from support.server import Server, Site, group_members
from support.wait import wait_until

# Small segments and short intervals, so that few seconds see many files, batches and checkpoints.
SMALL = ("--log.segment_bytes", "1048576", "--loader.interval_ms", "50")
READY_S = 3.0
# In the short form, which is run beside other things and on any machine, one start in a dozen may be held up.
HELD_UP_S = 10.0


def wait_group_gone(group: int) -> None:
    wait_until(lambda: not group_members(group), 5, "the children of the killed serve are gone")


def test_R1_kill_9_at_random_points_loses_and_doubles_nothing(start_server: Any, folder: pathlib.Path, seed: int):
    rounds = int(os.environ.get("ROUNDS", "12"))
    dice = random.Random(seed)
    server: Server = start_server(*SMALL)
    site = server.add_site()
    site.key("read")
    ready: list[float] = []
    up_s = 0.0
    with Load(server, site, folder, seed, clients=4, rate=900, abandon=0.05) as load:
        for _ in range(rounds):
            began = time.monotonic()
            load.wait_acknowledged(1)
            time.sleep(dice.uniform(0.2, 1.6))  # the moment of the kill, not a wait for anything
            up_s += time.monotonic() - began
            wait_group_gone(server.kill())
            server.start()
            ready.append(server.ready_s)
        began = time.monotonic()
        load.wait_acknowledged(20)
        up_s += time.monotonic() - began
    print(
        f"{rounds} kills, {load.ledger}; {load.acknowledged_events / up_s:.0f} events/s; ready in {sorted(ready)[len(ready) // 2]:.2f} s "
        f"(median), {max(ready):.2f} s (longest)"
    )
    check_ledger(server, site, load.ledger)
    assert load.ledger.bodies(ACKNOWLEDGED) >= 20 * rounds, "too few acknowledgements between kills to prove anything"
    assert load.acknowledged_events >= 500 * up_s, f"{load.acknowledged_events / up_s:.0f} events/s are less than 500"
    assert sorted(ready)[len(ready) // 2] <= READY_S, ready
    assert max(ready) <= (READY_S if "ROUNDS" in os.environ else HELD_UP_S), ready


# Where the process dies: at which hit, and whether it dies at all (an error that the product lives through).
POINTS = [
    ("log.before_write", 40),
    ("log.after_write", 40),
    ("log.after_sync", 40),
    ("loader.before_insert", 3),
    ("loader.after_insert", 3),
    ("loader.between_rejected", 3),
    ("loader.checkpoint", 3),
    ("log.rotate", 1),
    ("log.segment_created", 2),
]


@pytest.mark.parametrize("point, hit", POINTS, ids=[point for point, _ in POINTS])
def test_R2_kill_9_at_a_failpoint(start_server: Any, folder: pathlib.Path, seed: int, point: str, hit: int):
    kill_at(start_server, folder, seed, f"{point}=abort@{hit}")


def kill_at(start_server: Any, folder: pathlib.Path, seed: int, failpoints: str, after: str = "") -> None:
    """Dies at a failpoint under load, starts again (with the failpoints of `after`), and the ledger is exact."""
    server: Server = start_server(*SMALL, env={})
    site = server.add_site()
    site.key("read")
    assert server.terminate() == 0
    server.start(env={"FOOTFALL_FAILPOINTS": failpoints})
    with Load(server, site, folder, seed, rate=4000) as load:
        group = server.pid
        assert (
            server.wait_exit(60) == -signal.SIGKILL
        ), f"{failpoints} did not fire; is the binary a build with failpoints?"
        wait_group_gone(group)
        before = load.acknowledged_bodies
        server.start(env={"FOOTFALL_FAILPOINTS": after} if after else None)
        load.wait_acknowledged(20)
    assert before >= 2, "died before anything was acknowledged"
    check_ledger(server, site, load.ledger)


@pytest.mark.parametrize(
    "failpoints",
    [
        "loader.before_insert=error@3",
        "loader.after_insert=error@3",
        "loader.checkpoint=error@3",
        "loader.before_insert=error@3,loader.after_insert=error@5,loader.checkpoint=error@7",
    ],
)
def test_R10_an_insert_whose_result_is_not_known_is_settled_by_asking(
    start_server: Any, folder: pathlib.Path, seed: int, failpoints: str
):
    server: Server = start_server(*SMALL, env={"FOOTFALL_FAILPOINTS": failpoints})
    site = server.add_site()
    with Load(server, site, folder, seed) as load:
        load.wait_acknowledged(60)
        wait_until(lambda: "failpoint loader." in server.log(), 20, "the failpoint has fired and the loader tells it")
        load.wait_acknowledged(60)
    check_ledger(server, site, load.ledger)
    assert server.process is not None and server.process.poll() is None


def test_R11_each_event_sent_one_to_five_times_counts_once(start_server: Any, seed: int):
    """Over connections, bodies and restarts; the answers' duplicates add up to the repetitions."""
    server: Server = start_server(*SMALL)
    site = server.add_site()
    send_repeatedly(server, site, seed)


def send_repeatedly(server: Server, site: Site, seed: int) -> None:
    dice = random.Random(seed)
    events = [custom(site.id, properties={"number": str(number)}) for number in range(600)]
    copies = [event for event in events for _ in range(dice.randint(1, 5))]
    dice.shuffle(copies)
    duplicates = 0
    restarts = [lambda: server.kill(), lambda: server.terminate(), lambda: server.kill()]
    parts = [copies[len(copies) * part // 4 : len(copies) * (part + 1) // 4] for part in range(4)]
    for number, part in enumerate(parts):
        while part:
            size = dice.randint(1, 40)
            answer = site.post(part[:size])
            assert answer.status == 200 and answer.json()["received"] == len(part[:size]), answer
            duplicates += answer.json()["duplicates"]
            part = part[size:]
        if number < len(restarts):
            restarts[number]()
            server.start()
    assert duplicates == len(copies) - len(events), f"{duplicates} of {len(copies) - len(events)} repetitions were seen"
    site.wait_events(len(events))
    counted = site.table("property:number", limit=10_000)
    assert counted == {str(number): 1 for number in range(len(events))}
    row = audit_row(server, site)
    assert (row["received"], row["stored"], row["duplicates"], row["ok"]) == (
        len(copies),
        len(events),
        duplicates,
        True,
    )


class TestMutants:
    """The checks above are able to fail: with a defence switched off, the same check finds the harm."""

    def test_R11_without_deduplication_the_check_of_repetitions_fails(self, start_server: Any, seed: int):
        server = start_server(*SMALL, env={"FOOTFALL_FAILPOINTS": "mutant.skip_dedup=error"})
        with pytest.raises(AssertionError, match="0 of .* repetitions were seen"):
            send_repeatedly(server, server.add_site(), seed)

    def test_R2_without_reconciliation_the_check_of_kills_fails(self, start_server: Any, folder: pathlib.Path, seed: int):
        with pytest.raises(AssertionError, match="counted twice"):
            kill_at(start_server, folder, seed, "loader.after_insert=abort@3", after="mutant.skip_reconcile=error")
