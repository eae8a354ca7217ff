"""R14: SIGTERM under load."""

import contextlib
import http.client
import os
import pathlib
import random
import signal
import subprocess
import threading
import time
from typing import Any

import pytest

from ledger import ACKNOWLEDGED, Load, check_ledger
from support.events import pageview
from support.server import Server, binary, group_members

pytestmark = pytest.mark.alone


def test_R14_sigterm_under_load_ends_with_0_and_answers_what_it_received(
    start_server: Any, folder: pathlib.Path, seed: int
):
    """20 times, or ROUNDS=. A request counts as received where its last byte was sent, on a connection that had been
    served before, ahead of the signal: loopback has delivered it by then, so it must be answered."""
    rounds = int(os.environ.get("ROUNDS", "20"))
    dice = random.Random(seed)
    server: Server = start_server("--loader.interval_ms", "100")
    site = server.add_site()
    site.key("read")
    took: list[float] = []
    with Load(server, site, folder, seed, clients=8, rate=1500) as load:
        for _ in range(rounds):
            load.wait_acknowledged(8)
            time.sleep(dice.uniform(0.05, 0.5))  # the moment of the signal, not a wait for anything
            group = server.pid
            signalled = time.monotonic()
            os.kill(group, signal.SIGTERM)
            assert server.wait_exit(10) == 0
            took.append(time.monotonic() - signalled)
            assert group_members(group) == []
            unanswered = [sent_at for sent_at, fresh in load.unknown if not fresh and sent_at < signalled]
            assert not unanswered, f"{len(unanswered)} requests that had been received got no answer"
            load.unknown.clear()
            server.start()
        load.wait_acknowledged(20)
    print(f"{rounds} ends in {sorted(took)[len(took) // 2]:.2f} s (median), {max(took):.2f} s (longest); {load.ledger}")
    check_ledger(server, site, load.ledger)
    assert load.ledger.bodies(ACKNOWLEDGED) >= 20 * rounds, "too few acknowledgements to prove anything"


def test_R14_sigterm_ends_whatever_waits_for_a_store_that_hangs(start_server: Any):
    server: Server = start_server()
    site = server.add_site()
    site.key("read")
    site.send(pageview(site.id))
    site.wait_events(1)
    child = server.store_child()
    assert child is not None
    os.kill(child, signal.SIGSTOP)
    site.send(*[pageview(site.id, f"/{number}") for number in range(50)])
    audit = subprocess.Popen(
        [binary(), "audit", "--data", str(server.data)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    def ask() -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            site.ask(metrics=["events"])

    # More than are asked at once: those in line are answered last of all.
    asking = [threading.Thread(target=ask) for _ in range(60)]
    for thread in asking:
        thread.start()
    time.sleep(1)  # the loader, the questions and the audit wait by now
    group, signalled = server.pid, time.monotonic()
    os.kill(group, signal.SIGTERM)
    assert server.wait_exit(10) == 0
    print(f"ended in {time.monotonic() - signalled:.2f} s")
    assert group_members(group) == []
    for thread in asking:
        thread.join(10)
    assert audit.wait(10) != 0, "an audit that was cut off proves nothing"
    server.start()
    site.wait_events(51)
