"""R17: more requests than can be taken. What a request costs is set by a failpoint, so that the capacity is known and small;
bench/overload/run does the same with the machine's own limits."""

import pathlib
import threading
import time
from typing import Any

import pytest

from ledger import ACKNOWLEDGED, REFUSED, Load, check_ledger
from support.client import Client
from support.events import pageview
from support.server import Server

pytestmark = pytest.mark.alone

COST_MS = 20
CAPACITY = 1000 / COST_MS  # bodies a second, of the one loop


class Prober(threading.Thread):
    """A client that does as it is told: on a new connection each time, and not before Retry-After."""

    def __init__(self, server: Server, site: str):
        super().__init__(daemon=True)
        self.server, self.site = server, site
        self.ended = threading.Event()
        self.accepted_s: list[float] = []
        self.problems: list[str] = []

    def run(self) -> None:
        while not self.ended.is_set():
            client = Client(self.server.port)
            began = time.monotonic()
            answer = client.request("POST", "/api/v1/events", pageview(self.site))
            client.close()
            if answer.status == 200:
                self.accepted_s.append(time.monotonic() - began)
            elif answer.status != 503 or not 1 <= int(answer.headers["Retry-After"]) <= 5:
                self.problems.append(repr(answer))
            self.ended.wait(0.05 if answer.status == 200 else 0.2)


def test_R17_beyond_capacity_it_is_served_at_capacity_and_the_rest_is_refused_at_once(start_server: Any, folder: pathlib.Path, seed: int):
    server: Server = start_server("--http.loops", "1", env={"FOOTFALL_FAILPOINTS": f"ingest.prepare=delay:{COST_MS}"})
    site = server.add_site()
    site.key("read")
    other = server.add_site()
    prober = Prober(server, other.id)
    # 100 clients that come again after half a second, four times the capacity: without refusals all of them would be in
    # the queue, for two seconds.
    with Load(server, site, folder, seed, clients=100, rate=1e6, retry_s=0.5) as load:
        load.wait_refused(20)
        prober.start()
        before, began = load.acknowledged_bodies, time.monotonic()
        time.sleep(6)  # how much is done in it is what is measured
        done = (load.acknowledged_bodies - before) / (time.monotonic() - began)
        prober.ended.set()
        prober.join(10)
        load.give_up.set()
    ended = time.monotonic()
    row = 0
    while row < 20:
        assert time.monotonic() - ended < 5, "it goes on refusing"
        row = row + 1 if other.post(pageview(other.id)).status == 200 else 0
    print(f"{load.ledger}; {done:.1f} bodies/s of {CAPACITY:.0f}; the other client waited {max(prober.accepted_s):.2f} s at most")
    # Less than the check asks for, since other tests may have the cores: bench/overload/run measures the figures.
    assert done >= 0.6 * CAPACITY, done
    assert not prober.problems and len(prober.accepted_s) >= 3, prober.problems
    assert sorted(prober.accepted_s)[round(0.9 * (len(prober.accepted_s) - 1))] <= 1.5, prober.accepted_s
    assert load.ledger.bodies(REFUSED) > 0 and load.ledger.bodies(ACKNOWLEDGED) > 100
    check_ledger(server, site, load.ledger)


def test_R17_without_too_much_nothing_is_refused(start_server: Any, folder: pathlib.Path, seed: int):
    server: Server = start_server("--http.loops", "1", env={"FOOTFALL_FAILPOINTS": f"ingest.prepare=delay:{COST_MS}"})
    site = server.add_site()
    site.key("read")
    with Load(server, site, folder, seed, clients=8, rate=1e6) as load:  # each waits for the seven others
        load.wait_acknowledged(100)
    assert load.refused_answers == 0
    check_ledger(server, site, load.ledger)
