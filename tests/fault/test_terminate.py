"""R14: SIGTERM under load."""

import os
import pathlib
import random
import signal
import time
from typing import Any

from ledger import ACKNOWLEDGED, Load, check_ledger
from support.server import Server, group_members


def test_R14_sigterm_under_load_ends_with_0_and_answers_what_it_received(
    start_server: Any, folder: pathlib.Path, seed: int
):
    """ROUNDS=20 is the long form. A request counts as received where its last byte was sent, on a connection that had
    been served before, ahead of the signal: loopback has delivered it by then, so it must be answered."""
    rounds = int(os.environ.get("ROUNDS", "6"))
    dice = random.Random(seed)
    server: Server = start_server("--loader.interval_ms", "100")
    site = server.add_site()
    site.key("read")
    took: list[float] = []
    with Load(server, site, folder, seed, clients=8, rate=1500) as load:
        for _ in range(rounds):
            load.wait_acknowledged(8)
            time.sleep(dice.uniform(0.1, 1.0))  # the moment of the signal, not a wait for anything
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
