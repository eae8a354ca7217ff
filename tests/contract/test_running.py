"""contract.md, "Running": health, metrics, the end by SIGTERM and by kill -9, one process a folder, logs."""

import concurrent.futures
import ipaddress
import json
import os
import pathlib
import re
import shutil
import signal
import time
from typing import Any

import pytest

from support.client import Client, bearer
from support.events import FIREFOX, custom, pageview
from support.server import Server, Site, command, group_members, run_command
from support.wait import wait_until

pytestmark = pytest.mark.alone


class TestEndpoints:
    def test_healthz_says_that_it_is_alive(self, server: Server):
        assert server.request("GET", "/healthz").status == 200

    def test_readyz_says_that_events_would_be_taken_and_questions_answered(self, server: Server, site: Site):
        assert server.request("GET", "/readyz").status == 200
        site.send(pageview(site.id))
        site.wait_events(1)

    def test_ready_means_ready(self, start_server: Any):
        """The first request after the first 200 is served: event and question."""
        server = start_server()
        site = server.add_site()
        site.send(pageview(site.id))
        assert site.ask(metrics=["pageviews"]).status == 200

    def test_readyz_names_what_is_not(self, start_server: Any):
        """With a reserve larger than any disk no event would be accepted; it is refused with a time to come back, and
        queries are answered."""
        server = start_server("--log.disk_reserve_bytes", str(2**62), ready=False)

        def answer() -> Any:
            try:
                return server.request("GET", "/readyz")
            except OSError:
                return None

        wait_until(
            lambda: (found := answer()) is not None and found.status == 503 and b"disk" in found.body.lower(),
            30,
            "/readyz names the disk",
        )
        wait_until(lambda: server.request("GET", "/healthz").status == 200, 10, "/healthz is 200")
        site = server.add_site()
        refused = site.post(pageview(site.id))
        assert refused.status == 503 and int(refused.headers["Retry-After"]) >= 0, refused
        assert refused.json()["error"]["message"]
        wait_until(lambda: site.ask(metrics=["events"]).status == 200, 30, "questions are answered")
        assert site.value("events") == 0

    def test_metrics_are_prometheus_text(self, server: Server, site: Site):
        site.send(pageview(site.id))
        answer = server.request("GET", "/metrics")
        assert answer.status == 200 and answer.headers.get_content_type() == "text/plain"
        label = r'[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*"'
        sample = re.compile(rf"[a-zA-Z_:][\w:]*(\{{({label}(,{label})*)?,?\}})? (NaN|[+-]?Inf|[-+0-9.eE]+)( \d+)?")
        typed: dict[str, str] = {}
        names = set()
        for line in answer.body.decode().splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                assert name not in typed, f"{name} is declared twice"
                assert kind in ("counter", "gauge", "histogram", "summary", "untyped")
                typed[name] = kind
            elif line and not line.startswith("#"):
                assert sample.fullmatch(line), line
                names.add(re.split(r"[{ ]", line)[0])
        assert names
        for name in names:
            assert name in typed or re.sub("_(bucket|sum|count)$", "", name) in typed, f"{name} has no type"

    def test_a_counter_of_events_goes_up(self, server: Server, site: Site):
        def counters() -> dict[str, float]:
            lines = server.request("GET", "/metrics").body.decode().splitlines()
            return {
                line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
                for line in lines
                if line and not line.startswith("#")
            }

        before = counters()
        site.send(*[pageview(site.id) for _ in range(37)])
        after = counters()
        assert [
            name for name in after if "event" in name and after[name] - before.get(name, 0) >= 37
        ], "no counter counted 37 events"

    def test_metrics_have_no_series_for_what_strangers_send(self, server: Server):
        """Names in requests must not become series, or anyone could fill the memory."""
        before = len(server.request("GET", "/metrics").body.splitlines())
        for number in range(200):
            server.request("POST", "/api/v1/events", pageview(f"nobody-{number}"))
            server.request("GET", f"/nothing-{number}")
        text = server.request("GET", "/metrics").body
        assert b"nobody-" not in text and b"nothing-" not in text
        assert len(text.splitlines()) - before < 20

    def test_the_status_page_is_there_and_secured(self, server: Server):
        answer = server.request("GET", "/")
        assert answer.status == 200 and answer.headers.get_content_type() == "text/html"
        assert answer.headers["Content-Security-Policy"] and answer.headers["X-Content-Type-Options"] == "nosniff"


class TestOneProcessAFolder:
    @pytest.mark.parametrize("port", ["another port", "its port"])
    def test_a_second_serve_is_refused_in_one_sentence(self, server: Server, site: Site, port: str):
        started = time.monotonic()
        listen = f"127.0.0.1:{server.port if port == 'its port' else 0}"
        done = run_command("serve", "--listen", listen, data=server.data, limit_s=30)
        assert done.returncode == 1, done
        assert time.monotonic() - started < 15
        told = [line for line in done.stderr.strip().splitlines() if line]
        assert len(told) == 1, f"one sentence: {done.stderr}"
        assert str(server.data) in told[0], "on its port too it is the folder that both want"
        site.send(pageview(site.id))
        site.wait_events(1)

    def test_a_second_serve_leaves_the_socket_of_the_first(self, start_server: Any, folder: pathlib.Path):
        where = folder / "footfall.sock"
        server = start_server("--listen", f"unix:{where}", port=1, ready=False)
        wait_until(where.exists, 30, "it listens")
        inode = where.stat().st_ino
        done = run_command("serve", "--listen", f"unix:{where}", data=server.data, limit_s=30)
        assert done.returncode == 1, done
        assert where.stat().st_ino == inode


class TestEnd:
    def test_sigterm_ends_it_with_0_and_loses_nothing(self, start_server: Any):
        server = start_server()
        site = server.add_site()
        site.send(*[pageview(site.id) for _ in range(500)])
        group = server.pid
        assert server.terminate(10) == 0
        assert group_members(group) == []
        server.start()
        site.wait_events(500)

    def test_sigint_too(self, start_server: Any):
        server = start_server()
        os.kill(server.pid, signal.SIGINT)
        assert server.wait_exit(10) == 0

    def test_sigterm_to_the_whole_group_ends_it_with_0(self, start_server: Any):
        """As systemd and a terminal do it: the store must outlive the last insert."""
        server = start_server()
        site = server.add_site()
        site.send(*[pageview(site.id) for _ in range(200)])
        group = server.pid
        os.killpg(group, signal.SIGTERM)
        assert server.wait_exit(10) == 0
        assert group_members(group) == []
        assert command("audit", "--site", site.id, data=server.data)[0]["stored"] == 200

    def test_sigterm_while_it_starts_ends_it(self, start_server: Any):
        server = start_server(ready=False)
        wait_until(lambda: server.data.exists() and list(server.data.iterdir()), 10, "it has begun")
        assert server.terminate(10) in (0, -signal.SIGTERM)
        server.start()

    def test_a_slow_client_does_not_delay_the_end(self, start_server: Any):
        server = start_server()
        clients = [Client(server.port) for _ in range(5)]
        for client in clients:
            client.request("GET", "/healthz")
            assert client.connection is not None and client.connection.sock is not None
            client.connection.sock.sendall(b"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert server.terminate(10) == 0

    def test_after_kill_9_it_starts_again_and_no_store_is_left(self, start_server: Any):
        server = start_server()
        site = server.add_site()
        sent = 0
        for _ in range(3):
            site.send(*[pageview(site.id) for _ in range(200)])
            sent += 200
            assert server.store_child() is not None
            group = server.kill()
            wait_until(lambda: group_members(group) == [], 5, "the children are gone")
            server.start()
            site.wait_events(sent)
        [row] = [row for row in server.command("audit", "--site", site.id) if row["table"] == "events"]
        assert (row["received"], row["stored"], row["ok"]) == (sent, sent, True)

    def test_it_starts_at_once_after_kill_9(self, start_server: Any):
        """The orphan may still hold its lock; the new start waits for it."""
        server = start_server()
        for _ in range(3):
            server.kill()
            server.start()

    def test_R11_duplicates_are_known_after_any_end(self, start_server: Any):
        server = start_server()
        site = server.add_site()
        event, others = pageview(site.id), [pageview(site.id) for _ in range(200)]
        site.send(event, *others)
        for end in (server.terminate, server.kill, server.terminate):
            end()
            server.start()
            assert site.post([event]).json() == {"status": "ok", "received": 1, "rejected": [], "duplicates": 1}
            assert site.post(others).json()["duplicates"] == 200
        site.wait_events(201)

    def test_visitors_stay_the_same_over_a_restart(self, start_server: Any):
        server = start_server()
        site = server.add_site()
        for end in (server.terminate, server.kill):
            site.send(pageview(site.id), headers={"X-Forwarded-For": "203.0.113.1", "User-Agent": FIREFOX})
            end()
            server.start()
        site.send(pageview(site.id), headers={"X-Forwarded-For": "203.0.113.1", "User-Agent": FIREFOX})
        site.wait_events(3)
        assert site.value("visitors") == 1

    def test_a_copy_of_the_folder_is_the_installation(self, start_server: Any):
        server = start_server()
        site = server.add_site()
        site.send(*[pageview(site.id) for _ in range(20)])
        assert server.terminate() == 0
        moved = start_server(ready=False)
        moved.close()
        shutil.rmtree(moved.data, ignore_errors=True)
        shutil.copytree(server.data, moved.data, ignore=shutil.ignore_patterns("*.sock"))
        moved.start()
        there = Site(moved, site.id)
        there.wait_events(20)


class TestLogs:
    ADDRESSES = ["203.0.113.77", "198.51.100.201", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"]
    PASSWORD = "the-password-of-a-test"

    @pytest.mark.parametrize("log_format", ["json", "text"])
    def test_S17_have_no_secret_and_no_full_address(self, start_server: Any, log_format: str):
        server = start_server("--logging.level", "debug", log_format=log_format)
        secrets = self.traffic(server)
        server.kill()
        server.start()
        self.traffic(server)
        assert server.terminate() == 0
        text = "".join((server.folder / f"serve-{number}.log").read_text() for number in (1, 2))
        assert text.count("\n") > 2, "nothing was logged"
        for word in (*secrets, *self.ADDRESSES, self.PASSWORD):
            assert word not in text, f"{word} stands in the log"
        if log_format == "json":
            for line in text.splitlines():
                assert isinstance(json.loads(line), dict), line
        assert "\x1b" not in text

    def traffic(self, server: Server) -> list[str]:
        site = server.add_site()
        server.command("user", "add", f"user-{server.starts}@team.example", "--role", "viewer", stdin=self.PASSWORD)
        secrets = [site.key(scope) for scope in ("collect", "read", "admin")] + ["a-wrong-secret-of-mine"]
        for address in self.ADDRESSES:
            headers = {"X-Forwarded-For": address, "User-Agent": 'x"\\ {"a":1}'}
            site.send(pageview(site.id), headers=headers)
            site.post('{"broken', headers)
            site.post([pageview("nobody"), pageview(site.id, None)], headers)
            site.post(pageview(site.id), headers | bearer(secrets[-1]))
            site.post(
                pageview(site.id, context={"ip": address, "user_agent": FIREFOX}), headers | bearer(site.key("collect"))
            )
            server.request("GET", f"/?ip={address}&token={secrets[0]}", None, headers | bearer(secrets[0]))
            site.ask(metrics=["nonsense\n\r\x1b[31m"])
            site.ask(key=secrets[-1], metrics=["events"])
        return secrets

    def test_S21_no_full_address_is_kept_in_the_folder(self, start_server: Any):
        """As text and as bytes, in everything that is not compressed: the log's and the catalog's files, checkpoints,
        names."""
        server = start_server()
        site = server.add_site()
        addresses = ["203.0.113.77", "2001:db8:1:2:aaaa:bbbb:cccc:dddd"]
        for address in addresses:
            site.send(*[pageview(site.id) for _ in range(3)], headers={"X-Forwarded-For": address})
            site.post([pageview(site.id, None)], headers={"X-Forwarded-For": address})
        site.wait_events(6)
        text = run_command("export", "--site", site.id, data=server.data).stdout
        records = [json.loads(line)["record"] for line in text.splitlines() if "record" in line]
        assert {record["ip"] for record in records} == {"203.0.113.0", "2001:db8:1::"}, "what is kept of them"
        assert server.terminate() == 0
        forms = [form.encode() for form in addresses]
        for address in map(ipaddress.ip_address, addresses):
            packed = address.packed if address.version == 6 else b"\xff\xff" + address.packed
            forms += [packed, packed[::-1], packed.hex().encode(), packed.hex().upper().encode()]
        for path in server.data.rglob("*"):
            if path.is_file() and not path.is_symlink():
                content = path.read_bytes()
                assert not any(form in content for form in forms), path


class TestMany:
    def test_many_connections_at_once_are_served(self, server: Server, site: Site):
        def one(number: int) -> int:
            client = Client(server.port)
            try:
                return sum(
                    client.request("POST", "/api/v1/events", [custom(site.id), custom(site.id)]).json()["received"]
                    for _ in range(10)
                )
            finally:
                client.close()

        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            assert sum(pool.map(one, range(40))) == 800
        site.wait_events(800)
