"""nginx of deploy/nginx in front of two servers, which stand in for the collectors and query nodes of the cluster form: they share nothing,
so what one of them has counted is told apart from what the other has. docs/operations/nginx.md."""

import concurrent.futures
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.accounts import PASSWORD
from support.client import FIREFOX, Answer, bearer, request
from support.events import custom, pageview
from support.server import ROOT, Server, Site, free_port, run_command
from support.tls import Pair, trusting
from support.wait import wait_until
from support.websocket import WebSocket

# They share two servers, and one of them kills one of those.
pytestmark = pytest.mark.alone

SITE = "shop"
IMMUTABLE = "public, max-age=31536000, immutable"


class Nginx:
    """One that runs, started by scripts/engines/nginx."""

    def __init__(self, folder: pathlib.Path, collectors: list[Server], query_nodes: list[Server], **settings: str):
        self.folder = folder
        self.plain_port, self.port, self.cdn_port = free_port(), free_port(), free_port()
        self.environment = os.environ | {
            "NGINX_PORT": str(self.plain_port),
            "NGINX_TLS_PORT": str(self.port),
            "CDN_PORT": str(self.cdn_port),
            "COLLECTORS": " ".join(f"127.0.0.1:{node.port}" for node in collectors),
            "QUERY_NODES": " ".join(f"127.0.0.1:{node.port}" for node in query_nodes),
            "CONNECTIONS_PER_ADDRESS": "50",
        } | settings
        self.engine("start")
        self.engine("wait")
        self.context = trusting(Pair(folder / "tls/certificate.pem", folder / "tls/key.pem"))

    def engine(self, verb: str) -> None:
        done = subprocess.run(
            [str(ROOT / "scripts/engines/nginx"), verb, str(self.folder)],
            env=self.environment, capture_output=True, text=True, timeout=60,
        )
        assert done.returncode == 0, done.stderr

    def connection(self, source: str = "127.0.0.1", port: int | None = None) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(
            "127.0.0.1", port or self.port, timeout=20, context=self.context, source_address=(source, 0)
        )

    def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, *,
        source: str = "127.0.0.1", cdn: bool = False,
    ) -> Answer:
        """From an address of this machine, which is the visitor's then; `cdn`: by way of the cache in front."""
        connection = self.connection(source, self.cdn_port if cdn else None)
        try:
            return ask(connection, method, path, body, headers)
        finally:
            connection.close()

    def log(self, name: str = "access") -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / f"{name}.log").read_text().splitlines()]


def refused(answer: Answer) -> Answer | None:
    return answer if answer.status >= 400 else None


def ask(
    connection: http.client.HTTPSConnection, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> Answer:
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    connection.request(method, path, body, {"User-Agent": FIREFOX} | (headers or {}))
    response = connection.getresponse()
    return Answer(response.status, response.headers, response.read())


class Cluster:
    """`front` has both servers as collectors and as query nodes; `apart` sends events to the first one and all else to the second."""

    def __init__(self, folder: pathlib.Path):
        # nginx's own address is the only trusted one: others of loopback are visitors, as they would be anywhere else.
        self.folder = folder
        flags = ("--http.trusted_proxies", "127.0.0.1/32", "--loader.interval_ms", "50")
        self.nodes = []
        for name in ("a", "b"):
            (folder / name).mkdir()
            self.nodes.append(Server(folder / name, *flags))
        self.nginx: list[Nginx] = []
        try:
            for node in self.nodes:
                node.spawn()
            for node in self.nodes:
                node.wait_ready()
            self.sites = [node.add_site(site_id=SITE) for node in self.nodes]
            for site in self.sites:
                site.key("read")
            first, second = self.nodes
            self.front = self.start(folder / "front", [first, second], [first, second])
            self.apart = self.start(folder / "apart", [first], [second])
        except BaseException:
            self.close()
            raise

    def start(self, folder: pathlib.Path, collectors: list[Server], query_nodes: list[Server], **settings: str) -> Nginx:
        self.nginx.append(Nginx(folder, collectors, query_nodes, **settings))
        return self.nginx[-1]

    def close(self) -> None:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(lambda nginx: nginx.engine("stop"), self.nginx))
        for node in self.nodes:
            node.close()

    def counted(self, dimension: str, prefix: str) -> list[dict[str, int]]:
        """Of each server: values of the dimension that begin so, and how often each is counted."""
        return [
            {value: count for value, count in site.table(dimension, limit=10_000).items() if value.startswith(prefix)}
            for site in self.sites
        ]


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="footfall-test-"))
    folder.chmod(0o755)  # nginx does not run as root, and has to find its own below.
    running: Cluster | None = None
    try:
        running = Cluster(folder)
        yield running
    finally:
        if running:
            running.close()
        if running is None or getattr(request.session, "footfall_failed", False) or os.environ.get("FOOTFALL_TEST_KEEP"):
            print(f"\nkept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def front(cluster: Cluster) -> Nginx:
    return cluster.front


@pytest.fixture
def apart(cluster: Cluster) -> Nginx:
    return cluster.apart


class TestEntrance:
    def test_tls_1_2_and_1_3_are_spoken_and_http_2_is_offered(self, front: Nginx):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = trusting(Pair(front.folder / "tls/certificate.pem", front.folder / "tls/key.pem"))
            context.minimum_version = context.maximum_version = version
            context.set_alpn_protocols(["h2", "http/1.1"])
            with socket.create_connection(("127.0.0.1", front.port), timeout=20) as raw:
                with context.wrap_socket(raw, server_hostname="localhost") as tls:
                    assert tls.selected_alpn_protocol() == "h2"
                    assert tls.version() == version.name.replace("_", ".")

    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    def test_older_versions_are_refused(self, front: Nginx):
        context = trusting(Pair(front.folder / "tls/certificate.pem", front.folder / "tls/key.pem"))
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        with socket.create_connection(("127.0.0.1", front.port), timeout=20) as raw, pytest.raises(ssl.SSLError):
            context.wrap_socket(raw, server_hostname="localhost")

    def test_http_leads_to_https_and_a_post_stays_one(self, front: Nginx):
        for method, path in (("GET", "/sites/shop?range=7d"), ("POST", "/api/v1/events")):
            answer = request(front.plain_port, method, path)
            assert answer.status == 308
            assert answer.headers["Location"] == f"https://127.0.0.1:{front.port}{path}"

    def test_what_is_of_one_node_is_not_told_outside(self, front: Nginx):
        for path in ("/metrics", "/readyz", "/%6detrics", "//metrics", "/assets/../metrics", "/metrics?a=b"):
            answer = front.request("GET", path)
            assert answer.status == 404 and b"footfall_" not in answer.body, path
        for answer in (front.request("GET", "/healthz"), request(front.plain_port, "GET", "/healthz")):
            assert answer.status == 200 and answer.json() == {"status": "ok"}

    def test_each_security_header_is_said_once_and_by_the_right_one(self, front: Nginx):
        for path in ("/", "/api/v1/status", "/api/v1/no-such", "/footfall.js"):
            headers = front.request("GET", path).headers
            for name in ("Cache-Control", "X-Content-Type-Options", "Referrer-Policy", "X-Frame-Options", "Content-Security-Policy",
                         "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Strict-Transport-Security"):
                assert len(headers.get_all(name) or []) == 1, (path, name, headers.items())
            assert headers["Server"] == "nginx"

    def test_limits_are_those_of_the_nodes_and_pages_may_read_what_they_are_told(self, front: Nginx):
        assert front.request("GET", "/", headers={"X-Long": "x" * 6000, "X-Longer": "x" * 6000}).status == 200
        assert front.request("GET", "/", headers={f"X-Long-{number}": "x" * 6000 for number in range(3)}).status == 400
        # The first by a node, the second by nginx.
        for size in (1024 * 1024 + 1, 3 * 1024 * 1024):
            answer = front.request("POST", "/api/v1/events", b" " * size)
            assert answer.status == 413 and answer.json()["error"]["code"] == "too_large", answer
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"

    def test_an_address_has_so_many_requests_at_once(self, front: Nginx):
        waiting = []
        try:
            for _ in range(60):
                connection = front.connection("127.0.0.77")
                connection.connect()
                # A head, and a body that does not come.
                connection.sock.sendall(b"POST /api/v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
                waiting.append(connection)
            answer = wait_until(lambda: refused(front.request("POST", "/api/v1/events", [], source="127.0.0.77")), 10, "one is too many")
            assert answer.status == 429 and answer.headers["Retry-After"] == "1", answer
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert front.request("POST", "/api/v1/events", [], source="127.0.0.78").status == 200
        finally:
            for connection in waiting:
                connection.close()

    def test_answers_are_compressed_where_footfall_does_not_do_it(self, front: Nginx):
        answer = front.request("GET", "/api/v1/openapi.json", headers={"Accept-Encoding": "gzip"})
        assert answer.headers["Content-Encoding"] == "gzip" and "Accept-Encoding" in answer.headers["Vary"]
        answer = front.request("GET", "/footfall.js", headers={"Accept-Encoding": "br, gzip"})
        assert answer.headers["Content-Encoding"] == "br" and answer.headers.get_all("Vary") == ["Accept-Encoding"]

    def test_the_log_has_no_query_and_no_whole_address(self, front: Nginx):
        front.request("GET", "/api/v1/pixel.gif?tracking_id=no-such&page=/secret-page", source="127.0.0.42")

        def mine() -> list[dict[str, Any]]:
            return [entry for entry in front.log() if entry["path"] == "/api/v1/pixel.gif"]

        [entry] = wait_until(mine, 10, "the request is written down")
        assert entry["network"] == "127.0.0.0" and entry["status"] == 200 and entry["upstream_status"] == "200"
        # Others, as the CDN names them, from whose address these come.
        networks = {"203.0.113.77": "203.0.113.0", "2001:db8:1:2::fade": "2001:db8:1::", "2001:db8:0:1:2:3:4:fade": "2001:db8:0::",
                    "2001:db8::fade": "2001:db8::", "fe80::fade": "fe80::", "::fade": "::"}
        for address in networks:
            front.request("GET", f"/named/{networks[address]}", headers={"X-Forwarded-For": address}, source="127.0.0.100")

        def named() -> dict[str, str]:
            return {entry["path"].removeprefix("/named/"): entry["network"] for entry in front.log() if entry["path"].startswith("/named/")}

        wait_until(lambda: len(named()) == len(networks), 10, "all are written down")
        assert named() == {network: network for network in networks.values()}
        written = "".join(path.read_text() for path in front.folder.glob("*.log"))
        assert "secret-page" not in written and "127.0.0.42" not in written
        assert not any(address in written for address in networks)


class TestRouting:
    def test_events_go_to_collectors_and_everything_else_to_query_nodes(self, cluster: Cluster, apart: Nginx):
        collector, query_node = cluster.sites
        for number in range(3):
            answer = apart.request("POST", "/api/v1/events", [custom(SITE, f"route-{number}")])
            assert answer.status == 200 and answer.json()["received"] == 1, answer
        assert apart.request("OPTIONS", "/api/v1/events", headers={"Origin": "https://shop.example"}).status == 204
        assert apart.request("GET", f"/api/v1/pixel.gif?tracking_id={SITE}&page=/route-pixel").status == 200
        wait_until(lambda: len(cluster.counted("event_name", "route-")[0]) == 3, 10, "the collector has counted them")
        wait_until(lambda: cluster.counted("page", "/route-")[0] == {"/route-pixel": 1}, 10, "and the pixel")
        assert cluster.counted("event_name", "route-")[1] == {} and cluster.counted("page", "/route-")[1] == {}

        # Keys are of one server alone here, so they tell which one was asked.
        question = {"website_id": SITE, "metrics": ["events"], "time_range": "all"}
        for path in ("/api/v1/query", "/api/v1/live/ticket"):
            for site, status in ((query_node, 200), (collector, 401)):
                answer = apart.request("POST", path, question if path.endswith("query") else None, bearer(site.key("read")))
                assert answer.status == status, (path, answer)
        assert apart.request("GET", "/api/v1/sites", headers=bearer(query_node.key("read"))).status == 200
        page = apart.request("GET", "/")
        assert page.status == 200 and b"<title>Footfall" in page.body

    def test_streamed_answers_come_through(self, cluster: Cluster, apart: Nginx):
        site = cluster.sites[1]
        question = {"website_id": SITE, "metrics": ["events"], "time_range": "all"}
        for form, wanted in (("text/event-stream", b"event: answer\n"), ("application/x-ndjson", b"{"), ("text/csv", b"events")):
            headers = bearer(site.key("read")) | {"Accept": form}
            answer = apart.request("POST", "/api/v1/query", question, headers)
            assert answer.status == 200 and wanted in answer.body, answer
            assert answer.headers["Content-Type"].startswith(form)


class TestVisitors:
    def test_the_address_is_the_visitors_own_and_no_claim_of_his(self, cluster: Cluster, apart: Nginx):
        site = cluster.sites[0]

        def visit(source: str, cdn: bool = False, **headers: str) -> int:
            """How many visitors there are once this one has come."""
            before = site.value("pageviews")
            answer = apart.request("POST", "/api/v1/events", [pageview(SITE)], headers, source=source, cdn=cdn)
            assert answer.status == 200, answer
            site.wait_value("pageviews", before + 1)
            return site.value("visitors")

        first = visit("127.0.0.2")
        claims = ({"X-Forwarded-For": "198.51.100.1"}, {"X-Forwarded-For": "198.51.100.2, 127.0.0.100"},
                  {"Forwarded": "for=198.51.100.3"}, {"X-Real-IP": "198.51.100.4"})
        for claim in claims:
            assert visit("127.0.0.2", **claim) == first, claim
        assert visit("127.0.0.3") == first + 1
        # The same visitor, whether he comes by the CDN or not.
        assert visit("127.0.0.3", cdn=True) == first + 1
        for claim in claims:
            assert visit("127.0.0.2", cdn=True, **claim) == first + 1, claim
        assert visit("127.0.0.4", cdn=True) == first + 2

    def test_the_scheme_is_what_was_spoken_with_nginx(self, cluster: Cluster, apart: Nginx):
        node = cluster.nodes[1]
        node.command("user", "add", "a@shop.example", "--role", "owner", stdin=PASSWORD + "\n")
        account = {"email": "a@shop.example", "password": PASSWORD}
        for cdn, port in ((False, apart.port), (True, apart.cdn_port)):
            headers = {"Origin": f"https://127.0.0.1:{port}", "Content-Type": "application/json", "X-Forwarded-Proto": "http"}
            answer = apart.request("POST", "/api/v1/session", account, headers, cdn=cdn)
            assert answer.status in (200, 201), answer
            assert answer.headers["Set-Cookie"].startswith("__Host-") and "; Secure" in answer.headers["Set-Cookie"]


def pageviews_of(message: Any) -> int:
    return sum(minute["pageviews"] for minute in message["minutes"])


class TestLive:
    def test_a_socket_gets_its_updates(self, cluster: Cluster, apart: Nginx):
        site = cluster.sites[1]
        for port in (apart.port, apart.cdn_port):
            with WebSocket(port, f"/api/v1/live?website_id={SITE}", bearer(site.key("read")), tls=apart.context) as live:
                before = pageviews_of(live.json())
                site.send(pageview(SITE))
                wait_until(lambda: pageviews_of(live.json()) == before + 1, 10, "the socket tells of it")

    def test_a_ticket_is_good_from_another_address(self, cluster: Cluster, front: Nginx):
        """It is kept in the memory of one of two nodes; only one of the two keys is known to that one."""
        told = [front.request("POST", "/api/v1/live/ticket", None, bearer(site.key("read"))).status for site in cluster.sites]
        assert sorted(told) == [200, 401], told
        key = bearer(cluster.sites[told.index(200)].key("read"))
        for number in range(2, 14):
            answer = front.request("POST", "/api/v1/live/ticket", {"website_id": SITE}, key, source=f"127.0.1.{number}")
            assert answer.status == 200, answer
            headers = {
                "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            }
            connection = front.connection(f"127.0.2.{number}")
            assert ask(connection, "GET", f"/api/v1/live?ticket={answer.json()['ticket']}", headers=headers).status == 101
            connection.close()

    def test_analysts_are_spread_over_the_nodes(self, cluster: Cluster, front: Nginx):
        key = bearer(cluster.sites[0].key("read"))
        told = {front.request("GET", "/api/v1/sites", headers=key, source=f"127.0.3.{number}").status for number in range(2, 18)}
        assert told == {200, 401}

    def test_no_other_protocol_is_switched_to(self, front: Nginx):
        headers = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__"}
        assert front.request("GET", "/api/v1/live", headers=headers).status == 401


class TestCdn:
    def test_files_with_a_hash_are_fetched_once_and_the_api_is_asked_each_time(self, front: Nginx):
        page = front.request("GET", "/", cdn=True)
        assert page.headers["X-Cache-Status"] == "PASS" and page.headers["Cache-Control"] == "no-cache"
        assets = re.findall(r'"(/assets/[^"]+)"', page.body.decode())
        assert len(assets) > 3
        for path in assets:
            for asked, status in (("br, gzip", "MISS"), ("gzip, deflate, br", "HIT"), ("gzip", "MISS"), ("gzip", "HIT")):
                answer = front.request("GET", path, headers={"Accept-Encoding": asked, "Cookie": "a=b"}, cdn=True)
                assert answer.status == 200 and answer.headers["Cache-Control"] == IMMUTABLE, (path, answer.headers.items())
                assert answer.headers["X-Cache-Status"] == status, (path, asked)
                if "/app-" in path:  # small files are not compressed
                    assert answer.headers["Content-Encoding"] == ("br" if "br" in asked else "gzip")
        script = [front.request("GET", f"/footfall.js?v={number}", cdn=True) for number in range(2)]
        assert [answer.headers["X-Cache-Status"] for answer in script] == ["MISS", "HIT"]
        assert script[1].headers["Cache-Control"].startswith("public, max-age=3600")
        assert script[1].headers["Access-Control-Allow-Origin"] == "*"

        calls = [("GET", "/api/v1/status", None), ("POST", "/api/v1/events", [custom(SITE, "cdn")]),
                 ("GET", f"/api/v1/pixel.gif?tracking_id={SITE}&page=/cdn", None), ("GET", "/assets/no-such.js", None), ("GET", "/", None)]
        for method, path, body in calls:
            for _ in range(2):
                answer = front.request(method, path, body, cdn=True)
                assert answer.headers["X-Cache-Status"] in ("PASS", "MISS"), (path, answer.headers.items())

        wait_until(lambda: len(front.log("cdn")) == 1 + 4 * len(assets) + 2 + 2 * len(calls), 10, "all of it is written down")
        done = subprocess.run([str(ROOT / "deploy/nginx/hit-ratio"), str(front.folder / "cdn.log")], capture_output=True, text=True)
        print(done.stdout)
        assert done.returncode == 0, done
        table = {line.split()[0]: line.split() for line in done.stdout.splitlines()}
        assert table["assets"][1:4:2] == [str(4 * len(assets) + 2), str(2 * len(assets))]
        assert table["script"][1:4:2] == ["2", "1"] and table["other"][3] == "0"

    def test_what_is_kept_outlives_the_origin(self, cluster: Cluster, front: Nginx):
        """Nodes that are gone for a while: pages of sites still get their script."""
        [path] = re.findall(r'src="(/assets/[^"]+)"', front.request("GET", "/").body.decode())
        assert front.request("GET", path, cdn=True).status == 200
        for node in cluster.nodes:
            os.kill(node.pid, signal.SIGSTOP)
        try:
            assert front.request("GET", path, cdn=True).headers["X-Cache-Status"] == "HIT"
        finally:
            for node in cluster.nodes:
                os.kill(node.pid, signal.SIGCONT)


class Sender(threading.Thread):
    """Sends an event a request. With ids it sends each until it is acknowledged, as our SDK does, without any it sends each once."""

    def __init__(self, load: "Load", number: int, has_ids: bool):
        super().__init__(name=f"sender {number}")
        self.load = load
        self.number = number
        self.has_ids = has_ids
        self.acknowledged: list[str] = []
        self.failed: dict[str, list[int]] = {}  # what each of them was told instead
        self.broken: str | None = None

    def run(self) -> None:
        try:
            connection = self.load.nginx.connection()
            count = 0
            while not self.load.stopping.wait(0.02):
                label = f"load-{self.number}-{count}"
                count += 1
                event = custom(SITE, "load", properties={"label": label})
                if not self.has_ids:
                    del event["event_id"]
                while not self.attempt(connection, label, event) and self.has_ids:
                    assert len(self.failed[label]) < 100, "it is refused for ever"
            connection.close()
        except BaseException as reason:  # the test's thread tells it
            self.broken = f"{self.name}: {reason!r}"

    def attempt(self, connection: http.client.HTTPSConnection, label: str, event: dict[str, Any]) -> bool:
        answer = ask(connection, "POST", "/api/v1/events", [event])
        if answer.status == 200:
            assert answer.json()["received"] == 1, answer
            self.acknowledged.append(label)
            return True
        # nginx itself never closes a connection without an answer.
        assert answer.status in (502, 504) and answer.headers["Retry-After"] == "1", answer
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        self.failed.setdefault(label, []).append(answer.status)
        return False


class Load:
    def __init__(self, nginx: Nginx):
        self.nginx = nginx
        self.stopping = threading.Event()
        self.senders = [Sender(self, number, has_ids=number % 2 == 0) for number in range(8)]

    def __enter__(self) -> "Load":
        for sender in self.senders:
            sender.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.stopping.set()
        for sender in self.senders:
            sender.join(30)
        assert not [sender.broken for sender in self.senders if sender.broken or sender.is_alive()]

    def acknowledged(self) -> int:
        return sum(len(sender.acknowledged) for sender in self.senders)

    def wait_more(self, events: int) -> None:
        target = self.acknowledged() + events
        wait_until(
            lambda: self.acknowledged() >= target or any(sender.broken for sender in self.senders), 20, f"{events} more are acknowledged"
        )


class TestFailures:
    """Each has an nginx of its own, since that leaves a node that failed alone for some seconds."""

    @pytest.fixture
    def front(self, cluster: Cluster, request: pytest.FixtureRequest) -> Nginx:
        return cluster.start(cluster.folder / request.function.__name__, cluster.nodes, cluster.nodes)

    @pytest.fixture
    def impatient(self, cluster: Cluster, request: pytest.FixtureRequest) -> Nginx:
        return cluster.start(cluster.folder / request.function.__name__, cluster.nodes, cluster.nodes, COLLECTOR_TIMEOUT="3s")

    def test_a_killed_collector_costs_repetitions_and_no_acknowledged_event(self, cluster: Cluster, front: Nginx):
        victim = cluster.nodes[0]
        with Load(front) as load:
            load.wait_more(200)
            victim.kill()
            load.wait_more(300)
            victim.start()
            wait_until(lambda: victim.metric("footfall_events_accepted_total") > 0, 15, "nginx gives it events again", every_s=0.1)
            load.wait_more(100)
        acknowledged = [label for sender in load.senders for label in sender.acknowledged]
        failed = {label: told for sender in load.senders for label, told in sender.failed.items()}
        # Of what was on its way when it died. All later ones were given to the other node without a word to the client.
        assert sum(len(told) for told in failed.values()) <= 2 * len(load.senders), failed

        def settled() -> bool:
            both = cluster.counted("property:label", "load-")
            return all(label in both[0] or label in both[1] for label in acknowledged)

        wait_until(settled, 20, "all that was acknowledged is counted", every_s=0.2)
        both = cluster.counted("property:label", "load-")
        counts = {label: sum(one.get(label, 0) for one in both) for label in {*acknowledged, *failed, *both[0], *both[1]}}
        for label, count in counts.items():
            if label not in failed:
                assert count == 1, (label, count)
            else:
                # The repetition of an event with an id may have gone to the other store; behind Kafka the two become one. Without an id
                # there was none, and nginx has made none.
                is_repeated = label in acknowledged
                assert (1 if is_repeated else 0) <= count <= (2 if is_repeated else 1), (label, count, failed[label])
        before = sum(1 for label in acknowledged if label in both[0])
        assert before > 50 and len(both[1]) > 300, "the load went to one of them alone"
        print(f"{len(acknowledged)} acknowledged, {len(failed)} told otherwise; {len(both[0])} and {len(both[1])} in the two stores")

    def test_what_a_frozen_collector_may_have_taken_is_sent_to_no_other(self, cluster: Cluster, impatient: Nginx):
        """It has the whole request and does not answer: nothing else shows so well what would be doubled."""

        def post(number: int) -> int:
            event = custom(SITE, f"frozen-{number}")
            del event["event_id"]
            return impatient.request("POST", "/api/v1/events", [event]).status

        told = while_frozen(cluster.nodes[0], post)
        # Those that wait have it; the others go to the collector that has fewer on its hands.
        assert set(told) == {200, 504}, told

        def both() -> list[dict[str, int]]:
            return cluster.counted("event_name", "frozen-")

        wait_until(lambda: sum(len(one) for one in both()) >= 4, 20, "what waited is counted too")
        assert both() == [{f"frozen-{number}": 1 for number in range(4) if told[number] == status} for status in (504, 200)]

    def test_a_pixel_that_is_sent_twice_is_the_same_event(self, cluster: Cluster, impatient: Nginx):
        def load(number: int) -> int:
            return impatient.request("GET", f"/api/v1/pixel.gif?tracking_id={SITE}&page=/frozen-{number}").status

        assert while_frozen(cluster.nodes[0], load) == [200, 200, 200, 200]

        def ids(site: Site) -> dict[str, str]:
            done = run_command("export", "--site", SITE, data=site.server.data)
            assert done.returncode == 0, done.stderr
            events = [json.loads(line) for line in done.stdout.splitlines()]
            return {event["data"]["page"]: event["event_id"] for event in events if event["data"].get("page", "").startswith("/frozen-")}

        def both() -> list[dict[str, str]]:
            return [ids(site) for site in cluster.sites]

        wait_until(lambda: both()[0] and len(both()[1]) == 4, 20, "some are in both stores", every_s=0.2)
        frozen, other = both()
        assert frozen == {page: other[page] for page in frozen}

    def test_nobody_notices_a_node_that_is_gone(self, cluster: Cluster, front: Nginx):
        cluster.nodes[0].kill()
        try:
            for number in range(2, 18):
                source = f"127.0.4.{number}"
                assert front.request("GET", "/", source=source).status == 200
                # These change something, and go on to the other node all the same, since the first one had nothing of them.
                assert front.request("POST", "/api/v1/session", {}, source=source).status < 500
                assert front.request("POST", "/api/v1/events", [custom(SITE, "gone")], source=source).status == 200
        finally:
            cluster.nodes[0].start()
        for node in cluster.nodes:
            node.kill()
        try:
            for path in ("/", "/api/v1/status"):
                answer = front.request("GET", path)
                assert answer.status == 502 and answer.json()["error"]["code"] == "unavailable", answer
        finally:
            for node in cluster.nodes:
                node.start()


def while_frozen(node: Server, send: Callable[[int], int]) -> list[int]:
    """What four requests at once are answered while a node stands still, as it would in a pause of its machine; then it goes on."""
    os.kill(node.pid, signal.SIGSTOP)
    try:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            return list(pool.map(send, range(4)))
    finally:
        os.kill(node.pid, signal.SIGCONT)
