"""https by the server itself: docs/operations.md, "TLS without a proxy"."""

import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

import pytest

from support.accounts import PASSWORD
from support.client import bearer
from support.events import pageview
from support.server import Server, free_port, run_command
from support.tls import Pair, TlsClient, make_pair, put_in_place, trusting
from support.wait import wait_until
from support.websocket import TEXT, WebSocket


class Https:
    """A server with TLS, and the pairs of files that a test may put in place of its own."""

    def __init__(self, folder: pathlib.Path, start: Callable[..., Server], *flags: str):
        self.first = make_pair(folder / "tls", "first.example")
        self.second = make_pair(folder / "tls", "second.example", days=40)
        self.installed = Pair(folder / "tls" / "fullchain.pem", folder / "tls" / "privkey.pem")
        shutil.copy(self.first.certificate, self.installed.certificate)
        shutil.copy(self.first.key, self.installed.key)
        self.port = free_port()
        self.context = trusting(self.first, self.second)
        self.server = start(*self.flags(), *flags)

    def flags(self) -> list[str]:
        return [
            *("--http.tls_listen", f"127.0.0.1:{self.port}"),
            *("--http.tls_certificate", str(self.installed.certificate)),
            *("--http.tls_key", str(self.installed.key)),
        ]

    def client(self, context: ssl.SSLContext | None = None) -> TlsClient:
        return TlsClient(self.port, context or self.context)

    def subject(self) -> str:
        with self.client() as client:
            return client.subject()


@pytest.fixture
def https(folder: pathlib.Path, start_server: Callable[..., Server]) -> Https:
    return Https(folder, start_server)


class TestHandshake:
    def test_tls_1_2_and_1_3_are_spoken_and_http_1_1_is_named(self, https: Https):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = trusting(https.first)
            context.minimum_version = context.maximum_version = version
            context.set_alpn_protocols(["h2", "http/1.1"])
            with https.client(context) as client:
                assert client.socket.version() == version.name.replace("_", ".")
                assert client.socket.selected_alpn_protocol() == "http/1.1"
                assert client.socket.compression() is None
                assert client.request("GET", "/healthz").status == 200
                assert client.request("GET", "/readyz").status == 200

    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    def test_older_versions_are_refused(self, https: Https):
        context = trusting(https.first)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(ssl.SSLError):
            https.client(context)
        wait_until(
            lambda: https.server.metric("footfall_http_tls_handshake_failures_total") == 1, 10, "the failure is counted"
        )

    def test_an_open_connection_ends_in_order_with_the_server(self, https: Https):
        with https.client() as client:
            assert client.request("GET", "/healthz").status == 200
            assert https.server.terminate() == 0
            # Without the server's close_notify this raises.
            client.socket.suppress_ragged_eofs = False
            assert client.socket.recv(1) == b""


class TestWhatIsServed:
    def test_the_plain_listener_stays(self, https: Https):
        assert https.server.request("GET", "/healthz").status == 200

    def test_serve_says_where_it_is(self, https: Https):
        said = https.server.log_path.with_suffix(".out")
        line = f"and on https://127.0.0.1:{https.port}\n"
        wait_until(lambda: line in said.read_text(), 20, "serve names the address")

    def test_cookies_over_tls_are_secure_and_the_page_may_write(self, https: Https):
        """Also where the proxy in front says nothing, or that its client speaks http."""
        https.server.command("user", "add", "a@site.example", "--role", "owner", stdin=PASSWORD + "\n")
        account = {"email": "a@site.example", "password": PASSWORD}
        with https.client() as client:
            origin = {"Origin": f"https://127.0.0.1:{https.port}", "Content-Type": "application/json"}
            signed_in = client.request("POST", "/api/v1/session", account, origin)
            assert signed_in.status in (200, 201), signed_in
            cookie = signed_in.headers["Set-Cookie"]
            assert cookie.startswith("__Host-footfall") and "; Secure" in cookie, cookie
            kept = {"Cookie": cookie.partition(";")[0]}
            assert client.request("GET", "/api/v1/session", headers=kept).status == 200
            refused = client.request("POST", "/api/v1/session", account, origin | {"Origin": "http://127.0.0.1"})
            assert refused.status == 403, refused
            # What a trusted proxy says of its client goes before how it speaks itself; loopback is one.
            forwarded = {"Origin": f"http://127.0.0.1:{https.port}", "X-Forwarded-Proto": "http"}
            by_proxy = client.request("POST", "/api/v1/session", account, origin | forwarded)
            assert by_proxy.status in (200, 201) and "Secure" not in by_proxy.headers["Set-Cookie"], by_proxy

    def test_a_body_of_nearly_1_mib_is_taken_whole(self, https: Https):
        site = https.server.add_site()
        events = [pageview(site.id, title="t" * 600) for _ in range(1000)]
        with https.client() as client:
            answer = client.request("POST", "/api/v1/events", events)
            assert answer.status == 200 and answer.json()["received"] == 1000, answer
            # And one too large is answered early, without the connection being cut under the answer.
            too_large = client.request("POST", "/api/v1/events", b"[" + b" " * (1 << 20) + b"]")
            assert too_large.status == 413, too_large
        site.wait_events(1000)

    def test_large_answers_reach_their_reader_whole(self, https: Https):
        with https.client() as client:
            script = re.search(rb"/assets/[^\"']+\.js", client.request("GET", "/").body)
            assert script
            plain = https.server.request("GET", script[0].decode())
            assert len(plain.body) > 2 * 16_384  # several records
            assert client.request("GET", script[0].decode()).body == plain.body

    def test_the_live_socket_works(self, https: Https):
        site = https.server.add_site()
        path = f"/api/v1/live?website_id={site.id}"
        with WebSocket(https.port, path, bearer(site.key("read")), tls=https.context) as live:
            assert live.json()["type"] == "snapshot"
            site.send(pageview(site.id))
            wait_until(lambda: sum(m["pageviews"] for m in live.json()["minutes"]) == 1, 10, "the event is told")
            live.send(TEXT, b"ignored")


class TestStrictTransportSecurity:
    @staticmethod
    def said(https: Https, path: str) -> str | None:
        with https.client() as client:
            return client.request("GET", path).headers["Strict-Transport-Security"]

    def test_is_not_said_unless_asked_for(self, https: Https):
        assert self.said(https, "/") is None

    def test_is_said_with_every_answer_over_tls_and_with_none_without(self, folder: pathlib.Path, start_server: Callable[..., Server]):
        https = Https(folder, start_server, "--http.hsts_seconds", "31536000")
        for path in ("/", "/footfall.js", "/healthz", "/nothing-here"):
            assert self.said(https, path) == "max-age=31536000", path
            assert https.server.request("GET", path).headers["Strict-Transport-Security"] is None, path


class TestWhatIsNoTls:
    def test_plain_http_is_answered_400(self, https: Https):
        with socket.create_connection(("127.0.0.1", https.port), timeout=20) as raw:
            raw.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b"".join(iter(lambda: raw.recv(4096), b""))
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n") and b"use https://" in answer, answer
        assert https.server.metric("footfall_http_tls_handshake_failures_total") == 1

    def test_garbage_is_cut_and_counted(self, https: Https):
        for garbage in (b"SSH-2.0-x\r\n", os.urandom(2000), b"\x16\x03\x01\xff\xff" + b"\0" * 70_000):
            with socket.create_connection(("127.0.0.1", https.port), timeout=20) as raw:
                try:
                    raw.sendall(garbage)
                    raw.shutdown(socket.SHUT_WR)
                    answer = b"".join(iter(lambda: raw.recv(4096), b""))
                except ConnectionError:
                    continue
            assert b"HTTP" not in answer, answer
        wait_until(
            lambda: https.server.metric("footfall_http_tls_handshake_failures_total") == 3, 10, "all three are counted"
        )
        assert https.subject() == "first.example"

    def test_a_slow_handshake_has_the_time_of_a_header(self, https: Https):
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", https.port), timeout=20) as raw:
            raw.sendall(b"\x16\x03\x01\x02\x00\x01")
            assert raw.recv(1) == b""
        assert time.monotonic() - began > 4
        assert https.server.metric("footfall_http_timeouts_total") == 1


class TestRenewal:
    def test_new_files_are_taken_by_themselves(self, https: Https):
        with https.client() as before:
            assert before.subject() == "first.example"
            https.second.write_over(https.installed)

            def is_shown() -> bool:
                # Who was there stays. It has to speak meanwhile: who says nothing has the 5 s of a header, and the server
                # looks at the files every 5 s.
                assert before.request("GET", "/healthz").status == 200
                return https.subject() == "second.example"

            wait_until(is_shown, 30, "the new certificate is shown")
            assert before.request("GET", "/healthz").status == 200
        left = https.server.metric("footfall_tls_certificate_expires_seconds") - time.time()
        assert 39 < left / 86400 < 41

    def test_a_pair_that_does_not_fit_is_refused_and_said_once(self, https: Https):
        put_in_place(https.second.key, https.installed.key)
        wait_until(lambda: "tls.certificate_refused" in https.server.log(), 30, "the log says so")
        assert "does not belong" in https.server.log()
        assert https.subject() == "first.example"
        doctor = run_command("doctor", data=https.server.data)
        assert doctor.returncode == 1 and "does not belong" in doctor.stdout, doctor
        put_in_place(https.first.key, https.installed.key)
        wait_until(lambda: https.server.log().count("tls.certificate_loaded") == 2, 30, "the mended pair is taken")
        assert https.server.log().count("tls.certificate_refused") == 1
        assert https.subject() == "first.example"

    def test_sighup_reads_them_again_at_once_and_ends_nothing(self, https: Https):
        loaded = https.server.log().count("tls.certificate_loaded")
        os.kill(https.server.pid, signal.SIGHUP)
        wait_until(lambda: https.server.log().count("tls.certificate_loaded") > loaded, 30, "they are read")
        assert https.subject() == "first.example"
        assert https.server.terminate() == 0


class TestStart:
    def test_a_pair_that_cannot_be_used_is_an_error_in_one_sentence(self, folder: pathlib.Path):
        one = make_pair(folder / "tls", "one.example")
        other = make_pair(folder / "tls", "other.example")
        listen = ["--listen", f"127.0.0.1:{free_port()}", "--http.tls_listen", f"127.0.0.1:{free_port()}"]
        for files, said in (
            (["--http.tls_certificate", str(one.certificate), "--http.tls_key", str(other.key)], "does not belong"),
            (["--http.tls_certificate", str(one.key), "--http.tls_key", str(one.key)], "is no certificate"),
            (["--http.tls_certificate", str(one.certificate)], "set http.tls_key too"),
            (["--http.tls_certificate", "/nowhere", "--http.tls_key", str(one.key)], "http.tls_certificate"),
        ):
            done = run_command("serve", *listen, *files, data=folder / "data")
            assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1, done
            assert not (folder / "data").exists()

    def test_a_port_in_use_names_the_setting(self, https: Https, folder: pathlib.Path):
        listen = ["--listen", f"127.0.0.1:{free_port()}"]
        done = run_command("serve", *listen, *https.flags(), data=folder / "other")
        assert done.returncode == 1 and "choose another with http.tls_listen" in done.stderr, done

    def test_a_doctor_warns_of_the_end_and_of_an_open_key(self, folder: pathlib.Path):
        pair = make_pair(folder / "tls", "ending.example", days=10)
        pair.key.chmod(0o644)
        flags = ["--http.tls_listen", "127.0.0.1:0", "--http.tls_certificate", str(pair.certificate)]
        flags += ["--http.tls_key", str(pair.key)]
        done = run_command("doctor", *flags, data=folder / "data")
        assert done.returncode == 1, done
        # Ten within the second in which it was made.
        assert re.search(r"\b(9|10) days from now", done.stdout) and "renew it" in done.stdout, done
        assert "everybody on this machine can read the key" in done.stdout and "chmod o-rwx" in done.stdout, done


def test_https_settings_are_read_from_the_environment(folder: pathlib.Path, start_server: Any):
    pair = make_pair(folder / "tls", "environment.example")
    port = free_port()
    start_server(
        env={
            "FOOTFALL_HTTP_TLS_LISTEN": f"127.0.0.1:{port}",
            "FOOTFALL_HTTP_TLS_CERTIFICATE": str(pair.certificate),
            "FOOTFALL_HTTP_TLS_KEY": str(pair.key),
        }
    )
    with TlsClient(port, trusting(pair)) as client:
        assert client.request("GET", "/healthz").status == 200
