"""A cluster for tests, by scripts/cluster: real Kafka, PostgreSQL, Redis and nginx, our store, and two of each role, on ports that are free."""

import collections
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import random
import signal
import socket
import ssl
import subprocess
import threading
import time
from typing import Any

from support.client import FIREFOX, Answer, Client, bearer, request
from support.events import pageview
from support.server import ROOT, binary
from support.tls import Pair, trusting
from support.wait import wait_until
from support.websocket import WebSocket

_loader = importlib.machinery.SourceFileLoader("footfall_cluster", str(ROOT / "scripts/cluster"))
_spec = importlib.util.spec_from_loader(_loader.name, _loader)
assert _spec is not None
scripts_cluster = importlib.util.module_from_spec(_spec)
_loader.exec_module(scripts_cluster)

SPAN = 80  # ports of one cluster


def free_span() -> int:
    """The first of as many ports as a cluster takes, all free now."""
    for _ in range(200):
        first = random.SystemRandom().randrange(15_000, 31_000)
        sockets: list[socket.socket] = []
        try:
            for port in range(first, first + SPAN):
                probe = socket.socket()
                sockets.append(probe)
                probe.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
        finally:
            for probe in sockets:
                probe.close()
    raise AssertionError("no free ports")


class RunningCluster(scripts_cluster.Cluster):  # type: ignore[misc, name-defined]
    def __init__(self, folder: pathlib.Path, **options: Any):
        super().__init__(folder, free_span(), binary=binary(), **options)
        self.archive_entries = 100

    def add_site(self, site: str, *flags: str) -> str:
        """A key that reads it."""
        self.command("site", "add", site, "--domain", f"{site}.example", "--id", site, "--timezone", "UTC", *flags)
        key = json.loads(self.command("key", "create", "--site", site, "--scope", "read", "--json"))
        time.sleep(0.5)  # until every node has heard of both
        return str(key["secret"])

    def ask_store(self, sql: str) -> list[list[str]]:
        answer = request(self.nodes["store"].port, "POST", "/", sql + " FORMAT TabSeparated", timeout_s=60)
        assert answer.status == 200, answer
        return [line.split("\t") for line in answer.body.decode().splitlines()]

    def archived(self) -> dict[str, int]:
        """Events in the archive's files by partition, as its manifests have them; each manifest's range stands by itself."""
        found: dict[str, int] = {}
        for partition in sorted((self.folder / "s3/buckets/archive").glob("log_partition=*")):
            ends: list[tuple[int, int]] = []
            for path in partition.glob("manifest/**/*.json"):
                manifest = json.loads(path.read_text())
                ends.append((manifest["first"], manifest["end"]))
                found[partition.name] = found.get(partition.name, 0) + manifest["events"]
            ends.sort()
            assert all(before[1] <= after[0] for before, after in zip(ends, ends[1:], strict=False)), ends
        return found

    def change_store(self, sql: str) -> None:
        answer = request(self.nodes["store"].port, "POST", "/", sql, timeout_s=60)
        assert answer.status == 200, answer

    def query(self, node: str, key: str, body: dict[str, Any]) -> Answer:
        return request(self.nodes[node].port, "POST", "/api/v1/query", body, bearer(key))

    def not_ready(self, node: str) -> str:
        """What /readyz names; empty where the node is ready."""
        answer = request(self.nodes[node].port, "GET", "/readyz", timeout_s=5)
        return "" if answer.status == 200 else "; ".join(part["reason"] for part in answer.json()["not_ready"])

    def trust(self) -> ssl.SSLContext:
        """Whoever believes in nginx's certificate."""
        return trusting(Pair(self.folder / "nginx/tls/certificate.pem", self.folder / "nginx/tls/key.pem"))

    def kafka_tool(self, main: str, *words: str) -> str:
        """A command of Kafka's own: what it printed."""
        jars = ROOT / ".engines/kafka"
        done = subprocess.run(
            ["java", "-Xmx128m", f"-Dlog4j2.configurationFile={self.folder / 'kafka/log4j2.yaml'}", "-cp", f"{jars}/*", main,
             "--bootstrap-server", f"127.0.0.1:{self.address_of('kafka')}", *words],
            capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def written(self, topic: str, site: str) -> dict[str, float]:
        """When each page's event of a site was written to a topic, in seconds since 1970."""
        done = subprocess.run(
            ["kcat", "-C", "-q", "-e", "-b", f"127.0.0.1:{self.address_of('kafka')}", "-t", topic, "-o", "beginning", "-f", "%T %s\n"],
            capture_output=True, text=True, timeout=60, check=True)
        found: dict[str, float] = {}
        for line in done.stdout.splitlines():
            at, _, content = line.partition(" ")
            record = json.loads(content)
            if record.get("website_id") == site and record.get("event_type") == "pageview":
                found.setdefault(record["page"], int(at) / 1_000)
        return found

    def delete_topic(self, topic: str) -> None:
        self.kafka_tool("org.apache.kafka.tools.TopicCommand", "--delete", "--topic", topic)

    def set_topic(self, topic: str, setting: str) -> None:
        """NAME=VALUE; NAME alone is as the broker has it."""
        change = ("--add-config" if "=" in setting else "--delete-config", setting)
        self.kafka_tool("kafka.admin.ConfigCommand", "--alter", "--entity-type", "topics", "--entity-name", topic, *change)

    def kill_engine(self, name: str, number: int = signal.SIGKILL) -> None:
        pid = self.engine_pid(name)
        os.kill(pid, number)
        if number == signal.SIGKILL:
            wait_until(lambda: not scripts_cluster.is_alive(pid), 20, f"the end of {name}")

    def start_engine(self, name: str) -> None:
        self.engine(name, "start")
        self.engine(name, "wait")

    def restart(self, name: str) -> None:
        self.start_node(name)

    def logs(self) -> str:
        """What its processes complained of, for a failure's message."""
        out = []
        for path in sorted(self.folder.glob("*.log")):
            lines = [line for line in path.read_text(errors="replace").splitlines() if " info " not in line and '"info"' not in line]
            out += [f"{path.name}: {line[:300]}" for line in lines[-8:]]
        return "\n".join(out)


def follow(cluster: RunningCluster, node: str, site: str, key: str) -> WebSocket:
    """Its live numbers."""
    return WebSocket(cluster.nodes[node].port, f"/api/v1/live?website_id={site}", bearer(key))


def total(message: Any) -> int:
    return sum(minute["pageviews"] for minute in message["minutes"])


def until_total(live: WebSocket, wanted: int, limit_s: float) -> Any:
    """The first message with that many pageviews."""
    ends = time.monotonic() + limit_s
    message = None
    while time.monotonic() < ends:
        message = live.json(max(0.1, ends - time.monotonic()))
        if total(message) == wanted:
            return message
    raise AssertionError(f"not {wanted} within {limit_s} s: {message}")


class Senders:
    """Clients that send bodies of some events to any collector, or by nginx to whichever it chooses, and the same again until it is
    acknowledged, as the SDK does. What was acknowledged is known by its ids."""

    def __init__(
        self, cluster: RunningCluster, site: str, seed: int, clients: int = 4, pause_s: float = 0.01, through_nginx: bool = False
    ):
        self.cluster = cluster
        self.site = site
        self.pause_s = pause_s
        self.tls = cluster.trust() if through_nginx else None
        self.lock = threading.Lock()
        self.acknowledged: set[str] = set()
        self.answered = 0
        self.failures = 0
        self.told: collections.Counter[str] = collections.Counter()  # statuses, and the names of what broke an answer off
        self.pending: dict[int, list[str]] = {}
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(number, random.Random(f"{seed}/{number}"))) for number in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self, number: int, dice: random.Random) -> None:
        if self.tls:
            clients = [Client(self.cluster.address_of("nginx_tls"), timeout_s=20, tls=self.tls)]
        else:
            clients = [Client(node.port, timeout_s=8) for node in self.cluster.of_role("collect")]
        sent = 0
        while not self.ending.is_set():
            events = []
            for _ in range(dice.randrange(1, 9)):
                sent += 1
                event = pageview(self.site, f"/{number}/{sent}")
                # Some visitors, each known by an id, so that theirs is one session wherever their events go.
                event["user_id"] = f"visitor-{number}-{dice.randrange(20)}"
                events.append(event)
            ids = [event["event_id"] for event in events]
            # Now and then a client repeats what was acknowledged long ago.
            repetitions = 2 if dice.random() < 0.1 else 1
            while repetitions > 0:
                try:
                    told = str(dice.choice(clients).request("POST", "/api/v1/events", events, {"User-Agent": FIREFOX}).status)
                except Exception as broken:  # a cut connection is told in many ways
                    told = type(broken).__name__
                is_taken = told == "200"
                with self.lock:
                    self.told[told] += 1
                    if is_taken:
                        self.acknowledged.update(ids)
                        self.answered += len(ids)
                        self.pending.pop(number, None)
                        repetitions -= 1
                    else:
                        self.failures += 1
                        self.pending[number] = ids
                if not is_taken:
                    if self.ending.is_set():
                        return
                    time.sleep(0.05 + 0.1 * dice.random())
            time.sleep(self.pause_s)

    def stop(self) -> None:
        self.ending.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()

    def unknown(self) -> set[str]:
        """What may or may not have been taken: the last answers that did not come."""
        return {event_id for ids in self.pending.values() for event_id in ids}


def seed() -> int:
    value = int(os.environ.get("FAULT_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"FAULT_SEED={value}")
    return value


def goes_on(senders: Senders, limit_s: float = 30) -> None:
    """Events are acknowledged again: whatever was killed before, there is work between two kills."""
    before = len(senders.acknowledged)
    wait_until(lambda: len(senders.acknowledged) >= before + 50, limit_s, "50 more events acknowledged")


def audited(cluster: RunningCluster) -> None:
    """`footfall audit`: every column of every row, sessions too, against Kafka."""
    rows = json.loads(cluster.command("audit", "--json", limit_s=300))
    assert rows and all(row["ok"] for row in rows), (rows, cluster.logs())


def judge(cluster: RunningCluster, senders: Senders, limit_s: float = 60, allow_foreign: int = 0) -> None:
    """Each acknowledged event is one row, and nothing else is but `allow_foreign` of a test's own; sessions say the same."""
    where = f"WHERE website_id = '{senders.site}'"

    def is_loaded() -> bool:
        rows = cluster.ask_store(f"SELECT uniqExact(event_id) FROM footfall.events {where}")
        return int(rows[0][0]) >= len(senders.acknowledged)

    try:
        wait_until(is_loaded, limit_s, "all that was acknowledged in the store")
    finally:
        found = cluster.ask_store(f"SELECT toString(event_id), count() FROM footfall.events {where} GROUP BY event_id")
        stored = {row[0]: int(row[1]) for row in found}
        missing = senders.acknowledged - stored.keys()
        twice = {event_id for event_id, copies in stored.items() if copies != 1}
        foreign = stored.keys() - senders.acknowledged - senders.unknown()
        assert not missing and not twice and len(foreign) <= allow_foreign, (
            f"{len(senders.acknowledged)} acknowledged, {len(stored)} stored, {len(missing)} missing {sorted(missing)[:3]}, "
            f"{len(twice)} more than once {sorted(twice)[:3]}, {len(foreign)} that nobody sent\n{cluster.logs()}")
    sessions = cluster.ask_store(
        f"SELECT sum(pageviews * sign), uniqExact(session_key, visitor_id), uniqExact(visitor_id) FROM footfall.sessions {where}")
    assert int(sessions[0][0]) == len(stored), (sessions, len(stored), cluster.logs())
    assert sessions[0][1] == sessions[0][2], (sessions, "a visitor's events are of one session")
    by_partition = cluster.ask_store(f"SELECT visitor_id, uniqExact(log_partition) AS n FROM footfall.events {where} GROUP BY visitor_id HAVING n > 1")
    assert not by_partition, "a visitor's events are in one partition"
