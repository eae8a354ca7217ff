"""The long half (CLUSTER_TEST=all): minutes of random kills, engines that are away for a minute, links that are slow, cut or dead."""

import contextlib
import os
import pathlib
import random
import shutil
import signal
import string
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cluster.proxy import READING, Proxy, RefusingStore
from cluster.running import RunningCluster, Senders, audited, follow, goes_on, judge, scripts_cluster, seed, until_total
from support.client import FIREFOX, Answer, request
from support.events import custom, other, pageview
from support.wait import wait_until

pytestmark = [pytest.mark.alone, pytest.mark.long]

LEDGER_S = float(os.environ.get("CLUSTER_LEDGER_S") or 600)
AWAY_S = float(os.environ.get("CLUSTER_AWAY_S") or 60)
REDIS_AWAY_S = AWAY_S / 2
ENDING_S = 130  # a call of the store has 60 s, and a loader's two groups end one after the other


@contextlib.contextmanager
def running(**between: Callable[[int], Any]) -> Iterator[tuple[RunningCluster, Any]]:
    """A cluster of its own; `between` makes what stands between its roles and an engine, which comes with it."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="footfall-cluster-"))
    cluster = RunningCluster(folder)
    with contextlib.ExitStack() as stack:
        if "FOOTFALL_TEST_KEEP" not in os.environ:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        proxy = None
        for engine, make in between.items():
            proxy = stack.enter_context(make(cluster.reached(engine)))
            cluster.through[engine] = proxy.port
        stack.callback(cluster.stop)
        cluster.start()
        yield cluster, proxy


@pytest.fixture
def cluster() -> Iterator[RunningCluster]:
    with running() as (started, _):
        yield started


def go_on_for(senders: Senders, seconds: float, each: Callable[[], None] = lambda: None) -> None:
    """Events are acknowledged all the time; `each` is looked at every second."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        goes_on(senders)
        each()
        time.sleep(1)


class TestLedger:
    def test_minutes_of_random_kills_of_any_process(self, cluster: RunningCluster) -> None:
        """Each victim is killed with -9, or stands still for a while, one at a time, and comes back some seconds later."""
        cluster.add_site("ledger")
        dice = random.Random(seed())
        senders = Senders(cluster, "ledger", dice.randrange(1 << 32))
        victims = [name for name in cluster.nodes] + ["kafka", "postgres", "redis"]
        counts: dict[str, int] = {}
        began = time.monotonic()
        try:
            while time.monotonic() - began < LEDGER_S:
                goes_on(senders, 60)
                victim = dice.choice(victims)
                counts[victim] = counts.get(victim, 0) + 1
                pause_s = dice.random() * 4
                is_node = victim in cluster.nodes
                if dice.random() < 0.3:
                    # Longer than a group waits for a member that says nothing: it wakes up when its share is others'.
                    stop, go = (cluster.kill, cluster.kill) if is_node else (cluster.kill_engine, cluster.kill_engine)
                    stop(victim, signal.SIGSTOP)
                    time.sleep(dice.choice((1, 13)) if is_node else pause_s)
                    go(victim, signal.SIGCONT)
                elif is_node:
                    cluster.kill(victim)
                    time.sleep(pause_s)
                    cluster.restart(victim)
                    cluster.wait_ready([victim], 120)
                else:
                    cluster.kill_engine(victim)
                    time.sleep(pause_s)
                    cluster.start_engine(victim)
            goes_on(senders, 60)
        finally:
            senders.stop()
        print(f"{len(senders.acknowledged)} events, {senders.failures} attempts that failed, {sum(counts.values())} faults: {counts}")
        assert sum(counts.values()) >= LEDGER_S / 30, counts
        judge(cluster, senders, 180)
        audited(cluster)


class TestVisitors:
    def test_whom_one_collector_identified_the_other_knows_in_the_next_session(self, cluster: RunningCluster) -> None:
        """The other way by which collectors have to agree, at midnight, is in src/ingest/session_feed_test.cc: nothing here has another clock."""
        cluster.add_site("named")
        cluster.command("site", "set", "named", "--session-timeout-minutes", "1")

        def send(node: str, event: dict[str, Any]) -> None:
            answer = request(cluster.nodes[node].port, "POST", "/api/v1/events", [event], {"User-Agent": FIREFOX})
            assert answer.status == 200 and answer.json()["received"] == 1, answer

        time.sleep(0.5)  # until both have heard of the timeout
        send("collect-1", pageview("named", "/before"))
        send("collect-1", other("named", "identify", user_id="u-1"))
        time.sleep(62)
        send("collect-2", pageview("named", "/after"))
        send("collect-1", pageview("named", "/known") | {"user_id": "u-1"})
        where = "WHERE website_id = 'named' AND event_type = 'pageview'"
        wait_until(lambda: cluster.ask_store(f"SELECT count() FROM footfall.events {where}") == [["3"]], 20, "three pageviews")
        ids = {page: visitor for page, visitor in cluster.ask_store(f"SELECT page, visitor_id FROM footfall.events {where}")}
        assert ids["/after"] == ids["/known"] != ids["/before"], ids


class TestRedisAway:
    """R22: ingest and questions go on, live numbers are said to be none, and are right soon after."""

    @pytest.mark.parametrize("how", ["killed", "stopped", "flushed"])
    def test_R22_half_a_minute_without_redis(self, cluster: RunningCluster, how: str) -> None:
        key = cluster.add_site("redis")
        question = {"website_id": "redis", "metrics": ["pageviews"], "time_range": "today"}

        def is_answered() -> None:
            if how == "flushed":
                subprocess.run(["redis-cli", "-p", str(cluster.address_of("redis")), "flushall"], check=True, capture_output=True)
            assert cluster.query("query-2", key, question).status == 200, "questions need no Redis"

        senders = Senders(cluster, "redis", seed(), clients=2, pause_s=0.05)
        try:
            goes_on(senders)
            if how != "flushed":
                with follow(cluster, "query-1", "redis", key) as live:
                    live.json()
                    cluster.kill_engine("redis", signal.SIGKILL if how == "killed" else signal.SIGSTOP)
                    assert live.closed(15).code == 1013
            go_on_for(senders, REDIS_AWAY_S, is_answered)
        finally:
            senders.stop()
            if how == "killed":
                cluster.start_engine("redis")
            elif how == "stopped":
                cluster.kill_engine("redis", signal.SIGCONT)
        assert not senders.unknown(), senders.told
        ends = time.monotonic() + 15
        for node in ("query-1", "query-2"):
            with follow(cluster, node, "redis", key) as live:
                until_total(live, len(senders.acknowledged), ends - time.monotonic())
        judge(cluster, senders)


class TestStoreAway:
    """R23: events are acknowledged on, and what was missed is caught up with at three times its speed."""

    @staticmethod
    def catch_up(cluster: RunningCluster, senders: Senders, before: int) -> None:
        began = time.monotonic()
        judge(cluster, senders, AWAY_S / 3 + 40)
        took_s = time.monotonic() - began
        print(f"{len(senders.acknowledged) - before} events missed in {AWAY_S} s, there {took_s:.1f} s after")
        assert took_s <= AWAY_S / 3 + 20, "a third of the time, and what the back-off and the takeover took"

    @pytest.mark.parametrize("how", ["killed", "stopped", "too many parts"])
    def test_R23_a_minute_without_the_store(self, cluster: RunningCluster, how: str) -> None:
        cluster.add_site("away")
        senders = Senders(cluster, "away", seed(), clients=3)
        try:
            goes_on(senders)
            before = len(senders.acknowledged)
            if how == "killed":
                cluster.kill("store")
            elif how == "stopped":
                cluster.kill("store", signal.SIGSTOP)
            else:
                cluster.change_store("ALTER TABLE footfall.events MODIFY SETTING parts_to_throw_insert = 1, parts_to_delay_insert = 1")
            go_on_for(senders, AWAY_S)
            if how == "killed":
                cluster.restart("store")
            elif how == "stopped":
                cluster.kill("store", signal.SIGCONT)
            else:
                cluster.change_store("ALTER TABLE footfall.events RESET SETTING parts_to_throw_insert, parts_to_delay_insert")
        finally:
            senders.stop()
        self.catch_up(cluster, senders, before)

    @pytest.mark.parametrize(
        ("how", "words", "status"), [("read-only", "readonly", 200), ("wrong password", "store.password_file", 503)]
    )
    def test_R23_a_minute_with_a_store_that_refuses(self, how: str, words: str, status: int) -> None:
        with running(store=RefusingStore) as (cluster, store):
            key = cluster.add_site("refused")
            question = {"website_id": "refused", "metrics": ["pageviews"], "time_range": "today"}
            senders = Senders(cluster, "refused", seed(), clients=3)
            try:
                goes_on(senders)
                wait_until(lambda: cluster.query("query-1", key, question).json()["totals"]["pageviews"] > 0, 20, "an answer")
                before = len(senders.acknowledged)
                store.fault = how
                # Each loader says why, and of the questions none is answered by a number of before.
                wait_until(lambda: any(words in cluster.not_ready(node.name) for node in cluster.of_role("load")), 30, f"'{words}' at /readyz")
                fresh = question | {"filters": [["page", "is", ["/nobody-asked-before"]]]}
                assert cluster.query("query-1", key, fresh).status == status
                begun = len(store.refused)
                go_on_for(senders, AWAY_S)
                tried = [word for word in store.refused[begun:] if word not in READING]
                store.fault = ""
            finally:
                senders.stop()
            # Four partitions of each of two topics, which try again every 1.5 to 4.5 s in the end; each attempt may be two of
            # what is refused.
            assert len(tried) <= 8 * 2 * (AWAY_S / 1.5 + 10), len(tried)
            if how == "read-only":
                assert tried, "the loaders tried"
            self.catch_up(cluster, senders, before)
            wait_until(lambda: all(cluster.is_ready(name) for name in cluster.nodes), 60, "every node ready again")
            audited(cluster)


class TestKafkaAway:
    """R24."""

    @pytest.mark.parametrize("how", ["killed", "stopped"])
    def test_R24_without_kafka_it_is_503_within_five_seconds(self, cluster: RunningCluster, how: str) -> None:
        cluster.add_site("nokafka")
        senders = Senders(cluster, "nokafka", seed(), clients=3)
        try:
            goes_on(senders)
            cluster.kill_engine("kafka", signal.SIGKILL if how == "killed" else signal.SIGSTOP)
            for _ in range(5):
                began = time.monotonic()
                answer = request(cluster.nodes["collect-1"].port, "POST", "/api/v1/events", [pageview("nokafka", "/x")], timeout_s=20)
                assert answer.status == 503 and "Retry-After" in answer.headers, answer
                assert time.monotonic() - began < 5.5
            time.sleep(10)
            if how == "killed":
                cluster.start_engine("kafka")
            else:
                cluster.kill_engine("kafka", signal.SIGCONT)
            goes_on(senders, 60)
        finally:
            senders.stop()
        # What was refused by hand here may be there all the same, as the words say: it has ids of its own.
        judge(cluster, senders, 120, allow_foreign=5)

    @staticmethod
    def post(cluster: RunningCluster, event: dict[str, Any]) -> Answer:
        return request(cluster.nodes["collect-1"].port, "POST", "/api/v1/events", [event], {"User-Agent": FIREFOX}, timeout_s=20)

    def until_told(self, cluster: RunningCluster, event: dict[str, Any], status: int) -> None:
        wait_until(lambda: self.post(cluster, event).status == status, 60, f"an answer {status}", every_s=0.5)

    @staticmethod
    def load_all(cluster: RunningCluster, site: str) -> None:
        """Nothing that was acknowledged is in Kafka alone."""
        senders = Senders(cluster, site, seed(), clients=2)
        try:
            goes_on(senders)
        finally:
            senders.stop()
        judge(cluster, senders)

    def test_R24_raw_events_are_gone_and_made_again(self, cluster: RunningCluster) -> None:
        for site in ("before", "probe", "after"):
            key = cluster.add_site(site)
        self.load_all(cluster, "before")
        cluster.delete_topic("raw_events")
        self.until_told(cluster, pageview("probe", "/"), 503)
        for _ in range(3):
            began = time.monotonic()
            answer = self.post(cluster, pageview("probe", "/"))
            assert answer.status == 503 and "Retry-After" in answer.headers, answer
            assert time.monotonic() - began < 5.5
        for role in ("collect", "process"):
            for node in cluster.of_role(role):
                wait_until(lambda: "'raw_events'" in cluster.not_ready(node.name), 30, f"{node.name} names the topic")
        question = {"website_id": "after", "metrics": ["pageviews"], "time_range": "today"}
        assert cluster.query("query-1", key, question).status == 200

        # It is made while clients wait for it, so that it has entries at once: more than the one before had.
        senders = Senders(cluster, "after", seed())
        try:
            wait_until(lambda: senders.told["503"] > 10, 60, "clients that are refused")
            assert "kafka: raw_events\n" in cluster.command("prepare")
            wait_until(lambda: len(senders.acknowledged) > 1_000, 90, "events are taken again")
        finally:
            senders.stop()
        assert senders.told.keys() == {"200", "503"}, senders.told
        wait_until(lambda: all(cluster.is_ready(name) for name in cluster.nodes), 90, "every node ready again")
        judge(cluster, senders, 120)
        audited(cluster)

    def test_R24_rejected_events_are_gone_and_made_again(self, cluster: RunningCluster) -> None:
        cluster.add_site("bad")

        def bad() -> dict[str, Any]:
            event = pageview("bad", "/")
            event["data"]["page"] = 7
            return event

        def is_listed(*events: dict[str, Any]) -> bool:
            listed = cluster.command("rejected", "list", "--site", "bad", "--json")
            return any(event["event_id"] in listed for event in events)

        before = bad()
        assert self.post(cluster, before).status == 200
        wait_until(lambda: is_listed(before), 20, "the sample of before", every_s=0.5)
        cluster.delete_topic("rejected_events")
        self.until_told(cluster, bad(), 503)
        for node in cluster.of_role("load"):
            wait_until(lambda: "'rejected_events'" in cluster.not_ready(node.name), 30, f"{node.name} names the topic")
        for number in range(5):
            assert self.post(cluster, pageview("bad", f"/{number}")).status == 200, "where nothing is rejected it is taken"
        time.sleep(12)  # by then each member of the group has heard: docs/operations/cluster.md
        assert "kafka: rejected_events\n" in cluster.command("prepare")
        after: list[dict[str, Any]] = []

        def is_listed_again() -> bool:
            after.append(bad())
            self.post(cluster, after[-1])
            return is_listed(*after)

        wait_until(is_listed_again, 90, "a sample of after", every_s=3)
        wait_until(lambda: all(cluster.is_ready(name) for name in cluster.nodes), 90, "every node ready again")

    def test_R24_events_are_gone_and_not_made_anew_beside_a_store_that_has_them(self, cluster: RunningCluster) -> None:
        key = cluster.add_site("before")
        self.load_all(cluster, "before")
        question = {"website_id": "before", "metrics": ["pageviews"], "time_range": "today"}
        asked = cluster.query("query-1", key, question).json()["totals"]
        cluster.delete_topic("events")
        for role in ("process", "load"):
            for node in cluster.of_role(role):
                wait_until(lambda: "'events'" in cluster.not_ready(node.name), 30, f"{node.name} names the topic")
        # What comes waits in raw_events.
        assert self.post(cluster, pageview("before", "/waits")).status == 200
        with pytest.raises(scripts_cluster.ClusterError, match=r"'events' is gone.*store\.database"):
            cluster.command("prepare")
        assert cluster.query("query-1", key, question).json()["totals"] == asked

    def test_R24_the_largest_event_and_what_kafka_finds_too_large(self, cluster: RunningCluster) -> None:
        for site in ("large", "small"):
            cluster.add_site(site)
        dice = random.Random(seed())

        def large() -> dict[str, Any]:
            """All properties that an event may have, as long as they may be, of text that is not compressed to nothing."""
            return custom("large", "large", properties={
                f"p{number:02}".ljust(40, "x"): "".join(dice.choices(string.ascii_letters + string.digits, k=500)) for number in range(64)})

        def stored(event: dict[str, Any]) -> list[list[str]]:
            return cluster.ask_store(f"SELECT length(properties) FROM footfall.events WHERE event_id = '{event['event_id']}'")

        # As many as a body may have bytes, in one request.
        many = [large() for _ in range(28)]
        answer = request(cluster.nodes["collect-2"].port, "POST", "/api/v1/events", many, {"User-Agent": FIREFOX})
        assert answer.status == 200 and answer.json()["received"] == 28, answer
        wait_until(lambda: stored(many[-1]) == [["64"]], 20, "the last of them in the store")

        cluster.set_topic("raw_events", "max.message.bytes=16384")
        event = large()
        senders = Senders(cluster, "small", seed(), clients=2)
        try:
            goes_on(senders)
            self.until_told(cluster, event, 503)
            for _ in range(5):
                answer = self.post(cluster, event)
                assert answer.status == 503 and b"too large" in answer.body.lower(), answer
                goes_on(senders)
            assert "kafka.refused" in (cluster.folder / "collect-1.log").read_text()
            cluster.set_topic("raw_events", "max.message.bytes=1052672")
            self.until_told(cluster, event, 200)
            goes_on(senders)
        finally:
            senders.stop()
        wait_until(lambda: stored(event) == [["64"]], 20, "it is in the store, once")
        judge(cluster, senders)

    def test_R24_loaders_that_are_killed_twelve_times(self, cluster: RunningCluster) -> None:
        cluster.add_site("rebalanced")
        senders = Senders(cluster, "rebalanced", seed())
        try:
            for number in range(12):
                victim = f"load-{1 + number % 2}"
                cluster.kill(victim)
                goes_on(senders)
                time.sleep(0.5 + (number % 4))
                cluster.restart(victim)
                cluster.wait_ready([victim], 60)
        finally:
            senders.stop()
        judge(cluster, senders, 120)
        audited(cluster)


class TestCatalogAway:
    """R23 of the other database: what runs goes on by what it knows, and what starts says why it does not."""

    @staticmethod
    def ask(cluster: RunningCluster, sql: str) -> None:
        place = f"host=127.0.0.1 port={cluster.address_of('postgres')} user=footfall dbname=postgres passfile={cluster.folder / 'pgpass'}"
        subprocess.run(["psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", place, "-c", sql], check=True, capture_output=True, timeout=30)

    def test_R23_a_catalog_that_takes_nothing(self, cluster: RunningCluster) -> None:
        """As the standby is that everybody is led to before it is promoted."""
        key = cluster.add_site("kept")
        question = {"website_id": "kept", "metrics": ["pageviews"], "time_range": "today"}

        def is_answered() -> None:
            assert cluster.query("query-2", key, question).status == 200

        senders = Senders(cluster, "kept", seed(), clients=2, pause_s=0.05)
        try:
            goes_on(senders)
            for read_only in ("on", "off"):
                self.ask(cluster, f"ALTER SYSTEM SET default_transaction_read_only = {read_only}")
                self.ask(cluster, "SELECT pg_reload_conf()")
                if read_only == "on":
                    wait_until(lambda: not self.is_taken(cluster), 20, "a change is refused", every_s=0.5)
                    with pytest.raises(scripts_cluster.ClusterError, match="read-only transaction"):
                        cluster.command("site", "set", "kept", "--name", "Other")
                    go_on_for(senders, AWAY_S, is_answered)
        finally:
            senders.stop()
        assert senders.told.keys() == {"200"}, senders.told
        wait_until(lambda: self.is_taken(cluster), 20, "a change is taken again", every_s=0.5)
        judge(cluster, senders)

    @staticmethod
    def is_taken(cluster: RunningCluster) -> bool:
        try:
            cluster.command("site", "set", "kept", "--name", "Other")
        except scripts_cluster.ClusterError:
            return False
        return True

    @pytest.mark.parametrize(("how", "words"), [("wrong password", "authentication failed"), ("reset", "catalog: "), ("half-open", "catalog: ")])
    def test_R23_a_node_that_starts_without_its_catalog_ends_with_the_reason(self, how: str, words: str) -> None:
        with running(postgres=Proxy) as (cluster, proxy):
            cluster.add_site("starts")
            passfile = cluster.folder / "pgpass"
            right = passfile.read_text()
            senders = Senders(cluster, "starts", seed(), clients=2)
            try:
                goes_on(senders)
                if how == "wrong password":
                    passfile.write_text(right.rpartition(":")[0] + ":not the password\n")
                else:
                    proxy.fault = how
                for victim in ("collect-2", "process-2", "load-2", "query-2"):
                    cluster.kill(victim)
                    log = cluster.folder / f"{victim}.log"
                    length = log.stat().st_size
                    cluster.restart(victim)
                    # A connection is waited for 5 s.
                    assert cluster.reap(victim, 20) == 1, victim
                    assert words in log.read_text()[length:], (victim, log.read_text()[length:])
                    goes_on(senders)
                passfile.write_text(right)
                proxy.fault = ""
                for victim in ("collect-2", "process-2", "load-2", "query-2"):
                    cluster.restart(victim)
                    cluster.wait_ready([victim], 60)
                goes_on(senders)
            finally:
                senders.stop()
            judge(cluster, senders, 120)


class TestLinks:
    """R25: every call has a deadline. Links to the store, Redis and PostgreSQL go through a proxy; a broker tells its own address, so Kafka's
    are cut by standing still (above)."""

    ENDING = ("collect-2", "process-2", "load-2", "query-2", "report-1")

    @pytest.mark.parametrize("fault", ["slow", "thin", "reset", "half-open"])
    @pytest.mark.parametrize("link", ["store", "redis", "postgres"])
    def test_R25_a_link_is_bad_for_a_while(self, link: str, fault: str) -> None:
        with running(**{link: Proxy}) as (cluster, proxy):
            cluster.add_site("links")

            def collectors_live() -> None:
                for node in cluster.of_role("collect"):
                    assert request(node.port, "GET", "/healthz", timeout_s=2).status == 200

            senders = Senders(cluster, "links", seed(), clients=2, pause_s=0.05)
            try:
                goes_on(senders)
                proxy.fault = fault
                # Acknowledging needs none of the three.
                go_on_for(senders, 30, collectors_live)
                # No thread waits for ever: each role ends by itself.
                for name in self.ENDING:
                    os.kill(cluster.nodes[name].pid, signal.SIGTERM)
                for name in self.ENDING:
                    assert cluster.reap(name, ENDING_S) == 0, name
                proxy.fault = ""
                for name in self.ENDING:
                    cluster.restart(name)
                goes_on(senders)
            finally:
                senders.stop()
            judge(cluster, senders, 180)
            wait_until(lambda: all(cluster.is_ready(name) for name in cluster.nodes), 60, "every node ready again")
