"""CSV and NDJSON of more rows than are kept whole anywhere: sent as they come, equal to the pages of the same question, and
given up where the client goes or does not read."""

import contextlib
import csv
import http.client
import io
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from support.client import Answer, bearer
from support.server import Server, Site
from support.slow import fill
from support.store import store
from support.wait import wait_until

ROWS = 60_000
PAGE = 10_000
MANY = 400_000
QUESTION = {
    "metrics": ["pageviews", "visitors", "bounce_rate"],
    "dimensions": ["page"],
    "time_range": "30d",
    "order_by": [["pageviews", "desc"], ["page", "asc"]],
}
PATH = "/api/v1/query"
# Some of them are seen twice.
QUOTED_PAGE = "concat('/a, \"quoted\"/', toString(number), if(number % 7 = 0, '\\n', ''), repeat('x', number % 90))"
TIMES = "1 + number % 2"


def ask(site: Site, name: str, **more: Any) -> Answer:
    headers = bearer(site.key("read"))
    return site.server.request("POST", f"{PATH}?format={name}", {"website_id": site.id} | QUESTION | more, headers)


@pytest.fixture(scope="module")
def filled(server: Server) -> Site:
    site = server.add_site()
    fill(site, ROWS, QUOTED_PAGE, TIMES)
    return site


@pytest.fixture(scope="module")
def pages(filled: Site) -> list[Any]:
    """All rows, by pages of JSON."""
    rows: list[Any] = []
    for offset in range(0, ROWS, PAGE):
        answer = ask(filled, "json", limit=PAGE, offset=offset)
        assert answer.status == 200, answer
        rows += answer.json()["rows"]
    assert len(rows) == ROWS
    return rows


class TestRows:
    def test_ndjson_has_those_of_the_pages(self, filled: Site, pages: list[Any]):
        answer = ask(filled, "ndjson", limit=1_000_000)
        assert answer.status == 200, answer
        assert answer.headers["Transfer-Encoding"] == "chunked" and "Content-Length" not in answer.headers
        assert answer.headers["Content-Type"] == "application/x-ndjson"
        columns = QUESTION["dimensions"] + QUESTION["metrics"]
        rows = [json.loads(line) for line in answer.body.decode().splitlines()]
        assert [list(row) for row in rows[:3]] == [columns] * 3
        assert [list(row.values()) for row in rows] == pages

    def test_csv_has_the_bytes_of_its_pages(self, filled: Site, pages: list[Any]):
        of_pages = [ask(filled, "csv", limit=PAGE, offset=offset).body for offset in range(0, ROWS, PAGE)]
        head = of_pages[0][: of_pages[0].index(b"\r\n") + 2]
        streamed = ask(filled, "csv", limit=ROWS)
        assert streamed.status == 200 and streamed.headers["Transfer-Encoding"] == "chunked"
        assert streamed.body == head + b"".join(page.removeprefix(head) for page in of_pages)
        assert [row[0] for row in csv.reader(io.StringIO(streamed.body.decode(), newline=""))][1:] == [row[0] for row in pages]

    def test_limit_and_offset_are_those_of_pages(self, filled: Site, pages: list[Any]):
        answer = ask(filled, "ndjson", limit=PAGE + 1, offset=40_001)
        assert [json.loads(line)["page"] for line in answer.body.decode().splitlines()] == [
            row[0] for row in pages[40_001 : 40_001 + PAGE + 1]
        ]
        assert ask(filled, "ndjson", limit=PAGE + 1, offset=ROWS).body == b""
        assert ask(filled, "csv", limit=PAGE + 1, offset=ROWS).body == b"page,pageviews,visitors,bounce_rate\r\n"

    def test_few_rows_and_no_dimensions_are_answered_the_same(self, filled: Site):
        for more in ({"dimensions": []}, {"dimensions": ["date"]}, {"filters": [["page", "is", ["/nothing"]]]}):
            more = more | {"order_by": []}
            assert ask(filled, "csv", limit=1_000_000, **more).body == ask(filled, "csv", limit=100, **more).body

    def test_the_connection_goes_on(self, filled: Site):
        client = filled.server.client()
        for _ in range(2):
            body = {"website_id": filled.id, "limit": PAGE + 1} | QUESTION
            answer = client.request("POST", f"{PATH}?format=csv", body, bearer(filled.key("read")))
            assert answer.status == 200 and answer.body.count(b"\r\n") == PAGE + 2
            assert client.connection is not None, "it is kept"
            assert client.request("GET", "/healthz").status == 200
        client.close()

    def test_it_is_counted_and_not_kept(self, filled: Site):
        def counts() -> list[float]:
            return [
                filled.server.metric("footfall_queries_total", result="answered"),
                filled.server.metric("footfall_query_cache_total", result="miss"),
                filled.server.metric("footfall_query_cache_bytes"),
            ]

        answered, misses, kept = counts()
        assert ask(filled, "csv", limit=ROWS).status == 200
        assert counts() == [answered + 1, misses, kept]


class TestLimit:
    @pytest.mark.parametrize("name", ["json", "arrow", "parquet", "events"])
    def test_other_formats_take_fewer(self, filled: Site, name: str):
        told = ask(filled, name, limit=PAGE + 1)
        assert told.status == 400, told
        assert told.json()["error"]["code"] == "out_of_range" and told.json()["error"]["field"] == "limit"
        assert "10000" in told.json()["error"]["message"] and "1000000" in told.json()["error"]["message"]

    @pytest.mark.parametrize("name", ["csv", "ndjson"])
    def test_there_is_a_limit_to_these_too(self, filled: Site, name: str):
        told = ask(filled, name, limit=1_000_001)
        assert told.status == 400 and told.json()["error"]["field"] == "limit", told

    def test_what_goes_wrong_before_the_first_byte_is_an_ordinary_answer(self, filled: Site):
        assert ask(filled, "csv", limit=ROWS, metrics=["nothing"]).json()["error"]["code"] == "unknown_metric"
        headers = {"Authorization": "Bearer wrong"}
        body = {"website_id": filled.id, "limit": ROWS} | QUESTION
        assert filled.server.request("POST", f"{PATH}?format=csv", body, headers).status == 401


class Reader:
    """A client that reads no more than it is told to."""

    def __init__(self, site: Site, **more: Any):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(60)
        self.socket.connect(("127.0.0.1", site.server.port))
        body = json.dumps({"website_id": site.id} | QUESTION | more).encode()
        self.socket.sendall(
            f"POST {PATH}?format=ndjson HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {site.key('read')}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )

    def read(self) -> bytes:
        return self.socket.recv(4096)

    def leave(self) -> None:
        self.socket.close()


def running(server: Server) -> int:
    """Statements of questions in the store."""
    return int(store(server, "SELECT count() FROM system.processes WHERE query LIKE '%footfall%' AND query NOT LIKE '%system.processes%'"))


@pytest.fixture
def large(start_server: Callable[..., Server]) -> Site:
    server = start_server("--query.concurrency_max", "1", "--query.timeout", "10m")
    site = server.add_site()
    fill(site, MANY, QUOTED_PAGE, TIMES)
    return site


class TestGivenUp:
    def test_who_leaves_frees_the_place_and_ends_the_statement(self, large: Site):
        server = large.server
        reader = Reader(large, limit=1_000_000)
        assert reader.read().startswith(b"HTTP/1.1 200 ")
        assert server.metric("footfall_queries_running") == 1, "the sockets do not hold all of it"
        reader.leave()
        wait_until(lambda: server.metric("footfall_queries_running") == 0, 30, "its place is free")
        wait_until(lambda: running(server) == 0, 30, "its statement ends")
        assert server.metric("footfall_queries_total", result="client_gone") == 1
        assert ask(large, "json", limit=1).status == 200

    def test_who_does_not_read_is_cut_off_and_others_are_served(self, large: Site):
        server = large.server
        reader = Reader(large, limit=1_000_000)
        assert reader.read().startswith(b"HTTP/1.1 200 ")
        before = server.metric("footfall_http_timeouts_total")
        assert server.request("GET", "/readyz").status == 200
        # The write timeout is 10 s; its place is the only one.
        wait_until(lambda: server.metric("footfall_queries_running") == 0, 60, "its place is free")
        assert server.metric("footfall_http_timeouts_total") == before + 1
        wait_until(lambda: running(server) == 0, 30, "its statement ends")
        assert large.value("events", time_range="30d") > MANY
        body = b""
        with contextlib.suppress(ConnectionResetError):
            while part := reader.read():
                body = (body + part)[-100:]
        assert not body.endswith(b"\r\n0\r\n\r\n"), "it is seen not to be whole"

    def test_the_deadline_holds_for_who_reads_too_slowly(self, start_server: Callable[..., Server]):
        # Enough for the first rows on a busy machine, and less than the write timeout.
        server = start_server("--query.timeout", "9s")
        site = server.add_site()
        fill(site, MANY, QUOTED_PAGE, TIMES)
        reader = Reader(site, limit=1_000_000)
        ended = http.client.HTTPResponse(reader.socket)
        ended.begin()
        assert ended.status == 200
        wait_until(lambda: server.metric("footfall_queries_total", result="timeout") == 1, 60, "it is given up")
        with pytest.raises((http.client.IncompleteRead, OSError)):
            ended.read()
        wait_until(lambda: running(server) == 0, 30, "its statement ends")

    def test_memory_does_not_grow_with_the_answer(self, large: Site):
        """The server's own: the store's is bounded by its settings."""

        def peak() -> int:
            with open(f"/proc/{large.server.pid}/status", encoding="ascii") as status:
                return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))

        assert ask(large, "csv", limit=20_000).status == 200
        before = peak()
        answer = ask(large, "csv", limit=1_000_000)
        assert len(answer.body) > 25_000_000
        assert peak() - before < len(answer.body) / 3, "it was held"
