"""R3: the power goes. The log, the store and the catalog lie on a disk of their own, whose file system is shut down under
load without flushing its journal: what was not synced is gone, as if the machine had lost its power. Then everything is
killed, the disk is mounted again, and the ledger must be exact without a hand.

ROUNDS=20 is the long form, FAULT_SEED= gives a run again. Where nobody may mount, the run says that this was left out."""

import os
import pathlib
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ledger import ACKNOWLEDGED, Load, check_ledger
from small_disk import MIB, PowerDisk
from support.server import Server, group_members
from support.wait import wait_until

pytestmark = pytest.mark.alone

# Small segments and short intervals, so that few seconds see many files, batches and checkpoints.
SMALL = ("--log.segment_bytes", str(MIB), "--loader.interval_ms", "50")


@pytest.fixture
def disk(folder: pathlib.Path) -> Iterator[PowerDisk]:
    path = folder / "disk"
    path.mkdir()
    disk = PowerDisk(path)
    yield disk
    disk.close()


def cut_the_power(disk: PowerDisk, server: Server) -> None:
    disk.shut_down()
    group = server.kill()
    wait_until(lambda: not group_members(group), 10, "all processes of the installation have ended")
    disk.mount_again()


@pytest.mark.disk(kind=PowerDisk)
def test_R3_a_power_cut_loses_and_doubles_nothing_acknowledged(
    start_server: Any, folder: pathlib.Path, disk: PowerDisk, seed: int
):
    rounds = int(os.environ.get("ROUNDS", "4"))
    dice = random.Random(seed)
    server: Server = start_server(*SMALL, data=disk.path / "data")
    site = server.add_site()
    site.key("read")
    with Load(server, site, folder, seed, clients=4, rate=900, abandon=0.05) as load:
        for number in range(rounds):
            load.wait_acknowledged(20)
            time.sleep(dice.uniform(0.2, 1.5))  # the moment of the cut, not a wait for anything
            cut_the_power(disk, server)
            server.start()
            print(f"cut {number + 1}: ready after {server.ready_s:.2f} s; {load.ledger}")
        load.wait_acknowledged(20)
    check_ledger(server, site, load.ledger)
    assert load.ledger.bodies(ACKNOWLEDGED) >= 20 * rounds


@pytest.mark.disk(kind=PowerDisk)
def test_R3_without_waiting_for_the_sync_the_check_fails(
    start_server: Any, folder: pathlib.Path, disk: PowerDisk, seed: int
):
    """The mutant: answers that do not wait for the disk. A cut right after them must be noticed."""
    server: Server = start_server(*SMALL, data=disk.path / "data")
    site = server.add_site()
    site.key("read")
    server.terminate()
    server.start(env={"FOOTFALL_FAILPOINTS": "mutant.ack_before_sync=error,log.after_write=delay:300"})
    with Load(server, site, folder, seed, clients=4, rate=900, abandon=1) as load:
        load.wait_acknowledged(20)
        cut_the_power(disk, server)
        load.give_up.set()
        server.start(env={})
    with pytest.raises(AssertionError, match="lost"):
        check_ledger(server, site, load.ledger)
