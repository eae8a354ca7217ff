"""A WebSocket client (RFC 6455) that shares no code with the server: text frames, whole messages, closes with their code."""

import base64
import hashlib
import json
import os
import socket
import ssl
import struct
import time
from typing import Any

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Refused(Exception):
    """The handshake was answered otherwise."""

    def __init__(self, status: int, body: bytes):
        super().__init__(f"{status} {body!r}")
        self.status = status
        self.body = body


class Closed(Exception):
    """The server has closed; `code` is 1006 where it said none."""

    def __init__(self, code: int, reason: str):
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class WebSocket:
    def __init__(
        self,
        port: int,
        path: str,
        headers: dict[str, str] | None = None,
        receive_buffer: int | None = None,
        tls: ssl.SSLContext | None = None,
    ):
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", port))
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self.read = b""
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}",
            *(f"{name}: {value}" for name, value in (headers or {}).items()),
        ]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.read:
            self._receive()
        head, _, self.read = self.read.partition(b"\r\n\r\n")
        status = int(head.split()[1])
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        if status != 101:
            while len(self.read) < int(fields.get(b"content-length", b"0")):
                self._receive()
            self.socket.close()
            raise Refused(status, self.read)
        accept = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest())
        assert fields[b"sec-websocket-accept"] == accept.lower()

    def __enter__(self) -> "WebSocket":
        return self

    def __exit__(self, *_: Any) -> None:
        self.socket.close()

    def _receive(self) -> None:
        got = self.socket.recv(65536)
        if not got:
            raise Closed(1006, "the connection is at its end")
        self.read += got

    def _take(self, size: int) -> bytes:
        while len(self.read) < size:
            self._receive()
        taken, self.read = self.read[:size], self.read[size:]
        return taken

    def send(self, opcode: int, payload: bytes) -> None:
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        length = len(payload)
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | (length if length < 126 else 126 if length < 65536 else 127))
        if length >= 65536:
            head += struct.pack("!Q", length)
        elif length >= 126:
            head += struct.pack("!H", length)
        self.socket.sendall(head + mask + masked)

    def message(self, limit_s: float = 20) -> str:
        """The next text. Pings are answered on the way; Closed where the server closes, TimeoutError where none comes."""
        deadline = time.monotonic() + limit_s
        while True:
            self.socket.settimeout(max(0.001, deadline - time.monotonic()))
            opening, length = self._take(2)
            assert opening & 0x80 and not length & 0x80, "whole and unmasked"
            if length == 126:
                (length,) = struct.unpack("!H", self._take(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", self._take(8))
            payload = self._take(length)
            opcode = opening & 15
            if opcode == TEXT:
                return payload.decode()
            if opcode == PING:
                self.send(PONG, payload)
            elif opcode == CLOSE:
                code = struct.unpack("!H", payload[:2])[0] if payload else 1006
                self.send(CLOSE, payload[:2])
                raise Closed(code, payload[2:].decode())

    def json(self, limit_s: float = 20) -> Any:
        return json.loads(self.message(limit_s))

    def closed(self, limit_s: float = 20) -> Closed:
        """Reads until the server closes, and how it does."""
        deadline = time.monotonic() + limit_s
        while True:
            try:
                self.message(deadline - time.monotonic())
            except Closed as end:
                return end
