"""HTTP/1.1 as RFC 9112 has it, on the wire: what two parsers could read differently is refused and the connection
closed, so that nothing behind it is taken for a request; what is allowed is answered, each request once and in order.

The parser's own table (src/http/parser_test.cc) has more of the same in every piece size; here the answers are seen
through the whole server, with a request behind each that must not be answered."""

import json
import re
import socket

import pytest

from support.client import FIREFOX
from support.events import pageview
from support.server import Server, Site

# What an attacker wants to get past a proxy. Where it is answered, two answers come back.
SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: smuggled\r\n\r\n"
EVENTS = b"POST /api/v1/events HTTP/1.1\r\nHost: a\r\n"


def exchange(server: Server, sent: bytes) -> bytes:
    """Sends all of it and the end of the stream, and reads until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
        raw.sendall(sent)
        raw.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: raw.recv(65536), b""))


def answers(read: bytes, heads_only: bool = False) -> list[tuple[int, dict[str, str], bytes]]:
    """Status, headers (names in lower case) and body of each answer. `heads_only`: they are answers to HEAD."""
    found = []
    while read:
        head, separator, read = read.partition(b"\r\n\r\n")
        assert separator, head
        first, *lines = head.decode().split("\r\n")
        status = int(re.fullmatch(r"HTTP/1\.1 (\d{3}) [A-Za-z ]+", first)[1])  # type: ignore[index]
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        size = 0 if heads_only else int(headers.get("content-length", "0"))
        assert len(read) >= size
        found.append((status, headers, read[:size]))
        read = read[size:]
    return found


REFUSED = {
    "both lengths": (
        EVENTS + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "Content-Length and Transfer-Encoding exclude each other",
    ),
    "both lengths, the other way round": (
        EVENTS + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        400,
        "Content-Length and Transfer-Encoding exclude each other",
    ),
    "two lengths": (
        EVENTS + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n",
        400,
        "Content-Length is given twice with different values",
    ),
    "a list of lengths": (EVENTS + b"Content-Length: 0, 44\r\n\r\n", 400, "Content-Length is no number"),
    "a length with a sign": (EVENTS + b"Content-Length: +0\r\n\r\n", 400, "Content-Length is no number"),
    "a hexadecimal length": (EVENTS + b"Content-Length: 0x0\r\n\r\n", 400, "Content-Length is no number"),
    "a length beyond 64 bits": (
        EVENTS + b"Content-Length: 18446744073709551616\r\n\r\n",
        400,
        "Content-Length is no number",
    ),
    "another coding": (
        EVENTS + b"Transfer-Encoding: identity\r\n\r\n",
        501,
        "the only transfer coding is chunked, once",
    ),
    "a coding before chunked": (
        EVENTS + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        501,
        "the only transfer coding is chunked, once",
    ),
    "chunked twice": (
        EVENTS + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        501,
        "the only transfer coding is chunked, once",
    ),
    "a coding hidden by a control character": (
        EVENTS + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        400,
        "a header's value has control characters",
    ),
    "a coding in HTTP/1.0": (
        b"POST /api/v1/events HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "HTTP/1.0 has no Transfer-Encoding",
    ),
    "a blank before the colon": (EVENTS + b"Content-Length : 44\r\n\r\n", 400, "a header's name is broken"),
    "a folded line": (EVENTS + b"X: a\r\n Content-Length: 44\r\n\r\n", 400, "a header's name is broken"),
    "a bare LF in the head": (
        EVENTS + b"X: a\nContent-Length: 44\r\n\r\n",
        400,
        "a header's value has control characters",
    ),
    "a bare CR in the head": (
        EVENTS + b"X: a\rContent-Length: 44\r\n\r\n",
        400,
        "a header's value has control characters",
    ),
    "a NUL in a value": (EVENTS + b"X: a\0b\r\n\r\n", 400, "a header's value has control characters"),
    "a NUL in a name": (EVENTS + b"X\0: a\r\n\r\n", 400, "a header's name is broken"),
    "a NUL in the target": (b"GET /healthz\0 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "the request line is broken"),
    "a request line that ends with LF": (
        b"GET /healthz HTTP/1.1\nHost: a\r\n\r\n",
        400,
        "the request line ends without CR LF",
    ),
    "a header without a colon": (EVENTS + b"X\r\n\r\n", 400, "a header has no colon"),
    "no host": (b"GET /healthz HTTP/1.1\r\n\r\n", 400, "there must be one Host header"),
    "two hosts": (b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "there must be one Host header"),
    "the same host twice": (
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        400,
        "there must be one Host header",
    ),
    "a host with a path": (b"GET /healthz HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "the Host header is broken"),
    "another expectation": (
        EVENTS + b"Expect: 200-ok\r\nContent-Length: 2\r\n\r\n[]",
        417,
        "the only expectation is 100-continue",
    ),
    "CONNECT": (b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 400, "the request line is broken"),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "this server speaks HTTP/1.1"),
    "HTTP/2.0 on a request": (b"GET /healthz HTTP/2.0\r\nHost: a\r\n\r\n", 505, "this server speaks HTTP/1.1"),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "this is no HTTP request"),
}

# Behind "Transfer-Encoding: chunked".
BROKEN_CHUNKS = {
    "a sign": (b"+2\r\n[]\r\n0\r\n\r\n", "a chunk's size is no number"),
    "a minus": (b"-2\r\n[]\r\n0\r\n\r\n", "a chunk's size is no number"),
    "0x": (b"0x2\r\n[]\r\n0\r\n\r\n", "a chunk's size is no number"),
    "17 digits": (b"00000000000000002\r\n[]\r\n0\r\n\r\n", "a chunk's size is no number"),
    "more than 64 bits": (b"10000000000000002\r\n[]\r\n0\r\n\r\n", "a chunk's size is no number"),
    "a blank before it": (b" 2\r\n[]\r\n0\r\n\r\n", "a chunk's size is no number"),
    "a blank behind it": (b"2 \r\n[]\r\n0\r\n\r\n", "a chunk's size is no number"),
    "nothing": (b"\r\n[]\r\n0\r\n\r\n", "a chunk's size is no number"),
    "a bare LF": (b"2\n[]\r\n0\r\n\r\n", "a chunk's line ends without CR LF"),
    "a bare LF in an extension": (b"2;a\nb\r\n[]\r\n0\r\n\r\n", "a chunk's line ends without CR LF"),
    "a bare CR in an extension": (b"2;a\rb\r\n[]\r\n0\r\n\r\n", "a chunk's size is no number"),
    "an endless extension": (b"2;" + b"e" * 300 + b"\r\n[]\r\n0\r\n\r\n", "a chunk's line is too long"),
    "data that is longer": (b"2\r\n[]]\r\n0\r\n\r\n", "a chunk is longer than its size"),
    "data that ends with LF": (b"2\r\n[]\n0\r\n\r\n", "a chunk's line ends without CR LF"),
    "a trailer with a NUL": (b"2\r\n[]\r\n0\r\nX: \0\r\n\r\n", "a trailer has control characters"),
}


def check_refused(server: Server, sent: bytes, status: int, message: str) -> None:
    (got, headers, body), *more = answers(exchange(server, sent + SMUGGLED))
    assert (got, json.loads(body)["error"]["message"]) == (status, message)
    assert headers["connection"] == "close" and not more, more


class TestWhatIsAmbiguousIsRefusedAndTheConnectionClosed:
    @pytest.mark.parametrize("what", REFUSED)
    def test_heads(self, server: Server, what: str):
        check_refused(server, *REFUSED[what])

    @pytest.mark.parametrize("what", BROKEN_CHUNKS)
    def test_chunks(self, server: Server, what: str):
        body, message = BROKEN_CHUNKS[what]
        check_refused(server, EVENTS + b"Transfer-Encoding: chunked\r\n\r\n" + body, 400, message)


class TestWhatIsAllowedIsAnswered:
    def test_a_chunk_of_any_size_is_too_large_and_not_an_overflow(self, server: Server):
        sent = EVENTS + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n"
        (status, headers, _), *more = answers(exchange(server, sent + SMUGGLED))
        assert (status, headers["connection"], more) == (413, "close", [])

    def test_extensions_and_trailers_of_chunks_mean_nothing(self, server: Server, site: Site):
        event = json.dumps(pageview(site.id)).encode()
        chunks = b"%x;name=\"a b\"\r\n%s\r\n0;last\r\nContent-Length: 44\r\n\r\n" % (len(event), event)
        sent = EVENTS + f"User-Agent: {FIREFOX}\r\nTransfer-Encoding: Chunked\r\n\r\n".encode() + chunks + SMUGGLED
        first, second = answers(exchange(server, sent))
        assert first[0] == 200 and json.loads(first[2])["received"] == 1, first
        assert second[0] == 200

    def test_pipelined_requests_with_bodies_are_answered_in_order(self, server: Server, site: Site):
        sent = b""
        for count in range(1, 6):
            body = json.dumps([pageview(site.id) for _ in range(count)]).encode()
            sent += EVENTS + f"User-Agent: {FIREFOX}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body + SMUGGLED
        found = answers(exchange(server, sent))
        assert [status for status, _, _ in found] == [200] * 10
        assert [json.loads(body)["received"] for _, _, body in found[::2]] == [1, 2, 3, 4, 5]
        site.wait_events(15)

    def test_the_same_length_twice_is_one_length(self, server: Server):
        sent = EVENTS + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n[]" + SMUGGLED
        assert [status for status, _, _ in answers(exchange(server, sent))] == [200, 200]

    def test_absolute_targets_are_their_paths(self, server: Server):
        for target in (b"http://a/healthz", b"HTTPS://other:1/healthz", b"http://[::1]:80/healthz?x"):
            sent = b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n"
            assert [status for status, _, _ in answers(exchange(server, sent))] == [200], target

    def test_http_1_0_is_closed_unless_it_asks_otherwise(self, server: Server):
        closed = answers(exchange(server, b"GET /healthz HTTP/1.0\r\n\r\n" + SMUGGLED))
        assert [(status, headers["connection"]) for status, headers, _ in closed] == [(200, "close")]
        kept = answers(exchange(server, b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + SMUGGLED))
        assert [status for status, _, _ in kept] == [200, 200]
        assert kept[0][1]["connection"] == "keep-alive"

    def test_close_is_respected(self, server: Server):
        sent = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        found = answers(exchange(server, sent + SMUGGLED))
        assert [(status, headers["connection"]) for status, headers, _ in found] == [(200, "close")]

    def test_trace_and_unknown_methods_are_not_allowed_and_echo_nothing(self, server: Server):
        for method in (b"TRACE", b"PURGE"):
            sent = method + b" /healthz HTTP/1.1\r\nHost: a\r\nX-Secret: do-not-echo\r\n\r\n"
            read = exchange(server, sent)
            (status, headers, _), *more = answers(read)
            assert status == 405 and headers["allow"] and not more, read
            assert b"do-not-echo" not in read

    def test_head_has_the_headers_alone(self, server: Server):
        sent = b"HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
        first, second = answers(exchange(server, sent + sent), heads_only=True)
        assert first[0] == second[0] == 200 and int(first[1]["content-length"]) > 0


class TestExpect:
    def test_a_body_that_waits_is_asked_for(self, server: Server):
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
            raw.sendall(EVENTS + b"Expect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n")
            asked = b"HTTP/1.1 100 Continue\r\n\r\n"
            assert raw.recv(len(asked), socket.MSG_WAITALL) == asked
            raw.sendall(b"[]")
            read = b"".join(iter(lambda: raw.recv(65536), b""))
        assert [status for status, _, _ in answers(read)] == [200]

    def test_one_that_is_there_is_not(self, server: Server):
        sent = EVENTS + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n[]"
        assert [status for status, _, _ in answers(exchange(server, sent))] == [200]

    def test_without_a_body_there_is_nothing_to_ask_for(self, server: Server):
        sent = b"GET /healthz HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n"
        assert [status for status, _, _ in answers(exchange(server, sent))] == [200]

    def test_http_1_0_is_not_asked(self, server: Server):
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
            raw.sendall(b"POST /api/v1/events HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n[]")
            read = b"".join(iter(lambda: raw.recv(65536), b""))
        assert [status for status, _, _ in answers(read)] == [200]

    def test_one_that_is_too_large_is_not_asked_for(self, server: Server):
        sent = EVENTS + b"Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n"
        assert [status for status, _, _ in answers(exchange(server, sent))] == [413]
