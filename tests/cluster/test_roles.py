"""The roles of the cluster form beside real engines: what is acknowledged counts once, whoever dies. docs/operations/cluster.md."""

import concurrent.futures
import datetime
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import pytest

from cluster.running import RunningCluster, Senders, audited, follow, goes_on, judge, seed, total, until_total
from support import archive
from support.client import FIREFOX, request
from support.events import other, pageview
from support.server import ROOT
from support.wait import wait_until
from support.websocket import Closed, Refused

# One cluster for all of them, and most kill something of it.
pytestmark = pytest.mark.alone


def trace(hop: str, seconds: list[float]) -> float:
    """Prints what a hop took, counted from the beginning of the way; the time within which 95 % were."""
    ordered = sorted(seconds)
    p95 = ordered[int(len(ordered) * 0.95) - 1]
    print(f"trace: {hop}: median {ordered[len(ordered) // 2]:.3f} s, p95 {p95:.3f} s, most {ordered[-1]:.3f} s")
    return p95


@pytest.fixture(scope="module")
def cluster() -> Iterator[RunningCluster]:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="footfall-cluster-"))
    running = RunningCluster(folder)
    has_failed = True
    try:
        running.start()
        yield running
        has_failed = False
    finally:
        running.stop()
        if not has_failed and "FOOTFALL_TEST_KEEP" not in os.environ:
            shutil.rmtree(folder, ignore_errors=True)


class TestDataWay:
    def test_an_event_is_answered_by_every_query_node(self, cluster: RunningCluster) -> None:
        key = cluster.add_site("way")
        for page in ("/one", "/two", "/two"):
            answer = request(cluster.nodes["collect-1"].port, "POST", "/api/v1/events", [pageview("way", page)])
            assert answer.status == 200 and answer.json()["received"] == 1, answer
        question = {"website_id": "way", "metrics": ["pageviews", "visitors", "sessions"], "dimensions": ["page"], "time_range": "today"}

        for node in ("query-1", "query-2", "report-1"):
            wait_until(lambda: cluster.query(node, key, question).json()["totals"]["pageviews"] == 3, 10, f"three pageviews at {node}")
            answer = cluster.query(node, key, question).json()
            assert sorted((row[0], row[1]) for row in answer["rows"]) == [("/one", 1), ("/two", 2)], answer
            assert answer["totals"]["sessions"] == 1, answer

    def test_a_kept_answer_is_dropped_when_events_come(self, cluster: RunningCluster) -> None:
        key = cluster.add_site("kept")
        question = {"website_id": "kept", "metrics": ["pageviews"], "time_range": "today"}
        for count in range(1, 4):
            answer = request(cluster.nodes[f"collect-{1 + count % 2}"].port, "POST", "/api/v1/events", [pageview("kept", f"/{count}")])
            assert answer.status == 200, answer
            for node in ("query-1", "query-2"):
                wait_until(lambda: cluster.query(node, key, question).json()["totals"]["pageviews"] == count, 10, f"{count} at {node}")
        wait_until(lambda: cluster.query("query-1", key, question).json()["meta"]["cached"], 10, "a kept answer")

    def test_what_one_node_has_computed_another_one_finds(self, cluster: RunningCluster) -> None:
        key = cluster.add_site("shared")
        question = {"website_id": "shared", "metrics": ["pageviews", "bounce_rate"], "dimensions": ["page", "country"], "time_range": "today"}
        hits = 'footfall_query_shared_total{result="hit"}'

        def found(node: str) -> float:
            text = request(cluster.nodes[node].port, "GET", "/metrics").body.decode()
            return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(hits))

        for count in range(1, 4):
            assert request(cluster.nodes["collect-1"].port, "POST", "/api/v1/events", [pageview("shared", f"/{count}")]).status == 200
            for node in ("query-1", "query-2", "report-1"):
                wait_until(lambda: cluster.query(node, key, question).json()["totals"]["pageviews"] == count, 10, f"{count} at {node}")
        # Each has heard of the last event by now. A question that none of them was asked:
        time.sleep(1)
        question["limit"] = 7
        before = found("query-2")
        computed = cluster.query("query-1", key, question).json()
        given = cluster.query("query-2", key, question).json()
        assert found("query-2") == before + 1
        assert (given["rows"], given["totals"]) == (computed["rows"], computed["totals"])
        assert given["meta"]["cached"] and not computed["meta"]["cached"], (given["meta"], computed["meta"])

    def test_as_of_goes_on_while_nothing_comes_and_stands_still_while_a_stage_does(self, cluster: RunningCluster) -> None:
        key = cluster.add_site("asof")
        question = {"website_id": "asof", "metrics": ["pageviews"], "time_range": "today"}

        def behind_s() -> float:
            as_of = cluster.query("query-1", key, question).json()["meta"]["as_of"]
            return time.time() - datetime.datetime.fromisoformat(as_of.replace("Z", "+00:00")).timestamp()

        wait_until(lambda: behind_s() < 2, 20, "an answer as of now")
        # Both nodes of a role, since one takes over what the other had.
        for role in ("process", "load"):
            nodes = [node.name for node in cluster.of_role(role)]
            for name in nodes:
                cluster.kill(name, signal.SIGSTOP)
            try:
                wait_until(lambda: behind_s() > 3, 20, f"an answer that says that {role} stands still")
            finally:
                for name in nodes:
                    cluster.kill(name, signal.SIGCONT)
            wait_until(lambda: behind_s() < 2, 30, "an answer as of now again")

    def test_the_same_event_by_two_collectors_counts_once(self, cluster: RunningCluster) -> None:
        cluster.add_site("twice")
        events = [pageview("twice", f"/{i}") for i in range(50)]
        for node in ("collect-1", "collect-2", "collect-1"):
            answer = request(cluster.nodes[node].port, "POST", "/api/v1/events", events)
            assert answer.status == 200, answer
        wait_until(lambda: cluster.ask_store("SELECT count() FROM footfall.events WHERE website_id = 'twice'") == [["50"]], 10, "50 rows")
        time.sleep(1)
        assert cluster.ask_store("SELECT count() FROM footfall.events WHERE website_id = 'twice'") == [["50"]]

    def test_a_gateway_is_collector_and_query_node_in_one(self, cluster: RunningCluster) -> None:
        key = cluster.add_site("gateway")
        answer = request(cluster.nodes["gateway-1"].port, "POST", "/api/v1/events", [pageview("gateway", "/")])
        assert answer.status == 200 and answer.json()["received"] == 1, answer
        question = {"website_id": "gateway", "metrics": ["pageviews"], "time_range": "today"}
        wait_until(lambda: cluster.query("gateway-1", key, question).json()["totals"]["pageviews"] == 1, 10, "its own answer")
        assert request(cluster.nodes["gateway-1"].port, "GET", "/").status == 200
        # What a role does not do it has no routes for.
        assert request(cluster.nodes["collect-1"].port, "GET", "/").status == 404
        assert cluster.query("collect-1", key, question).status == 404
        assert request(cluster.nodes["query-1"].port, "POST", "/api/v1/events", [pageview("gateway", "/")]).status == 404

    def test_what_is_rejected_is_counted_and_kept(self, cluster: RunningCluster) -> None:
        cluster.add_site("refused")
        bad = pageview("refused", "/x")
        bad["data"]["page"] = 7
        answer = request(cluster.nodes["collect-2"].port, "POST", "/api/v1/events", [bad, pageview("refused", "/good")])
        assert answer.status == 200 and len(answer.json()["rejected"]) == 1, answer

        def listed() -> bool:
            found = json.loads(cluster.command("rejected", "list", "--site", "refused", "--json"))
            return len(found["samples"]) == 1 and found["samples"][0]["reason"] == "wrong_type"

        wait_until(listed, 10, "the sample")

    def test_a_site_added_on_one_node_is_known_on_all_within_a_second(self, cluster: RunningCluster) -> None:
        cluster.command("site", "add", "New", "--domain", "new.example", "--id", "new", "--timezone", "UTC")
        for node in ("collect-1", "collect-2"):
            wait_until(
                lambda: request(cluster.nodes[node].port, "POST", "/api/v1/events", [pageview("new", "/")]).json()["received"] == 1,
                1.5, f"the site at {node}")

    def test_every_partition_is_archived_also_by_who_takes_it_over(self, cluster: RunningCluster) -> None:
        cluster.add_site("archive")
        for number in range(40):
            if number == 20:
                cluster.kill("load-2")
            events = []
            for index in range(50):
                event = pageview("archive", f"/{number}/{index}")
                event["user_id"] = f"person-{number}-{index}"
                events.append(event)
            assert request(cluster.nodes["collect-1"].port, "POST", "/api/v1/events", events).status == 200
        cluster.restart("load-2")
        cluster.wait_ready(["load-2"])
        # Ranges of 100 entries: of each partition fewer than that are left for later.
        total = int(cluster.ask_store("SELECT count() FROM footfall.events")[0][0])
        wait_until(lambda: len(cluster.archived()) == cluster.partitions, 60, "an archive of each partition")
        wait_until(lambda: sum(cluster.archived().values()) > total - 100 * cluster.partitions, 60, "all but the last ones")

    def test_commands_say_what_is_not_there_yet(self, cluster: RunningCluster) -> None:
        doctor = cluster.command("doctor")
        assert "PROBLEM" not in doctor, doctor
        for words in (("rebuild",), ("backup", "somewhere")):
            with pytest.raises(Exception, match="cluster"):
                cluster.command(*words)


class TestLive:
    """R22, and the way of an event hop by hop."""

    def test_an_event_is_followed_hop_by_hop_and_live_within_three_seconds(self, cluster: RunningCluster) -> None:
        key = cluster.add_site("hops")
        times: dict[str, list[float]] = {"nginx and collector": [], "live socket": [], "event store": [], "query node": []}
        question = {"website_id": "hops", "metrics": ["pageviews"], "time_range": "today"}
        with follow(cluster, "query-1", "hops", key) as socket:
            for count in range(1, 21):
                event = pageview("hops", f"/{count}")
                began = time.monotonic()
                connection = http.client.HTTPSConnection("localhost", cluster.address_of("nginx_tls"), context=cluster.trust(), timeout=10)
                connection.request("POST", "/api/v1/events", json.dumps([event]), {"Content-Type": "application/json", "User-Agent": FIREFOX})
                answer = connection.getresponse()
                assert answer.status == 200, answer.read()
                connection.close()
                times["nginx and collector"].append(time.monotonic() - began)
                until_total(socket, count, 10)
                times["live socket"].append(time.monotonic() - began)
                where = f"WHERE website_id = 'hops' AND event_id = '{event['event_id']}'"
                wait_until(lambda: cluster.ask_store(f"SELECT count() FROM footfall.events {where}") == [["1"]], 10, "its row")
                times["event store"].append(time.monotonic() - began)
                wait_until(lambda: cluster.query("query-2", key, question).json()["totals"]["pageviews"] == count, 10, "its answer")
                times["query node"].append(time.monotonic() - began)
        p95 = {hop: trace(hop, seconds) for hop, seconds in times.items()}
        assert p95["live socket"] < 3, times["live socket"]

    def test_a_browsers_pageview_is_on_a_signed_in_dashboard_within_three_seconds(self, cluster: RunningCluster) -> None:
        """The script in one Chromium page, the dashboard in another, both by nginx's TLS; each engine on the way is asked when it had the event."""
        pages = 20
        key = cluster.add_site("browser")
        email, password = "owner@example.org", "correct horse battery staple"
        cluster.command("user", "add", email, "--role", "owner", stdin=password + "\n")
        # Of a site without any event there is no dashboard yet.
        assert request(cluster.nodes["collect-1"].port, "POST", "/api/v1/events", [pageview("browser", "/first")]).status == 200
        question = {"website_id": "browser", "metrics": ["pageviews"], "time_range": "today"}

        def counts(node: str) -> dict[int, float]:
            seen: dict[int, float] = {}

            def has_all() -> bool:
                count = cluster.query(node, key, question).json()["totals"]["pageviews"]
                seen.setdefault(count, time.time())
                return bool(count > pages)

            wait_until(has_all, 120, f"all pageviews at {node}", every_s=0.1)
            return seen

        def stored() -> dict[str, float]:
            seen: dict[str, float] = {}

            def has_all() -> bool:
                for (page,) in cluster.ask_store("SELECT page FROM footfall.events WHERE website_id = 'browser'"):
                    seen.setdefault(page, time.time())
                return len(seen) > pages

            wait_until(has_all, 120, "all pageviews in the store", every_s=0.1)
            return seen

        def live(node: str) -> dict[int, float]:
            seen: dict[int, float] = {}
            with follow(cluster, node, "browser", key) as socket:
                while max(seen, default=0) <= pages:
                    seen.setdefault(total(socket.json(60)), time.time())
            return seen

        def first(seen: dict[int, float], number: int) -> float:
            """Two may be counted at once."""
            return min(at for count, at in seen.items() if count >= number)

        wait_until(lambda: cluster.query("query-1", key, question).json()["totals"]["pageviews"] == 1, 10, "the first one")
        origin = f"https://localhost:{cluster.address_of('nginx_tls')}"
        with concurrent.futures.ThreadPoolExecutor() as pool:
            in_store, at_socket, counted = pool.submit(stored), pool.submit(live, "query-1"), pool.submit(counts, "query-2")
            done = subprocess.run(["node", str(ROOT / "tests/cluster/browse.mjs"), origin, "browser", str(pages), email, password],
                                  capture_output=True, text=True, timeout=110)
            assert done.returncode == 0, (done.stdout, done.stderr, cluster.logs())
        seen = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(seen) == pages, done.stdout
        raw, kept = cluster.written("raw_events", "browser"), cluster.written("events", "browser")
        times: dict[str, list[float]] = {}
        for number, one in enumerate(seen, start=2):
            for hop, at in (("collector: in raw_events", raw[one["page"]]), ("nginx: acknowledged", one["acknowledged"] / 1_000),
                            ("process: in events", kept[one["page"]]), ("load: in the store", in_store.result()[one["page"]]),
                            ("query: counted", first(counted.result(), number)),
                            ("Redis and query: at a live socket", first(at_socket.result(), number)),
                            ("dashboard: shown", one["shown"] / 1_000)):
                times.setdefault(hop, []).append(at - one["sent"] / 1_000)
        p95 = {hop: trace(hop, seconds) for hop, seconds in times.items()}
        assert p95["dashboard: shown"] < 3, times["dashboard: shown"]

    def test_partitions_of_several_processes_add_up_on_every_node(self, cluster: RunningCluster) -> None:
        key = cluster.add_site("parts")
        events = []
        for number in range(60):
            event = pageview("parts", f"/{number % 3}")
            event["user_id"] = f"person-{number}"
            events.append(event)
        assert request(cluster.nodes["collect-1"].port, "POST", "/api/v1/events", events).status == 200
        for node in ("query-1", "query-2"):
            with follow(cluster, node, "parts", key) as socket:
                message = until_total(socket, 60, 10)
                assert message["active_visitors"] == 60, message
                assert [(page["name"], page["visitors"]) for page in message["pages"]] == [("/0", 20), ("/1", 20), ("/2", 20)], message
                assert message["sample_rate"] == 1, message

    @pytest.mark.parametrize("how", ["killed", "flushed", "stopped"])
    def test_R22_redis_goes_and_the_live_numbers_are_right_soon_after(self, cluster: RunningCluster, how: str) -> None:
        site = f"redis{how}"
        key = cluster.add_site(site)
        senders = Senders(cluster, site, seed(), clients=2, pause_s=0.05)
        try:
            goes_on(senders)
            if how == "flushed":
                subprocess.run(["redis-cli", "-p", str(cluster.address_of("redis")), "flushall"], check=True, capture_output=True)
                goes_on(senders)
            else:
                cluster.kill_engine("redis", signal.SIGKILL if how == "killed" else signal.SIGSTOP)
                goes_on(senders)
                question = {"website_id": site, "metrics": ["pageviews"], "time_range": "today"}
                assert cluster.query("query-1", key, question).status == 200, "questions need no Redis"
                if how == "killed":
                    cluster.start_engine("redis")
                else:
                    cluster.kill_engine("redis", signal.SIGCONT)
        finally:
            senders.stop()
        judge(cluster, senders)
        stored = int(cluster.ask_store(f"SELECT count() FROM footfall.events WHERE website_id = '{site}'")[0][0])
        began = time.monotonic()
        for node in ("query-1", "query-2"):
            with follow(cluster, node, site, key) as socket:
                until_total(socket, stored, 15)
        print(f"right {time.monotonic() - began:.1f} s after")


class TestKills:
    """R24 and the ledger: in this half each kind of process dies once, with -9, while events come."""

    VICTIMS = ("collect-1", "process-1", "load-1", "store", "kafka", "postgres", "query-1", "process-2", "load-2")

    def test_each_process_dies_once_and_every_event_counts_once(self, cluster: RunningCluster) -> None:
        cluster.add_site("ledger")
        senders = Senders(cluster, "ledger", seed())
        dice = random.Random(1)
        try:
            for victim in self.VICTIMS:
                goes_on(senders)
                if victim in cluster.nodes:
                    cluster.kill(victim)
                    time.sleep(0.5 + dice.random())
                    cluster.restart(victim)
                    cluster.wait_ready([victim])
                else:
                    cluster.kill_engine(victim)
                    time.sleep(0.5 + dice.random())
                    cluster.start_engine(victim)
            goes_on(senders)
        finally:
            senders.stop()
        judge(cluster, senders)
        audited(cluster)

    def test_a_collector_that_dies_behind_nginx_costs_a_repetition_at_most(self, cluster: RunningCluster) -> None:
        cluster.add_site("behind")
        senders = Senders(cluster, "behind", seed(), through_nginx=True)
        try:
            for victim in ("collect-1", "collect-2", "collect-1"):
                goes_on(senders)
                cluster.kill(victim)
                # By the other one.
                goes_on(senders)
                cluster.restart(victim)
                cluster.wait_ready([victim])
            goes_on(senders)
        finally:
            senders.stop()
        print(f"what clients were told: {dict(senders.told)}")
        # nginx's word that a node's answer did not come, or a node's that it is too much: the same request again is taken.
        assert senders.told.keys() <= {"200", "502", "503"}, senders.told
        judge(cluster, senders)

    def test_what_ends_by_sigterm_loses_nothing_and_ends_well(self, cluster: RunningCluster) -> None:
        cluster.add_site("drain")
        senders = Senders(cluster, "drain", seed())
        try:
            for victim in ("collect-2", "process-2", "load-1", "query-2", "report-1"):
                time.sleep(0.5)
                os.kill(cluster.nodes[victim].pid, signal.SIGTERM)
                assert cluster.reap(victim) == 0, victim
                cluster.restart(victim)
                cluster.wait_ready([victim])
        finally:
            senders.stop()
        judge(cluster, senders)


class TestErasing:
    """S22 in the cluster form: who is erased is in no table, answer, live number, export or archive, and nothing that reads Kafka anew brings it
    back. docs/adr/0034."""

    WHO = "marker-4711-of-the-one-who-goes"

    def send(self, cluster: RunningCluster, site: str, count: int) -> None:
        """Events of the one who goes, one of them `identify`, and a rejected one that names it."""
        events = [pageview(site, f"/private/{self.WHO}") | {"user_id": self.WHO} for _ in range(count - 1)]
        events.append(other(site, "identify", user_id=self.WHO))
        answer = request(cluster.nodes["collect-1"].port, "POST", "/api/v1/events", events, {"User-Agent": FIREFOX})
        assert answer.status == 200 and answer.json()["received"] == count, answer
        rejected = {"type": "pageview", "tracking_id": site, "user_id": self.WHO, "data": {}}
        assert request(cluster.nodes["collect-2"].port, "POST", "/api/v1/events", [rejected]).status == 200

    def rows(self, cluster: RunningCluster, site: str) -> dict[str, int]:
        """What the tables have of the one who goes, under any id."""
        marked = f"website_id = '{site}' AND user_id = '{self.WHO}'"
        return {
            "events": int(cluster.ask_store(f"SELECT count() FROM footfall.events WHERE {marked}")[0][0]),
            "sessions": int(cluster.ask_store(f"SELECT sum(sign) FROM footfall.sessions WHERE {marked}")[0][0]),
            "samples": int(cluster.ask_store(
                f"SELECT count() FROM footfall.rejected WHERE website_id = '{site}' AND position(event, '{self.WHO}') > 0")[0][0]),
        }

    def erase(self, cluster: RunningCluster, site: str) -> Any:
        return json.loads(cluster.command("erase", "--site", site, "--visitor", self.WHO, "--json", limit_s=300))

    def run(self, cluster: RunningCluster, *words: str, point: str = "") -> subprocess.CompletedProcess[str]:
        environment = os.environ | ({"FOOTFALL_FAILPOINTS": point} if point else {})
        return subprocess.run([cluster.binary, *words, "--config", str(cluster.config)], env=environment, capture_output=True, text=True, timeout=300)

    NOTHING = {"events": 0, "sessions": 0, "samples": 0}

    def test_S22_answers_live_numbers_and_exports_of_every_node_have_it_no_more(self, cluster: RunningCluster) -> None:
        key = cluster.add_site("gone")
        self.send(cluster, "gone", 4)
        stays = [pageview("gone", "/public") | {"user_id": "who-stays"} for _ in range(2)]
        assert request(cluster.nodes["collect-2"].port, "POST", "/api/v1/events", stays).status == 200
        question = {"website_id": "gone", "metrics": ["pageviews"], "dimensions": ["user_id"], "time_range": "today"}

        def answered(node: str) -> dict[str, int]:
            return {row[0]: row[1] for row in cluster.query(node, key, question).json()["rows"]}

        def pages(node: str) -> set[str]:
            try:
                with follow(cluster, node, "gone", key) as socket:
                    message = socket.json(10)
            except (Refused, Closed, TimeoutError):
                return set()  # they are being made anew
            return {page["name"] for page in message.get("pages", [])}

        both = {f"/private/{self.WHO}", "/public"}
        for node in ("query-1", "query-2"):
            wait_until(lambda: answered(node) == {self.WHO: 3, "who-stays": 2}, 20, f"both at {node}")
            wait_until(lambda: pages(node) == both, 20, f"both live at {node}")
        wait_until(lambda: self.rows(cluster, "gone")["samples"] == 1, 20, "the sample")
        exported = self.run(cluster, "export", "--site", "gone", "--visitor", self.WHO)
        assert exported.returncode == 0 and exported.stdout.count('"event_id"') >= 4, exported
        dry = json.loads(cluster.command("erase", "--site", "gone", "--visitor", self.WHO, "--dry-run", "--json", limit_s=120))
        assert (dry["dry_run"], dry["events"], dry["rejected"]) == (True, 4, 1), dry
        assert self.rows(cluster, "gone")["events"] == 4

        done = self.run(cluster, "erase", "--site", "gone", "--visitor", self.WHO)
        assert done.returncode == 0, done
        assert "4 events" in done.stdout and "1 rejected" in done.stdout, done
        # The topics' settings say until when: 8 days and the 7 of a segment, 30 and 7.
        for said in ("raw_events within 15 days", "events within 15 days", "rejected_events within 37 days", "archive"):
            assert said in done.stderr, done
        assert self.rows(cluster, "gone") == self.NOTHING
        for node in ("query-1", "query-2"):
            wait_until(lambda: answered(node) == {"who-stays": 2}, 5, f"an answer without it at {node}")
            wait_until(lambda: pages(node) == {"/public"}, 20, f"live numbers without it at {node}")
        exported = self.run(cluster, "export", "--site", "gone", "--visitor", self.WHO)
        assert (exported.returncode, exported.stdout) == (0, ""), exported
        of_all = self.run(cluster, "export", "--site", "gone")
        assert of_all.returncode == 0 and self.WHO not in of_all.stdout and "who-stays" in of_all.stdout, of_all
        assert self.erase(cluster, "gone")["events"] == 0, "there is nothing left"
        audited(cluster)

    def test_S22_under_load_and_no_loader_brings_it_back(self, cluster: RunningCluster) -> None:
        site = "erased"
        cluster.add_site(site)
        senders = Senders(cluster, site, seed())
        try:
            goes_on(senders)
            self.send(cluster, site, 30)
            wait_until(lambda: self.rows(cluster, site)["events"] == 30, 30, "its rows")
            goes_on(senders)
            report = self.erase(cluster, site)
            assert (report["events"], report["rejected"]) == (30, 1), report
            assert self.rows(cluster, site) == self.NOTHING
            goes_on(senders)
            # A loader that takes over what another had.
            cluster.kill("load-1")
            goes_on(senders)
            cluster.restart("load-1")
            cluster.wait_ready(["load-1"])
            goes_on(senders)
            # Loaders that know nothing, and read all that Kafka has.
            nodes = [node.name for node in cluster.of_role("load")]
            for name in nodes:
                os.kill(cluster.nodes[name].pid, signal.SIGTERM)
                assert cluster.reap(name) == 0, name
            cluster.change_store("TRUNCATE TABLE footfall.loader_checkpoints")
            for name in nodes:
                cluster.restart(name)
            cluster.wait_ready(nodes)
            goes_on(senders)
        finally:
            senders.stop()
        judge(cluster, senders, limit_s=180)
        assert self.rows(cluster, site) == self.NOTHING
        audited(cluster)

        # What comes afterwards is new.
        self.send(cluster, site, 3)
        wait_until(lambda: self.rows(cluster, site)["events"] == 3, 20, "its new rows")
        audited(cluster)

    def test_S22_the_archive_has_it_no_more(self, cluster: RunningCluster) -> None:
        site = "erasedarchive"
        cluster.add_site(site)
        self.send(cluster, site, 30)
        buckets = cluster.folder / "s3/buckets/archive"

        def archived() -> int:
            folders = [folder for folder in buckets.glob("log_partition=*") if (folder / "events").exists()]
            return sum(int(archive.one(folder, f"count(*) FILTER (WHERE website_id = '{site}' AND user_id = '{self.WHO}')") or 0) for folder in folders)

        # Ranges of 100 entries: others fill up those that have it.
        senders = Senders(cluster, site, seed(), pause_s=0.05)
        try:
            wait_until(lambda: archived() == 30, 120, "it in the archive", every_s=1)
        finally:
            senders.stop()
        self.erase(cluster, site)
        wait_until(lambda: "archives of partitions" not in cluster.command("doctor"), 120, "that archives are rewritten", every_s=0.5)
        assert archived() == 0
        audited(cluster)

    @pytest.mark.parametrize("point", ["erase.ordered=abort", "erase.between_tables=abort", "erase.rows=abort"])
    def test_S22_a_death_at_this_point_is_made_good_by_the_next_erasure(self, cluster: RunningCluster, point: str) -> None:
        site = point.removesuffix("=abort").replace(".", "").replace("_", "")
        cluster.add_site(site)
        self.send(cluster, site, 10)
        wait_until(lambda: self.rows(cluster, site)["events"] == 10, 30, "its rows")
        died = self.run(cluster, "erase", "--site", site, "--visitor", self.WHO, point=point)
        assert died.returncode == -signal.SIGKILL, died
        doctor = self.run(cluster, "doctor")
        assert "PROBLEM" in doctor.stdout and "one was begun and is not complete" in doctor.stdout, doctor
        # What it held goes on after half a minute, and the next one waits for that.
        self.erase(cluster, site)
        assert self.rows(cluster, site) == self.NOTHING
        assert "PROBLEM" not in cluster.command("doctor")
        audited(cluster)

    def test_S22_a_site_goes_with_everything_and_the_others_stay(self, cluster: RunningCluster) -> None:
        for site in ("wholly", "other"):
            cluster.add_site(site)
            self.send(cluster, site, 10)
        for site in ("wholly", "other"):
            wait_until(lambda: self.rows(cluster, site)["events"] == 10, 30, f"rows of {site}")
        report = json.loads(cluster.command("erase", "--site", "wholly", "--all", "--json", limit_s=300))
        assert (report["events"], report["rejected"]) == (10, 1), report
        for table in ("events", "sessions", "rejected", "rejected_counts"):
            assert cluster.ask_store(f"SELECT count() FROM footfall.{table} WHERE website_id = 'wholly'") == [["0"]], table
        assert self.rows(cluster, "other")["events"] == 10
        assert "wholly" not in cluster.command("site", "list")
        audited(cluster)
