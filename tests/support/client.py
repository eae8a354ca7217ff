"""HTTP as clients speak it, on http.client: one request, one answer, nothing hidden."""

import http.client
import json
import ssl
import time
from typing import Any


# Without a browser's name an event would count as a bot's.
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"


class Answer:
    def __init__(self, status: int, headers: http.client.HTTPMessage, body: bytes):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self) -> Any:
        return json.loads(self.body)

    def __repr__(self) -> str:
        return f"Answer({self.status}, {self.body[:600]!r})"


class Client:
    """A connection that is kept open between requests. Not for several threads at once. `before`: what a balancer
    sends in front of the first one. `tls`: it is https, by whom that trusts."""

    def __init__(self, port: int, timeout_s: float = 30, before: bytes = b"", tls: ssl.SSLContext | None = None):
        self.port = port
        self.timeout_s = timeout_s
        self.before = before
        self.tls = tls
        self.connection: http.client.HTTPConnection | None = None
        self.sent_at = (
            0.0  # monotonic time at which the last request had been handed to the kernel in full; infinite until then
        )

    def request(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """`body`: bytes and text are sent as they are, everything else as JSON."""
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        if self.connection is None:
            self.connection = (
                http.client.HTTPSConnection("127.0.0.1", self.port, timeout=self.timeout_s, context=self.tls)
                if self.tls
                else http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout_s)
            )
            if self.before:
                self.connection.connect()
                self.connection.sock.sendall(self.before)
        self.sent_at = float("inf")
        try:
            self.connection.request(method, path, body, {"User-Agent": FIREFOX} | (headers or {}))
            self.sent_at = time.monotonic()
            response = self.connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        except BaseException:
            self.close()
            raise
        if response.will_close:
            self.close()
        return answer

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def request(
    port: int,
    method: str,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
    timeout_s: float = 30,
    before: bytes = b"",
) -> Answer:
    """One request on a connection of its own."""
    client = Client(port, timeout_s, before)
    try:
        return client.request(method, path, body, {"Connection": "close", **(headers or {})})
    finally:
        client.close()


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}
