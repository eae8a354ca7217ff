"""Certificates for tests, and HTTP over TLS by Python's ssl, which is OpenSSL: what browsers and curl do."""

import dataclasses
import http.client
import json
import pathlib
import shutil
import ssl
import subprocess
from typing import Any

from support.client import FIREFOX, Answer


@dataclasses.dataclass(frozen=True)
class Pair:
    certificate: pathlib.Path
    key: pathlib.Path

    def write_over(self, other: "Pair") -> None:
        """As a renewal does it: the files of `other` get what is in these, one after the other."""
        put_in_place(self.certificate, other.certificate)
        put_in_place(self.key, other.key)


def put_in_place(source: pathlib.Path, target: pathlib.Path) -> None:
    """The target is whole at every moment, as in a renewal: a copy into it is empty or half a file to whoever looks at it
    meanwhile, and the server does look by itself."""
    fresh = target.with_suffix(".new")
    shutil.copy(source, fresh)
    fresh.rename(target)


def make_pair(folder: pathlib.Path, name: str, days: int = 90) -> Pair:
    """A key, and a certificate for this machine that it signed for itself; `name` is its common name."""
    folder.mkdir(parents=True, exist_ok=True)
    pair = Pair(folder / f"{name}.crt", folder / f"{name}.key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        + ["-days", str(days), "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        + ["-keyout", str(pair.key), "-out", str(pair.certificate)],
        check=True,
        capture_output=True,
    )
    pair.key.chmod(0o600)
    return pair


def trusting(*pairs: Pair) -> ssl.SSLContext:
    """A client that believes in these certificates and in no other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for pair in pairs:
        context.load_verify_locations(pair.certificate)
    return context


class TlsClient:
    """A connection that is kept open between requests."""

    def __init__(self, port: int, context: ssl.SSLContext):
        self.port = port
        self.connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=context)
        self.connection.connect()

    def __enter__(self) -> "TlsClient":
        return self

    def __exit__(self, *_: Any) -> None:
        self.connection.close()

    @property
    def socket(self) -> ssl.SSLSocket:
        assert isinstance(self.connection.sock, ssl.SSLSocket)
        return self.connection.sock

    def subject(self) -> str:
        """The common name of the server's certificate."""
        certificate = self.socket.getpeercert()
        assert certificate
        return dict(field[0] for field in certificate["subject"])["commonName"]

    def request(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.connection.request(method, path, body, {"User-Agent": FIREFOX} | (headers or {}))
        response = self.connection.getresponse()
        return Answer(response.status, response.headers, response.read())
