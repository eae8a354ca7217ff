"""contract.md, "Collecting": bodies, encodings, limits, early answers, CORS. What is inside an event:
test_collecting_events.py."""

import base64
import contextlib
import gzip
import json
import select
import socket
import time
from typing import Any

import pytest

from support.client import Client, bearer
from support.encodings import brotli_encode, gzip_encode, zstd_bomb, zstd_encode
from support.events import custom, pageview, uuid7
from support.server import Server, Site
from support.wait import wait_until

MIB = 1024 * 1024
URL = "/api/v1/events"

ENCODERS = {"gzip": gzip_encode, "zstd": zstd_encode, "br": brotli_encode}

# Five pageviews of the site "golden-site", /golden/0 to /golden/4, compressed by the usual encoders: zstd -19 and
# Brotli at quality 11.
GOLDEN = {
    "br": (
        "G+IDQKyOdxjDiKoIHSwiwj/rwrsc3pKxdk7779/fPyHDYhmlvFIySH3alshesnT1BQj8545rC/3APnJvK6iAygIOJJUIArVzulEIhiL/"
        "0c+qc13wZ9+TKmhZeRoMAJwZS0DCJtpFBibYMFtXVIrRqumXzdBxzEKfRMQQDqm49j882xO/DoRY28C4vovKU4flND4r9DYiV+tQITfr"
        "0CAP1mGAPFp1bAE="
    ),
    "zstd": (
        "KLUv/QRovQUAUsgeIJDPGP//yzqDmV24caKkyUcQxG3C/fxYTPBGZpZ1NwgBznEYRlEQRAXC0N5b2oW9C1t37N5l0/am9LW+dG2OaSmm"
        "9SR6opqxdr4XrIvFG0ffeQuwR1Y2TViuIKy7Z+4T1q5921bADkoSDAFGXkgKMdi62Cg/Gzt3CzYBGCDwJJBaDwAVjt6UMo7KlB6DsjkV"
        "LuhVZTECLXaYymozgY8w7DlrMx5qvbM0Z/P5FxPMsEArDgBjmL33Vw=="
    ),
}
# 64 MiB of blanks in 106 bytes.
BROTLI_BOMB = (
    "y///P/glQOKxQCD3/o///3/wSwDEYRGA7v0f////4JcAiMMCAN37P/7//8EvARCHBQC693/8//+DXwIgDgsAdO//+P//B78EQBwWAOje"
    "//H//w9+CYA4LADQvf/L//8//BIAcVgAoHv/Bw=="
)


def refused(answer: Any, status: int) -> None:
    """The contract's error object, and nothing of a success in it."""
    assert answer.status == status, answer
    error = answer.json()["error"]
    assert isinstance(error["code"], str) and error["code"], answer
    assert isinstance(error["message"], str) and error["message"], answer


class TestForms:
    def test_an_array_of_events_is_taken(self, site: Site):
        assert site.post([pageview(site.id, "/a"), pageview(site.id, "/b")]).json() == {
            "status": "ok",
            "received": 2,
            "rejected": [],
            "duplicates": 0,
        }
        site.wait_events(2)

    def test_one_event_without_an_array_is_taken(self, site: Site):
        answer = site.post(pageview(site.id))
        assert answer.status == 200
        assert answer.json() == {"status": "ok", "received": 1, "rejected": [], "duplicates": 0}
        assert answer.headers.get_content_type() == "application/json"
        site.wait_events(1)

    def test_an_empty_array_is_no_error(self, site: Site):
        assert site.post([]).json() == {"status": "ok", "received": 0, "rejected": [], "duplicates": 0}

    @pytest.mark.parametrize(
        "content_type",
        ["application/json", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "nonsense", None],
    )
    def test_any_content_type_is_taken(self, site: Site, content_type: str | None):
        answer = site.post(pageview(site.id), {"Content-Type": content_type} if content_type else {})
        assert answer.status == 200 and answer.json()["received"] == 1, answer

    def test_the_example_of_the_contract_is_taken_with_all_that_it_says(self, site: Site):
        event = {
            "event_id": uuid7(),
            "type": "pageview",
            "tracking_id": site.id,
            "session_id": "s-1",
            "user_id": "u-1",
            "data": {
                "page": "/pricing?utm_source=news",
                "title": "Pricing",
                "referrer": "https://news.example/",
                "timestamp": time.time_ns() // 1_000_000,
            },
            "context": {
                "url": "https://site.example/pricing?utm_source=news",
                "screen": "1920x1080",
                "viewport": "1200x800",
                "language": "de-DE",
                "timezone": "Europe/Berlin",
                "sdk": "web/1.0.0",
            },
        }
        assert site.post([event]).json()["received"] == 1
        site.wait_events(1)
        names = ["page", "title", "referrer", "hostname", "source", "language", "user_id", "session_id"]
        assert site.query(["events"], names)["rows"] == [
            ["/pricing", "Pricing", "https://news.example/", "site.example", "news", "de-DE", "u-1", "s-1", 1]
        ]

    def test_requests_follow_each_other_on_one_connection(self, site: Site):
        client = Client(site.server.port)
        for _ in range(5):
            assert client.request("POST", URL, pageview(site.id)).status == 200
            assert client.connection is not None, "the server closed the connection"
        client.close()
        site.wait_events(5)

    def test_a_chunked_body_is_taken(self, site: Site):
        body = json.dumps([pageview(site.id), pageview(site.id)]).encode()
        chunks = (
            b"".join(b"%x\r\n%s\r\n" % (len(body[i : i + 50]), body[i : i + 50]) for i in range(0, len(body), 50))
            + b"0\r\n\r\n"
        )
        head = b"POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n" % URL.encode()
        status, text = exchange(site.server, head + chunks)
        assert status == 200 and json.loads(text)["received"] == 2


def exchange(server: Server, sent: bytes, limit_s: float = 10) -> tuple[int, bytes]:
    """What a plain socket gets back until the server closes it: status and body."""
    with socket.create_connection(("127.0.0.1", server.port), limit_s) as connection:
        connection.sendall(sent)
        got = b""
        while piece := connection.recv(65_536):
            got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


class TestEncodings:
    @pytest.mark.parametrize("name", ENCODERS)
    def test_an_encoded_body_is_taken(self, site: Site, name: str):
        body = ENCODERS[name](json.dumps([pageview(site.id, f"/{name}/{i}") for i in range(300)]).encode())
        answer = site.post(body, {"Content-Encoding": name})
        assert answer.status == 200 and answer.json()["received"] == 300, answer
        site.wait_events(300)

    def test_a_compressed_body_is_taken_as_the_usual_encoders_write_it(self, start_server):
        site = start_server().add_site(site_id="golden-site")
        answer = site.post(base64.b64decode(GOLDEN["br"]), {"Content-Encoding": "br"})
        assert answer.json() == {"status": "ok", "received": 5, "rejected": [], "duplicates": 0}
        answer = site.post(base64.b64decode(GOLDEN["zstd"]), {"Content-Encoding": "zstd"})
        assert answer.json() == {"status": "ok", "received": 5, "rejected": [], "duplicates": 5}, "the same events"
        site.wait_events(5)
        assert site.table("page") == {f"/golden/{i}": 1 for i in range(5)}
        assert site.table("title") == {"Größe 日本": 5}

    def test_the_name_of_an_encoding_has_no_case_and_identity_is_none(self, site: Site):
        body = json.dumps(pageview(site.id)).encode()
        assert site.post(gzip.compress(body), {"Content-Encoding": "GZip"}).status == 200
        assert site.post(body, {"Content-Encoding": "identity"}).status == 200

    @pytest.mark.parametrize("name", ["deflate", "compress", "lz4", "nonsense"])
    def test_an_unknown_encoding_is_415(self, site: Site, name: str):
        refused(site.post(json.dumps(pageview(site.id)), {"Content-Encoding": name}), 415)

    @pytest.mark.parametrize("name", ENCODERS)
    def test_a_body_that_is_not_so_encoded_is_400(self, site: Site, name: str):
        refused(site.post(json.dumps(pageview(site.id)), {"Content-Encoding": name}), 400)

    @pytest.mark.parametrize("name", ENCODERS)
    def test_a_cut_encoded_body_is_400_and_nothing_of_it_is_taken(self, site: Site, name: str):
        body = ENCODERS[name](json.dumps([pageview(site.id) for _ in range(10)]).encode())
        refused(site.post(body[:-5], {"Content-Encoding": name}), 400)
        site.send(custom(site.id, "after"))
        site.wait_events(1)

    def test_a_gzip_body_may_be_of_several_members(self, site: Site):
        """RFC 1952, section 2.2: as a log that was appended to, or the encoder of a proxy that flushes, has it."""
        body = gzip_encode(b"[" + json.dumps(pageview(site.id)).encode()) + gzip_encode(b"]")
        answer = site.post(body, {"Content-Encoding": "gzip"})
        assert answer.status == 200 and answer.json()["received"] == 1, answer

    @pytest.mark.parametrize("name", ENCODERS)
    def test_garbage_behind_an_encoded_body_is_400(self, site: Site, name: str):
        body = ENCODERS[name](json.dumps(pageview(site.id)).encode())
        refused(site.post(body + b"garbage", {"Content-Encoding": name}), 400)

    @pytest.mark.parametrize("name", ENCODERS)
    def test_S2_a_body_that_unpacks_to_more_than_one_mebibyte_is_413(self, site: Site, name: str):
        bomb = {
            "gzip": lambda: gzip.compress(b" " * (64 * MIB)),
            "zstd": lambda: zstd_bomb(1024 * MIB),
            "br": lambda: base64.b64decode(BROTLI_BOMB),
        }[name]()
        assert len(bomb) < MIB
        refused(site.post(bomb, {"Content-Encoding": name}), 413)

    def test_the_limit_is_that_of_the_unpacked_body(self, site: Site):
        """However well it packs: a thousand events of one page are much alike."""
        alike = [pageview(site.id, "/the/same/page", title="The same title of the same page " * 15) for _ in range(1000)]
        body = json.dumps(alike).encode()
        assert MIB // 2 < len(body) < MIB
        assert site.post(gzip.compress(body, 9), {"Content-Encoding": "gzip"}).json()["received"] == 1000
        assert site.post(gzip.compress(padded(site, MIB)), {"Content-Encoding": "gzip"}).json()["received"] == 1
        refused(site.post(gzip.compress(padded(site, MIB + 1)), {"Content-Encoding": "gzip"}), 413)


def padded(site: Site, size: int) -> bytes:
    """A body of one event and exactly `size` bytes, filled with blanks."""
    body = json.dumps([pageview(site.id)]).encode()
    return body[:-1] + b" " * (size - len(body)) + b"]"


class TestLimits:
    def test_a_body_of_one_mebibyte_is_taken_and_one_byte_more_is_413(self, site: Site):
        assert site.post(padded(site, MIB)).json()["received"] == 1
        refused(site.post(padded(site, MIB + 1)), 413)
        site.send(custom(site.id, "after"))
        site.wait_events(2)

    def test_a_thousand_events_are_taken_and_one_more_is_413_with_nothing_taken(self, site: Site):
        assert site.post([custom(site.id) for _ in range(1000)]).json()["received"] == 1000
        refused(site.post([custom(site.id) for _ in range(1001)]), 413)
        site.send(custom(site.id, "after"))
        site.wait_events(1001)

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(b"", id="empty"),
            pytest.param(b"{", id="cut"),
            pytest.param(b"[{}] x", id="trailing"),
            pytest.param(b'{"type": "pageview",}', id="comma"),
            pytest.param(b"null", id="null"),
            pytest.param(b"17", id="number"),
            pytest.param(b'"text"', id="text"),
            pytest.param(b'{"type": NaN}', id="nan"),
            pytest.param(b'{"type": "page\xff"}', id="bad UTF-8"),
            pytest.param(b'{"type": "page\xc0\xaf"}', id="overlong UTF-8"),
            pytest.param(b'{"type": "page\xed\xa0\x80"}', id="surrogate in UTF-8"),
            pytest.param('{"type": "pageview"}'.encode("utf-16"), id="UTF-16"),
            pytest.param(b'{"type": "page\nview"}', id="control character"),
            pytest.param(b"[" * 10_000 + b"]" * 10_000, id="deep"),
            pytest.param(b"event_id=1&type=pageview", id="form"),
        ],
    )
    def test_S1_a_body_that_is_not_utf8_json_is_400(self, site: Site, body: bytes):
        refused(site.post(body), 400)

    def test_nothing_of_a_body_with_a_broken_end_is_taken(self, site: Site):
        refused(site.post(json.dumps([pageview(site.id) for _ in range(5)])[:-2]), 400)
        site.send(custom(site.id, "after"))
        site.wait_events(1)

    @pytest.mark.parametrize(
        "data, refused_for",
        [
            pytest.param('{"page": "/", "title": "\\ud800"}', None, id="lone surrogate"),
            pytest.param('{"page": "/", "title": "\\udc00\\ud83dx"}', None, id="halves in the wrong order"),
            pytest.param('{"page": "/", "x": 100000000000000000000}', None, id="1e20 as JSON.stringify writes it"),
            pytest.param('{"page": "/", "x": [18446744073709552000, -9223372036854775809]}', None, id="beyond 64 bits"),
            pytest.param('{"page": "/", "x": ' + "7" * 1000 + "}", None, id="a thousand digits"),
            pytest.param('{"page": "/", "x": {"y": -1e400}}', None, id="beyond a double"),
            pytest.param('{"page": "/", "timestamp": 1e999}', ("data.timestamp", "out_of_range"), id="1e999"),
            pytest.param('{"page": "/", "timestamp": -0}', ("data.timestamp", "out_of_range"), id="minus zero"),
            pytest.param('{"page": 1e999}', ("data.page", "wrong_type"), id="1e999 for a text"),
            pytest.param('{"page": "/", "page": "/b"}', None, id="name twice"),
            pytest.param('{"page": "/", "' + "k" * 900_000 + '": 1}', None, id="long name"),
            pytest.param('{"page": "/", ' + ", ".join(f'"k{i}": 1' for i in range(50_000)) + "}", None, id="many names"),
            pytest.param('{"page": "/\\u0000null"}', None, id="NUL"),
            pytest.param('{"page": "/", "x": ' + "[" * 900 + "]" * 900 + "}", None, id="nested"),
        ],
    )
    def test_S1_what_is_odd_is_judged_alone(self, site: Site, data: str, refused_for: tuple[str, str] | None):
        """Its neighbour is received, and what was received is stored."""
        odd = '{"type": "pageview", "tracking_id": "%s", "data": %s}' % (site.id, data)
        answer = site.post("[%s, %s]" % (odd, json.dumps(pageview(site.id))))
        assert answer.status == 200, answer
        rejected = [{"index": 0, "field": refused_for[0], "reason": refused_for[1]}] if refused_for else []
        told = answer.json()
        assert told["rejected"] == rejected and told["received"] == 2 - len(rejected), answer
        site.wait_events(told["received"])

    def test_large_numbers_are_kept_and_found(self, site: Site):
        """As doubles, however they are written; in a batch of queries as in one."""
        texts = ("100000000000000000000", "1e20", "1" + "0" * 29, "1e400", "18446744073709551615")
        for text in texts:
            event = '{"type": "event", "tracking_id": "%s", "data": {"name": "n", "value": %s, "properties": {"id": %s}}}'
            assert site.post(event % (site.id, text, text)).json()["received"] == 1
        site.wait_events(len(texts))
        for text, count in zip(texts, (2, 2, 1, 1, 1)):
            query = '{"website_id": "%s", "metrics": ["events"], "time_range": "all", "filters": [["property:id", "is", %s]]}'
            body = query % (site.id, text)
            headers = bearer(site.key("read"))
            one = site.server.request("POST", "/api/v1/query", body, headers)
            assert one.status == 200 and one.json()["rows"] == [[count]], one
            many = site.server.request("POST", "/api/v1/query/batch", '{"queries": [%s]}' % body, headers)
            assert many.status == 200 and many.json()["answers"][0]["rows"] == [[count]], many

    def test_the_bound_of_nesting_is_named(self, site: Site):
        answer = site.post("[" * 5000 + "]" * 5000)
        refused(answer, 400)
        message = answer.json()["error"]["message"]
        assert "nested too deeply" in message and "1023" in message


class TestEarlyAnswers:
    def test_a_client_that_sends_two_mebibytes_before_it_reads_gets_its_413(self, site: Site):
        head = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (URL.encode(), 2 * MIB)
        status, text = exchange(site.server, head + b" " * (2 * MIB))
        assert status == 413 and "error" in json.loads(text)

    def test_a_client_that_announces_too_much_is_answered_before_it_sends(self, site: Site):
        with socket.create_connection(("127.0.0.1", site.server.port), 10) as connection:
            connection.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (URL.encode(), 100 * MIB))
            got = connection.recv(65_536)
            assert got.startswith(b"HTTP/1.1 413"), got
            while connection.recv(65_536):  # until it closes, at 2 s or at once
                pass

    def test_a_chunked_body_past_the_limit_is_413(self, site: Site):
        chunk = b"%x\r\n%s\r\n" % (65_536, b" " * 65_536)
        head = b"POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" % URL.encode()
        status, _ = exchange(site.server, head + chunk * 20 + b"0\r\n\r\n")
        assert status == 413

    def test_an_unknown_encoding_is_told_although_the_body_is_long(self, site: Site):
        head = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Encoding: x\r\nContent-Length: %d\r\n\r\n" % (URL.encode(), MIB)
        with socket.create_connection(("127.0.0.1", site.server.port), 10) as connection:
            connection.sendall(head + b" " * MIB)
            assert connection.recv(65_536).startswith(b"HTTP/1.1 415")

    def test_other_clients_are_served_meanwhile(self, site: Site):
        with socket.create_connection(("127.0.0.1", site.server.port), 10) as slow:
            slow.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{" % URL.encode())
            site.send(pageview(site.id))


class TestCors:
    ORIGIN = {"Origin": "https://site.example"}

    def test_a_preflight_is_answered(self, site: Site):
        answer = site.server.request(
            "OPTIONS",
            URL,
            None,
            self.ORIGIN | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"},
        )
        assert answer.status in (200, 204), answer
        assert answer.headers["Access-Control-Allow-Origin"] in ("*", self.ORIGIN["Origin"])
        assert "POST" in answer.headers["Access-Control-Allow-Methods"]
        assert "content-type" in answer.headers["Access-Control-Allow-Headers"].lower()

    @pytest.mark.parametrize("body, status", [("good", 200), ("{", 400)])
    def test_a_page_may_read_the_answer(self, site: Site, body: str, status: int):
        answer = site.post(pageview(site.id) if body == "good" else body, self.ORIGIN)
        assert answer.status == status
        assert answer.headers["Access-Control-Allow-Origin"] in ("*", self.ORIGIN["Origin"])

    @pytest.mark.parametrize(
        "sent, status",
        [
            (b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (URL.encode(), 2 * MIB), 413),
            (
                b"POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s"
                % (URL.encode(), 2 * MIB, b" " * (MIB + 1)),
                413,
            ),
            (b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Encoding: x\r\nContent-Length: 1\r\n\r\n" % URL.encode(), 415),
            (b"POST %s HTTP/1.1\r\nHost: x\r\nA: %s\r\n\r\n" % (URL.encode(), b"a" * 20_000), 431),
            (b"PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % URL.encode(), 405),
        ],
        ids=["announced", "chunked", "encoding", "header", "method"],
    )
    def test_a_page_may_read_what_is_answered_early_too(self, site: Site, sent: bytes, status: int):
        """A browser takes an answer without these headers for a failed network, and the page sends again for ever."""
        with socket.create_connection(("127.0.0.1", site.server.port), 10) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            told = b""
            while piece := connection.recv(65_536):
                told += piece
        assert told.startswith(b"HTTP/1.1 %d " % status), told
        assert told.count(b"\r\nAccess-Control-Allow-Origin: *\r\n") == 1, told
        assert told.count(b"\r\nCross-Origin-Resource-Policy: ") == 1, told

    def test_a_page_may_read_that_there_are_too_many_connections(self, start_server):
        server = start_server("--http.connections_max", "1")
        holder = server.client()
        wait_until(lambda: holder.request("GET", "/healthz").status == 200, 10, "the one connection is this one")
        with contextlib.ExitStack() as open_ones:
            sockets = [
                open_ones.enter_context(socket.create_connection(("127.0.0.1", server.port), 10)) for _ in range(120)
            ]
            for connection in sockets:
                told = b""
                while not told.endswith(b"}}") and (piece := connection.recv(65_536)):
                    told += piece
                head, _, body = told.partition(b"\r\n\r\n")
                lines = head.decode().split("\r\n")
                assert lines[0] == "HTTP/1.1 503 Service Unavailable", told
                assert json.loads(body)["error"]["code"] == "overloaded"
                for line in ("Access-Control-Allow-Origin: *", "X-Content-Type-Options: nosniff", "Cache-Control: no-store"):
                    assert lines.count(line) == 1, told
                assert [line for line in lines if line.startswith("Retry-After: ")], told

    def test_a_page_may_read_that_too_much_is_being_received(self, start_server):
        server = start_server("--http.body_budget_bytes", str(4 * MIB))
        body = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (URL.encode(), MIB, b" " * (MIB - 1))
        with contextlib.ExitStack() as open_ones:
            sockets = [
                open_ones.enter_context(socket.create_connection(("127.0.0.1", server.port), 10)) for _ in range(6)
            ]
            for connection in sockets:
                connection.sendall(body)
            [refused_one, *_], _, _ = select.select(sockets, [], [], 10)
            told = b""
            while not told.endswith(b"}}") and (piece := refused_one.recv(65_536)):
                told += piece
            assert told.startswith(b"HTTP/1.1 503 ") and b"\r\nRetry-After: " in told, told
            assert told.count(b"\r\nAccess-Control-Allow-Origin: *\r\n") == 1, told
            site = server.add_site()
            site.send(pageview(site.id))

    def test_S11_no_other_route_invites_foreign_pages(self, site: Site):
        for method, path in (("POST", "/api/v1/query"), ("GET", "/"), ("GET", "/metrics")):
            answer = site.server.request(method, path, None, self.ORIGIN)
            assert answer.headers["Access-Control-Allow-Credentials"] is None, path
            assert answer.headers["Access-Control-Allow-Origin"] is None, path


class TestRoutes:
    @pytest.mark.parametrize(
        "method, path, length, key, status",
        [
            ("POST", "/api/v1/nothing", 1000, None, 404),
            ("PUT", "/api/v1/query", 1000, None, 405),
            ("PUT", URL, 1000, None, 405),
            ("POST", "/api/v1/query", 1000, None, 401),
            ("POST", "/api/v1/query", 2 * MIB, None, 401),
            ("POST", "/api/v1/query", 1000, "ff_wrong", 401),
            ("POST", "/api/v1/query", 1000, "collect", 403),
            ("POST", "/api/v1/query", 2 * MIB, "read", 413),
            ("POST", "/api/v1/query/batch", 1000, None, 401),
            ("POST", "/api/v1/sites", 1000, "read", 403),
            ("POST", "/api/v1/session", 20_000, None, 413),
            ("GET", "/healthz", MIB, None, 413),
        ],
    )
    def test_what_the_headers_tell_is_answered_before_the_body_is_sent(
        self, site: Site, method: str, path: str, length: int, key: str | None, status: int
    ):
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n"
        if key is not None:
            secret = site.key(key) if key in ("collect", "read") else key
            head += f"Authorization: Bearer {secret}\r\n"
        with socket.create_connection(("127.0.0.1", site.server.port), 5) as connection:
            connection.sendall(f"{head}\r\n".encode())
            assert connection.recv(65_536).startswith(b"HTTP/1.1 %d " % status)

    def test_what_is_not_there_is_404_in_the_shape_of_errors(self, server: Server):
        refused(server.request("GET", "/api/v1/nothing"), 404)

    def test_another_method_is_405_and_names_those_there_are(self, server: Server):
        answer = server.request("GET", URL)
        refused(answer, 405)
        assert "POST" in answer.headers["Allow"]
