"""Behind a balancer of connections: docs/operations.md. The header is written here by HAProxy's specification."""

import ipaddress
import pathlib
import socket
import struct
from typing import Any

import pytest

from support.accounts import PASSWORD
from support.client import FIREFOX
from support.events import pageview
from support.server import Server, Site, free_port, run_command
from support.tls import make_pair, trusting
from support.wait import wait_until

REQUIRED = ("--http.proxy_protocol", "required")
GET = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def v1(address: str) -> bytes:
    family = "TCP6" if ":" in address else "TCP4"
    return f"PROXY {family} {address} {'::1' if ':' in address else '192.0.2.1'} 56324 443\r\n".encode()


def v2(address: str, values: bytes = b"") -> bytes:
    source = ipaddress.ip_address(address)
    rest = source.packed + source.packed + struct.pack(">HH", 56324, 443) + values
    family = 0x11 if source.version == 4 else 0x21
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack(">BBH", 0x21, family, len(rest)) + rest


# PP2_TYPE_SSL: the client speaks TLS with the balancer.
SPEAKS_TLS = struct.pack(">BHBI", 0x20, 5, 1, 0)
LOCAL = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"


@pytest.fixture
def site(start_server: Any) -> Site:
    return start_server(*REQUIRED, before=LOCAL).add_site()


def send(site: Site, before: bytes, headers: dict[str, str] | None = None) -> None:
    server = site.server
    server.before, kept = before, server.before
    site.send(pageview(site.id), headers={"User-Agent": FIREFOX} | (headers or {}))
    server.before = kept


def read_after(port: int, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
        try:
            raw.sendall(sent)
            return b"".join(iter(lambda: raw.recv(65536), b""))
        except ConnectionError:
            return b""


class TestAddress:
    def test_visitors_are_told_apart_by_the_header_whatever_its_version(self, site: Site):
        for before in (v1("203.0.113.1"), v2("203.0.113.1"), v1("203.0.113.2"), v1("2001:db8::1"), v2("2001:db8::1")):
            send(site, before)
        site.wait_events(5)
        assert site.value("visitors") == 3

    def test_what_a_client_writes_into_its_request_is_not_believed(self, site: Site):
        for claimed in ("198.51.100.1", "198.51.100.2"):
            send(site, v1("203.0.113.1"), {"X-Forwarded-For": claimed})
            send(site, v2("203.0.113.1"), {"Forwarded": f"for={claimed}"})
        site.wait_events(4)
        assert site.value("visitors") == 1

    def test_a_trusted_proxy_before_the_balancer_is(self, site: Site):
        """The address of the header is a trusted one, here loopback."""
        for client in ("198.51.100.1", "198.51.100.2"):
            send(site, v2("127.0.0.9"), {"X-Forwarded-For": client})
        site.wait_events(2)
        assert site.value("visitors") == 2

    def test_a_balancer_that_ends_tls_says_so_itself(self, site: Site):
        server = site.server
        server.command("user", "add", "a@site.example", "--role", "owner", stdin=PASSWORD + "\n")
        account = {"email": "a@site.example", "password": PASSWORD}
        for before, scheme, is_secure in (
            (v2("203.0.113.1", SPEAKS_TLS), "https", True),
            (v2("203.0.113.1"), "http", False),
        ):
            server.before = before
            # What the client claims of itself is nothing.
            headers = {"Origin": f"{scheme}://127.0.0.1:{server.port}", "Content-Type": "application/json"}
            headers["X-Forwarded-Proto"] = "http" if is_secure else "https"
            answer = server.request("POST", "/api/v1/session", account, headers)
            assert answer.status in (200, 201), answer
            assert ("; Secure" in answer.headers["Set-Cookie"]) == is_secure, answer.headers["Set-Cookie"]


class TestWhoIsLetIn:
    def test_without_the_header_nobody_is(self, site: Site):
        port = site.server.port
        too_long = v2("203.0.113.1", b"\x04\xff\xff")
        for sent in (GET, b"PROXY TCP4 203.0.113.1\r\n" + GET, too_long + GET, b"\x16\x03\x01"):
            assert read_after(port, sent) == b"", sent
        assert site.server.metric("footfall_http_proxy_header_failures_total", reason="malformed") == 4
        assert "http.proxy_header_refused" in site.server.log()
        for before in (LOCAL, b"PROXY UNKNOWN\r\n", v1("203.0.113.1"), v2("203.0.113.1", SPEAKS_TLS)):
            assert read_after(port, before + GET).startswith(b"HTTP/1.1 200 "), before

    def test_a_header_of_a_stranger_is_not_believed(self, start_server: Any):
        server = start_server(*REQUIRED, "--http.trusted_proxies", "192.0.2.0/24", ready=False)

        def refused() -> bool:
            try:
                return read_after(server.port, v1("203.0.113.1") + GET) == b""
            except ConnectionRefusedError:
                return False

        wait_until(lambda: refused() and "is no trusted proxy" in server.log(), 30, "the stranger is refused")

    def test_switched_off_it_is_no_request(self, server: Server):
        assert read_after(server.port, v1("203.0.113.1") + GET).startswith(b"HTTP/1.1 400 ")

    def test_tls_begins_behind_it(self, folder: pathlib.Path, start_server: Any):
        pair = make_pair(folder / "tls", "balanced.example")
        port = free_port()
        files = ("--http.tls_certificate", str(pair.certificate), "--http.tls_key", str(pair.key))
        start_server(*REQUIRED, "--http.tls_listen", f"127.0.0.1:{port}", *files, before=LOCAL)
        with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
            raw.sendall(v2("203.0.113.1"))
            with trusting(pair).wrap_socket(raw, server_hostname="127.0.0.1") as tls:
                tls.sendall(GET)
                assert tls.recv(65536).startswith(b"HTTP/1.1 200 ")
        with pytest.raises(OSError), socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
            trusting(pair).wrap_socket(raw, server_hostname="127.0.0.1")


class TestSettings:
    def test_what_cannot_work_is_an_error(self, folder: pathlib.Path):
        listen = ("--listen", f"127.0.0.1:{free_port()}")
        for flags, said in (
            ((*REQUIRED, "--demo"), "leave http.proxy_protocol off with --demo"),
            ((*REQUIRED, "--http.trusted_proxies", ""), "name the balancer there"),
            (("--http.proxy_protocol", "on"), "must be one of off|required"),
        ):
            done = run_command("serve", *listen, *flags, data=folder / "data")
            assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1, done
            assert not (folder / "data").exists()
