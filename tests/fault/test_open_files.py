"""The limit on open files is less than http.connections_max needs: connections give way, never the log's files."""

import random
import socket
from typing import Any

from ledger import audit_row
from support.client import Client
from support.events import custom
from support.server import Server
from support.wait import wait_until

OPEN_FILES_MAX = 300


def ask(connection: socket.socket) -> bytes:
    """The head of the answer to a request on this connection, which is then kept."""
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    head = b""
    while b"\r\n\r\n" not in head:
        part = connection.recv(4096)
        assert part, "closed without an answer"
        head += part
    return head


def test_more_connections_than_open_files_are_turned_away_and_the_log_goes_on(start_server: Any, seed: int):
    server: Server = start_server(
        "--loader.interval_ms", "50", "--log.segment_bytes", str(1 << 20), open_files_max=OPEN_FILES_MAX
    )
    site = server.add_site()
    site.key("read")
    assert server.log().count("serve.connections_limited") == 1, "it is told, once"
    sender = Client(server.port)
    assert sender.request("GET", "/healthz").status == 200
    held: list[socket.socket] = []
    for _ in range(OPEN_FILES_MAX):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        head = ask(connection)
        if head.startswith(b"HTTP/1.1 200 "):
            held.append(connection)
        else:
            assert head.startswith(b"HTTP/1.1 503 ") and b"Retry-After: " in head, head
            connection.close()
    assert 30 <= len(held) <= OPEN_FILES_MAX - 256

    dice = random.Random(seed)

    def segments() -> int:
        return len(list((server.data / "log").glob("*.segment")))

    def event() -> dict[str, Any]:
        return custom(site.id, "load", properties={f"p{number}": dice.randbytes(90).hex() for number in range(4)})

    sent, before = 0, segments()
    while segments() < before + 4:
        events = [event() for _ in range(800)]
        answer = sender.request("POST", "/api/v1/events", events)
        assert answer.status == 200 and answer.json()["received"] == len(events), answer
        sent += len(events)
    assert server.process is not None and server.process.poll() is None
    for connection in held:
        connection.close()
    wait_until(lambda: server.request("GET", "/healthz").status == 200, 10, "there is room for connections again")
    site.wait_events(sent)
    assert audit_row(server, site)["stored"] == sent
