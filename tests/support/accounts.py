"""Signing in as browsers do: cookies are kept, Origin and Content-Type are sent."""

import http.cookies
import itertools
import re
from typing import Any

from support.client import Answer
from support.server import Server
from support.wait import wait_until

PASSWORD = "correct horse battery staple"
COOKIE = "footfall_session"

numbers = itertools.count(1)


def fresh_address() -> str:
    """An address for X-Forwarded-For that no other test uses: delays are counted by address."""
    number = next(numbers)
    return f"198.18.{number // 250}.{number % 250 + 1}"


def printed(server: Server) -> str:
    """What this start of serve said on standard output. It is ready a moment before it says so."""
    said = server.log_path.with_suffix(".out")
    return wait_until(said.read_text, 20, f"{said} has something")


def token_in(text: str, path: str) -> str:
    found = re.search(rf"http://\S+/{path}#token=([\w-]+)", text)
    assert found, text
    return found[1]


class Browser:
    """One browser on an address of its own. `headers` of a request win over what it would send; None leaves one out."""

    def __init__(self, server: Server, scheme: str = "http"):
        self.server = server
        self.scheme = scheme
        self.address = fresh_address()
        self.cookies: dict[str, str] = {}

    def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str | None] | None = None
    ) -> Answer:
        sent: dict[str, str | None] = {"X-Forwarded-For": self.address}
        if self.scheme == "https":
            sent["X-Forwarded-Proto"] = "https"
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if method not in ("GET", "HEAD"):
            sent["Origin"] = f"{self.scheme}://127.0.0.1:{self.server.port}"
        if body is not None:
            sent["Content-Type"] = "application/json"
        sent |= headers or {}
        answer = self.server.request(
            method, path, body, {name: value for name, value in sent.items() if value is not None}
        )
        for line in answer.headers.get_all("Set-Cookie") or []:
            for name, morsel in http.cookies.SimpleCookie(line).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return answer

    def sign_in(self, email: str, password: str = PASSWORD) -> Answer:
        return self.request("POST", "/api/v1/session", {"email": email, "password": password})

    def is_signed_in(self) -> bool:
        status = self.request("GET", "/api/v1/session").status
        assert status in (200, 401), status
        return status == 200


class User:
    def __init__(self, server: Server, role: str):
        self.server = server
        self.role = role
        self.email = f"{role}-{next(numbers)}@team.example"
        server.command("user", "add", self.email, "--role", role, stdin=PASSWORD + "\n")

    def browser(self, scheme: str = "http") -> Browser:
        """A new one, signed in."""
        browser = Browser(self.server, scheme)
        answer = browser.sign_in(self.email)
        assert answer.status == 200, answer
        return browser
